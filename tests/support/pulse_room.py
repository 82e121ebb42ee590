"""A room between two devices of the tests' sound server: what the loudspeaker plays comes back into the microphone.

Run as `python -m tests.support.pulse_room LEVEL` with the server's environment, until it is stopped. The way is that of
`harry.bench.room`: distortion, reverberation, and a clock that drifts, here as a stream whose rate is a little off.
LEVEL is what the sound is multiplied with.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from harry.bench.room import Room, distort

RATE = 16_000
DRIFT = 2
"""Hz by which the microphone's clock is off: 125 parts per million."""

ROOM = Room(drift=DRIFT / RATE * 1e6)
_BLOCK = RATE // 100
_AHEAD = RATE // 50
"""Samples that are sent before the first: the drift eats 2 of them a second."""


def way(sound: np.ndarray) -> np.ndarray:
    """The first steps of the way, for a stretch: distortion and reverberation. Shape (n,) to (n + tail,)."""
    # Full scale is the loudest, whatever the stretch holds.
    bent = distort(np.append(sound, np.float32(1.0)), ROOM.drive)[:-1]
    return np.convolve(bent, ROOM.response(np.random.default_rng(ROOM.seed))).astype(np.float32)


def main(level: float) -> None:
    """Carry the sound over."""
    sort = ["--channels=1", "--format=float32le", "--raw"]
    with (
        subprocess.Popen(
            ["parec", "--device=speaker.monitor", f"--rate={RATE}", "--latency-msec=10", *sort], stdout=subprocess.PIPE
        ) as heard,
        subprocess.Popen(
            ["pacat", "--device=micfeed", f"--rate={RATE + DRIFT}", "--latency-msec=30", *sort], stdin=subprocess.PIPE
        ) as played,
    ):
        assert heard.stdout is not None
        assert played.stdin is not None
        played.stdin.write(np.zeros(_AHEAD, "<f4").tobytes())
        tail = np.zeros(0, np.float32)
        while block := heard.stdout.read(_BLOCK * 4):
            whole = way(np.frombuffer(block, "<f4"))
            whole[: len(tail)] += tail
            size = len(block) // 4
            played.stdin.write((whole[:size] * np.float32(level)).astype("<f4").tobytes())
            played.stdin.flush()
            tail = whole[size:]


if __name__ == "__main__":
    main(float(sys.argv[1]))
