"""Version 3 of the database: rotated conversations, the journal, the live state, and who this file is to others."""

from __future__ import annotations

STEP: tuple[str, ...] = (
    """
    CREATE TABLE conversation (
        seq        INTEGER PRIMARY KEY AUTOINCREMENT,
        id         TEXT NOT NULL UNIQUE,     -- the id of its first turn
        user       TEXT NOT NULL,
        day        TEXT NOT NULL,            -- the local day of its first turn, YYYY-MM-DD
        number     INTEGER NOT NULL,         -- the how manieth of that user's day, from 1
        first      INTEGER NOT NULL,         -- its turns are those of the user with first <= turn.seq <= last
        last       INTEGER NOT NULL,
        turns      INTEGER NOT NULL,
        started_at REAL NOT NULL,
        ended_at   REAL NOT NULL,
        summary    TEXT,                     -- NULL until it is written; until then the turns are recent ones
        author     TEXT,                     -- who wrote the summary: mind, extract
        UNIQUE (user, day, number)
    )
    """,
    "CREATE INDEX conversation_of_user ON conversation (user, last)",
    """
    CREATE TABLE journal (
        seq            INTEGER PRIMARY KEY AUTOINCREMENT,
        id             TEXT NOT NULL UNIQUE,
        user           TEXT NOT NULL,
        persona        TEXT NOT NULL,
        day            TEXT NOT NULL,        -- the local day it is about, YYYY-MM-DD
        at             REAL NOT NULL,        -- when it was written, seconds since the epoch
        text           TEXT NOT NULL,
        sentiment      TEXT NOT NULL,
        tags           TEXT NOT NULL,        -- a JSON list of texts
        long_term_goal TEXT NOT NULL,
        UNIQUE (persona, user, day)
    )
    """,
    # The live state is a log without what was overtaken: a variable is its rows, of which the first may only be a save.
    """
    CREATE TABLE live_state (
        seq      INTEGER PRIMARY KEY AUTOINCREMENT,
        id       TEXT NOT NULL UNIQUE,
        user     TEXT NOT NULL,
        variable TEXT NOT NULL,
        change   TEXT NOT NULL,              -- save, append, delete, or erase (of the whole user; variable is '')
        value    TEXT NOT NULL,
        at       REAL NOT NULL
    )
    """,
    "CREATE INDEX live_state_of_variable ON live_state (user, variable, seq)",
    # By this name the file numbers what it shares. A copy of the file gets a name of its own (its inode tells it), and
    # shares only what comes after its bases. The erasure is the number of the newest one in live_state.
    """
    CREATE TABLE instance (
        only         INTEGER PRIMARY KEY CHECK (only = 1),
        name         TEXT NOT NULL,
        inode        INTEGER,
        turn_base    INTEGER NOT NULL DEFAULT 0,
        thought_base INTEGER NOT NULL DEFAULT 0,
        state_base   INTEGER NOT NULL DEFAULT 0,
        erasure      INTEGER NOT NULL DEFAULT 0
    )
    """,
    "INSERT INTO instance (only, name) VALUES (1, lower(hex(randomblob(8))))",
)
