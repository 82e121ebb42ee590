"""The texts that a PNG carries beside its picture (`tEXt`, `zTXt`, `iTXt`): read within a cap, and written.

The picture itself is never unpacked, so it cannot do harm by its size; a compressed text is unpacked no further than
the cap. The chunks are those of https://www.w3.org/TR/png-3/#11textinfo.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterator, Mapping

PNG = b"\x89PNG\r\n\x1a\n"
"""How every PNG begins."""

MAX_CHUNKS = 10_000
"""Chunks of a PNG that are looked at."""

_KINDS = (b"tEXt", b"zTXt", b"iTXt")


class TextTooLargeError(ValueError):
    """A text is larger than the cap."""


class DamagedTextError(ValueError):
    """A text cannot be unpacked."""


class CutOffError(ValueError):
    """The file ends before it should."""


def read_texts(content: bytes, keywords: Collection[bytes], *, largest: int) -> dict[bytes, bytes]:
    """Return the texts under these keywords, the first of each, of at most `largest` bytes.

    Raises `TextTooLargeError`, `DamagedTextError`, and `CutOffError` where the file ends before any was found.
    """
    found: dict[bytes, bytes] = {}
    whole = False
    for kind, start, length in _chunks(content):
        whole = kind == b"IEND"
        if kind in _KINDS:
            keyword, separator, rest = content[start : start + length].partition(b"\0")
            if separator and keyword in keywords and keyword not in found:
                found[keyword] = _unpacked(kind, rest, largest)
    if not found and not whole:
        raise CutOffError("the file is cut off")
    return found


def replace_texts(content: bytes, texts: Mapping[bytes, bytes]) -> bytes:
    """Return the PNG with these texts in place of those under the same keywords. Raises `CutOffError`."""
    kept: list[bytes] = [PNG]
    whole = False
    for kind, start, length in _chunks(content):
        whole = kind == b"IEND"
        if kind in _KINDS and content[start : start + length].partition(b"\0")[0] in texts:
            continue
        if whole:
            kept += [_chunk(b"tEXt", keyword + b"\0" + text) for keyword, text in texts.items()]
        kept.append(content[start - 8 : start + length + 4])
    if not whole:
        raise CutOffError("the file is cut off")
    return b"".join(kept)


def _unpacked(kind: bytes, rest: bytes, largest: int) -> bytes:
    if kind == b"tEXt":
        if len(rest) > largest:
            raise TextTooLargeError
        return rest
    packed = True
    if kind == b"zTXt":
        rest = rest[1:]
    else:
        if len(rest) < 2:
            raise DamagedTextError("a text has no head")
        packed = rest[0] == 1
        _language, _, rest = rest[2:].partition(b"\0")
        _translated, _, rest = rest.partition(b"\0")
    if not packed:
        if len(rest) > largest:
            raise TextTooLargeError
        return rest
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(rest, largest + 1)
    except zlib.error as error:
        raise DamagedTextError("a text cannot be unpacked") from error
    if len(text) > largest:
        raise TextTooLargeError
    if not unpacking.eof:
        raise DamagedTextError("a text is cut off")
    return text


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk the chunks: kind, where the data begin, how long they are. A torn one, or `IEND`, ends the walk."""
    at = len(PNG)
    for _ in range(MAX_CHUNKS):
        if at + 12 > len(content):
            return
        length, kind = struct.unpack_from(">I4s", content, at)
        if at + 12 + length > len(content):
            return
        yield kind, at + 8, length
        if kind == b"IEND":
            return
        at += 12 + length


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
