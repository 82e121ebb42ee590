"""The daemon's root: it holds engines, store and session, and ends them in order when it is told to.

A first SIGTERM or SIGINT ends everything in order within `STOP_WITHIN` seconds; a second ends the process at once.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import trio
from rich.console import Console

from actors.protocols import Loudspeaker, Microphone
from actors.turn_taking.attention import Talk
from channels.clock import AudioClock
from harry.audio.choice import open_loudspeaker, open_microphone
from harry.audio.soundcard import SoundcardLoudspeaker, SoundcardMicrophone
from harry.audio.wav import WavMicrophone
from harry.config.loading import Config, RunOptions
from harry.daemon import web_server as front_door
from harry.daemon.event_log import open_event_file, write_events
from harry.daemon.gc_freeze import start_kept
from harry.daemon.startup_report import Facts, account, greeting
from harry.engines.lease import Shelf
from harry.host import startup as starting
from harry.host.budget import Budget, opened_budget
from harry.host.engine_loading import Engines, load_engines
from harry.host.host import hosting
from harry.inner_life.service import open_inner_life
from harry.session.session import Session
from harry.terminal.console import show, typed_lines

log = structlog.get_logger(__name__)

STOP_WITHIN = 4.5
"""Seconds after which a stop no longer waits for anything."""


def run(config: Config, options: RunOptions) -> int:
    """Run Harry until he is told to stop, or, with `until_quiet`, until all was said. Returns the exit code."""
    stopped = trio.run(partial(_run, config, options), restrict_keyboard_interrupt_to_checkpoints=True)
    if stopped:
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


async def _run(config: Config, options: RunOptions) -> bool:
    stop = trio.CancelScope()
    received = _obey_signals(stop)
    await _live(config, options, stop)
    return bool(received)


def _obey_signals(scope: trio.CancelScope) -> list[int]:
    """Cancel `scope` at the first signal; returns the list into which those that came are put.

    All that must not fail is done in the handler itself: an engine that blocks the loop would keep a task from it.
    """
    token = trio.lowlevel.current_trio_token()
    received: list[int] = []

    def stop(number: int, _: object) -> None:
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
    return received


async def _live(config: Config, options: RunOptions, stop: trio.CancelScope) -> None:
    """Load, converse, and let go. `stop` ends all but what has to be written at the end."""
    console = starting.stdout_console()
    starting.refuse_one_file_for_two(config, options)
    async with starting.keeping(config) as kept, AsyncExitStack() as held, trio.open_nursery() as writing:
        with stop:
            # The folder is held by now: a second Harry does not empty the event file of the first.
            events_to = open_event_file(options.events) if options.events else None
            if events_to is not None:
                held.callback(events_to.close)
            listeners = await front_door.take_port(config, held) if options.door and config.web.enabled else []
            budget = await opened_budget(config)
            engines = await _load(config, console, budget)
            held.push_async_callback(engines.aclose)
            inner = await open_inner_life(
                config, held, engines.language_model, config.user.name, kept=kept.store.durable
            )
            devices = await _devices(config, options, engines)

            def prepare(session: Session) -> None:
                starting.tell_of_minds(engines, session.events)
                if events_to is not None:
                    writing.start_soon(write_events, session.events.listen(4096, lossless=True), events_to)

            async with AsyncExitStack() as within:
                host = await within.enter_async_context(
                    hosting(
                        config,
                        engines,
                        kept.store,
                        most=1 + config.web.sessions,
                        summarise=inner.summarise if inner else None,
                    )
                )
                host.budget = budget
                door = None
                if listeners:
                    keeps = kept.store.durable or config.memory.store == "memory"
                    opening = front_door.opened(config, host, listeners, keeps=keeps)
                    door = await within.enter_async_context(opening)
                facts = replace(_facts(config, engines, devices, kept), door=await door.way_in() if door else "")
                for line in account(facts):
                    console.print(line, soft_wrap=True, markup=False)
                async with host.open(
                    user=config.user.name,
                    microphone=devices.microphone,
                    loudspeaker=devices.loudspeaker,
                    clock=devices.clock,
                    cancel_echo=_cancels_echo(config.audio.echo, devices.microphone, devices.loudspeaker),
                    inner=inner,
                    prepare=prepare,
                ) as session:
                    if isinstance(devices.microphone, WavMicrophone) and session.echo is None:
                        session.conductor.hears_himself = lambda: False
                    if door is not None:
                        session.events.publish("door", address=door.address)
                    with start_kept():
                        await _converse(session, facts, options, console)


async def _load(config: Config, console: Console, budget: Budget) -> Engines:
    chains = await starting.chains(config)
    with starting.progress(console) as loaded:
        return await load_engines(chains, on_loaded=loaded, meter=budget)


async def _converse(session: Session, facts: Facts, options: RunOptions, console: Console) -> None:
    shown = session.events.listen()
    reader = _Reader()
    audible = session.attended
    session.attended = lambda: audible() or console.is_terminal or reader.there
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.warm)
        nursery.start_soon(partial(show, shown, lambda: session.ears.level, console, name=facts.name))
        nursery.start_soon(_type, session, console, reader)
        if facts.real_microphone:
            session.conductor.say(greeting(facts))
        if options.until_quiet is None:
            await trio.sleep_forever()
        else:
            if isinstance(session.microphone, WavMicrophone) and session.ears.recorder is not None:
                await session.microphone.ended.wait()
            await session.quiet(options.until_quiet)
        nursery.cancel_scope.cancel()


@dataclass(slots=True)
class _Reader:
    """Whether a program types into Harry's standard input, which then reads what he answers."""

    there: bool = False


async def _type(session: Session, console: Console, reader: _Reader) -> None:
    """Typed lines are utterances; a line that begins with a slash tells Harry what to do."""
    async for line in typed_lines():
        reader.there = True
        text = line.strip()
        if text in ("/mute", "/unmute"):
            session.ears.mute(text == "/mute" and not session.ears.muted)
            if session.ears.recorder is None:
                console.print("There is no microphone to mute.")
        elif text == "/quit":
            os.kill(os.getpid(), signal.SIGTERM)
        elif text.startswith("/"):
            console.print("There are /mute, /unmute and /quit; anything else is said to Harry.", markup=False)
        elif text:
            session.typed(text)
        elif session.attention.talk is not Talk.OPEN:
            session.ears.press()
    reader.there = False


@dataclass(frozen=True, slots=True)
class _Devices:
    """What stands at this computer, and what had to be done without."""

    clock: AudioClock
    microphone: Microphone | None
    loudspeaker: Loudspeaker | None
    notes: tuple[str, ...]


async def _devices(config: Config, options: RunOptions, engines: Engines) -> _Devices:
    clock = AudioClock()
    microphone = await open_microphone(options.microphone or config.audio.microphone, clock)
    spoken = engines.text_to_speech
    rate = spoken.engine.rate if spoken else 24_000
    loudspeaker = await open_loudspeaker(
        (options.loudspeaker or config.audio.loudspeaker) if spoken else "none", clock, rate
    )
    return _Devices(clock, microphone.device, loudspeaker.device, (*microphone.notes, *loudspeaker.notes))


def _cancels_echo(wanted: str, microphone: Microphone | None, loudspeaker: Loudspeaker | None) -> bool:
    """Whether Harry may hear himself: by default between two sound cards, never between files."""
    cards = isinstance(microphone, SoundcardMicrophone) and isinstance(loudspeaker, SoundcardLoudspeaker)
    return microphone is not None and loudspeaker is not None and (wanted == "on" or (wanted == "auto" and cards))


def _facts(config: Config, engines: Engines, devices: _Devices, kept: starting.Kept) -> Facts:
    microphone, loudspeaker = devices.microphone, devices.loudspeaker
    mind = engines.language_model.engine if engines.language_model else None
    small = starting.better_minds(mind)
    folder: Path | None = config.data_folder if kept.store.durable else None
    return Facts(
        ear=_described(engines.speech_to_text),
        microphone=microphone.description if microphone else None,
        voice=_described(engines.text_to_speech),
        loudspeaker=loudspeaker.description if loudspeaker else None,
        mind=_described(engines.language_model),
        fallbacks=tuple(dict.fromkeys([*engines.notes, *devices.notes, *kept.notes])),
        folder=folder,
        small_mind=bool(small),
        better_minds=small,
        real_microphone=microphone is not None and not isinstance(microphone, WavMicrophone),
        name=config.persona.name,
    )


def _described(shelf: Shelf[Any] | None) -> str | None:
    if shelf is None:
        return None
    return str(shelf.engine.describe())
