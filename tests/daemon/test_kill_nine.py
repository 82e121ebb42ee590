"""kill -9 of a Harry who converses, at any moment: the next one is ready soon, has all that was acknowledged, and says
once how the last one ended; nothing that belonged to it is left.

Each life has a person at the keyboard, who keeps interrupting, two programs at the web server, a voice in a process of
its own and a tool server that never answers. The port and the folder are the same in each life: a lease that outlived
it would stop the next.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harry.host.access_tokens import Tokens
from harry.host.storage import NOT_IN_ORDER
from harry.memory.store.data_folder import LOCK_FILE

OUTLIVES = 2.0
"""Seconds after which nothing of a Harry who was killed may be there."""

CONVERSES = 6
"""Turns and answers that are acknowledged at most before a life is killed, some tenths of a second later."""

STARTS = 1.0
"""Seconds after which one that is killed at its start is killed at the latest."""

PROGRAMS = 2


@dataclass
class Figures:
    """What was found in all lives: seconds until each was ready, what was acknowledged, what was left behind."""

    ready: list[float] = field(default_factory=list)
    turns: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)
    told_wrongly: list[int] = field(default_factory=list)
    lost: int = -1

    def p95(self) -> float:
        return sorted(self.ready)[max(0, round(0.95 * len(self.ready)) - 1)]


class Life:
    """One `harry run`, and those who talk to it until it ends."""

    def __init__(self, folder: Path, number: int, port: int, token: str) -> None:
        self.number = number
        self.asked: set[str] = set()
        self.turns: set[str] = set()
        self._port, self._token = port, token
        self._more = threading.Condition()
        events = folder / f"events-{number}"
        os.mkfifo(events)
        # Harry opens a pipe only where somebody reads it.
        self._events = os.fdopen(os.open(events, os.O_RDONLY | os.O_NONBLOCK), "rb")
        os.set_blocking(self._events.fileno(), True)
        self._told = folder / f"told-{number}.txt"
        self._talkers: list[threading.Thread] = []
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify = folder / f"notify-{number}"
        self._manager.bind(str(notify))
        self._manager.settimeout(60)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HARRY_")}
        self.began = time.monotonic()
        with self._told.open("wb") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "harry.cli.app", "--config", str(folder / "harry.toml"), "run", "--mic", "none",
                 "--speaker", f"wav:{folder / 'voice.wav'}", "--events", str(events)],
                env={**environ, "HARRY_HOME": str(folder / "home"), "NOTIFY_SOCKET": str(notify)},
                stdin=subprocess.PIPE, stdout=told, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def __enter__(self) -> Life:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.end()

    def wait_ready(self) -> float:
        """Wait until it says that it is ready; return after how many seconds."""
        while b"READY=1" not in self._manager.recv(4096):
            pass
        return time.monotonic() - self.began

    def converse(self) -> None:
        """Have everybody talk to it, until it ends."""
        self._talkers = [threading.Thread(target=self._type), threading.Thread(target=self._listen)]
        self._talkers += [threading.Thread(target=self._ask, args=[program]) for program in range(PROGRAMS)]
        for talker in self._talkers:
            talker.start()

    def wait_acknowledged(self, count: int, programs: int) -> None:
        """Wait until it has told of so many turns and answers, so many of them to programs, that they are kept."""
        with self._more:
            assert self._more.wait_for(
                lambda: len(self.turns) + len(self.asked) >= count and len(self.asked) >= programs, 60
            )

    def _listen(self) -> None:
        """Take in what it tells until its end; what the kill cut off was not told."""
        for line in self._events:
            if line.endswith(b"\n") and (event := json.loads(line))["event"] == "turn_ended":
                with self._more:
                    self.turns.add(event["turn"])
                    self._more.notify_all()

    def _type(self) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):
            for number in range(10_000):
                self.process.stdin.write(f"Tell me about thing {self.number}-{number}.\n".encode())
                self.process.stdin.flush()
                if self._over(random.uniform(0.02, 0.5)):
                    return

    def _over(self, seconds: float) -> bool:
        """Wait so long for its end."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            return True
        return False

    def _ask(self, program: int) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        with suppress(OSError, http.client.HTTPException):
            for number in range(10_000):
                words = f"Program {program} asks thing {self.number}-{number}."
                body = {"model": "harry", "messages": [{"role": "user", "content": words}]}
                with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as door:
                    door.request("POST", "/v1/chat/completions", json.dumps(body), headers)
                    answer = door.getresponse()
                    if answer.read() and answer.status == 200:
                        with self._more:
                            self.asked.add(words)
                            self._more.notify_all()

    def descendants(self) -> Iterator[int]:
        """Yield every process that comes of it."""
        parents: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(
                    int(stat.parent.name)
                )
        waiting = [self.process.pid]
        while waiting:
            children = parents.get(waiting.pop(), [])
            waiting += children
            yield from children

    def kill(self) -> list[str]:
        """Kill it, whatever it does; return what outlives it."""
        os.kill(self.process.pid, signal.SIGSTOP)  # so that nothing is started between the look and the end
        left = {os.pidfd_open(child): child for child in self.descendants()}
        names = {child: Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ") for child in left.values()}
        self.process.kill()
        self.end()
        watch = select.poll()
        for descriptor in left:
            watch.register(descriptor, select.POLLIN)
        until = time.monotonic() + OUTLIVES
        while left and (ended := watch.poll(max(0, until - time.monotonic()) * 1000)):
            for descriptor, _ in ended:
                watch.unregister(descriptor)
                os.close(descriptor)
                del left[descriptor]
        for descriptor in left:
            os.close(descriptor)
        return [names[child].decode() for child in left.values()]

    def stop(self) -> None:
        """End it in order."""
        self.process.send_signal(signal.SIGTERM)
        self.end()

    def end(self) -> None:
        """Wait for its end, and for those who talked."""
        self.process.wait(30)
        for talker in self._talkers:
            talker.join()
        self._talkers = []
        with suppress(OSError):  # what was not read any more
            assert self.process.stdin is not None
            self.process.stdin.close()
        self._manager.close()
        self._events.close()

    def tells_of_the_last(self) -> int:
        """How often it told that the one before did not end in order."""
        return " ".join(self._told.read_text().split()).count(NOT_IN_ORDER)


@contextmanager
def _folder(tmp_path: Path) -> Iterator[tuple[int, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "replies.txt").write_text("One two three four five. Six seven eight nine ten.\n")
    (tmp_path / "harry.toml").write_text(f"""
setup = "no"
fetch = "no"
web.port = {port}
engines = {{language_model = "scripted", text_to_speech = "spoken", speech_to_text = "scripted"}}
engine.scripted = {{replies = "{tmp_path / "replies.txt"}", token_delay = 0.01}}
engine.spoken = {{kind = "scripted", process = true, word_seconds = 0.05, gap_seconds = 0.01}}
mcp.tools = {{command = "{sys.executable}", args = ["-c", "import sys; sys.stdin.read()"]}}
""")
    yield port, Tokens(tmp_path / "home").new("ann")


def kill_again_and_again(tmp_path: Path, kills: int) -> Figures:
    """Start Harry, converse and kill him, so often; one in five while he starts. Then end him in order."""
    found = Figures()
    with _folder(tmp_path) as (port, token):
        for number in range(kills + 1):
            with Life(tmp_path, number, port, token) as life:
                _live(life, found, kills)
    assert (tmp_path / "home" / LOCK_FILE).read_text() == "", "an end in order leaves nothing that would be told"
    with closing(sqlite3.connect(tmp_path / "home" / "harry.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = list(database.execute("SELECT id, said FROM turn"))
    found.lost = len(found.turns - {turn for turn, _ in kept}) + len(found.asked - {said for _, said in kept})
    return found


def _live(life: Life, found: Figures, kills: int) -> None:
    starting = life.number % 5 == 3 and life.number < kills
    if not starting:
        found.ready.append(life.wait_ready())
        life.converse()
        life.wait_acknowledged(random.randint(0, CONVERSES), life.number % 2)
    if life.number < kills:
        time.sleep(random.uniform(0, STARTS if starting else 0.3))
        found.left += life.kill()
    else:
        life.stop()
    found.turns |= life.turns
    found.asked |= life.asked
    if not starting and life.tells_of_the_last() != (life.number > 0):
        found.told_wrongly.append(life.number)


@pytest.mark.timeout(300)  # four starts on a machine that does other things as well
def test_three_lives_ended_by_kill_nine_lose_nothing_and_leave_nothing(tmp_path: Path) -> None:
    found = kill_again_and_again(tmp_path, 3)
    assert found.turns
    assert found.asked
    assert found.lost == 0
    assert found.left == []
    assert found.told_wrongly == []


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_a_hundred_lives_ended_by_kill_nine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kills = int(os.environ.get("KILLS", "100"))
    found = kill_again_and_again(tmp_path, kills)
    with capsys.disabled():
        print(
            f"\n{kills} kills: ready again p95 {found.p95():.2f} s; of {len(found.turns)} turns and {len(found.asked)} "
            f"answers that were acknowledged lost {found.lost}; left after {OUTLIVES:g} s: {len(found.left)}"
        )
    assert found.lost == 0
    assert found.left == []
    assert found.told_wrongly == []
    assert found.p95() <= 3.0
