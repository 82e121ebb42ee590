"""Who speaks in the window of attention: somebody who talks with Harry, or a television that merely goes on.

What carries his name is for him and is never asked about here. Of anything else it counts whether the voice is about as
loud as the one that began the conversation, and whether it speaks on, sentence after sentence. A television as loud as
the person is not told from him:

1. The voice that called Harry, or began when nobody had, is the level that others are compared with. It may drift.
2. A voice within `APART` decibels of it is a partner.
3. Another voice that asks or wants something, or answers a question of his, may be somebody else in the room. It is
   answered, and does not keep the window open.
4. Another voice that only tells something is so, too, if it is less than `FAR` apart; else it is a stranger.
5. Such voices count up. From `DOUBT` on all of them are strangers, until none was heard for `FORGET` seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from actors.pcm import to_samples
from actors.text.phrases import Phrases, load_phrases
from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES, Speech

APART, FAR = 8.0, 11.0
"""Decibels by which another voice, or a television, differs from the one that began."""
DOUBT = 2.0
FORGET = 60.0
"""Seconds after which doubt is forgotten."""
STALE = 600.0
"""Seconds after which the level of a voice is forgotten: that person may sit elsewhere by then."""

_LOUDEST = 3
"""Frames that tell how loud a voice is."""
_DRIFT = 0.3
"""Weight of the newest level of the voice that began."""
_MEASURED = 10 * EAR_RATE * SAMPLE_BYTES
"""Bytes at the beginning of a voice that are measured."""


class Stance(StrEnum):
    """How somebody who speaks stands to Harry."""

    PARTNER = "partner"
    PERHAPS = "perhaps"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Voice:
    """An utterance without his name; `level` is in dBFS, None if unknown, and `answers` says that Harry had asked."""

    text: str
    at: float
    level: float | None = None
    answers: bool = False


@dataclass(slots=True)
class Bystanders:
    """Times are in seconds on the session's clock."""

    phrases: Phrases = field(default_factory=load_phrases)
    _level: float | None = None
    _level_at: float = 0.0
    _doubt: float = 0.0
    _doubted_at: float = float("-inf")

    def begin(self) -> None:
        """Have the next voice be the one that begins: he was woken by other means than words."""
        self._level = None

    def called(self, level: float | None, at: float) -> None:
        """Somebody called Harry by his name: others are compared with this voice."""
        self._level, self._level_at = level, at

    def judge(self, voice: Voice) -> Stance:
        """Tell who speaks. Changes nothing."""
        apart = self._apart(voice)
        directed = voice.answers or self.phrases.is_directed(voice.text)
        if apart < APART:
            return Stance.PARTNER
        doubt = self._doubt if voice.at - self._doubted_at <= FORGET else 0.0
        return Stance.STRANGER if doubt >= DOUBT or (apart >= FAR and not directed) else Stance.PERHAPS

    def take(self, voice: Voice) -> Stance:
        """Tell who speaks, and remember it: the utterance is over."""
        stance = self.judge(voice)
        directed = voice.answers or self.phrases.is_directed(voice.text)
        if self._apart(voice) >= APART:
            if voice.at - self._doubted_at > FORGET:
                self._doubt = 0.0
            self._doubt, self._doubted_at = self._doubt + (1.0 if directed else DOUBT), voice.at
            return stance
        if voice.level is not None:
            known = voice.level if self._level is None or self._is_stale(voice.at) else self._level
            self._level, self._level_at = known + _DRIFT * (voice.level - known), voice.at
        return stance

    def _apart(self, voice: Voice) -> float:
        if voice.level is None or self._level is None or self._is_stale(voice.at):
            return 0.0
        return abs(voice.level - self._level)

    def _is_stale(self, at: float) -> bool:
        return at - self._level_at > STALE


def measure_level(speech: Speech) -> float:
    """Measure how loud a voice is, in dBFS: its loudest tenth of a second, wherever that is; pauses do not count."""
    began = max(0, round(speech.began_at * EAR_RATE) - speech.start) * SAMPLE_BYTES
    samples = to_samples(speech.pcm[began : began + _MEASURED])
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    if not len(frames):
        return -120.0
    loud = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1))[-_LOUDEST:].mean()
    return float(10 * np.log10(max(1e-12, loud)))
