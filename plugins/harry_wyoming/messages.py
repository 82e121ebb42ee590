"""The messages of the protocol, as the package `wyoming` has them: imported here alone, because of a warning there."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # It imports `audioop` where there still is one, which Python 3.11 and 3.12 warn of. Nothing here uses it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStop
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.error import Error
    from wyoming.event import Event
    from wyoming.handle import Handled, NotHandled
    from wyoming.info import (
        AsrModel,
        AsrProgram,
        Attribution,
        Describe,
        HandleModel,
        HandleProgram,
        Info,
        SelectProgram,
        TtsProgram,
        TtsVoice,
    )
    from wyoming.ping import Ping, Pong
    from wyoming.tts import (
        Synthesize,
        SynthesizeChunk,
        SynthesizeStart,
        SynthesizeStop,
        SynthesizeStopped,
        SynthesizeVoice,
    )

__all__ = [
    "AsrModel",
    "AsrProgram",
    "Attribution",
    "AudioChunk",
    "AudioStart",
    "AudioStop",
    "Describe",
    "Error",
    "Event",
    "HandleModel",
    "HandleProgram",
    "Handled",
    "Info",
    "NotHandled",
    "Ping",
    "Pong",
    "SelectProgram",
    "Synthesize",
    "SynthesizeChunk",
    "SynthesizeStart",
    "SynthesizeStop",
    "SynthesizeStopped",
    "SynthesizeVoice",
    "Transcribe",
    "Transcript",
    "TranscriptChunk",
    "TranscriptStop",
    "TtsProgram",
    "TtsVoice",
]
