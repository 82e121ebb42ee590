"""The shapes of the API's answers, from which its OpenAPI document is made. Times are ISO 8601 with their zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


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
    """A turn as it is kept. `timeline` is known of turns since Harry's start: seconds on the session's clock."""

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
    timeline: dict[str, float]


class Turns(BaseModel):
    """Turns, newest first; ask on with `before` set to `next`, which is null at the end."""

    turns: list[Turn]
    next: int | None


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


class Status(BaseModel):
    """How Harry is."""

    user: str
    up_for: float = Field(description="Seconds since the start.")
    engines: dict[str, str | None]
    sessions: list[OpenSession]
    free: int = Field(description="Conversations that may still be begun.")
    keeps: bool = Field(description="Whether what is said outlives the process.")
    degraded: list[str]
    spending: Spending | None = Field(description="Told to the person whose Harry it is; null to others.")


class Settings(BaseModel):
    """The configuration as it holds for the user; secrets are masked."""

    settings: dict[str, Any]


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
