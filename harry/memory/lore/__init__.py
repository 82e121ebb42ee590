"""Lore: facts that come to mind when a word comes up; formats, matching, activation and their store."""
