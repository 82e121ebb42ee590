"""One mind takes over a reply that another began: its instructions, and how nothing is said twice. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from actors.protocols import Message, Request, Role, TextPart
from harry.mind.prompt.parts import OPENING

SMALL_PROMPT_CHARACTERS = 2_400
"""Characters of a prompt that a small mind is given."""

_SMALL_SYSTEM = 500

_GO_ON = (
    "[Your reply broke off here, in the middle. It was said up to there. Write only what comes next, from the very "
    "next word on. Repeat nothing, greet nobody, and do not mention this note.]"
)

_WORD = re.compile(r"\w+")
_SPACE = " \t\r\n"
_BETWEEN = ".,;:!?\u2026\u2014- \n"


class WholeWords:
    """Holds back the word that is still being written, so that a reply that breaks off breaks between words."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Take in more text; return it up to the last space."""
        self._held += text
        cut = len(self._held)
        while cut and not self._held[cut - 1].isspace():
            cut -= 1
        complete, self._held = self._held[:cut], self._held[cut:]
        return complete

    def end(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return held


class Continuation:
    """Removes from a second mind's words what the first has said already: all of it, or its last words.

    `said` ends between words. A second mind that says the beginning in other words is not noticed.
    """

    def __init__(self, said: str) -> None:
        self._said = _words(said)
        self._held = ""
        self._decided = not self._said
        self._joint = ""

    def feed(self, text: str) -> str:
        """Take in more of the second mind's words; return what is new. The first ones wait until that is known."""
        if self._decided:
            return self._joined(text)
        self._held += text
        words = _words(self._held)
        # The last word may go on, so it says nothing yet.
        complete = words[:-1] if self._held[-1:].isalnum() else words
        if not complete or any(_goes_on(complete, self._said[start:]) for start in range(len(self._said))):
            return ""
        return self.end()

    def end(self) -> str:
        """Return what waited."""
        if self._decided:
            return ""
        self._decided = True
        held, self._held = self._held, ""
        again = _said_again(self._said, _words(held))
        self._joint = _BETWEEN if again else _SPACE
        return self._joined(held[list(_WORD.finditer(held))[again - 1].end() :] if again else held)

    def _joined(self, text: str) -> str:
        """Remove spaces and punctuation that would be doubled where the two minds' words meet."""
        text = text.lstrip(self._joint) if self._joint else text
        self._joint = "" if text else self._joint
        return text


def _goes_on(words: Sequence[str], said: Sequence[str]) -> bool:
    """Return whether `words` may still become a repetition of `said`: they are a proper prefix of it."""
    return len(words) < len(said) and list(said[: len(words)]) == list(words)


def _said_again(said: Sequence[str], words: Sequence[str]) -> int:
    """Return how many of the first `words` repeat what was said: its end, or its beginning. One alone is chance."""
    for length in range(min(len(said), len(words)), 0, -1):
        if list(said[-length:]) == list(words[:length]) and (length > 1 or len(said) == 1):
            return length
    alike = next((at for at, (one, other) in enumerate(zip(said, words, strict=False)) if one != other), len(words))
    return alike if alike >= 3 else 0


def _words(text: str) -> list[str]:
    return [found.lower() for found in _WORD.findall(text)]


def ask_to_continue(request: Request, said: str) -> Request:
    """Return the request to another mind to go on where the reply broke off."""
    if not said.strip():
        return request
    instructions = (Message(Role.ASSISTANT, (TextPart(said.strip()),)), Message(Role.USER, (TextPart(_GO_ON),)))
    return replace(request, messages=(*request.messages, *instructions), schema=None)


def shorten_for_small_model(request: Request, room: int = SMALL_PROMPT_CHARACTERS) -> Request:
    """Shorten a request for a small mind: the persona's beginning, the newest messages, no context, no tools."""
    said = [_plain(message) for message in request.messages if message.role in (Role.USER, Role.ASSISTANT)]
    system = next((_text(message) for message in request.messages if message.role is Role.SYSTEM), "")
    head = [Message(Role.SYSTEM, (TextPart(_beginning(system, _SMALL_SYSTEM)),))] if system else []
    room -= sum(len(_text(message)) for message in head)
    kept: list[Message] = []
    for message in reversed([message for message in said if _text(message)]):
        room -= len(_text(message))
        if kept and room < 0:
            break
        kept.insert(0, message)
    while len(kept) > 1 and kept[0].role is Role.ASSISTANT:
        kept.pop(0)
    return replace(request, messages=(*head, *kept), tools=(), schema=None)


def _plain(message: Message) -> Message:
    """Keep a message's words, without the context of the moment."""
    return Message(message.role, (TextPart(_text(message)),))


def _text(message: Message) -> str:
    texts = [part.text for part in message.parts if isinstance(part, TextPart)]
    return "".join(text for text in texts if not text.startswith(OPENING)).strip()


def _beginning(text: str, most: int) -> str:
    """Cut at the end of a sentence."""
    if len(text) <= most:
        return text
    cut = text.rfind(". ", 0, most)
    return text[: cut + 1] if cut > 0 else text[:most]
