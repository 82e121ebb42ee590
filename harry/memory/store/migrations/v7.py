"""Version 7 of the schema: timers that have a name, can be paused, ring until stopped, and count on a steady clock."""

from __future__ import annotations

STEP: tuple[str, ...] = (
    "ALTER TABLE reminder ADD COLUMN name TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE reminder ADD COLUMN session TEXT NOT NULL DEFAULT ''",  # where it was set
    "ALTER TABLE reminder ADD COLUMN length REAL NOT NULL DEFAULT 0",  # seconds it was set for; 0: a time of day
    "ALTER TABLE reminder ADD COLUMN boot TEXT NOT NULL DEFAULT ''",  # the start that boot_due counts from
    "ALTER TABLE reminder ADD COLUMN boot_due REAL",  # seconds since then; NULL: due by the wall clock
    "ALTER TABLE reminder ADD COLUMN left_over REAL",  # seconds left while it is paused; NULL: it runs
    "ALTER TABLE reminder ADD COLUMN local TEXT NOT NULL DEFAULT ''",  # local time, as 2026-01-31T07:00:00
    "ALTER TABLE reminder ADD COLUMN days TEXT NOT NULL DEFAULT ''",  # weekdays it comes again on, Monday 0
    "ALTER TABLE reminder ADD COLUMN rang_at REAL",  # seconds since the epoch; NULL: it has not rung
)
