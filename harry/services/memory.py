"""What the command line can ask of long-term memory: one layer, so that every later way in gives the same answers.

These functions work beside a running Harry. Only putting back a backup needs the data folder for itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import trio

from harry.config.loading import MEMORIES, Config
from harry.errors import ConfigurationError, FolderInUse
from harry.host.access_tokens import Tokens
from harry.memory.longterm.forgetting_day import DayForgotten
from harry.memory.longterm.importing import BATCH_ITEMS, MAX_LINE_BYTES, ImportReport, decode, read_document, read_lines
from harry.memory.longterm.opening import open_memory
from harry.memory.longterm.service import Found, Item, Kind, LongTermMemory
from harry.memory.store.backup import back_up, list_backups_holding, restore_backup, scrub_all
from harry.memory.store.data_folder import lock_folder, prepare_folder
from harry.memory.store.erasure import (
    Erasure,
    Forget,
    erase_rows,
    erase_spilled,
    erase_unreadable,
    opened,
    users_in,
)
from harry.memory.store.opening import STORE_FILE, locate_store, parse_day, require_disk_store
from harry.memory.store.salvage import Salvage
from harry.memory.store.salvage import salvage as save_what_can_be_read

Progress = Callable[[int, int], None]
"""Called with (done, of)."""


_FEW = 500  # vectors that a search makes on its way, if they are missing


def silent(_done: int, _of: int) -> None:
    """Show no progress."""


def something_kept(config: Config) -> bool:
    """Whether there is a store that something could take the place of."""
    return config.memory.store != "memory" and (config.memory_folder / STORE_FILE).exists()


# Into memory


async def import_file(
    config: Config,
    path: Path,
    *,
    namespace: str,
    kind: Kind | None = None,
    reading: Progress = silent,
    embedding: Progress = silent,
) -> tuple[ImportReport, str]:
    """Take in a file: JSON Lines of items, or, with `kind`, a text or Markdown document of that kind.

    Returns what became of it, and why nothing can be found by meaning, "" if it can. The file may be read again.
    """
    report = ImportReport()
    async with open_memory(config) as opened_memory:
        memory = opened_memory.memory
        if kind is not None:
            items = await trio.to_thread.run_sync(partial(read_document, path, namespace=namespace, kind=kind))
            await memory.upsert(items)
            report.taken = len(items)
        else:
            await _import_lines(memory, path, report, namespace, reading)
        await memory.embed_missing(everywhere=True, progress=embedding)
        return report, opened_memory.without


async def _import_lines(
    memory: LongTermMemory, path: Path, report: ImportReport, namespace: str, reading: Progress
) -> None:
    await trio.to_thread.run_sync(_refuse_prose, path)
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        lines = read_lines(file, report, namespace=namespace)
        while batch := await trio.to_thread.run_sync(_take, lines):
            await memory.upsert([item for _, item in batch])
            reading(batch[-1][0], size)


def _refuse_prose(path: Path) -> None:
    """Refuse a text that was meant for `--kind`, instead of telling of each of its lines that it is none of ours."""
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json") or not path.is_file():
        return
    with _opened(path) as file:
        begins = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if begins and not begins.startswith(b"{"):
        raise ConfigurationError(
            f"{path} is not JSON Lines.", remedy="Add --kind book or --kind note to import text or Markdown."
        )


def _take(lines: Iterator[tuple[int, Item]]) -> list[tuple[int, Item]]:
    """Take the next items, some thousand of them or some ten million characters."""
    batch: list[tuple[int, Item]] = []
    room = 10_000_000
    for line in lines:
        batch.append(line)
        room -= len(line[1].text)
        if len(batch) >= BATCH_ITEMS or room < 0:
            break
    return batch


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error


async def add(config: Config, item: Item) -> str:
    """Keep an item and make it findable; returns its id. Raises `ConfigurationError` for one that cannot be kept."""
    async with open_memory(config) as opened_memory:
        try:
            await opened_memory.memory.upsert([item])
        except ValueError as error:
            raise ConfigurationError(f"This cannot be kept: {error}.") from None
        await opened_memory.memory.embed_missing(namespace=item.namespace)
    return item.id


# Out of memory


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and whose memory it is asked of."""

    query: str
    namespace: str


def read_queries(path: Path, namespace: str) -> list[Asked]:
    """Read JSON Lines of `{"query", "namespace"}`. Raises `ConfigurationError` with the line that is wrong."""
    asked = []
    with _opened(path) as file:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES):
            number += 1
            text, _ = decode(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
            if not text.strip():
                continue
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                line = None
            query = line.get("query") if isinstance(line, dict) else None
            whose = (line.get("namespace") or namespace) if isinstance(line, dict) else None
            if not isinstance(query, str) or not isinstance(whose, str):
                raise ConfigurationError(
                    f"Line {number} of {path} is not a question.",
                    remedy='A line is {"query": "...", "namespace": "..."}.',
                )
            asked.append(Asked(query, whose))
    return asked


async def search(
    config: Config,
    asked: Sequence[Asked],
    answer: Callable[[Asked, tuple[Found, ...]], None],
    *,
    count: int,
    kind: Kind | None = None,
    progress: Progress = silent,
) -> str:
    """Answer questions in order, without deadline or floor; returns why meaning was not asked, "" if it was."""
    locate_store(config)
    async with open_memory(config) as opened_memory:
        memory = opened_memory.memory
        for namespace in dict.fromkeys(case.namespace for case in asked):
            missing = sum(row["items"] - row["with_vector"] for row in await memory.count_items(namespace))
            if 0 < missing <= _FEW:
                await memory.embed_missing(namespace=namespace)
        for number, case in enumerate(asked, start=1):
            found = await memory.search(
                case.query, namespace=case.namespace, kinds=(kind,) if kind else None, count=count
            )
            answer(case, found.found)
            progress(number, len(asked))
        return opened_memory.without


async def show(config: Config, namespace: str, identity: str) -> Item:
    """Give an item. Raises `ConfigurationError` where there is none."""
    locate_store(config)
    async with open_memory(config, by_meaning=False) as opened_memory:
        found = await opened_memory.memory.get(namespace, identity)
    if found is None:
        raise unknown(namespace, identity)
    return found


async def export(config: Config, namespace: str, write: Callable[[Item], None], *, kind: Kind | None = None) -> None:
    """Hand every item of a namespace to `write`, in order."""
    locate_store(config)
    async with open_memory(config, by_meaning=False) as opened_memory:
        last: int | None = None
        while items := await opened_memory.memory.list_items(namespace, kind=kind, after=last):
            for _, item in items:
                write(item)
            last = items[-1][0]


async def stats(config: Config, namespace: str | None) -> list[dict[str, Any]]:
    """Count the items of each namespace and kind."""
    require_disk_store(config)
    if not (config.memory_folder / STORE_FILE).exists():
        return []
    async with open_memory(config, by_meaning=False) as opened_memory:
        return await opened_memory.memory.count_items(namespace)


# Gone


async def delete(config: Config, namespace: str, identity: str) -> int:
    """Delete an item and all that told, repeated or was made of it, to the last byte.

    Returns how many items are gone.
    """
    locate_store(config)
    async with open_memory(config, by_meaning=False) as opened_memory:
        forgotten = await opened_memory.memory.forget(namespace, [identity])
    if not forgotten.items:
        raise unknown(namespace, identity)
    return len(forgotten.items)


async def forget_day(config: Config, namespace: str, day: str) -> DayForgotten:
    """Delete what was said on a day (`today`, `yesterday` or a date), and what was thought and made of it."""
    day = parse_day(day)
    locate_store(config)
    async with open_memory(config, by_meaning=False) as opened_memory:
        return await opened_memory.memory.forget_day(namespace, day)


def unknown(namespace: str, identity: str) -> ConfigurationError:
    """Word that there is no such memory."""
    return ConfigurationError(f"There is no memory {identity!r} of {namespace!r}.")


async def users(config: Config) -> list[str]:
    """Name everybody of whom something is kept here, or who may come in at the door."""
    stores = _stores(config)

    def look() -> set[str]:
        found: set[str] = set()
        for store in stores:
            with opened(store) as connection:
                found |= users_in(connection)
        return found | {token.user for token in Tokens(config.data_folder).all()}

    return sorted(await trio.to_thread.run_sync(look))


def _stores(config: Config) -> list[Path]:
    """List the stores there are: Harry's, and that of every persona that remembers by itself.

    Raises `ConfigurationError` where there is none.
    """
    require_disk_store(config)
    shared = config.data_folder / STORE_FILE
    found = [*filter(Path.exists, [shared]), *sorted((config.data_folder / MEMORIES).glob(f"*/{STORE_FILE}"))]
    return found or [locate_store(config)]


def list_others(config: Config) -> list[Path]:
    """List the stores beside the one in use: of other personas, or Harry's own."""
    return [store for store in _stores(config) if store.parent != config.memory_folder]


async def erase(config: Config, user: str, *, elsewhere: Sequence[Forget] = (), tokens: bool = True) -> Erasure:
    """Erase everything of a user, from the memory of every persona and `elsewhere`, and revoke his `tokens`.

    Returns what is gone and what still holds something.
    """
    stores = _stores(config)
    erasure = Erasure()

    def work(store: Path) -> None:
        with opened(store) as connection:
            for table, count in erase_rows(connection, user).items():
                erasure.rows[table] = erasure.rows.get(table, 0) + count
        scrub_all(store)
        folder = store.parent
        try:
            with lock_folder(config.data_folder):
                erasure.spilled += sum(erase_spilled(path, user) for path in folder.glob("*.jsonl"))
                for path in folder.glob("*.unreadable"):
                    erasure.spilled += erase_unreadable(path, user)
        except FolderInUse:
            # While Harry runs, what waits on the spill is his. It is empty unless the store fails.
            erasure.unseen += [str(path) for path in folder.glob("*.jsonl")]
        holding, unseen = list_backups_holding(store, user)
        erasure.backups += holding
        erasure.unseen += unseen

    for store in stores:
        await trio.to_thread.run_sync(work, store)
    if tokens:
        erasure.tokens = await trio.to_thread.run_sync(Tokens(config.data_folder).forget, user)
    for forget in elsewhere:
        erasure.keys += await forget(user)
    return erasure


async def backup(config: Config, target: Path, progress: Progress = silent) -> None:
    """Write a backup while Harry may run."""
    store = locate_store(config)
    await trio.to_thread.run_sync(back_up, store, target, progress)


async def restore(config: Config, source: Path, progress: Progress = silent) -> Path | None:
    """Put a backup back; returns where a damaged store was laid aside. Raises `FolderInUse` while Harry runs."""
    require_disk_store(config)
    prepare_folder(config.memory_folder)

    def work() -> Path | None:
        with lock_folder(config.data_folder):
            return restore_backup(source, config.memory_folder / STORE_FILE, progress)

    return await trio.to_thread.run_sync(work)


async def salvage(config: Config) -> Salvage:
    """Save what can be read of a damaged store. Raises `FolderInUse` while Harry runs."""
    store = locate_store(config)

    def work() -> Salvage:
        with lock_folder(config.data_folder):
            return save_what_can_be_read(store)

    return await trio.to_thread.run_sync(work)
