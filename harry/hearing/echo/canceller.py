"""Which of what the microphone hears is Harry himself, and whether a person speaks over him.

The gate knows what it plays. Four steps: find the delay, predict the echo with a filter that learns the room, take it
away, and judge whether what is left is more than the echo explains. Where that cannot work, half duplex is the verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from actors.protocols import Samples
from channels.messages import EAR_RATE
from harry.hearing.echo.delay import MAX_DELAY_SAMPLES, DelayFinder
from harry.hearing.echo.evidence import Bands, Equaliser, Evidence
from harry.hearing.echo.filter import BLOCK, PathFilter
from harry.hearing.echo.history import TAPS, History
from harry.hearing.echo.spectra import Spectra

NEAR = 0.2
"""Score from which something other than the echo is heard."""

VOICED_OVER_ECHO = 0.3
"""Silero's probability, on the cleaned samples, from which a near window counts as a voice; two in a row are one."""

PARTITIONS = 12
"""Blocks of echo the filter covers: 192 ms."""

_MEMORY = 0.9995
_LEAD = 64
"""Samples before the loudest reflection that the filter covers too."""

_YOUNG = 0.6
_GROWN = 5 * EAR_RATE // BLOCK
"""So much is added to `NEAR` at first, falling to nothing over 5 s of Harry's speech."""

_WORSE = 1.1
"""A residual so much stronger than the microphone itself means that the echo takes another path than before."""

_AUDIBLE = 1e-6
_SOUNDING = 1e-9
"""Powers: a reference over the first teaches something, one over the second may still be heard as an echo."""

_FOLLOW_EVERY = 32
_FOLLOWED = slice(8, 64)
"""The drift is read from the filter's phase every half second, between 250 Hz and 2 kHz."""

_RADIANS = 2 * np.pi * np.arange(_FOLLOWED.start, _FOLLOWED.stop, dtype=np.float32) / (2 * BLOCK)
_MAX_DRIFT = 300e-6

_PATIENCE = 5 * EAR_RATE // BLOCK
_LEAST_NEAR = 0.2
_LEAST = 0.05
_SILENCE_DB = -120.0


class Duplex(StrEnum):
    """How Harry may listen while he speaks."""

    LEARNING = "learning"
    """The delay is not known yet: nothing counts as near while he speaks."""
    FULL = "full"
    """The echo is cancelled; he can be interrupted by voice."""
    APART = "apart"
    """No echo reaches the microphone (headphones): everything it hears is near."""
    HALF = "half"
    """There is an echo and it cannot be cancelled: the ear has to be muted while he speaks."""


@dataclass(frozen=True, slots=True)
class EchoResult:
    """One frame after the canceller.

    `samples` are cleaned for the voice activity detector and the ear, same shape as the frame. `near` says whether
    there is more than Harry's echo; `score` by how much (see `echo_evidence`). Levels are in dBFS: the echo as
    predicted, and what was left after taking it away.
    """

    samples: Samples
    near: bool
    score: float
    predicted_level: float
    residual_level: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known about the room; None while unknown.

    `delay` is in seconds; `drift` in parts per million (positive: the echo comes ever earlier); `loss`, of the echo
    against the reference, and `cancelled` are in dB.
    """

    duplex: Duplex
    delay: float | None
    drift: float | None
    loss: float | None
    cancelled: float | None


class EchoCanceller:
    """One session's. Synchronous, without threads; a frame of 512 costs about 0.4 ms while Harry sounds, else 0.01."""

    def __init__(self, *, partitions: int = PARTITIONS, memory: float = _MEMORY) -> None:
        self.duplex = Duplex.LEARNING
        self._filter = PathFilter(partitions, memory)
        self._evidence = Evidence()
        self._equaliser = Equaliser()
        self._finder = DelayFinder()
        self._reference = History()
        self._microphone = History()
        self._delay: float | None = None
        self._drift = 0.0  # samples of delay lost a sample
        self._taught = 0  # audible blocks since the delay was found
        self._waited = 0  # audible blocks before that
        self._idle = 0
        self._since_look = 0
        self._since_sound = math.inf  # samples
        self._seen: Spectra | None = None
        self._to_follow = _FOLLOW_EVERY
        self._floor = 1.0
        self._rising = 0.5
        self._unexplained = 0.0
        self._gain_of_late = np.array([1.0, 0.0])  # microphone and residual, as of the last 80 ms
        self._powers = np.zeros(3)  # reference, microphone, residual: means over audible blocks without a near voice

    def process(self, microphone: Samples, reference: Samples) -> EchoResult:
        """Take a frame of the microphone and what was played meanwhile: both shape (n,), n a multiple of 256, 16 kHz.

        An echo must not come before its reference; it may come up to 0.5 s after it.
        """
        if len(microphone) != len(reference) or len(microphone) % BLOCK:
            raise ValueError(
                f"frames of {len(microphone)} and {len(reference)} samples: wanted equal, multiples of 256"
            )
        self._reference.push(reference)
        self._microphone.push(microphone)
        power = float(np.dot(reference, reference)) / len(reference)
        self._since_sound = 0.0 if power > _SOUNDING else self._since_sound + len(reference)
        if self._delay is not None:
            self._delay = min(max(self._delay - self._drift * len(reference), TAPS / 2), float(MAX_DELAY_SAMPLES))
        if self._since_sound > (self._delay or MAX_DELAY_SAMPLES) + (self._filter.partitions + 4) * BLOCK:
            return self._pass_on(microphone)
        if power > _AUDIBLE:
            self._look(microphone, len(reference))
        if self._delay is None:
            near = self.duplex is Duplex.APART
            return EchoResult(microphone, near, 0.0, _SILENCE_DB, _decibels(_power(microphone)))
        return self._cancel(microphone, self._delay)

    def read_calibration(self) -> Calibration:
        """Return what the speech so far has taught about the room."""
        if self._delay is None or self._taught < _FOLLOW_EVERY:
            return Calibration(self.duplex, None, None, None, None)
        reference, echo, residual = self._powers.tolist()
        return Calibration(
            self.duplex,
            (self._delay + _LEAD) / EAR_RATE,
            self._drift * 1e6,
            _decibels(reference) - _decibels(echo),
            _decibels(echo) - _decibels(residual),
        )

    @property
    def half_duplex(self) -> bool:
        """Whether the ear has to be muted while Harry speaks."""
        return self.duplex is Duplex.HALF

    def describe(self) -> str:
        """Return one line for a person."""
        known = self.read_calibration()
        match self.duplex:
            case Duplex.APART:
                return "Harry does not hear himself in the microphone."
            case Duplex.HALF:
                return "Harry's own voice cannot be removed from the microphone: he does not listen while he speaks."
        if known.delay is None or known.drift is None or known.loss is None:
            return "Harry has not heard enough of himself yet to tell."
        loss = round(known.loss)
        loud = f"{loss} dB softer than" if loss > 0 else f"{-loss} dB louder than" if loss < 0 else "as loud as"
        return (
            f"Harry hears himself after {known.delay * 1000:.0f} ms, {loud} the loudspeaker; "
            f"{known.cancelled:.0f} dB of that is removed (clocks differ by {known.drift:.0f} ppm)."
        )

    def _pass_on(self, microphone: Samples) -> EchoResult:
        if self._seen is not None:
            self._filter.push_silence()
            self._seen = None
        self._idle = (self._idle + 1) % 4
        if self._idle == 0:
            self._evidence.overhear(microphone)
        samples = self._equalise(microphone, None)
        return EchoResult(samples, True, 2.0, _SILENCE_DB, _decibels(_power(microphone)))

    def _equalise(self, samples: Samples, gains: Bands | None) -> Samples:
        blocks = [self._equaliser.apply(samples[at : at + BLOCK], gains) for at in range(0, len(samples), BLOCK)]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _cancel(self, microphone: Samples, delay: float) -> EchoResult:
        cleaned = np.empty_like(microphone)
        echo = residue = 0.0
        near, score = False, 0.0
        for at in range(0, len(microphone), BLOCK):
            block = microphone[at : at + BLOCK]
            played = self._reference.read(BLOCK, len(microphone) - at, delay)
            predicted = self._filter.process(block, played)
            residual = block - predicted
            score = self._evidence.weigh(residual, predicted, self._filter.doubt)
            near = score >= NEAR + _YOUNG * max(0.0, 1 - self._taught / _GROWN)
            gains = self._evidence.gains(_LEAST_NEAR if near else _LEAST)
            cleaned[at : at + BLOCK] = self._equaliser.apply(residual, gains)
            echo += _power(predicted)
            residue += _power(residual)
            if (power := _power(played)) > _AUDIBLE:
                self._learn(power, _power(block), _power(residual), near=near)
        blocks = len(microphone) // BLOCK
        return EchoResult(
            cleaned, near and not self.half_duplex, score, _decibels(echo / blocks), _decibels(residue / blocks)
        )

    def _learn(self, reference: float, microphone: float, residual: float, *, near: bool) -> None:
        """Note an audible block: the drift, the echo's loss, and whether the echo can be cancelled at all."""
        self._taught += 1
        self._to_follow -= 1
        if self._to_follow <= 0 or self._seen is None:
            self._follow()
        if not near:
            self._powers += 0.01 * (np.array([reference, microphone, residual]) - self._powers)
        self._gain_of_late += 0.2 * (np.array([microphone, residual]) - self._gain_of_late)
        if self._gain_of_late[1] > _WORSE * self._gain_of_late[0]:
            self._start_over()
        # Eight seconds: nobody speaks so long over a Harry who falls silent when spoken over.
        self._unexplained += (near - self._unexplained) * BLOCK / (8 * EAR_RATE)
        if self.duplex is Duplex.FULL and self._unexplained > 0.7:
            self.duplex = Duplex.HALF
        elif self.duplex is not Duplex.FULL and self._unexplained < 0.4:
            self.duplex = Duplex.FULL

    def _start_over(self) -> None:
        """Learn the path from the beginning: the loudspeaker or the microphone was moved. Believe little meanwhile."""
        self._filter.forget()
        self._taught = 0
        self._seen = None
        self._gain_of_late[:] = 1.0, 0.0

    def _follow(self) -> None:
        """Read from the filter's phase how far the echo has moved since the last time, and correct the drift."""
        weights = self._filter.weights[:, _FOLLOWED]
        if self._seen is not None:
            turned = (weights * self._seen.conj()).sum(axis=0)
            weight = float((_RADIANS**2 * np.abs(turned.real)).sum())
            moved = -float((_RADIANS * turned.imag).sum()) / max(weight, 1e-9)
            correction = 0.4 * min(max(moved, -1.0), 1.0) / (_FOLLOW_EVERY * BLOCK)
            self._drift = min(max(self._drift - correction, -_MAX_DRIFT), _MAX_DRIFT)
            self._to_follow = _FOLLOW_EVERY
        else:
            # After a silence the filter first catches up with what the clocks did meanwhile: that is no drift.
            self._filter.unsettle(0.01)
            self._to_follow = 2 * _FOLLOW_EVERY
        self._seen = weights.copy()

    def _look(self, microphone: Samples, count: int) -> None:
        """Look for the delay: often while it is unknown or the echo is unexplained, else once a second."""
        if self._delay is None:
            self._wait(microphone, count)
        self._since_look += count
        lost = self._delay is None or self._unexplained > 0.05
        if self._since_look < (DelayFinder.WINDOW // 8 if lost else EAR_RATE):
            return
        self._since_look = 0
        window = DelayFinder.WINDOW
        found = self._finder.look(self._microphone.read_newest(window), self._reference.read_newest(window))
        if found is None:
            return
        delay = max(float(found - _LEAD), TAPS / 2)
        if self._delay is None:
            self.duplex = Duplex.FULL
            self._delay = delay
        elif abs(delay - self._delay) > 1.5 * _LEAD:
            # The room is the same, only later or earlier: the filter's weights stay true.
            self._delay = delay
            self._filter.unsettle(0.1)

    def _wait(self, microphone: Samples, count: int) -> None:
        """Judge, while no delay is found, whether there is an echo at all."""
        power = _power(microphone)
        self._floor = power if power < self._floor else self._floor * 1.01
        self._rising += 0.01 * ((power > 4 * self._floor) - self._rising)
        self._waited += count // BLOCK
        if self._waited > _PATIENCE:
            self.duplex = Duplex.HALF if self._rising > 0.3 else Duplex.APART


def _power(samples: Samples) -> float:
    return float(np.dot(samples, samples)) / len(samples)


def _decibels(power: float) -> float:
    return 10 * math.log10(max(power, 1e-12))
