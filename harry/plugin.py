"""Everything the author of a plug-in imports: what engines are asked and answer, their settings, and their errors.

An engine is a class named by an entry point in the group of its role (`harry.speech_to_text`, ...). It has `Settings`,
a subclass of `EngineSettings`, and a static `load(name, settings)` that returns the engine and may block.
"""

from __future__ import annotations

from actors.protocols import (
    Delta,
    Engine,
    ImagePart,
    LanguageModel,
    Loudspeaker,
    Message,
    Microphone,
    Purpose,
    Request,
    Role,
    Samples,
    SpeechToText,
    Store,
    TextDelta,
    TextPart,
    TextToSpeech,
    Usage,
    VoiceActivityDetector,
    VoiceActivityStream,
)
from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES, Chunk, Exchange, Frame, Thought, TurnRecord, Word
from harry.errors import (
    ConfigurationError,
    DeviceError,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    HarryError,
    StoreError,
)
from harry.offload import Emit, Offload
from harry.registry import ROLES, EngineClass, EngineSettings

__all__ = [
    "EAR_RATE",
    "FRAME_SAMPLES",
    "ROLES",
    "SAMPLE_BYTES",
    "Chunk",
    "ConfigurationError",
    "Delta",
    "DeviceError",
    "Emit",
    "Engine",
    "EngineClass",
    "EngineError",
    "EngineSettings",
    "EngineTimeout",
    "EngineUnavailable",
    "Exchange",
    "Frame",
    "HarryError",
    "ImagePart",
    "LanguageModel",
    "Loudspeaker",
    "Message",
    "Microphone",
    "Offload",
    "Purpose",
    "Request",
    "Role",
    "Samples",
    "SpeechToText",
    "Store",
    "StoreError",
    "TextDelta",
    "TextPart",
    "TextToSpeech",
    "Thought",
    "TurnRecord",
    "Usage",
    "VoiceActivityDetector",
    "VoiceActivityStream",
    "Word",
]
