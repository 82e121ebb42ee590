"""What cannot be undone is asked first, where there is a terminal to ask at; scripts go on as they did."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def harry(home: Path, *call: str, answer: str | None) -> tuple[int, str]:
    """Run a command, at a terminal on which `answer` is typed, or without one."""
    env = {**os.environ, "HARRY_HOME": str(home), "TERM": "dumb"}
    command = [sys.executable, "-m", "harry.cli.app", *call]
    if answer is None:
        done = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr
    ours, theirs = os.openpty()
    with subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        said = b""
        try:
            while more := os.read(ours, 4096):
                said += more
        except OSError:
            pass  # the other end is closed: the command has ended
        os.close(ours)
    return process.returncode, said.decode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert harry(tmp_path, "memory", "add", "My sister lives in Oslo.", answer=None)[0] == 0
    return tmp_path


def kept(home: Path) -> bool:
    return "Oslo" in harry(home, "memory", "export", answer=None)[1]


def test_erasing_is_asked_first(home: Path) -> None:
    call = ("erase", "--user", "you")
    code, said = harry(home, *call, answer="n")
    assert code == 1
    assert "Erase everything of 'you' for good" in said
    assert "Nothing was changed." in said
    assert kept(home)
    assert harry(home, *call, answer="y")[0] == 0
    assert not kept(home)


def test_putting_a_backup_back_is_asked_first(home: Path, tmp_path: Path) -> None:
    backup = str(tmp_path / "backup.sqlite3")
    assert harry(home, "backup", backup, answer=None)[0] == 0
    assert harry(home, "erase", "--user", "you", answer=None)[0] == 0
    code, said = harry(home, "restore", backup, answer="")
    assert (code, "in the place of everything that is kept in" in said.replace("\r\n", "")) == (1, True)
    assert not kept(home)
    code, said = harry(home, "restore", backup, "--yes", answer="n")
    assert (code, "?" in said) == (0, False)
    assert kept(home)


def test_nothing_is_asked_where_nobody_is_known_or_nothing_is_there(home: Path) -> None:
    code, said = harry(home, "erase", "--user", "me", answer="y")
    assert (code, "Erase everything" in said) == (2, False)
    code, said = harry(home, "restore", "/no/such/file", answer="y")
    assert (code, "[y/N]" in said) == (2, False)
