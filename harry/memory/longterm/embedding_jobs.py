"""Which items have no vector yet, what of them is embedded, and the keeping of what comes of it.

An item is embedded by its own words and together with what was said before it: the mixture finds an answer by the words
of its question.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from harry.memory.search.embedding import MODEL, Embedder, combine_vectors
from harry.memory.store.items import keep_vectors, trim_changes
from harry.memory.text.analysis import SESSION_GAP, format_spoken

BATCH_VECTORS = 64
"""Vectors in one commit."""

_MAX_EMBEDDED_CHARACTERS = 4_000
"""Characters of a text that the model is given: it reads the first 256 pieces."""

MAX_LISTED = 2_000
"""Items whose words are in memory at once."""


@dataclass(frozen=True, slots=True)
class PendingItem:
    """An item without a vector: its words, and those said before it ("" for none)."""

    seq: int
    namespace: str
    kind: str
    text: str
    before: str


def count_pending(connection: sqlite3.Connection, namespace: str | None) -> int:
    """Count the items without a vector, of one namespace or of all."""
    query = (
        "SELECT count(*) FROM item LEFT JOIN vec ON vec.seq = item.seq AND vec.model = ?1"
        " WHERE vec.seq IS NULL AND (?2 IS NULL OR ns = ?2)"
    )
    count: int = connection.execute(query, (MODEL, namespace)).fetchone()[0]
    return count


def list_pending(connection: sqlite3.Connection, namespace: str | None, after: int) -> list[PendingItem]:
    """List items without a vector, of one namespace or of all, oldest first: `MAX_LISTED` behind number `after`."""
    rows = connection.execute(
        """
        SELECT i.seq, i.ns, i.kind, i.speaker, i.heading, i.text, i.at, b.speaker, b.heading, b.text, b.at
        FROM item AS i LEFT JOIN vec ON vec.seq = i.seq AND vec.model = ?1
        LEFT JOIN item AS b ON b.source = i.source AND b.seq = (
            SELECT max(seq) FROM item WHERE ns = i.ns AND kind = i.kind AND seq < i.seq)
        WHERE vec.seq IS NULL AND (?2 IS NULL OR i.ns = ?2) AND i.seq > ?3 ORDER BY i.seq LIMIT ?4
        """,
        (MODEL, namespace, after, MAX_LISTED),
    )
    pending = []
    for seq, ns, kind, speaker, heading, text, at, *before in rows:
        said = ""
        if before[2] is not None and (at is None or before[3] is None or abs(at - before[3]) <= SESSION_GAP):
            said = format_spoken(before[2][:_MAX_EMBEDDED_CHARACTERS], before[0], before[1])
        pending.append(
            PendingItem(seq, ns, kind, format_spoken(text[:_MAX_EMBEDDED_CHARACTERS], speaker, heading), said)
        )
    return pending


def embed(embedder: Embedder, items: Sequence[PendingItem], everywhere: bool) -> list[bytes]:
    """Compute the items' vectors, each float16 of shape (384,) as bytes; blocking. `everywhere` uses all processors."""
    encode = embedder.encode_many if everywhere else embedder.encode
    together = [f"{item.before}\n{item.text}" if item.before else item.text for item in items]
    vectors = encode([*(item.text for item in items), *together])
    return [
        combine_vectors(alone, both) for alone, both in zip(vectors[: len(items)], vectors[len(items) :], strict=True)
    ]


def store_vectors(connection: sqlite3.Connection, rows: Sequence[tuple[int, str, str, bytes]]) -> None:
    """Store the vectors of items that still exist. `rows` holds (number, namespace, kind, vector)."""
    keep_vectors(connection, MODEL, rows)
    trim_changes(connection)
