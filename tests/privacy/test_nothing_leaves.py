"""Every command, and Harry with all his engines at work: nothing is looked up or connected to, nothing lies about.

Each runs with a fresh home and without a network, under strace, which sees the native libraries too. The commands share
a process, as most of the time goes into starting one.
"""

from __future__ import annotations

import re
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from harry.cli.app import app
from tests.privacy.watched import Watched, harry, watched

COMMANDS: dict[str, list[str]] = {
    "ask": ["What can you do?"],
    "status": [],
    "hush": [],
    "say": ["The washing machine is done."],
    "mute": [],
    "unmute": [],
    "rest": [],
    "wake": [],
    "press": [],
    "release": [],
    "stop": [],
    "swap": ["voice", "piper"],
    "reload": [],
    "engines": [],
    "new-plugin": ["my-voice", "--role", "text_to_speech"],
    "service unit": [],
    "soc show": [],
    "soc write": [],
    "lore add": ["The keep is old.", "--key", "keep"],
    "lore list": [],
    "lore import": ["lore.json"],
    "lore export": ["notes", "--out", "out.json"],
    "lore enable": ["1"],
    "lore disable": ["1"],
    "lore test": ["What of the keep?"],
    "lore delete": ["1"],
    "prompt show": ["hello"],
    "memory import": ["book.md", "--kind", "book"],
    "memory add": ["My sister lives in Oslo.", "--id", "a"],
    "memory search": ["sister"],
    "memory show": ["a"],
    "memory export": [],
    "memory stats": [],
    "memory delete": ["a"],
    "export": ["--format", "jsonl", "--out", "past.jsonl"],
    "import file": ["past.jsonl"],
    "import list": [],
    "import undo": ["1"],
    "memory forget-day": ["2020-02-02", "--yes"],
    "models list": [],
    "models remove": ["qwen2.5-0.5b"],
    "egress": [],
    "budget": [],
    "token": [],
    "token list": [],
    "token revoke": ["--user", "you"],
    "token page": [],
    "page": [],
    "reminders list": [],
    "reminders cancel": ["1"],
    "backup": ["backup.sqlite3"],
    "restore": ["backup.sqlite3", "--yes"],
    "salvage": ["--yes"],
    "erase": ["--user", "you", "--yes"],
    "persona import": ["card.json"],
    "persona list": [],
    "persona show": ["ada"],
    "persona export": ["ada", "--out", "back.json"],
    "persona use": ["ada"],
}
"""Every command but the benches, in an order in which each finds something to do."""

NOBODY = {"status", "hush", "say", "mute", "unmute", "rest", "wake", "press", "release", "stop", "swap", "reload"}
"""They reach a Harry who runs; there is none."""

REFUSED = {"models remove", "reminders cancel", "import undo"} | NOBODY
"""These find nothing here; they say so and leave with an error."""


BENCHES = {
    "memory": ["--rows", "1000"],
    "sessions": ["--n", "1", "--seconds", "2"],
    "door": ["--n", "1", "--seconds", "2"],
    "realtime": ["--n", "1", "--seconds", "2"],
    "voice": ["--n", "1"],
    "soak": ["--hours", "0.002", "--speed", "20"],
}
"""The others take `--n 1`."""

SERVICE = {f"service {each}" for each in ("install", "uninstall", "start", "stop", "status", "logs")}
"""These are systemd's own commands, tried where there is one."""

APART = {"run", "setup", "doctor", "models pull", "demo"}
"""The first is tried with all engines, the second, which is there to reach out, under local_only; the demo takes half a
minute by the clock."""


class Home:
    """A home of its own, and the folder in which commands are called."""

    def __init__(self, base: Path) -> None:
        self.home, self.here = base / "home", base / "here"
        self.home.mkdir()
        self.here.mkdir()
        self.own = (self.home / ".local/share/harry", self.home / ".config/harry", self.here)
        self._trace = base / "trace"
        (self.here / "lore.json").write_text('{"entries": {"0": {"uid": 0, "key": ["gate"], "content": "Shut."}}}')
        (self.here / "card.json").write_text(
            '{"spec": "chara_card_v2", "spec_version": "2.0", "data": {"name": "Ada", "description": "Kind."}}'
        )
        (self.here / "book.md").write_text("# Book\n\nThe keep is old.\n")
        with wave.open(str(self.here / "silence.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(bytes(64_000))

    def harry(self, *call: str, stdin: str = "", **variables: str) -> Watched:
        return harry(*call, home=self.home, here=self.here, trace=self._trace, stdin=stdin, **variables)

    def harrys(self, *calls: list[str]) -> tuple[list[int], Watched]:
        """Run several commands in one process; gives the exit code of each."""
        done = self.python(
            "import json, sys\n"
            "from harry.cli.app import main\n"
            f"for call in {list(calls)!r}:\n"
            "    sys.argv = ['harry', *call]\n"
            "    try: main()\n"
            "    except SystemExit as ended: print('\\nended', json.dumps(ended.code or 0))"
        )
        return [int(each) for each in re.findall(r"^ended (\d+)$", done.out, re.MULTILINE)], done

    def python(self, code: str) -> Watched:
        return watched(sys.executable, "-c", code, home=self.home, here=self.here, trace=self._trace)

    def files(self) -> list[Path]:
        """The files in the home that are not Harry's."""
        return [path for path in self.home.rglob("*") if path.is_file() and not any(map(path.is_relative_to, self.own))]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def leaves(command: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that does something, by its words."""
    inner = getattr(command, "commands", None)
    if inner is None or getattr(command, "invoke_without_command", False):
        yield " ".join(path)
    for name, each in (inner or {}).items():
        yield from leaves(each, (*path, name))


def assert_quiet(home: Home, done: Watched) -> None:
    assert done.reached == []
    assert done.written_beside(*home.own) == []
    assert home.files() == []


def test_every_command_is_tried_here() -> None:
    known = {each for each in leaves(typer.main.get_command(app)) if not each.startswith("bench ")}
    assert known == COMMANDS.keys() | APART | SERVICE


def test_the_watch_sees_a_look_up_a_connection_and_a_file(home: Home) -> None:
    done = home.python(
        "import socket, pathlib\n"
        "try: socket.getaddrinfo('example.org', 80)\n"
        "except OSError: pass\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "try: s.sendto(b'x', ('192.0.2.1', 9))\n"
        "except OSError: pass\n"
        "pathlib.Path.home().joinpath('.cache/else').mkdir(parents=True)\n"
        "pathlib.Path.home().joinpath('.cache/else/file').write_text('x')"
    )
    assert done.code == 0, done.err
    assert "192.0.2.1:9" in done.reached
    assert any(each.endswith(":53") or "/" in each for each in done.reached)
    assert home.home / ".cache/else/file" in done.written_beside(*home.own)


def test_the_ear_s_library_reports_as_soon_as_it_is_imported_unless_harry_was_first(home: Home) -> None:
    alone = home.python("import onnxruntime")
    assert any("Microsoft" in str(path) for path in alone.written), "it is quiet by now: this test shows nothing more"
    done = home.python("import harry, onnxruntime, os; print(os.environ['ORT_DISABLE_TELEMETRY'])")
    assert done.out == "1\n"
    assert not any("Microsoft" in str(path) for path in done.written)


@pytest.mark.embedded
def test_every_command_leaves_nothing_about(home: Home) -> None:
    codes, done = home.harrys(*([*name.split(), *arguments] for name, arguments in COMMANDS.items()))
    assert len(codes) == len(COMMANDS), done
    assert {name for name, code in zip(COMMANDS, codes, strict=True) if code} == REFUSED, done
    assert_quiet(home, done)


@pytest.mark.parametrize("command", ["doctor", "setup"])
def test_looking_for_sound_cards_leaves_nothing_about(home: Home, command: str) -> None:
    # In processes of their own: the threads of PulseAudio's client outlive the command that called for them.
    done = home.harry(command, stdin="Ann\n")
    assert done.code == 0
    assert_quiet(home, done)


@pytest.mark.embedded
@pytest.mark.parametrize("limits", [[], ["--set", "local_only=true"]], ids=["as-it-is", "local-only"])
def test_harry_with_all_his_engines_reaches_nobody(home: Home, limits: list[str]) -> None:
    call = ["run", "--mic", "wav:silence.wav", "--speaker", "wav:out.wav", "--until-quiet", "3"]
    engines = ["engines.turn_detector=turn-words", 'attention.wake_phrase="hello harry"', "web.port=0"]
    sets = [word for each in engines for word in ("--set", each)]
    done = home.harry(
        *call, *sets, *limits, stdin="Remember that my sister lives in Oslo.\n", HARRY_WEB__ENABLED="true"
    )
    assert done.code == 0, done.err
    assert_quiet(home, done)


@pytest.mark.embedded
def test_loading_every_engine_reaches_nobody(home: Home) -> None:
    assert_quiet(home, home.harry("doctor", "--deep"))


def test_a_model_that_is_wanted_is_not_looked_for_under_local_only(home: Home) -> None:
    done = home.harry("models", "pull", "qwen2.5-0.5b", "--set", "local_only=true")
    assert done.code == 1
    assert_quiet(home, done)


@pytest.mark.acceptance
def test_the_demo_leaves_nothing_about(home: Home) -> None:
    done = home.harry("demo", "--out", "demo")
    assert done.code == 0, done.err
    assert_quiet(home, done)


@pytest.mark.acceptance
@pytest.mark.parametrize("name", sorted(typer.main.get_command(app).commands["bench"].commands))  # type: ignore[attr-defined]
def test_a_bench_leaves_nothing_about(home: Home, name: str) -> None:
    done = home.harry("bench", name, *BENCHES.get(name, ["--n", "1"]))
    assert done.code == 0, done.err
    assert_quiet(home, done)
