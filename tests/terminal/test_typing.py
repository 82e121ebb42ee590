"""Typing at a terminal: nothing that Harry shows takes away what is being typed, and nothing stands there twice."""

from __future__ import annotations

import io
import os
import pty
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from channels.clock import AudioClock
from channels.events import EventStream
from harry.terminal.console import HOW_TO_END, Terminal
from harry.terminal.keys import Key, KeyParser
from harry.terminal.layout import Line, typed, wrapped
from harry.terminal.line_editor import LineEditor
from harry.terminal.typing_mode import TypingMode, restore
from tests.channels.sample_events import sample
from tests.terminal.screen import Emulator

# The line as a value


def after(*given: str) -> LineEditor:
    editor = LineEditor()
    for each in given:
        editor.feed(each.encode())
    return editor


@pytest.mark.parametrize(
    ("keys", "text", "cursor"),
    [
        ("hello", "hello", 5),
        ("helo\x1b[Dl", "hello", 4),
        ("helo\x02l", "hello", 4),
        ("ello\x01h", "hello", 1),
        ("ello\x1b[Hh\x1b[F!", "hello!", 6),
        ("hellp\x7fo", "hello", 5),
        ("hxello\x1b[H\x1b[C\x1b[3~", "hello", 1),
        ("hello wrold\x17", "hello ", 6),
        ("one two three\x1bb\x1bb\x17", "two three", 0),
        ("one two\x1b[1;5D\x0b", "one ", 4),
        ("one two\x15", "", 0),
        ("cafe\u0301\x7f", "caf", 3),
        ("你好\x7f", "你", 1),
        ("👩\u200d👩\u200d👧\x7f", "", 0),
        ("a\x1b[200~b\r\nc\x1b[201~", "ab c", 4),
        ("a\tb", "a b", 3),
        ("\x1b[15~\x1bOPx", "x", 1),
    ],
)
def test_keys_do_what_they_do_everywhere(keys: str, text: str, cursor: int) -> None:
    editor = after(keys)
    assert (editor.text, editor.cursor) == (text, cursor)


@given(st.text(alphabet="aé你\x1b[ADH~200;1\r\x7f\x01", max_size=40), st.integers(1, 5))
def test_keys_do_not_depend_on_how_their_bytes_were_portioned(keys: str, step: int) -> None:
    data = keys.encode()
    whole, parts = LineEditor(), LineEditor()
    lines = [line for at in range(0, len(data), step) for line in parts.feed(data[at : at + step])]
    assert whole.feed(data) == lines
    assert (whole.text, whole.cursor) == (parts.text, parts.cursor)


@given(st.lists(st.binary(max_size=12), max_size=8))
def test_no_bytes_at_all_upset_the_line(portions: list[bytes]) -> None:
    editor = LineEditor(longest=20)
    for portion in portions:
        for line in editor.feed(portion):
            assert "\n" not in line
        assert 0 <= editor.cursor <= len(editor.text) <= 20
        assert "\x1b" not in editor.text


def test_a_paste_waits_for_enter_however_many_lines_it_has() -> None:
    editor = LineEditor()
    assert editor.feed(b"\x1b[200~one\ntwo\nthree\x1b[20") == []
    assert editor.feed(b"1~\r") == ["one two three"]


def test_earlier_lines_come_back_and_what_was_begun_is_not_lost() -> None:
    editor = LineEditor()
    assert editor.feed(b"one\rtwo\r") == ["one", "two"]
    editor.feed(b"beg\x1b[A")
    assert editor.text == "two"
    editor.feed(b"\x1b[A\x1b[A")
    assert editor.text == "one"
    editor.feed(b"\x1b[B\x1b[B")
    assert editor.text == "beg"


def test_escape_alone_is_told_from_a_key_that_goes_on() -> None:
    parser = KeyParser()
    assert parser.feed(b"\x1b") == []
    assert parser.pending
    parser.flush()
    assert parser.feed(b"b") == ["b"]
    assert parser.feed(b"\x1bb") == [Key.WORD_LEFT]


# Layout


@given(st.text(alphabet="ab 你é", max_size=80), st.integers(8, 40), st.integers(1, 6))
def test_a_typed_line_keeps_to_its_rows_and_shows_where_the_cursor_is(text: str, width: int, most: int) -> None:
    for cursor in range(0, len(text) + 1, 3):
        laid = typed(text, cursor, width, most)
        assert 1 <= len(laid.rows) <= most
        assert laid.rows[laid.cursor].startswith(laid.before)
        everything = typed(text, cursor, width, 1000)
        assert "".join(row[2:] for row in everything.rows) == text


@given(st.text(alphabet="ab 你é", max_size=80), st.integers(6, 40))
def test_words_wrap_and_lose_nothing(text: str, width: int) -> None:
    rows = wrapped(Line(text, "Harry"), width)
    emulator = Emulator(width)
    emulator.write("\r\n".join(rows))
    assert len(emulator.shown()) <= len(rows)
    assert "".join("".join(rows).split()) == "Harry:" + "".join(text.split())


def test_words_are_indented_under_their_speaker() -> None:
    assert wrapped(Line("One two three four five.", "Harry"), 40) == ["Harry: One two three four five."]
    assert wrapped(Line("One two three four five.", "Harry"), 28) == ["Harry: One two three four", "       five."]


def test_where_there_is_no_room_words_are_indented_a_little() -> None:
    assert wrapped(Line("One two three.", "Harry"), 12) == ["Harry:", "  One two", "  three."]


# A real terminal


@dataclass
class Seat:
    """A person before a terminal: the keys, the screen, and what Harry takes in."""

    leader: int
    follower: int
    screen: Emulator
    events: EventStream
    lines: list[str] = field(default_factory=list)
    raw: str = ""
    _came: trio.Event = field(default_factory=trio.Event)

    def type(self, keys: str) -> None:
        os.write(self.leader, keys.encode())

    async def read(self) -> None:
        while True:
            await trio.lowlevel.wait_readable(self.leader)
            text = os.read(self.leader, 65_536).decode("utf-8", "replace")
            self.raw += text
            self.screen.write(text)
            self._wake()

    async def take(self, lines: AsyncIterator[str]) -> None:
        async for line in lines:
            self.lines.append(line)
            self._wake()

    def _wake(self) -> None:
        self._came.set()
        self._came = trio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        with trio.move_on_after(10) as scope:
            while not holds():
                await self._came.wait()
        assert not scope.cancelled_caught, "\n".join(self.screen.shown())

    async def sees(self, text: str) -> None:
        await self.until(lambda: text in "\n".join(self.screen.shown()))


@asynccontextmanager
async def seat(
    columns: int = 60, level: Callable[[], float] | None = None, *, dumb: bool = False
) -> AsyncIterator[Seat]:
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, columns))
    before = termios.tcgetattr(follower)
    environment = {"TERM": "dumb"} if dumb else {"TERM": "xterm"}
    with os.fdopen(os.dup(follower), "w", encoding="utf-8") as file:
        console = Console(file=file, force_terminal=True, width=columns, _environ=environment, highlight=False)
        terminal = Terminal(console, level=level, source=follower)
        events = EventStream(AudioClock())
        person = Seat(leader, follower, Emulator(columns), events)
        listener = events.listen(1024)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(person.read)
                nursery.start_soon(terminal.show, listener)
                nursery.start_soon(person.take, terminal.lines())
                if not dumb:
                    await person.sees("listening" if level else "ready")
                yield person
                nursery.cancel_scope.cancel()
            assert termios.tcgetattr(follower) == before, "the terminal is left as it was found"
        finally:
            os.close(leader)
            os.close(follower)


async def test_what_is_typed_survives_every_redraw() -> None:
    loud = [-60.0]
    async with seat(level=lambda: loud[0]) as person:
        for number, character in enumerate("hello Harry, how are you?"):
            person.type(character)
            loud[0] = -60.0 + 2 * (number % 30)
            if number % 5 == 0:
                person.events.publish(sample("transcript", partial=True, text="some noise " * number))
                person.events.publish(sample("degraded", message=f"Trouble {number}."))
                await person.sees(f"Trouble {number}.")
        await person.sees("> hello Harry, how are you?")
        assert person.screen.shown()[-1] == "> hello Harry, how are you?"
        assert person.screen.column == len("> hello Harry, how are you?")
        person.type("\r")
        await person.until(lambda: person.lines == ["hello Harry, how are you?"])


async def test_each_typed_line_is_shown_once() -> None:
    async with seat() as person:
        person.type("What can you do?\r")
        await person.until(lambda: len(person.lines) == 1)
        person.events.publish(sample("transcript", partial=False, text="What can you do?", meant=True))
        person.events.publish(sample("turn_began", turn="a"))
        person.events.publish(sample("reply", turn="a", text="Little."))
        person.events.publish(sample("turn_ended", turn="a", reason="finished"))
        await person.sees("Harry: Little.")
        assert "\n".join(person.screen.shown()).count("What can you do?") == 1
        assert person.screen.shown()[-2:] == ["● ready", ">"]


async def test_a_reply_is_wrapped_while_a_long_line_is_typed_over_several_rows() -> None:
    async with seat(columns=30) as person:
        line = "this is a line of many words that takes more than one row 你好"
        person.type(line)
        await person.sees("你好")
        person.events.publish(sample("reply", turn="a", text="One two three four five six seven eight."))
        person.events.publish(sample("turn_ended", turn="a", reason="finished"))
        await person.sees("       five six seven eight.")
        shown = person.screen.shown()
        assert "● ready" in shown
        rows = shown[shown.index("● ready") + 1 :]
        assert " ".join(row[2:].strip() for row in rows) == line
        person.type("\r")
        await person.until(lambda: person.lines == [line])


async def test_what_others_print_stands_above_the_line_and_takes_nothing_away() -> None:
    async with seat() as person:
        person.type("half a th")
        await person.sees("> half a th")
        person.events.publish(sample("transcript", partial=False, text="Is dinner ready?", meant=False))
        await person.sees("you: (Is dinner ready?)")
        assert "\x1b[2m  you: (Is dinner ready?)" in person.raw, "what was not meant for Harry is dim"
        assert person.screen.shown()[-1] == "> half a th"


async def test_a_log_line_stands_above_what_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    instead = Tty()
    monkeypatch.setattr(sys, "stderr", instead)
    async with seat() as person:
        person.type("half a th")
        await person.sees("> half a th")
        print("\x1b[33mwarning\x1b[0m the disk is slow", file=sys.stderr)
        await person.sees("warning the disk is slow")
        assert person.screen.shown()[-1] == "> half a th"
        assert "[33m" not in "\n".join(person.screen.shown())
    assert sys.stderr is instead
    assert instead.getvalue() == ""


async def test_without_a_microphone_there_is_no_level() -> None:
    async with seat() as person:
        assert not {"▮", "▯"} & set(person.raw)


async def test_control_d_does_not_end_the_typing() -> None:
    async with seat() as person:
        person.type("\x04")
        await person.sees(HOW_TO_END)
        person.type("still here\r")
        await person.until(lambda: person.lines == ["still here"])


async def test_a_dumb_terminal_gets_no_control_code_and_no_line_twice() -> None:
    async with seat(dumb=True) as person:
        person.type("hello\n")
        await person.until(lambda: person.lines == ["hello"])
        person.events.publish(sample("transcript", partial=False, text="hello", meant=True))
        person.events.publish(sample("transcript", partial=False, text="other", meant=True))
        await person.sees("you: other")
        assert "\x1b" not in person.raw
        assert person.raw.count("hello") == 1, "the terminal itself has shown it"


async def test_speech_that_is_not_meant_for_harry_reaches_no_file() -> None:
    reading, writing = os.pipe()
    events = EventStream(AudioClock())
    listener = events.listen(16)
    with os.fdopen(writing, "w", encoding="utf-8") as file:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Terminal(Console(file=file)).show, listener)
            events.publish(sample("transcript", partial=False, text="our secret", meant=False))
            events.publish(sample("transcript", partial=False, text="Harry, hello.", meant=True))
            listener.close()
    with os.fdopen(reading, encoding="utf-8") as written:
        assert written.read() == "  you: Harry, hello.\n"


def test_the_terminal_is_put_back_from_anywhere() -> None:
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    mode = TypingMode(follower, None)
    assert mode.enter()
    assert not termios.tcgetattr(follower)[3] & termios.ECHO
    restore()
    restore()
    assert termios.tcgetattr(follower) == before
    # What is drawn once more before the process has ended must not take the terminal again.
    assert not mode.enter()
    assert termios.tcgetattr(follower) == before
    os.close(leader)
    os.close(follower)
