"""Asks a turn model about each pause: whether the speaker has finished. Only the newest pause is worth asking about."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from actors.protocols import TurnDetector
from actors.transcriber import trim
from channels.messages import Speech
from channels.ports import Port, WhenFull
from harry.engines.lease import EnginePool
from harry.errors import EngineError

log = structlog.get_logger(__name__)


class TurnJudge:
    """`judge` never waits; `on_likelihood(likelihood, until)` is told, `until` being when the voice had ceased."""

    def __init__(self, detector: EnginePool[TurnDetector], on_likelihood: Callable[[float, float], None]) -> None:
        self._detector = detector
        self._on_likelihood = on_likelihood
        self._pauses: Port[tuple[Speech, str]] = Port("pauses to judge", 1, WhenFull.LATEST)

    def judge(self, speech: Speech, text: str) -> None:
        """Have a pause judged, after which nothing may follow."""
        self._pauses.offer((speech, text))

    async def run(self) -> None:
        """Judge until cancelled. A model that fails leaves the decision to words and silence."""
        async for speech, text in self._pauses:
            try:
                async with self._detector.lease() as detector:
                    likelihood = await detector.likelihood(text, trim(speech))
            except EngineError as error:
                log.warning("the turn model failed", cause=str(error))
            else:
                self._on_likelihood(likelihood, speech.ended_at)
