"""Everything the author of a plug-in imports: what engines are asked and answer, their settings, and their errors.

An engine is a class named by an entry point in the group of its role (`harry.speech_to_text`, ...). It has `Settings`,
a subclass of `EngineSettings`, and a static `load(name, settings)` that returns the engine and may block.
"""

from __future__ import annotations

from actors.protocols import (
    CutShort,
    Delta,
    Engine,
    EngineTraits,
    ImagePart,
    LanguageModel,
    Loudspeaker,
    MayRetire,
    MayReturn,
    Message,
    Microphone,
    Purpose,
    Recognition,
    Request,
    Role,
    Samples,
    SpeechToText,
    Store,
    TextDelta,
    TextPart,
    TextToSpeech,
    Tool,
    Toolbox,
    ToolCall,
    ToolResult,
    TurnDetector,
    Usage,
    Used,
    VoiceActivityDetector,
    VoiceActivityStream,
)
from channels.messages import (
    EAR_RATE,
    FRAME_SAMPLES,
    SAMPLE_BYTES,
    Chunk,
    Exchange,
    Frame,
    Outcome,
    Piece,
    Recollection,
    Speech,
    Thought,
    ToolUse,
    Transcript,
    TurnRecord,
    Utterance,
    Word,
)
from harry.engines.deadline import ProgressDeadline
from harry.engines.http_server import HttpServer, HttpSettings, check_server
from harry.engines.refusals import SPEECH, TRANSCRIPTION, Service, explain_web_page, find_error
from harry.engines.registry import ROLES, EngineClass, EngineFacts, EngineSettings
from harry.engines.spending import Charged, Meter
from harry.engines.worker_threads import Emit, WorkerThreads
from harry.errors import (
    BudgetReached,
    ConfigurationError,
    DeviceError,
    EngineBusy,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    HarryError,
    StoreError,
)
from harry.files.json_text import parse_json
from harry.net.egress import host_of, is_loopback, note, permit
from harry.net.http_client import read_beginning, stream_body
from harry.redaction import ADDRESS, HIDDEN
from harry.tools.functions import tool
from harry.tools.toolbox import Answer, ToolError
from harry.voice.streamed_speech import StreamedSpeech, Take
from harry.voice.word_times import split_words

Offload = WorkerThreads
"""The earlier name of `WorkerThreads`."""

Reading = Recognition
"""The earlier name of `Recognition`."""

__all__ = [
    "ADDRESS",
    "EAR_RATE",
    "FRAME_SAMPLES",
    "HIDDEN",
    "ROLES",
    "SAMPLE_BYTES",
    "SPEECH",
    "TRANSCRIPTION",
    "Answer",
    "BudgetReached",
    "Charged",
    "Chunk",
    "ConfigurationError",
    "CutShort",
    "Delta",
    "DeviceError",
    "Emit",
    "Engine",
    "EngineBusy",
    "EngineClass",
    "EngineError",
    "EngineFacts",
    "EngineSettings",
    "EngineTimeout",
    "EngineTraits",
    "EngineUnavailable",
    "Exchange",
    "Frame",
    "HarryError",
    "HttpServer",
    "HttpSettings",
    "ImagePart",
    "LanguageModel",
    "Loudspeaker",
    "MayRetire",
    "MayReturn",
    "Message",
    "Meter",
    "Microphone",
    "Offload",
    "Outcome",
    "Piece",
    "ProgressDeadline",
    "Purpose",
    "Reading",
    "Recognition",
    "Recollection",
    "Request",
    "Role",
    "Samples",
    "Service",
    "Speech",
    "SpeechToText",
    "Store",
    "StoreError",
    "StreamedSpeech",
    "Take",
    "TextDelta",
    "TextPart",
    "TextToSpeech",
    "Thought",
    "Tool",
    "ToolCall",
    "ToolError",
    "ToolResult",
    "ToolUse",
    "Toolbox",
    "Transcript",
    "TurnDetector",
    "TurnRecord",
    "Usage",
    "Used",
    "Utterance",
    "VoiceActivityDetector",
    "VoiceActivityStream",
    "Word",
    "WorkerThreads",
    "check_server",
    "explain_web_page",
    "find_error",
    "host_of",
    "is_loopback",
    "note",
    "parse_json",
    "permit",
    "read_beginning",
    "split_words",
    "stream_body",
    "tool",
]
