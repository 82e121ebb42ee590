"""Version 6 of the schema: timers, alarms and reminders, kept until they were told or cancelled."""

from __future__ import annotations

STEP: tuple[str, ...] = (
    """
    CREATE TABLE reminder (
        seq     INTEGER PRIMARY KEY AUTOINCREMENT,
        id      TEXT NOT NULL UNIQUE,
        user    TEXT NOT NULL,
        kind    TEXT NOT NULL,                -- timer, alarm, reminder
        made_at REAL NOT NULL,                -- seconds since the epoch
        due     REAL NOT NULL,                -- seconds since the epoch
        text    TEXT NOT NULL
    )
    """,
    "CREATE INDEX reminder_due ON reminder (due)",
    "CREATE INDEX reminder_of_user ON reminder (user, due)",
)
