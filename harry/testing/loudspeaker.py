"""A loudspeaker for tests and benches: a trio task in virtual or real time that knows exactly what sounded when.

It behaves like a sound card: it pulls a block at a time, keeps up to `buffer` seconds that have not sounded, and can
throw those away. What sounded is handed to `on_sound(at, pcm)`, judged by content and not by the gate's books.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import trio

from actors.output_gain import Ducking
from channels.clock import AudioClock
from channels.gate import Gate
from channels.messages import SAMPLE_BYTES
from harry.errors import DeviceError


class VirtualLoudspeaker:
    """Blocks of `block` seconds at `rate` Hz. `flushable` false is a card that cannot take anything back."""

    description = "virtual loudspeaker"

    def __init__(
        self,
        clock: AudioClock,
        *,
        rate: int = 16_000,
        block: float = 0.01,
        buffer: float = 0.04,
        flushable: bool = True,
        on_sound: Callable[[float, bytes], None] = lambda at, pcm: None,
    ) -> None:
        self.rate = rate
        self._clock = clock
        self._block = round(rate * block)
        self._blocks_ahead = max(1, round(buffer / block))
        self._flushable = flushable
        self._on_sound = on_sound
        self._held: deque[bytes] = deque()
        self._sounded = 0

    def _played_of_first(self) -> int:
        """Return how many samples of the first held block have sounded by now."""
        if not self._held:
            return 0
        gone = int((self._clock.now() + 1e-9) * self.rate) - self._sounded
        return max(0, min(gone, len(self._held[0]) // SAMPLE_BYTES))

    def pending(self) -> int:
        """Return how many samples that were pulled have not sounded yet."""
        return sum(map(len, self._held)) // SAMPLE_BYTES - self._played_of_first()

    def flush(self) -> int:
        """Throw away what has not sounded; the place of what is thrown away is silence."""
        if not self._flushable:
            return 0
        # The clock is read once: between two readings a sample may pass, which then would be played and given back.
        played = self._played_of_first() * SAMPLE_BYTES
        held, first = sum(map(len, self._held)), b"".join(self._held)[:played]
        self._held.clear()
        if first:
            self._held.append(first)
        return (held - played) // SAMPLE_BYTES

    async def play(self, gate: Gate, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Pull and play until cancelled. The clock must have been started."""
        self._sounded = round(self._clock.now() * self.rate)
        into = bytearray(self._block * SAMPLE_BYTES)
        ducking = Ducking(gate)
        task_status.started()
        while True:
            while len(self._held) < self._blocks_ahead:
                ducking.pull(memoryview(into))
                self._held.append(bytes(into))
            gate.advance()
            await trio.sleep_until(self._clock.to_trio_time((self._sounded + self._block) / self.rate))
            self._play_block()
            gate.advance()

    def _play_block(self) -> None:
        """Let one block's time pass: what a flush took of it is silence."""
        pcm = self._held.popleft() if self._held else b""
        self._on_sound(self._sounded / self.rate, pcm.ljust(self._block * SAMPLE_BYTES, b"\0"))
        self._sounded += self._block


class RemovableLoudspeaker(VirtualLoudspeaker):
    """One that may be pulled out while it plays, and comes back."""

    returns = True
    _gone: trio.Event | None = None

    async def play(self, gate: Gate, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See `actors.protocols.Loudspeaker`."""
        self._gone = trio.Event()
        async with trio.open_nursery() as nursery:
            await nursery.start(super().play, gate)
            task_status.started()
            await self._gone.wait()
            nursery.cancel_scope.cancel()
        if self._gone.is_set():
            raise DeviceError("The loudspeaker has gone.")

    def unplug(self) -> None:
        """Let the device go away; it can be opened again at once."""
        if self._gone is not None:
            self._gone.set()
