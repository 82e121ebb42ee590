"""pipecat-ai: the pipeline of its own getting-started voice agent, with engines that answer without delay.

    input -> ear -> user aggregator (voice activity, turns) -> mind -> voice -> output -> assistant aggregator

Metrics, RTVI and turn tracking are on, as in that example. Waits that are policy are zero: one voiced buffer of 20 ms
is speech, three silent ones end it, and the turn ends with it. The output is paced as pipecat's websocket transport
paces it: it takes a chunk of 40 ms, then sleeps until the chunk's turn. Instants: the detector's public state changes;
the output has handled the interruption; `write_audio_frame` is called with a reply's first chunk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

from loguru import logger

logger.remove()  # pipecat logs to standard error at DEBUG unless told otherwise

from conversation import EAR_RATE, RATE, TICK, WORDS, Notes, main, piece, voiced  # noqa: E402
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState  # noqa: E402
from pipecat.frames.frames import (  # noqa: E402
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline  # noqa: E402
from pipecat.pipeline.worker import PipelineParams, PipelineWorker  # noqa: E402
from pipecat.processors.aggregators.llm_context import LLMContext  # noqa: E402
from pipecat.processors.aggregators.llm_response_universal import (  # noqa: E402
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection  # noqa: E402
from pipecat.services.llm_service import LLMService  # noqa: E402
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings  # noqa: E402
from pipecat.services.stt_service import STTService  # noqa: E402
from pipecat.services.tts_service import TTSService  # noqa: E402
from pipecat.transports.base_input import BaseInputTransport  # noqa: E402
from pipecat.transports.base_output import BaseOutputTransport  # noqa: E402
from pipecat.transports.base_transport import TransportParams  # noqa: E402
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy  # noqa: E402
from pipecat.turns.user_turn_strategies import UserTurnStrategies  # noqa: E402
from pipecat.workers.runner import WorkerRunner  # noqa: E402


class Loudness(VADAnalyzer):
    """A window is one buffer; it is a voice when its peak says so."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(params=VADParams(start_secs=TICK, stop_secs=3 * TICK, min_volume=0.0))
        self._notes = notes
        self._said = VADState.QUIET

    def num_frames_required(self) -> int:
        """Return the samples in a window."""
        return round(EAR_RATE * TICK)

    def voice_confidence(self, buffer: bytes) -> float:
        """Answer without doubt."""
        return float(voiced(buffer))

    def _run_analyzer(self, buffer: bytes) -> VADState:
        state = super()._run_analyzer(buffer)
        if state is not self._said and state in {VADState.SPEAKING, VADState.QUIET}:
            self._said = state
            if state is VADState.SPEAKING:
                self._notes.voice_declared()
            else:
                self._notes.silence_declared()
        return state


class Ear(STTService):
    """Gives its transcript when the detector says that speech is over."""

    def __init__(self) -> None:
        super().__init__(ttfs_p99_latency=0.0, settings=STTSettings(model="scripted", language=None))
        self._heard = 0

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Hear nothing in single buffers."""
        yield None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """See the class."""
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            self._heard += 1
            await self.push_frame(
                TranscriptionFrame(f"Question number {self._heard}, please.", "user", "", finalized=True)
            )


_UNSET = dict.fromkeys(
    (
        "system_instruction",
        "temperature",
        "max_tokens",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "filter_incomplete_user_turns",
        "user_turn_completion_config",
    )
)


class Mind(LLMService):
    """Answers ten words at once."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(settings=LLMSettings(model="scripted", **_UNSET))
        self._notes = notes

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a context; pass everything else on."""
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        self._notes.next_reply()
        await self.push_frame(LLMFullResponseStartFrame())
        try:
            for number, word in enumerate(WORDS):
                await self._push_llm_text(f" {word}" if number else word)
        finally:
            await self.push_frame(LLMFullResponseEndFrame())


class Voice(TTSService):
    """Speaks `seconds` of sound in pieces of a tenth of a second, as fast as they are taken."""

    def __init__(self, notes: Notes, seconds: float) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            push_text_frames=True,
            sample_rate=RATE,
            settings=TTSSettings(model="scripted", voice=None, language=None),
        )
        self._notes = notes
        self._pieces = round(seconds * 10)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """See the class."""
        pcm = piece(self._notes.mark)
        for _ in range(self._pieces):
            yield TTSAudioRawFrame(pcm, RATE, 1, context_id=context_id)
            await asyncio.sleep(0)


class Input(BaseInputTransport):
    """Is fed by the user."""

    async def start(self, frame: Any) -> None:
        """Be ready."""
        await super().start(frame)
        await self.set_transport_ready(frame)


class Output(BaseOutputTransport):
    """A device that keeps real time."""

    def __init__(self, params: TransportParams, notes: Notes) -> None:
        super().__init__(params)
        self._notes = notes
        self._due = 0.0

    async def start(self, frame: Any) -> None:
        """Be ready."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: Any) -> bool:
        """Take a chunk, and keep its time."""
        self._notes.accepted(frame.audio)
        seconds = len(frame.audio) / 2 / RATE
        wait = self._due - time.perf_counter()
        await asyncio.sleep(max(0.0, wait))
        self._due = (self._due if wait > 0 else time.perf_counter()) + seconds
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note when an interruption has been dealt with."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._notes.cut()


class Session:
    """One pipeline under a runner of its own."""

    def __init__(self, reply: float) -> None:
        self.notes = Notes()
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=EAR_RATE,
            audio_out_sample_rate=RATE,
            audio_out_end_silence_secs=0,
        )
        user, assistant = LLMContextAggregatorPair(
            LLMContext(),
            user_params=LLMUserAggregatorParams(
                vad_analyzer=Loudness(self.notes),
                user_turn_strategies=UserTurnStrategies(
                    stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)]
                ),
            ),
        )
        self._input = Input(params)
        stages = [
            self._input,
            Ear(),
            user,
            Mind(self.notes),
            Voice(self.notes, reply),
            Output(params, self.notes),
            assistant,
        ]
        self._worker = PipelineWorker(
            Pipeline(stages),
            cancel_on_idle_timeout=False,
            params=PipelineParams(
                audio_in_sample_rate=EAR_RATE,
                audio_out_sample_rate=RATE,
                enable_metrics=True,
                enable_usage_metrics=True,
            ),
        )
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Run until the pipeline says that it has started."""
        ready = asyncio.Event()

        async def started(worker: PipelineWorker, frame: Frame) -> None:
            ready.set()

        self._worker.add_event_handler("on_pipeline_started", started)
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        self._running = asyncio.create_task(runner.run())
        await asyncio.wait_for(ready.wait(), 60)

    async def hear(self, pcm: bytes) -> None:
        """Take a buffer."""
        await self._input.push_audio_frame(InputAudioRawFrame(pcm, EAR_RATE, 1))

    async def stop(self) -> None:
        """Cancel the pipeline."""
        await self._worker.cancel()
        if self._running is not None:
            await asyncio.wait_for(self._running, 15)


if __name__ == "__main__":
    main("pipecat", "pipecat-ai", Session)
