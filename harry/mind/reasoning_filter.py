"""Takes what is not meant for ears out of a reply: thoughts, calls for tools written as text, and end marks. Pure.

Servers that tell reasoning apart send it in fields of its own; this is for those that leave it in the text, each model
family in marks of its own. A reply that opens like a thought is held back until a mark or its end tells what it is.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_CALL_CHARACTERS = 1 << 16
"""Characters of a call that was written as text."""

MAX_HELD_CHARACTERS = 1 << 16
"""Characters that are held back because the reply opens like a thought."""


class _Mark(NamedTuple):
    """An opening mark and its closing ones; without any, what follows is passed over to the end of the reply."""

    opening: str
    closings: tuple[str, ...] = ()
    is_call: bool = False


_TAGS = ("think", "thinking", "thought", "thoughts", "reason", "reasoning", "reflection", "analysis", "seed:think")
_CALL_TAGS = ("tool_call", "tool_calls", "function_call", "function_calls", "minimax:tool_call", "tool_use")
_HEADER = "<|channel|>"
_MESSAGE = "<|message|>"

_MARKS = (
    *(_Mark(f"<{tag}>", (f"</{tag}>",)) for tag in _TAGS),
    *(_Mark(f"<{tag}>", (f"</{tag}>",), is_call=True) for tag in _CALL_TAGS),
    _Mark("[think]", ("[/think]",)),
    _Mark("\u25c1think\u25b7", ("\u25c1/think\u25b7",)),
    _Mark("<|begin_of_thought|>", ("<|end_of_thought|>",)),
    _Mark("<|start_thinking|>", ("<|end_thinking|>",)),
    _Mark("<unused94>", ("<unused95>",)),
    _Mark("<function=", ("</function>",), is_call=True),
    _Mark("<|tool_call|>", ("<|/tool_call|>", "<|end|>"), is_call=True),
    _Mark("<|tool_call_start|>", ("<|tool_call_end|>",), is_call=True),
    _Mark("<|tool_calls_section_begin|>", ("<|tool_calls_section_end|>",), is_call=True),
    _Mark("<\uff5ctool\u2581calls\u2581begin\uff5c>", ("<\uff5ctool\u2581calls\u2581end\uff5c>",), is_call=True),
    _Mark("[tool_calls]", is_call=True),
    _Mark("<|python_tag|>", is_call=True),
)
_SECTION = _Mark(_HEADER, ("<|end|>", "<|return|>", "<|call|>", "<|start|>"))
_DROPPED = (
    "<|im_end|>", "<|im_start|>assistant", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>", "<|end|>",
    "<|return|>", "<|start|>assistant", _MESSAGE, "</s>", "<eos>", "<end_of_turn>", "<|begin_of_solution|>",
    "<|end_of_solution|>", "<|start_response|>", "<|end_response|>", "<|eot|>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
)  # fmt: skip
"""Marks that say nothing: an end, or the beginning of what is meant to be said."""

_CLOSINGS = tuple(dict.fromkeys(closing for mark in _MARKS if not mark.is_call for closing in mark.closings))
_BY_OPENING = {mark.opening: mark for mark in (*_MARKS, _SECTION)}
_SPOKEN_MARKS = (*_BY_OPENING, *_DROPPED, *_CLOSINGS)
_FINDING = re.compile("|".join(re.escape(mark) for mark in sorted(_SPOKEN_MARKS, key=len, reverse=True)), re.IGNORECASE)

_LOST_CHANNEL = re.compile(r"analysis(?=[A-Z])")
_LOST_FINAL = "assistantfinal"

_FILLERS = ("okay", "ok", "alright", "hmm", "so", "well", "now", "first", "right")
_SURE = (
    *(f"{user} {verb}" for user in ("the user", "user") for verb in ("is", "wants", "asks", "asked", "says", "said")),
    "the user has", "the user just", "we are asked", "thinking process",
)  # fmt: skip
_LIKELY = (
    "let me think", "let me analyze", "let me break", "let me consider", "let me figure", "let's think", "let's break",
    "i should", "i need to", "i must", "i have to", "we should", "we need to", "we must", "we have to",
    "the user's", "my task is",
)  # fmt: skip
"""How thoughts begin, and hardly any reply to a person."""

MAX_LIKELY_CHARACTERS = 1_000
"""Characters that are held back of what may be a reply after all."""

_SHOWS_WITHIN = 60
_LINE_END = 8
_LONGEST_HEAD = 200


class ThoughtFilter:
    """Reads one reply. `thinking`: the reply begins within a thought, because the prompt opened it.

    `calls` are the calls for tools that were written as text; `lost_opening` tells that a thought ended that no mark
    had opened. Once words were said, a closing mark in the middle of a line is one of them: a reply about marks.
    """

    def __init__(self, *, thinking: bool = False) -> None:
        self.calls: list[str] = []
        self.lost_opening = False
        self._assumed = _Mark("", _CLOSINGS)
        self._inside: _Mark | None = self._assumed if thinking else None
        self._held = ""
        self._after = thinking
        self._opening = not thinking
        self._call: list[str] = []
        self._spoke = False
        self._last = ""

    @property
    def never_left(self) -> bool:
        """Whether the thought that the reply was to begin within has not ended: it may have been the reply."""
        return self._inside is self._assumed

    def feed(self, text: str) -> str:
        """Take in more of the reply; return the text outside thoughts."""
        self._held += text
        if self._opening and not self._opens():
            return ""
        said = self._trimmed(self._read(end=False))
        self._spoke = self._spoke or bool(said.strip())
        self._last = f"{self._last}{said}"[-_LINE_END:]
        return said

    def end(self) -> str:
        """Finish the reply; return what was held back because it might have become a mark or a thought."""
        if self._opening and _LOST_CHANNEL.match(self._held):
            self._inside = _Mark("", (_LOST_FINAL,))
        self._opening = False
        said = self._read(end=True)
        return self._trimmed(said)

    def _opens(self) -> bool:
        """Return whether it is known how the reply opens; what opens like a thought waits for the mark of its end."""
        held = self._held.lstrip()
        if _FINDING.search(held):
            self._opening = False
        elif _LOST_CHANNEL.match(held):
            self._opening, self._inside = False, _Mark("", (_LOST_FINAL,))
        elif "analysis".startswith(held[:9]):
            return False
        else:
            self._opening = len(held) < _held_for(held)
        return not self._opening

    def _read(self, *, end: bool) -> str:
        said: list[str] = []
        while True:
            found = self._find()
            if found is None:
                break
            before, mark = self._held[: found.start()], found.group().lower()
            self._held = self._held[found.end() :]
            if self._inside is not None:
                self._leave(before, mark)
            elif mark in _CLOSINGS and self._spoke and not self._begins_line("".join(said) + before):
                said += (before, found.group())
            elif mark in _CLOSINGS:
                # What stood before it was a thought that no mark had opened: the prompt had.
                said.clear()
                self.lost_opening = self._after = True
            else:
                said.append(before)
                self._enter(mark)
        keep = 0 if end else len(self._held) if self._in_a_head else self._begun()
        rest, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        if self._inside is None:
            said.append(rest)
        else:
            self._gather(rest)
            if end and self._inside.is_call:
                self._leave("", "")
        return "".join(said)

    def _begins_line(self, before: str) -> bool:
        """Tell whether a mark behind these words begins a line, as a thought's end does, and no word of a reply."""
        return (self._last + before).rstrip(" \t").endswith("\n")

    @property
    def _in_a_head(self) -> bool:
        return self._inside is _SECTION and len(self._held) < _LONGEST_HEAD

    def _find(self) -> re.Match[str] | None:
        if self._inside is None:
            return _FINDING.search(self._held)
        if not self._inside.closings:
            return None
        closings = (*self._inside.closings, _MESSAGE) if self._inside is _SECTION else self._inside.closings
        return re.search("|".join(map(re.escape, closings)), self._held, re.IGNORECASE)

    def _enter(self, mark: str) -> None:
        self._inside = _BY_OPENING.get(mark)
        self._call = [mark] if self._inside is not None and self._inside.is_call else []
        self._after = self._after or self._inside is None

    def _leave(self, before: str, mark: str) -> None:
        inside = self._inside
        if inside is _SECTION and mark == _MESSAGE:
            # The head of a section says for whom it is; a call for a tool names it there.
            is_final = "final" in before.lower() and "to=" not in before.lower()
            self._inside = None if is_final else _Mark("", _SECTION.closings)
        else:
            self._gather(before)
            if inside is not None and inside.is_call and len(self.calls) < 16:
                self.calls.append("".join(self._call))
            self._inside, self._call = None, []
        self._after = True

    def _gather(self, text: str) -> None:
        if self._inside is not None and self._inside.is_call and sum(map(len, self._call)) < MAX_CALL_CHARACTERS:
            self._call.append(text[:MAX_CALL_CHARACTERS])

    def _begun(self) -> int:
        """Return how many characters at the end may be the beginning of a mark."""
        marks: tuple[str, ...] = _SPOKEN_MARKS
        if self._inside is not None:
            marks = (*self._inside.closings, _MESSAGE)
        longest = max(map(len, marks))
        tail = self._held[-longest:].lower()
        return next((len(tail) - at for at in range(len(tail)) if any(mark.startswith(tail[at:]) for mark in marks)), 0)

    def _trimmed(self, said: str) -> str:
        """Remove the blank lines that follow a thought."""
        if self._after and self._inside is None:
            said = said.lstrip()
            self._after = not said
        return said


def _held_for(opening: str) -> int:
    """Return how many characters of a reply that opens like this wait for the mark of a thought's end."""
    words = [word.strip(",.!:\u2026") for word in opening[:_SHOWS_WITHIN].lower().split(" ")]
    while len(words) > 1 and words[0] in _FILLERS:
        words.pop(0)
    so_far = " ".join(words)
    if so_far.startswith(_SURE) or any(sure.startswith(so_far) for sure in _SURE):
        return MAX_HELD_CHARACTERS
    if so_far.startswith(_LIKELY) or any(likely.startswith(so_far) for likely in (*_LIKELY, *_FILLERS)):
        return MAX_LIKELY_CHARACTERS
    return 0
