"""What is said when a timer, an alarm or a reminder is due, and what words stop it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actors.text.phrases import load_phrases, split_words
from harry.memory.store.reminders import Reminder
from harry.reflexes.clocks import Clocks
from harry.reflexes.grammar import grammar_of
from harry.reflexes.timer_words import past_words, timer_name
from harry.reflexes.times import told_time
from harry.reflexes.wording import tidy

LATE = 120.0
"""Seconds after which what was due is told as late, once, and does not ring."""


class RingWords:
    """In one language, with the persona's own `replies` where it has some. Made when Harry starts."""

    def __init__(self, clocks: Clocks, language: str, replies: Mapping[str, tuple[str, ...]]) -> None:
        self._clocks = clocks
        self._language = language
        self._own = replies
        self._began = clocks.wall()

    def stops(self, text: str, names: Sequence[str] = ()) -> bool:
        """Return whether these words, while something rings, stop it."""
        phrases = load_phrases(self._language)
        stop = phrases.find_stop(text, names)
        if stop is not None and not stop.rest:
            return True
        ringing = grammar_of(self._language).ringing
        around = {*ringing.get("around", ()), *(name.lower() for name in names)}
        said = list(split_words(text))[:12]
        wanted = {split_words(phrase) for phrase in ringing.get("stop", ())}
        edges = {split_words(phrase) for phrase in around}
        return any(
            tuple(said[first:last]) in wanted
            for first in range(len(said))
            for last in range(first + 1, len(said) + 1)
            if _made_of(said[:first], edges) and _made_of(said[last:], edges | wanted)
        )

    def describe(self, due: Reminder) -> str:
        """Return what is said of it when it is due."""
        at, left = self._clocks.local(self._clocks.due(due)), self._clocks.left(due)
        fields = {"time": told_time(at), "what": due.text or f"a {due.kind}", "timer": timer_name(due)}
        name = f"Due.{due.kind}"
        if left < -LATE:
            name = f"Due.{'off' if self._clocks.due(due) < self._began else 'late'}.{due.kind}"
            fields["time"] = past_words(at, self._clocks.now())
        sentence = self._worded(name)
        for key, value in fields.items():
            sentence = sentence.replace(f"{{{key}}}", value)
        return tidy(sentence)

    def _worded(self, name: str) -> str:
        return (self._own.get(name) or (grammar_of(self._language).replies[name],))[0]


def _made_of(said: Sequence[str], phrases: set[tuple[str, ...]]) -> bool:
    """Return whether these words are such phrases, one after the other."""
    if not said:
        return True
    return any(tuple(said[:at]) in phrases and _made_of(said[at:], phrases) for at in range(1, min(5, len(said)) + 1))
