"""The live line as a value: what the events so far amount to, and what is printed above it. No terminal, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from rich.text import Text

from channels.events import Event

_CELLS = 8
_FLOOR = -60.0
"""Decibels below full scale at which the level bar is dark."""

_TURNS = 16
"""Turns of which something is remembered: those whose end went by unseen must not add up."""


class State(StrEnum):
    """What Harry is doing."""

    LISTENING = "listening"
    HEARING = "hearing you"
    THINKING = "thinking"
    SPEAKING = "speaking"
    MUTED = "muted"


_STYLES = {
    State.LISTENING: "green",
    State.HEARING: "bold green",
    State.THINKING: "yellow",
    State.SPEAKING: "cyan",
    State.MUTED: "bold red",
}


@dataclass
class LiveLine:
    """What the events so far amount to. `name` is the persona's."""

    name: str = "Harry"
    partial: str = ""
    _muted: bool = False
    _hearing: bool = False
    _answering: str | None = None
    _sounding: str | None = None
    _replies: dict[str, list[str]] = field(default_factory=dict)
    _cut: deque[str] = field(default_factory=lambda: deque(maxlen=_TURNS))

    @property
    def state(self) -> State:
        """The most telling of what is the case."""
        if self._hearing:
            return State.HEARING
        if self._sounding is not None:
            return State.SPEAKING
        if self._answering is not None:
            return State.THINKING
        return State.MUTED if self._muted else State.LISTENING

    def happen(self, event: Event) -> list[str]:
        """Take an event in; returns the plain lines to be printed for it."""
        take = getattr(self, f"_on_{event.event}", None)
        lines: list[str] = take(event) if take is not None else []
        return [plain(line) for line in lines]

    def _on_speech_started(self, _: Event) -> list[str]:
        self._hearing, self.partial = True, ""
        return []

    def _on_speech_stopped(self, _: Event) -> list[str]:
        self._hearing = False
        return []

    def _on_transcript(self, event: Event) -> list[str]:
        text = str(event.fields.get("text", ""))
        if event.fields.get("partial"):
            self.partial = text
            return []
        self.partial = ""
        if not text.strip():
            return []
        self._answering = self._answering or ""
        return [f"  you: {text.strip()}"]

    def _on_reply(self, event: Event) -> list[str]:
        self._answering = event.turn
        self._replies.setdefault(event.turn or "", []).append(str(event.fields.get("text", "")))
        while len(self._replies) > _TURNS:
            self._replies.pop(next(iter(self._replies)))
        return []

    def _on_speaking_started(self, event: Event) -> list[str]:
        self._sounding = event.turn
        return []

    def _on_interrupted(self, event: Event) -> list[str]:
        self._cut.append(event.turn or "")
        self._over(event)
        return []

    def _on_heard(self, event: Event) -> list[str]:
        turn = event.turn or ""
        self._replies.pop(turn, None)
        self._over(event)
        return [f"{self.name}: {str(event.fields.get('text', '')).strip()}{' …' if turn in self._cut else ''}"]

    def _on_turn_ended(self, event: Event) -> list[str]:
        turn = event.turn or ""
        unheard = "".join(self._replies.pop(turn, [])).strip()
        cut = turn in self._cut
        self._over(event)
        # Without a loudspeaker the reply is read, not heard.
        return [f"{self.name}: {unheard}"] if unheard and not cut else []

    def _over(self, event: Event) -> None:
        if self._answering in ("", event.turn):
            self._answering = None
        if self._sounding == event.turn:
            self._sounding = None

    def _on_muted(self, event: Event) -> list[str]:
        self._muted = bool(event.fields.get("muted", True))
        self._hearing = self._hearing and not self._muted
        return ["The microphone is shut." if self._muted else "The microphone is open."]

    def _on_degraded(self, event: Event) -> list[str]:
        return [f"! {event.fields.get('message', '')}"]

    _on_error = _on_degraded

    def draw(self, level: float) -> Text:
        """Render the live line; `level` is the input's loudness in decibels below full scale, at most 0."""
        line = Text(no_wrap=True, overflow="ellipsis", end="")
        line.append("● ", _STYLES[self.state])
        line.append(f"{self.state.value:<11} ", _STYLES[self.state])
        lit = 0 if self._muted else _lit(level)
        line.append("▮" * lit, "green")
        line.append("▯" * (_CELLS - lit), "dim")
        if self.partial:
            # The newest words matter; the older ones make room for them.
            line.append(f"  {plain(self.partial)[-200:]}", "italic")
        # The cursor stands behind it: what is typed begins there.
        line.append("  ")
        return line


def _lit(level: float) -> int:
    """Count the cells of the bar that a level lights."""
    share = 1 - max(min(level, 0.0), _FLOOR) / _FLOOR
    return round(share * _CELLS)


def plain(text: str) -> str:
    """Replace everything in a text that would steer a terminal by spaces."""
    return "".join(each if each.isprintable() else " " for each in text)
