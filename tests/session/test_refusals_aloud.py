"""A wrong key, no credit, an unknown model: said aloud in one plain sentence, with a log line, without a secret."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.support.chat_server import KEY, failing, serving


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "does not accept the key"), (402, "no credit left"), (404, "does not know the model"), (429, "too often")],
)
async def test_a_refusal_is_said_aloud_and_logged_without_a_secret(status: int, sentence: str, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    body = json.dumps({"error": {"message": f"{KEY} is wrong"}}).encode()
    async with serving(failing(status, body)) as (server, _):
        call = [
            sys.executable,
            "-m",
            "harry.cli.app",
            "run",
            "--mic",
            "none",
            "--speaker",
            "none",
            "--until-quiet",
            "1",
        ]
        call += ["--events", str(events), "--set", "engines.language_model=far", "--set", "engine.far.kind=openai-chat"]
        call += ["--set", "engines.text_to_speech=silent", "--set", "engine.far.model=some/model"]
        call += ["--set", f"engine.far.base_url={server.url}", "--set", f"engine.far.api_key={KEY}"]
        with trio.fail_after(60):
            done = await trio.run_process(
                call,
                stdin=b"Tell me something private.\n",
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                env={"HARRY_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            )
    assert isinstance(done, subprocess.CompletedProcess)
    log = done.stderr.decode()
    told = _read(events)
    said = "".join(event["text"] for event in told if event["event"] == "reply")
    assert said.startswith("Sorry, I could not answer.")
    assert sentence in said
    assert sentence in log
    for text in (said, log, done.stdout.decode(), json.dumps(told)):
        assert KEY not in text
    assert "private" not in log


def _read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
