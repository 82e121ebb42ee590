"""`harry swap` on a Harry who really runs: exit 0 once the newcomer serves, else one sentence and all as before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import HARRY, environment
from tests.support.plugin_folder import ENGINE, install

CALL = (
    "run", "--mic", "none", "--speaker", "none", "--events", "/dev/stderr", "--set", "web.port=0",
    "--set", "engines.language_model=scripted", "--set", "engines.text_to_speech=scripted",
    "--set", "engines.speech_to_text=scripted", "--set", "engines.voice_activity=energy",
)  # fmt: skip

MIND = (
    ENGINE
    + """
class Mind(Base):
    async def reply(self, request, emit):
        await emit(TextDelta("I am the first version."))

class Broken(Base):
    async def reply(self, request, emit):
        raise ValueError("something private")

class WithoutKey(Mind):
    @classmethod
    def load(cls, name, settings):
        raise EngineUnavailable("The key is missing.", remedy="Set it.")

class Told(Base):
    class Settings(EngineSettings):
        word: str = "nothing"

    @classmethod
    def load(cls, name, settings):
        made = cls(name)
        made.word = settings.word
        return made

    async def reply(self, request, emit):
        await emit(TextDelta(f"My word is {self.word}."))
"""
)
POINTS = {
    "harry.language_model": {
        "mine": "strange_minds:Mind",
        "broken": "strange_minds:Broken",
        "keyless": "strange_minds:WithoutKey",
        "told": "strange_minds:Told",
    }
}


class Running:
    """A Harry who runs, with a folder of plug-ins."""

    def __init__(self, home: Path, plugins: Path) -> None:
        self.home = home
        self.plugins = plugins
        self.environment = {**environment(home), "PYTHONPATH": str(plugins)}
        self.process = subprocess.Popen(
            [*HARRY, *CALL], env=self.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        self.until("door")

    def until(self, name: str) -> Any:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("{") and (event := json.loads(line))["event"] == name:
                return event
        raise AssertionError(f"he ended before any {name}")

    def type(self, line: str) -> str:
        """Say something and return what is heard of the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return str(self.until("heard")["text"])

    def harry(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*HARRY, *arguments], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    def serving(self, role: str) -> str:
        roles = json.loads(self.harry("engines", "--json").stdout)
        assert roles["running"] is True
        [name] = [entry["name"] for entry in roles["roles"][role] if entry["serves"]]
        return str(name)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    plugins = install(tmp_path_factory.mktemp("plugins"), POINTS, {"strange_minds.py": MIND})
    made = Running(tmp_path_factory.mktemp("home"), plugins)
    yield made
    made.process.send_signal(signal.SIGTERM)
    made.process.communicate(timeout=30)


def refused(done: subprocess.CompletedProcess[str], *says: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("harry: ")
    for words in says:
        assert words in line


def test_a_mind_is_replaced_while_he_converses(running: Running) -> None:
    assert running.type("talk to me") == "I heard you."
    done = running.harry("swap", "mind", "mine")
    assert (done.returncode, done.stderr) == (0, "")
    assert "mine serves from the next turn on: a stranger" in " ".join(done.stdout.split())
    assert running.serving("language_model") == "mine"
    assert running.type("talk to me") == "I am the first version."


@pytest.mark.parametrize(
    ("role", "name"),
    [("voice", "silent"), ("ear", "scripted"), ("voice_activity", "energy"), ("text_to_speech", "scripted")],
)
def test_engines_of_other_roles_are_replaced(role: str, name: str, running: Running) -> None:
    assert running.harry("swap", role, name).returncode == 0
    assert running.type("talk to me")


def test_the_newcomer_has_the_table_that_the_command_was_given(running: Running) -> None:
    assert running.harry("swap", "mind", "told", "--set", "engine.told.word=cabbage").returncode == 0
    assert running.type("talk to me") == "My word is cabbage."


@pytest.mark.parametrize(
    ("role", "name", "says"),
    [
        ("mind", "keyless", ("The key is missing. Set it.",)),
        ("mind", "broken", ("broken broke when it was tried (ValueError)",)),
        ("mind", "brokn", ("There is no language model engine 'brokn'", "'broken'")),
        ("brain", "mine", ("There is no role 'brain'",)),
        ("listener", "harry", ("The listener is chosen when Harry starts",)),
        ("turn_detector", "turn-words", ("Harry runs without turn detector",)),
        ("retriever", "sly", ("there is no retriever 'sly'",)),
    ],
)
def test_who_cannot_serve_changes_nothing_and_is_told_in_a_sentence(
    role: str, name: str, says: tuple[str, ...], running: Running
) -> None:
    before = running.type("talk to me")
    refused(running.harry("swap", role, name), *says)
    assert running.type("talk to me") == before


def test_one_that_was_installed_after_he_had_started_can_be_chosen(running: Running) -> None:
    late = (
        ENGINE
        + '\nclass Mind(Base):\n    async def reply(self, request, emit):\n        await emit(TextDelta("Late."))\n'
    )
    install(
        running.plugins, {"harry.language_model": {"late": "late_mind:Mind"}}, {"late_mind.py": late}, package="late"
    )
    assert running.harry("swap", "mind", "late").returncode == 0
    assert running.type("talk to me") == "Late."


def test_one_that_was_upgraded_on_disk_needs_a_restart(running: Running) -> None:
    assert running.harry("swap", "mind", "mine").returncode == 0
    install(running.plugins, POINTS, {"strange_minds.py": MIND.replace("first", "second")}, version="1.1")
    refused(
        running.harry("swap", "mind", "mine"), "strange 1.0 is loaded, and 1.1 is installed by now. Start Harry again"
    )
    refused(running.harry("swap", "mind", "told"), "strange 1.0 is loaded")
    install(running.plugins, POINTS, {"strange_minds.py": MIND})
    os.utime(running.plugins / "strange_minds.py", (1, 1))
    refused(running.harry("swap", "mind", "mine"), "strange was changed on disk after Harry had loaded it")
    assert running.type("talk to me") == "I am the first version."


def test_where_no_harry_runs_it_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        [*HARRY, "swap", "voice", "silent"], env=environment(tmp_path), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    refused(done, "No Harry runs")
