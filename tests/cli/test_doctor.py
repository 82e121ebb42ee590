"""The doctor: what he finds, what he calls a problem, and that he touches nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

from harry.cli import doctor_checks as doctor
from harry.cli.doctor_checks import Finding, as_json, as_text, device, examine, prevents_start, processor
from harry.cli.engine_trial import trouble_of
from harry.config.loading import load_config
from harry.errors import ConfigurationError, EngineUnavailable, HarryError
from harry.host.engine_loading import Candidate, Chain
from harry.memory.store.connection import connect


@pytest.fixture(autouse=True)
def no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is plugged into the machine that runs the tests is none of theirs."""

    class Report:
        devices: tuple[()] = ()
        problems = ("PortAudio is not installed.",)

    async def describe() -> Report:
        return Report()

    async def chains(_: object) -> list[Chain]:
        return []

    monkeypatch.setattr(doctor, "describe_devices", describe)
    monkeypatch.setattr(doctor, "chains", chains)


def of(findings: list[Finding], subject: str) -> Finding:
    return next(finding for finding in findings if finding.subject == subject)


def looked_at(home: Path, *sets: str) -> list[Finding]:
    return examine(load_config(None, sets, {"HARRY_HOME": str(home)}))


def test_looking_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "new"
    assert of(looked_at(home), "data folder") == Finding("data folder", "ok", f"{home} is new.")
    assert not home.exists()


def test_a_folder_that_cannot_be_made_is_a_problem_with_a_way_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = of(looked_at(tmp_path / "file" / "home"), "data folder")
    assert found.state == "problem"
    assert "is a file" in found.found
    assert "HARRY_HOME" in found.remedy


def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere, so the kernel is not asked.
    monkeypatch.setattr("harry.cli.doctor_checks.os.access", lambda *_: False)
    assert of(looked_at(tmp_path), "data folder").state == "problem"


def test_a_folder_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert "can be read by others" in of(looked_at(tmp_path), "data folder").found
    tmp_path.chmod(0o700)
    assert of(looked_at(tmp_path), "data folder").state == "ok"


def test_a_file_with_a_secret_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "harry.toml"
    file.write_text('[engine.openrouter]\napi_key = "sk-abcdefghijkl"')
    file.chmod(0o644)
    findings = looked_at(tmp_path)
    assert of(findings, "configuration").state == "warning"
    assert "sk-abcdefghijkl" not in as_text(findings) + as_json(findings)
    file.chmod(0o600)
    assert of(looked_at(tmp_path), "configuration").state == "ok"


def test_little_room_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1_000_000

    monkeypatch.setattr("harry.cli.doctor_checks.shutil.disk_usage", lambda _: Usage)
    assert of(looked_at(tmp_path), "disk") == Finding(
        "disk", "warning", "1 MB are free.", "Make room, or nothing more can be kept."
    )


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 4096

    monkeypatch.setattr("harry.cli.doctor_checks.shutil.disk_usage", lambda _: Usage)
    assert of(looked_at(tmp_path), "disk").state == "problem"


def a_store(folder: Path) -> sqlite3.Connection:
    return connect(folder / "harry.sqlite3", patience=1, writing=True)


def test_a_store_that_is_whole_and_can_be_written_is_well(tmp_path: Path) -> None:
    a_store(tmp_path).close()
    assert of(looked_at(tmp_path), "store") == Finding("store", "ok", "Whole.")


@pytest.mark.parametrize("how", ["locked", "damaged", "newer", "no database"])
def test_a_store_that_keeps_nothing_more_is_a_problem_with_a_way_on(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harry.memory.store.integrity.PATIENCE", 0.05)
    path = tmp_path / "harry.sqlite3"
    connection = a_store(tmp_path)
    if how == "locked":
        connection.execute("BEGIN EXCLUSIVE")
    elif how == "newer":
        connection.execute("PRAGMA user_version = 99")
    connection.execute("SELECT 1") if how == "locked" else connection.close()
    if how == "damaged":
        content = bytearray(path.read_bytes())
        content[2 * 4096 : 3 * 4096] = b"\x55" * 4096
        path.write_bytes(content)
    elif how == "no database":
        path.write_bytes(b"words " * 1000)
    found = of(looked_at(tmp_path), "store")
    connection.close()
    assert found.state == "problem"
    assert found.remedy
    assert prevents_start([found])


@pytest.mark.parametrize(
    ("machine", "flags", "state"),
    [
        ("x86_64", {"sse2", "avx2"}, "ok"),
        ("x86_64", {"sse2"}, "warning"),
        ("x86_64", None, "ok"),
        ("aarch64", set(), "ok"),
    ],
)
def test_a_processor_without_avx2_is_a_warning(machine: str, flags: set[str] | None, state: str) -> None:
    assert processor(machine, flags, 2).state == state


@pytest.mark.parametrize(
    ("wanted", "names", "state"),
    [
        ("default", ["USB Mic"], "ok"),
        ("default", [], "warning"),
        ("none", [], "ok"),
        ("usb", ["USB Mic"], "ok"),
        ("USB Mik", ["USB Mic"], "problem"),
        ("USB Mic", [], "problem"),
        (["USB Mik", "default"], ["USB Mic"], "ok"),
        (["USB Mik", "default"], [], "warning"),
        ("wav:/nowhere/at/all.wav", [], "problem"),
        (f"wav:{__file__}", [], "ok"),
    ],
)
def test_a_single_device_that_was_named_must_exist(wanted: str | list[str], names: list[str], state: str) -> None:
    found = device("microphone", wanted, names)
    assert found.state == state
    assert found.state == "ok" or found.remedy


def test_what_keeps_the_sound_libraries_from_working_is_said(tmp_path: Path) -> None:
    assert of(looked_at(tmp_path), "sound") == Finding("sound", "warning", "PortAudio is not installed.")


# Engines


def chain_of(role: str, named: bool = False, **engines: HarryError | None) -> list[Finding]:
    async def attempt(_role: str, name: str, _table: Any) -> HarryError | None:
        await trio.lowlevel.checkpoint()
        return engines[name]

    chain = Chain(role, tuple(Candidate(name, {}, "it is there") for name in engines), named)
    return trio.run(doctor._chain, chain, attempt)


UNAVAILABLE = EngineUnavailable("No key.", remedy="Set one.")


def test_the_first_that_can_serve_is_named_and_why_not_those_before_it() -> None:
    findings = chain_of("language_model", far=UNAVAILABLE, near=None, spare=None)
    assert findings == [
        Finding("language model", "warning", "far: No key.", "Set one."),
        Finding("language model", "ok", "near will be used: it is there."),
        Finding("language model", "ok", "spare is the fallback."),
    ]
    assert not prevents_start(findings)


def test_a_named_engine_that_cannot_serve_prevents_a_start() -> None:
    assert prevents_start(chain_of("text_to_speech", named=True, piper=UNAVAILABLE))


def test_an_engine_that_does_not_exist_prevents_a_start_even_in_a_list() -> None:
    unknown = ConfigurationError("There is no such engine.")
    assert prevents_start(chain_of("text_to_speech", pipr=unknown, silent=None))


def test_no_language_model_at_all_is_a_plain_fact_and_no_problem() -> None:
    findings = chain_of("language_model", far=UNAVAILABLE, none=None)
    said = "No language model: what needs none is answered."
    assert [(finding.state, finding.found) for finding in findings[1:]] == [("ok", said)]
    assert not prevents_start(findings)
    assert [each.found for each in chain_of("language_model", near=None, none=None)] == [
        "near will be used: it is there."
    ]


def test_without_a_mind_there_is_no_start_but_without_a_voice_there_is() -> None:
    assert prevents_start(chain_of("language_model", a=UNAVAILABLE, b=UNAVAILABLE))
    assert not prevents_start(chain_of("text_to_speech", a=UNAVAILABLE, b=UNAVAILABLE))


STRANGE = """
import ctypes, os, signal
from harry.engines.registry import EngineSettings

class Strange:
    class Settings(EngineSettings):
        how: str = ""

    @staticmethod
    def load(name, settings):
        print("a library talks")
        if settings.how == "hangs":
            ctypes.PyDLL(None).sleep(1000)  # with the interpreter's lock, so that nothing else runs
        if settings.how == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        if settings.how == "breaks":
            raise RuntimeError("?!")
        if settings.how == "lacks":
            return object()
        from harry.testing.engines import ScriptedSettings, ScriptedVoice
        return ScriptedVoice(name, ScriptedSettings())
"""


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A strange engine, as installed, for the processes of a test."""
    info = tmp_path / "plugins/strange-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harry.text_to_speech]\nstrange = strange_voice:Strange\n")
    (tmp_path / "plugins/strange_voice.py").write_text(STRANGE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "plugins"))


@pytest.mark.usefixtures("strange")
@pytest.mark.parametrize(
    ("how", "found"),
    [
        ("", None),
        ("breaks", "RuntimeError: ?! (package strange 1.0)"),
        ("lacks", "no method `speak` (package strange 1.0)"),
        ("crashes", "It crashed while it was loaded (signal 11)."),
    ],
)
async def test_an_engine_is_loaded_where_it_can_break_nothing(how: str, found: str | None) -> None:
    trouble = await trouble_of("text_to_speech", "strange", {"how": how}, local_only=False)
    assert (trouble is None) == (found is None)
    assert trouble is None or (found or "") in trouble.message


@pytest.mark.usefixtures("strange")
async def test_an_engine_that_hangs_with_the_interpreter_s_lock_is_told_when_the_time_is_over() -> None:
    trouble = await doctor._load(False, trio.current_time() + 2, "text_to_speech", "strange", {"how": "hangs"})
    assert trouble is not None
    assert trouble.message == "It was not loaded within 45 seconds."


@pytest.mark.usefixtures("strange")
async def test_a_mistake_in_its_table_and_a_refusal_are_told_as_such() -> None:
    trouble = await trouble_of("text_to_speech", "strange", {"hwo": 1}, local_only=False)
    assert isinstance(trouble, ConfigurationError)
    table = {"base_url": "https://mind.example/v1", "model": "m", "api_key": "k"}
    trouble = await trouble_of("language_model", "far", {"kind": "openai-chat", **table}, local_only=True)
    assert trouble is not None
    assert "local_only is set" in trouble.message


# The command


def doctor_says(home: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "harry.cli.app", "doctor", *arguments],
        env={**os.environ, "HARRY_HOME": str(home), "SDL_AUDIODRIVER": "dummy"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_command_prints_one_object_for_programs(tmp_path: Path) -> None:
    code, printed = doctor_says(tmp_path, "--json")
    report = json.loads(printed)
    assert report["well"] == (code == 0)
    subjects = {finding["subject"] for finding in report["findings"]}
    assert {"python", "processor", "configuration", "data folder", "disk", "sound"} <= subjects
    assert {"microphone", "loudspeaker", "voice activity", "speech to text", "language model"} <= subjects
    for finding in report["findings"]:
        assert set(finding) == {"subject", "state", "found", "remedy"}
        assert finding["state"] in ("ok", "warning", "problem")


def test_a_configuration_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    code, printed = doctor_says(tmp_path, "--json", "--set", "turn.pre_rol=1")
    [finding] = json.loads(printed)["findings"]
    assert (code, finding["subject"], finding["state"]) == (1, "configuration", "problem")
    assert finding["remedy"] == "Did you mean 'pre_roll'?"
