"""The voice of a Realtime conversation: Harry's where a response is spoken, a silent one where it is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from actors.protocols import TextToSpeech
from harry.engines.lease import EnginePool


class ChosenVoice(EnginePool[TextToSpeech]):
    """A shelf that gives one of two voices, as `aloud` says at each lease."""

    def __init__(self, aloud: EnginePool[TextToSpeech], silent: TextToSpeech, wanted: Callable[[], bool]) -> None:
        super().__init__("text_to_speech", silent)
        self._aloud = aloud
        self._wanted = wanted

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[TextToSpeech]:
        """See `EnginePool.lease`."""
        if self._wanted():
            async with self._aloud.lease() as voice:
                yield voice
        else:
            async with super().lease() as voice:
                yield voice
