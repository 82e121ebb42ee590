"""A voice without sound, for where there is no loudspeaker: the words go their usual way and take no time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from channels.messages import Chunk, Word
from harry.engines.registry import EngineSettings
from harry.voice.word_times import split_words

RATE = 24_000
"""Hz. Any rate would do: there are no samples."""


class SilentSettings(EngineSettings):
    """Nothing to set."""


class Silent:
    """Says nothing, and tells exactly what."""

    Settings = SilentSettings

    def __init__(self, name: str) -> None:
        self.name = name
        self.rate = RATE

    @staticmethod
    def load(name: str, settings: SilentSettings) -> Silent:
        """Build it; cannot fail."""
        return Silent(name)

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """Emit one chunk of no samples that carries every word of `text`."""
        await emit(Chunk(b"", RATE, tuple(Word(word, 0) for word in split_words(text))))

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "text only"

    async def aclose(self) -> None:
        """Do nothing: there is nothing to let go of."""
