"""The engines of all roles that a process has loaded."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.protocols import LanguageModel, SpeechToText, TextToSpeech, TurnDetector, VoiceActivityDetector
from harry.engines.lease import EnginePool
from harry.engines.registry import ROLES


@dataclass(slots=True)
class Engines:
    """What the daemon loaded. A role without an engine is None; `notes` says in sentences what was fallen back to."""

    voice_activity: EnginePool[VoiceActivityDetector] | None = None
    speech_to_text: EnginePool[SpeechToText] | None = None
    turn_detector: EnginePool[TurnDetector] | None = None
    language_model: EnginePool[LanguageModel] | None = None
    text_to_speech: EnginePool[TextToSpeech] | None = None
    notes: list[str] = field(default_factory=list)

    async def aclose(self) -> None:
        """Close everything that was loaded."""
        for role in ROLES:
            shelf = getattr(self, role)
            if shelf is not None:
                await shelf.aclose()
