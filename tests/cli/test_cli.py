"""The command line as a person or a program meets it: words, exit codes, and what is printed where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harry.cli import app as cli
from harry.cli import exit_codes
from harry.config.loading import RunOptions
from harry.errors import ConfigurationError, EngineError, FolderInUse, HarryError

HARRY = [sys.executable, "-m", "harry.cli.app"]


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HARRY_")}
    return {**kept, "HARRY_HOME": str(home)}


def harry(home: Path, *arguments: str, given: str | bytes = b"") -> subprocess.CompletedProcess[str]:
    data = given.encode() if isinstance(given, str) else given
    done = subprocess.run(
        [*HARRY, *arguments], input=data, env=environment(home), capture_output=True, timeout=60, check=False
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


# Help and mistakes


def test_help_names_every_command_and_imports_nothing_heavy(tmp_path: Path) -> None:
    assert harry(tmp_path, "--help").returncode == 0
    for command in ("run", "ask", "soc", "doctor", "bench", "demo"):
        assert command in harry(tmp_path, "--help").stdout
    heavy = ("numpy", "httpx", "pygame", "sounddevice", "trio", "pydantic", "structlog", "rich")
    code = f"""
import sys
sys.argv = ["harry", "--help"]
import harry.cli.app
try:
    harry.cli.app.main()
except SystemExit as ended:
    assert ended.code == 0
found = [name for name in {heavy!r} if name in sys.modules]
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_version_is_printed(tmp_path: Path) -> None:
    done = harry(tmp_path, "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "harry")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "frobnicate"),
        (["run", "--mic"], "--mic"),
        (["run", "--until-quiet", "nan"], "seconds"),
        (["run", "--until-quiet", "-1"], "seconds"),
        (["ask"], "TEXT"),
        (["ask", "  "], "nothing to ask"),
        (["bench", "nothing"], "nothing"),
        (["bench", "turn", "--n", "0"], "--n"),
        (["soc", "31.12."], "31.12."),
        (["soc", "2026-02-30"], "2026-02-30"),
        (["soc", "tomorrow", "--json"], "such as 20"),
        (["soc", "--set", "turn.pre_rol=1"], "Did you mean 'pre_roll'?"),
        (["soc", "write", "--set", "memory.store=memory"], "nothing is kept"),
        (["soc", "--set", "memory.store=memory"], "nothing is kept"),
        (["--config", "/nowhere/harry.toml", "soc"], "/nowhere/harry.toml"),
    ],
)
def test_a_wrong_call_ends_with_two_and_a_sentence_and_no_traceback(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = harry(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


# The stream of consciousness


def test_what_is_written_is_numbered_and_can_be_read(tmp_path: Path) -> None:
    before = datetime.now().astimezone()
    done = harry(tmp_path, "soc", "write", given="one\n\n  \ntwo\r\nthree without an end")
    assert (done.returncode, done.stdout) == (0, "1\n2\n3\n")
    assert harry(tmp_path, "soc", "write", given="four\n").stdout == "4\n"
    read = harry(tmp_path, "soc", "--json")
    entries = [json.loads(line) for line in read.stdout.splitlines()]
    assert [(entry["sequence"], entry["text"]) for entry in entries] == [
        (1, "one"),
        (2, "two"),
        (3, "three without an end"),
        (4, "four"),
    ]
    for entry in entries:
        at = datetime.fromisoformat(entry["at"])
        assert at.utcoffset() is not None
        assert before <= at <= datetime.now().astimezone()


def test_a_day_is_asked_for_by_name_or_date(tmp_path: Path) -> None:
    # Midnight may fall between any two of these commands; the dates are those of the entry itself.
    harry(tmp_path, "soc", "write", given="now\n")
    entries = [json.loads(line) for line in harry(tmp_path, "soc", "--json").stdout.splitlines()]
    day = datetime.fromisoformat(entries[0]["at"]).date() if entries else None
    assert day is not None
    assert "now" in harry(tmp_path, "soc", day.isoformat()).stdout
    assert harry(tmp_path, "soc", (day - timedelta(days=1)).isoformat()).stdout == "No thoughts on that day.\n"
    assert harry(tmp_path, "soc", "yesterday", "--json").stdout == ""


def test_a_number_is_printed_as_soon_as_its_line_is_kept_and_not_at_the_end(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*HARRY, "soc", "write"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(tmp_path), bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2, 3):
            process.stdin.write(b"a line\n")
            assert process.stdout.readline() == b"%d\n" % number
            # It is durable: another process reads it while this one still runs.
            assert len(harry(tmp_path, "soc", "--json").stdout.splitlines()) == number
        process.stdin.close()
        assert process.wait(30) == 0


def test_many_lines_at_once_are_all_kept_in_order(tmp_path: Path) -> None:
    done = harry(tmp_path, "soc", "write", given="".join(f"line {number}\n" for number in range(3000)))
    assert done.stdout.split() == [str(number) for number in range(1, 3001)]
    texts = [json.loads(line)["text"] for line in harry(tmp_path, "soc", "--json").stdout.splitlines()]
    assert texts == [f"line {number}" for number in range(3000)]


def test_bytes_that_are_no_text_are_kept_as_well_as_they_can_be(tmp_path: Path) -> None:
    assert harry(tmp_path, "soc", "write", given=b"a\xffb\n\x1b[2Jc\n").stdout == "1\n2\n"
    lines = harry(tmp_path, "soc").stdout.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == ["a\ufffdb", "[2Jc"]


def test_reading_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "new"
    done = harry(home, "soc")
    assert (done.returncode, done.stdout, done.stderr) == (0, "No thoughts on that day.\n", "")
    assert not home.exists()


def test_a_folder_that_cannot_be_made_is_a_failure_at_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = harry(tmp_path / "file", "soc", "write", given="one\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is a file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_ends_the_command_quietly(tmp_path: Path) -> None:
    harry(tmp_path, "soc", "write", given="line\n" * 3000)
    with subprocess.Popen(
        [*HARRY, "soc", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path)
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 1


# The other commands, with the rooms behind them replaced


class Rooms:
    """What the commands called, and with what."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("HARRY_HOME", str(home))
        for name in [name for name in os.environ if name.startswith("HARRY_") and name != "HARRY_HOME"]:
            monkeypatch.delenv(name)
        monkeypatch.setattr("harry.log_setup.configure", lambda *_: None)

    def put(self, module: str, name: str, function: Callable[..., Any]) -> None:
        fake = type(sys)(module)
        setattr(fake, name, function)
        self._monkeypatch.setitem(sys.modules, module, fake)
        self._monkeypatch.setattr(module, fake, raising=False)


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rooms:
    return Rooms(monkeypatch, tmp_path)


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["harry", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_run_hands_on_what_it_was_told(monkeypatch: pytest.MonkeyPatch, rooms: Rooms, tmp_path: Path) -> None:
    def run(config: Any, options: Any, reread: Any) -> int:
        assert reread().turn.pre_roll == config.turn.pre_roll
        rooms.calls.append((config.turn.pre_roll, options))
        return 0

    rooms.put("harry.daemon.run", "run", run)
    assert ended(monkeypatch, "run") == 0
    told = [
        "--mic",
        "wav:a.wav",
        "--speaker",
        "none",
        "--events",
        "e",
        "--until-quiet",
        "2",
        "--set",
        "turn.pre_roll=1",
    ]
    assert ended(monkeypatch, "run", *told) == 0
    assert rooms.calls == [
        (0.8, RunOptions(door=True)),
        (1.0, RunOptions("wav:a.wav", "none", Path("e"), 2.0, door=True)),
    ]


def test_ask_prints_the_reply_as_it_comes_and_ends_the_line(
    monkeypatch: pytest.MonkeyPatch, rooms: Rooms, capsys: pytest.CaptureFixture[str]
) -> None:
    printed_by_then = []

    async def ask(_config: Any, text: str, write: Callable[[str], None], *, by_person: bool) -> None:
        assert not by_person
        write(f"You said {text!r}")
        printed_by_then.append(capsys.readouterr().out)
        write(".")

    rooms.put("harry.services.ask", "ask", ask)
    assert ended(monkeypatch, "ask", "hello") == 0
    assert printed_by_then == ["You said 'hello'"]
    assert capsys.readouterr().out == ".\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (EngineError("It hung.", remedy="Restart it."), 1, "harry: It hung. Restart it.\n"),
        (ConfigurationError("No such thing."), 2, "harry: No such thing.\n"),
        (ExceptionGroup("", [ExceptionGroup("", [FolderInUse("In use.")])]), 1, "harry: In use.\n"),
        (ExceptionGroup("", [EngineError("One."), ConfigurationError("Two.")]), 2, "harry: One.\nharry: Two.\n"),
        (ExceptionGroup("", [EngineError("Same."), EngineError("Same.")]), 1, "harry: Same.\n"),
        (
            KeyError("what was said"),
            1,
            "harry: Something in Harry failed: KeyError. To see where, run again with --debug.\n",
        ),
        (BaseExceptionGroup("", [KeyboardInterrupt()]), 130, ""),
        (KeyboardInterrupt(), 130, ""),
        (ExceptionGroup("", [BrokenPipeError()]), 1, ""),
    ],
)
def test_every_error_ends_as_a_sentence_and_a_code(
    monkeypatch: pytest.MonkeyPatch,
    rooms: Rooms,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    said: str,
) -> None:
    def run(_config: Any, _options: Any, _reread: Any) -> int:
        raise error

    rooms.put("harry.daemon.run", "run", run)
    assert ended(monkeypatch, "run") == code
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("error", [EngineError("It hung."), ZeroDivisionError("1/0")])
def test_with_debug_the_place_is_shown(
    monkeypatch: pytest.MonkeyPatch, rooms: Rooms, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def run(_config: Any, _options: Any, _reread: Any) -> int:
        raise error

    rooms.put("harry.daemon.run", "run", run)
    assert ended(monkeypatch, "--debug", "run") == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "raise error" in shown
    assert "run again" not in shown


def test_the_benches_and_the_demo_are_called(monkeypatch: pytest.MonkeyPatch, rooms: Rooms, tmp_path: Path) -> None:
    def bench(name: str, *, n: int | None, as_json: bool) -> None:
        rooms.calls.append((name, n, as_json))

    def demo(_config: Any, out: Path) -> int:
        rooms.calls.append((out,))
        return 1

    rooms.put("harry.bench", "run", bench)
    rooms.put("harry.demo", "run", demo)
    assert ended(monkeypatch, "bench", "barge-in", "--n", "5", "--json") == 0
    assert ended(monkeypatch, "bench", "turn") == 0
    assert ended(monkeypatch, "demo", "--out", str(tmp_path)) == 1
    assert rooms.calls == [("barge-in", 5, True), ("turn", None, False), (tmp_path,)]


def test_a_group_s_worst_code_counts() -> None:
    group = ExceptionGroup("", [HarryError("a"), ExceptionGroup("", [ConfigurationError("b")])])
    assert exit_codes.explain(group)[1] == 2
