"""What the actors say to one another: frozen messages, each from one named sender to one named receiver.

All sound inside Harry is mono, signed 16-bit, little-endian PCM in `bytes`; offsets and lengths are in samples.
The microphone side runs at `EAR_RATE`; the loudspeaker side runs at the rate of the gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

EAR_RATE = 16_000
"""Hz. Every ear (voice activity, speech to text) hears at this rate."""

FRAME_SAMPLES = 512
"""Samples in a microphone frame: 32 ms, the window of Silero's voice activity detector."""

SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """Recorder -> listener: `FRAME_SAMPLES` of microphone sound, `start` samples after the session's clock began."""

    pcm: bytes
    start: int


@dataclass(frozen=True, slots=True)
class Speech:
    """Listener -> transcriber: an utterance, growing (`final` false) or whole.

    `start` is the first sample's place on the session's clock, at `EAR_RATE`; `began_at` and `ended_at` are when the
    voice began and ceased, in seconds on that clock. `whole`: the voice has paused, so this may be all of it.
    """

    utterance: str
    pcm: bytes
    start: int
    began_at: float
    ended_at: float
    final: bool
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Transcript:
    """Transcriber -> listener (each) and conductor (the final one): the words of an utterance so far.

    `confidence`, 0..1, is how sure the ear is of them, and `finished`, 0..1, how likely it is, by how they were spoken,
    that no more will come; None where the ear cannot tell.
    """

    utterance: str
    text: str
    final: bool
    confidence: float = 1.0
    finished: float | None = None


class Source(StrEnum):
    """By which way an utterance came in."""

    VOICE = "voice"
    TYPED = "typed"
    REMOTE = "remote"
    PROACTIVE = "proactive"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Ring:
    """How an utterance rings: the sound of its `kind` ("timer", "alarm", "reminder"), again for `seconds`; 0: once."""

    kind: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """Anyone -> conductor: something to answer, or (`speak` set) something Harry says of his own accord.

    `began_at` (None: unknown) and `ended_at` are in seconds on the session's clock. `speak` holds fixed words that
    bypass the mind; `ring` is the sound that goes with them. `pictures` are `data:` URIs that belong to the words.
    """

    id: str
    text: str
    source: Source
    began_at: float | None = None
    ended_at: float = 0.0
    speak: str | None = None
    ring: Ring | None = None
    pictures: tuple[str, ...] = field(default=(), repr=False)


class Outcome(StrEnum):
    """What became of a tool call. `UNKNOWN`: it was cut short, and may have had its effect or not."""

    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call of a turn as it is remembered: `arguments` is JSON text, `result` what the mind was told.

    `extra` is what the mind's server added to the call and wants back with it.
    """

    id: str
    name: str
    arguments: str
    outcome: Outcome
    result: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


STRIDE = 4
"""Exchanges that a prompt leaves out at a time, the oldest, so that the next prompts begin as this one did."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn as it entered the history: what was said to Harry, how much of the reply was heard, the tools used.

    `failed`: it was no person who cut it off.
    """

    turn: str
    said: str
    heard: str
    interrupted: bool
    tools: tuple[ToolUse, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Recollection:
    """Retriever -> responder: the utterance together with what bears on it.

    `state` is what Harry has in mind, as (name, text): his mood, his goal, a thought he holds on to.
    """

    utterance: Utterance
    history: tuple[Exchange, ...] = ()
    thoughts: tuple[str, ...] = ()
    memories: tuple[str, ...] = ()
    state: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Responder -> speaker: a stretch of the reply, ready to be spoken (no markup), with its leading space if any."""

    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a chunk: its text (with the space or mark that belongs to it) and the sample at which it has ended.

    The texts of a chunk's words, joined, are the spoken wording. `end` is exclusive, counted from the chunk's start.
    """

    text: str
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Voice -> speaker -> gate: sound at `rate` Hz, and the words that end within it."""

    pcm: bytes
    rate: int
    words: tuple[Word, ...] = ()

    @property
    def samples(self) -> int:
        """How many samples the chunk holds."""
        return len(self.pcm) // SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A turn as it is kept. `spoken` is the reply as generated so far; `heard` is a prefix of it."""

    turn: str
    user: str
    session: str
    namespace: str
    source: Source
    started_at: float
    ended_at: float
    said: str
    spoken: str
    heard: str
    interrupted: bool
    reason: str
    amends: str | None = None
    tools: tuple[ToolUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Thought:
    """An entry of the stream of consciousness. `at` is seconds since the epoch, by the wall clock."""

    id: str
    user: str
    session: str
    namespace: str
    persona: str
    at: float
    text: str = field(repr=False)
