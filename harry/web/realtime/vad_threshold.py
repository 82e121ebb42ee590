"""A detector of voices whose threshold a client has set: probabilities are bent until it stands at Harry's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import trio

from actors.protocols import Samples, VoiceActivityDetector, VoiceActivityStream
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool

_USUAL = 0.5


class Sensing:
    """See `actors.protocols.VoiceActivityDetector`; `threshold` is asked for each window."""

    def __init__(self, inner: VoiceActivityDetector, threshold: Callable[[], float]) -> None:
        self.name = inner.name
        self.describe = inner.describe
        self.inner = inner
        self._threshold = threshold

    def open_stream(self) -> VoiceActivityStream:
        """Start a stream for one session."""
        return _Stream(self.inner.open_stream(), self._threshold)

    async def aclose(self) -> None:
        """Close nothing: the detector is everybody's."""
        await trio.lowlevel.checkpoint()


class _Stream:
    def __init__(self, inner: VoiceActivityStream, threshold: Callable[[], float]) -> None:
        self._inner = inner
        self._threshold = threshold

    def probability(self, window: Samples) -> float:
        found, mark = self._inner.probability(window), self._threshold()
        if mark == _USUAL:
            return found
        if found < mark:
            return found / mark * _USUAL
        return _USUAL + (found - mark) / (1 - mark) * (1 - _USUAL)


class _SensingPool(EnginePool[VoiceActivityDetector]):
    """Gives such a detector over that of another pool, whichever it is at the moment."""

    def __init__(self, shared: EnginePool[VoiceActivityDetector], threshold: Callable[[], float]) -> None:
        super().__init__("voice_activity", Sensing(shared.engine, threshold))
        self._shared = shared
        self._threshold = threshold
        self._sensing = Sensing(shared.engine, threshold)
        self.changed = shared.changed

    @property
    def engine(self) -> VoiceActivityDetector:
        """See `EnginePool.engine`."""
        return self._over(self._shared.engine)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[VoiceActivityDetector]:
        """See `EnginePool.lease`."""
        async with self._shared.lease() as inner:
            yield self._over(inner)

    def _over(self, inner: VoiceActivityDetector) -> VoiceActivityDetector:
        if self._sensing.inner is not inner:
            self._sensing = Sensing(inner, self._threshold)
        return self._sensing


def sensing(engines: Engines, threshold: Callable[[], float]) -> Engines:
    """Return these engines with such a detector, if there is one at all."""
    if engines.voice_activity is None:
        return engines
    return replace(engines, voice_activity=_SensingPool(engines.voice_activity, threshold))
