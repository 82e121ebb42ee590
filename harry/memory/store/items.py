"""Items of long-term memory as rows: putting, closing and deleting them within whatever transaction is open.

Nothing here begins or commits, so that the writer of turns and thoughts can index what it keeps in the same breath.
Each step notes in `change` what it did; the indexes in memory follow that, in this process and in others.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from channels.messages import Thought, TurnRecord
from harry.memory.text.analysis import asks, format_indexed, hash_terms
from harry.memory.text.surrogates import repair_surrogates

Kind: TypeAlias = Literal["memory", "journal", "book", "note", "soc", "test"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What an item can be."""

MAX_CHANGES = 10_000
"""Changes that are remembered. An index that has missed more reads everything anew."""

IMPORTED = "import/"
"""How the session of a turn begins, and the source of its items, if it was imported from elsewhere."""

MAX_ID_CHARACTERS = 4_000
"""Characters of an id, a namespace or a speaker."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something to be found again. `at` is seconds since the epoch; they are kept in the conversation's order."""

    id: str
    text: str = field(repr=False)
    namespace: str = "you"
    kind: Kind = "memory"
    speaker: str = ""
    at: float | None = None
    heading: str = ""
    source: str = ""
    supersedes: str | None = None
    derived_from: tuple[str, ...] = ()
    valid_to: float | None = None


def clean(item: Item) -> Item:
    """Return the item as it can be stored. Raises `ValueError` with a sentence where it cannot."""
    if item.kind not in KINDS:
        raise ValueError(f"there is no kind {item.kind!r}; the kinds are {', '.join(KINDS)}")
    if item.at is not None and not math.isfinite(item.at):
        raise ValueError("the time is not a finite number")
    if not item.id or not item.namespace:
        raise ValueError("an item needs an id and a namespace")
    if not item.text.strip():
        raise ValueError("there is no text")
    short = (item.id, item.namespace, item.speaker, item.source, item.heading, item.supersedes or "")
    if any(len(name) > MAX_ID_CHARACTERS for name in (*short, *item.derived_from)):
        raise ValueError(f"an id, a name or a heading is longer than {MAX_ID_CHARACTERS} characters")
    return Item(
        repair_surrogates(item.id),
        repair_surrogates(item.text),
        repair_surrogates(item.namespace),
        item.kind,
        repair_surrogates(item.speaker),
        item.at,
        repair_surrogates(item.heading),
        repair_surrogates(item.source),
        repair_surrogates(item.supersedes) if item.supersedes is not None else None,
        tuple(map(repair_surrogates, item.derived_from)),
        item.valid_to,
    )


whole = repair_surrogates
"""The name under which `erasure` asks for it."""

_CONTENT = "kind, speaker, source, at, heading, text, supersedes, valid_to"


def put(connection: sqlite3.Connection, item: Item, *, seq: int | None = None) -> int:
    """Insert or update a clean item; return its number. An item that is there unchanged stays untouched.

    `seq` is the number of a new item, which says its place in the order of things; None is the end.
    """
    content = (
        item.kind,
        item.speaker,
        item.source,
        item.at,
        item.heading,
        item.text,
        item.supersedes,
        item.valid_to,
    )
    known = connection.execute(
        f"SELECT seq, {_CONTENT} FROM item WHERE ns = ? AND id = ?",  # noqa: S608  (a constant)
        (item.namespace, item.id),
    ).fetchone()
    # What has been replaced stays so when it is written once more as it was.
    if known is not None and known[1:-1] == content[:-1] and item.valid_to in (None, known[-1]):
        return int(known[0])
    terms = hash_terms(format_indexed(item.text, speaker=item.speaker, heading=item.heading, at=item.at)).tobytes()
    derived = (asks(item.text), time.time(), terms)
    if known is None:
        sequence = connection.execute(
            f"INSERT INTO item (seq, ns, id, {_CONTENT}, asks, recorded_at, terms)"  # noqa: S608  (a constant)
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq",
            (seq, item.namespace, item.id, *content, *derived),
        ).fetchone()[0]
    else:
        sequence = known[0]
        _unsettle(connection, item.namespace, known[1], sequence)
        connection.execute("DELETE FROM derivation WHERE item = ?", (sequence,))
        connection.execute(
            "UPDATE item SET kind = ?, speaker = ?, source = ?, at = ?, heading = ?, text = ?, supersedes = ?,"
            " valid_to = ?, asks = ?, recorded_at = ?, terms = ? WHERE seq = ?",
            (*content, *derived, sequence),
        )
        if known[1] != item.kind:
            _note(connection, item.namespace, known[1], sequence, "gone")
    connection.executemany(
        "INSERT OR IGNORE INTO derivation VALUES (?, ?, ?)",
        [(item.namespace, origin, sequence) for origin in item.derived_from],
    )
    _note(connection, item.namespace, item.kind, sequence, "put")
    if item.supersedes is not None:
        close(connection, item.namespace, item.supersedes, item.at if item.at is not None else time.time())
    return int(sequence)


def close(connection: sqlite3.Connection, namespace: str, identity: str, at: float) -> None:
    """End an item's validity: it is kept, and no longer found."""
    for sequence, kind in connection.execute(
        "UPDATE item SET valid_to = ? WHERE ns = ? AND id = ? AND valid_to IS NULL RETURNING seq, kind",
        (at, namespace, identity),
    ).fetchall():
        _note(connection, namespace, kind, sequence, "gone")


def delete(connection: sqlite3.Connection, namespace: str, identities: Iterable[str]) -> list[str]:
    """Delete items and everything derived from them; return the ids of those that existed."""
    waiting = list(dict.fromkeys(identities))
    seen = set(waiting)
    gone: list[str] = []
    while waiting:
        identity = waiting.pop()
        found = connection.execute(
            "SELECT seq, kind FROM item WHERE ns = ? AND id = ?", (namespace, identity)
        ).fetchone()
        for (derived,) in connection.execute(
            "SELECT item.id FROM derivation JOIN item ON item.seq = derivation.item"
            " WHERE derivation.ns = ? AND origin = ?",
            (namespace, identity),
        ).fetchall():
            if derived not in seen:
                seen.add(derived)
                waiting.append(derived)
        if found is not None:
            _unsettle(connection, namespace, found[1], found[0])
            connection.execute("DELETE FROM item WHERE seq = ?", found[:1])
            _note(connection, namespace, found[1], found[0], "gone")
            gone.append(identity)
    return gone


def forget_origins(connection: sqlite3.Connection, namespace: str, identities: Iterable[str]) -> None:
    """Delete the words of deleted items from the turns, thoughts, journal and summaries that hold them too.

    The turn itself stays, without these words: others refer to it.
    """
    for identity in identities:
        turn, _, part = identity.rpartition("/")
        if part == "said":
            connection.execute("UPDATE turn SET said = '', tools = '' WHERE id = ? AND user = ?", (turn, namespace))
        elif part == "heard":
            connection.execute(
                "UPDATE turn SET spoken = '', heard = '', tools = '' WHERE id = ? AND user = ?", (turn, namespace)
            )
        connection.execute("DELETE FROM thought WHERE id = ? AND user = ?", (identity, namespace))
        connection.execute(
            "DELETE FROM journal WHERE user = ? AND 'journal/' || persona || '/' || day = ?", (namespace, identity)
        )
        connection.execute(
            "UPDATE conversation SET summary = '' WHERE summary IS NOT NULL AND user = ?1"
            " AND EXISTS (SELECT 1 FROM turn WHERE id = ?2 AND user = ?1 AND seq BETWEEN first AND last)",
            (namespace, turn),
        )


def _unsettle(connection: sqlite3.Connection, namespace: str, kind: str, sequence: int) -> None:
    """Delete the vectors that were made from an item: its own, and that of the next item."""
    connection.execute("DELETE FROM vec WHERE seq = ?", (sequence,))
    connection.execute(
        "DELETE FROM vec WHERE seq = (SELECT min(seq) FROM item WHERE ns = ? AND kind = ? AND seq > ?)",
        (namespace, kind, sequence),
    )


def _note(connection: sqlite3.Connection, namespace: str, kind: str, sequence: int, op: str) -> None:
    connection.execute("INSERT INTO change (ns, kind, item, op) VALUES (?, ?, ?, ?)", (namespace, kind, sequence, op))


def keep_vectors(connection: sqlite3.Connection, model: str, rows: Sequence[tuple[int, str, str, bytes]]) -> None:
    """Store vectors, each as (item, namespace, kind, float16 bytes). One whose item has gone meanwhile is dropped."""
    for sequence, namespace, kind, vector in rows:
        done = connection.execute(
            "INSERT OR REPLACE INTO vec SELECT seq, ?, ? FROM item WHERE seq = ?", (model, vector, sequence)
        )
        if done.rowcount:
            _note(connection, namespace, kind, sequence, "vec")


def trim_changes(connection: sqlite3.Connection) -> None:
    """Forget all but the newest changes."""
    connection.execute("DELETE FROM change WHERE seq <= (SELECT max(seq) FROM change) - ?", (MAX_CHANGES,))


def name_turn_items(turn: str) -> tuple[str, str]:
    """Return the ids of a turn's items: what was said, and what was heard of the answer."""
    return f"{turn}/said", f"{turn}/heard"


def make_items(record: TurnRecord | Thought) -> list[Item]:
    """Build the items of a turn (what was said, what was heard of the answer) or of a thought."""
    if isinstance(record, Thought):
        return (
            [Item(record.id, record.text, record.user, "soc", record.persona, record.at, source="thoughts")]
            if record.text.strip()
            else []
        )
    said_id, heard_id = name_turn_items(record.turn)
    said = Item(said_id, record.said, record.user, "memory", record.user, record.started_at)
    heard = Item(heard_id, record.heard.strip(), record.user, "memory", "Harry", record.ended_at)
    return [item for item in (said, heard) if item.text.strip()]


def index_records(connection: sqlite3.Connection, records: Iterable[TurnRecord | Thought]) -> None:
    """Make turns and thoughts findable, in the transaction that keeps them. The same record again changes nothing.

    A turn that amends an earlier one takes its place.
    """
    for record in records:
        if isinstance(record, TurnRecord) and record.amends:
            delete(connection, record.user, name_turn_items(record.amends))
        for item in make_items(record):
            try:
                put(connection, clean(item))
            except ValueError:
                # Kept as it is; what has no form that can be found is not found.
                continue
    trim_changes(connection)


def read_row(row: Sequence[Any]) -> Item:
    """Read a row of `COLUMNS`."""
    identity, text, namespace, kind, speaker, at, heading, source, supersedes, origins, valid_to = row
    derived_from = tuple(json.loads(origins)) if origins else ()
    return Item(identity, text, namespace, kind, speaker, at, heading, source, supersedes, derived_from, valid_to)


COLUMNS = (
    "id, text, ns, kind, speaker, at, heading, source, supersedes,"
    " (SELECT json_group_array(origin) FROM derivation WHERE derivation.item = item.seq), valid_to"
)
"""What `read_row` reads."""
