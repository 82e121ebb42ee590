"""How soon a reflex is heard: from the final words until the voice is asked for the first piece, the mind hanging."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import SystemRandom
from typing import Any

import trio

from actors.protocols import Delta, LanguageModel, Request, TextToSpeech
from channels.messages import Chunk, Source, Utterance
from channels.turn import new_id
from harry.bench.figures import percentiles
from harry.config.loading import Config
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.in_memory import InMemoryStore
from harry.reflexes.grammar import grammar_of
from harry.reflexes.understanding import understand, warm_up
from harry.voice.silent import Silent

ASKED = (
    "What time is it?",
    "Who are you?",
    "Could you say that again, please?",
    "What's today's date?",
    "A bit louder.",
    "What is fifteen percent of eighty?",
    "How many ounces are in a pound?",
    "How many days until Christmas?",
    "What's the weather like tomorrow?",
)
NOT_ASKED = ("Tell me a story about a lighthouse.", "What is the capital of Peru?", "My sister comes on Friday.")

WARM_UP = 5


class _Mind:
    name = "hung"

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        await trio.sleep_forever()

    def describe(self) -> str:
        return "hangs"

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class _Voice(Silent):
    """Notes when it is asked."""

    def __init__(self) -> None:
        super().__init__("noted")
        self.asked: list[float] = []

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        self.asked.append(time.perf_counter())
        await super().speak(text, emit)


async def _measure(n: int) -> list[float]:
    voice = _Voice()
    engines = Engines(language_model=EnginePool[LanguageModel]("language_model", _Mind()))
    took: list[float] = []
    async with (
        hosting(Config(), engines, Storage.of(InMemoryStore())) as host,
        host.open(user="bench", voice=EnginePool[TextToSpeech]("text_to_speech", voice)) as session,
    ):
        for number in range(n + WARM_UP):
            voice.asked.clear()
            began = time.perf_counter()
            turn = session.answer(Utterance(new_id(), ASKED[number % len(ASKED)], Source.TYPED))
            if turn is not None:
                await turn.over.wait()
            if voice.asked and number >= WARM_UP:
                took.append(voice.asked[0] - began)
    return took


def _matches(texts: tuple[str, ...]) -> list[float]:
    warm_up()
    grammar, took = grammar_of("en"), []
    for text in texts * 50:
        now, began = datetime.now().astimezone(), time.perf_counter()
        understand(text, ("Harry",), grammar, now, SystemRandom())
        took.append(time.perf_counter() - began)
    return took


def run(n: int = 500) -> dict[str, Any]:
    """Ask `n` times while the mind hangs. Times are in milliseconds."""
    took = trio.run(_measure, n)
    return {
        "asked": n,
        "answered": len(took),
        "words_to_voice_ms": percentiles(took),
        "match_ms": percentiles(_matches(ASKED)),
        "no_match_ms": percentiles(_matches(NOT_ASKED)),
    }
