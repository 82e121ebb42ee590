"""Microphones for tests and benches: one that is fed by hand, unpaced, and one that hears somebody by the clock."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import trio

from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES, Frame
from harry.errors import DeviceError

VOICED_FRAME = (np.sin(np.arange(FRAME_SAMPLES) * 0.15) * 12_000).astype(np.int16).tobytes()
"""A frame that an energy detector takes for a voice."""

SILENT_FRAME = bytes(FRAME_SAMPLES * SAMPLE_BYTES)


class HandFedMicrophone:
    """`push` hands a frame to the task that captures; its place on the clock follows from how many were pushed."""

    description = "a microphone fed by hand"

    def __init__(self) -> None:
        self.ended = trio.Event()
        self._hear: Callable[[Frame], None] = lambda frame: None
        self._frames = 0

    async def capture(
        self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """See `actors.protocols.Microphone`."""
        self._hear = hear
        task_status.started()
        await trio.sleep_forever()

    async def push(self, frame: bytes, times: int = 1) -> None:
        """Hear a frame of `FRAME_SAMPLES` `times` times, with a checkpoint after each so that nobody falls behind."""
        for _ in range(times):
            self._hear(Frame(frame, self._frames * FRAME_SAMPLES))
            self._frames += 1
            await trio.lowlevel.checkpoint()


class PacedMicrophone:
    """Hears a voice as long as somebody `speak`s, else silence, a frame each 32 ms. It may be pulled out, and returns.

    The frames are heard by the task that captures, so what fails in them fails there.
    """

    description = "a microphone with somebody in front of it"
    returns = True

    def __init__(self) -> None:
        self.ended = trio.Event()
        self.opened = 0
        self._voice_until = 0.0
        self._gone: trio.Event | None = None
        self._frames = 0

    async def capture(
        self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """See `actors.protocols.Microphone`."""
        self._gone = gone = trio.Event()
        self.opened += 1
        task_status.started()
        due = trio.current_time()
        while not gone.is_set():
            pcm = VOICED_FRAME if due < self._voice_until else SILENT_FRAME
            hear(Frame(pcm, self._frames * FRAME_SAMPLES))
            self._frames += 1
            due += FRAME_SAMPLES / EAR_RATE
            await trio.sleep_until(due)
        raise DeviceError("The microphone has gone.")

    def unplug(self) -> None:
        """Let the device go away; it can be opened again at once."""
        if self._gone is not None:
            self._gone.set()

    async def speak(self, seconds: float) -> None:
        """Speak for so long."""
        self._voice_until = trio.current_time() + seconds
        await trio.sleep(seconds)
