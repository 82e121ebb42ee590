"""The engines of each role that run in a process of their own, as turns lease them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import numpy as np
import trio

from actors.protocols import Delta, EngineTraits, Recognition, Request, Samples
from channels.messages import Chunk
from harry.engines.child.codec import Header, decode_chunk, decode_delta, encode_request
from harry.engines.child.process import ChildProcess
from harry.errors import ConfigurationError


class ChildEngine:
    """What all of them have. `retired`: the process has ended, or its engine asks to be replaced."""

    def __init__(self, child: ChildProcess) -> None:
        self._child = child
        self.name = child.name
        self.traits = EngineTraits(**child.about["traits"])

    def __del__(self) -> None:
        self._child.kill()  # who forgets to close it must not leave a process behind

    @property
    def retired(self) -> bool:
        """Whether a fresh process should take this one's place."""
        return self._child.retired

    def describe(self) -> str:
        """Return one line for the startup report."""
        return f"{self._child.about['describe']}, in a process of its own"

    async def aclose(self) -> None:
        """End the process."""
        await trio.to_thread.run_sync(self._child.close)


class ChildVoice(ChildEngine):
    """See `actors.protocols.TextToSpeech`."""

    def __init__(self, child: ChildProcess) -> None:
        super().__init__(child)
        self.rate: int = child.about["rate"]
        if child.about.get("language"):
            self.language = str(child.about["language"])

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """Have the process speak a piece."""

        async def take(header: Header, payload: bytes) -> None:
            await emit(decode_chunk(header, payload))

        await self._child.call({"do": "speak", "text": text}, b"", take)


class ChildEar(ChildEngine):
    """See `actors.protocols.SpeechToText`."""

    async def transcribe(self, samples: Samples) -> Recognition:
        """Have the process hear an utterance."""
        heard, _ = await self._child.call({"do": "transcribe"}, await _as_bytes(samples), _nothing)
        return Recognition(heard["text"], heard["confidence"], heard["finished"])


class ChildTurnDetector(ChildEngine):
    """See `actors.protocols.TurnDetector`."""

    async def likelihood(self, text: str, samples: Samples) -> float:
        """Have the process judge a pause."""
        asked = {"do": "likelihood", "text": text}
        answer, _ = await self._child.call(asked, await _as_bytes(samples), _nothing)
        return float(answer["likelihood"])


class ChildMind(ChildEngine):
    """See `actors.protocols.LanguageModel`."""

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        """Have the process answer."""

        async def take(header: Header, _: bytes) -> None:
            await emit(decode_delta(header))

        await self._child.call({"do": "reply", "request": encode_request(request)}, b"", take)


_BY_ROLE: Mapping[str, Callable[[ChildProcess], ChildEngine]] = {
    "speech_to_text": ChildEar,
    "turn_detector": ChildTurnDetector,
    "language_model": ChildMind,
    "text_to_speech": ChildVoice,
}

_INLINE = 160_000
"""Samples that are copied in far less than a millisecond; more is copied in a thread."""


def load_child(role: str, name: str, table: Mapping[str, Any]) -> ChildEngine:
    """Start a process for an engine; blocking. Raises `ConfigurationError`, `EngineError`."""
    make = _BY_ROLE.get(role)
    if make is None:
        raise ConfigurationError(
            f"An engine for {role.replace('_', ' ')} cannot run in a process of its own: it is asked for every frame.",
            remedy=f"Leave out engine.{name}.process.",
        )
    return make(ChildProcess(role, name, table))


async def _as_bytes(samples: Samples) -> bytes:
    if len(samples) <= _INLINE:
        return np.ascontiguousarray(samples, np.float32).tobytes()
    return await trio.to_thread.run_sync(lambda: np.ascontiguousarray(samples, np.float32).tobytes())


async def _nothing(header: Header, payload: bytes) -> None:
    await trio.lowlevel.checkpoint()
