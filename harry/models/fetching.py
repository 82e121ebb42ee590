"""Fetches a file whole or not at all: resumed where it was cut, checked by its sha256, put into place at once.

A server may cut, lie about the length, send other bytes, ignore where to go on, or redirect: none of it leaves a file
under its final name that is not the requested one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import trio

from harry.errors import EngineBusy, EngineError, EngineUnavailable, StoreError
from harry.files.atomic import write_file
from harry.files.fsync import sync_folder
from harry.models.catalogue import PINS, Model, ModelFile, read_pins
from harry.net import egress
from harry.net.egress import host_of, permit
from harry.net.http_client import Download, open_download

ATTEMPTS = 5
"""How often a file that is cut is gone on with, without a byte more in between."""

MAX_ATTEMPTS = 100
"""How often it is gone on with in all."""

SILENCE_SECONDS = 30.0
"""Seconds without a byte after which a server counts as gone."""

SPARE_BYTES = 200_000_000
"""Bytes that stay free on the disk."""

MAX_REDIRECTS = 5

_PAUSE = 0.5
_RANGE = re.compile(r"bytes (\d+)-\d*/(\d+|\*)")

Progress = Callable[[str, int, int | None], None]
"""Told a file's name, the bytes that are there, and how many there will be, if that is known."""


async def pull(model: Model, folder: Path, progress: Progress = lambda name, done, total: None) -> None:
    """Fetch a model's files into `folder`; complete files are not fetched again.

    Raises `EngineError` where a server does not give the requested file, `StoreError` where the disk does not take it.
    """
    kept = _ready(folder)
    for file in model.files:
        target = folder / file.name
        expected = file.sha256 or kept.get(file.name, "")
        if target.is_file() and expected and await _digest(target) == expected:
            kept[file.name] = expected
            continue
        kept[file.name] = await fetch(model.url(file), target, file, sha256=expected, progress=progress)
    write_file(folder / PINS, json.dumps(kept, indent=1).encode())


def _ready(folder: Path) -> dict[str, str]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}.", remedy="Set HARRY_HOME elsewhere.") from error
    return read_pins(folder)


async def fetch(
    url: str, target: Path, file: ModelFile, *, sha256: str, progress: Progress = lambda name, done, total: None
) -> str:
    """Fetch one file, resuming what was fetched before; return its sha256."""
    part = target.with_name(f"{target.name}.part")
    await _whole(url, part, file, progress)
    try:
        return await _take_into_place(url, part, target, sha256)
    except OSError as error:
        # Another Harry fetched it too, or somebody tidied up.
        raise StoreError(f"{target} cannot be written: {error.strerror}.", remedy="Pull again.") from error


async def _take_into_place(url: str, part: Path, target: Path, sha256: str) -> str:
    """Give a whole file its name if it is the requested one; return its sha256."""
    digest = await _digest(part)
    if sha256 and digest != sha256:
        await trio.to_thread.run_sync(part.unlink)
        raise EngineError(
            f"{host_of(url)} sent other bytes than {target.name} has: its checksum is wrong.",
            remedy="Nothing was kept. Try again; if it happens again, do not trust the server.",
        )
    await trio.to_thread.run_sync(_put, part, target)
    return digest


def _put(part: Path, target: Path) -> None:
    with part.open("rb") as file_to_sync:
        os.fsync(file_to_sync.fileno())
    part.replace(target)
    sync_folder(target.parent)


async def _whole(url: str, part: Path, file: ModelFile, progress: Progress) -> None:
    """Fetch until the file is complete, resuming after cuts."""
    idle = 0
    for _ in range(MAX_ATTEMPTS):
        before = _size(part)
        try:
            await _more(url, part, file, progress)
        except EngineBusy:
            idle = idle + 1 if _size(part) <= before else 0
            if idle >= ATTEMPTS:
                raise
            await trio.sleep(_PAUSE * idle)
        else:
            return
    raise EngineBusy(f"{host_of(url)} cuts {file.name} again and again.", remedy="Pull again: it goes on from there.")


async def _more(url: str, part: Path, file: ModelFile, progress: Progress) -> None:
    """Fetch what is missing. Raises `EngineBusy` where it was cut."""
    have = _size(part)
    if file.size is not None and have == file.size:
        return
    if file.size is not None and have > file.size:
        have = 0
    began, start = trio.current_time(), have
    try:
        async with _answer(url, have) as answer:
            start, total = _where(answer, have)
            _check_length(url, file, total)
            _check_room(part.parent, total, start)
            total = file.size or total
            with part.open("r+b" if start else "wb") as to:
                to.seek(start)
                to.truncate()
                while more := await _next(url, answer):
                    if total is not None and to.tell() + len(more) > total:
                        to.truncate(0)
                        raise EngineError(
                            f"{host_of(url)} sends more than {file.name} has.", remedy="Nothing was kept."
                        )
                    to.write(more)
                    progress(file.name, to.tell(), total)
    except OSError as error:
        raise StoreError(f"{part} cannot be written: {error.strerror}.", remedy="Make room on the disk.") from error
    finally:
        seconds = trio.current_time() - began
        egress.note(url, "fetching a model", received=max(0, _size(part) - start), seconds=seconds)
    if total is not None and _size(part) < total:
        raise EngineBusy(f"{host_of(url)} ended {file.name} too early.", remedy="Pull again: it goes on from there.")


async def _next(url: str, answer: Download) -> bytes:
    with trio.move_on_after(SILENCE_SECONDS):
        return await answer.read()
    raise EngineBusy(f"{host_of(url)} fell silent.", remedy="Pull again: it goes on from there.")


@asynccontextmanager
async def _answer(url: str, have: int) -> AsyncIterator[Download]:
    """Request a file from byte `have` on, following redirects."""
    for _ in range(MAX_REDIRECTS + 1):
        permit(url, "fetching a model")
        answer = await open_download(url, {"Range": f"bytes={have}-"} if have else {})
        try:
            to = answer.headers.get("location", "")
            if answer.status not in (301, 302, 303, 307, 308) or not to:
                _check_status(url, answer.status)
                yield answer
                return
        finally:
            await answer.aclose()
        there = _joined(url, to)
        if urlsplit(there).scheme not in ("https", urlsplit(url).scheme):
            raise EngineUnavailable(f"{host_of(url)} leads to an address that is not safe.")
        url = there
    raise EngineUnavailable(f"{host_of(url)} leads from address to address without end.")


def _joined(url: str, to: str) -> str:
    try:
        return urljoin(url, to)
    except ValueError as error:  # a bracket without its other half, say
        raise EngineUnavailable(f"{host_of(url)} leads to what is no address.") from error


def _check_status(url: str, status: int) -> None:
    if status in (408, 429) or status >= 500:
        raise EngineBusy(f"{host_of(url)} is in trouble (error {status}).", remedy="Pull again in a minute.")
    if status not in (200, 206, 416):
        raise EngineUnavailable(f"{host_of(url)} does not give this file (error {status}).", remedy="Check the name.")


def _where(answer: Download, have: int) -> tuple[int, int | None]:
    """Return the offset of the bytes that come, and the file's size if the server says it."""
    length = answer.headers.get("content-length", "")
    if answer.status == 206:
        found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if found is None or int(found[1]) != have:
            raise EngineError("The server does not go on where it was asked to.", remedy="Nothing was kept of it.")
        return have, int(found[2]) if found[2] != "*" else None
    if answer.status == 416:
        # Nothing is left to fetch, or what is here is none of it: the checksum tells.
        return have, have
    # The server does not know how to go on: from the beginning.
    return 0, int(length) if length.isdigit() else None


def _check_length(url: str, file: ModelFile, total: int | None) -> None:
    if file.size is not None and total is not None and total != file.size:
        raise EngineError(
            f"{host_of(url)} has another file under the name {file.name}: {total} bytes instead of {file.size}.",
            remedy="Nothing was kept.",
        )


def _check_room(folder: Path, total: int | None, start: int) -> None:
    free = shutil.disk_usage(folder).free
    if total is not None and free < total - start + SPARE_BYTES:
        raise StoreError(
            f"The disk has {free / 1e9:.1f} GB free, and {(total - start) / 1e9:.1f} GB are needed.",
            remedy="Make room.",
        )


async def _digest(path: Path) -> str:
    def read() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return await trio.to_thread.run_sync(read, abandon_on_cancel=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
