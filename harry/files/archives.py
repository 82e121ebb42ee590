"""One file out of a stranger's zip: read as a stream within a cap, never unpacked onto the disk.

Nothing is written, so a path in the archive can lead nowhere. What makes an archive dangerous to open is refused by
its tail, before the list of its files is read: a list of millions of names costs memory, whatever they hold.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from harry.errors import ConfigurationError

ZIP = b"PK\x03\x04"
"""How a zip with a file in it begins."""

MAX_LIST_BYTES = 16_000_000
"""Bytes of the list of files at the end of an archive: some hundred thousand names."""

MAX_OPEN = 1000
"""Files of an archive that are read: each that is open takes some kilobytes."""

MAX_RATIO = 200
"""How many times larger than packed a file may become; text shrinks to a tenth or a twentieth."""

_TAIL = 22
_LONGEST_COMMENT = 65_535
_FREE_BYTES = 1_000_000  # a file this small may be packed as tightly as it will


@contextmanager
def open_member(
    path: Path, wanted: Callable[[str], bool], *, largest: int, what: str
) -> Iterator[list[tuple[BinaryIO, int]]]:
    """Open the files of a zip whose names are `wanted`, in the order of their names: streams, with their bytes.

    `what` says in a refusal what was looked for. Raises `ConfigurationError`: damaged, encrypted, over a cap, or
    nothing of the kind in it. A damaged file is met while its stream is read: use `errors_of_archive` around that.
    """
    with errors_of_archive(path):
        _refuse_long_list(path)
        with ExitStack() as held:
            archive = held.enter_context(zipfile.ZipFile(path))
            found = sorted((entry for entry in archive.infolist() if wanted(entry.filename)), key=lambda e: e.filename)
            if not found:
                raise ConfigurationError(f"{path} holds no {what}.", remedy="Choose the file as it was exported.")
            if len(found) > MAX_OPEN:
                raise ConfigurationError(f"{path} holds {what} more than {MAX_OPEN} times.", remedy="Unpack it first.")
            for entry in found:
                _refuse_bomb(path, entry)
            if sum(entry.file_size for entry in found) > largest:
                raise ConfigurationError(f"What {path} holds is larger than {largest // 1_000_000} MB.")
            yield [(cast("BinaryIO", held.enter_context(archive.open(entry))), entry.file_size) for entry in found]


@contextmanager
def errors_of_archive(path: Path) -> Iterator[None]:
    """Translate what goes wrong with an archive into sentences."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
        # A password is told as a RuntimeError, an unknown way of packing as a NotImplementedError.
        encrypted = isinstance(error, RuntimeError) and "encrypted" in str(error)
        why = "is encrypted" if encrypted else "is damaged or cut off, or packed in a way that cannot be read"
        raise ConfigurationError(f"{path} {why}.", remedy="Unpack it, and name the file that was in it.") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.", remedy="Name another file.") from error


def _refuse_bomb(path: Path, entry: zipfile.ZipInfo) -> None:
    if entry.file_size > _FREE_BYTES and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise ConfigurationError(
            f"{path} is packed so tightly that it is no text of anybody's.",
            remedy="Export it again where it came from.",
        )


def _refuse_long_list(path: Path) -> None:
    """Refuse a list of files that is too long to be read, as the tail says where `zipfile` looks for it."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL - _LONGEST_COMMENT - 76))
        tail = file.read()
        begins = len(tail) - _TAIL
        if tail[begins : begins + 4] != b"PK\x05\x06" or tail[-2:] != b"\0\0":
            begins = tail.rfind(b"PK\x05\x06")
        if begins < 0 or begins + _TAIL > len(tail):
            raise zipfile.BadZipFile("no tail")
        (length,) = struct.unpack_from("<L", tail, begins + 12)
        locator = tail[begins - 20 : begins] if begins >= 20 else b""
        if locator.startswith(b"PK\x06\x07"):
            (at,) = struct.unpack_from("<Q", locator, 8)
            file.seek(min(at, size))
            record = file.read(56)
            if len(record) < 56 or not record.startswith(b"PK\x06\x06"):
                raise zipfile.BadZipFile("no tail of 64 bits")
            lengths = [struct.unpack_from("<Q", record, 40)[0]]
            # Some readers believe the locator, others look right before it.
            before = tail[max(0, begins - 76) : begins - 20]
            if len(before) == 56 and before.startswith(b"PK\x06\x06"):
                lengths.append(struct.unpack_from("<Q", before, 40)[0])
            length = max(lengths)
    if length > MAX_LIST_BYTES:
        raise ConfigurationError(f"{path} holds more files than can be looked through.", remedy="Unpack it first.")
