"""Where the voice begins and ends within synthesised sound: models add up to a fifth of a second of nothing around it.

At the start that nothing delays the answer; at the end it would sound as a pause where the sentence only goes on.
"""

from __future__ import annotations

import numpy as np

from actors.protocols import Samples

_QUIET = 10.0 ** (-46.0 / 20.0)
"""Sound under this part of the loudest 5 ms is silence: breath lies at -50 dB, the faintest voice at -40."""

LEAD = 0.010
"""Seconds of silence left before the first sound."""

_PAUSES = {".": 0.2, "!": 0.2, "?": 0.2, "…": 0.2, ",": 0.12, ";": 0.12, ":": 0.12, "\u2013": 0.12, "\u2014": 0.12}
_GOES_ON = 0.03


def choose_pause(text: str) -> float:
    """Say the longest silence, in seconds, that may follow `text` inside a reply."""
    return _PAUSES.get(text.rstrip().rstrip("\"'\u201d\u2019)]*_")[-1:], _GOES_ON)


def find_sounding_span(samples: Samples, rate: int, tail: float) -> tuple[int, int]:
    """Return from where to where to keep `samples` (shape (n,), any scale, at `rate` Hz).

    At most `LEAD` of silence stays before the voice and `tail` seconds after it. All-silent sound gives (0, 0).
    """
    frame = rate // 200
    padded = np.append(samples, np.zeros(-len(samples) % frame, dtype=np.float32)).reshape(-1, frame)
    loudness = np.sqrt(np.square(padded).mean(axis=1))
    if not loudness.size or loudness.max() <= 0.0:
        return 0, 0
    loud = np.flatnonzero(loudness > loudness.max() * _QUIET)
    start = max(0, int(loud[0]) * frame - int(LEAD * rate))
    stop = min(len(samples), (int(loud[-1]) + 1) * frame + int(tail * rate))
    return start, stop
