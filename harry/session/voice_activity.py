"""The stream that a session's listener asks for voices, which goes on when another detector takes the place of the one.

A stream has a memory, so another one begins between two utterances, never within one. It is made beforehand, in a
thread, and the engine of the old one is held until then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog
import trio

from actors.protocols import Samples, VoiceActivityDetector, VoiceActivityStream
from channels.signals import Signal
from harry.engines.lease import EnginePool

log = structlog.get_logger(__name__)


class FollowingStream:
    """See `actors.protocols.VoiceActivityStream`. `hearing` says whether an utterance goes on."""

    def __init__(self, pool: EnginePool[VoiceActivityDetector], hearing: Callable[[], bool]) -> None:
        self._pool = pool
        self._hearing = hearing
        self._engine = pool.engine
        self._stream = self._engine.open_stream()
        self._next: VoiceActivityStream | None = None
        self._taken = Signal()

    def probability(self, window: Samples) -> float:
        """Return how likely it is that a window holds a voice; the newcomer answers from the first window after one."""
        if self._next is not None and not self._hearing():
            self._stream, self._next = self._next, None
            self._taken.notify()
        return self._stream.probability(window)

    async def run(self) -> None:
        """Hold the detector of the moment, and follow when it is replaced, until cancelled."""
        async with AsyncExitStack() as held:
            engine = await held.enter_async_context(self._pool.lease())
            if engine is not self._engine:
                await self._follow(engine)
            while True:
                while self._pool.engine is engine:
                    await self._pool.changed.wait()
                async with AsyncExitStack() as newer:
                    engine = await newer.enter_async_context(self._pool.lease())
                    try:
                        await self._follow(engine)
                    except Exception as error:  # noqa: BLE001  a detector may come from anybody
                        log.warning("a detector gives no stream; the one before goes on", cause=type(error).__name__)
                        continue
                    await held.aclose()
                    held.push_async_exit(newer.pop_all())

    async def _follow(self, engine: VoiceActivityDetector) -> None:
        """Have a stream of an engine take over between two utterances, and wait until it has."""
        self._next = await trio.to_thread.run_sync(engine.open_stream, abandon_on_cancel=True)
        while self._next is not None:
            await self._taken.wait()
        self._engine = engine
