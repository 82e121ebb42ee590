"""livekit-agents: an AgentSession without a server, with its own kinds of input and output, and engines without delay.

What can stay on by default stays on: pausing at an interruption and resuming a false one, pre-emptive generation, the
transcript synchroniser. Waits that are policy are zero: one voiced buffer of 20 ms is speech and takes the floor, three
silent ones end it, and the turn ends with it. The output is virtual, as in livekit's own tests and its console: it
takes frames at any speed, a clock plays them, and `pause` or `clear_buffer` silence it at once. That is livekit's best
case: its real room output costs more and holds 200 ms. Instants: the detector sends its event; the output is paused
or cleared, whichever comes first; `capture_frame` gets a reply's first frame.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from conversation import EAR_RATE, RATE, TICK, WORDS, Notes, main, piece, voiced
from livekit import rtc
from livekit.agents import NOT_GIVEN, Agent, AgentSession, LanguageCode, llm, stt, tts, utils, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities, TextOutput
from livekit.agents.voice.transcription.synchronizer import TranscriptSynchronizer

logging.disable(logging.CRITICAL)

_SAMPLES = round(EAR_RATE * TICK)
_QUIET = 3


class Loudness(vad.VAD):
    """A window is one buffer; it is a voice when its peak says so."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=TICK))
        self.notes = notes

    def stream(self) -> vad.VADStream:
        """Start a stream."""
        return _LoudnessStream(self)


class _LoudnessStream(vad.VADStream):
    async def _main_task(self) -> None:
        notes: Notes = self._vad.notes
        speaking, speech, silent, samples = False, 0.0, 0, 0
        async for frame in self._input_ch:
            if not isinstance(frame, rtc.AudioFrame):
                speaking, speech, silent = False, 0.0, 0
                continue
            samples += frame.samples_per_channel
            loud = voiced(frame.data)
            silent = 0 if loud else silent + 1
            kinds = []
            if loud and not speaking:
                speaking, speech = True, 0.0
                notes.voice_declared()
                kinds.append(vad.VADEventType.START_OF_SPEECH)
            if speaking:
                speech += TICK
            kinds.append(vad.VADEventType.INFERENCE_DONE)
            if speaking and silent == _QUIET:
                speaking = False
                notes.silence_declared()
                kinds.append(vad.VADEventType.END_OF_SPEECH)
            for kind in kinds:
                self._event_ch.send_nowait(
                    vad.VADEvent(
                        type=kind,
                        samples_index=samples,
                        timestamp=samples / EAR_RATE,
                        speech_duration=speech,
                        silence_duration=silent * TICK,
                        frames=[frame],
                        speaking=speaking,
                        raw_accumulated_silence=silent * TICK,
                        raw_accumulated_speech=speech if loud else 0.0,
                    )
                )
            if not speaking:
                speech = 0.0


class Ear(stt.STT):
    """Gives its transcript after three silent buffers."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))

    async def _recognize_impl(self, buffer: Any, *, language: Any, conn_options: Any) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(self, *, language: Any = NOT_GIVEN, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> Any:
        """Start a stream."""
        return _EarStream(stt=self, conn_options=conn_options)


class _EarStream(stt.RecognizeStream):
    async def _run(self) -> None:
        heard, silent = 0, _QUIET
        async for frame in self._input_ch:
            if not isinstance(frame, rtc.AudioFrame):
                continue
            if voiced(frame.data):
                silent = 0
            elif silent < _QUIET:
                silent += 1
                if silent == _QUIET:
                    heard += 1
                    words = stt.SpeechData(text=f"Question number {heard}, please.", language=LanguageCode("en"))
                    self._event_ch.send_nowait(
                        stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[words])
                    )


class Mind(llm.LLM):
    """Answers ten words at once."""

    def chat(
        self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **_: Any
    ) -> Any:
        """Start an answer."""
        return _Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Answer(llm.LLMStream):
    async def _run(self) -> None:
        for number, word in enumerate(WORDS):
            delta = llm.ChoiceDelta(role="assistant", content=f" {word}" if number else word)
            self._event_ch.send_nowait(llm.ChatChunk(id="reply", delta=delta))


class Voice(tts.TTS):
    """Speaks `seconds` of sound in pieces of a tenth of a second, as fast as they are taken."""

    def __init__(self, notes: Notes, seconds: float) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=True), sample_rate=RATE, num_channels=1)
        self.notes = notes
        self.pieces = round(seconds * 10)

    def synthesize(self, text: str, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> Any:
        """Not asked: the voice streams."""
        raise NotImplementedError

    def stream(self, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> Any:
        """Start a stream."""
        return _VoiceStream(tts=self, conn_options=conn_options)


class _VoiceStream(tts.SynthesizeStream):
    async def _run(self, output_emitter: Any) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=RATE, num_channels=1, mime_type="audio/pcm", stream=True
        )
        text = ""
        async for data in self._input_ch:
            if isinstance(data, str):
                text += data
            elif text:
                text = ""
                self._mark_started()
                pcm = piece(self._tts.notes.next_reply())
                output_emitter.start_segment(segment_id=utils.shortuuid())
                for _ in range(self._tts.pieces):
                    output_emitter.push(pcm)
                    await asyncio.sleep(0)
                output_emitter.flush()


class Input(AudioInput):
    """Is fed by the user."""

    def __init__(self) -> None:
        super().__init__(label="bench")
        self._frames: Any = utils.aio.Chan()

    async def __anext__(self) -> rtc.AudioFrame:
        frame: rtc.AudioFrame = await self._frames.__anext__()
        return frame

    def push(self, pcm: bytes) -> None:
        """Take a buffer."""
        self._frames.send_nowait(
            rtc.AudioFrame(data=pcm, sample_rate=EAR_RATE, num_channels=1, samples_per_channel=_SAMPLES)
        )


class Output(AudioOutput):
    """A virtual device. `_taken` seconds were handed over; `_played()` of them have sounded."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(label="bench", sample_rate=RATE, capabilities=AudioOutputCapabilities(pause=True))
        self._notes = notes
        self._paused_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._forget()

    def _forget(self) -> None:
        self._taken = 0.0
        self._began: float | None = None
        self._complete = False
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _played(self) -> float:
        if self._began is None:
            return 0.0
        now = time.perf_counter() if self._paused_at is None else self._paused_at
        return min(self._taken, max(0.0, now - self._began))

    def _begin(self) -> None:
        self._began = time.perf_counter()
        self.on_playback_started(created_at=time.time())

    def _await_end(self) -> None:
        self._stop_timer()
        if self._complete and self._paused_at is None:
            left = max(0.0, self._taken - self._played())
            self._timer = asyncio.get_running_loop().call_later(left, self._end, False)

    def _end(self, interrupted: bool) -> None:
        position = self._played() if interrupted else self._taken
        self._forget()
        self.on_playback_finished(playback_position=position, interrupted=interrupted)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take a stretch of sound."""
        await super().capture_frame(frame)
        self._notes.accepted(memoryview(frame.data).cast("B"), silent=self._paused_at is not None)
        self._taken += frame.duration
        if self._began is None and self._paused_at is None:
            self._begin()

    def flush(self) -> None:
        """Wait for the end of the segment, which is whole."""
        super().flush()
        if self._taken:
            self._complete = True
            self._await_end()

    def pause(self) -> None:
        """Fall silent and keep what is left."""
        super().pause()
        self._notes.cut()
        if self._paused_at is None:
            self._paused_at = time.perf_counter()
        self._stop_timer()

    def resume(self) -> None:
        """Let it sound on."""
        super().resume()
        if self._paused_at is not None and self._began is not None:
            self._began += time.perf_counter() - self._paused_at
        self._paused_at = None
        if self._began is None and self._taken:
            self._begin()
        self._await_end()

    def clear_buffer(self) -> None:
        """Fall silent for good."""
        self._notes.cut()
        if self._taken:
            self._end(True)


class Nowhere(TextOutput):
    """Takes the transcript."""

    def __init__(self) -> None:
        super().__init__(label="bench", next_in_chain=None)

    async def capture_text(self, text: str) -> None:
        """Let it go."""

    def flush(self) -> None:
        """Do nothing: nothing waits."""


class Session:
    """One AgentSession."""

    def __init__(self, reply: float) -> None:
        self.notes = Notes()
        self._session: AgentSession[None] = AgentSession(
            vad=Loudness(self.notes),
            stt=Ear(),
            llm=Mind(),
            tts=Voice(self.notes, reply),
            turn_handling={
                "turn_detection": "vad",
                "endpointing": {"min_delay": 0.0, "max_delay": 0.0},
                "interruption": {"mode": "vad", "min_duration": TICK, "resume_false_interruption": True},
                "preemptive_generation": {"enabled": True},
            },
            aec_warmup_duration=None,
            user_away_timeout=None,
        )
        self._input = Input()
        self._synchroniser = TranscriptSynchronizer(
            next_in_chain_audio=Output(self.notes), next_in_chain_text=Nowhere()
        )
        self._session.input.audio = self._input
        self._session.output.audio = self._synchroniser.audio_output
        self._session.output.transcription = self._synchroniser.text_output

    async def start(self) -> None:
        """Begin."""
        await self._session.start(Agent(instructions="Answer."), record=False)

    async def hear(self, pcm: bytes) -> None:
        """Take a buffer."""
        self._input.push(pcm)

    async def stop(self) -> None:
        """End."""
        await self._session.aclose()
        await self._synchroniser.aclose()


if __name__ == "__main__":
    main("livekit", "livekit-agents", Session)
