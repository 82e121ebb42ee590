"""Which characters a voice may be given, and the four marks that `markup` leaves in a text for `segmentation`.

The marks are private characters, which no reply can hold: those are the first to be taken out.
"""

from __future__ import annotations

import unicodedata

NEW_LINE = "\n"
"""The line ended here: a pause, whether or not there was a mark."""
NUMBER_DOT = "\ue000"
"""A dot after the number of a list item: spoken as one, but no sentence ends with it."""
COMMA = "\ue001"
"""A comma that stands at once after the last word, whatever space was there: between the cells of a table."""
GAP = "\ue002"
"""Something was taken out here: a mark that follows moves up to the word before."""

_KEPT_SYMBOLS = frozenset("°©®™℃℉№")


class _Clean(dict[int, str | None]):
    """A table for `str.translate` that judges each character once: None drops it."""

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        kind = unicodedata.category(char)
        kept: str | None = char
        if char in "\n\x85\u2028\u2029":
            kept = NEW_LINE
        elif char.isspace():
            kept = " "
        elif kind in ("Cc", "Cf", "Cs", "Co", "Cn") or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
            kept = None
        elif (
            (kind == "So" and char not in _KEPT_SYMBOLS)
            or (kind == "Sk" and code > 0x2000)
            or 0x2190 <= code <= 0x21FF
            or code == 0x20E3
        ):
            kept = GAP
        self[code] = kept
        return kept


CLEAN = _Clean()
"""Takes out control and private characters and lone surrogates; puts a `GAP` where an emoji was."""
