"""The kit that holds engines to their role: Harry's own quick ones pass it."""

from __future__ import annotations

from harry.engines.registry import ROLES
from harry.hearing.energy import Energy
from harry.mind.absent import Absent
from harry.testing.conformance import SUITES, EarSuite, MindSuite, VoiceSuite, suite
from harry.testing.engines import ScriptedLanguageModel, ScriptedSpeechToText, ScriptedVoice
from harry.voice.silent import Silent

TestEnergy = suite("voice_activity", Energy)
TestScriptedEar = suite("speech_to_text", ScriptedSpeechToText)
TestScriptedMind = suite("language_model", ScriptedLanguageModel)
TestAbsentMind = suite("language_model", Absent)
TestScriptedVoice = suite("text_to_speech", ScriptedVoice, {"rate": 16_000})
TestSilentVoice = suite("text_to_speech", Silent, sounds=False)


def test_there_is_a_suite_for_each_role() -> None:
    assert set(SUITES) == set(ROLES)
    assert {suite.role for suite in SUITES.values()} == set(ROLES)


def test_a_suite_may_be_made_or_derived() -> None:
    class TestMine(VoiceSuite):
        engine = Silent

    assert issubclass(suite("speech_to_text", ScriptedSpeechToText), EarSuite)
    assert issubclass(suite("language_model", Absent, shared=True), MindSuite)
    assert TestMine._kept is not VoiceSuite._kept
