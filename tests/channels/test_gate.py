"""The gate's rules, one by one. Each of the crucial lines has a mutant (tests/mutants.py) that a test here kills."""

import struct
import threading

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from channels.gate import Gate, Slot, State
from channels.messages import Source, Utterance, Word
from channels.turn import Turn

RATE = 1000


class HandSink:
    """A sink moved by hand: what was pulled waits in `held` until it is said to have sounded."""

    def __init__(self, gate: Gate, *, flushable: bool = True) -> None:
        self.gate = gate
        self.held: list[int] = []
        self.sounded: list[int] = []
        self.flushable = flushable
        self.flushes = 0
        gate.attach(self)

    def flush(self) -> int:
        self.flushes += 1
        if not self.flushable:
            return 0
        taken, self.held = len(self.held), []
        return taken

    def pending(self) -> int:
        return len(self.held)

    def pull(self, samples: int) -> int:
        into = bytearray(b"\x7f" * samples * 2)
        speech = self.gate.pull(memoryview(into))
        self.held += [int.from_bytes(into[i : i + 2], "little", signed=True) for i in range(0, len(into), 2)]
        self.gate.advance()
        return speech

    def sound(self, samples: int | None = None) -> None:
        count = len(self.held) if samples is None else samples
        self.sounded += self.held[:count]
        del self.held[:count]
        self.gate.advance()


def turn() -> Turn:
    return Turn(Utterance("u", "hello", Source.TYPED), "user", "session", "user")


def pcm(value: int, samples: int) -> bytes:
    return value.to_bytes(2, "little", signed=True) * samples


def gate_and_sink(**options: bool) -> tuple[Gate, HandSink]:
    gate = Gate(RATE)
    return gate, HandSink(gate, **options)


async def test_what_is_written_is_pulled_in_order_and_padded_with_silence() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    assert await slot.write(pcm(1, 3))
    assert await slot.write(pcm(2, 2))
    assert sink.pull(8) == 5
    assert sink.held == [1, 1, 1, 2, 2, 0, 0, 0]


async def test_a_shut_slot_may_be_written_and_is_not_heard() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn(), shut=True)
    assert await slot.write(pcm(1, 3), [Word("one", 3)])
    assert sink.pull(4) == 0
    assert slot.heard == ""
    assert gate.open(slot)
    assert sink.pull(4) == 3
    assert slot.heard == "one"


async def test_a_word_without_sound_in_a_shut_slot_was_not_heard() -> None:
    gate, _ = gate_and_sink()
    slot = gate.admit(turn(), shut=True)
    await slot.write(b"", [Word("silently", 0)])
    assert slot.heard == ""


async def test_a_closed_slot_is_never_pulled_and_what_it_held_is_gone() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(pcm(1, 10))
    gate.close(slot)
    assert sink.pull(4) == 0
    other = gate.admit(turn())
    await other.write(pcm(2, 2))
    sink.pull(4)
    assert 1 not in sink.held


async def test_closing_drops_the_queue_itself() -> None:
    gate, _ = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(pcm(1, 10))
    gate.close(slot)
    assert not slot._queue
    assert slot._queued == 0


async def test_a_write_into_a_closed_slot_checkpoints_and_is_refused() -> None:
    gate, _ = gate_and_sink()
    slot = gate.admit(turn())
    gate.close(slot)
    with trio.testing.assert_checkpoints():
        assert await slot.write(pcm(1, 3), [Word("late", 3)]) is False
    assert slot.spoken == ""


async def test_opening_a_closed_slot_is_refused() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn(), shut=True)
    await slot.write(pcm(1, 3))
    gate.close(slot)
    assert gate.open(slot) is False
    assert slot.state is State.CLOSED
    assert sink.pull(3) == 0


async def test_a_writer_waits_for_room_and_goes_on_when_the_sink_has_pulled() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    done: list[bool] = []

    async def write() -> None:
        done.append(await slot.write(pcm(1, 450)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await wait_all_tasks_blocked()
        assert not done, "no more than a fifth of a second may wait"
        assert sink.pull(1000) == 200
        await wait_all_tasks_blocked()
        assert sink.pull(1000) == 200
        await wait_all_tasks_blocked()
        assert done == [True]
        assert sink.pull(1000) == 50


async def test_closing_wakes_a_waiting_writer_who_is_told_no() -> None:
    gate, _ = gate_and_sink()
    slot = gate.admit(turn())
    told: list[bool] = []

    async def write() -> None:
        told.append(await slot.write(pcm(1, 1000)))

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            await wait_all_tasks_blocked()
            gate.close(slot)
            await wait_all_tasks_blocked()
            assert told == [False]
            nursery.cancel_scope.cancel()


async def test_a_cancelled_writer_leaves_what_it_wrote_and_no_more() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    with trio.move_on_after(0) as scope:
        await slot.write(pcm(1, 10))
    assert scope.cancelled_caught
    assert sink.pull(10) == 0


async def test_at_most_one_slot_is_open_or_paused() -> None:
    gate, _ = gate_and_sink()
    slot = gate.admit(turn())
    with pytest.raises(RuntimeError):
        gate.admit(turn())
    gate.pause(slot)
    with pytest.raises(RuntimeError):
        gate.admit(turn())
    gate.close(slot)
    assert gate.admit(turn()).state is State.OPEN


async def test_at_most_one_speculative_slot_stands_beside_the_open_one() -> None:
    gate, _ = gate_and_sink()
    gate.admit(turn())
    shut = gate.admit(turn(), shut=True)
    with pytest.raises(RuntimeError):
        gate.admit(turn(), shut=True)
    gate.close(shut)
    assert gate.speculative is None
    gate.admit(turn(), shut=True)


async def test_a_word_is_heard_with_its_last_sample() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(pcm(1, 30), [Word("One,", 10), Word(" two,", 20), Word(" three.", 30)])
    sink.pull(19)
    assert slot.heard == "One,"
    sink.pull(1)
    assert slot.heard == "One, two,"


async def test_what_the_sink_flushes_was_not_heard() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(pcm(1, 30), [Word("One,", 10), Word(" two,", 20), Word(" three.", 30)])
    sink.pull(30)
    sink.sound(12)
    assert gate.close(slot) == 0
    assert slot.samples_heard == 12
    assert slot.heard == "One,"


async def test_what_the_sink_cannot_flush_will_sound_and_counts_as_heard() -> None:
    gate, sink = gate_and_sink(flushable=False)
    slot = gate.admit(turn())
    await slot.write(pcm(1, 30), [Word("One,", 10), Word(" two,", 20), Word(" three.", 30)])
    sink.pull(25)
    sink.sound(12)
    assert gate.close(slot) == 13, "thirteen samples still sound after the cut"
    assert slot.heard == "One, two,"


async def test_silence_pulled_after_the_speech_is_flushed_first() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(pcm(1, 10), [Word("One", 10)])
    sink.pull(15)
    sink.sound(11)
    gate.close(slot)
    assert slot.samples_heard == 10


async def test_a_pause_and_resume_lose_no_sample() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    written = b"".join(pcm(value, 1) for value in range(1, 101))
    await slot.write(written)
    sink.pull(40)
    sink.sound(25)
    gate.pause(slot)
    assert sink.pull(20) == 0
    sink.sound()
    assert slot.samples_heard == 25
    assert gate.resume(slot)
    sink.pull(200)
    sink.sound()
    assert [value for value in sink.sounded if value] == list(range(1, 101))


async def test_a_paused_slot_can_be_cut_as_if_it_were_open() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(pcm(1, 30), [Word("One,", 10), Word(" two.", 20)])
    sink.pull(20)
    sink.sound(12)
    gate.pause(slot)
    gate.close(slot)
    assert slot.heard == "One,"
    assert gate.resume(slot) is False
    assert sink.pull(10) == 0


async def test_every_opening_and_resume_takes_a_new_epoch() -> None:
    gate, _ = gate_and_sink()
    slot = gate.admit(turn())
    first = slot.epoch
    gate.pause(slot)
    gate.resume(slot)
    assert slot.epoch == first + 1
    gate.close(slot)
    assert gate.admit(turn()).epoch == first + 2


async def test_a_finished_slot_has_played_when_its_last_sample_left_the_sink() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(pcm(1, 10))
    slot.finish()
    played: list[bool] = []

    async def wait() -> None:
        played.append(await slot.wait_played())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        sink.pull(20)
        await wait_all_tasks_blocked()
        assert not played, "pulled is not played"
        sink.sound(9)
        await wait_all_tasks_blocked()
        assert not played
        sink.sound(1)
        await wait_all_tasks_blocked()
        assert played == [True]


async def test_a_finished_slot_without_sound_has_played_at_once() -> None:
    gate, _ = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(b"", [Word("text", 0)])
    slot.finish()
    with trio.fail_after(1):
        assert await slot.wait_played()
    assert slot.heard == "text"


async def test_a_paused_slot_has_not_played() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(pcm(1, 10))
    sink.pull(10)
    gate.pause(slot)
    slot.finish()
    with trio.move_on_after(0.01) as scope:
        await slot.wait_played()
    assert scope.cancelled_caught


async def test_nothing_can_be_written_after_the_finish() -> None:
    gate, _ = gate_and_sink()
    slot = gate.admit(turn())
    slot.finish()
    assert await slot.write(pcm(1, 1)) is False


async def test_closing_twice_changes_nothing() -> None:
    gate, sink = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(pcm(1, 10), [Word("One", 10)])
    sink.pull(10)
    sink.sound()
    gate.close(slot)
    gate.close(slot)
    assert slot.heard == "One"
    assert sink.flushes == 1


async def test_the_first_sound_is_announced_once() -> None:
    announced: list[Slot] = []
    gate = Gate(RATE, on_sound=announced.append)
    sink = HandSink(gate)
    slot = gate.admit(turn())
    sink.pull(10)
    assert not announced
    await slot.write(pcm(1, 30))
    sink.pull(10)
    sink.pull(10)
    assert announced == [slot]


async def test_pull_holds_the_lock_so_a_close_never_falls_into_the_middle_of_a_copy() -> None:
    gate, _ = gate_and_sink()
    slot = gate.admit(turn())
    await slot.write(pcm(1, 100))
    pulled = threading.Event()
    with gate._lock:
        thread = threading.Thread(target=lambda: (gate.pull(memoryview(bytearray(20))), pulled.set()), daemon=True)
        thread.start()
        assert not pulled.wait(0.05), "pull did not wait for the lock"
    thread.join(5)
    assert pulled.is_set()


async def test_the_sinks_flush_runs_outside_the_lock() -> None:
    gate = Gate(RATE)
    free: list[bool] = []

    class JoiningSink:
        def flush(self) -> int:
            # An abort joins the callback, which may be waiting for the lock at this moment.
            acquired = gate._lock.acquire(timeout=1)
            free.append(acquired)
            if acquired:
                gate._lock.release()
            return 0

        def pending(self) -> int:
            return 0

    gate.attach(JoiningSink())
    slot = gate.admit(turn())
    gate.pause(slot)
    gate.resume(slot)
    gate.close(slot)
    assert free == [True, True]


async def test_a_thread_that_pulls_all_the_time_never_gets_a_sample_of_a_closed_slot() -> None:
    gate = Gate(RATE * 48)
    stop = threading.Event()
    closed_marks: set[int] = set()
    stale: list[int] = []
    pulled = 0

    def card() -> None:
        nonlocal pulled
        into = bytearray(64)
        while not stop.is_set():
            known = set(closed_marks)
            gate.pull(memoryview(into))
            pulled += 1
            stale.extend(mark for (mark,) in struct.iter_unpack("<h", into) if mark and mark in known)

    thread = threading.Thread(target=card)
    thread.start()
    try:
        for mark in range(1, 301):
            slot = gate.admit(turn())
            await slot.write(pcm(mark, 2000))
            gate.close(slot)
            closed_marks.add(mark)
    finally:
        stop.set()
        thread.join(10)
    assert pulled > 0
    assert stale == []
