"""The daemon's root: it holds engines, store and session, and ends them in order when it is told to.

A first SIGTERM or SIGINT ends everything in order within `STOP_WITHIN` seconds; a second ends the process at once. So
does SIGHUP where a terminal controls the process: it was closed. Without one, SIGHUP has the configuration read again.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import trio
from rich.console import Console

from actors.protocols import Loudspeaker, Microphone
from channels.clock import AudioClock
from channels.event_types import DoorOpened
from channels.signals import Latch
from harry.audio.choice import open_loudspeaker, open_microphone
from harry.audio.pulse import home_left_alone
from harry.audio.soundcard import SoundcardLoudspeaker, SoundcardMicrophone
from harry.audio.wav import WavMicrophone
from harry.config.loading import Config, RunOptions
from harry.config.persona import load_configured_persona
from harry.daemon import telemetry
from harry.daemon import web_server as front_door
from harry.daemon import wyoming_server as wyoming
from harry.daemon.arenas import bound_arenas
from harry.daemon.event_log import open_event_file, write_events
from harry.daemon.first_start import fetch_wanted, offer_model
from harry.daemon.gc_freeze import start_kept
from harry.daemon.looking_after import Reload, Reloadable, looked_after
from harry.daemon.reloading import Reread
from harry.daemon.service_manager import ServiceManager
from harry.daemon.startup_report import StartupFacts, greeting, is_greeting_due, startup_report
from harry.daemon.typed_lines import Attendance, TypedLines
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import StoreError
from harry.host import startup as starting
from harry.host.budget import Budget, opened_budget
from harry.host.conversation import ConversationDevices, ConversationSettings, Inner
from harry.host.engine_loading import Chain, load_engines
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage, open_storage
from harry.inner_life.service import open_inner_life
from harry.net.telemetry import remove_traces
from harry.services.webhooks_out import WebhooksOut, webhooks_out
from harry.session.session import Session
from harry.terminal.console import Terminal, print_line
from harry.terminal.console_factory import progress, stdout_console
from harry.terminal.typing_mode import restore, unseen
from harry.welfare.ai_notice import AINotices

log = structlog.get_logger(__name__)

Fetch = Callable[[Terminal], Awaitable[None]]
"""Fetches a language model, shown on the terminal."""

STOP_WITHIN = 4.5
"""Seconds after which a stop no longer waits for anything."""


def run(config: Config, options: RunOptions, reread: Reread | None = None) -> int:
    """Run Harry until he is told to stop, or, with `until_quiet`, until all was said. Returns the exit code.

    `reread` reads the configuration again, for a reload; without it there is none.
    """
    if options.door:
        bound_arenas()  # the whole process is Harry's
    remove_traces()
    with home_left_alone():
        stopped = trio.run(partial(_run, config, options, reread), restrict_keyboard_interrupt_to_checkpoints=True)
    # With a door the whole process is Harry; without, others go on with it (the demo, a bench).
    if stopped or options.door:
        _leave_at_once()
    return 0


def _leave_at_once() -> None:
    """End the process now that all is written, without the farewells of native libraries.

    A thread that still loads a model when they say them aborts the process ("terminate called ...").
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.flush()
    os._exit(0)


async def _run(config: Config, options: RunOptions, reread: Reread | None) -> bool:
    stop = trio.CancelScope()
    reload = Reload(reread, Latch()) if reread is not None else None
    received = _obey_signals(stop, reload.wanted if reload is not None else None)
    manager = ServiceManager.take()
    await _live(config, options, stop, manager, reload)
    manager.tell("STOPPING=1")
    return bool(received) or stop.cancel_called


def _has_terminal() -> bool:
    """Return whether a terminal controls this process, so that SIGHUP means that it was closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _obey_signals(scope: trio.CancelScope, hangup: Latch | None = None) -> list[int]:
    """Cancel `scope` at the first signal; returns the list into which those that came are put.

    SIGHUP sets `hangup` where no terminal controls this process; else it ends Harry as the others do.
    All that must not fail is done in the handler itself: an engine that blocks the loop would keep a task from it.
    """
    token = trio.lowlevel.current_trio_token()
    received: list[int] = []

    def stop(number: int, _: object) -> None:
        # First of all: however this ends, the terminal is left as it was found.
        restore()
        if received:
            # The second acts as signals do by themselves: it ends the process at once.
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        received.append(number)
        # This clock runs in a thread of its own that needs no Python: nothing can hold it up.
        faulthandler.dump_traceback_later(STOP_WITHIN, exit=True, file=nowhere)
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(cancel, number)

    def cancel(number: int) -> None:
        log.info("stopping", signal=signal.Signals(number).name)
        scope.cancel()

    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if hangup is not None and not _has_terminal():
        # Whoever sends it means what it means to every service, even one that was started with it ignored.
        signal.signal(signal.SIGHUP, partial(_wake, token, hangup))
    elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, stop)  # the terminal was closed; under `nohup` it is ignored, and stays so
    return received


def _wake(token: trio.lowlevel.TrioToken, hangup: Latch, *_: object) -> None:
    """Ask for a reload; a signal's handler."""
    with suppress(trio.RunFinishedError):
        token.run_sync_soon(hangup.set, idempotent=True)


async def _live(
    config: Config, options: RunOptions, stop: trio.CancelScope, manager: ServiceManager, reload: Reload | None
) -> None:
    """Load, converse, and let go. `stop` ends all but what has to be written at the end."""
    console = stdout_console()
    starting.refuse_one_file_for_two(config, options)
    async with open_storage(config) as storage, AsyncExitStack() as held, trio.open_nursery() as writing:
        with stop:
            # The folder is held by now: a second Harry does not empty the event file of the first.
            events_to = open_event_file(options.events) if options.events else None
            if events_to is not None:
                held.callback(events_to.close)
            listeners = await front_door.take_port(config, held) if options.door and config.web.enabled else []
            wyoming_at = await wyoming.take_port(config, held) if options.door else []
            budget = await opened_budget(config)
            async with manager.patient("Engines are loaded."):
                engines, fetch = await _engines(config, options, console, budget)
            held.push_async_callback(engines.aclose)
            inner = await open_inner_life(config, storage.database, engines.language_model, config.user.name)
            devices = await _devices(config, options, engines)

            def prepare(session: Session) -> None:
                starting.tell_of_minds(engines, session.events)
                if events_to is not None:
                    writing.start_soon(write_events, session.events.listen(4096, lossless=True), events_to)

            async with (
                hosting(
                    config, engines, storage, most=1 + config.web.sessions, budget=budget,
                    summarise=inner.summarise if inner else None, notices=AINotices(config.welfare.ai_notice_seconds),
                ) as host,
                _ways_in(config, host, listeners, wyoming_at) as (door, hooks, untraced),
            ):  # fmt: skip
                facts = _facts(config, options, engines, devices, storage, notes=untraced)
                way_in = await door.way_in() if door else ""
                facts = replace(facts, door=way_in, wyoming=wyoming.describe(config, wyoming_at))
                greet = facts.real_microphone and is_greeting_due(await _last_turn(config, storage), time.time())
                for line in startup_report(facts):
                    print_line(console, line)
                at_terminal = Attendance(console.is_terminal)
                by_person = facts.real_microphone or console.is_terminal
                first = _first_session(host, devices, at_terminal, inner=inner, by_person=by_person, prepare=prepare)
                async with first as session:
                    host.room = session
                    if door is not None:
                        session.events.publish(DoorOpened(address=door.address))
                    reloadable = Reloadable(reload, inner, door, hooks)
                    async with looked_after(config, options, host, session, manager=manager, changes=reloadable):
                        with start_kept():
                            await _converse(session, facts, options, console, at_terminal, greet=greet, fetch=fetch)


@asynccontextmanager
async def _ways_in(
    config: Config, host: Host, listeners: list[trio.SocketListener], wyoming_at: list[trio.SocketListener]
) -> AsyncIterator[tuple[front_door.WebServer | None, WebhooksOut, tuple[str, ...]]]:
    """Open the web server, Wyoming's, webhooks and traces; the last are told by what the start has to say of them."""
    opening = front_door.opened(config, host, listeners) if listeners else nullcontext()
    async with (
        telemetry.opened(config.telemetry.endpoint, host) as untraced,
        opening as door,
        wyoming.opened(config, host, wyoming_at),
        webhooks_out(host) as hooks,
    ):
        yield door, hooks, untraced


def _first_session(
    host: Host,
    devices: _Devices,
    attendance: Attendance,
    *,
    inner: Inner | None,
    by_person: bool,
    prepare: Callable[[Session], None],
) -> AbstractAsyncContextManager[Session]:
    """Open the session at this computer's own microphone and loudspeaker."""
    config = host.config
    return host.open(
        user=config.user.name,
        devices=ConversationDevices(devices.clock, devices.microphone, devices.loudspeaker),
        settings=_at_the_devices(host.settings(config.user.name), config, devices),
        inner=inner,
        attended=lambda: devices.loudspeaker is not None or attendance(),
        by_person=by_person,
        prepare=prepare,
    )


async def _engines(
    config: Config, options: RunOptions, console: Console, budget: Budget
) -> tuple[Engines, Fetch | None]:
    """Load the engines, and offer a person at a terminal a language model first; what is wanted is fetched later."""
    chains = await starting.chains(config)
    wanted = await offer_model(config, chains[-1], console) if options.until_quiet is None else None
    fetch = partial(fetch_wanted, config, wanted) if wanted else None
    return await _load(chains, console, budget), fetch


async def _last_turn(config: Config, storage: Storage) -> str | None:
    """Name the newest turn of the user at this computer, if there is one that can be read."""
    try:
        newest = await storage.store.history(config.user.name, limit=1)
    except StoreError as error:
        log.warning("the last turn cannot be read", cause=str(error))
        return None
    return newest[-1].turn if newest else None


async def _load(chains: list[Chain], console: Console, budget: Budget) -> Engines:
    with unseen() if console.is_terminal else nullcontext(), progress(console) as loaded:
        return await load_engines(chains, on_loaded=loaded, meter=budget)


async def _converse(
    session: Session,
    facts: StartupFacts,
    options: RunOptions,
    console: Console,
    attendance: Attendance,
    *,
    greet: bool,
    fetch: Fetch | None,
) -> None:
    shown = session.events.listen()
    level = (lambda: session.speech_input.level) if session.microphone is not None else None
    terminal = Terminal(console, name=facts.name, level=level)
    typed = TypedLines(terminal, session, attendance)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.warm)
        nursery.start_soon(terminal.show, shown)
        nursery.start_soon(typed.take)
        if fetch is not None:
            nursery.start_soon(fetch, terminal)
        if greet:
            session.conductor.say(greeting(facts))
        if options.until_quiet is None:
            await trio.sleep_forever()
        else:
            if isinstance(session.microphone, WavMicrophone) and session.speech_input.recorder is not None:
                await session.microphone.ended.wait()
            await typed.quiet(options.until_quiet)
        nursery.cancel_scope.cancel()


@dataclass(frozen=True, slots=True)
class _Devices:
    """What stands at this computer, and what had to be done without."""

    clock: AudioClock
    microphone: Microphone | None
    loudspeaker: Loudspeaker | None
    notes: tuple[str, ...]


async def _devices(config: Config, options: RunOptions, engines: Engines) -> _Devices:
    clock = AudioClock()
    microphone = await open_microphone(_wanted_microphone(config, options), clock)
    spoken = engines.text_to_speech
    rate = spoken.engine.rate if spoken else 24_000
    loudspeaker = await open_loudspeaker(_wanted_loudspeaker(config, options) if spoken else "none", clock, rate)
    # That there is none at all is told once, in a line of its own; `harry doctor` says why.
    notes = [note for chosen in (microphone, loudspeaker) if chosen.device is not None for note in chosen.notes]
    return _Devices(clock, microphone.device, loudspeaker.device, tuple(notes))


def _wanted_microphone(config: Config, options: RunOptions) -> str | list[str]:
    return options.microphone or config.audio.microphone


def _wanted_loudspeaker(config: Config, options: RunOptions) -> str | list[str]:
    return options.loudspeaker or config.audio.loudspeaker


def _at_the_devices(settings: ConversationSettings, config: Config, devices: _Devices) -> ConversationSettings:
    """Settle whether Harry may hear himself: by default between two sound cards, never between files."""
    echo = config.audio.echo
    microphone, loudspeaker = devices.microphone, devices.loudspeaker
    cards = isinstance(microphone, SoundcardMicrophone) and isinstance(loudspeaker, SoundcardLoudspeaker)
    both = microphone is not None and loudspeaker is not None
    cancel = both and (echo == "on" or (echo == "auto" and cards))
    return replace(
        settings,
        cancel_echo=cancel,
        hears_himself=cancel or not isinstance(microphone, WavMicrophone),
        chime=config.audio.chime and loudspeaker is not None,
    )


def _facts(
    config: Config,
    options: RunOptions,
    engines: Engines,
    devices: _Devices,
    storage: Storage,
    *,
    notes: tuple[str, ...],
) -> StartupFacts:
    microphone, loudspeaker = devices.microphone, devices.loudspeaker
    mind = engines.language_model.engine if engines.language_model else None
    persona = load_configured_persona(config.persona)
    small = starting.better_minds(mind)
    folder: Path | None = config.memory_folder if storage.store.durable else None
    return StartupFacts(
        ear=_described(engines.speech_to_text),
        microphone=microphone.description if microphone else None,
        wants_microphone=_wanted_microphone(config, options) != "none",
        voice=_described(engines.text_to_speech),
        loudspeaker=loudspeaker.description if loudspeaker else None,
        wants_loudspeaker=_wanted_loudspeaker(config, options) != "none",
        mind=_described(engines.language_model),
        fallbacks=tuple(dict.fromkeys([*engines.notes, *devices.notes, *storage.notes, *notes])),
        folder=folder,
        small_mind=bool(small),
        better_minds=small,
        real_microphone=microphone is not None and not isinstance(microphone, WavMicrophone),
        name=config.persona.name,
        greeting=persona.fill_names(persona.greeting, name=config.persona.name, user=config.user.name),
    )


def _described(shelf: EnginePool[Any] | None) -> str | None:
    if shelf is None:
        return None
    return str(shelf.engine.describe())
