"""`harry reload`: reads the configuration again, checks it whole, and has what can hold at once hold at once.

Nothing changes until all of it was found right. Two reloads at once happen one after the other. No turn is cut: engines
are changed by a swap, which lets what runs end with what it began with.
"""

from __future__ import annotations

import importlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
import trio

from actors.supervisor import describe_origin
from channels.event_types import ErrorOccurred
from channels.signals import Latch
from harry import log_setup
from harry.config.live_keys import When, effect_of, find_changes, take_over
from harry.config.loading import Config
from harry.config.mind_presets import PORTS, PRESETS
from harry.config.persona import OWN, Persona, load_configured_persona, read_configured_persona, renew_persona
from harry.daemon.service_manager import ServiceManager
from harry.daemon.web_server import WebServer
from harry.engines import registry
from harry.errors import HarryError
from harry.hearing.wake_phrase import spell_words
from harry.host.host import Host
from harry.host.swapping import STAGES
from harry.session.actor_registry import load_actors
from harry.session.session import Session
from harry.web.server.listener import tls

Reread = Callable[[], Config]
"""Reads the configuration from where it came from when Harry began; blocking. Raises `ConfigurationError`."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Reloaded:
    """What a reload has done: lines of (key, sentence) by when they hold, and what could not be done."""

    now: list[tuple[str, str]] = field(default_factory=list)
    next: list[tuple[str, str]] = field(default_factory=list)
    restart: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)

    def add(self, key: str, when: When, why: str) -> None:
        """Note from when a changed key holds."""
        {When.NOW: self.now, When.NEXT: self.next, When.RESTART: self.restart}[when].append((key, why))

    def as_dict(self) -> dict[str, list[dict[str, str]]]:
        """Return it for programs."""
        return {
            name: [{"key": key, "why": why} for key, why in getattr(self, name)]
            for name in ("now", "next", "restart", "failed")
        }


@dataclass(frozen=True, slots=True)
class _Swap:
    """An engine, or a stage, that is to be changed: `name` is to fill `role`, as `keys` have it."""

    keys: list[str]
    role: str
    name: str


@dataclass(frozen=True, slots=True)
class _Read:
    """A configuration that was read again and found right, with what had to be read besides."""

    config: Config
    persona: Persona
    secure: ssl.SSLContext | None


class Reloading:
    """Made once the room is open. `debug`: `--debug` was given, which outlasts every reload.

    `status` is told to the service manager after each reload.
    """

    def __init__(
        self,
        reread: Reread,
        host: Host,
        manager: ServiceManager,
        *,
        door: WebServer | None = None,
        debug: bool = False,
        status: Callable[[], str] = lambda: "",
    ) -> None:
        self._reread = reread
        self._host = host
        self._manager = manager
        self._door = door
        self._debug = debug
        self._status = status
        self._one_at_a_time = trio.Lock()

    async def reload(self) -> Reloaded:
        """Read the configuration again, and return what became of each key that changed.

        Raises `HarryError` with what is wrong and where; then nothing has changed.
        """
        async with self._one_at_a_time, self._manager.reloading("The configuration is read again.", self._status):
            return await self._reload()

    async def follow(self, wanted: Latch, room: Session) -> None:
        """Reload at each signal, until cancelled; what comes of it is told in the log, and a mistake in the room."""
        while True:
            await wanted.wait()
            wanted.clear()
            try:
                done = await self.reload()
            except HarryError as error:
                log.warning("the configuration was not read again", cause=str(error))
                room.events.publish(ErrorOccurred(message=f"The configuration was not read again. {error}"))
                continue
            except Exception as error:  # a mistake of ours must not take the conversation away
                log.warning("a reload broke", cause=describe_origin(error))
                log.debug("how it broke", exc_info=error)
                continue
            log.info("the configuration was read again", now=_keys(done.now), conversations_to_come=_keys(done.next))
            if done.restart:
                log.warning("some settings hold only after a restart", keys=_keys(done.restart))
            for key, why in done.failed:
                room.events.publish(ErrorOccurred(message=f"{key} was not changed. {why}"))

    async def _reload(self) -> Reloaded:
        host = self._host
        found = await trio.to_thread.run_sync(self._read)
        changes = find_changes(host.config, found.config)
        if "persona.folder" not in changes and found.persona != load_configured_persona(host.config.persona):
            changes.append("persona.folder")
        done, taken = Reloaded(), list[str]()
        swaps, late = _plan_swaps(changes, found.config, host)
        for key in changes:
            effect = effect_of(key)
            reason = late.get(key) or self._refused(key, host.config, found)
            if reason or effect.when is When.RESTART:
                done.add(key, When.RESTART, reason or effect.why)
            elif not any(key in swap.keys for swap in swaps):
                done.add(key, effect.when, effect.why)
                taken.append(key)
        await trio.to_thread.run_sync(_prepare_swaps, swaps, found.config)
        await self._apply(found, taken)
        for swap in swaps:
            await self._swap(swap, found.config, done)
        return done

    def _read(self) -> _Read:
        """Read all that a reload needs, and find it right. Blocking. Raises `HarryError`."""
        config, before = self._reread(), self._host.config
        # What only a start would find wrong is found now: after a restart nobody would be there to tell of it.
        if config.actors != before.actors:
            importlib.invalidate_caches()  # one may have been installed while he runs
            load_actors(config.actors.model_dump())
        if config.attention.wake_phrase and config.attention != before.attention:
            spell_words(config.attention.wake_phrase)
        secure = tls(config.web.certificate, config.web.certificate_key)
        return _Read(config, read_configured_persona(config.persona), secure)

    def _refused(self, key: str, before: Config, found: _Read) -> str:
        """Say why a key of those that hold at once cannot this time, "" where it can."""
        after = found.config
        if key == "persona.folder" and _apart(before, load_configured_persona(before.persona)) != _apart(
            after, found.persona
        ):
            return "Its memories are apart from others', and are opened when he starts."
        if key.startswith("web.certificate") and bool(before.web.certificate) != bool(after.web.certificate):
            return "The page cannot change between http and https while it is open."
        if key.startswith(("web.", "webhooks.in")) and self._door is None and effect_of(key).when is When.NOW:
            return "The web server does not run."
        return ""

    async def _apply(self, found: _Read, keys: list[str]) -> None:
        """Have these keys hold as they were read; what may fail comes first."""
        wanted = found.config.log
        folder = self._host.config.data_folder if wanted.file else None
        await trio.to_thread.run_sync(log_setup.configure, "debug" if self._debug else wanted.level, folder)
        # Another change may have come meanwhile, from the page: it stays.
        config = take_over(self._host.config, found.config, keys)
        if "persona.folder" in keys:
            renew_persona(config.persona, found.persona)
        self._host.hold_to(config)
        if self._door is not None and found.secure is not None:
            self._door.door.show(found.secure)

    async def _swap(self, swap: _Swap, wanted: Config, done: Reloaded) -> None:
        """Change an engine, and note what became of it. What fails leaves all as it was, and is tried next time."""
        before = self._host.config
        self._host.swaps.config = take_over(before, wanted, swap.keys)
        try:
            described = await self._host.swaps.swap(swap.role, swap.name)
        except HarryError as error:
            done.failed += [(key, str(error)) for key in swap.keys]
            return
        finally:
            self._host.swaps.config = self._host.config
        self._host.hold_to(take_over(self._host.config, wanted, swap.keys))
        for key in swap.keys:
            done.add(key, When.NOW, f"It serves from the next turn on: {described}.")


def _apart(config: Config, persona: Persona) -> str:
    """Return the folder of a persona that has memories of its own, "" where it shares everybody's."""
    return config.persona.folder if persona.memory == OWN else ""


def _plan_swaps(changes: list[str], wanted: Config, host: Host) -> tuple[list[_Swap], dict[str, str]]:
    """Return the engines and stages to be changed, and why other keys about them hold only after a restart."""
    late = {}
    swaps = [
        _Swap([f"actors.{stage}"], stage, getattr(wanted.actors, stage))
        for stage in STAGES
        if f"actors.{stage}" in changes
    ]
    chosen: set[str] = set()
    for role in registry.ROLES:
        key = f"engines.{role}"
        serving = _serving(host, role)
        chosen.update(wanted.chain(role), serving)
        reason = _why_late(role, wanted, host) if key in changes else ""
        if reason:
            late[key] = reason
        if serving:
            # One that stands in for a while must not become the first; one that was swapped in by hand is.
            chain = (host.config if reason else wanted).chain(role)
            name = chain[0] if chain and (key in changes or serving[0] in chain) else serving[0]
            keys = [asks for asks in (key, f"engine.{name}") if asks in changes and asks not in late]
            swaps += [_Swap(keys, role, name)] if keys else []
    swapped = {key for swap in swaps for key in swap.keys}
    for name in chosen:
        key = f"engine.{name}"
        if key in changes and key not in swapped:
            late[key] = "It is one of those that stand in: they are loaded when he starts."
    return swaps, late


def _why_late(role: str, wanted: Config, host: Host) -> str:
    """Say why another chain of a role holds only after a restart, "" where it can hold now."""
    if host.engines.by_role[role] is None:
        return "He was started without one."
    if not wanted.chain(role):
        return "He looks for one only when he starts."
    if wanted.chain(role)[:1] == host.config.chain(role)[:1]:
        return "What stands in for the first one is chosen when he starts."
    return ""


def _serving(host: Host, role: str) -> list[str]:
    pool = host.engines.by_role[role]
    return [str(pool.engine.name)] if pool is not None else []


_FOUND_LATER = {"gguf": {"path": "found later"}, **{name: {"model": "found later"} for name in PORTS}}
"""What need not stand in the tables of these engines: it is found when they are loaded."""


def _prepare_swaps(swaps: list[_Swap], wanted: Config) -> None:
    """Check that there are such engines and that their tables are right. Blocking. Raises `HarryError`."""
    importlib.invalidate_caches()  # one may have been installed while he runs
    for swap in swaps:
        if swap.role in STAGES:
            continue
        table = {**_FOUND_LATER.get(swap.name, {}), **PRESETS.get(swap.name, {}), **wanted.engine_table(swap.name)}
        registry.check_engine_table(swap.role, swap.name, table)


def _keys(lines: list[tuple[str, str]]) -> list[str]:
    return [key for key, _ in lines]
