"""Scripts that an English voice would spell out sign by sign, in Latin letters. By anyascii."""

from __future__ import annotations

import re

from anyascii import anyascii

_RUN = re.compile(
    r"(?:(?![A-Za-z\u00c0-\u024f0-9])[\w\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff]|(?<=\w)[ ·・](?=[^\W\u0000-\u024f]))+"
)
_HAN = re.compile(r"[\u3400-\u9fff]+")
_KANA = re.compile(r"[\u3040-\u30ff]")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def read(text: str, at: int) -> tuple[int, str] | None:
    """Return where a stretch of another script ends, and its letters; nothing for what no table can read.

    How a Japanese sign is read depends on its word: such signs stay silent, where Chinese ones are said in pinyin.
    """
    found = _RUN.match(text, at)
    if found is None:
        return None
    run = found[0]
    if _HAN.search(run) and (_KANA.search(run) or "Japan" in text or "kanji" in text):
        run = _HAN.sub(" ", run)
    latin = _CAPITAL.sub(" ", anyascii(run))
    return found.end(), " ".join(latin.split())
