"""Voice activity that goes on when its detector fails: by loudness, until the detector answers again.

A detector that raises, or answers what is no probability, would else end the listener, and Harry would be deaf.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from actors.protocols import Samples, VoiceActivityStream
from harry.hearing.energy import Energy, EnergySettings

log = structlog.get_logger(__name__)

FAILED = "Harry tells voices from noise by their loudness only: what he has for it fails ({cause})."
RECOVERED = "Harry tells voices from noise as he should again."


class SteadyDetection:
    """A stream that asks `inner`, and loudness while that fails. `tell(message, over)` is told once each time."""

    def __init__(self, inner: VoiceActivityStream, tell: Callable[[str, bool], None]) -> None:
        self._inner = inner
        self._tell = tell
        self._loudness = Energy("energy", EnergySettings()).open_stream()
        self._fails = False

    def probability(self, window: Samples) -> float:
        """See `actors.protocols.VoiceActivityStream`."""
        try:
            # What cannot be compared with a number raises here; what is no number at all is no voice either.
            probability = min(1.0, max(0.0, self._inner.probability(window)))
        except Exception as error:  # noqa: BLE001  a detector may come from anybody
            if not self._fails:
                self._fails = True
                cause = type(error).__name__
                log.warning("voice activity detection fails", cause=cause)
                self._tell(FAILED.format(cause=cause), False)
            return self._loudness.probability(window)
        if self._fails:
            self._fails = False
            self._tell(RECOVERED, True)
        return probability
