"""Asks a turn model about each pause: whether the speaker has finished. Only the newest pause is worth asking about."""

from __future__ import annotations

from collections.abc import Callable

import structlog
import trio

from actors.protocols import TurnDetector
from actors.supervisor import describe_origin
from actors.transcriber import trim
from channels.messages import Speech
from channels.ports import Port, WhenFull
from harry.engines.lease import EnginePool

STUCK_SECONDS = 5.0
"""Seconds after which a model that does not answer is given up: the pause that was asked about is long over."""

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
                    with trio.fail_after(STUCK_SECONDS):
                        likelihood = float(await detector.likelihood(text, trim(speech)))
            except Exception as error:  # noqa: BLE001  a model may come from anybody
                log.warning("the turn model failed", cause=describe_origin(error))
            else:
                self._on_likelihood(likelihood, speech.ended_at)
