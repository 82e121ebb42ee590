"""Version 5 of the schema: the tools that a turn used, as JSON, an empty text for none."""

from __future__ import annotations

STEP: tuple[str, ...] = ("ALTER TABLE turn ADD COLUMN tools TEXT NOT NULL DEFAULT ''",)
