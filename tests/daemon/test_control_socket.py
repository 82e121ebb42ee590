"""The control socket: one line asked, one answered, however many come and however they go."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing

from harry.daemon import control_socket
from harry.daemon.control_socket import MAX_CLIENTS, SOCKET, WITHIN, Controls, ask, controlled, reachable
from harry.daemon.looking_after import _be_controlled
from harry.errors import DeviceError
from harry.host.store_watch import StoreWatch


class Switch:
    """Something that is on or off."""

    def __init__(self) -> None:
        self.on = False
        self.controls = Controls(lambda: {"on": self.on}, {"turn on": self._turn_on, "fail": self._fail})

    def _turn_on(self, _: object) -> None:
        self.on = True
        self.controls.changed()

    def _fail(self, _: object) -> None:
        raise DeviceError("There is no lamp.", remedy="Buy one.")


@pytest.fixture
def switch() -> Switch:
    return Switch()


def asked(folder: Path, **request: object) -> dict[str, Any]:
    return next(ask(folder, request))


async def answer(folder: Path, **request: object) -> dict[str, Any]:
    return await trio.to_thread.run_sync(partial(asked, folder, **request))


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[trio.SocketStream]:
    with reachable(folder / SOCKET) as address:
        stream = await trio.open_unix_socket(address)
    async with stream:
        yield stream


async def test_a_command_is_done_and_answered_with_the_state(tmp_path: Path, switch: Switch) -> None:
    async with controlled(tmp_path, switch.controls):
        assert await answer(tmp_path, do="status") == {"on": False}
        assert await answer(tmp_path, do="turn on") == {"on": True}


async def test_what_cannot_be_done_is_answered_in_a_sentence(tmp_path: Path, switch: Switch) -> None:
    async with controlled(tmp_path, switch.controls):
        assert await answer(tmp_path, do="fail") == {"error": "There is no lamp.", "remedy": "Buy one."}
        unknowns: tuple[object, ...] = ("fly", None, 3, ["status"], {})
        for unknown in unknowns:
            assert "error" in await answer(tmp_path, do=unknown)


async def test_only_the_owner_may_open_it_and_nothing_is_left_of_it(tmp_path: Path, switch: Switch) -> None:
    async with controlled(tmp_path, switch.controls):
        mode = (await trio.Path(tmp_path / SOCKET).stat()).st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not await trio.Path(tmp_path / SOCKET).exists()
    with pytest.raises(ConnectionError, match="No Harry runs"):
        asked(tmp_path, do="status")


async def test_a_socket_that_a_killed_harry_left_is_told_from_a_running_one_and_replaced(
    tmp_path: Path, switch: Switch
) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET))
    with pytest.raises(ConnectionError, match="No Harry runs"):
        asked(tmp_path, do="status")
    async with controlled(tmp_path, switch.controls):
        assert await answer(tmp_path, do="status") == {"on": False}


async def test_a_folder_with_a_name_longer_than_sockets_take_serves_too(tmp_path: Path, switch: Switch) -> None:
    folder = tmp_path / ("long" * 20) / ("longer" * 20)
    folder.mkdir(parents=True)
    async with controlled(folder, switch.controls):
        assert await answer(folder, do="turn on") == {"on": True}


async def test_a_watcher_is_told_of_every_change_at_once(tmp_path: Path, switch: Switch) -> None:
    async with controlled(tmp_path, switch.controls), connected(tmp_path) as watcher:
        await watcher.send_all(b'{"do": "status", "watch": true}\n')
        assert json.loads(await watcher.receive_some()) == {"on": False}
        await answer(tmp_path, do="turn on")
        assert json.loads(await watcher.receive_some()) == {"on": True}


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"status\n", b"[]\n", b"\xff\xfe\n", b"[" * 100_000, b"x" * 200_000, b'{"do":']
)
async def test_what_is_no_request_ends_its_own_connection_only(tmp_path: Path, switch: Switch, data: bytes) -> None:
    async with controlled(tmp_path, switch.controls):
        async with connected(tmp_path) as stranger:
            try:
                await stranger.send_all(data)
                await stranger.send_eof()
                assert "no request" in json.loads(await stranger.receive_some())["error"]
            except trio.BrokenResourceError:
                pass
        assert await answer(tmp_path, do="status") == {"on": False}


async def test_what_is_too_long_is_answered_however_long_it_is(tmp_path: Path, switch: Switch) -> None:
    async with controlled(tmp_path, switch.controls):
        for length in (70_000, 2_000_000):
            assert "too long" in (await answer(tmp_path, do="turn on", text="x" * length))["error"]
        assert not switch.on


async def test_those_who_watch_keep_no_command_out_and_are_let_go_when_they_go(tmp_path: Path, switch: Switch) -> None:
    async with controlled(tmp_path, switch.controls):
        async with AsyncExitStack() as held:
            watchers = [await held.enter_async_context(connected(tmp_path)) for _ in range(MAX_CLIENTS)]
            for watcher in watchers:
                await watcher.send_all(b'{"watch": true}\n')
                assert json.loads(await watcher.receive_some()) == {"on": False}
            assert await answer(tmp_path, do="status") == {"on": False}
            assert "watch Harry already" in (await answer(tmp_path, watch=True))["error"]
        await trio.testing.wait_all_tasks_blocked(0.05)
        async with connected(tmp_path) as another:
            await another.send_all(b'{"watch": true}\n')
            assert json.loads(await another.receive_some()) == {"on": False}, "nothing has happened meanwhile"


async def test_those_who_ask_a_person_keep_no_command_out_and_are_not_waited_for_once_they_have_gone(
    tmp_path: Path,
) -> None:
    given_up: list[int] = []

    async def say(request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            await trio.sleep_forever()
        finally:
            given_up.append(1)

    controls = Controls(lambda: {"on": True}, {}, {"say": say})
    async with controlled(tmp_path, controls):
        async with AsyncExitStack() as held:
            for _ in range(MAX_CLIENTS):
                client = await held.enter_async_context(connected(tmp_path))
                await client.send_all(b'{"do": "say", "ask": true}\n')
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert await answer(tmp_path, do="status") == {"on": True}
            assert "wait for an answer already" in (await answer(tmp_path, do="say", ask=True))["error"]
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert len(given_up) == MAX_CLIENTS


def test_one_who_does_not_answer_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "WITHIN", 0.01)
    with socket.socket(socket.AF_UNIX) as hung, socket.socket(socket.AF_UNIX) as waiting:
        hung.bind(str(tmp_path / SOCKET))
        hung.listen(1)
        with pytest.raises(TimeoutError):
            asked(tmp_path, do="status")
        waiting.connect(str(tmp_path / SOCKET))
        with pytest.raises(TimeoutError, match="lets nobody in"):
            asked(tmp_path, do="status")


async def test_other_threads_make_their_files_as_ever_while_the_socket_is_made(
    tmp_path: Path, switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks: list[int] = []
    monkeypatch.setattr(os, "umask", masks.append)
    async with controlled(tmp_path, switch.controls):
        assert not masks


async def test_a_folder_that_was_away_at_the_start_gets_its_socket_when_it_is_back(
    tmp_path: Path, switch: Switch
) -> None:
    folder, watch = tmp_path / "away", cast("StoreWatch", SimpleNamespace(reached=trio.Event()))
    async with trio.open_nursery() as nursery:
        await nursery.start(_be_controlled, folder, switch.controls, watch)
        folder.mkdir()
        watch.reached.set()
        with trio.fail_after(30):
            while not (folder / SOCKET).is_socket():  # noqa: ASYNC110  (a file tells nobody)
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def test_clients_that_say_nothing_are_let_go_and_keep_nobody_out_for_ever(
    tmp_path: Path, switch: Switch, autojump_clock: trio.testing.MockClock
) -> None:
    async with controlled(tmp_path, switch.controls), trio.open_nursery() as nursery:

        async def dawdle() -> None:
            async with connected(tmp_path) as stream:
                assert await stream.receive_some() == b""

        for _ in range(2 * MAX_CLIENTS):
            nursery.start_soon(dawdle)
    assert trio.current_time() < 4 * WITHIN
