"""What the actors need from the world: ears, voices, minds, devices and stores, as protocols.

Engines are built by factories (`harry.engines.registry`), leased by turns and closed at the last lease. All arrays are
`float32` in -1..1, mono; all PCM is `bytes` as `channels.messages` says. Engines raise `harry.errors.EngineError`
and nothing else; what they raise otherwise ends the turn and counts as a defect of theirs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import trio

from channels.messages import Chunk, Exchange, Frame, Thought, ToolUse, TurnRecord

if TYPE_CHECKING:
    from channels.gate import Gate

Samples: TypeAlias = npt.NDArray[np.float32]
"""Sound, shape (samples,), float32 in -1..1."""


class Engine(Protocol):
    """What every engine has."""

    name: str

    def describe(self) -> str:
        """Return one line for a person: what it is, and where it runs."""
        ...

    async def aclose(self) -> None:
        """Let go of models, threads and connections. Called once, after the last lease."""
        ...


@dataclass(frozen=True, slots=True)
class EngineTraits:
    """What is so of an engine as long as it lives. An engine may declare them as its attribute `traits`.

    `small`: too small for a full prompt and for thinking by itself. `toolless`: it cannot call for tools. `embedded`:
    it runs in this process, so that reading a prompt ahead costs nothing but time. `light`: having it ready costs next
    to nothing, so it is loaded although another one serves. `local`: it is on this computer, so that nothing leaves
    it and nothing is charged.
    """

    small: bool = False
    toolless: bool = False
    embedded: bool = False
    light: bool = False
    local: bool = False


@runtime_checkable
class MayRetire(Protocol):
    """An engine that tells when it is of no more use: an instance that is `retired` is replaced by a fresh one."""

    @property
    def retired(self) -> bool:
        """Whether a call outlived its deadline."""
        ...


# Ears


class VoiceActivityStream(Protocol):
    """One session's voice activity detection; it has a memory, so it is never shared."""

    def probability(self, window: Samples) -> float:
        """Return how likely it is, 0..1, that a window of `FRAME_SAMPLES` at `EAR_RATE` holds a voice. Under 1 ms."""
        ...


class VoiceActivityDetector(Engine, Protocol):
    """A factory of streams."""

    def open_stream(self) -> VoiceActivityStream:
        """Start a stream of its own for one session. May be called from any thread."""
        ...


@dataclass(frozen=True, slots=True)
class Recognition:
    """What an ear made of an utterance.

    `confidence`, 0..1, is how sure it is of the words; 1 where it cannot tell. `finished`, 0..1, is how likely it is
    that the speaker has finished, by how the words were spoken and not by which they are; None where it cannot tell.
    """

    text: str
    confidence: float = 1.0
    finished: float | None = None

    @classmethod
    def of(cls, heard: Recognition | str) -> Recognition:
        """Turn what an ear returned into a recognition. Raises `TypeError` for anything else."""
        if isinstance(heard, cls):
            return heard
        if not isinstance(heard, str):
            raise TypeError(f"an ear returns text, not {type(heard).__name__}")
        return cls(heard)


class SpeechToText(Engine, Protocol):
    """Turns an utterance into words."""

    async def transcribe(self, samples: Samples) -> Recognition | str:
        """Return the words in `samples` (at `EAR_RATE`), "" if there are none. Cancellable; has a deadline of its own.

        A bare text is a reading that the ear is sure of.
        """
        ...


class ExpectedWords(Protocol):
    """Which words may be said. What they return is added to the logarithm of a probability: 0 is nothing."""

    def follows(self, before: str, word: str) -> float:
        """Return how much `word` is expected after another; "" is the beginning as `before`, and the end as `word`."""
        ...

    def begins(self, before: str, letters: str) -> float:
        """Return how much a word that begins with these letters is expected."""
        ...


@dataclass(frozen=True, slots=True)
class OtherReading:
    """Words that an ear may have heard. `loss`: by how much their sound is less likely (the logarithm, from 0)."""

    text: str
    loss: float


@runtime_checkable
class HearsAgain(Protocol):
    """An ear that can look for other words in the same sound."""

    async def hear_again(self, samples: Samples, expected: ExpectedWords) -> Sequence[OtherReading]:
        """Return what `samples` (at `EAR_RATE`) may hold, the likeliest and most expected first; a few at most."""
        ...


class TurnDetector(Engine, Protocol):
    """Tells how likely it is that a speaker has finished."""

    async def likelihood(self, text: str, samples: Samples) -> float:
        """Return how likely, 0..1, the speaker of `text` (heard in `samples`, at `EAR_RATE`) has finished."""
        ...


# The mind


class Role(StrEnum):
    """Who speaks in a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class TextPart:
    """A stretch of text in a message."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture in a message, as a `data:` URI."""

    uri: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A mind's wish that a tool be used: `arguments` is the JSON text as the mind wrote it, checked by nobody yet.

    As a delta it is emitted once, whole; as a part it stands in the assistant's message that asked for it. `extra` is
    what the mind's server added to it, in JSON's terms, and wants back with it: a signature, say.
    """

    id: str
    name: str
    arguments: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call came to, as text for the mind: the only part of a message in the role `TOOL`."""

    call: str
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the prompt, in a real role."""

    role: Role
    parts: tuple[TextPart | ImagePart | ToolCall | ToolResult, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """What a mind is told of a tool: `parameters` is a JSON Schema of an object.

    `effect`: it changes something outside the conversation, so it is never used on a guess.
    """

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    effect: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """What a call came to: as it is remembered, and pictures (`data:` URIs) that the mind is shown with it.

    `question` is what the user has to be asked before it is done, or other last words of the reply; "" where there are
    none.
    """

    use: ToolUse
    pictures: tuple[str, ...] = ()
    question: str = ""


class Toolbox(Protocol):
    """The tools of one turn."""

    @property
    def offered(self) -> tuple[Tool, ...]:
        """What the mind is told of."""
        ...

    async def use(self, calls: Sequence[ToolCall]) -> list[Used]:
        """Use tools side by side, each within its deadline; one result for each call, in order. Never raises for one.

        Waits until the turn is committed. Cancelled, it leaves each call in a known state in the turn's record.
        """
        ...


DEFAULT_MAX_TOKENS = 512
"""Tokens of a reply where nobody says how many; a mind's own setting may say more."""

Purpose: TypeAlias = Literal["reply", "thought", "summary", "ritual"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a language model is asked. `ordinal` counts the committed replies of the session before this one.

    `schema` is a JSON Schema that the whole reply must fit; a model that cannot hold to it answers as it can.
    """

    messages: tuple[Message, ...]
    ordinal: int = 0
    purpose: Purpose = "reply"
    max_tokens: int = DEFAULT_MAX_TOKENS
    tools: tuple[Tool, ...] = ()
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A few more characters of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a reply cost, told once at its end. `cost` is in the provider's currency, None if unknown."""

    prompt_tokens: int
    completion_tokens: int
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class CutShort:
    """The reply ended at its limit of tokens, in the middle: told once, at its end."""


Delta: TypeAlias = TextDelta | ToolCall | Usage | CutShort


class LanguageModel(Engine, Protocol):
    """Answers a prompt, token by token."""

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        """Answer, handing each delta to `emit`, which waits when the listener is behind.

        Cancelling the call stops the work and the connection at once.
        """
        ...


# The voice


class TextToSpeech(Engine, Protocol):
    """Speaks text. `rate` is the rate of its chunks in Hz."""

    rate: int

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """Synthesise a piece, handing each chunk to `emit` together with the words that end in it.

        The chunks' words, joined, are exactly `text`, and their ends never decrease. `emit` waits when the gate is
        full. Cancelling the call stops the work.
        """
        ...


# Devices


class Microphone(Protocol):
    """A source of frames. `ended` is set when no more speech can come (the end of a WAV file)."""

    description: str
    ended: trio.Event

    async def capture(
        self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Call `hear`, in trio's thread, with each frame (`FRAME_SAMPLES` at `EAR_RATE`), until cancelled.

        Started once the device is open. Raises `harry.errors.DeviceError` when the device goes away.
        """
        ...


class Loudspeaker(Protocol):
    """A sink of the gate. `rate` is the gate's rate in Hz; it pulls mono and maps to the device's channels itself."""

    description: str
    rate: int

    async def play(self, gate: Gate, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Pull from the gate until cancelled. Calls `gate.advance()` in trio's thread after it has pulled."""
        ...

    def flush(self) -> int:
        """See `channels.gate.Sink`."""
        ...

    def pending(self) -> int:
        """See `channels.gate.Sink`."""
        ...


@runtime_checkable
class MayReturn(Protocol):
    """A device that may be opened again after a `harry.errors.DeviceError`, once it is back."""

    @property
    def returns(self) -> bool:
        """Whether it is worth waiting for."""
        ...


# Stores


class Store(Protocol):
    """Keeps turns and thoughts. Whatever returns has been made durable."""

    async def write(self, records: Sequence[TurnRecord | Thought]) -> list[int]:
        """Keep records in one transaction; returns their sequence numbers, in order. Idempotent by id.

        Raises `harry.errors.StoreError`; then none of them was kept.
        """
        ...

    async def history(self, user: str, *, limit: int) -> list[Exchange]:
        """Return the newest `limit` exchanges of a user, oldest first."""
        ...

    async def thoughts(
        self, persona: str, day: str, *, limit: int | None = None, user: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the newest `limit` entries of a local day (YYYY-MM-DD), oldest first: `{"sequence", "at", "text"}`.

        `user`: only what was thought in this user's conversations.
        """
        ...

    async def aclose(self) -> None:
        """Flush and let go."""
        ...
