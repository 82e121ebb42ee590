"""A plug-in that is broken is named with its package, its version and the reason, and the chain takes over."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import typer
from trio.testing import MockClock

from actors.protocols import Delta, TextDelta
from harry.cli import doctor_checks
from harry.cli.app import app
from harry.cli.options import Call
from harry.config.loading import load_config
from harry.engines import registry
from harry.errors import EngineUnavailable
from harry.host.engine_loading import Candidate, Chain, load_engines
from harry.services import engine_list
from harry.session.actor_registry import load_actors
from harry.tools.functions import load_plugin_tools
from tests.mind.test_relay import ASKED, Mind, relay
from tests.support.plugin_folder import ENGINE, install

MODULE = (
    ENGINE
    + """
class Voice(Base):
    rate = 16_000

    async def speak(self, text, emit):
        await emit(Chunk(bytes(20), 16_000, (Word(text, 10),)))

class RaisesAtLoad(Voice):
    @classmethod
    def load(cls, name, settings):
        raise RuntimeError("no\\nlicence")

class Leaves(Voice):
    @classmethod
    def load(cls, name, settings):
        raise SystemExit(3)

class SaysWhy(Voice):
    @classmethod
    def load(cls, name, settings):
        raise EngineUnavailable("The dongle is missing.", remedy="Plug it in.")

class WithoutSettings(Voice):
    Settings = None

class WithoutLoad(Voice):
    load = None

class WithoutSpeech(Base):
    rate = 16_000

class WithoutRate(Voice):
    rate = "16 kHz"

class LoadsNothing(Voice):
    @classmethod
    def load(cls, name, settings):
        return None

NUMBER = 7
"""
)

BROKEN = {
    "strange-import": ("strange_import:Voice", "RuntimeError: no licence"),
    "strange-exit": ("strange_exit:Voice", "SystemExit: 3"),
    "strange-syntax": ("strange_syntax:Voice", "SyntaxError"),
    "strange-name": ("strange_name:Voice", "cannot import name 'Chunks' from 'harry.plugin'"),
    "no-module": ("strange_missing:Voice", "there is no module 'strange_missing'"),
    "no-class": ("strange_voice:Missing", "AttributeError"),
    "number": ("strange_voice:NUMBER", "its `Settings` is no subclass of EngineSettings"),
    "without-settings": ("strange_voice:WithoutSettings", "its `Settings` is no subclass of EngineSettings"),
    "without-load": ("strange_voice:WithoutLoad", "it has no `load(name, settings)`"),
    "without-speech": ("strange_voice:WithoutSpeech", "it has no method `speak`"),
}
"""What can be seen before anything is built."""

BROKEN_AT_LOAD = {
    "raises-at-load": ("strange_voice:RaisesAtLoad", "RuntimeError: no licence"),
    "leaves": ("strange_voice:Leaves", "SystemExit: 3"),
    "without-rate": ("strange_voice:WithoutRate", "its `rate` is no number of samples a second"),
    "loads-nothing": ("strange_voice:LoadsNothing", "what its `load` returned has no method `speak`"),
}

ALL = {**BROKEN, **BROKEN_AT_LOAD}


@pytest.fixture(autouse=True)
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    named = {kind: where for kind, (where, _) in ALL.items()}
    folder = install(
        tmp_path / "plugins",
        {
            "harry.text_to_speech": {
                **named,
                "well": "strange_voice:Voice",
                "says-why": "strange_voice:SaysWhy",
                "needs": "strange_needs:Voice",
                "piper": "strange_voice:Voice",
            },
            "harry.actors": {"retriever.sly": "strange_import:retrieve", "speaker.none": "strange_voice:NUMBER"},
            "harry.tools": {"lamp": "strange_exit:lamp"},
        },
        {
            "strange_voice.py": MODULE,
            "strange_import.py": "raise RuntimeError('no licence')\n",
            "strange_exit.py": "import sys\nsys.exit(3)\n",
            "strange_syntax.py": "class Voice\n",
            "strange_name.py": "from harry.plugin import Chunks\n",
            "strange_needs.py": "import surely_not_installed\n",
        },
    )
    monkeypatch.syspath_prepend(str(folder))
    for name in [name for name in sys.modules if name.startswith("strange_")]:
        monkeypatch.delitem(sys.modules, name)
    return folder


@pytest.mark.parametrize("kind", ALL)
def test_an_engine_that_is_broken_is_named_with_its_package_version_and_reason(kind: str) -> None:
    with pytest.raises(EngineUnavailable) as told:
        registry.load_engine("text_to_speech", kind, {})
    assert told.value.message.startswith(f"The engine {kind!r} broke while it was loaded: {ALL[kind][1]}")
    assert told.value.message.endswith("(package strange 1.0).")
    assert "choose another" in told.value.remedy


@pytest.mark.parametrize("kind", ALL)
async def test_the_chain_takes_over_from_an_engine_that_is_broken(kind: str) -> None:
    chain = Chain("text_to_speech", (Candidate(kind), Candidate("well")))
    engines = await load_engines([chain])
    assert engines.text_to_speech is not None
    assert engines.text_to_speech.engine.name == "well"
    [note] = engines.notes
    assert ALL[kind][1] in note
    assert "strange 1.0" in note


def test_a_package_that_is_missing_is_told_with_who_needs_it() -> None:
    with pytest.raises(EngineUnavailable, match=r"not installed \(surely_not_installed\)\. .*\(package strange 1\.0\)"):
        registry.find_engine_class("text_to_speech", "needs")


def test_no_plug_in_takes_the_name_of_an_engine_of_harrys_own() -> None:
    assert registry.find_engine_class("text_to_speech", "piper").__module__ == "harry.voice.piper"


def told_by_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *sets: str) -> list[doctor_checks.Finding]:
    class Report:
        devices: tuple[()] = ()
        problems = ("None.",)

    async def describe() -> Report:
        return Report()

    monkeypatch.setattr(doctor_checks, "describe_devices", describe)
    wanted = ("engines.language_model=scripted", *sets)
    return doctor_checks.examine(load_config(None, wanted, {"HARRY_HOME": str(tmp_path / "home")}))


def test_the_doctor_names_every_plug_in_that_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = told_by_doctor(tmp_path, monkeypatch)
    told = {finding.subject: finding for finding in findings if finding.subject.startswith("plug-in ")}
    assert set(told) == {f"plug-in {name}" for name in [*BROKEN, "needs", "sly", "none", "lamp"]}
    for name, finding in told.items():
        assert finding.state == "warning", name
        assert "strange 1.0" in f"{finding.found} {finding.remedy}", name
    assert "RuntimeError: no licence" in told["plug-in sly"].found
    assert not doctor_checks.prevents_start(findings)


def test_the_doctor_names_the_package_of_a_chosen_engine_that_says_itself_why_it_cannot_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = told_by_doctor(tmp_path, monkeypatch, 'engines.text_to_speech=["says-why", "well"]')
    [found] = [finding.found for finding in findings if "dongle" in finding.found] or [""]
    assert found in ("", "says-why: The dongle is missing. (package strange 1.0)")  # only `--deep` builds it


def test_an_actor_that_is_chosen_and_broken_prevents_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = told_by_doctor(tmp_path, monkeypatch, "actors.retriever=sly")
    [found] = [finding for finding in findings if finding.subject == "plug-in sly"]
    assert found.state == "problem"
    assert found.remedy == "Correct or remove actors.retriever."
    with pytest.raises(EngineUnavailable, match=r"The retriever 'sly' broke .*no licence \(package strange 1\.0\)"):
        load_actors({"retriever": "sly"})
    with pytest.raises(EngineUnavailable, match="cannot be called"):
        load_actors({"speaker": "none"})


def test_a_tool_that_asks_for_the_end_of_the_process_is_left_out() -> None:
    assert load_plugin_tools() == []


def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: str) -> str:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("harry.log_setup.configure", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        typer.main.get_command(app)(["engines", *args], obj=Call(), prog_name="harry")
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_harry_engines_tells_every_role_and_what_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = 'engines.text_to_speech=["raises-at-load", "no-class", "well", "silent"]'
    out = listed(tmp_path, monkeypatch, capsys, "--json", "--set", chain, "--set", "engines.language_model=scripted")
    told: dict[str, Any] = json.loads(out)
    assert told["running"] is False
    assert {*registry.ROLES, "retriever", "soc_writer", "tools"} <= set(told["roles"])
    voices = {entry["name"]: entry for entry in told["roles"]["text_to_speech"]}
    assert [name for name, entry in voices.items() if entry["serves"]] == ["raises-at-load"]  # it is not built
    assert voices["no-class"]["use"] == "fallback"
    assert "no attribute 'Missing'" in voices["no-class"]["trouble"]
    assert voices["well"]["package"] == {"name": "strange", "version": "1.0", "licence": "Zlib"}
    assert (voices["well"]["built_in"], voices["silent"]["built_in"]) == (False, True)
    assert voices["scripted"]["use"] == "free"
    [lamp] = told["roles"]["tools"]
    assert "SystemExit: 3 (package strange 1.0)" in lamp["trouble"]


def test_what_breaks_only_while_it_is_loaded_is_found_by_loading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], strangers: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(strangers))
    chain = 'engines.text_to_speech=["raises-at-load", "well"]'
    others = ("engines.language_model=scripted", "engines.speech_to_text=scripted", "engines.voice_activity=energy")
    out = listed(
        tmp_path,
        monkeypatch,
        capsys,
        "--deep",
        "--json",
        *(part for key in (chain, *others) for part in ("--set", key)),
    )
    voices = {entry["name"]: entry for entry in json.loads(out)["roles"]["text_to_speech"]}
    assert "RuntimeError: no licence (package strange 1.0)" in voices["raises-at-load"]["trouble"]
    assert [name for name, entry in voices.items() if entry["serves"]] == ["well"]


def test_harry_engines_tells_languages_licences_and_what_needs_to_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = listed(tmp_path, monkeypatch, capsys, "--set", "engines.language_model=scripted")
    lines = {line[4:].split()[0]: line for line in out.splitlines() if line.startswith("  ")}
    assert "! without-speech" in lines["without-speech"]
    assert "strange 1.0 (Zlib)" in lines["well"]
    assert "engine.gguf.path is not set" in lines["gguf"]
    assert "!" not in lines["gguf"]


async def test_a_plug_in_that_hangs_while_it_is_imported_is_told(
    monkeypatch: pytest.MonkeyPatch, strangers: Path
) -> None:
    released = threading.Event()
    monkeypatch.setattr(engine_list, "LOOK_SECONDS", 0.05)
    try:
        error = await engine_list.trouble_with(released.wait)
    finally:
        released.set()
    assert error is not None
    assert "not imported within" in error.message


async def test_a_mind_that_raises_what_it_may_not_is_followed_by_the_next(autojump_clock: MockClock) -> None:
    said: list[str] = []

    async def take(delta: Delta) -> None:
        if isinstance(delta, TextDelta):
            said.append(delta.text)

    told: list[str] = []
    chain = relay(Mind("broken", "One two ", ValueError("something private")), Mind("well", "One two three."))
    chain.tell = lambda message, recovered: told.append(message)
    await chain.reply(ASKED, take)
    assert "".join(said) == "One two three."
    assert told == ["broken broke while it answered (ValueError). well answers instead."]


async def test_what_the_listener_of_a_reply_raises_is_no_fault_of_the_mind(autojump_clock: MockClock) -> None:
    async def take(delta: Delta) -> None:
        raise RuntimeError("the stage broke")

    second = Mind("second", "Two.")
    with pytest.raises(RuntimeError, match="the stage broke"):
        await relay(Mind("first", "One."), second).reply(ASKED, take)
    assert second.asked == []
