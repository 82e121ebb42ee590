"""The file of events: its owner's alone, begun again when it is full, and held up by no reader that has stopped."""

# ruff: noqa: ASYNC240  # the files are small

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import trio

from channels.clock import AudioClock
from channels.event_types import Degraded
from channels.events import EventStream
from harry.daemon.event_log import MAX_FULL_FILES, EventFile, open_event_file, write_events


def test_the_file_is_its_owners_alone_also_where_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text("before")
    path.chmod(0o644)
    for _ in range(2):
        open_event_file(path).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text() == ""
        path.unlink()


async def test_a_full_file_is_laid_aside_and_some_are_kept_with_no_line_torn(tmp_path: Path) -> None:
    path = tmp_path / "events"
    file = EventFile(path, most=100)
    for number in range(60):
        await file.write(json.dumps({"number": number, "words": "x" * 20}) + "\n")
    file.close()
    files = [path, *(path.with_name(f"events.{each}") for each in range(1, MAX_FULL_FILES + 1))]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(each.stat().st_size <= 100 and each.stat().st_mode & 0o077 == 0 for each in files)
    numbers = [json.loads(line)["number"] for each in reversed(files) for line in each.read_text().splitlines()]
    assert numbers == list(range(60))[-len(numbers) :]


async def test_a_pipe_is_never_begun_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    file = EventFile(tmp_path / "pipe", most=10)
    await file.write("a line\nanother line\n")
    assert os.read(reader, 100) == b"a line\nanother line\n"
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]
    file.close()
    os.close(reader)


async def test_a_reader_that_has_stopped_reading_does_not_hold_up_the_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    events = EventStream(AudioClock())
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_events, events.listen(4096, lossless=True), open_event_file(tmp_path / "pipe"))
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(4):
            for _ in range(1000):
                events.publish(Degraded(message="x" * 100))
            await trio.sleep(0.01)
        events.close()
    assert trio.current_time() - began < 3
    os.close(reader)


async def test_a_slow_reader_gets_what_waits_at_the_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    events, got = EventStream(AudioClock()), bytearray()

    async def read() -> None:
        while got.count(b"\n") < 1000:
            await trio.lowlevel.wait_readable(reader)
            got.extend(os.read(reader, 8192))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_events, events.listen(4096, lossless=True), open_event_file(tmp_path / "pipe"))
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(1000):
            events.publish(Degraded(message="x" * 100))
        events.close()
        nursery.start_soon(read)
    assert all(json.loads(line) for line in got.splitlines())
    os.close(reader)


async def test_a_pipe_that_lost_its_reader_is_told_and_ends_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    events = EventStream(AudioClock())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_events, events.listen(4096, lossless=True), open_event_file(tmp_path / "pipe"))
        await trio.testing.wait_all_tasks_blocked()
        os.close(reader)
        with trio.fail_after(5):
            for _ in range(3):
                events.publish(Degraded(message="x"))
                await trio.testing.wait_all_tasks_blocked(0.01)
        events.close()
