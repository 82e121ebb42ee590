"""The database's schema, as the ordered steps that lead to it. Steps are only ever added, never changed.

`PRAGMA user_version` says how many steps a file has taken. Each step is one transaction, so a crash leaves a file at
one version or the next. A file that has taken more steps than are known here belongs to a newer Harry and is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TypeAlias

from harry.errors import StoreError
from harry.memory.store.migrations import v2 as schema_v2
from harry.memory.store.migrations import v3 as schema_v3
from harry.memory.store.migrations import v4 as schema_v4
from harry.memory.store.migrations import v5 as schema_v5
from harry.memory.store.migrations import v6 as schema_v6
from harry.memory.store.migrations import v7 as schema_v7
from harry.memory.store.migrations import v8 as schema_v8

Step: TypeAlias = tuple[str, ...]
"""The statements of one migration."""

MIGRATIONS: tuple[Step, ...] = (
    (
        """
        CREATE TABLE turn (
            seq         INTEGER PRIMARY KEY AUTOINCREMENT,
            id          TEXT NOT NULL UNIQUE,     -- a ULID
            user        TEXT NOT NULL,
            session     TEXT NOT NULL,
            namespace   TEXT NOT NULL,
            source      TEXT NOT NULL,            -- voice, typed, remote, proactive
            started_at  REAL NOT NULL,
            ended_at    REAL NOT NULL,
            said        TEXT NOT NULL,
            spoken      TEXT NOT NULL,
            heard       TEXT NOT NULL,            -- a prefix of spoken
            interrupted INTEGER NOT NULL,
            reason      TEXT NOT NULL,
            amends      TEXT                      -- the id of an earlier turn that this one takes the place of
        )
        """,
        "CREATE INDEX turn_of_user ON turn (user, seq)",
        "CREATE INDEX turn_amends ON turn (amends) WHERE amends IS NOT NULL",
        """
        CREATE TABLE thought (
            seq         INTEGER PRIMARY KEY AUTOINCREMENT,
            id          TEXT NOT NULL UNIQUE,
            user        TEXT NOT NULL,
            session     TEXT NOT NULL,
            namespace   TEXT NOT NULL,
            persona     TEXT NOT NULL,
            at          REAL NOT NULL,            -- seconds since the epoch
            day         TEXT NOT NULL,            -- the local day of at, YYYY-MM-DD, as it was when written
            text        TEXT NOT NULL
        )
        """,
        "CREATE INDEX thought_of_day ON thought (persona, day, seq)",
    ),
    schema_v2.STEP,
    schema_v3.STEP,
    schema_v4.STEP,
    schema_v5.STEP,
    schema_v6.STEP,
    schema_v7.STEP,
    schema_v8.STEP,
)


def version(connection: sqlite3.Connection) -> int:
    """How many steps the file has taken; 0 for a new one."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def refuse_newer(connection: sqlite3.Connection, path: object, steps: Sequence[Step] = MIGRATIONS) -> None:
    """Raise `StoreError` if the file was written by a newer Harry. Only reads."""
    found = version(connection)
    if found > len(steps):
        raise StoreError(
            f"{path} was written by a newer Harry (its schema is {found}, this one knows {len(steps)}).",
            remedy="Update Harry, or set HARRY_HOME to another folder.",
        )


def migrate(connection: sqlite3.Connection, steps: Sequence[Step] = MIGRATIONS) -> None:
    """Take the steps that are missing. Another process may do the same at once: each step is taken once."""
    for number, statements in enumerate(steps, start=1):
        if version(connection) >= number:
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            if version(connection) < number:
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
