"""Regular expressions of strangers, run so that none can hold Harry up.

RE2 (google-re2) takes time in proportion to pattern times text, whatever the pattern: nothing in it is catastrophic.
Look-around and back-references cannot be done so; a pattern with one counts as invalid and never matches. All patterns
of one firing share a time limit, the cheapest of the last time first, so that a slow one keeps nobody else waiting.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable

import re2

from harry.memory.lore.model import MAX_KEY_CHARACTERS

PATTERN_SECONDS = 0.02
"""Seconds for all patterns of one firing."""

MAX_SEARCHED_CHARACTERS = 4_000
"""Characters of a text that patterns are tried on: its last ones."""

_MEMORY = 1 << 20  # bytes of one pattern's automaton
_LITERAL = re.compile(r"/(.+)/([dgimsuvy]*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}|.)", re.DOTALL)


class BadPatternError(ValueError):
    """The expression is not one that can be run here."""


class Pattern:
    """A compiled expression. `cost` is what its last trial took, in seconds."""

    def __init__(self, source: str, *, case_sensitive: bool = False) -> None:
        """Compile it. Raises `BadPatternError`."""
        self.source = source
        self.cost = 0.0
        body, flags = parse_literal(source) or (source, "" if case_sensitive else "i")
        if not body or len(body) > MAX_KEY_CHARACTERS:
            raise BadPatternError(f"{source[:40]!r} is empty or too long.")
        options = re2.Options()
        options.log_errors = False
        options.never_capture = True
        options.max_mem = _MEMORY
        marks = "".join(flag for flag in "ims" if flag in flags)
        body = _ESCAPE.sub(_escaped, body)
        try:
            self._compiled = re2.compile((f"(?{marks})" if marks else "") + body, options)
        except (re2.error, UnicodeError) as error:
            cause = error.args[0] if error.args else "?"
            said = cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(cause)
            raise BadPatternError(f"{source[:40]!r} cannot be run: {said}.") from error

    def search(self, text: str) -> int | None:
        """Return where the pattern first matches in the last `MAX_SEARCHED_CHARACTERS` of a text; None if nowhere."""
        tail = text[-MAX_SEARCHED_CHARACTERS:]
        found = self._compiled.search(tail.encode("utf-8", "replace").decode())
        return None if found is None else len(text) - len(tail) + int(found.start())


def parse_literal(key: str) -> tuple[str, str] | None:
    """Split a key such as `/drag(on|oness)/i` into expression and flags; None for a plain key."""
    found = _LITERAL.fullmatch(key.strip())
    return (found[1], found[2]) if found else None


def _escaped(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    return f"\\x{{{code}}}" if code else found[0]


class Trials:
    """The patterns tried in one firing, within a time limit; what has no time left is not tried and says so."""

    def __init__(self, *, limit: float = PATTERN_SECONDS, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._end = clock() + limit
        self._seen: dict[tuple[int, str], int | None] = {}
        self.untried: set[int] = set()

    def find_first(self, patterns: Iterable[Pattern], text: str) -> tuple[Pattern, int] | None:
        """Find the first of the patterns that matches, and where."""
        for pattern in patterns:
            place = self._try(pattern, text)
            if place is not None:
                return pattern, place
        return None

    def gave_up(self, patterns: Iterable[Pattern]) -> bool:
        """Return whether any of these was not tried on something for want of time."""
        return any(id(pattern) in self.untried for pattern in patterns)

    def _try(self, pattern: Pattern, text: str) -> int | None:
        known = (id(pattern), text)
        if known in self._seen:
            return self._seen[known]
        began = self._clock()
        if began >= self._end:
            self.untried.add(id(pattern))
            return None
        place = self._seen[known] = pattern.search(text)
        pattern.cost = self._clock() - began
        return place
