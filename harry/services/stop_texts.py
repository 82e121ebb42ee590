"""A reply that ends before the first of some texts, however the reply was cut into tokens. Pure."""

from __future__ import annotations

from collections.abc import Sequence


class StopTexts:
    """Fed with a reply as it streams; holds back what may be the beginning of a stop."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.met = False

    def feed(self, text: str) -> str:
        """Take a piece of the reply; return what may be sent of it now."""
        if self.met:
            return ""
        if not self._stops:
            return text
        self._held += text
        found = [at for at in map(self._held.find, self._stops) if at >= 0]
        if found:
            self.met = True
            told, self._held = self._held[: min(found)], ""
            return told
        keep = max(self._begun(stop) for stop in self._stops)
        told = self._held[: len(self._held) - keep]
        self._held = self._held[len(told) :]
        return told

    def end(self) -> str:
        """Return the rest, once the reply is over."""
        told, self._held = self._held, ""
        return "" if self.met else told

    def _begun(self, stop: str) -> int:
        """How many of the last characters held are the beginning of a stop."""
        longest = min(len(stop) - 1, len(self._held))
        return next((size for size in range(longest, 0, -1) if self._held.endswith(stop[:size])), 0)
