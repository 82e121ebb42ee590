"""Is it meant for Harry: a pure state machine over finished transcripts.

Rules:
1. Words without a letter or digit are meant for nobody.
2. Everything else is meant for Harry: the microphone is open.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Attention:
    """Decides for each final transcript whether Harry should answer it."""

    def meant_for_harry(self, text: str) -> bool:
        """Whether to answer these words."""
        return any(character.isalnum() for character in text)
