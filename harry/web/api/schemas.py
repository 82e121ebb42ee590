"""The shapes of the API's answers, from which its OpenAPI document is made. Times are ISO 8601 with their zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harry.services.room import LOUDEST
from harry.session.announcements import ANSWERED_WITHIN, LONGEST


class Exchange(BaseModel):
    """What was said, and how much of the reply was heard."""

    turn: str
    said: str
    heard: str
    interrupted: bool


class History(BaseModel):
    """The recent conversation, oldest first."""

    exchanges: list[Exchange]


class Turn(BaseModel):
    """A turn as it is kept. `timeline` is known of turns since Harry's start: seconds on the session's clock.

    `speaker` and `answerer` are known of turns that were imported: it was not Harry who answered.
    """

    sequence: int
    id: str
    session: str
    source: str
    started_at: datetime
    ended_at: datetime
    said: str
    heard: str
    interrupted: bool
    reason: str
    amends: str | None
    speaker: str | None = None
    answerer: str | None = None
    timeline: dict[str, float]


class Turns(BaseModel):
    """Turns, newest first; ask on with `before` set to `next`, which is null at the end."""

    turns: list[Turn]
    next: int | None


class Day(BaseModel):
    """A local day, and how many turns it has."""

    day: str
    turns: int


class Days(BaseModel):
    """The days on which something was said, newest first."""

    days: list[Day]


class DayForgotten(BaseModel):
    """How much of a day is gone; `memories` are those made of what was said on it."""

    turns: int
    thoughts: int
    journals: int
    memories: int
    told: str = Field(description="The same in words.")


class Thought(BaseModel):
    """An entry of the stream of consciousness."""

    sequence: int
    at: datetime
    text: str


class Soc(BaseModel):
    """What Harry thought on a day in the user's conversations, oldest first, and the days there are."""

    day: str
    thoughts: list[Thought]
    days: list[str]


class Journal(BaseModel):
    """A day's journal; `text` is null where there is none."""

    day: str | None
    text: str | None
    sentiment: str = ""
    tags: list[str] = Field(default_factory=list)
    long_term_goal: str = ""


class Memory(BaseModel):
    """Something remembered. `strength` says how much it has to do with what was searched; null in a list."""

    id: str
    kind: str
    text: str
    speaker: str
    at: datetime | None
    heading: str
    source: str
    strength: float | None = None


class Memories(BaseModel):
    """Memories: the best first of a search, else in order; ask on with `after` set to `next`, null at the end."""

    memories: list[Memory]
    next: int | None = None


class Reminder(BaseModel):
    """A timer, an alarm or a reminder. `due` is null while it is `paused`; `left` and `length` are in seconds.

    `length` is 0 for a time of day; `days` are the weekdays it comes again on, Monday "0"; `words`: when it rings.
    """

    id: str
    kind: str
    name: str
    text: str
    due: datetime | None
    left: float
    length: float
    paused: bool
    ringing: bool
    days: str
    words: str


class ReminderList(BaseModel):
    """Timers, alarms and reminders, the next first."""

    reminders: list[Reminder]


class Deleted(BaseModel):
    """How many items are gone."""

    deleted: int


class Forgetting(BaseModel):
    """`confirm` has to hold the words that say so."""

    model_config = ConfigDict(extra="forbid")

    confirm: str


class Forgotten(BaseModel):
    """How many entries are gone, and the backups that may still hold something."""

    deleted: int
    backups: list[str]


class Entry(BaseModel):
    """An entry of lore."""

    number: int
    keys: list[str]
    content: str
    enabled: bool
    constant: bool


class Book(BaseModel):
    """A book of lore."""

    name: str
    entries: list[Entry]


class Lore(BaseModel):
    """The persona's lore."""

    books: list[Book]


class OpenSession(BaseModel):
    """One of the user's own conversations that run now. `degraded` names actors that keep failing."""

    id: str
    degraded: list[str]
    running: list[str] = Field(description="Actors that run now.")
    turns: int
    muted: bool
    waiting: int = Field(description="Records that are not on disk yet.")


class SpentBy(BaseModel):
    """What one mind took today."""

    engine: str
    local: bool = Field(description="Whether it runs on this computer.")
    replies: int
    tokens: int
    money: float


class Spending(BaseModel):
    """What minds took today, and what they may take."""

    day: str = Field(description="The local day.")
    spent: list[SpentBy]
    limits: dict[str, str] = Field(description="Each limit in words, by whose it is.")


class LastError(BaseModel):
    """A trouble, and when it was."""

    at: datetime
    message: str


class Status(BaseModel):
    """How Harry is."""

    user: str
    up_for: float = Field(description="Seconds since the start.")
    engines: dict[str, str | None]
    sessions: list[OpenSession]
    free: int = Field(description="Conversations that may still be begun.")
    keeps: bool = Field(description="Whether what is said outlives the process.")
    trouble: str = Field(description="What is wrong with the store, and the way back; empty if nothing is known to be.")
    degraded: list[str]
    spending: Spending | None = Field(description="Told to the person whose Harry it is; null to others.")
    small_mind: bool = Field(description="Whether the mind (language model) is too small to be relied on.")
    without_mind: bool = Field(description="Whether there is no language model at all.")
    better_minds: str = Field(description="How to give Harry a better one; empty where that is not needed.")
    last_error: LastError | None = Field(description="The last trouble in the user's own conversations.")


class OfferedMind(BaseModel):
    """A language model that can be fetched; `size` and `memory` in bytes."""

    name: str
    about: str
    size: int
    memory: int
    licence: str


class MindOffer(BaseModel):
    """What is offered, or the reason why nothing is. `declined`: the owner does not want to be asked."""

    model: OfferedMind | None = None
    reason: str = ""
    declined: bool = False
    under_way: bool = False


class Setting(BaseModel):
    """A key that may be changed: its value now, and the one in the file, which holds from the next start on."""

    key: str
    title: str
    kind: str = Field(description="How it is asked for: `text`, `number`, `switch` or `choice`.")
    choices: list[str] = Field(default_factory=list, description="For a `choice`, what can be chosen.")
    hint: str
    live: bool = Field(description="Whether a change holds at once.")
    value: str | bool | float | None
    written: str | bool | float | None


class Settings(BaseModel):
    """The configuration as it holds; secrets are masked."""

    settings: dict[str, Any]
    file: str | None = Field(default=None, description="Where changes are written.")
    changeable: list[Setting] = Field(default_factory=list, description="What the owner may change from here.")


class Changes(BaseModel):
    """Dotted keys and their values; null sets a key back to its default."""

    model_config = ConfigDict(extra="forbid")

    changes: dict[str, str | bool | float | None] = Field(min_length=1, max_length=20)


class Changed(BaseModel):
    """Where it is written, and which of the keys hold only after a restart."""

    file: str
    after_restart: list[str]


class Room(BaseModel):
    """How the Harry of the room is. All but `session` and `state` are as usual where there is none."""

    session: str | None = None
    state: str = "away"
    microphone: str | None = None
    muted: bool = False
    off_the_record: bool = False
    volume: float = 1.0


class Volume(BaseModel):
    """How loud: 1 is the voice as it is."""

    model_config = ConfigDict(extra="forbid")

    volume: float = Field(ge=0, le=LOUDEST, allow_inf_nan=False)


class OffTheRecord(BaseModel):
    """Whether what is said from here on is not kept."""

    model_config = ConfigDict(extra="forbid")

    off: bool


class Taken(BaseModel):
    """A webhook was taken: it is said in a gap, or worded by the mind first."""

    taken: bool = True


class Announcement(BaseModel):
    """What Harry is to say in a gap."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=2000)
    urgency: Literal["now", "normal", "low"] = "normal"


class Say(BaseModel):
    """What Harry is to say, or to ask, in a gap, and to whom: only his owner names somebody else."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=2000)
    user: str | None = Field(default=None, min_length=1, max_length=64, description="Left out, the user of the token.")
    urgency: Literal["now", "normal", "low"] = "normal"
    ask: bool = Field(default=False, description="Answer once the person has.")
    answer_within: float = Field(
        default=ANSWERED_WITHIN, ge=1, le=600, allow_inf_nan=False, description="Seconds from the end of a question."
    )
    expires_in: float | None = Field(
        default=None, gt=0, le=LONGEST, allow_inf_nan=False, description="Seconds after which it is too late to say it."
    )
    key: str = Field(default="", max_length=200, description="What has the same key is told once within ten minutes.")


class Announced(BaseModel):
    """What became of it so far. `answer`: the words as they were understood, null where there are none."""

    state: str = Field(
        description="`waiting`, `heard` or `stopped`; of a question `answered`, `unanswered`, `stopped`, "
        "`interrupted`, `unheard` or `expired`."
    )
    told: str = Field(description="The same in a sentence.")
    answer: str | None


class Saying(BaseModel):
    """What is said to Harry."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=20_000)


class Me(BaseModel):
    """Who is asking."""

    user: str


class Failure(BaseModel):
    """Why something was refused."""

    code: str
    message: str
    type: str


class Refused(BaseModel):
    """A refusal."""

    error: Failure
