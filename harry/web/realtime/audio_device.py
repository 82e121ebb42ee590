"""A Realtime client as a sound card: what he sends is the microphone, and what is sent to him is the loudspeaker.

Sound goes out at the pace at which it is heard, at most `AHEAD` early, so that an interruption finds little to throw
away. What the client sends in a burst is heard at its own pace; where he sends nothing for a while it is silent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import trio

from channels.clock import AudioClock
from channels.gate import Gate, Slot, State
from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES, Frame
from harry.web.realtime.settings import RATE

AHEAD = 0.16
"""Seconds of sound that are sent before they are heard, at most: with the block in hand, and the way, under 200 ms."""

BLOCK = 0.02
"""Seconds of sound in one message."""

GAP = 0.3
"""Seconds without sound from the client after which he is taken to be silent."""

SILENT_FOR = 3.0
"""Seconds for which such a silence is heard; then nothing is, and no work is done for it."""

MOST = 60 * EAR_RATE // FRAME_SAMPLES
"""Frames of a burst that wait to be heard."""

_FRAME = FRAME_SAMPLES / EAR_RATE
_SILENCE = bytes(FRAME_SAMPLES * SAMPLE_BYTES)


class RemoteAudioDevice:
    """Both devices.

    `told(slot, pcm)` takes each block that goes out. `flushed(paused)` says whether the client throws away what he
    holds. `waits()`: whether the client is behind.
    """

    description = "a client of the Realtime protocol"

    def __init__(
        self,
        clock: AudioClock,
        reblock: Callable[[bytes], list[bytes]],
        *,
        told: Callable[[Slot, bytes], None],
        flushed: Callable[[bool], bool],
        waits: Callable[[], bool],
    ) -> None:
        self.rate = RATE
        self.ended = trio.Event()
        self._clock = clock
        self._reblock = reblock
        self._told = told
        self._flushed = flushed
        self._waits = waits
        self._frames: deque[bytes] = deque(maxlen=MOST)
        self._arrived = trio.Event()
        self._next = 0
        self._silent_until = 0.0
        self._ear: Callable[[Frame], None] | None = None
        self._gate: Gate | None = None
        self._played_until = 0.0

    # The microphone.

    def hear(self, pcm: bytes) -> None:
        """Take what the client sends: 16-bit mono at `RATE`. What is due is heard at once, without a task between."""
        now = self._clock.now()
        idle = now >= self._silent_until
        self._silent_until = now + SILENT_FOR
        for frame in self._reblock(pcm):
            if self._ear is None or self._frames or self._early(now) > 0:
                self._frames.append(frame)
            else:
                self._hand(frame)
        if idle or self._frames:
            self._arrived.set()

    def forget(self) -> None:
        """Throw away what was sent and not heard yet."""
        self._frames.clear()

    async def capture(
        self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """See `actors.protocols.Microphone`."""
        self._ear = hear
        task_status.started()
        try:
            while True:
                await self._hear_what_waits()
        finally:
            self._ear = None

    async def _hear_what_waits(self) -> None:
        now = self._clock.now()
        if self._frames:
            early = self._early(now)
            if early > 0:
                await trio.sleep(early)
            if self._frames:
                self._hand(self._frames.popleft())
        elif now >= self._silent_until:
            await self._more(None)
        elif now - self._next / EAR_RATE > GAP:
            self._hand(_SILENCE)
        else:
            await self._more(self._next / EAR_RATE + GAP + _FRAME - now)

    def _early(self, now: float) -> float:
        """Seconds until the next frame may be heard."""
        if self._next / EAR_RATE < now - GAP - _FRAME:
            self._next = round(now * EAR_RATE)  # it was silent, and nobody listened
        return self._next / EAR_RATE - now - GAP

    def _hand(self, pcm: bytes) -> None:
        if self._ear is not None:
            self._ear(Frame(pcm, self._next))
        self._next += FRAME_SAMPLES

    async def _more(self, within: float | None) -> None:
        if self._arrived.is_set():
            self._arrived = trio.Event()
            if self._frames:
                return
        if within is None:
            await self._arrived.wait()
        else:
            with trio.move_on_after(max(0.0, within)):
                await self._arrived.wait()

    # The loudspeaker.

    async def play(self, gate: Gate, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See `actors.protocols.Loudspeaker`."""
        self._gate = gate
        block = bytearray(round(RATE * BLOCK) * SAMPLE_BYTES)
        task_status.started()
        tick = trio.current_time()
        while True:
            now = trio.current_time()
            self._played_until = max(self._played_until, now)
            while self._played_until - now <= AHEAD - BLOCK and not self._waits():
                slot = gate.live
                ready = slot.samples_waiting * SAMPLE_BYTES if slot is not None else 0
                # No silence is pulled: what was pulled last must be what the client has still to play.
                if slot is None or not ready or (ready < len(block) and not slot.finished):
                    break
                samples = gate.pull(memoryview(block)[:ready])
                if not samples:
                    break  # paused
                self._played_until += samples / RATE
                self._told(slot, bytes(block[: samples * SAMPLE_BYTES]))
            gate.advance()
            tick = max(tick + BLOCK, now)
            await trio.sleep_until(tick)

    def reported(self, left: float) -> None:
        """Note how many seconds of what was sent to the client he says he has not played yet."""
        self._played_until = trio.current_time() + min(max(left, 0.0), 5.0)

    def pending(self) -> int:
        """Return the samples sent that have not been heard yet, by the clock and by what the client has told."""
        return max(0, int((self._played_until - trio.current_time()) * RATE))

    def flush(self) -> int:
        """Have the client throw away what he holds. At a pause, one who cannot plays it to its end."""
        live = self._gate.live if self._gate is not None else None
        paused = live is not None and live.state is State.PAUSED
        if not self._flushed(paused):
            return 0
        unheard = self.pending()
        self._played_until = trio.current_time()
        return unheard
