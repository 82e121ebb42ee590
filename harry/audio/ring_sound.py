"""The sounds that are no words: of a timer, an alarm or a reminder, and the chime for "I heard you".

Each is a few decaying tones, made when they are needed.

Each kind has a figure of its own, so that it is known without a word. A third of full scale: it has to be heard across
a room, and Harry's voice beside it.
"""

from __future__ import annotations

import numpy as np

from channels.messages import SAMPLE_BYTES

LOUDNESS = 0.33
"""Of full scale."""

CHIME_LOUDNESS = 0.12
"""Of full scale: it comes after every sentence, and must not startle."""

FIGURES: dict[str, tuple[tuple[float, float], ...]] = {
    "timer": ((0.0, 880.0), (0.16, 1108.7), (0.32, 1318.5)),
    "alarm": ((0.0, 659.3), (0.14, 880.0), (0.28, 659.3), (0.42, 880.0), (0.56, 1318.5)),
    "reminder": ((0.0, 784.0), (0.2, 1046.5)),
}
"""When each tone begins, in seconds, and its frequency in Hz."""

TONE = 0.45
"""Seconds until a tone has died away."""


def ring_sound(kind: str, rate: int) -> bytes:
    """Return the figure of a kind as 16-bit mono PCM at `rate` Hz, about a second long."""
    figure = FIGURES.get(kind, FIGURES["reminder"])
    sound = np.zeros(round((figure[-1][0] + TONE) * rate))
    at = np.arange(round(TONE * rate)) / rate
    # 5 ms to rise, so that it does not click; the second partial makes it a bell and not a whistle.
    shape = np.minimum(at / 0.005, 1.0) * np.exp(-at * 9.0) * np.minimum((TONE - at) / 0.02, 1.0)
    for begins, hertz in figure:
        tone = shape * (np.sin(2 * np.pi * hertz * at) + 0.35 * np.sin(4 * np.pi * hertz * at))
        first = round(begins * rate)
        sound[first : first + len(tone)] += tone
    sound *= LOUDNESS * 32_767 / max(1e-9, float(np.abs(sound).max()))
    return bytes(sound.astype("<i2").tobytes())


def chime(rate: int) -> bytes:
    """Return the chime that says that something was heard: a soft, rising pair of tones, 0.16 s at `rate` Hz."""
    at = np.arange(round(0.08 * rate)) / rate
    shape = np.minimum(at / 0.005, 1.0) * np.minimum((0.08 - at) / 0.03, 1.0) * CHIME_LOUDNESS * 32_767
    tones = [shape * np.sin(2 * np.pi * hertz * at) for hertz in (587.3, 784.0)]
    return bytes(np.concatenate(tones).astype("<i2").tobytes())


def silence(seconds: float, rate: int) -> bytes:
    """Return so much silence."""
    return bytes(round(seconds * rate) * SAMPLE_BYTES)
