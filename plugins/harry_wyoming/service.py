"""A Wyoming server as an engine sees it: its settings, what it says of itself, and what it answers in words."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import trio
from pydantic import field_validator

from harry.plugin import EngineError, EngineSettings, EngineUnavailable, is_loopback, permit
from harry_wyoming.connection import Connection, connect
from harry_wyoming.messages import AsrProgram, Describe, Error, Event, Info, SelectProgram, TtsProgram

Program: TypeAlias = AsrProgram | TtsProgram

DESCRIBE_WITHIN = 5.0
"""Seconds in which a server says what it offers."""

LOOK_WITHIN = 2.0
"""The same, where somebody waits for all that is looked at."""

_CODE = re.compile(r"[A-Za-z][\w-]{1,40}")


class WyomingSettings(EngineSettings):
    """What is set of ears and voices alike."""

    uri: str
    program: str | None = None
    language: str | None = None

    @field_validator("uri")
    @classmethod
    def _an_address(cls, given: str) -> str:
        if not re.fullmatch(r"tcp://[^/\s@:]+:\d{1,5}|tcp://\[[0-9a-fA-F:.]+\]:\d{1,5}|unix:///[^\s]+", given):
            raise ValueError("an address such as tcp://127.0.0.1:10300 or unix:///run/piper.sock was expected")
        return given


class WyomingService:
    """One server of an engine. `find` takes the programs of the engine's role out of what a server says of itself."""

    def __init__(
        self, settings: WyomingSettings, *, purpose: str, serves: str, find: Callable[[Info], Sequence[Program]]
    ) -> None:
        permit(settings.uri, purpose)
        self.uri = settings.uri
        self.local = is_loopback(settings.uri)
        self._settings = settings
        self._purpose = purpose
        self._serves = serves
        self._find = find
        self._program: Program | None = None

    async def describe(self, within: float = DESCRIBE_WITHIN) -> Program:
        """Ask the server what it offers, once; return the program that serves. Raises `EngineError`."""
        if self._program is None:
            with trio.move_on_after(within):
                async with connect(self.uri, self._purpose) as connection:
                    await connection.send(Describe())
                    while True:
                        event = await self.receive(connection)
                        if Info.is_type(event.type):
                            self._program = self._choose(event)
                            break
        if self._program is None:
            raise EngineUnavailable(
                f"{self.uri} does not say what it offers.", remedy="Check that it is a Wyoming server, and restart it."
            )
        return self._program

    def _choose(self, event: Event) -> Program:
        try:
            programs = list(self._find(Info.from_event(event)))
            names = [str(program.name) for program in programs]
        except (KeyError, TypeError, ValueError, AttributeError, AssertionError) as error:
            raise EngineError(f"What {self.uri} says of itself cannot be read.") from error
        wanted = self._settings.program
        if not programs:
            raise EngineUnavailable(
                f"{self.uri} offers no {self._serves}.", remedy="Name the address of one that does."
            )
        if wanted is None:
            return programs[0]
        if wanted not in names:
            raise EngineUnavailable(
                f"{self.uri} has no program {wanted!r}.", remedy=f"Set program to one of {', '.join(names[:20])}."
            )
        return programs[names.index(wanted)]

    @asynccontextmanager
    async def ask(self) -> AsyncIterator[Connection]:
        """Open a connection on which the engine's program serves. Raises `EngineError`."""
        try:
            async with connect(self.uri, self._purpose) as connection:
                if self._settings.program is not None:
                    await connection.send(SelectProgram(self._settings.program))
                yield connection
        except EngineError:
            self._program = None  # Another server may come back in its place.
            raise

    async def receive(self, connection: Connection) -> Event:
        """Return the server's next message. Raises `EngineError` where it tells an error, or has ended."""
        event = await connection.receive()
        if event is None:
            raise EngineError(f"{self.uri} closed the connection before it had answered.", remedy="See its own log.")
        if Error.is_type(event.type):
            # Its words may repeat what was said: a short code may be shown.
            code = event.data.get("code")
            shown = f" ({code})" if isinstance(code, str) and _CODE.fullmatch(code) else ""
            raise EngineError(f"{self.uri} failed{shown}.", remedy="See its own log.")
        return event


def summarise(program: Program, uri: str, offers: Sequence[Any]) -> str:
    """Say in a line which program serves and what it has."""
    version = f" {program.version}" if isinstance(program.version, str) and program.version else ""
    names = [str(offer.name) for offer in offers if offer.installed]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{program.name}{version} at {uri}{': ' if names else ''}{', '.join(names[:3])}{more}"
