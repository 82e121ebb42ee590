"""The status line as a value: what the events so far amount to, and what is printed above it. No terminal, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rich.cells import cell_len
from rich.text import Text

from channels.events import Event
from harry.terminal.layout import Line

YOU = "  you"
"""How the person at the terminal is called."""

_CELLS = 8
_STATE_CELLS = 12
_FLOOR = -60.0
"""Decibels below full scale at which the level bar is dark."""

_TURNS = 16
"""Turns of which something is remembered: those whose end went by unseen must not add up."""


class State(StrEnum):
    """What Harry is doing."""

    READY = "ready"
    """There is no microphone: he waits for something typed."""
    LISTENING = "listening"
    HEARING = "hearing you"
    THINKING = "thinking"
    SPEAKING = "speaking"
    MUTED = "muted"


_STYLES = {
    State.READY: "green",
    State.LISTENING: "green",
    State.HEARING: "bold green",
    State.THINKING: "yellow",
    State.SPEAKING: "cyan",
    State.MUTED: "bold red",
}


@dataclass
class LiveLine:
    """What the events so far amount to. `name` is the persona's; `hears`: there is a microphone."""

    name: str = "Harry"
    hears: bool = True
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
        if not self.hears:
            return State.READY
        return State.MUTED if self._muted else State.LISTENING

    def happen(self, event: Event) -> list[Line]:
        """Take an event in; returns the lines to be printed for it."""
        take = getattr(self, f"_on_{event.event}", None)
        lines: list[Line] = take(event) if take is not None else []
        return [replace(line, text=plain(line.text)) for line in lines]

    def _on_turn_began(self, event: Event) -> list[Line]:
        self._answering = event.turn
        return []

    def _on_speech_started(self, _: Event) -> list[Line]:
        self._hearing, self.partial = True, ""
        return []

    def _on_speech_stopped(self, _: Event) -> list[Line]:
        self._hearing = False
        return []

    def _on_transcript(self, event: Event) -> list[Line]:
        text = str(event.fields.get("text", ""))
        if event.fields.get("partial"):
            self.partial = text
            return []
        self.partial = ""
        if not text.strip():
            return []
        if not event.fields.get("meant", True):
            # Not meant for Harry: shown as such, and only to those who sit before the screen.
            return [Line(f"({text.strip()})", YOU, aside=True)]
        return [Line(text.strip(), YOU)]

    def _on_reply(self, event: Event) -> list[Line]:
        self._answering = event.turn
        self._replies.setdefault(event.turn or "", []).append(str(event.fields.get("text", "")))
        while len(self._replies) > _TURNS:
            self._replies.pop(next(iter(self._replies)))
        return []

    def _on_speaking_started(self, event: Event) -> list[Line]:
        self._sounding = event.turn
        return []

    def _on_interrupted(self, event: Event) -> list[Line]:
        self._cut.append(event.turn or "")
        self._over(event)
        return []

    def _on_heard(self, event: Event) -> list[Line]:
        turn = event.turn or ""
        self._replies.pop(turn, None)
        self._over(event)
        text = str(event.fields.get("text", "")).strip()
        return [Line(f"{text} …" if turn in self._cut else text, self.name)]

    def _on_turn_ended(self, event: Event) -> list[Line]:
        turn = event.turn or ""
        unheard = "".join(self._replies.pop(turn, [])).strip()
        cut = turn in self._cut
        self._over(event)
        # Without a loudspeaker the reply is read, not heard.
        return [Line(unheard, self.name)] if unheard and not cut else []

    def _over(self, event: Event) -> None:
        if self._answering == event.turn:
            self._answering = None
        if self._sounding == event.turn:
            self._sounding = None

    def _on_muted(self, event: Event) -> list[Line]:
        self._muted = bool(event.fields.get("muted", True))
        self._hearing = self._hearing and not self._muted
        return [Line("The microphone is shut." if self._muted else "The microphone is open.")]

    def _on_degraded(self, event: Event) -> list[Line]:
        return [Line(f"! {event.fields.get('message', '')}")]

    _on_error = _on_degraded

    def draw(self, level: float | None, width: int = 200) -> Text:
        """Render the status line in fewer than `width` cells.

        `level` is the input's loudness in decibels below full scale, at most 0; None without a microphone.
        """
        line = Text(no_wrap=True, end="")
        line.append("● ", _STYLES[self.state])
        line.append(self.state.value, _STYLES[self.state])
        if level is not None and self.hears:
            line.append(" " * (_STATE_CELLS - len(self.state.value)))
            lit = 0 if self._muted else _lit(level)
            line.append("▮" * lit, "green")
            line.append("▯" * (_CELLS - lit), "dim")
        room = width - 1 - line.cell_len - 2
        if self.partial and room > 0:
            # The newest words matter; the older ones make room for them.
            line.append(f"  {_tail(plain(self.partial), room)}", "italic")
        line.truncate(max(width - 1, 1), overflow="crop")
        return line


def _tail(text: str, cells: int) -> str:
    """Cut a text at its beginning so that it fits."""
    kept = text[-cells:]
    while cell_len(kept) > cells:
        kept = kept[1:]
    return kept


def _lit(level: float) -> int:
    """Count the cells of the bar that a level lights."""
    share = 1 - max(min(level, 0.0), _FLOOR) / _FLOOR
    return round(share * _CELLS)


def plain(text: str) -> str:
    """Replace everything in a text that would steer a terminal by spaces."""
    return "".join(each if each.isprintable() else " " for each in text)
