"""The card in a PNG: a `tEXt` chunk named `ccv3`, else `chara`, with base64 of JSON in UTF-8. Nothing else is read."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator

from harry.errors import ConfigurationError

PNG = b"\x89PNG\r\n\x1a\n"
"""How every PNG begins."""

_CHUNKS = 10_000


def extract_card(content: bytes, name: str, *, largest: int) -> bytes:
    """Return the JSON of the card, at most `largest` bytes of it. Raises `ConfigurationError`."""
    cards: dict[bytes, bytes] = {}
    for kind, start, length in _chunks(content):
        if kind == b"tEXt" and length > 6:
            keyword, _, value = content[start : start + length].partition(b"\0")
            if keyword in (b"ccv3", b"chara"):
                cards.setdefault(keyword, value)
    for keyword in (b"ccv3", b"chara"):
        if keyword in cards:
            return _decoded(cards[keyword], name, largest)
    raise ConfigurationError(f"{name} is a picture without a card.", remedy="Choose the picture that holds the card.")


def _decoded(value: bytes, name: str, largest: int) -> bytes:
    if len(value) > largest // 3 * 4 + 4:
        raise ConfigurationError(f"The card in {name} is larger than {largest // 1_000_000} MB.")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ConfigurationError(
            f"The card in {name} is damaged.", remedy="Fetch the picture again from where it came."
        ) from None


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk the chunks: kind, where the data begin, how long they are. A torn one ends the walk."""
    at = len(PNG)
    for _ in range(_CHUNKS):
        if at + 12 > len(content):
            return
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind == b"IEND" or at + 12 + length > len(content):
            return
        yield kind, at + 8, length
        at += 12 + length
