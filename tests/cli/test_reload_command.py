"""`harry reload` and SIGHUP on a Harry who really runs: what holds, what waits for a restart, what is wrong where."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from harry.net.webhook_signature import SIGNATURE, Inspector
from tests.cli.test_cli import HARRY, environment, harry

CALL = (
    "run", "--mic", "none", "--speaker", "none", "--events", "/dev/stderr", "--set", "web.port=0",
    "--set", "engines.language_model=scripted", "--set", "engines.text_to_speech=scripted",
    "--set", "engines.speech_to_text=scripted", "--set", "engines.voice_activity=energy",
)  # fmt: skip
SECRET = "a secret that is long enough"


class Running:
    """A Harry who runs without a controlling terminal, as services do."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.file = home / "harry.toml"
        self.process = subprocess.Popen(
            [*HARRY, *CALL], env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.until("event", "door")

    def until(self, field: str, value: str) -> dict[str, Any]:
        """Read what he tells until a line has that."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith(b"{") and (told := json.loads(line)).get(field) == value:
                return dict(told)
        raise AssertionError(f"he ended with {self.process.wait()}")

    def reload(self, text: str, *options: str) -> subprocess.CompletedProcess[str]:
        self.file.write_text(text, "utf-8")
        return harry(self.home, "reload", *options)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    it = Running(tmp_path_factory.mktemp("home"))
    yield it
    it.process.send_signal(signal.SIGTERM)
    it.process.communicate(timeout=30)


def test_each_key_is_told_with_when_it_holds(running: Running) -> None:
    done = running.reload('[turn]\nattention_window = 7.0\npre_roll = 1.0\ntalk = "toggle"\n')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Changed:",
        "  turn.attention_window: Your conversations hold to it from their next word on.",
        "Changed in conversations that begin from now on; the one at the microphone began with Harry:",
        "  turn.pre_roll: A conversation is begun with it, and keeps it to its end.",
        "Only after a restart (harry stop, then harry run; or harry service stop and start):",
        "  turn.talk: The microphone is set up for it when he starts.",
    ]
    done = running.reload("", "--json")
    told = json.loads(done.stdout)
    assert [line["key"] for line in told["now"]] == ["turn.attention_window"]
    assert told["restart"] == told["failed"] == []
    assert running.reload("").stdout == "Nothing has changed in the configuration.\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[turn]\nattention_windo = 7.0\n", "Unknown key turn.attention_windo ({file})."),
        (
            "[turn]\nattention_window = -1.0\n",
            "turn.attention_window ({file}) takes a number from 0 to 86400, not -1.0.",
        ),
        ("[turn\n", "{file}, line 1: "),
        ('[engines]\nlanguage_mode = "x"\n', "Unknown key engines.language_mode ({file})."),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_nothing_changes(running: Running, text: str, told: str) -> None:
    before = running.reload('[log]\nlevel = "warning"\n')
    assert before.returncode == 0
    done = running.reload(text + '\n[log]\nlevel = "debug"\n')
    assert (done.returncode, done.stdout) == (1, "")
    assert "Nothing has changed. " + told.format(file=running.file) in done.stderr
    assert running.reload("").stdout == "Nothing has changed in the configuration.\n", "the log neither"


def test_what_harry_was_started_with_by_set_still_wins(running: Running) -> None:
    assert running.reload("[web]\nport = 1\n").stdout == "Nothing has changed in the configuration.\n"
    assert "takes no --set" in harry(running.home, "reload", "--set", "web.port=2").stderr


def test_sighup_without_a_terminal_reloads_and_a_mistake_does_not_end_him(running: Running) -> None:
    running.reload("")
    running.file.write_text("[turn]\nattention_windo = 7.0\n", "utf-8")
    running.process.send_signal(signal.SIGHUP)
    assert "was not read again. Unknown key turn.attention_windo" in running.until("event", "error")["message"]
    running.file.write_text('[log]\nlevel = "info"\n[turn]\ntalk = "toggle"\n', "utf-8")
    running.process.send_signal(signal.SIGHUP)
    assert running.process.stderr is not None
    assert any(b"hold only after a restart" in line for line in running.process.stderr)
    status = json.loads(harry(running.home, "status", "--json").stdout)
    assert status["ready"]
    assert any("attention_windo" in error for error in status["errors"])
    assert running.reload('[log]\nlevel = "info"\n').stdout == "Nothing has changed in the configuration.\n"


@pytest.mark.skipif(shutil.which("setsid") is None, reason="needs setsid of util-linux")
def test_sighup_ends_him_where_a_terminal_was_closed(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *HARRY, *CALL, "--set", "setup=no", "--set", "fetch=no"], env=environment(tmp_path),
        stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(theirs)
    assert process.stderr is not None
    assert any(b'"event": "door"' in line for line in process.stderr)
    os.close(ours)  # the terminal is closed: the system sends SIGHUP
    process.communicate(timeout=30)
    assert process.returncode == 0


# Webhooks of a Harry who runs


class Receiving:
    """A server that is told, in a thread."""

    def __init__(self) -> None:
        told: Queue[tuple[dict[str, str], bytes]] = Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                told.put(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.told = told
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiving() -> Iterator[Receiving]:
    it = Receiving()
    yield it
    it.server.shutdown()
    it.server.server_close()


def test_a_server_that_is_put_in_by_a_reload_is_told_of_the_next_turn_and_counted(
    running: Running, receiving: Receiving
) -> None:
    hook = f'[webhooks.out.log]\nurl = "{receiving.url}"\nevents = ["turn_ended"]\nsecret = "{SECRET}"\nwords = true\n'
    away = '[webhooks.out.away]\nurl = "http://127.0.0.1:9/"\nevents = ["turn_ended"]\n'
    done = running.reload(hook + away)
    assert "webhooks.out.log: The next request and the next event are treated by it." in done.stdout
    assert running.process.stdin is not None
    running.process.stdin.write(b"Tell me something about the sea.\n")
    running.process.stdin.flush()
    headers, body = receiving.told.get(timeout=30)
    assert headers[SIGNATURE]
    Inspector().check(SECRET, headers, body, time.time())
    told = json.loads(body)
    assert (told["type"], told["data"]["said"]) == ("turn_ended", "Tell me something about the sea.")
    state = json.loads(harry(running.home, "status", "--json").stdout)
    assert state["webhooks"].keys() == {"log", "away"}
    assert state["webhooks"]["away"]["waiting"] + state["webhooks"]["away"]["lost"] == 1
    assert SECRET not in json.dumps(state)
