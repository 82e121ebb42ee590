"""What becomes of the lines that are typed at the terminal, or come from a pipe: words for Harry, or commands."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

import trio

from actors.turn_taking.attention import Talk
from harry.session.session import Session
from harry.terminal.console import Terminal


@dataclass(slots=True)
class Attendance:
    """Whether somebody reads at the terminal: a person at a screen, or a program that still types into Harry."""

    screen: bool
    typing: bool = False

    def __call__(self) -> bool:
        """Return whether somebody does."""
        return self.screen or self.typing


class TypedLines:
    """Takes typed lines: each is an utterance; one that begins with a slash tells Harry what to do.

    What a person types is answered at once, and cuts what Harry is saying. What comes from a pipe or a file, all at
    once, is answered one line after the other. `attendance` is told of whoever types.
    """

    def __init__(self, terminal: Terminal, session: Session, attendance: Attendance) -> None:
        self._terminal = terminal
        self._session = session
        self._attendance = attendance
        self._running = 0
        self._answered = trio.Event()

    async def take(self) -> None:
        """Take lines until there are no more."""
        async for line in self._terminal.lines():
            self._running += 1
            self._attendance.typing = True
            self._one(line.strip())
            if not self._terminal.interactive:
                await self._session.conductor.wait_idle()
            self._running -= 1
            self._answered.set()
        self._attendance.typing = False

    async def quiet(self, seconds: float) -> None:
        """Wait until every line that came is answered, and nothing has happened for `seconds`."""
        while True:
            await self._session.wait_quiet(seconds)
            if not self._running:
                return
            self._answered = trio.Event()
            await self._answered.wait()

    def _one(self, text: str) -> None:
        session = self._session
        if text in ("/mute", "/unmute"):
            session.speech_input.mute(text == "/mute" and not session.speech_input.muted)
            if session.speech_input.recorder is None:
                self._terminal.print("There is no microphone to mute.")
        elif text == "/quit":
            os.kill(os.getpid(), signal.SIGTERM)
        elif text.startswith("/"):
            self._terminal.print("There are /mute, /unmute and /quit; anything else is said to Harry.")
        elif text:
            session.answer_typed(text)
        elif session.attention.talk is not Talk.OPEN:
            session.speech_input.press()
