"""What a person at the terminal sees, and that neither a slow terminal nor any input holds up the session."""

from __future__ import annotations

import errno
import io
import os
import pty
import re
import termios
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from trio.testing import MockClock

from channels.clock import AudioClock
from channels.events import Event, EventStream
from harry.terminal.console import Terminal
from harry.terminal.console_factory import stdout_console
from harry.terminal.input import LineCutter, typed_lines
from harry.terminal.output import Outlet
from harry.terminal.status_line import LiveLine, State
from tests.channels.sample_events import sample

QUIET = -90.0


def happen(line: LiveLine, event: str, turn: str | None = None, **fields: object) -> list[str]:
    return [printed.flat() for printed in line.happen(Event(0.0, sample(event, turn, **fields)))]


def test_the_state_follows_a_turn() -> None:
    line = LiveLine()
    states = [line.state]
    for event, turn, fields in (
        ("speech_started", None, {}),
        ("speech_stopped", None, {}),
        ("transcript", None, {"partial": False, "text": "Hello."}),
        ("turn_began", "a", {}),
        ("reply", "a", {"text": "Good morning."}),
        ("speaking_started", "a", {}),
        ("heard", "a", {"text": "Good morning."}),
        ("turn_ended", "a", {"reason": "finished"}),
    ):
        happen(line, event, turn, **fields)
        states.append(line.state)
    assert states == [
        State.LISTENING,
        State.HEARING,
        State.LISTENING,
        State.LISTENING,
        State.THINKING,
        State.THINKING,
        State.SPEAKING,
        State.LISTENING,
        State.LISTENING,
    ]


def test_the_old_turn_s_end_does_not_end_the_new_one() -> None:
    line = LiveLine()
    happen(line, "speaking_started", "old")
    happen(line, "interrupted", "old", reason="barge_in")
    happen(line, "reply", "new", text="Yes?")
    happen(line, "speaking_started", "new")
    happen(line, "turn_ended", "old", reason="barge_in")
    assert line.state is State.SPEAKING


def test_what_was_said_and_what_was_heard_are_printed() -> None:
    line = LiveLine("Ada")
    assert happen(line, "transcript", partial=True, text="how are") == []
    assert happen(line, "transcript", partial=False, text="How are you?") == ["  you: How are you?"]
    assert happen(line, "transcript", partial=False, text=" ") == []
    happen(line, "reply", "a", text="Well, and you? I have been")
    assert happen(line, "heard", "a", text="Well, and you?") == ["Ada: Well, and you?"]
    assert happen(line, "turn_ended", "a", reason="finished") == []


def test_a_reply_that_was_cut_is_printed_as_far_as_it_was_heard() -> None:
    line = LiveLine()
    happen(line, "reply", "a", text="One two three four.")
    happen(line, "interrupted", "a", reason="barge_in")
    assert happen(line, "heard", "a", text="One two") == ["Harry: One two …"]
    happen(line, "reply", "b", text="Never heard.")
    happen(line, "interrupted", "b", reason="barge_in")
    assert happen(line, "turn_ended", "b", reason="barge_in") == []


def test_a_reply_without_a_loudspeaker_is_printed_whole() -> None:
    line = LiveLine()
    happen(line, "reply", "a", text="One.")
    happen(line, "reply", "a", text=" Two.")
    assert happen(line, "turn_ended", "a", reason="finished") == ["Harry: One. Two."]


def test_troubles_are_printed() -> None:
    line = LiveLine()
    assert happen(line, "degraded", message="No disk.") == ["! No disk."]
    assert happen(line, "error", message="It failed.") == ["! It failed."]


def test_nothing_that_was_said_steers_the_terminal() -> None:
    line = LiveLine()
    [printed] = happen(line, "transcript", partial=False, text="a\x1b[2Jb\nc\x07")
    assert printed.isprintable()
    happen(line, "transcript", partial=True, text="\x1b]0;x\x07")
    assert "\x1b" not in line.draw(QUIET).plain


def test_muting_shows_until_it_is_undone() -> None:
    line = LiveLine()
    happen(line, "muted", muted=True)
    assert line.draw(0.0).plain.startswith("● muted")
    assert "▮" not in line.draw(0.0).plain
    happen(line, "muted", muted=False)
    assert line.state is State.LISTENING


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=2))
def test_a_louder_level_never_lights_fewer_cells(levels: list[float]) -> None:
    quieter, louder = (LiveLine().draw(level).plain.count("▮") for level in sorted(levels))
    assert 0 <= quieter <= louder <= 8


def test_turns_whose_end_is_never_seen_do_not_add_up() -> None:
    line = LiveLine()
    for number in range(1000):
        happen(line, "reply", str(number), text="x")
        happen(line, "interrupted", str(number), reason="barge_in")
    assert len(line._replies) <= 16
    assert len(line._cut) <= 16


# Showing


async def shown(console: Console, autojump_clock: MockClock, seconds: float = 2.0) -> None:
    events = EventStream(AudioClock())
    listener = events.listen()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Terminal(console, level=lambda: -20.0).show, listener)
        await trio.sleep(0.5)
        events.publish(sample("speech_started"))
        events.publish(sample("transcript", partial=True, text="what is 1 [bold]plus"))
        await trio.sleep(0.5)
        events.publish(sample("speech_stopped"))
        events.publish(sample("transcript", partial=False, text="What is 1 [bold]plus 1?"))
        events.publish(sample("turn_began", turn="a"))
        await trio.sleep(seconds)
        listener.close()


async def test_a_terminal_shows_the_live_line_and_the_lines_above_it(autojump_clock: MockClock) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, color_system=None, record=True, legacy_windows=False)
    await shown(console, autojump_clock)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    assert "● listening" in text
    assert "● hearing you ▮▮▮▮▮▯▯▯  what is 1 [bold]plus" in text
    assert "  you: What is 1 [bold]plus 1?" in text
    assert "● thinking" in text


async def test_while_nothing_changes_nothing_is_drawn(autojump_clock: MockClock) -> None:
    sizes = []
    for seconds in (2.0, 60.0):
        file = io.StringIO()
        await shown(Console(file=file, force_terminal=True, width=100), autojump_clock, seconds)
        sizes.append(len(file.getvalue()))
    assert sizes[0] == sizes[1]


async def test_the_line_is_drawn_ten_times_a_second_at_most(autojump_clock: MockClock) -> None:
    file = io.StringIO()
    events = EventStream(AudioClock())
    listener = events.listen(4096)
    async with trio.open_nursery() as nursery:
        console = Console(file=file, force_terminal=True, width=100)
        nursery.start_soon(Terminal(console, level=lambda: -20.0).show, listener)
        for number in range(1000):
            events.publish(sample("transcript", partial=True, text=f"word{number}"))
            await trio.sleep(0.001)
        listener.close()
    assert len(re.findall(r"word\d+", file.getvalue())) <= 12


async def test_what_is_no_terminal_gets_plain_lines_and_no_control_code(autojump_clock: MockClock) -> None:
    file = io.StringIO()
    await shown(Console(file=file, width=20), autojump_clock)
    assert file.getvalue() == "  you: What is 1 [bold]plus 1?\n"


# Output that is not taken


async def test_a_pipe_that_nobody_empties_does_not_hold_up_the_session() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outlet.pump)
            for _ in range(1000):
                outlet.write("x" * 1000)
                await trio.lowlevel.checkpoint()
            assert outlet.left_out > 0
            assert outlet.backlog <= Outlet.LIMIT
            nursery.cancel_scope.cancel()
    finally:
        os.close(reading)
        os.close(writing)


async def test_a_pipe_that_is_emptied_gets_everything_in_order() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    expected = "".join(f"line {number}\n" for number in range(5000))
    received = bytearray()

    async def read() -> None:
        while len(received) < len(expected):
            await trio.lowlevel.wait_readable(reading)
            received.extend(os.read(reading, 4096))

    try:
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                outlet.write(expected)
                await outlet.drain()
    finally:
        os.close(reading)
        os.close(writing)
    assert received.decode() == expected


async def test_a_pipe_that_nobody_reads_any_more_takes_nothing_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warned: list[str] = []

    class Log:
        def warning(self, event: str, **_: object) -> None:
            warned.append(event)

    monkeypatch.setattr("harry.terminal.output.log", Log())
    reading, writing = os.pipe()
    os.close(reading)
    outlet = Outlet(writing)
    for _ in range(3):
        outlet.write("x")
        await outlet.drain()
    assert outlet.backlog == 0
    assert not outlet.offer("y")
    assert len(warned) == 1
    os.close(writing)


async def test_a_full_disk_loses_lines_and_takes_later_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with (tmp_path / "out").open("wb") as file:
        outlet = Outlet(file.fileno())
        with monkeypatch.context() as disk:
            disk.setattr("harry.terminal.output.os.write", full)
            outlet.write("lost\n")
            await outlet.drain()
        outlet.write("kept\n")
        await outlet.drain()
    assert (tmp_path / "out").read_text() == "kept\n"


async def test_a_terminal_that_was_stopped_holds_up_nobody_and_gets_all_when_it_goes_on() -> None:
    leader, follower = pty.openpty()
    termios.tcflow(follower, termios.TCOOFF)
    outlet = Outlet(follower)
    text = "".join(f"line {number}\n" for number in range(2000))
    received = bytearray()
    try:
        outlet.write(text)
        with trio.move_on_after(0.05) as scope:
            await outlet.drain()
        assert scope.cancelled_caught
        termios.tcflow(follower, termios.TCOON)
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(outlet.drain)
                while not received.endswith(b"line 1999\r\n"):
                    await trio.lowlevel.wait_readable(leader)
                    received += os.read(leader, 4096)
    finally:
        outlet.close()
        os.close(leader)
        os.close(follower)
    assert received.decode().replace("\r\n", "\n") == text


# Typed lines


async def lines_of(lines: AsyncIterator[str]) -> list[str]:
    with trio.fail_after(30):
        return [line async for line in lines]


async def test_lines_come_as_they_are_typed() -> None:
    reading, writing = os.pipe()
    received: list[str] = []
    second = trio.Event()

    async def read() -> None:
        async for line in typed_lines(descriptor=reading):
            received.append(line)
            if len(received) == 2:
                second.set()

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            os.write(writing, b"one\r\ntwo\nthr")
            await second.wait()
            assert received == ["one", "two"]
            os.write(writing, b"ee")
            os.close(writing)
    os.close(reading)
    assert received == ["one", "two", "three"]


async def test_waiting_for_a_line_can_be_cancelled_and_loses_none() -> None:
    reading, writing = os.pipe()
    with trio.move_on_after(0.01) as scope:
        await lines_of(typed_lines(descriptor=reading))
    assert scope.cancelled_caught
    os.write(writing, b"still there\n")
    os.close(writing)
    assert await lines_of(typed_lines(descriptor=reading)) == ["still there"]
    os.close(reading)


async def test_a_file_and_an_empty_device_are_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("a\nb")
    for name, expected in ((path, ["a", "b"]), (Path(os.devnull), [])):
        descriptor = os.open(name, os.O_RDONLY)
        assert await lines_of(typed_lines(descriptor=descriptor)) == expected
        os.close(descriptor)


async def test_a_folder_as_standard_input_is_an_end(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    assert await lines_of(typed_lines(descriptor=descriptor)) == []
    os.close(descriptor)


async def test_a_terminal_is_read_and_its_end_is_an_end() -> None:
    leader, follower = pty.openpty()
    os.write(leader, b"hello\n\x04")
    assert await lines_of(typed_lines(descriptor=follower)) == ["hello"]
    os.close(leader)
    os.close(follower)


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_lines_do_not_depend_on_how_the_bytes_were_portioned(portions: list[bytes]) -> None:
    cutter = LineCutter()
    lines = [line for portion in portions for line in cutter.feed(portion)] + cutter.end()
    whole = b"".join(portions).split(b"\n")
    expected = whole if whole[-1] else whole[:-1]
    assert lines == [line.decode("utf-8", "replace").removesuffix("\r") for line in expected]


@given(st.text(alphabet="aé€𝄞", max_size=40), st.integers(1, 20), st.integers(1, 7))
def test_a_line_is_cut_at_a_whole_character_and_the_next_is_whole_again(text: str, longest: int, step: int) -> None:
    cuts: list[None] = []
    cutter = LineCutter(longest, lambda: cuts.append(None))
    data = f"{text}\nab"[: len(text) + 1].encode() + b"x\n"
    lines = [line for at in range(0, len(data), step) for line in cutter.feed(data[at : at + step])]
    assert lines == [text[:longest], "x"]
    assert len(cuts) == (len(text) > longest)
    assert len(cutter._rest) == 0


def test_a_console_whose_reader_went_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        console = stdout_console()
        os.close(reading)
        for _ in range(3):
            console.print("hello")
        console.file.close()
        with Path(os.devnull).open("wb") as nowhere:  # what the stream still holds has to go somewhere
            os.dup2(nowhere.fileno(), pipe.fileno())
