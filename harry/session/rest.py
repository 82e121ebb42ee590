"""Rests the ear after a long silence, and tells when Harry rests and when he is awake.

While he rests, voices reach no ear, so nothing is transcribed and the engines are free. With a wake phrase only that or
a button wakes him; without one any voice does. The listener holds the whole utterance, so no first word is lost.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from actors.turn_taking.attention import Attention
from channels.event_types import RestChanged
from channels.events import EventStream
from channels.messages import Speech

_ROUNDING = 0.01
"""Seconds after the deadline at which it has passed for sure."""


class Resting:
    """An actor of the session. `take(speech)` hands on what may be transcribed, without waiting."""

    def __init__(
        self, attention: Attention, events: EventStream, hand_over: Callable[[Speech], None], *, voice_wakes: bool
    ) -> None:
        self._attention = attention
        self._events = events
        self._hand_over = hand_over
        self._voice_wakes = voice_wakes
        self._resting = False
        self._patience = trio.CancelScope()

    def take(self, speech: Speech) -> None:
        """Hand speech to the ear, unless Harry rests and is not woken by it."""
        now = self._events.clock.now()
        if self._attention.is_resting(now) and not (self._voice_wakes and self._attention.hear_voice(now)):
            return
        self._hand_over(speech)

    def look(self) -> None:
        """Publish `resting` if that has changed."""
        if self._attention.is_resting(self._events.clock.now()) is not self._resting:
            self._resting = not self._resting
            self._events.publish(RestChanged(resting=self._resting))

    def look_again(self) -> None:
        """Reckon anew when he may rest: that has been set to something else."""
        self._patience.cancel()

    async def run(self) -> None:
        """Publish `resting` whenever that changes, until cancelled. Whatever wakes Harry is an event."""
        happenings = self._events.listen(16)
        while True:
            now = self._events.clock.now()
            self.look()
            patience = float("inf") if self._resting else self._attention.seconds_until_rest(now) + _ROUNDING
            with trio.move_on_after(patience) as self._patience:
                await happenings.__anext__()
