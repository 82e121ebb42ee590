"""A past brought along: exports of other programs are read, kept as conversations of their dates, listed, taken out.

A file is read twice. The first time it is only counted, so that one that is cut off or of an unknown version is refused
before anything of it is kept. Reading is done in a thread, a few conversations at a time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

import trio

from channels.turn import new_id
from harry.config.loading import Config
from harry.errors import ConfigurationError
from harry.files.archives import ZIP, errors_of_archive, open_member
from harry.files.json_stream import CutOffError
from harry.memory.conversations.exports import (
    FORMATS,
    HARRY_VERSION,
    ExportFormat,
    ReadReport,
    UnknownVersionError,
    recognise,
)
from harry.memory.conversations.imported import (
    ImportRow,
    PastConversation,
    PastImport,
    count_fresh,
    keep_past,
    list_imports,
    undo_some,
)
from harry.memory.longterm.opening import open_memory
from harry.memory.store.backup import scrub_all
from harry.memory.store.items import IMPORTED
from harry.memory.store.opening import STORE_FILE, locate_store, require_disk_store
from harry.services.memory import Progress, silent

MAX_ARCHIVE_BYTES = 4_000_000_000
"""Bytes of conversations in an archive."""

TOGETHER = 200
"""Turns that are kept in one transaction, about: a running Harry waits no longer than that to write."""

TOGETHER_CHARACTERS = 8_000_000
"""Characters of turns that are held at a time, about."""

_BEGINNING = 4_000_000  # bytes in which a format is recognised


@dataclass(slots=True)
class PastReport:
    """What a file holds and what became of it. Times are of the first and last turn, seconds since the epoch."""

    format: ExportFormat
    id: str = ""
    conversations: int = 0
    turns: int = 0
    fresh: int = 0
    first: float | None = None
    last: float | None = None
    read: ReadReport = field(default_factory=ReadReport)
    without: str = ""

    def count(self, conversation: PastConversation) -> None:
        """Count a conversation."""
        self.conversations += 1
        self.turns += len(conversation.turns)
        for turn in conversation.turns:
            self.first = turn.started_at if self.first is None else min(self.first, turn.started_at)
            self.last = turn.ended_at if self.last is None else max(self.last, turn.ended_at)


@dataclass(frozen=True, slots=True)
class KnownImport:
    """An import that can be undone."""

    id: str
    format: str
    file: str
    turns: int
    first: float
    last: float


async def import_past(
    config: Config,
    path: Path,
    *,
    format_name: str | None = None,
    dry_run: bool = False,
    counting: Progress = silent,
    keeping: Progress = silent,
    embedding: Progress = silent,
) -> PastReport:
    """Take in an export. `dry_run` only counts.

    Raises `ConfigurationError` for a file that cannot be read whole, and then nothing of it is kept; `StoreError`.
    """
    require_disk_store(config)
    kind = await trio.to_thread.run_sync(_format_of, path, format_name)
    report = PastReport(kind, new_id())
    file = "".join(sign if sign.isprintable() and sign != "/" else "_" for sign in path.name)[-100:]
    into = PastImport(config.user.name, f"{IMPORTED}{report.id}/{kind.name}/{file}", kind.origin)
    await _in_batches(path, kind, report.read, counting, partial(_count, report))
    if not report.conversations:
        raise ConfigurationError(f"{path} holds no conversation that can be read.", remedy=_first_reason(report.read))
    if dry_run:
        if (config.memory_folder / STORE_FILE).exists():
            async with open_memory(config, by_meaning=False) as memory:

                async def look(batch: list[PastConversation]) -> None:
                    report.fresh += await memory.database.read(
                        lambda connection: sum(count_fresh(connection, into, held) for held in batch)
                    )

                await _in_batches(path, kind, ReadReport(), silent, look)
        else:
            report.fresh = report.turns
        return report
    async with open_memory(config) as memory:

        async def keep(batch: list[PastConversation]) -> None:
            report.fresh += await memory.database.transaction(
                lambda connection: sum(keep_past(connection, into, held) for held in batch)
            )

        await _in_batches(path, kind, ReadReport(), keeping, keep)
        if report.fresh:
            await memory.memory.embed_missing(namespace=into.user, everywhere=True, progress=embedding)
        report.without = memory.without
    return report


async def imports(config: Config) -> list[KnownImport]:
    """List the imports of the configured user, the oldest first."""
    require_disk_store(config)
    if not (config.memory_folder / STORE_FILE).exists():
        return []
    async with open_memory(config, by_meaning=False) as memory:
        rows = await memory.database.read(lambda connection: list_imports(connection, config.user.name))
    return [_known(row) for row in rows]


async def undo(config: Config, identity: str, progress: Progress = silent) -> KnownImport:
    """Take an import out again, with all that memory made of it, to its bytes in the file.

    Raises `ConfigurationError` where there is none, `StoreError`. What was cut short is finished by the next call.
    """
    locate_store(config)
    known = {found.id: found for found in await imports(config)}
    wanted = identity.strip().upper()
    if wanted not in known:
        raise ConfigurationError(f"There is no import {identity!r}.", remedy="`harry import list` shows them.")
    found = known[wanted]
    session = f"{IMPORTED}{found.id}/{found.format}/{found.file}"
    async with open_memory(config, by_meaning=False) as memory:
        gone = 0

        def some(connection: sqlite3.Connection) -> int:
            return undo_some(connection, config.user.name, session, TOGETHER)

        while count := await memory.database.transaction(some):
            gone += count
            progress(gone, found.turns)
        await trio.to_thread.run_sync(scrub_all, memory.database.path)
    return found


async def _count(report: PastReport, batch: list[PastConversation]) -> None:
    for conversation in batch:
        report.count(conversation)


async def _in_batches(
    path: Path,
    kind: ExportFormat,
    report: ReadReport,
    progress: Progress,
    work: Callable[[list[PastConversation]], Awaitable[None]],
) -> None:
    """Hand the conversations of a file to `work`, a few at a time; they are read in a thread."""
    found = _conversations(path, kind, report)
    try:
        while batch := await trio.to_thread.run_sync(_take, found):
            await work([conversation for _, _, conversation in batch])
            progress(batch[-1][0], batch[-1][1])
    finally:
        found.close()


def _take(found: Iterator[tuple[int, int, PastConversation]]) -> list[tuple[int, int, PastConversation]]:
    batch: list[tuple[int, int, PastConversation]] = []
    turns = characters = 0
    for conversation in found:
        batch.append(conversation)
        turns += len(conversation[2].turns)
        characters += sum(len(turn.said) + len(turn.heard) for turn in conversation[2].turns)
        if turns >= TOGETHER or characters >= TOGETHER_CHARACTERS:
            break
    return batch


def _conversations(
    path: Path, kind: ExportFormat, report: ReadReport
) -> Generator[tuple[int, int, PastConversation], None, None]:
    """Yield (bytes read, of how many, conversation); blocking. Raises `ConfigurationError`."""
    done = 0
    otherwise = _changed_at(path)
    with _opened(path) as (streams, size):
        for stream in streams:
            passed = 0
            try:
                for passed, conversation in kind.read(stream, report, otherwise):
                    yield done + passed, size, conversation
            except UnknownVersionError:
                raise ConfigurationError(
                    f"{path} is of a version that is not known here; Harry reads version {HARRY_VERSION} of his own.",
                    remedy="Update Harry, or export it again.",
                ) from None
            except UnicodeDecodeError:
                raise ConfigurationError(f"{path} is not text in UTF-8.", remedy=_AGAIN) from None
            except CutOffError as error:
                raise ConfigurationError(
                    f"{path} is cut off or damaged: {error}. Nothing of it was taken in.", remedy=_AGAIN
                ) from None
            except ValueError as error:
                raise ConfigurationError(f"{path} cannot be read as {kind.about}: {error}.", remedy=_AGAIN) from None
            done += passed


_AGAIN = "Export it again from the program that made it."


@contextmanager
def _opened(path: Path) -> Iterator[tuple[list[BinaryIO], int]]:
    """Open a file, or the conversations in a zip; with how many bytes there are."""
    with _plain(path) as file:
        if not file.read(4).startswith(ZIP):
            file.seek(0)
            yield [file], os.fstat(file.fileno()).st_size
            return
    with (
        open_member(path, _holds_conversations, largest=MAX_ARCHIVE_BYTES, what="conversations.json") as found,
        errors_of_archive(path),
    ):
        yield [stream for stream, _ in found], sum(size for _, size in found)


def _holds_conversations(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.startswith("conversations") and base.endswith(".json") and ".." not in name.split("/")


@contextmanager
def _plain(path: Path) -> Iterator[BinaryIO]:
    try:
        if path.exists() and not path.is_file():
            raise ConfigurationError(f"{path} is no plain file.", remedy="Name the file that was exported.")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.", remedy="Name another file.") from error


def _format_of(path: Path, name: str | None) -> ExportFormat:
    if name is not None:
        if name not in FORMATS:
            raise ConfigurationError(f"There is no format {name!r}.", remedy=f"There are: {', '.join(FORMATS)}.")
        return FORMATS[name]
    with _opened(path) as (streams, _):
        beginning = streams[0].read(_BEGINNING)
    found = recognise(beginning.decode("utf-8-sig", "replace").lstrip())
    if not found:
        known = "; ".join(f"{known.name}: {known.about}" for known in FORMATS.values())
        raise ConfigurationError(f"{path} is of no format that Harry knows.", remedy=f"Harry reads {known}.")
    return FORMATS[found]


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error


def _first_reason(report: ReadReport) -> str:
    return f"{report.wrong[0][0]}: {report.wrong[0][1]}." if report.wrong else _AGAIN


def _known(row: ImportRow) -> KnownImport:
    identity, kind, file = row.session.removeprefix(IMPORTED).split("/", 2)
    return KnownImport(identity, kind, file, row.turns, row.first, row.last)
