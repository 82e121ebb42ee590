"""Harry is asked and moved from outside while he lives: the control socket, reloads, the service manager's pulse."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
import trio

from channels.signals import Latch
from harry.config.loading import Config, RunOptions
from harry.daemon import web_server as front_door
from harry.daemon.control_socket import Controls, controlled
from harry.daemon.controls import RoomControls
from harry.daemon.reloading import Reloading, Reread
from harry.daemon.service_manager import ServiceManager
from harry.errors import StoreError
from harry.host.host import Host
from harry.host.store_watch import StoreWatch
from harry.inner_life.service import InnerLife
from harry.services.webhooks_out import WebhooksOut
from harry.session.session import Session

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reload:
    """How the configuration is read again, and what is set when that is wanted."""

    reread: Reread
    wanted: Latch


@dataclass(frozen=True, slots=True)
class Reloadable:
    """What a reload changes besides the host and the room."""

    reload: Reload | None = None
    inner: InnerLife | None = None
    door: front_door.WebServer | None = None
    hooks: WebhooksOut | None = None


def follow_config(changes: Reloadable, host: Host) -> None:
    """Have everything follow the configuration that the host holds to."""
    inner, door, hooks = changes.inner, changes.door, changes.hooks

    def follow(config: Config) -> None:
        if inner is not None:
            inner.settle(config.thinker)
        if door is not None:
            door.hold_to(config.web)
        if hooks is not None:
            hooks.hold_to(config.webhooks)

    host.config_followers.append(follow)


@asynccontextmanager
async def looked_after(
    config: Config,
    options: RunOptions,
    host: Host,
    room: Session,
    *,
    manager: ServiceManager,
    changes: Reloadable = Reloadable(),
) -> AsyncIterator[None]:
    """Let Harry be asked and moved from outside, and tell the service manager that he is ready and alive."""
    reloading, door = None, changes.door
    if changes.reload is not None:
        follow_config(changes, host)
        reread, ready = changes.reload.reread, partial(_ready, room)
        reloading = Reloading(reread, host, manager, door=door, debug=options.debug, status=ready)
    stop = partial(signal.raise_signal, signal.SIGTERM)
    controls = RoomControls(host, room, stop, reloading=reloading, phone=door.phone if door is not None else None)
    if host.store_watch is not None and room.has_loudspeaker:
        # In a gap, and again if nobody heard it: over a person or the greeting it would be lost.
        host.store_watch.speak_through(host.announcers.of(config.user.name).put_own)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(controls.follow, room.events.listen())
        nursery.start_soon(manager.keep_alive)
        if reloading is not None and changes.reload is not None:
            nursery.start_soon(reloading.follow, changes.reload.wanted, room)
        if options.door and host.store.durable:
            await nursery.start(_be_controlled, config.data_folder, controls.controls, host.store_watch)
        manager.tell("READY=1", f"STATUS={_ready(room)}")
        yield
        nursery.cancel_scope.cancel()


async def _be_controlled(
    folder: Path, controls: Controls, watch: StoreWatch | None, task_status: trio.TaskStatus[None]
) -> None:
    """Take requests until cancelled: from now on, else once the data folder that was away is there."""
    away = watch is not None and not watch.reached.is_set()
    try:
        async with controlled(folder, controls):
            task_status.started()
            await trio.sleep_forever()
    except StoreError as error:
        log.warning("harry status and the like do not reach this Harry", cause=str(error))
    task_status.started()
    if watch is not None and away:
        await watch.reached.wait()
        await _be_controlled(folder, controls, None, trio.TASK_STATUS_IGNORED)


def _ready(room: Session) -> str:
    """Say for the service manager what is there and what is missing."""
    hears = room.speech_input.recorder is not None
    return "Listening." if hears else "Ready for typed words and the page; there is no microphone."
