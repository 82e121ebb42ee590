"""The status line as a value: what the events so far amount to, and what is printed above it. No terminal, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rich.cells import cell_len
from rich.text import Text

from channels.event_types import (
    AnyEvent,
    Degraded,
    ErrorOccurred,
    Heard,
    Interrupted,
    Muted,
    Reply,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    Transcribed,
    TurnBegan,
    TurnEnded,
)
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
    under_way: str = ""
    """What goes on beside the conversation, such as a download; in a few words."""
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
        return [replace(line, text=plain(line.text)) for line in self._take(event.what)]

    def _take(self, event: AnyEvent) -> list[Line]:
        """Take in what prints a line, or what does not."""
        match event:
            case Transcribed(text=text, partial=partial, meant=meant):
                return self._understood(text, partial=partial, meant=meant is not False)
            case Heard(turn=turn, text=text):
                self._replies.pop(turn, None)
                self._over(turn)
                return [Line(f"{text.strip()} …" if turn in self._cut else text.strip(), self.name)]
            case TurnEnded(turn=turn):
                return self._ended(turn)
            case Muted(muted=muted):
                self._muted = muted
                self._hearing = self._hearing and not muted
                return [Line("The microphone is shut." if muted else "The microphone is open.")]
            case Degraded(message=message) | ErrorOccurred(message=message):
                return [Line(f"! {message}")]
            case _:
                self._take_silently(event)
                return []

    def _take_silently(self, event: AnyEvent) -> None:
        match event:
            case TurnBegan(turn=turn):
                self._answering = turn
            case SpeechStarted():
                self._hearing, self.partial = True, ""
            case SpeechStopped():
                self._hearing = False
            case Reply(turn=turn, text=text):
                self._replied(turn, text)
            case SpeakingStarted(turn=turn):
                self._sounding = turn
            case Interrupted(turn=turn):
                self._cut.append(turn)
                self._over(turn)

    def _understood(self, text: str, *, partial: bool, meant: bool) -> list[Line]:
        self.partial = text if partial else ""
        if partial or not text.strip():
            return []
        if not meant:
            # Not meant for Harry: shown as such, and only to those who sit before the screen.
            return [Line(f"({text.strip()})", YOU, aside=True)]
        return [Line(text.strip(), YOU)]

    def _replied(self, turn: str, text: str) -> None:
        self._answering = turn
        self._replies.setdefault(turn, []).append(text)
        while len(self._replies) > _TURNS:
            self._replies.pop(next(iter(self._replies)))

    def _ended(self, turn: str) -> list[Line]:
        unheard = "".join(self._replies.pop(turn, [])).strip()
        cut = turn in self._cut
        self._over(turn)
        # Without a loudspeaker the reply is read, not heard.
        return [Line(unheard, self.name)] if unheard and not cut else []

    def _over(self, turn: str) -> None:
        if self._answering == turn:
            self._answering = None
        if self._sounding == turn:
            self._sounding = None

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
        elif self.under_way and room > 0:
            line.append(f"  {_tail(plain(self.under_way), room)}", "dim")
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
    return "".join(character if character.isprintable() else " " for character in text)
