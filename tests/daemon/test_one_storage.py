"""A running Harry opens his store once: one connection writes, two read, whoever asks for what."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

HARRY = [sys.executable, "-m", "harry.cli.app"]


def open_descriptors(process: int, file: Path) -> int:
    """Count the descriptors that a process holds of a file."""
    return sum(link.resolve() == file for link in Path(f"/proc/{process}/fd").iterdir() if link.exists())


def test_a_running_harry_holds_at_most_one_writing_and_two_reading_connections(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    command = [
        *HARRY, "run", "--mic", "none", "--speaker", "none", "--events", "/dev/stderr", "--set", "web.port=0",
        "--set", "engines.language_model=scripted", "--set", "engines.text_to_speech=scripted",
    ]  # fmt: skip
    environment = {**os.environ, "HARRY_HOME": str(tmp_path / "home")}
    with events.open("wb") as stderr:
        running = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)  # fmt: skip
        assert running.stdin is not None
        assert running.stderr is not None
        try:
            # A turn has all of them open their connections: history, memory, lore, reminders, the writer.
            running.stdin.write(b"What do you remember about the sea?\n")
            running.stdin.flush()
            for line in running.stderr:
                stderr.write(line)
                if line.startswith(b"{") and json.loads(line)["event"] == "turn_ended":
                    break
            store = (tmp_path / "home" / "harry.sqlite3").resolve()
            assert store.exists()
            assert 1 <= open_descriptors(running.pid, store) <= 3
        finally:
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=30)
