"""Version 4 of the schema: the books of the knowledge base, their entries, and a counter of all changes to them."""

from __future__ import annotations

STEP: tuple[str, ...] = (
    """
    CREATE TABLE lore_book (
        seq         INTEGER PRIMARY KEY AUTOINCREMENT,
        ns          TEXT NOT NULL,            -- whose it is
        persona     TEXT NOT NULL,
        name        TEXT NOT NULL,
        fields      TEXT NOT NULL,            -- JSON: what else a lorebook says of itself
        UNIQUE (ns, persona, name)
    )
    """,
    """
    CREATE TABLE lore_entry (
        seq         INTEGER PRIMARY KEY AUTOINCREMENT,
        book        INTEGER NOT NULL REFERENCES lore_book (seq) ON DELETE CASCADE,
        enabled     INTEGER NOT NULL,
        content     TEXT NOT NULL,
        fields      TEXT NOT NULL             -- JSON: the other fields of a V3 entry
    )
    """,
    "CREATE INDEX lore_entry_of_book ON lore_entry (book, seq)",
    "CREATE TABLE lore_change (number INTEGER NOT NULL)",
    "INSERT INTO lore_change VALUES (0)",
    # Whoever erases all that is somebody's knows nothing of the counter.
    """
    CREATE TRIGGER lore_book_is_gone AFTER DELETE ON lore_book
    BEGIN UPDATE lore_change SET number = number + 1; END
    """,
)
