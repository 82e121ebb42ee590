"""Cancellation and checkpoints are part of the API: what may be cancelled, where, and what is left behind.

`injected` cancels a scenario at its n-th checkpoint, for every n until it runs to its end, so no await is forgotten.
Streams hang on purpose; trio shuffles what is ready by itself, so that each seed is another order.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock, assert_checkpoints, assert_no_checkpoints, wait_all_tasks_blocked

from actors.protocols import Delta, Request, TextDelta
from actors.responder import respond
from actors.retriever import retrieve
from actors.speaker import speak
from actors.transcriber import Transcriber
from channels.clock import AudioClock
from channels.event_types import BY_NAME
from channels.events import RESERVED, STALLED_AFTER, EventStream
from channels.gate import Gate, State
from channels.mailbox import Mailbox
from channels.messages import Chunk, Piece, Recollection, Speech, Transcript, Word
from channels.ports import Port, WhenFull
from channels.turn import Turn
from harry.engines.lease import MAX_RELOADS, EnginePool
from harry.errors import EngineError, EngineUnavailable
from harry.memory.store.in_memory import InMemoryStore
from harry.testing.engines import ScriptedSettings, ScriptedVoice
from tests.channels.sample_events import sample
from tests.support.conductor_rig import dies_slowly, rig, speaks, utterance
from tests.support.virtual_session import FakeEar, house, says

Scenario = Callable[[], Awaitable[None]]

AT_MOST = 400
"""Checkpoints after which a scenario that should have ended counts as endless."""


class _CancelAtStep(trio.abc.Instrument):
    """Cancels a scope when the task that it watches, or any other of the run, is about to take its n-th step."""

    def __init__(self, scope: trio.CancelScope, steps: int) -> None:
        self._scope = scope
        self._left = steps

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._left -= 1
        if self._left == 0:
            self._scope.cancel()


async def injected(scenario: Scenario, after: Callable[[bool], None] = lambda ended: None, *, stride: int = 1) -> int:
    """Run a scenario again and again, cancelled at the n-th step of any task, until it runs to its end.

    `after(ended)` looks at what each run left behind. Returns the number of runs.
    """
    for number, steps in enumerate(range(1, AT_MOST * stride, stride), 1):
        ended = False
        living = trio.lowlevel.current_statistics().tasks_living
        with trio.CancelScope() as scope:
            instrument = _CancelAtStep(scope, steps)
            trio.lowlevel.add_instrument(instrument)
            try:
                await scenario()
                ended = True
            finally:
                trio.lowlevel.remove_instrument(instrument)
        assert trio.lowlevel.current_statistics().tasks_living == living, "a task outlived the scenario"
        after(ended)
        if ended:
            return number
    raise AssertionError("the scenario never came to its end")


# Ports


async def test_a_full_port_makes_the_sender_wait_and_a_cancelled_sender_leaves_nothing_behind(
    autojump_clock: MockClock,
) -> None:
    port = Port[int]("numbers", 1)
    with assert_checkpoints():
        await port.send(1)
    with trio.move_on_after(1) as patience:
        await port.send(2)
    assert patience.cancelled_caught
    assert (port.sent, port.waiting) == (1, 1)
    with assert_checkpoints():
        assert await port.receive() == 1


async def test_a_cancelled_receiver_takes_nothing(autojump_clock: MockClock) -> None:
    port = Port[int]("numbers", 1)
    port.offer(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await port.receive()
    assert port.waiting == 1


@pytest.mark.parametrize("policy", [WhenFull.DROP_OLDEST, WhenFull.LATEST])
async def test_a_port_that_drops_never_waits_and_an_offer_is_no_checkpoint(policy: WhenFull) -> None:
    port = Port[int]("numbers", 3, policy)
    with assert_no_checkpoints():
        for number in range(10):
            assert port.offer(number)
    with assert_checkpoints():
        await port.send(10)
    kept = 1 if policy is WhenFull.LATEST else 3
    assert [port.receive_nowait() for _ in range(kept)] == list(range(11 - kept, 11))
    assert (port.sent, port.dropped) == (11, 11 - kept)


@pytest.mark.parametrize("policy", list(WhenFull))
async def test_a_closed_port_refuses_every_sender_in_the_same_way(policy: WhenFull) -> None:
    port = Port[int]("numbers", 1, policy)
    port.close()
    with pytest.raises(trio.BrokenResourceError):
        await port.send(1)
    with pytest.raises(trio.BrokenResourceError):
        port.offer(1)
    with pytest.raises(trio.EndOfChannel):
        await port.receive()


async def test_closing_a_port_tells_a_sender_who_waits(autojump_clock: MockClock) -> None:
    port = Port[int]("numbers", 1)
    port.offer(1)
    async with trio.open_nursery() as nursery:

        async def send() -> None:
            with pytest.raises(trio.BrokenResourceError):
                await port.send(2)

        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        port.close()
    assert [item async for item in port] == [1]


# The mailbox


async def test_taking_a_letter_is_a_checkpoint_and_a_cancelled_reader_loses_none() -> None:
    box = Mailbox[int]("letters", 3)
    box.post(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        async with box.next():
            raise AssertionError("a cancelled reader was given a letter")
    assert len(box) == 1
    with assert_checkpoints():
        async with box.next() as letter:
            assert letter == 1


async def test_a_letter_held_when_its_reader_is_cancelled_comes_again_as_if_new(autojump_clock: MockClock) -> None:
    box = Mailbox[int]("letters", 3)
    box.post(1)
    box.post(2)
    for _ in range(5):
        with trio.move_on_after(1):
            async with box.next() as letter:
                assert letter == 1
                await trio.sleep_forever()
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):  # noqa: PT012  the block is what fails
            async with box.next() as letter:
                assert letter == 1
                raise ValueError("no")
    assert list(box.dead) == [1]
    async with box.next() as letter:
        assert letter == 2


async def test_a_letter_of_which_one_reader_despaired_wakes_another(autojump_clock: MockClock) -> None:
    box = Mailbox[int]("letters", 3)
    read: list[int] = []

    async def reader() -> None:
        async with box.next() as letter:
            read.append(letter)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        nursery.start_soon(reader)
        await wait_all_tasks_blocked()
        box.post(1)
        await wait_all_tasks_blocked()
        box.post(2)
        with trio.fail_after(1):
            await wait_all_tasks_blocked()
            assert sorted(read) == [1, 2]


# Events


async def test_reading_events_and_reserving_room_are_checkpoints_and_publishing_is_none() -> None:
    stream = EventStream(AudioClock())
    listener = stream.listen(lossless=True)
    with assert_no_checkpoints():
        stream.publish("ready")
    with assert_checkpoints():
        await stream.reserve("turn")
    with assert_checkpoints():
        await anext(listener)


async def test_a_slow_lossless_listener_loses_no_end_of_a_turn_and_no_cut_waits_for_it(
    autojump_clock: MockClock,
) -> None:
    stream = EventStream(AudioClock())
    slow = stream.listen(10, lossless=True)
    quick = stream.listen(10_000)
    told: list[tuple[str, str | None]] = []

    async def read() -> None:
        async for event in slow:
            told.append((event.event, event.turn))
            await trio.sleep(random.random())

    async def take_a_turn(turn: str) -> None:
        await trio.sleep(random.random() * 5)
        # A turn that is cut before it was granted its room tells its end all the same.
        with trio.move_on_after(random.random()):
            await stream.reserve(turn)
        for _ in range(5):
            stream.publish(sample("reply", turn))
        with assert_no_checkpoints():
            for event in ("interrupted", "heard", "turn_ended"):
                stream.publish(sample(event, turn))
            stream.release(turn)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        async with trio.open_nursery() as turns:
            for number in range(40):
                turns.start_soon(take_a_turn, str(number))
        slow.close()
    ends = [(event, turn) for event, turn in told if BY_NAME[event] in RESERVED]
    assert len(ends) == len(set(ends)) == 120
    assert slow.missed == 200 - (len(told) - 120)
    assert not slow._reserved
    assert len(quick.take_waiting()) == 320


async def test_a_reservation_that_waits_can_be_cancelled_and_ends_with_its_listener(autojump_clock: MockClock) -> None:
    stream = EventStream(AudioClock())
    full = stream.listen(3, lossless=True)
    await stream.reserve("first")
    with trio.move_on_after(1) as patience:
        await stream.reserve("second")
    assert patience.cancelled_caught
    assert list(full._reserved) == ["first"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.reserve, "third")
        await wait_all_tasks_blocked()
        full.close()
    full.close()


async def test_a_reader_that_stopped_reading_loses_and_the_turns_do_not(autojump_clock: MockClock) -> None:
    stream = EventStream(AudioClock())
    stopped = stream.listen(20, lossless=True)

    async def take_a_turn(turn: str) -> float:
        began = trio.current_time()
        await stream.reserve(turn)
        waited = trio.current_time() - began
        for event in ("reply", "reply", "interrupted", "heard", "turn_ended"):
            stream.publish(sample(event, turn))
        stream.release(turn)
        return waited

    waited = [await take_a_turn(str(number)) for number in range(200)]
    assert sum(waited) <= STALLED_AFTER + 0.1
    assert len(stopped._queue) <= stopped.capacity
    assert stopped.missed == 1000 - len(stopped._queue)
    # Once it reads again, it gets whole turns again.
    stopped.take_waiting()
    await take_a_turn("later")
    assert [event.turn for event in stopped.take_waiting()] == ["later"] * 5


async def test_a_turn_that_is_over_before_its_room_was_granted_keeps_none(autojump_clock: MockClock) -> None:
    async with rig(speaks(1)) as home:
        for _ in range(5):
            home.conductor.commit(utterance())
            home.conductor.cut("stop")
            await home.conductor.wait_quiet()
        assert not home.told._reserved


# The gate


async def test_a_write_is_a_checkpoint_and_a_cancelled_one_leaves_no_word_it_did_not_reach(
    autojump_clock: MockClock,
) -> None:
    gate = Gate(1000)
    slot = gate.admit(Turn(utterance(), "you", "s", "n"))
    with assert_checkpoints():
        assert await slot.write(bytes(20), [Word("a", 10)])
    with trio.move_on_after(1):
        await slot.write(bytes(2000), [Word(" b", 1000)])
    gate.pull(memoryview(bytearray(2000)))
    assert slot.heard == "a"
    assert slot.spoken.startswith(slot.heard)


async def test_whoever_waits_for_the_end_of_a_slot_is_told_however_it_ends(autojump_clock: MockClock) -> None:
    gate = Gate(1000)
    for end in ("played", "closed", "closed while paused"):
        slot = gate.admit(Turn(utterance(), "you", "s", "n"))
        await slot.write(bytes(20))
        results: list[bool] = []
        async with trio.open_nursery() as nursery:

            async def wait(slot: Any = slot, results: list[bool] = results) -> None:
                results.append(await slot.wait_played())

            nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            if end == "played":
                slot.finish()
                gate.pull(memoryview(bytearray(200)))
                gate.advance()
            elif end == "closed while paused":
                gate.pause(slot)
                slot.finish()
            # The nursery has ended only because the waiter was told; the slot of the next round is free.
            if end != "played":
                gate.close(slot)
        assert results == [end == "played"]
        gate.close(slot)
        assert slot.state is State.CLOSED


# The shelf


class Lent:
    """An engine that counts how often it was closed; `closes` and `retired` are the test's to set."""

    def __init__(self, name: str = "lent") -> None:
        self.name = name
        self.closed = 0
        self.in_use = 0
        self.retired = False
        self.hangs_at_close = False
        self.fails_at_close = False

    async def aclose(self) -> None:
        assert not self.in_use, "an engine was closed in somebody's hands"
        self.closed += 1
        if self.fails_at_close:
            raise ValueError("it will not")
        if self.hangs_at_close:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_is_swapped_and_cancelled_every_engine_is_closed_once_at_its_last_lease(
    seed: int, autojump_clock: MockClock
) -> None:
    chance = random.Random(seed)
    made = [Lent()]

    async def fresh() -> Lent:
        await trio.sleep(chance.random())
        made.append(Lent())
        return made[-1]

    shelf: EnginePool[Lent] = EnginePool("language_model", made[0], reload=fresh)

    async def lessee() -> None:
        for _ in range(10):
            await trio.sleep(chance.random())
            try:
                with trio.move_on_after(chance.random() * 2):
                    async with shelf.lease() as engine:
                        assert not engine.closed, "a closed engine was lent"
                        engine.in_use += 1
                        try:
                            await trio.sleep(chance.random() * 3)
                        finally:
                            engine.in_use -= 1
                        engine.retired = chance.random() < 0.1
            except EngineUnavailable:
                assert len(made) > MAX_RELOADS

    async def swapper() -> None:
        for _ in range(5):
            await trio.sleep(chance.random() * 3)
            made.append(Lent())
            await shelf.swap(made[-1])

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(lessee)
        nursery.start_soon(swapper)
    await shelf.aclose()
    await shelf.aclose()
    assert [engine.closed for engine in made] == [1] * len(made)


async def test_a_turn_that_is_cut_while_a_hung_engine_is_replaced_does_not_use_up_the_replacements(
    autojump_clock: MockClock,
) -> None:
    first = Lent()
    first.retired = True

    async def fresh() -> Lent:
        await trio.sleep(1)
        return Lent("fresh")

    shelf: EnginePool[Lent] = EnginePool("speech_to_text", first, reload=fresh)
    for _ in range(MAX_RELOADS + 1):
        with trio.move_on_after(0.5):
            async with shelf.lease():
                raise AssertionError("nothing was there to lend")
    async with shelf.lease() as engine:
        assert engine.name == "fresh"
    assert first.closed == 1


@pytest.mark.parametrize("trouble", ["hangs_at_close", "fails_at_close"])
async def test_an_engine_that_will_not_close_spoils_no_turn(trouble: str, autojump_clock: MockClock) -> None:
    old, new = Lent(), Lent()
    setattr(old, trouble, True)
    shelf: EnginePool[Lent] = EnginePool("text_to_speech", old)
    async with shelf.lease():
        await shelf.swap(new)
    assert (old.closed, new.closed) == (1, 0)
    assert trio.current_time() < 1e6
    await shelf.aclose()
    assert new.closed == 1


# The stages of a turn


async def test_the_retriever_can_be_cancelled_at_every_await(autojump_clock: MockClock) -> None:
    async def thoughts() -> list[str]:
        await trio.lowlevel.checkpoint()
        return ["tea"]

    async def scenario() -> None:
        out = Port[Recollection]("recollection", 1)
        await retrieve(utterance(), history=tuple, thoughts=thoughts, out=out)
        assert (await out.receive()).thoughts == ("tea",)

    assert await injected(scenario) > 2


async def test_the_responder_can_be_cancelled_at_every_await_and_stops_the_mind(autojump_clock: MockClock) -> None:
    asking = 0

    async def ask(request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        nonlocal asking
        asking += 1
        try:
            for _ in range(5):
                await emit(TextDelta("Hello there, you. "))
                await trio.sleep(0.1)
        finally:
            asking -= 1

    async def scenario() -> None:
        recollections, out = Port[Recollection]("recollection", 1), Port[Piece]("pieces", 2)
        recollections.offer(Recollection(utterance()))
        async with trio.open_nursery() as nursery:

            async def answer() -> None:
                await respond(recollections, ask=ask, prompt=lambda _: (), ordinal=0, out=out)

            nursery.start_soon(answer)
            assert "".join([piece.text async for piece in out]).startswith("Hello there,")

    def after(ended: bool) -> None:
        assert asking == 0

    assert await injected(scenario, after) > 10


async def test_the_speaker_can_be_cancelled_at_every_await_and_stops_the_voice(autojump_clock: MockClock) -> None:
    voice = ScriptedVoice("scripted", ScriptedSettings(rate=8000))
    seen: list[tuple[str, str]] = []

    async def scenario() -> None:
        gate = Gate(8000)
        slot = gate.admit(Turn(utterance(), "you", "s", "n"))
        pieces = Port[Piece]("pieces", 2)
        pieces.offer(Piece("one two"))
        pieces.offer(Piece(" three."))
        pieces.close()
        try:
            async with trio.open_nursery() as nursery:

                async def play() -> None:
                    while True:
                        await trio.sleep(0.01)
                        gate.pull(memoryview(bytearray(160)))
                        gate.advance()

                nursery.start_soon(play)
                await speak(pieces, voice=voice, slot=slot, rate=8000, on_piece=lambda _: None)
                slot.finish()
                assert await slot.wait_played()
                nursery.cancel_scope.cancel()
        finally:
            seen.append((slot.heard, slot.spoken))
            gate.close(slot)

    assert await injected(scenario, stride=3) > 10
    assert all(spoken.startswith(heard) and "one two three.".startswith(spoken) for heard, spoken in seen)
    assert seen[-1] == ("one two three.", "one two three.")


async def test_a_voice_whose_slot_is_closed_under_it_ends_at_once(autojump_clock: MockClock) -> None:
    ended = trio.Event()

    class Endless:
        rate = 8000

        async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
            try:
                while True:
                    await emit(Chunk(bytes(800), 8000))
            finally:
                ended.set()

    gate = Gate(8000)
    slot = gate.admit(Turn(utterance(), "you", "s", "n"))
    pieces = Port[Piece]("pieces", 1)
    pieces.offer(Piece("on and on"))
    async with trio.open_nursery() as nursery:

        async def say() -> None:
            await speak(pieces, voice=Endless(), slot=slot, rate=8000, on_piece=lambda _: None)  # type: ignore[arg-type]

        nursery.start_soon(say)
        await wait_all_tasks_blocked()
        gate.close(slot)
        with trio.fail_after(1):
            await ended.wait()


# The transcriber


def speech(name: str, ended_at: float, *, final: bool) -> Speech:
    return Speech(utterance=name, pcm=bytes(32_000), start=0, began_at=0.0, ended_at=ended_at, final=final)


class Notes:
    """A transcriber and what it told: (utterance, text, final)."""

    def __init__(self, ear: Any) -> None:
        self.told: list[tuple[str, str, bool]] = []
        self.ear = ear
        self.transcriber = Transcriber(ear=self.lease, events=EventStream(AudioClock()), on_transcript=self._take)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Any]:
        yield self.ear

    def _take(self, speech: Speech, transcript: Transcript) -> None:
        self.told.append((transcript.utterance, transcript.text, transcript.final))


@pytest.mark.parametrize("moment", [0.05, 0.15, 0.25, 0.35])
async def test_a_transcriber_that_is_cancelled_in_a_decode_hands_the_utterance_to_the_next(
    moment: float, autojump_clock: MockClock
) -> None:
    ear = FakeEar("go on")
    ear.takes = 0.2
    notes = Notes(ear)
    with trio.move_on_after(moment):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(notes.transcriber.run)
            notes.transcriber.take(speech("a", 0.5, final=False))
            await trio.sleep(0.1)
            notes.transcriber.take(speech("a", 0.6, final=True))
    finals = [each for each in notes.told if each[2]]
    assert notes.transcriber.pending == (1 if moment > 0.1 and not finals else 0)
    with trio.move_on_after(2):
        await notes.transcriber.run()
    expected = 0 if moment < 0.1 else 1
    assert [each for each in notes.told if each[2]] == [("a", "go on", True)] * expected
    assert notes.transcriber.pending == 0


async def test_an_early_decode_of_the_same_voice_serves_as_the_final_one(autojump_clock: MockClock) -> None:
    ear = FakeEar("go on")
    ear.takes = 0.2
    notes = Notes(ear)
    with trio.move_on_after(2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(notes.transcriber.run)
            notes.transcriber.take(speech("a", 0.5, final=False))
            await trio.sleep(0.1)
            notes.transcriber.take(speech("a", 0.5, final=True))
    assert notes.told == [("a", "go on", False), ("a", "go on", True)]
    assert ear.calls == 1


async def test_no_early_transcript_of_an_utterance_comes_after_its_final_one(autojump_clock: MockClock) -> None:
    ear = FakeEar("go on")
    ear.takes = 0.2
    notes = Notes(ear)
    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(notes.transcriber.run)
            for ended_at in (0.3, 0.4, 0.5):
                notes.transcriber.take(speech("a", ended_at, final=False))
                await trio.sleep(0.05)
            notes.transcriber.take(speech("a", 0.6, final=True))
    assert [final for _, _, final in notes.told].index(True) == len(notes.told) - 1, notes.told


# The conductor


async def test_commit_and_cut_are_safe_in_every_state_and_record_each_turn_once(autojump_clock: MockClock) -> None:
    seen: list[State | None] = []
    for moment in [each * 0.07 for each in range(24)]:
        for paused in (False, True):
            async with rig(dies_slowly(speaks(5), 0.3, mark=1)) as home:
                home.conductor.commit(utterance())
                await trio.sleep(moment)
                if paused:
                    home.conductor.pause()
                seen.append(home.gate.live.state if home.gate.live else None)
                with assert_no_checkpoints():
                    home.conductor.cut("stop")
                    home.conductor.cut("stop")
                    home.conductor.resume()
                    home.conductor.commit(utterance())
                    home.conductor.commit(utterance())
                await home.conductor.wait_quiet()
                assert len(home.kept) == len({record.turn for record in home.kept}) == 3
                assert all(record.spoken.startswith(record.heard) for record in home.kept)
    assert {State.OPEN, State.PAUSED, None} <= set(seen)


async def test_a_stage_that_raises_while_it_is_cancelled_ends_no_session(autojump_clock: MockClock) -> None:
    async def spiteful(turn: Turn, slot: Any) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise EngineError("It could not even stop.")

    async with rig(spiteful) as home:
        home.conductor.commit(utterance())
        await trio.sleep(0.1)
        home.conductor.cut("stop")
        await trio.sleep(0.1)
        home.conductor.commit(utterance())
        await trio.sleep(0.1)
    assert [record.reason for record in home.kept] == ["stop", "shutdown"]


# The session


class Kept(InMemoryStore):
    """What was written, with nothing forgotten: a record that is written twice shows."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    async def write(self, records: Any) -> list[int]:
        sequences = await super().write(records)
        self.records += records
        return sequences


def conversation(store: Kept, admitted: list[str]) -> Scenario:
    """Spoken words, a barge-in, typed lines and Harry's own words, a turn of each kind."""

    async def converse() -> None:
        async with house(store=store, mind=says("one two three four five six."), ear=FakeEar("hello")) as home:
            commit = home.session.conductor._committed

            def noted(turn: Turn, *more: Any) -> None:
                admitted.append(turn.id)
                commit(turn, *more)

            home.session.conductor._committed = noted  # type: ignore[method-assign, assignment]
            await home.voice(0.3)
            await home.silence(0.8)
            await home.voice(0.5)
            home.session.answer_typed("no, listen")
            await trio.sleep(0.5)
            home.session.conductor.pause()
            home.session.conductor.say("Very well.")
            await home.session.conductor.wait_quiet()

    return converse


@pytest.mark.parametrize("seed", range(3))
async def test_a_session_cancelled_at_any_moment_records_each_turn_once_and_leaves_no_task(
    seed: int, autojump_clock: MockClock
) -> None:
    store, admitted = Kept(), list[str]()
    begun = random.Random(seed).randrange(1, 40)
    kinds: set[int] = set()

    def after(ended: bool) -> None:
        kept = [record.turn for record in store.records]
        assert sorted(kept) == sorted(admitted), "each turn is recorded exactly once"
        assert all(record.spoken.startswith(record.heard) for record in store.records)
        kinds.add(len(kept))
        store.__init__()  # type: ignore[misc]
        admitted.clear()

    async def scenario() -> None:
        for _ in range(begun):  # each seed falls on other steps
            await trio.lowlevel.checkpoint()
        await conversation(store, admitted)()

    assert await injected(scenario, after, stride=41) > 5
    assert min(kinds) == 0
    assert max(kinds) > 1
