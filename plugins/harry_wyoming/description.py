"""What Harry offers as a Wyoming service: his ear, his voice, and himself as a conversation agent. Pure."""

from __future__ import annotations

from typing import Any, Protocol

from harry_wyoming.messages import (
    AsrModel,
    AsrProgram,
    Attribution,
    HandleModel,
    HandleProgram,
    Info,
    TtsProgram,
    TtsVoice,
)

_MADE_BY = Attribution(name="Harry", url="")


class Offering(Protocol):
    """Whose programs they are, and which there are."""

    name: str
    version: str
    language: str
    hears: bool
    speaks: bool


def describe(companion: Offering) -> Info:
    """Return what a companion offers."""
    languages = [companion.language]

    def named(what: str) -> dict[str, Any]:
        return {
            "name": companion.name.lower(),
            "attribution": _MADE_BY,
            "installed": True,
            "description": f"{companion.name}'s {what}",
            "version": companion.version,
        }

    ear = AsrProgram(**named("ear"), models=[AsrModel(**named("ear"), languages=languages)])
    voice = TtsProgram(
        **named("voice"),
        voices=[TtsVoice(**named("voice"), languages=languages)],
        supports_synthesize_streaming=True,
    )
    agent = HandleProgram(**named("conversation"), models=[HandleModel(**named("conversation"), languages=languages)])
    return Info(asr=[ear] if companion.hears else [], tts=[voice] if companion.speaks else [], handle=[agent])
