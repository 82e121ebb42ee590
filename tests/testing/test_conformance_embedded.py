"""The kit that holds engines to their role: Harry's embedded ones pass it. Each is loaded once for all its tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from harry.engines.registry import find_engine_class, look
from harry.errors import EngineUnavailable
from harry.testing.conformance import EarSuite, MindSuite, TurnDetectorSuite, VoiceActivitySuite, VoiceSuite
from tests.support.recorded_speech import ON_CI

pytestmark = [pytest.mark.embedded, pytest.mark.acceptance, pytest.mark.timeout(600)]


class Embedded:
    """Loads the engine of a name, where it is here."""

    name: ClassVar[str] = ""
    role: ClassVar[str] = ""
    engine: ClassVar[Any] = None
    shared: ClassVar[bool] = True
    patience: ClassVar[float] = 100.0
    settings: ClassVar[Mapping[str, Any]] = {"deadline": 60.0}  # a busy machine is no fault of theirs

    @pytest.fixture(autouse=True)
    def _found(self) -> None:
        try:
            look(self.role, self.name, {})
        except EngineUnavailable as missing:
            if ON_CI:
                raise
            pytest.skip(str(missing))
        type(self).engine = find_engine_class(self.role, self.name)


class TestSilero(Embedded, VoiceActivitySuite):
    role = "voice_activity"
    name = "silero"
    settings: ClassVar[Mapping[str, Any]] = {}


class TestMoonshine(Embedded, EarSuite):
    role = "speech_to_text"
    name = "moonshine"


class TestPiper(Embedded, VoiceSuite):
    role = "text_to_speech"
    name = "piper"


class TestTurnWords(Embedded, TurnDetectorSuite):
    role = "turn_detector"
    name = "turn-words"


class TestSmolLM2(Embedded, MindSuite):
    role = "language_model"
    name = "smollm2"
