"""What is typed or piped into a running Harry, from the outside: order, ends, and a terminal that goes away."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import trio

CALL = (
    *(sys.executable, "-m", "harry.cli.app", "run", "--mic", "none", "--speaker", "none"),
    *("--set", "web.enabled=false", "--set", "engines.language_model=scripted", "--set", "thinker.enabled=false"),
    *("--set", "engines.text_to_speech=silent", "--set", "engine.scripted.token_delay=0.02"),
)


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HARRY_")}
    return {**kept, "HARRY_HOME": str(home), "HARRY_WELFARE__AI_NOTICE_HOURS": "0", "TERM": "xterm"}


def events_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def test_piped_lines_are_answered_one_after_the_other(tmp_path: Path) -> None:
    replies = tmp_path / "replies.txt"
    replies.write_text("The first answer, of several words.\nThe second answer.\nThe third answer.\n", "utf-8")
    events = tmp_path / "events.jsonl"
    done = subprocess.run(
        [*CALL, "--set", f"engine.scripted.replies={replies}", "--events", str(events), "--until-quiet", "0.5"],
        input="Tell me about keys.\nAnd about doors?\n\nAnd about windows?",
        env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith(("  you: ", "Harry: "))]
    assert said == [
        "  you: Tell me about keys.",
        "Harry: The first answer, of several words.",
        "  you: And about doors?",
        "Harry: The second answer.",
        "  you: And about windows?",
        "Harry: The third answer.",
    ]
    assert not [event for event in events_of(events) if event["event"] == "interrupted"]


async def test_a_terminal_that_goes_away_ends_harry_in_order(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    events = tmp_path / "events.jsonl"
    process = await trio.lowlevel.open_process(
        [sys.executable, "-c", _CONTROLLED, *CALL, "--events", str(events)],
        stdin=follower, stdout=follower, stderr=follower, env=environment(tmp_path),
    )  # fmt: skip
    os.close(follower)
    shown = bytearray()
    with trio.fail_after(60):
        while b"ready" not in shown:
            await trio.lowlevel.wait_readable(leader)
            shown += os.read(leader, 4096)
        os.write(leader, b"Hello.\r")
        while b"Harry: " not in shown:
            await trio.lowlevel.wait_readable(leader)
            shown += os.read(leader, 4096)
        os.close(leader)
        assert await process.wait() == 0
    assert events_of(events)[-1]["event"] == "turn_ended"


_CONTROLLED = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal its own, as a shell's window is, and becomes the rest of its arguments."""
