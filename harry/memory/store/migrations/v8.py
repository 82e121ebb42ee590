"""Version 8 of the schema: lists that are kept, such as the one for shopping."""

from __future__ import annotations

STEP: tuple[str, ...] = (
    """
    CREATE TABLE list_entry (
        seq      INTEGER PRIMARY KEY AUTOINCREMENT,
        user     TEXT NOT NULL,
        list     TEXT NOT NULL,               -- its name, in lower case
        text     TEXT NOT NULL,
        added_at REAL NOT NULL                -- seconds since the epoch
    )
    """,
    "CREATE INDEX list_entry_of_user ON list_entry (user, list, seq)",
)
