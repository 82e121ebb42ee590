"""`harry status` and its like, on a Harry who really runs; `harry service unit` as systemd reads it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harry.cli.service import unit_text
from tests.cli.test_cli import HARRY, environment, harry

CALL = (
    "run", "--mic", "none", "--speaker", "none", "--events", "/dev/stderr", "--set", "web.port=0",
    "--set", "engines.language_model=scripted", "--set", "engines.text_to_speech=scripted",
)  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Harry who runs; gives his folder."""
    home = tmp_path_factory.mktemp("home")
    process = subprocess.Popen(
        [*HARRY, *CALL], env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(b"{") and json.loads(line)["event"] == "door":
            break
    yield home
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def test_status_tells_how_he_is_to_people_and_to_programs(running: Path) -> None:
    done = harry(running, "status", "--json")
    state = json.loads(done.stdout)
    assert done.returncode == 0
    assert {
        "ready", "listening", "devices", "sessions", "actors", "engines", "memory_mb", "errors", "version",
    } <= state.keys()  # fmt: skip
    assert (state["ready"], state["listening"], state["sessions"]) == (True, False, 1)
    assert state["actors"]["reminders"] == "running"
    assert "hears with   nothing" in harry(running, "status").stdout


@pytest.mark.parametrize("command", ["mute", "unmute", "rest", "wake", "press", "release"])
def test_without_a_microphone_its_commands_say_so(running: Path, command: str) -> None:
    done = harry(running, command)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no microphone" in done.stderr


def test_what_he_did_not_take_is_not_told_as_done(running: Path) -> None:
    done = harry(running, "say", "x" * 70_000)
    assert (done.returncode, done.stdout) == (1, "")
    assert "too long" in done.stderr


def test_what_is_to_be_said_is_told_in_a_sentence_and_twice_is_told_as_such(running: Path) -> None:
    assert harry(running, "say", "Dinner.", "--urgency", "now").stdout == "He says it in the next gap.\n"
    assert "already" in harry(running, "say", "Dinner.").stdout
    assert "ben is not there" in harry(running, "say", "Dinner.", "--user", "ben").stdout


def test_a_question_that_nobody_answers_has_an_exit_code_of_its_own(running: Path) -> None:
    done = harry(running, "say", "--ask", "--within", "1", "--urgency", "now", "Tea?")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Nobody answered within 1 seconds." in done.stderr


@pytest.mark.parametrize("options", [["--urgency", "shout"], ["--user", ""], ["--expires-in", "0"]])
def test_what_cannot_be_said_is_refused(running: Path, options: list[str]) -> None:
    done = harry(running, "say", "Hello.", *options)
    assert done.returncode != 0
    assert done.stderr.startswith("harry: ")


def test_hush_is_done_whether_he_speaks_or_not(running: Path) -> None:
    assert harry(running, "hush").returncode == 0


@pytest.mark.parametrize("command", ["stop", "mute", "hush", "rest"])
def test_where_no_harry_runs_it_is_said_and_how_to_start_one(tmp_path: Path, command: str) -> None:
    done = harry(tmp_path, command)
    assert done.returncode == 1
    assert "No Harry runs" in done.stderr
    assert list(tmp_path.iterdir()) == [], "asking leaves nothing behind"


def test_status_of_no_harry_is_an_answer_and_exit_code_1(tmp_path: Path) -> None:
    done = harry(tmp_path, "status", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"ready": False, "listening": False})


def test_stop_ends_him_in_order(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*HARRY, *CALL, "--set", "log.level=info"], env=environment(tmp_path), stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    next(line for line in process.stderr if line.startswith(b"{") and json.loads(line)["event"] == "door")
    assert harry(tmp_path, "stop").stdout == "Harry ends.\n"
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"SIGTERM" in said, "as by the signal: with its deadline"
    assert not (tmp_path / "control.sock").exists()


# The service


def test_the_unit_starts_this_harry_with_his_own_folder_and_file(tmp_path: Path) -> None:
    text = unit_text(tmp_path / "my harry.toml", {"HARRY_HOME": str(tmp_path / "100% mine")})
    assert f'ExecStart={sys.executable} -m harry.cli.app --config "{tmp_path}/my harry.toml" run' in text
    assert f'Environment="HARRY_HOME={tmp_path}/100%% mine"' in text
    assert "Type=notify" in text
    assert "Environment" not in unit_text(None, {})


def test_the_unit_names_the_file_of_the_variable_and_loses_no_setting(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[user]\nname = "Ann"\n')
    known = {**environment(tmp_path), "HARRY_CONFIG": str(file)}
    call = [*HARRY, "service", "unit"]
    done = subprocess.run(call, env=known, capture_output=True, text=True, check=False, timeout=60)
    assert f"--config {file} run" in done.stdout
    for variable in ({"HARRY_WEB__PORT": "8123"}, {"HARRY_LOCAL_ONLY": "true"}):
        done = subprocess.run(call, env=known | variable, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout) == (2, "")
        assert next(iter(variable)) in done.stderr


def test_what_is_said_does_not_reach_the_journal() -> None:
    assert "StandardOutput=null" in unit_text(None, {})


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    (tmp_path / "harry.service").write_text(unit_text(None, {}))
    known = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "SYSTEMD_LOG_LEVEL": "warning"}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", tmp_path / "harry.service"],
        env=known, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_service_that_systemd_does_not_know_is_one_sentence(tmp_path: Path) -> None:
    done = harry(tmp_path, "service", "start")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_without_systemd_no_unit_is_written_and_one_that_is_there_goes(tmp_path: Path) -> None:
    known = {**environment(tmp_path), "PATH": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    unit = tmp_path / "config" / "systemd" / "user" / "harry.service"

    def service(word: str) -> int:
        call = [*HARRY, "service", word]
        return subprocess.run(call, env=known, capture_output=True, check=False, timeout=60).returncode

    assert service("install") == 1
    assert not unit.exists()
    unit.parent.mkdir(parents=True)
    unit.write_text("of a time with systemd")
    assert service("uninstall") == 0
    assert not unit.exists()


def test_what_was_set_while_nobody_runs_is_said_to_ring_only_when_he_does(running: Path, tmp_path: Path) -> None:
    alone = harry(tmp_path, "ask", "Set a timer for ten minutes.")
    assert (alone.returncode, alone.stdout) == (0, "Timer set for ten minutes.\n")
    assert "rings only while Harry runs" in alone.stderr
    assert "rings only" not in harry(tmp_path, "ask", "What time is it?").stderr
    assert "rings only" not in harry(running, "ask", "Set a timer for ten minutes.").stderr
