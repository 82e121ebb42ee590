"""A microphone that is fed by hand, for tests and benches: frames go in as they are pushed, unpaced, in any time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import trio

from channels.messages import FRAME_SAMPLES, SAMPLE_BYTES, Frame

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
