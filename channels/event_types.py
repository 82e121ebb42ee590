"""What can happen in a session: one frozen dataclass for each event, as `docs/events.md` tells programs about them.

To add a field, add it here and to its row in `docs/events.md`; a test compares the two. The order of the fields is
their order on the wire. A field that has a default is left out on the wire while it holds it. Times are seconds on
the session's audio clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, TypeAlias, get_args


class _OfSession:
    """An event that belongs to no turn."""

    __slots__ = ()
    turn: ClassVar[None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(_OfSession):
    """The session listens. Always the first event, told once."""

    event: ClassVar[str] = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorOpened(_OfSession):
    """The web server is open at `address`, a URL for programs on this computer."""

    event: ClassVar[str] = "door"
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(_OfSession):
    """A voice began; `utterance` is the id that `SpeechStopped` and `Transcribed` name too."""

    event: ClassVar[str] = "speech_started"
    utterance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStopped(_OfSession):
    """The utterance is over; it happened when the voice ceased."""

    event: ClassVar[str] = "speech_stopped"
    utterance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed(_OfSession):
    """What was understood of an utterance until `ended_at`, in seconds; while `partial`, it may still change.

    `meant`: the words are meant for Harry; None where `amends` names the utterance that this one continues. `text` is
    then the whole, of both.
    """

    event: ClassVar[str] = "transcript"
    utterance: str
    partial: bool
    text: str
    meant: bool | None = None
    amends: str | None = None
    ended_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnBegan:
    """Harry answers an utterance, or says something of his own accord."""

    event: ClassVar[str] = "turn_began"
    turn: str
    utterance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    """The tool `name` is being used; `call` is the id of the call within its turn."""

    event: ClassVar[str] = "tool_started"
    turn: str
    call: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded:
    """A call of a tool ended; `outcome` is a value of `channels.messages.Outcome`."""

    event: ClassVar[str] = "tool_ended"
    turn: str
    call: str
    name: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A piece of the reply was handed to the voice: `text` as it will be spoken."""

    event: ClassVar[str] = "reply"
    turn: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakingStarted:
    """The first sample of the turn was given to the loudspeaker."""

    event: ClassVar[str] = "speaking_started"
    turn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The turn was cut, for `reason`; `stale_samples` of it, at the loudspeaker's rate, could not be taken back."""

    event: ClassVar[str] = "interrupted"
    turn: str
    reason: str
    stale_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was heard of the reply: the words whose last sample has sounded."""

    event: ClassVar[str] = "heard"
    turn: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded:
    """The turn is over and kept; `timeline` tells when each stage began, in seconds."""

    event: ClassVar[str] = "turn_ended"
    turn: str
    reason: str
    timeline: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThoughtKept(_OfSession):
    """An entry of the stream of consciousness is on disk; `sequence` is its number in the store."""

    event: ClassVar[str] = "soc"
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderChanged(_OfSession):
    """Something became of a timer, an alarm or a reminder of the user's: its `state`; it rings `here`, or elsewhere.

    `due` is a local time with its zone, None while it is `paused`; `left` and `length` are seconds, `length` 0 for a
    time of day. It comes again on `days` of the week, Monday "0". `words` are said when it is due.
    """

    event: ClassVar[str] = "reminder"
    id: str
    kind: str
    state: str
    here: bool
    name: str
    text: str
    due: str | None
    left: float
    length: float
    paused: bool
    days: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted(_OfSession):
    """The microphone was shut (`muted`) or opened."""

    event: ClassVar[str] = "muted"
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChanged(_OfSession):
    """From here on nothing that is said is kept (`off`), or it is kept again."""

    event: ClassVar[str] = "off_the_record"
    off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeChanged(_OfSession):
    """Harry speaks louder or softer: `volume` is a factor, 1 the voice as it is."""

    event: ClassVar[str] = "volume"
    volume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken(_OfSession):
    """The wake phrase opened the window of attention."""

    event: ClassVar[str] = "woken"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestChanged(_OfSession):
    """Voices are no longer transcribed (`resting`), or are again."""

    event: ClassVar[str] = "resting"
    resting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded(_OfSession):
    """Harry goes on with less than he should have, or, when it is `over`, has it again; `message` is for a person."""

    event: ClassVar[str] = "degraded"
    message: str
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorOccurred:
    """Something failed and was dealt with: the turn, where there is one; `message` is for a person, and no secret."""

    event: ClassVar[str] = "error"
    turn: str | None = None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginEvent:
    """An event that only the plug-in which tells it knows: `event` is its name, `values` its fields."""

    event: str
    turn: str | None
    values: Mapping[str, object]


AnyEvent: TypeAlias = (
    Ready | DoorOpened | SpeechStarted | SpeechStopped | Transcribed | TurnBegan | ToolStarted | ToolEnded | Reply
    | SpeakingStarted | Interrupted | Heard | TurnEnded | ThoughtKept | ReminderChanged | Muted | RecordChanged
    | VolumeChanged | Woken | RestChanged | Degraded | ErrorOccurred | PluginEvent
)  # fmt: skip

BY_NAME = {kind.event: kind for kind in get_args(AnyEvent) if kind is not PluginEvent}
"""Harry's own events by their names on the wire."""

_WIRE = {
    kind: tuple((item.name, item.default) for item in fields(kind) if item.name != "turn") for kind in BY_NAME.values()
}


def make_event(name: str, turn: str | None, values: Mapping[str, object]) -> AnyEvent:
    """Return the event of that name. Raises `TypeError` where a field of one of Harry's own is missing or unknown."""
    kind = BY_NAME.get(name)
    if kind is None:
        return PluginEvent(event=name, turn=turn, values=values)
    made: AnyEvent = kind(**values) if turn is None else kind(turn=turn, **values)
    return made


def serialize(event: AnyEvent) -> dict[str, object]:
    """Return an event's fields by name, without its turn, in order, as programs are told them."""
    if isinstance(event, PluginEvent):
        return dict(event.values)
    return {name: value for name, default in _WIRE[type(event)] if (value := getattr(event, name)) != default}
