"""WAV files as devices: both on the session's one clock, in real time, silence included.

Sample instant t of the loudspeaker's file is instant t of the microphone's file, so the two laid side by side show
who spoke when. All reads and writes are small ones on local files: they run in trio's thread, under virtual time too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from pathlib import Path

import structlog
import trio

from actors.output_gain import Ducking
from channels.clock import AudioClock
from channels.gate import Gate
from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES, Frame
from harry.audio.resampling import Reblocker
from harry.audio.riff import Riff, WavWriter, explain_errors, read_header

_log = structlog.get_logger(__name__)

_BLOCKS_A_SECOND = 100
_SILENCE = bytes(FRAME_SAMPLES * SAMPLE_BYTES)


class WavMicrophone:
    """Plays a WAV file into Harry's ear at the pace of the clock, then silence for ever.

    The clock must have been started before `capture` is. A file that is shorter than its header says is played as far
    as it goes. Raises `DeviceError` at once if the file cannot be read.
    """

    def __init__(self, path: Path, clock: AudioClock) -> None:
        self.path = path
        self.description = f"the WAV file {path}"
        self.ended = trio.Event()
        self._clock = clock
        self._riff = read_header(path)
        self._next = 0
        if self._riff.truncated:
            _log.warning("wav_truncated", path=str(path), bytes=self._riff.size, promised=self._riff.promised)

    async def capture(
        self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Hear frame k when its last sample has elapsed on the clock; late frames follow one another without a pause.

        A capture that was ended can be started again: it goes on with the frame that was not heard yet.
        """
        frames = _frames(self.path, self._riff, skip=self._next)
        try:
            task_status.started()
            while True:
                with explain_errors(self.path, "read"):
                    pcm = next(frames, None)
                if pcm is None:
                    self.ended.set()
                start = self._next * FRAME_SAMPLES
                await trio.sleep_until(self._clock.to_trio_time((start + FRAME_SAMPLES) / EAR_RATE))
                self._next += 1
                hear(Frame(_SILENCE if pcm is None else pcm, start))
        finally:
            frames.close()


def _frames(path: Path, riff: Riff, skip: int) -> Generator[bytes, None, None]:
    """Read a file frame by frame, holding no more than a few of them; the first `skip` frames are passed over."""
    layout = riff.layout
    reblocker = Reblocker(layout)
    at_once = math.ceil(FRAME_SAMPLES * layout.rate / EAR_RATE)
    first = round(skip * FRAME_SAMPLES * layout.rate / EAR_RATE)
    left = max(0, riff.frames - first)
    if not left:
        return
    with path.open("rb") as file:
        file.seek(riff.start + first * layout.frame_bytes)
        while left:
            data = file.read(min(left, at_once) * layout.frame_bytes)
            # A file that was cut short while it played ends where it ends.
            left = max(0, left - at_once) if data else 0
            yield from reblocker.push(data, last=not left)


class WavLoudspeaker:
    """Writes what would be heard into a WAV file at the pace of the clock, mono at `rate` Hz, silence included.

    A block of 10 ms is pulled when its time begins and written when it is over; a flush blanks what has not sounded.
    The clock must have been started before `play` is. Raises `DeviceError` at once if the file cannot be made.
    """

    def __init__(self, path: Path, clock: AudioClock, rate: int = 24_000) -> None:
        self.path = path
        self.rate = rate
        self.description = f"the WAV file {path}"
        self._clock = clock
        self._writer = WavWriter(path, rate)
        self._unwritten = bytearray()
        # The block that sounds now: the file's sample with which it begins, its sound, and how many of its samples
        # stand in the gate's books. A flush lowers that number, so that no sample is taken back twice.
        self._first = 0
        self._block = bytearray()
        self._booked = 0
        self._stopped_at: int | None = 0

    def _sounded(self) -> int:
        """Return how many samples of the block have sounded in full."""
        now = self._stopped_at
        if now is None:
            # A thousandth of a sample forgives what floating point loses on a clock that counts from long ago.
            now = math.floor(self._clock.now() * self.rate + 1e-3)
        return min(max(0, now - self._first), len(self._block) // SAMPLE_BYTES)

    def pending(self) -> int:
        """Return how many of the newest samples pulled have not sounded yet: less than a block."""
        return max(0, self._booked - self._sounded())

    def flush(self) -> int:
        """Blank what has not sounded of the block; returns how many samples that were."""
        flushed = self.pending()
        self._booked -= flushed
        blank = self._booked * SAMPLE_BYTES
        if flushed:
            self._block[blank:] = bytes(len(self._block) - blank)
        return flushed

    async def play(self, gate: Gate, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Pull a block each 10 ms of the clock. After a stall the missed ones are pulled at once, to stay in step.

        However it ends, the file is valid and reaches up to the present. The caller attaches this sink to the gate.
        """
        self._first, self._block, self._booked = self._writer.samples, bytearray(), 0
        self._stopped_at = None
        ducking = Ducking(gate)
        task_status.started()
        try:
            while True:
                coming = self._first + len(self._block) // SAMPLE_BYTES
                await trio.sleep_until(self._clock.to_trio_time(coming / self.rate))
                self._keep_block()
                block_after = coming * _BLOCKS_A_SECOND // self.rate + 1
                end = math.ceil(block_after * self.rate / _BLOCKS_A_SECOND)
                block = bytearray((end - coming) * SAMPLE_BYTES)
                ducking.pull(memoryview(block))
                self._first, self._block, self._booked = coming, block, end - coming
                gate.advance()
        finally:
            self._stop()

    def _keep_block(self) -> None:
        self._unwritten += self._block
        if len(self._unwritten) >= self.rate * SAMPLE_BYTES:
            self._write()

    def _write(self) -> None:
        # Let go of first: after an error its trace holds on to what could not be written.
        unwritten, self._unwritten = self._unwritten, bytearray()
        self._writer.write(unwritten)

    def _stop(self) -> None:
        """Bring the file up to the present and close it. What the block still held never sounds, and can be flushed."""
        self._stopped_at = math.floor(self._clock.now() * self.rate + 1e-3)
        self._unwritten += self._block[: self._sounded() * SAMPLE_BYTES]
        try:
            self._write()
            while (missing := self._stopped_at - self._writer.samples) > 0:
                self._writer.write(bytes(min(missing, self.rate) * SAMPLE_BYTES))
        finally:
            self._writer.close()
