"""Forgetting a whole day: what was said on it, the thoughts and the journal of it, and the memories made of all that.

The turns' rows go too, unlike where a single thing is forgotten, so that the day is no longer listed. What was said
once more on another day stays: it belongs to that day. Timers, reminders and lists are things of their own, and stay.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from harry.memory.longterm.forgetting import Forgotten, Gist, forget_state
from harry.memory.store.items import delete, forget_origins, name_turn_items, trim_changes

_TURNS = """
    WITH RECURSIVE gone (id, said, heard) AS (
        SELECT id, said, heard FROM turn WHERE user = :user AND started_at >= :begin AND started_at < :end
        UNION
        SELECT turn.id, turn.said, turn.heard FROM turn JOIN gone ON turn.amends = gone.id WHERE turn.user = :user
    )
    SELECT id, said, heard FROM gone
"""
"""The turns that began on the day, and later ones that hold their words because they amend them."""


@dataclass(frozen=True, slots=True)
class DayForgotten:
    """How much of a day is gone. `forgotten` is for the conversations that go on."""

    turns: int = 0
    thoughts: int = 0
    journals: int = 0
    memories: int = 0
    forgotten: Forgotten = field(default=Forgotten(), repr=False)

    @property
    def anything(self) -> bool:
        """Whether there was anything to delete."""
        return bool(self.turns or self.thoughts or self.journals or self.memories)

    def told(self) -> str:
        """Say what is gone, such as "12 turns, 1 thought and 2 memories made of them"."""
        counted = ((self.turns, "turn"), (self.thoughts, "thought"), (self.journals, "journal entry"))
        parts = [_counted(count, name) for count, name in counted if count]
        if self.memories:
            parts.append(f"{_counted(self.memories, 'memory')} made of them")
        return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:]))) or "nothing"


def forget_day(connection: sqlite3.Connection, user: str, day: str, begin: float, end: float) -> DayForgotten:
    """Delete a user's local `day` (YYYY-MM-DD), which goes from `begin` to before `end`, in the open transaction."""
    connection.execute("PRAGMA secure_delete = ON")
    turns = connection.execute(_TURNS, {"user": user, "begin": begin, "end": end}).fetchall()
    thoughts = _column(connection, "SELECT id FROM thought WHERE user = ? AND day = ?", user, day)
    journals = _column(
        connection, "SELECT 'journal/' || persona || '/' || day FROM journal WHERE user = ? AND day = ?", user, day
    )
    parts = [part for turn, *_ in turns for part in name_turn_items(turn)]
    own = {*parts, *thoughts, *journals}
    gone = delete(connection, user, sorted(own))
    forget_origins(connection, user, {*own, *gone})
    connection.executemany("DELETE FROM turn WHERE id = ? AND user = ?", [(turn, user) for turn, *_ in turns])
    connection.execute(
        "DELETE FROM conversation WHERE user = ?1"
        " AND NOT EXISTS (SELECT 1 FROM turn WHERE turn.user = ?1 AND turn.seq BETWEEN first AND last)",
        (user,),
    )
    # By what the person said alone: Harry's own sentences are the same on every day.
    found = (Gist.of(said) for _, said, _ in turns)
    forget_state(connection, user, tuple(dict.fromkeys(gist for gist in found if gist is not None)))
    trim_changes(connection)
    return DayForgotten(
        len(turns), len(thoughts), len(journals), len(set(gone) - own),
        # Running conversations know the turns by their ids; what was said again on another day stays.
        Forgotten(tuple(gone), frozenset(turn for turn, *_ in turns)),
    )  # fmt: skip


def _counted(count: int, name: str) -> str:
    plural = f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
    return f"{count} {name if count == 1 else plural}"


def _column(connection: sqlite3.Connection, query: str, *values: str) -> list[str]:
    return [found for (found,) in connection.execute(query, values).fetchall()]
