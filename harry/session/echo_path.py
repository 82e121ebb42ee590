"""From the gate to the ear: the reference that the echo canceller needs, aligned with the microphone's frames.

The sink's thread hands over what will sound (`Gate.tap`); here it is brought to the ear's rate and laid on the
session's clock, one stretch after the other, and set right when the card's clock has drifted too far from it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import soxr

from actors.listener import Cleaned
from actors.pcm import to_samples
from actors.protocols import Loudspeaker
from channels.clock import AudioClock
from channels.event_types import Degraded
from channels.events import EventStream
from channels.gate import Gate
from channels.messages import EAR_RATE, SAMPLE_BYTES, Frame
from harry.hearing.echo.canceller import VOICED_OVER_ECHO, Duplex, EchoCanceller

_ASTRAY = EAR_RATE // 4
"""Samples by which the reference may differ from the clock before it is aligned again."""

_KEPT = 2 * EAR_RATE
_WAITING = 256
"""Buffers the sink may be ahead of the listener: some seconds."""

_LINGERING = EAR_RATE // 2
"""Samples for which an echo may follow the last sound."""


class EchoPath:
    """One session's. `clean` is the listener's.

    `pending` is the sink's: samples pulled that have not sounded. `on_half_duplex` is told once when Harry must not
    listen while he speaks.
    """

    def __init__(
        self,
        gate: Gate,
        clock: AudioClock,
        pending: Callable[[], int] = lambda: 0,
        on_half_duplex: Callable[[], None] = lambda: None,
    ) -> None:
        self.canceller = EchoCanceller()
        self._clock = clock
        self._pending = pending
        self._rate = gate.rate
        self._on_half_duplex = on_half_duplex
        self._told = False
        self._waiting: deque[bytes | int] = deque(maxlen=_WAITING)
        self._resampler = soxr.ResampleStream(gate.rate, EAR_RATE, 1, dtype="float32")
        self._taken = 0  # samples of the sink since it was laid on the clock
        self._given = 0  # samples made of them
        self._reference = np.zeros(0, np.float32)
        self._end: int | None = None  # the reference's end on the clock, in samples
        self._sounding_until = -_LINGERING
        gate.tap = self._waiting.append

    def is_audible(self) -> bool:
        """Return whether what sounds may be in what the microphone hears; with headphones it is not."""
        return self.canceller.duplex is not Duplex.APART

    def clean(self, frame: Frame) -> Cleaned:
        """Take Harry's own voice out of a frame, and say whether there is more in it."""
        self._draw()
        count = len(frame.pcm) // SAMPLE_BYTES
        reference = self._between(frame.start, count)
        if np.any(reference):
            self._sounding_until = frame.start + count
        microphone = to_samples(frame.pcm)
        heard = self.canceller.process(microphone, reference)
        sounding = frame.start < self._sounding_until + _LINGERING
        if sounding and self.canceller.duplex is Duplex.HALF:
            if not self._told:
                self._told = True
                self._on_half_duplex()
            return Cleaned(Frame(bytes(len(frame.pcm)), frame.start), near=False)
        if not sounding:
            return Cleaned(frame)
        pcm = (heard.samples * np.float32(32767)).clip(-32768, 32767).astype(np.int16).tobytes()
        return Cleaned(Frame(pcm, frame.start), near=heard.near, voiced=VOICED_OVER_ECHO)

    def _draw(self) -> None:
        """Take in what the sink handed over since."""
        made: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = []
        while self._waiting:
            handed = self._waiting.popleft()
            samples = np.zeros(handed, np.float32) if isinstance(handed, int) else to_samples(handed)
            self._taken += len(samples)
            made.append(np.asarray(self._resampler.resample_chunk(samples), np.float32))
        fresh = sum(map(len, made))
        self._given += fresh
        self._reference = np.concatenate([self._reference, *made])[-_KEPT:]
        if self._end is not None:
            self._end += fresh
        # What the resampler still holds belongs to the place before the end.
        due = self._taken * EAR_RATE // self._rate - self._given
        # The sink has pulled ahead of the ear. Half of that is put before the present, so that no frame waits for its
        # reference although the sink pulls in bursts, and no echo comes before it.
        ahead = self._pending() * EAR_RATE // (2 * self._rate)
        now = round(self._clock.now() * EAR_RATE) - due + ahead
        if self._taken and (self._end is None or abs(now - self._end) > _ASTRAY):
            self._end = now

    def _between(self, start: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        """Return the reference for `count` samples from `start` on the clock, silence where there is none."""
        found = np.zeros(count, np.float32)
        if self._end is None:
            return found
        first = self._end - len(self._reference)
        low, high = max(start, first), min(start + count, self._end)
        if low < high:
            found[low - start : high - start] = self._reference[low - first : high - first]
        return found


def open_echo_path(gate: Gate, loudspeaker: Loudspeaker, events: EventStream) -> EchoPath:
    """Open the echo path of a session, whose people are told if Harry cannot hear over himself."""
    message = "Harry's own voice is too loud in the microphone: he listens only when he is silent."
    return EchoPath(gate, events.clock, loudspeaker.pending, lambda: events.publish(Degraded(message=message)))
