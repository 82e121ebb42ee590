"""Listens again where somebody may have said "stop" over Harry's voice and speech recognition wrote something else.

A short voice over his, of which the ear wrote a few words that are neither a stop phrase nor a listener's sound, is
searched once more for stop phrases (`actors.turn_taking.stop_sounds`). If one sounds nearly as likely, it was said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from actors.protocols import OtherReading, Recognition
from actors.text.phrases import Phrases
from actors.transcriber import SecondThought
from actors.turn_taking.stop_sounds import LOSS, LOSS_IF_STOPPED, LOSS_IF_SURE, SURE, StopWords, may_be_stop
from channels.messages import Speech


class StopSpotter:
    """One session's. `listener` gives who knows whether a voice was heard over Harry's; one of a plug-in may not."""

    def __init__(self, listener: Callable[[], Any], phrases: Phrases, names: tuple[str, ...]) -> None:
        self._listener = listener
        self._phrases = phrases
        self._names = names
        self._expected = StopWords(phrases, names)
        self._stopped = ""

    def __call__(self, speech: Speech, heard: Recognition) -> SecondThought | None:
        """Say where to look for other words in this voice; None where they would be no better."""
        if self._phrases.find_stop(heard.text, self._names) is not None:
            self._stopped = speech.utterance
            return None
        may_be = getattr(self._listener(), "may_be_command", None)
        if may_be is None or not may_be(speech):
            return None
        if not may_be_stop(heard.text, heard.confidence, self._phrases, self._names):
            return None
        limit = LOSS_IF_SURE if heard.confidence >= SURE else LOSS
        if speech.utterance == self._stopped:
            limit = LOSS_IF_STOPPED
        return SecondThought(self._expected, partial(self._choose, limit))

    def _choose(self, limit: float, heard: Recognition, readings: Sequence[OtherReading]) -> Recognition:
        for reading in readings:
            stop = self._phrases.find_stop(reading.text, self._names)
            if stop is not None and not stop.rest and reading.loss <= limit:
                return Recognition(reading.text, heard.confidence, heard.finished)
        return heard
