"""What speech recognition has to do: words for sound, none for silence, and everything every engine does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import lru_cache, partial
from typing import Any, ClassVar

import numpy as np

from actors.protocols import Recognition, Samples
from channels.messages import EAR_RATE
from harry.testing.conformance.base import CallSuite, fail, require


def make_sound(seconds: float, *, seed: int = 1) -> Samples:
    """Make something like a voice, shape (samples,): a hum whose loudness and pitch rise and fall with syllables."""
    return _sound(seconds, seed).copy()


@lru_cache(maxsize=16)  # made while an engine is watched, it would count as the engine's work
def _sound(seconds: float, seed: int) -> Samples:
    at = np.arange(round(seconds * EAR_RATE)) / EAR_RATE
    noise = np.random.default_rng(seed).normal(0, 0.01, len(at))
    hum = sum(np.sin(2 * np.pi * 120 * number * at + 3 * np.sin(2 * np.pi * 2 * at)) / number for number in range(1, 8))
    sound: Samples = (0.2 * hum * np.maximum(0, np.sin(2 * np.pi * 3 * at)) + noise).astype(np.float32)
    return sound


def make_odd_sounds() -> dict[str, Samples]:
    """Make sound that no microphone would give, or that nobody speaks in."""
    second = make_sound(1.0)
    frozen = second.copy()
    frozen.flags.writeable = False
    return {
        "no sample": np.zeros(0, np.float32),
        "one sample": np.zeros(1, np.float32),
        "a hundredth of a second": make_sound(0.01),
        "silence": np.zeros(EAR_RATE, np.float32),
        "noise": np.random.default_rng(2).normal(0, 0.3, EAR_RATE).astype(np.float32),
        "full scale": np.sign(second).astype(np.float32),
        "ten times full scale": 10 * second,
        "not a number": np.full(EAR_RATE, np.nan, np.float32),
        "infinite": np.full(EAR_RATE, np.inf, np.float32),
        "every second sample": make_sound(2.0)[::2],
        "what may not be written": frozen,
        "a minute": make_sound(60.0),
    }


class EarSuite(CallSuite):
    """Derive from it, and name your class: `class TestMine(EarSuite): engine = Mine`."""

    role: ClassVar[str] = "speech_to_text"

    async def call(self, engine: Any) -> None:
        """Have a second of sound heard, and check what comes of it."""
        await hear(engine, make_sound(1.0))

    async def long_call(self, engine: Any) -> None:
        """Have half a minute heard."""
        await engine.transcribe(make_sound(30.0))

    def odd_calls(self, engine: Any) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Go through odd sound."""
        for what, samples in make_odd_sounds().items():
            yield what, partial(self._hear, engine, samples)

    async def _hear(self, engine: Any, samples: Samples) -> None:
        await hear(engine, samples)

    def test_it_does_not_change_what_it_hears(self) -> None:
        """The same sound may be decoded again."""

        async def scenario(engine: Any) -> None:
            samples = make_sound(1.0)
            before = samples.copy()
            await engine.transcribe(samples)
            require(np.array_equal(samples, before), "it wrote into the sound it was given.")

        self.run(scenario)


async def hear(engine: Any, samples: Samples) -> Recognition:
    """Have sound heard, and fail unless a recognition or text comes of it."""
    heard = await engine.transcribe(samples)
    try:
        found = Recognition.of(heard)
    except TypeError as error:
        fail(f"{error}.")
    require(isinstance(found.text, str), f"its text is {type(found.text).__name__}.")
    require(0 <= found.confidence <= 1, f"its confidence is {found.confidence!r}, not from 0 to 1.")
    require(found.finished is None or 0 <= found.finished <= 1, f"`finished` is {found.finished!r}, not from 0 to 1.")
    return found
