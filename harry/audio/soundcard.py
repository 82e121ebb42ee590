"""What every sound card has in common: a callback in a foreign thread on one side, trio on the other.

The callback never waits for trio. A microphone's lays its buffer into a bounded inbox, a loudspeaker's pulls from the
gate; both then ask trio, in one coalesced call, to look after it. Opening and closing block, so they go to a thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np
import structlog
import trio

from actors.output_gain import Ducking
from channels.clock import AudioClock
from channels.gate import Gate
from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES, Frame
from harry.audio.resampling import Layout, Reblocker
from harry.engines.worker_threads import WorkerThreads
from harry.errors import DeviceError, EngineError

_log = structlog.get_logger(__name__)
T = TypeVar("T")

_OPENING = 5.0
_CLOSING = 2.0
"""Seconds a device may take. Closing is shielded, and Harry has promised to end within five."""

_QUIET = 5.0
"""Seconds without a callback after which a device has gone: a virtual one may need two for its first."""

_INBOX = 1.0
"""Seconds of sound that wait for trio; beyond them the oldest are dropped."""

_SLACK = 0.5
"""Seconds that a loudspeaker may take ahead of time: more than any card holds."""

_ASTRAY = EAR_RATE // 4
"""Samples by which the card's count may differ from the clock before it is set right."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device as its system lists it. `rate` (Hz) and `channels` are its own; Harry converts."""

    kind: Literal["microphone", "loudspeaker"]
    system: Literal["PortAudio", "pygame"]
    index: int
    name: str
    rate: int
    channels: int
    default: bool


class Stream(Protocol):
    """A device of one audio library, found but not yet open. `stop` may be called however far `start` came."""

    description: str
    layout: Layout

    def stop(self) -> None:
        """Close the device; blocking. No callback comes after it."""
        ...


class InputStream(Stream, Protocol):
    """A microphone."""

    def start(self, receive: Callable[[bytes], None], gone: Callable[[], None]) -> None:
        """Open; blocking. Then, in the card's thread, `receive` each buffer, and `gone` if the device disappears."""
        ...


class OutputStream(Stream, Protocol):
    """A loudspeaker; its samples are int16."""

    def start(self, fill: Callable[[memoryview], None], gone: Callable[[], None]) -> None:
        """Open; blocking. Then, in the card's thread, `fill` each buffer, and `gone` if the device disappears."""
        ...

    def latency(self) -> int:
        """Return how many samples of each channel lie between the callback and the ear, as far as the library knows."""
        ...


async def run_in_thread(name: str, work: Callable[[], T], *, deadline: float = _OPENING) -> T:
    """Do a device's blocking work. Raises `DeviceError`, also past the deadline (seconds)."""

    def attempt() -> T | DeviceError:
        try:
            return work()
        except DeviceError as error:
            return error

    try:
        outcome = await WorkerThreads(name, deadline=deadline).run(attempt)
    except EngineError as error:
        raise DeviceError(error.message) from error
    if isinstance(outcome, DeviceError):
        raise outcome
    return outcome


class _Pace:
    """Tells a card that plays from one that only swallows. Used in the card's thread alone.

    After an underrun some cards (ALSA's bridge to PulseAudio: ten seconds of sound within one) ask for much that never
    sounds. What goes beyond real time, and a slack of `_SLACK` seconds, is given silence instead of speech, so that
    nothing counts as heard which was not. One per cent is forgiven, for a card's clock is never quite ours.
    """

    def __init__(self, rate: int) -> None:
        self._refill = rate * 1.01
        self._most = rate * _SLACK
        self._credit = self._most
        self._at = time.monotonic()

    def allows(self, samples: int) -> bool:
        now = time.monotonic()
        self._credit = min(self._most, self._credit + (now - self._at) * self._refill)
        self._at = now
        if samples > self._credit:
            return False
        self._credit -= samples
        return True


class _Session:
    """One opening of a stream: what its callbacks tell trio, and its orderly end."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._token = trio.lowlevel.current_trio_token()
        self._called = trio.Event()
        self._gone = False
        self._unwanted = False
        self._lock = threading.Lock()

    def notify(self) -> None:
        """Ask trio to look. From the card's thread; calls that wait already are not doubled."""
        # A device that outlived its closing may call after trio has ended: nobody is there to be told.
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._called.set, idempotent=True)

    def note_gone(self) -> None:
        """Tell trio that the device disappeared. From the card's thread."""
        self._gone = True
        self.notify()

    async def wait_called(self) -> None:
        """Wait for the next callback. Raises `DeviceError` once the device is gone or gives no sign of life."""
        with trio.move_on_after(_QUIET) as patience:
            await self._called.wait()
        if self._gone or patience.cancelled_caught:
            what = "has gone" if self._gone else f"has given no sign of life for {_QUIET:g} seconds"
            raise DeviceError(
                f"The device {self._stream.description} {what}.", remedy="Check its plug, or name another."
            )
        self._called = trio.Event()

    @asynccontextmanager
    async def open(self, start: Callable[[], None]) -> AsyncIterator[None]:
        """Open in a thread, and close in one, whatever happens, also while the opening still hangs in its thread."""

        def open_if_wanted() -> None:
            with self._lock:
                if not self._unwanted:
                    start()

        def close() -> None:
            self._unwanted = True
            with self._lock:
                self._stream.stop()

        try:
            await run_in_thread(f"Opening {self._stream.description}", open_if_wanted)
            yield
        finally:
            with trio.CancelScope(shield=True):
                try:
                    await run_in_thread(f"Closing {self._stream.description}", close, deadline=_CLOSING)
                except DeviceError as error:
                    # Nobody needs it any more; what ended the session matters, not that its card is slow to let go.
                    _log.warning("device_did_not_close", device=self._stream.description, error=error.message)


class SoundcardMicrophone:
    """A microphone whose callback runs in the sound card's thread. It never ends; `dropped` counts bytes thrown away.

    `Frame.start` follows the card's own count of samples, and is set right when that is a quarter of a second away
    from the session's clock: after sound was lost, or when the two have drifted apart over hours. `returns`: after a
    `DeviceError` it may be captured from again, once the device is back.
    """

    returns = True

    def __init__(self, stream: InputStream, clock: AudioClock) -> None:
        self.description = stream.description
        self.ended = trio.Event()
        self.dropped = 0
        self._stream = stream
        self._clock = clock
        self._inbox: deque[bytes] = deque()
        self._held = 0
        self._lock = threading.Lock()
        self._next = 0
        self._anchored = False

    def _take(self) -> list[bytes]:
        with self._lock:
            waiting = list(self._inbox)
            self._inbox.clear()
            self._held = 0
        return waiting

    async def capture(
        self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """See `actors.protocols.Microphone`. The clock must have been started before."""
        session = _Session(self._stream)
        layout = self._stream.layout
        limit = int(layout.rate * _INBOX) * layout.frame_bytes
        reblocker = Reblocker(layout)
        self._take()

        def receive(data: bytes) -> None:
            with self._lock:
                self._inbox.append(data)
                self._held += len(data)
                while self._held > limit and len(self._inbox) > 1:
                    lost = len(self._inbox.popleft())
                    self._held -= lost
                    self.dropped += lost
            session.notify()

        async with session.open(lambda: self._stream.start(receive, session.note_gone)):
            task_status.started()
            self._anchored = False
            while True:
                await session.wait_called()
                frames = [frame for data in self._take() for frame in reblocker.push(data)]
                start = self._place(len(frames))
                for number, frame in enumerate(frames):
                    hear(Frame(frame, start + number * FRAME_SAMPLES))

    def _place(self, frames: int) -> int:
        """Return where so many new frames begin: behind the last, unless that is too far from what the clock says.

        The newest sample has just come, so the clock tells where they end.
        """
        astray = int(self._clock.now() * EAR_RATE) - self._next - frames * FRAME_SAMPLES
        if frames and (not self._anchored or abs(astray) > _ASTRAY):
            if self._anchored:
                _log.info("microphone_set_right", samples=astray, dropped_bytes=self.dropped)
            self._next = max(0, self._next + astray)
            self._anchored = True
        start = self._next
        self._next += frames * FRAME_SAMPLES
        return start


class SoundcardLoudspeaker:
    """A loudspeaker whose callback pulls from the gate in the sound card's thread.

    What the card holds cannot be taken back without an abort that would block: it sounds, and counts as heard. So
    `flush` returns 0 and `pending` is the stream's latency; both keep a cut honest, some 50 ms late to the ear.
    `returns`: after a `DeviceError` it may be played to again, once the device is back.
    """

    returns = True

    def __init__(self, stream: OutputStream) -> None:
        self.description = stream.description
        self.rate = stream.layout.rate
        self._stream = stream
        self._latency = 0

    def flush(self) -> int:
        """Return 0: nothing can be taken back."""
        return 0

    def pending(self) -> int:
        """Count what lies between the callback and the ear: the stream's latency in samples."""
        return self._latency

    async def play(self, gate: Gate, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See `actors.protocols.Loudspeaker`. The caller attaches this sink to the gate."""
        session = _Session(self._stream)
        ducking = Ducking(gate)
        channels = self._stream.layout.channels
        # Made once, for a tenth of a second: a callback that allocates may wait for the collector of garbage.
        mono = bytearray(self.rate // 10 * SAMPLE_BYTES)

        pace = _Pace(self.rate)

        def fill(into: memoryview) -> None:
            if not pace.allows(len(into) // SAMPLE_BYTES // channels):
                into[:] = bytes(len(into))
            elif channels == 1:
                ducking.pull(into)
            else:
                step = len(mono) * channels
                for at in range(0, len(into), step):
                    part = into[at : at + step]
                    heard = memoryview(mono)[: len(part) // channels]
                    ducking.pull(heard)
                    np.frombuffer(part, np.int16).reshape(-1, channels)[:] = np.frombuffer(heard, np.int16)[:, None]
            session.notify()

        async with session.open(lambda: self._stream.start(fill, session.note_gone)):
            self._latency = self._stream.latency()
            task_status.started()
            while True:
                await session.wait_called()
                gate.advance()
