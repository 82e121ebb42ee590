"""Forgetting a thing with all that told, confirmed or repeated it, so that "it is forgotten" is true.

A thing is told in one turn, confirmed in the reply, asked about and repeated in others, and thought about. What was
made of it by Harry's own hand is known from `derivation`; the rest is found by its words. A turn repeats a thing if its
words hold the telling ones one behind the other ("my sister comes on Friday": sister, come, Friday). Thoughts, the
journal and the state of mind put things into other words, so sharing half of the telling ones is enough there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harry.memory.store.items import COLUMNS, delete, forget_origins, name_turn_items, put, read_row, trim_changes
from harry.memory.text.analysis import STOP_WORDS, hash_term, split_words

TOLD = "told"
"""The source of items that somebody asked to have remembered."""

_OTHER_PERSON = {"me": "i", "my": "i", "mine": "i", "you": "i", "your": "i", "yours": "i", "am": "are", "our": "i"}
"""Words that change when a sentence is said back to whoever said it."""


@dataclass(frozen=True, slots=True)
class Gist:
    """What a thing says: its telling words in order, or all of its words where only one of them tells anything."""

    terms: tuple[int, ...]
    whole: bool = False

    @classmethod
    def of(cls, text: str) -> Gist | None:
        """Read a text; None for one that is too common to be recognised, such as "yes" or "thank you"."""
        telling = _telling(text)
        if len(set(telling)) >= 2:
            return cls(telling)
        every = _every(text)
        return cls(every, whole=True) if telling and len(every) >= 3 else None

    def stands_in(self, text: str) -> bool:
        """Whether the text says the thing, in its own words."""
        said = _every(text) if self.whole else _telling(text)
        size = len(self.terms)
        return any(said[at : at + size] == self.terms for at in range(len(said) - size + 1))

    def shines_through(self, text: str) -> bool:
        """Whether the text is about the thing, perhaps in other words."""
        if self.whole:
            return self.stands_in(text)
        mine = set(self.terms)
        return len(mine & set(_telling(text))) >= max(2, -(-len(mine) // 2))


def _telling(text: str) -> tuple[int, ...]:
    return tuple(
        hash_term(word) for word in split_words(text) if word not in STOP_WORDS and word.split("'")[0] not in STOP_WORDS
    )


def _every(text: str) -> tuple[int, ...]:
    return tuple(hash_term(_OTHER_PERSON.get(word, word)) for word in split_words(text))


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten: the ids of `items` and of `turns`, none of whose words stand any more, and the gists."""

    items: tuple[str, ...] = ()
    turns: frozenset[str] = frozenset()
    gists: tuple[Gist, ...] = ()

    def told_of(self, text: str) -> bool:
        """Whether a text of Harry's own is about what was forgotten, perhaps in other words."""
        return any(gist.shines_through(text) for gist in self.gists)

    def told_in(self, *texts: str) -> bool:
        """Whether one of the texts says what was forgotten."""
        return any(gist.stands_in(text) for gist in self.gists for text in texts)


class Everything(Forgotten):
    """All that was ever told."""

    def told_of(self, text: str) -> bool:
        """Whether there is a text."""
        return bool(text)

    def told_in(self, *texts: str) -> bool:
        """Whether one of the texts says anything."""
        return any(texts)


def forget(connection: sqlite3.Connection, namespace: str, identities: Sequence[str]) -> Forgotten:
    """Delete items with all that told, confirmed, repeated or was made of them, within the open transaction."""
    connection.execute("PRAGMA secure_delete = ON")
    named, texts = _seeds(connection, namespace, identities)
    if not named:
        return Forgotten()
    gists = tuple(dict.fromkeys(gist for text in texts if (gist := Gist.of(text)) is not None))
    named |= _repeating(connection, namespace, gists)
    turns = {turn for turn, part in map(_turn_of, named) if part}
    named.update(part for turn in turns for part in name_turn_items(turn))
    gone = delete(connection, namespace, sorted(named))
    # What was derived may belong to turns of its own.
    turns |= {turn for turn, part in map(_turn_of, gone) if part}
    parts = {part for turn in turns for part in name_turn_items(turn)}
    gone += delete(connection, namespace, sorted(parts))
    forget_origins(connection, namespace, {*named, *gone, *parts})
    forget_state(connection, namespace, gists)
    trim_changes(connection)
    return Forgotten(tuple(gone), frozenset(turns), gists)


def _seeds(connection: sqlite3.Connection, namespace: str, identities: Sequence[str]) -> tuple[set[str], list[str]]:
    """Name the items that tell the thing, from those that were named, and what they say."""
    named: set[str] = set()
    texts: list[str] = []
    waiting = list(identities)
    while waiting:
        identity = waiting.pop()
        row = connection.execute("SELECT seq, text FROM item WHERE ns = ? AND id = ?", (namespace, identity)).fetchone()
        if row is None or identity in named:
            continue
        named.add(identity)
        texts.append(row[1])
        # The turn in which somebody had it remembered goes with it, and the other way round.
        waiting += [
            told
            for (told,) in connection.execute(
                "SELECT item.id FROM derivation JOIN item ON item.seq = derivation.item"
                " WHERE derivation.ns = ? AND origin = ? AND source = ?",
                (namespace, identity, TOLD),
            ).fetchall()
        ]
        named.update(
            origin
            for (origin,) in connection.execute(
                "SELECT origin FROM derivation JOIN item ON item.seq = derivation.item WHERE item = ? AND source = ?",
                (row[0], TOLD),
            ).fetchall()
        )
    return named, texts


def _repeating(connection: sqlite3.Connection, namespace: str, gists: Iterable[Gist]) -> set[str]:
    """Find the items that repeat a thing: turns and what was told, and more freely thoughts, journal and summaries.

    Documents that somebody had Harry read are left: he did not learn the thing by them.
    """
    found: set[str] = set()
    for gist in gists:
        needed = [term.to_bytes(4, "little") for term in dict.fromkeys(gist.terms)]
        # Items are held with the hashes of their words: only those that hold enough of these are read.
        enough = len(needed) if gist.whole else max(2, -(-len(needed) // 2))
        counted = " + ".join(["(instr(terms, ?) > 0)"] * len(needed)) if not gist.whole else f"{enough}"
        rows = connection.execute(
            "SELECT id, kind, text FROM item WHERE ns = ?"  # noqa: S608  (placeholders and a number)
            f" AND (kind IN ('memory', 'soc', 'journal') OR source = 'conversations') AND {counted} >= {enough}",
            (namespace, *([] if gist.whole else needed)),
        )
        for identity, kind, text in rows:
            if gist.stands_in(text) if kind == "memory" else gist.shines_through(text):
                found.add(identity)
    return found


def forget_state(connection: sqlite3.Connection, user: str, gists: Sequence[Gist]) -> None:
    """Take what is about the thing out of what Harry has in mind, and out of the summaries of conversations."""
    if not gists:
        return
    for table, column in (("live_state", "value"), ("conversation", "summary")):
        rows = connection.execute(
            f"SELECT seq, {column} FROM {table} WHERE user = ? AND {column} != ''",  # noqa: S608  (constants)
            (user,),
        ).fetchall()
        for number, text in rows:
            if any(gist.shines_through(text) for gist in gists):
                connection.execute(f"UPDATE {table} SET {column} = '' WHERE seq = ?", (number,))  # noqa: S608
    _forget_titles(connection, user, gists)


def _forget_titles(connection: sqlite3.Connection, user: str, gists: Sequence[Gist]) -> None:
    """Take titles that tell the thing off the items of imported conversations; where they were held stays."""
    titles = connection.execute(
        "SELECT DISTINCT heading FROM item WHERE ns = ? AND seq < 0 AND heading LIKE '%: %'", (user,)
    ).fetchall()
    for (title,) in titles:
        if any(gist.shines_through(title) for gist in gists):
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM item WHERE ns = ? AND seq < 0 AND heading = ?",  # noqa: S608  (a constant)
                (user, title),
            ).fetchall()
            for row in rows:
                put(connection, replace(read_row(row), heading=title.partition(": ")[0]))


def _turn_of(identity: str) -> tuple[str, str]:
    """Take the id of a turn's item apart into the turn and the part, which is "" for any other item."""
    turn, _, part = identity.rpartition("/")
    return (turn, part) if part in {"said", "heard"} else ("", "")
