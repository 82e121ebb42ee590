"""Version 2 of the schema: what Harry can find again, the vectors derived from it, and what has changed.

`terms` holds a hash of each stem of the index text, in order, four bytes each: the full text as the ranking reads it,
in the same row and so in the same transaction as the text. It and `vec` are derived and go with their row.
"""

from __future__ import annotations

STEP: tuple[str, ...] = (
    """
    CREATE TABLE item (
        seq         INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of the conversation
        id          TEXT NOT NULL,
        ns          TEXT NOT NULL,            -- whose it is
        kind        TEXT NOT NULL CHECK (kind IN ('memory', 'journal', 'book', 'note', 'soc', 'test')),
        speaker     TEXT NOT NULL,
        source      TEXT NOT NULL,            -- items are neighbours within one source only
        at          REAL,                     -- seconds since the epoch, when it happened; NULL: not known
        asks        INTEGER NOT NULL,         -- whether it ends as a question
        recorded_at REAL NOT NULL,
        valid_to    REAL,                     -- since when something else has taken its place; NULL: it holds
        supersedes  TEXT,                     -- the id of the item whose place this one takes
        terms       BLOB NOT NULL,
        heading     TEXT NOT NULL,            -- the path of headings above it, for books and notes
        text        TEXT NOT NULL,
        UNIQUE (ns, id)
    )
    """,
    "CREATE INDEX item_of_kind ON item (ns, kind, seq)",
    """
    CREATE TABLE derivation (
        ns          TEXT NOT NULL,
        origin      TEXT NOT NULL,            -- the id of what something was derived from
        item        INTEGER NOT NULL REFERENCES item (seq) ON DELETE CASCADE,
        PRIMARY KEY (ns, origin, item)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX derivation_of_item ON derivation (item)",
    """
    CREATE TABLE vec (
        seq         INTEGER PRIMARY KEY REFERENCES item (seq) ON DELETE CASCADE,
        model       TEXT NOT NULL,
        v           BLOB NOT NULL             -- float16, of length one
    )
    """,
    """
    CREATE TABLE change (
        seq         INTEGER PRIMARY KEY AUTOINCREMENT,
        ns          TEXT NOT NULL,
        kind        TEXT NOT NULL,
        item        INTEGER NOT NULL,
        op          TEXT NOT NULL             -- put, vec, gone
    )
    """,
    "CREATE TABLE backup (path TEXT PRIMARY KEY, at REAL NOT NULL)",
)
"""The statements that lead from version 1 to version 2."""
