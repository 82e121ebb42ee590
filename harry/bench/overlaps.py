"""What is said and done over Harry's voice: which of it ends his reply, how soon, and whether a sample is lost.

Assent, coughs and bangs must not end it; a stop phrase and a real interruption must. All of them lie in one WAV file
that plays in real time into a session with the real Silero and Moonshine. Harry's words are random signs known sample
by sample, so what sounded is compared with what was to sound by content, and not by the gate's books.
"""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import trio

from actors.protocols import LanguageModel, Message, Role, TextPart
from channels.clock import AudioClock
from channels.event_types import AnyEvent, Heard, Interrupted, Transcribed, TurnEnded
from channels.events import Event
from channels.messages import EAR_RATE, Recollection
from harry.audio.wav import WavMicrophone
from harry.bench.figures import percentiles
from harry.bench.known_voice import WORD, KnownVoice, make_reply, split_replies, to_signs
from harry.bench.overlap_sounds import Overlap, make_sounds
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.hearing.moonshine import Moonshine, MoonshineSettings
from harry.hearing.silero import Silero, SileroSettings
from harry.host.conversation import ConversationDevices, ConversationServices, ConversationSettings, build_conversation
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.spill import MemorySpill
from harry.session.conductor import Identity
from harry.session.session import Session
from harry.testing.engines import ScriptedLanguageModel
from harry.testing.loudspeaker import VirtualLoudspeaker

EVERY = 3.5
"""Seconds from one overlap to the next."""

AGAIN = 1.0
"""Seconds before an overlap at which Harry is made to speak, if he does not."""


@dataclass(slots=True)
class OverlapResult:
    """What happened over one overlap. It sounded from `begins` to `ends`, in seconds on the clock."""

    overlap: Overlap
    begins: float
    ends: float
    cut: list[str] = field(default_factory=list)
    heard_as: list[str] = field(default_factory=list)
    pauses: int = 0
    silent_at: float | None = None
    again: float = 0.0

    def line(self) -> str:
        """Write one line for a person."""
        cut = ",".join(self.cut) or "-"
        silent = "-" if self.silent_at is None else f"{1000 * (self.silent_at - self.ends):+.0f} ms after its end"
        return (
            f"{self.overlap.kind:12} {self.overlap.name:40} {self.ends - self.begins:.2f} s cut={cut} "
            f"pauses={self.pauses} silent={silent} again={1000 * self.again:.0f} ms heard={self.heard_as}"
        )


@dataclass(slots=True)
class Played:
    """A whole run: each overlap, what sounded, what was told."""

    results: list[OverlapResult]
    sounded: list[tuple[float, bytes]]
    events: list[Event]
    said: str


def build_prompt(user: str, mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
    """Build a prompt for a mind that does not read it."""
    return (Message(Role.USER, (TextPart(recollection.utterance.text),)),)


async def play(overlaps: Sequence[Overlap]) -> Played:
    """Play the overlaps over Harry's voice, one after another, in real time."""
    with tempfile.TemporaryDirectory(prefix="harry-bench-") as folder:
        path = Path(folder) / "you.wav"
        results = _write(path, overlaps)
        said = make_reply(int((len(overlaps) + 3) * EVERY * 4))
        clock = AudioClock()
        sounded: list[tuple[float, bytes]] = []
        pauses: list[float] = []
        session = _session(path, clock, said, lambda at, pcm: sounded.append((at, pcm)))
        pause = session.conductor.pause

        def noted() -> bool:
            pauses.append(clock.now())
            return pause()

        session.conductor.pause = noted  # type: ignore[method-assign]
        listening = session.events.listen(100_000, lossless=True)
        async with trio.open_nursery() as nursery:
            await nursery.start(session.run)
            for result in results:
                await trio.sleep_until(clock.to_trio_time(result.begins - AGAIN))
                if not session.conductor.busy:
                    session.answer_typed("Tell me a story.")
            await trio.sleep(AGAIN + EVERY)
            nursery.cancel_scope.cancel()
    events = [event for event in listening.take_waiting() if not _of_the_end(event.what)]
    for result in results:
        _judge(result, sounded, pauses, events)
    return Played(results, sounded, events, said)


def _of_the_end(event: AnyEvent) -> bool:
    """Return whether a turn was cut by the end of the run and not by an overlap."""
    return isinstance(event, Interrupted | TurnEnded) and event.reason == "shutdown"


def _session(path: Path, clock: AudioClock, said: str, hear: Callable[[float, bytes], None]) -> Session:
    return build_conversation(
        Identity("you", "bench", "harry"),
        ConversationSettings(),
        ConversationServices(
            engines=Engines(
                voice_activity=EnginePool("voice_activity", Silero.load("silero", SileroSettings())),
                speech_to_text=EnginePool("speech_to_text", Moonshine.load("moonshine", MoonshineSettings())),
            ),
            mind=EnginePool("language_model", ScriptedLanguageModel("scripted", [said])),
            voice=EnginePool("text_to_speech", KnownVoice()),
            store=InMemoryStore(),
            spill=MemorySpill(),
            prompt=build_prompt,
            today=lambda: "2000-01-01",
        ),
        ConversationDevices(
            clock=clock,
            microphone=WavMicrophone(path, clock),
            loudspeaker=VirtualLoudspeaker(clock, rate=EAR_RATE, on_sound=hear),
        ),
    )


def _write(path: Path, overlaps: Sequence[Overlap]) -> list[OverlapResult]:
    """Write the microphone's file, with a little noise in it; returns when each overlap begins and ends."""
    total = np.random.default_rng(4).standard_normal(round((len(overlaps) + 2) * EVERY * EAR_RATE)) * 0.0005
    results = []
    for number, overlap in enumerate(overlaps):
        # The place differs, so that a sound falls on every place of a window.
        start = round((number + 1) * EVERY * EAR_RATE) + 37 * number
        total[start : start + len(overlap.sound)] += overlap.sound
        results.append(OverlapResult(overlap, start / EAR_RATE, (start + len(overlap.sound)) / EAR_RATE))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(EAR_RATE)
        file.writeframes((total.clip(-1, 1) * 32767).astype(np.int16).tobytes())
    return results


def _judge(
    result: OverlapResult, sounded: Sequence[tuple[float, bytes]], pauses: Sequence[float], events: Sequence[Event]
) -> None:
    begins, until = result.begins, result.begins + EVERY - AGAIN
    within = [event for event in events if begins <= event.at < until]
    result.cut = [event.what.reason for event in within if isinstance(event.what, Interrupted)]
    result.heard_as = [event.what.text for event in within if isinstance(event.what, Transcribed)]
    result.pauses = sum(begins <= at < until for at in pauses)
    loud = [at for at, pcm in sounded if begins <= at < until and any(pcm)]
    if result.cut:
        # An answer begins some time after the end; what sounds until then belongs to the reply that was cut.
        cut_at = next(event.at for event in within if isinstance(event.what, Interrupted))
        result.silent_at = max((at + 0.01 for at in loud if at <= cut_at), default=begins)
        silences = [at for at, pcm in sounded if begins <= at < cut_at and not any(pcm)]
        result.again = 0.01 * sum(at > silences[0] for at in loud if at <= cut_at) if silences else 0.0


# The figures.


def find_unlike(played: Played) -> list[tuple[int, int]]:
    """Find each reply that did not sound as it should: its number, and the first sample that differs."""
    expected = to_signs(played.said)
    found = []
    for number, part in enumerate(split_replies(played.sounded)):
        same = min(len(part), len(expected))
        others = np.flatnonzero(part[:same] != expected[:same])
        if len(others) or len(part) > same:
            found.append((number, int(others[0]) if len(others) else same))
    return found


def is_complete(played: Played) -> bool:
    """Return whether all that sounded of each reply is, sample by sample, what was to sound, from its beginning."""
    return not find_unlike(played)


def count_heard_exactly(played: Played) -> tuple[int, int]:
    """Return how many of the cut replies tell exactly the words that sounded, and of how many."""
    heard = [event.what.text for event in played.events if isinstance(event.what, Heard)]
    words = played.said.split()
    counts = [len(part) // WORD for part in split_replies(played.sounded)]
    right = 0
    for text in heard:
        if not text and counts[:1] != [0]:
            right += 1  # a reply that was cut before anything of it sounded
        elif counts:
            right += text.split() == words[: counts.pop(0)]
    return right, len(heard)


def read_figures(played: Played) -> dict[str, Any]:
    """Read the figures off a run."""
    false = [result for result in played.results if result.overlap.kind in {"assent", "cough", "bang"}]
    stops = [result for result in played.results if result.overlap.kind == "stop"]
    real = [result for result in played.results if result.overlap.kind == "interruption"]
    right, cut = count_heard_exactly(played)
    return {
        "overlaps": len(false),
        "replies_ended": sum(bool(result.cut) for result in false),
        "ended_by": [f"{result.overlap.name}: {result.heard_as}" for result in false if result.cut],
        "false_pauses": sum(result.pauses for result in false),
        "nothing_lost": is_complete(played),
        "unlike": find_unlike(played),
        "heard_exact": f"{right} of {cut}",
        "stops": len(stops),
        "stopped": sum(result.cut[:1] == ["stop"] for result in stops),
        "ended": sum(bool(result.cut) for result in stops),
        "end_of_stop_to_silence_ms": percentiles([e.silent_at - e.ends for e in stops if e.silent_at is not None]),
        "interruptions": len(real),
        "interrupted": sum(bool(result.cut) for result in real),
        "sounded_again": sum(result.again > 0 for result in [*stops, *real]),
        "sounded_again_ms": percentiles([result.again for result in [*stops, *real]]),
    }


async def _run(n: int) -> dict[str, Any]:
    return read_figures(await play(await make_sounds(n)))


def run(n: int) -> dict[str, Any]:
    """Assent, coughs and bangs `n` times each, and ten stop phrases and interruptions."""
    return trio.run(_run, n)
