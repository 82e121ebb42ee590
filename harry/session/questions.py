"""A question that Harry asks aloud for somebody else, a script for example: open from when it was heard until answered.

The first words that are meant for Harry are the answer, and are told as they were understood. The mind does not answer
them: it knows nothing of what is behind the question, and would promise what the one who asks has to keep.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from channels.gate import Slot
from channels.signals import Signal

ENOUGH = 0.5
"""The share of a question that has to be heard before words that cut it are its answer."""


@dataclass(slots=True, eq=False)
class Question:
    """One question, said in the turn of `slot`.

    `again`: it is said once more, and its deadline begins with that. `changed` is notified of that and of an answer.
    """

    text: str
    slot: Slot
    answer: str | None = None
    again: bool = False
    changed: Signal = field(default_factory=Signal)

    @property
    def was_heard(self) -> bool:
        """Whether enough of it was heard that somebody can answer it; one that was silenced is not to be answered."""
        cut_by = self.slot.turn.cut_by
        return cut_by != "stop" and len(self.slot.heard.strip()) >= ENOUGH * len(self.text)

    @property
    def waits(self) -> bool:
        """Whether Harry has said it and is silent: a "stop" has nothing to silence then, and is an answer."""
        return self.slot.closed and self.was_heard

    def take(self, words: str) -> None:
        """Take an answer; further words of the same utterance are put behind it."""
        self.answer = words if self.answer is None else f"{self.answer} {words}"
        self.changed.notify()

    def say_again(self) -> None:
        """Note that the question is said once more, and may be answered after that."""
        self.again = True
        self.changed.notify()
