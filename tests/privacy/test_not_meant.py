"""Speech that is not meant for Harry is understood, and reaches no log, store or file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import harry.demo

QUESTION = Path(harry.demo.__file__).parent / "question.wav"


def overheard(folder: Path, window: int) -> tuple[dict[str, Any], str]:
    """Let Harry hear the question, meant for him within the window of attention; the final transcript, and the log."""
    folder.mkdir()
    events = folder / "events.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "harry.cli.app", "--debug", "run", "--mic", f"wav:{QUESTION}", "--speaker", "none",
         "--events", str(events), "--until-quiet", "1", "--set", f"turn.attention_window={window}",
         "--set", "engines.language_model=scripted"],
        env={**os.environ, "HARRY_HOME": str(folder / "home")},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in events.read_text("utf-8").splitlines()]
    [final] = [each for each in told if each["event"] == "transcript" and not each["partial"]]
    return final, done.stderr


def holding(folder: Path, word: str) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()}


@pytest.mark.embedded
@pytest.mark.timeout(240)
def test_what_is_not_said_to_harry_is_written_down_nowhere(tmp_path: Path) -> None:
    meant, log = overheard(tmp_path / "meant", 30)
    assert meant["meant"]
    word = max(meant["text"].split(), key=len).strip(".,?!")
    assert len(word) >= 5
    assert word not in log
    assert "events.jsonl" in holding(tmp_path / "meant", word)  # so it would be seen

    other, log = overheard(tmp_path / "other", 0)
    assert (other["meant"], other["text"]) == (False, "")
    assert word not in log
    assert holding(tmp_path / "other", word) == set()
