"""Holds back the parts of a reply that may only be said once they are true: words that claim a deed not done yet.

A mind says "I've set the timer" and calls the timer in one breath. The claim is held back until the call has come to
something, or until the mind is seen not to call: then nothing was done that the words could be about. Pure.
"""

from __future__ import annotations

from actors.text.phrases import Phrases, split_words
from channels.messages import Piece


class Claims:
    """Fed with the pieces of a reply, one asking of the mind after the other."""

    def __init__(self, phrases: Phrases) -> None:
        self._phrases = phrases
        self._held: list[Piece] = []

    def pass_on(self, piece: Piece) -> list[Piece]:
        """Return what may be said now: the piece, unless it or one before it claims a deed."""
        if self._held or self._claims(piece.text):
            self._held.append(piece)
            return []
        return [piece]

    def settle(self, *, called: bool) -> list[Piece]:
        """End one asking of the mind: what was held is dropped if it `called` for a deed, else it may be said."""
        held, self._held = self._held, []
        return [] if called else held

    def _claims(self, text: str) -> bool:
        said = split_words(text)
        return any(said[at : at + len(claim)] == claim for claim in self._phrases.claims for at in range(len(said)))
