"""Scripted engines: an ear that hears what a file says, a mind that answers from a file, a voice of known tones.

They are chosen by name (`--set engines.language_model=scripted --set engine.scripted.replies=FILE`), share the table
`[engine.scripted]`, use no thread and no clock but trio's, and so run under virtual time.

The voice: word number k of a piece (from 0) is a sine of `400 + 40 * (k % 16)` Hz at half of full
scale for `word_seconds` (0.2 s), followed by `gap_seconds` (0.05 s) of silence. A word ends, and so is heard, with the
last sample of its tone.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import trio

from actors.protocols import Delta, Request, Samples, TextDelta, Usage
from channels.messages import Chunk, Word
from harry.engines.registry import EngineSettings
from harry.errors import EngineUnavailable

_TAIL_SAMPLES = 8_000
"""How much of an utterance's end may differ between an early decode and the final one."""


class ScriptedSettings(EngineSettings):
    """The table `[engine.scripted]`. `replies` and `transcripts` are files with one line for each turn."""

    replies: Path | None = None
    transcripts: Path | None = None
    token_delay: float = 0.0
    rate: int = 24_000
    word_seconds: float = 0.2
    gap_seconds: float = 0.05


class ScriptedSpeechToText:
    """Hears the lines of `transcripts`, one for each utterance, round and round."""

    Settings = ScriptedSettings

    def __init__(self, name: str, lines: list[str]) -> None:
        self.name = name
        self._lines = lines
        self._next = 0
        self._last: Samples = np.zeros(0, np.float32)

    @staticmethod
    def load(name: str, settings: ScriptedSettings) -> ScriptedSpeechToText:
        """Read the file. Without one it hears "hello" in everything."""
        return ScriptedSpeechToText(name, _lines(name, settings.transcripts) if settings.transcripts else ["hello"])

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "scripted transcripts"

    async def transcribe(self, samples: Samples) -> str:
        """Return the next line; "" if the file is empty."""
        await trio.lowlevel.checkpoint()
        if not self._lines:
            return ""
        if not self._grown_from_last(samples):
            self._next += 1
        self._last = samples
        return self._lines[(self._next - 1) % len(self._lines)]

    def _grown_from_last(self, samples: Samples) -> bool:
        """Return whether this is the utterance decoded last, grown longer: an early decode must not use up a line."""
        common = min(len(samples), len(self._last)) - _TAIL_SAMPLES
        return common > 0 and np.array_equal(samples[:common], self._last[:common])

    async def aclose(self) -> None:
        """Do nothing: there is nothing to let go of."""
        await trio.lowlevel.checkpoint()


class ScriptedLanguageModel:
    """Answers committed reply number n with line n of `replies`, round and round; an empty file is an empty reply."""

    Settings = ScriptedSettings

    def __init__(self, name: str, lines: list[str], token_delay: float = 0.0) -> None:
        self.name = name
        self._lines = lines
        self._delay = token_delay

    @staticmethod
    def load(name: str, settings: ScriptedSettings) -> ScriptedLanguageModel:
        """Read the file. Without one every reply is one sentence."""
        lines = _lines(name, settings.replies) if settings.replies else ["I heard you."]
        return ScriptedLanguageModel(name, lines, settings.token_delay)

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "scripted replies"

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        """Emit the line word by word, `token_delay` seconds apart."""
        await trio.lowlevel.checkpoint()
        words = self._words(request)
        for number, word in enumerate(words):
            if self._delay and number:
                await trio.sleep(self._delay)
            await emit(TextDelta(word))
        await emit(Usage(0, len(words)))

    def _words(self, request: Request) -> list[str]:
        if request.purpose != "reply" or not self._lines:
            return []
        return re.findall(r"\s*\S+", self._lines[request.ordinal % len(self._lines)])

    async def aclose(self) -> None:
        """Do nothing: there is nothing to let go of."""
        await trio.lowlevel.checkpoint()


class ScriptedVoice:
    """Speaks each word as a tone of its own at exact times; see the module's head."""

    Settings = ScriptedSettings

    def __init__(self, name: str, settings: ScriptedSettings) -> None:
        self.name = name
        self.rate = settings.rate
        self._tone = round(settings.rate * settings.word_seconds)
        self._gap = bytes(2 * round(settings.rate * settings.gap_seconds))

    @staticmethod
    def load(name: str, settings: ScriptedSettings) -> ScriptedVoice:
        """Make the voice: there is nothing to read."""
        return ScriptedVoice(name, settings)

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "scripted tones"

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """Emit one chunk for each word."""
        await trio.lowlevel.checkpoint()
        for number, word in enumerate(re.findall(r"\s*\S+\s*$|\s*\S+", text)):
            tone = _sine(400 + 40 * (number % 16), self._tone, self.rate)
            await emit(Chunk(tone + self._gap, self.rate, (Word(word, self._tone),)))

    async def aclose(self) -> None:
        """Do nothing: there is nothing to let go of."""
        await trio.lowlevel.checkpoint()


@lru_cache(maxsize=64)
def _sine(frequency: int, samples: int, rate: int) -> bytes:
    wave = 16384 * np.sin(2 * np.pi * frequency * np.arange(samples) / rate)
    return bytes(wave.astype(np.int16).tobytes())


def _lines(name: str, path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise EngineUnavailable(
            f"The file of [engine.{name}], {path}, cannot be read: {error}.", remedy="Name a UTF-8 text file."
        ) from error
