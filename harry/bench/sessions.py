"""What a conversation costs, and how it holds up among others: whole sessions in one process, in real time.

Everything around Harry is scripted and answers without delay; everything between is Harry as he runs for a user, with
a store in memory. Instants are taken outside Harry only, at his seams: in the detector of voices, at the card, at the
gate's first chunk. The waits that are policy are set to the least: two windows in a row are a voice, which takes the
floor; a few of silence end an utterance.
"""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import trio
import trio.testing

from actors.protocols import (
    Delta,
    LanguageModel,
    Message,
    Request,
    Role,
    Samples,
    SpeechToText,
    TextDelta,
    TextPart,
    TextToSpeech,
    Usage,
    VoiceActivityDetector,
    VoiceActivityStream,
)
from channels.clock import AudioClock
from channels.gate import Slot
from channels.messages import EAR_RATE, SAMPLE_BYTES, Chunk, Recollection, Word
from harry.audio.resampling import Resampler
from harry.bench.duplex import RATE, SILENT, TICK, VOICED, DuplexCard, Notes, Nothing, User
from harry.bench.figures import describe_surroundings, percentiles
from harry.engines import registry
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.conversation import ConversationDevices, ConversationServices, ConversationSettings, build_conversation
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.spill import MemorySpill
from harry.session.conductor import Identity
from harry.session.session import TurnTakingSettings

REPLY = "one two three four five six seven eight nine ten."
SENTENCE = "What is the weather like in Paris tomorrow afternoon, and should I take an umbrella"

VOICED_WINDOWS = 2
"""Windows in a row that make a voice: fewer never silence Harry (`actors.turn_taking.floor`, rule 2)."""

SILENT_WINDOWS = 5
"""Windows of silence that end an utterance: 160 ms, the least after which Harry reads the words and may answer."""

_WINDOW = 0.032
_PIECE = 0.1
"""Seconds of a chunk of the scripted voice."""

WARM_UP = 1
"""Interruptions and replies of each session that are left out: the first of anything is slow."""

Detector = Literal["energy", "silero"]


@dataclass(frozen=True, slots=True)
class Script:
    """What every user does: say `speech` (in buffers of `TICK`), listen for `talk` s of a reply of `reply` s, again.

    `quiet` windows of silence end an utterance. `speculate`: Harry may begin to answer within that silence.
    """

    speech: Sequence[bytes]
    talk: float = 3.0
    reply: float = 8.0
    quiet: int = SILENT_WINDOWS
    speculate: bool = True

    @property
    def cycle(self) -> float:
        """Seconds of one round, about."""
        return len(self.speech) * TICK + self.talk


class _WatchedStream:
    def __init__(self, inner: VoiceActivityStream, notes: Notes, windows: int) -> None:
        self._inner = inner
        self._notes = notes
        self._windows = windows
        self._voiced = self._quiet = 0
        self._speaking = False

    def probability(self, window: Samples) -> float:
        probability = self._inner.probability(window)
        loud = probability >= 0.5
        self._voiced, self._quiet = (self._voiced + 1, 0) if loud else (0, self._quiet + 1)
        if not self._speaking and self._voiced == VOICED_WINDOWS:
            self._speaking = True
            self._notes.voice_declared()
        elif self._speaking and self._quiet == self._windows:
            self._speaking = False
            self._notes.silence_declared()
        return probability


class _Watched:
    """A detector of voices that notes when it has said "voice", and when it has said "silence", for some windows."""

    name = "watched"

    def __init__(self, inner: VoiceActivityDetector, notes: Notes, windows: int) -> None:
        self._inner = inner
        self._notes = notes
        self._windows = windows

    def open_stream(self) -> VoiceActivityStream:
        return _WatchedStream(self._inner.open_stream(), self._notes, self._windows)

    def describe(self) -> str:
        return self._inner.describe()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class _Engine:
    name = "without delay"

    def describe(self) -> str:
        return "scripted, without delay"

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class _Ear(_Engine):
    """Hears the same question in every utterance."""

    async def transcribe(self, samples: Samples) -> str:
        await trio.lowlevel.checkpoint()
        return "Would you tell me more about that, please?"


class _Mind(_Engine):
    """Answers ten words, and has the slot watched into which they will be spoken."""

    def __init__(self, notes: Notes, watch: Callable[[int], None]) -> None:
        self._notes = notes
        self._watch = watch

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        self._watch(self._notes.begin_reply())
        await trio.lowlevel.checkpoint()
        words = REPLY.split()
        for number, word in enumerate(words):
            await emit(TextDelta(f" {word}" if number else word))
        await emit(Usage(0, len(words)))


class _Voice(_Engine):
    """Speaks evenly, `seconds` for the whole reply, in pieces of a tenth of a second that carry the reply's number."""

    rate = RATE

    def __init__(self, notes: Notes, seconds: float) -> None:
        self._notes = notes
        self._pieces = max(1, round(seconds / len(REPLY.split()) / _PIECE))

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        piece = self._notes.mark.to_bytes(2, "little") * round(RATE * _PIECE)
        samples = len(piece) // SAMPLE_BYTES
        words = text.split(" ")
        for number, word in enumerate(words):
            wording = word if number == len(words) - 1 else f"{word} "
            for _ in range(self._pieces - 1):
                await emit(Chunk(piece, RATE))
            await emit(Chunk(piece, RATE, (Word(wording, samples),)))


def _prompt(user: str, mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
    return (Message(Role.USER, (TextPart(recollection.utterance.text),)),)


class _Conversation:
    """One session, its card, its user and the notes of them."""

    def __init__(self, script: Script, detector: VoiceActivityDetector, watching: trio.Nursery) -> None:
        self.notes = Notes()
        clock = AudioClock()
        self.card = DuplexCard(clock, self.notes, User(self.notes, script.speech, script.talk))
        speech_input = Engines(
            voice_activity=EnginePool[VoiceActivityDetector](
                "voice_activity", _Watched(detector, self.notes, script.quiet)
            ),
            speech_to_text=EnginePool[SpeechToText]("speech_to_text", _Ear()),
        )
        self._watching = watching
        self.session = build_conversation(
            Identity("user", "bench", "user"),
            ConversationSettings(
                turn_taking=TurnTakingSettings(
                    endpoint_silence=(script.quiet - 0.5) * _WINDOW,
                    barge_in_voice=_WINDOW / 2,
                    speculate=script.speculate,
                )
            ),
            ConversationServices(
                engines=speech_input,
                mind=EnginePool[LanguageModel]("language_model", _Mind(self.notes, self._watch)),
                voice=EnginePool[TextToSpeech]("text_to_speech", _Voice(self.notes, script.reply)),
                store=InMemoryStore(),
                spill=MemorySpill(),
                prompt=_prompt,
                today=lambda: "2000-01-01",
            ),
            ConversationDevices(clock=clock, microphone=self.card, loudspeaker=self.card),
        )
        self._open = self.session.gate.open
        self.session.gate.open = self._opening  # type: ignore[method-assign]  # nothing else tells the instant

    def _opening(self, slot: Slot) -> bool:
        opened = self._open(slot)
        if opened:
            self.notes.note_opening(slot)
        return opened

    def _watch(self, mark: int) -> None:
        # While the mind is asked, the turn's slot stands: a guess is asked first and alone, so it is the shut one.
        slot = self.session.gate.speculative or self.session.gate.live
        if slot is not None:
            self._watching.start_soon(self.notes.watch, slot, mark)


def make_question() -> list[bytes]:
    """Speak a question in Piper's voice, in buffers of `TICK` from its first loud sample: Silero must hear a voice."""
    voice = registry.load_engine("text_to_speech", "piper", {})

    async def speak() -> bytes:
        chunks: list[bytes] = []

        async def keep(chunk: Chunk) -> None:
            await trio.lowlevel.checkpoint()
            chunks.append(chunk.pcm)

        await voice.speak(SENTENCE, keep)
        await voice.aclose()
        return b"".join(chunks)

    sound = np.frombuffer(Resampler(voice.rate, EAR_RATE).push(trio.run(speak), last=True), np.int16)
    pcm = sound[int(np.argmax(np.abs(sound.astype(np.int32)) > 500)) :].tobytes()
    size = len(SILENT)
    return [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]


def read_resident_mb() -> float:
    """Memory of this process in MB (10^6 bytes); 0.0 where /proc does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _starts(n: int, cycle: float) -> list[float]:
    """Return the seconds after which each user begins, so that they do not speak in step."""
    dice = random.Random(1)  # noqa: S311  no secret: the same in every run
    return [dice.random() * cycle if n > 1 else 0.0 for _ in range(n)]


async def _rolled(cards: Sequence[DuplexCard], starts: Sequence[float], seconds: float) -> tuple[float, float]:
    """Let all cards run at once. Returns the CPU time of the process and the time that passed, in seconds."""
    cpu, began = time.process_time(), trio.current_time()
    for card, start in zip(cards, starts, strict=True):
        card.go(began + start, began + seconds)
    for card in cards:
        await card.done.wait()
    return time.process_time() - cpu, trio.current_time() - began


async def converse(n: int, seconds: float, script: Script, detector: VoiceActivityDetector) -> dict[str, Any]:
    """Hold `n` conversations at once for `seconds`. May run under a virtual clock."""
    statistics = trio.lowlevel.current_statistics
    gc.collect()
    memory, tasks = read_resident_mb(), statistics().tasks_living
    async with trio.open_nursery() as watching, trio.open_nursery() as nursery:
        held = [_Conversation(script, detector, watching) for _ in range(n)]
        for one in held:
            await nursery.start(one.session.run)
        await trio.testing.wait_all_tasks_blocked()
        ready, tasks_ready = read_resident_mb(), statistics().tasks_living
        used, wall = await _rolled([one.card for one in held], _starts(n, script.cycle), seconds)
        end = read_resident_mb()
        nursery.cancel_scope.cancel()
        watching.cancel_scope.cancel()
    notes = [one.notes for one in held]
    interruptions = [interruption for note in notes for interruption in note.interruptions[WARM_UP:]]
    cut = [(interruption.voice, interruption.cut) for interruption in interruptions if interruption.cut]
    declared = [
        (interruption.declared, interruption.cut)
        for interruption in interruptions
        if interruption.declared and interruption.cut
    ]
    replies = [answer for note in notes for answer in note.replies[WARM_UP:]]
    return {
        "sessions": n,
        "seconds": round(wall, 1),
        "interruptions": len(interruptions),
        "lost": len(interruptions) - len(cut),
        "replies": len(replies),
        "unanswered": sum(note.unanswered for note in notes),
        "stale_samples": sum(note.stale_samples for note in notes),
        "vad_to_cut_ms": percentiles([after.at - before.at for before, after in declared]),
        "first_voice_to_cut_ms": percentiles([after.at - before.at for before, after in cut]),
        "end_of_speech_to_first_chunk_ms": percentiles([answer.first.at - answer.ended.at for answer in replies]),
        "cpu_vad_to_cut_ms": percentiles([after.cpu - before.cpu for before, after in declared]),
        "cpu_end_of_speech_to_first_chunk_ms": percentiles([answer.first.cpu - answer.ended.cpu for answer in replies]),
        "cpu_s_per_session_minute": round(used / wall * 60 / n, 3),
        "rss_mb_per_session": round((ready - memory) / n, 3),
        "rss_mb_per_session_after": round((end - memory) / n, 3),
        "tasks_per_session": round((tasks_ready - tasks) / n, 2),
        "tasks_left": statistics().tasks_living - tasks,
        "tick_late_ms": percentiles([late for one in held for late in one.card.late]),
        "each_ms": [interruption.times() for interruption in interruptions],
    }


async def _harness(n: int, seconds: float, script: Script) -> float:
    """CPU seconds a session-minute of cards and users alone."""
    async with trio.open_nursery() as nursery:
        cards = []
        for _ in range(n):
            notes = Notes()
            card = DuplexCard(AudioClock(), notes, User(notes, script.speech, script.talk))
            await nursery.start(card.play, Nothing(notes, script.cycle))
            cards.append(card)
        used, wall = await _rolled(cards, _starts(n, script.cycle), seconds)
        nursery.cancel_scope.cancel()
    return used / wall * 60 / n


def run(
    n: int,
    seconds: float = 25.0,
    *,
    vad: Detector = "energy",
    voiced: float = 2.0,
    talk: float = 3.0,
    reply: float = 8.0,
    speculate: bool = True,
    harness: bool = True,
    each: bool = False,
) -> dict[str, Any]:
    """Hold `n` conversations at once for `seconds`: the user speaks `voiced` s, Harry `talk` s of `reply` s, and again.

    Times are in milliseconds unless their name says otherwise; `cpu_` in front means CPU time of the process between
    the same two events. With Silero the user asks a question in Piper's voice, and `voiced` is the most that is asked.
    A `talk` of less than 1.5 s would have what follows joined to the question before. `each`: tell the times of every
    interruption, too (`Interruption.times`).
    """
    speech = [VOICED] * round(voiced / TICK) if vad == "energy" else make_question()[: round(voiced / TICK)]
    script = Script(speech, talk, reply, speculate=speculate)
    detector: VoiceActivityDetector = registry.load_engine("voice_activity", vad, {})
    figures = trio.run(converse, n, seconds, script, detector)
    if not each:
        del figures["each_ms"]
    if harness:
        figures["harness_cpu_s_per_session_minute"] = round(trio.run(_harness, n, min(seconds, 10.0), script), 3)
    conditions = {
        "vad": vad,
        "voiced_s": round(len(speech) * TICK, 2),
        "talk_s": talk,
        "reply_s": reply,
        "speculate": speculate,
        "buffer_ms": round(TICK * 1000),
        "window_ms": round(_WINDOW * 1000),
        "windows_to_take_the_floor": VOICED_WINDOWS,
        "silent_windows_to_end_an_utterance": script.quiet,
    }
    return {**figures, **conditions, **describe_surroundings()}
