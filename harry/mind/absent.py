"""No language model at all, as an engine: a working state, in which one honest sentence stands for every answer.

It is the last of the chain that Harry finds by himself. What needs no language model is answered before it is asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from actors.protocols import Delta, EngineTraits, Request, TextDelta
from harry.engines.registry import EngineSettings

SENTENCE = "I can't answer that: it needs a language model, and there is none here. Ask me what I can do."

DESCRIPTION = "none, only what needs no language model is answered"


class Absent:
    """Says that there is no language model."""

    class Settings(EngineSettings):
        """There is nothing to set."""

    traits: ClassVar[EngineTraits] = EngineTraits(small=True, toolless=True, light=True, local=True)

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def load(cls, name: str, settings: Settings) -> Absent:
        """Make it; there is nothing to load."""
        del settings
        return cls(name)

    def describe(self) -> str:
        """Describe it for the start, the page and a person who asks."""
        return DESCRIPTION

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        """Emit the sentence, whatever is asked."""
        del request
        await emit(TextDelta(SENTENCE))

    async def aclose(self) -> None:
        """Let go of nothing."""
