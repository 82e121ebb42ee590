"""Takes a model's thinking aloud out of its reply: what stands between `<think>` and `</think>` is never spoken. Pure.

Servers that tell reasoning apart send it in fields of its own; this is for those that leave it in the text.
"""

from __future__ import annotations

import re

_OPENS = ("<think>", "<thinking>", "<reasoning>")
_CLOSES = ("</think>", "</thinking>", "</reasoning>")
_OPENING = re.compile("|".join(_OPENS), re.IGNORECASE)
_CLOSING = re.compile("|".join(_CLOSES), re.IGNORECASE)


class ThoughtFilter:
    """Reads one reply. `thinking`: the reply begins within a thought, because the prompt opened it."""

    def __init__(self, *, thinking: bool = False) -> None:
        self._thinking = thinking
        self._held = ""
        self._after = thinking

    def feed(self, text: str) -> str:
        """Take in more of the reply; return the text outside thoughts."""
        self._held += text
        said: list[str] = []
        while True:
            found = (_CLOSING if self._thinking else _OPENING).search(self._held)
            if found is None:
                break
            if not self._thinking:
                said.append(self._held[: found.start()])
            self._held = self._held[found.end() :]
            self._thinking = not self._thinking
            self._after = self._after or not self._thinking
        keep = _begun(self._held, _CLOSES if self._thinking else _OPENS)
        if not self._thinking:
            said.append(self._held[: len(self._held) - keep])
        self._held = self._held[len(self._held) - keep :] if keep else ""
        return self._trimmed("".join(said))

    def end(self) -> str:
        """Finish the reply; return what was held back because it might have become a mark."""
        held, self._held = self._held, ""
        return "" if self._thinking else self._trimmed(held)

    def _trimmed(self, said: str) -> str:
        """Remove the blank lines that follow a thought."""
        if self._after and not self._thinking:
            said = said.lstrip()
            self._after = not said
        return said


def _begun(text: str, marks: tuple[str, ...]) -> int:
    """Return how many characters at the end may be the beginning of a mark."""
    at = text.rfind("<")
    tail = text[at:].lower() if at >= 0 else ""
    return len(tail) if tail and any(mark.startswith(tail) for mark in marks) else 0
