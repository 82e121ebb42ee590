"""What detectors have to do: those of a voice, asked for each window of sound, and those of the end of a turn."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np
import trio

from actors.protocols import Samples
from channels.messages import EAR_RATE, FRAME_SAMPLES
from harry.testing.conformance.base import CallSuite, EngineSuite, fail, require
from harry.testing.conformance.ear import make_odd_sounds, make_sound
from harry.testing.conformance.loop_watch import slowness

WINDOW_SECONDS = 0.001
"""That a window may cost: it is asked in the loop, between two frames."""


def windows(samples: Samples) -> list[Samples]:
    """Cut sound into whole windows."""
    return [samples[at : at + FRAME_SAMPLES] for at in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES)]


class VoiceActivitySuite(EngineSuite):
    """Derive from it, and name your class: `class TestMine(VoiceActivitySuite): engine = Mine`."""

    role: ClassVar[str] = "voice_activity"

    async def use_once(self, engine: Any) -> None:
        """Ask about some windows."""
        await trio.lowlevel.checkpoint()
        ask_stream(engine.open_stream(), make_sound(0.5))

    def test_every_window_gets_a_likelihood(self) -> None:
        """Whatever the sound is, the answer is a number from 0 to 1."""

        async def scenario(engine: Any) -> None:
            await trio.lowlevel.checkpoint()
            for what, samples in make_odd_sounds().items():
                try:
                    ask_stream(engine.open_stream(), samples)
                except Exception as error:  # noqa: BLE001  it is what is looked for
                    fail(f"{what}: it raised {type(error).__name__}: {error}.")

        self.run(scenario)

    def test_no_sound_is_no_voice(self) -> None:
        """Silence is told from a voice."""

        async def scenario(engine: Any) -> None:
            await trio.lowlevel.checkpoint()
            likelihoods = ask_stream(engine.open_stream(), np.zeros(EAR_RATE, np.float32))
            require(likelihoods[-1] < 0.5, f"it takes silence for a voice, with a likelihood of {likelihoods[-1]:.2f}.")

        self.run(scenario)

    def test_streams_know_nothing_of_one_another(self) -> None:
        """What one session hears changes nothing in another."""

        async def scenario(engine: Any) -> None:
            await trio.lowlevel.checkpoint()
            quiet, loud = make_sound(0.5, seed=3) * 0.1, make_sound(0.5, seed=4)
            alone = ask_stream(engine.open_stream(), quiet)
            one, other = engine.open_stream(), engine.open_stream()
            require(one is not other, "`open_stream` gives two sessions the same stream.")
            beside = []
            for first, second in zip(windows(quiet), windows(loud), strict=True):
                beside.append(float(one.probability(first)))
                other.probability(second)
            require(
                np.allclose(alone, beside, atol=0.05), "what a stream answers depends on what another session hears."
            )

        self.run(scenario)

    def test_a_window_costs_less_than_a_millisecond(self) -> None:
        """It is asked in the loop, for every frame of every session."""

        async def scenario(engine: Any) -> None:
            await trio.lowlevel.checkpoint()
            stream = engine.open_stream()
            slow = slowness()
            best = min(_cost(stream, window) for window in windows(make_sound(1.5)) for _ in range(2))
            require(
                best <= WINDOW_SECONDS * slow,
                f"a window costs {best * 1e3:.2f} ms: at most {WINDOW_SECONDS * slow * 1e3:.2f} ms are allowed here.",
            )

        self.run(scenario)


def _cost(stream: Any, window: Samples) -> float:
    """Return how long a window takes: by the clock, so that one who sleeps is found, too. The least of many counts."""
    began = time.perf_counter()
    stream.probability(window)
    return time.perf_counter() - began


def ask_stream(stream: Any, samples: Samples) -> list[float]:
    """Ask about every window, and fail unless each answer is a likelihood."""
    answers = [stream.probability(window) for window in windows(samples)]
    for answer in answers:
        require(
            isinstance(answer, float | int | np.floating) and 0 <= answer <= 1,
            f"a window's likelihood is {answer!r}: a number from 0 to 1 was expected.",
        )
    return [float(answer) for answer in answers]


class TurnDetectorSuite(CallSuite):
    """Derive from it, and name your class: `class TestMine(TurnDetectorSuite): engine = Mine`."""

    role: ClassVar[str] = "turn_detector"

    async def call(self, engine: Any) -> None:
        """Ask about an ordinary sentence."""
        await self._judge(engine, "I would like to", make_sound(1.0))

    async def long_call(self, engine: Any) -> None:
        """Ask about a long speech."""
        await engine.likelihood("and then we went on " * 400, make_sound(60.0))

    def odd_calls(self, engine: Any) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Go through odd words and sound."""
        for what, text in {
            "no words": "",
            "blanks": "  \n",
            "marks": "?!...",
            "a foreign script": "你好",
            "control characters": "one\x00two <|im_end|>",
            "very many words": "word " * 20_000,
        }.items():
            yield what, partial(self._judge, engine, text, make_sound(0.5))
        for what, samples in make_odd_sounds().items():
            yield what, partial(self._judge, engine, "hello there", samples)

    async def _judge(self, engine: Any, text: str, samples: Samples) -> None:
        answer = await engine.likelihood(text, samples)
        require(
            isinstance(answer, float | int | np.floating) and 0 <= answer <= 1,
            f"the likelihood is {answer!r}: a number from 0 to 1 was expected.",
        )
