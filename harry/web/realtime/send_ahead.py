"""How much sound is sent to a client before it is heard: as little as the way there and this process allow.

What was sent and has not sounded is what an interruption comes too late for, and what sound has against a late message.
Both are weighed by what is measured: how much the time of a ping varies, and how late this process was.
"""

from __future__ import annotations

from collections import deque

LEAST, MOST = 0.06, 0.16
"""Seconds of sound sent ahead on a way that never varies, and on one that is not known or varies much."""

KNOWN_FROM = 4
"""Trips after which a way is known."""

FADES = 0.995
"""What is left of a lateness after each block of sound (20 ms): half of it after three seconds."""


class SendAhead:
    """Weighs for one client. `note_trip` and `note_late` are told what was measured."""

    def __init__(self) -> None:
        self._trips: deque[float] = deque(maxlen=32)
        self._late = 0.0

    @property
    def known(self) -> bool:
        """Whether enough was measured."""
        return len(self._trips) >= KNOWN_FROM

    @property
    def seconds(self) -> float:
        """Seconds of sound to send before they are heard."""
        if not self.known:
            return MOST
        return min(MOST, LEAST + (max(self._trips) - min(self._trips)) + self._late)

    def note_trip(self, seconds: float) -> None:
        """Note how long a ping took, there and back."""
        self._trips.append(seconds)

    def note_late(self, seconds: float) -> None:
        """Note how late a block of sound was due to go out and did; call it for each."""
        self._late = max(seconds, self._late * FADES)

    def forget(self) -> None:
        """Begin again: another way leads to the client now."""
        self._trips.clear()
