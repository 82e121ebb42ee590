"""Holds an engine to what Harry's promises rest on: a pytest suite for each role, run by a line in a test module.

`TestMine = suite("text_to_speech", Mine)` makes it; a class derived from the suite of the role does the same and can
change what is called. pytest and Harry are all it needs.
"""

from __future__ import annotations

from typing import Any

from harry.testing.conformance.base import CallSuite, EmittingSuite, EngineSuite
from harry.testing.conformance.detectors import TurnDetectorSuite, VoiceActivitySuite
from harry.testing.conformance.ear import EarSuite
from harry.testing.conformance.mind import MindSuite
from harry.testing.conformance.voice import VoiceSuite

SUITES: dict[str, type[EngineSuite]] = {
    "voice_activity": VoiceActivitySuite,
    "speech_to_text": EarSuite,
    "turn_detector": TurnDetectorSuite,
    "language_model": MindSuite,
    "text_to_speech": VoiceSuite,
}
"""The suite of each role."""

__all__ = [
    "SUITES",
    "CallSuite",
    "EarSuite",
    "EmittingSuite",
    "EngineSuite",
    "MindSuite",
    "TurnDetectorSuite",
    "VoiceActivitySuite",
    "VoiceSuite",
    "suite",
]


def suite(role: str, engine: Any, settings: dict[str, Any] | None = None, **more: Any) -> type[EngineSuite]:
    """Make the suite of a role for the class that an entry point names; `settings` is its table.

    `more` are attributes of the suite, such as `shared=True`. Give it a name that begins with "Test".
    """
    name = f"Test{getattr(engine, '__name__', 'Engine')}"
    return type(name, (SUITES[role],), {"engine": engine, "settings": settings or {}, **more})
