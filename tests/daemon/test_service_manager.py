"""What a service manager is told, over a real datagram socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from harry.daemon.service_manager import EXTENDS, ServiceManager
from harry.errors import ConfigurationError


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def taken(tmp_path: Path, **more: str) -> tuple[ServiceManager, dict[str, str]]:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "HOME": "/", **more}
    return ServiceManager.take(environ), environ


def test_it_is_told_in_its_own_words(manager: socket.socket, tmp_path: Path) -> None:
    harry, _ = taken(tmp_path)
    harry.tell("READY=1", "STATUS=Listening.")
    assert manager.recv(1000) == b"READY=1\nSTATUS=Listening."
    harry.status("two\nlines")
    assert manager.recv(1000) == b"STATUS=two lines"


def test_no_child_inherits_the_address(tmp_path: Path) -> None:
    harry, environ = taken(tmp_path, WATCHDOG_USEC="60000000", WATCHDOG_PID=str(os.getpid()))
    assert environ == {"HOME": "/"}
    assert harry.watchdog == 60.0


@pytest.mark.parametrize("usec", ["", "soon", "-1"])
def test_a_watchdog_that_is_none_is_not_fed(tmp_path: Path, usec: str) -> None:
    assert taken(tmp_path, WATCHDOG_USEC=usec)[0].watchdog == 0
    assert taken(tmp_path, WATCHDOG_USEC="5000000", WATCHDOG_PID="1")[0].watchdog == 0


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "nonsense", "vsock:1:2"])
def test_where_there_is_no_manager_nothing_happens(address: str) -> None:
    ServiceManager.take({"NOTIFY_SOCKET": address}).tell("READY=1")


async def test_it_is_asked_for_patience_only_while_harry_starts(
    manager: socket.socket, tmp_path: Path, autojump_clock: MockClock
) -> None:
    harry, _ = taken(tmp_path)
    async with harry.patient("Models are loaded."):
        await trio.sleep(EXTENDS / 2)
    await trio.sleep(10 * EXTENDS)
    manager.setblocking(False)
    said = []
    try:
        while True:
            said.append(manager.recv(1000))
    except BlockingIOError:
        pass
    assert said == [b"STATUS=Models are loaded.", b"EXTEND_TIMEOUT_USEC=30000000", b"EXTEND_TIMEOUT_USEC=30000000"]


async def test_the_loop_gives_a_sign_of_life_three_times_within_the_watchdog(
    manager: socket.socket, tmp_path: Path, autojump_clock: MockClock
) -> None:
    harry, _ = taken(tmp_path, WATCHDOG_USEC="60000000")
    with trio.move_on_after(59):
        await harry.keep_alive()
    manager.setblocking(False)
    assert [manager.recv(1000) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    with pytest.raises(BlockingIOError):
        manager.recv(1000)


async def test_a_reload_is_told_from_its_beginning_to_its_end_also_where_it_fails(
    manager: socket.socket, tmp_path: Path, autojump_clock: MockClock
) -> None:
    harry, _ = taken(tmp_path)
    before = time.monotonic_ns() // 1000

    async def fail() -> None:
        async with harry.reloading("It is read again.", lambda: "Listening."):
            raise ConfigurationError("That is wrong.")

    with pytest.raises(ConfigurationError, match="wrong"):
        await fail()
    first, stamp = manager.recv(1000).decode().splitlines()
    assert first == "RELOADING=1"
    assert before <= int(stamp.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    manager.setblocking(False)
    rest = []
    with suppress(BlockingIOError):
        while True:
            rest.append(manager.recv(1000).decode())
    assert "STATUS=It is read again." in rest
    assert rest[-2:] == ["READY=1", "STATUS=Listening."]
