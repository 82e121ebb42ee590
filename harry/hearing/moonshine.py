"""Speech to text by Moonshine (https://github.com/moonshine-ai/moonshine), on this machine, in English.

A caller who cancels leaves at once, and the decode ends within a token: the next one finds the ear free.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trio
from pydantic import Field

from actors.protocols import ExpectedWords, OtherReading, Recognition, Samples
from actors.turn_taking.endpointing import to_log_odds
from channels.messages import EAR_RATE
from harry.engines.registry import EngineFacts, EngineSettings
from harry.engines.worker_threads import WorkerThreads
from harry.errors import EngineUnavailable
from harry.hearing.blocks import MAX_BLOCK_SAMPLES, measure_loudest, remove_phantoms, split_at_quiet_places
from harry.hearing.moonshine_model import FILES, Model, Spelled, Stop, find_packaged_model
from harry.hearing.moonshine_search import search
from harry.installation import how_to_install

_MIN_SAMPLES = EAR_RATE // 10
_OF_CONFIDENCE = 0.5
_USUAL_STOPS, _USUAL_CONFIDENCE = 1.3, 2.45  # log-odds


class MoonshineSettings(EngineSettings):
    """`model` is a folder with another Moonshine model; `deadline` is in seconds for a block of at most 15 s.

    `again` is how many seconds it may look for other words in a sound, 0 for never.
    Sound whose loudest 10 ms stay under `floor` (dBFS) is silence: it holds no words and is not decoded.
    """

    model: Path | None = None
    deadline: float = Field(10.0, gt=0.0)
    floor: float = Field(-55.0, le=0.0)
    again: float = Field(1.5, ge=0.0)


class Moonshine:
    """The ear's model, with one thread."""

    Settings = MoonshineSettings

    def __init__(self, name: str, settings: MoonshineSettings, model: Model) -> None:
        self.name = name
        self._floor = settings.floor
        self._again = settings.again
        self._model = model
        self._offload = WorkerThreads(name, deadline=settings.deadline)

    @staticmethod
    def load(name: str, settings: MoonshineSettings) -> Moonshine:
        """Read the model; blocks about 0.3 s. Raises `EngineUnavailable` when it is missing or damaged."""
        folder = find_packaged_model() if settings.model is None else settings.model
        remedy = f"Correct engine.{name}.model." if settings.model else how_to_install()
        missing = [file for file in FILES if not (folder / file).is_file()]
        if missing:
            raise EngineUnavailable(f"The speech model in {folder} lacks {', '.join(missing)}.", remedy=remedy)
        try:
            model = Model(folder)
        except Exception as error:
            # onnxruntime's errors have no base of their own.
            raise EngineUnavailable(f"The speech model in {folder} cannot be read.", remedy=remedy) from error
        return Moonshine(name, settings, model)

    @staticmethod
    def check_available(name: str, settings: MoonshineSettings) -> None:
        """Raise `EngineUnavailable` if the model is missing; nothing is loaded."""
        if settings.model is None:
            find_packaged_model()

    @staticmethod
    def facts(name: str, settings: MoonshineSettings) -> EngineFacts:
        """Return what it hears and works with; a model of the user's own may know another language."""
        return EngineFacts(("en",) if settings.model is None else (), ("moonshine-voice", "onnxruntime"))

    @property
    def retired(self) -> bool:
        """Whether a call outlived its deadline, so that a fresh instance should take this one's place."""
        return self._offload.retired

    async def transcribe(self, samples: Samples) -> Recognition:
        """Hear the words in `samples` (shape (n,), float32, 16 kHz); none in silence or under 0.1 s.

        Raises `EngineTimeout` past the deadline, `EngineError` if the network failed.
        """
        cut = (
            [samples] if len(samples) <= MAX_BLOCK_SAMPLES else await self._offload.run(split_at_quiet_places, samples)
        )
        texts, sure, stops = [], list[float](), 0.0
        for block in cut:
            stop = Stop()
            spelled = await self._offload.run(self._decode, block, stop, abort=stop)
            if spelled is not None:
                texts.append(spelled.text)
                sure += spelled.sure
                stops = spelled.stops
        if not texts:
            return Recognition("")
        # The mean of the logarithms: one token that was guessed counts, whatever the others are.
        confidence = float(np.exp(np.mean(np.log(sure))))
        return Recognition(" ".join(texts), confidence, _estimate_finished(stops, confidence))

    async def hear_again(self, samples: Samples, expected: ExpectedWords) -> Sequence[OtherReading]:
        """Look for other words in `samples`, of at most `MAX_BLOCK_SAMPLES`; none in silence, or if it takes too long.

        Raises `EngineTimeout` past the deadline, `EngineError` if the network failed.
        """
        if not self._again or not _MIN_SAMPLES <= len(samples) <= MAX_BLOCK_SAMPLES:
            return ()
        if measure_loudest(samples) < self._floor:
            return ()
        stop = Stop()
        with trio.move_on_after(self._again):  # the wait for the thread included: somebody waits for an answer
            return await self._offload.run(search, self._model, samples, expected, stop, abort=stop)
        return ()

    def _decode(self, block: Samples, stop: Stop) -> Spelled | None:
        if not np.isfinite(block).all():
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)  # a file may hold anything
        if len(block) < _MIN_SAMPLES or measure_loudest(block) < self._floor:
            return None
        spelled = self._model.read(block, stop)
        text = remove_phantoms(spelled.text)
        return spelled._replace(text=text) if text else None

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "Moonshine tiny (embedded)"

    async def aclose(self) -> None:
        """Do nothing: the model goes with its last user."""


def _estimate_finished(stops: float, confidence: float) -> float:
    """Return how likely it is that the speaker has finished: the network hears it in his voice and punctuates by it.

    A word that is broken off is misread, so doubt speaks against an end. The weights are fitted by `harry bench
    endpoint` on its turns that are not held out; the constants lie between the means of pauses and of ends.
    """
    weighed = to_log_odds(stops) - _USUAL_STOPS + _OF_CONFIDENCE * (to_log_odds(confidence) - _USUAL_CONFIDENCE)
    return 1.0 / (1.0 + math.exp(-weighed))
