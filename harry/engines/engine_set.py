"""The engines of all roles that a process has loaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from actors.protocols import LanguageModel, SpeechToText, TextToSpeech, TurnDetector, VoiceActivityDetector
from harry.engines.lease import EnginePool


@dataclass(slots=True)
class Engines:
    """The loaded engines. A role without an engine is None; `notes` holds a sentence about each fallback.

    `watches` are to be run beside Harry: they look for engines that are expected and not there yet.
    """

    voice_activity: EnginePool[VoiceActivityDetector] | None = None
    speech_to_text: EnginePool[SpeechToText] | None = None
    turn_detector: EnginePool[TurnDetector] | None = None
    language_model: EnginePool[LanguageModel] | None = None
    text_to_speech: EnginePool[TextToSpeech] | None = None
    notes: list[str] = field(default_factory=list)
    watches: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    @property
    def by_role(self) -> dict[str, EnginePool[Any] | None]:
        """Each role of `harry.engines.registry.ROLES` with its engine."""
        return {
            "voice_activity": self.voice_activity,
            "speech_to_text": self.speech_to_text,
            "turn_detector": self.turn_detector,
            "language_model": self.language_model,
            "text_to_speech": self.text_to_speech,
        }

    async def aclose(self) -> None:
        """Close everything that was loaded."""
        for pool in self.by_role.values():
            if pool is not None:
                await pool.aclose()
