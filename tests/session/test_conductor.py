"""Turns from admission to acknowledgement, in virtual time, always with a stage that may die slowly."""

import trio
from trio.testing import MockClock

from channels.event_types import Degraded
from channels.gate import Slot
from channels.messages import Source
from channels.turn import Turn
from harry.errors import EngineError
from harry.session.conductor import MAX_RUNNING_TURNS
from tests.support.conductor_rig import RATE, WORD, dies_slowly, rig, speaks, utterance


def names(told: list) -> list[str]:
    return [event.event for event in told]


async def test_a_turn_is_spoken_to_its_last_sample_and_then_ends(autojump_clock: MockClock) -> None:
    async with rig(speaks(5)) as house:
        turn = house.conductor.commit(utterance("what is it?"))
        await house.conductor.wait_quiet()
        assert house.samples(1) == round(5 * WORD * RATE)
        [record] = house.kept
        assert (record.said, record.heard, record.spoken) == ("what is it?", "0 1 2 3 4", "0 1 2 3 4")
        assert (record.interrupted, record.reason) == (False, "finished")
        assert turn is not None
        assert turn.over.is_set()


async def test_a_cut_silences_at_once_while_the_stage_dies_slowly(autojump_clock: MockClock) -> None:
    async with rig(dies_slowly(speaks(50), 2.0, mark=1)) as house:
        house.conductor.commit(utterance())
        await trio.sleep(1.234)
        cut_at = house.clock.now()
        cut = house.conductor.cut("barge_in")
        assert cut is not None
        assert cut.stale_samples == 0
        await trio.sleep(5)
        assert house.last_sound(1) <= cut_at
        assert house.conductor.turns_running == 0


async def test_what_was_heard_is_known_when_cut_returns_and_is_a_prefix_of_what_was_spoken(
    autojump_clock: MockClock,
) -> None:
    async with rig(speaks(50)) as house:
        house.conductor.commit(utterance())
        await trio.sleep(1.26)
        cut = house.conductor.cut("barge_in")
        assert cut is not None
        whole_words = int(house.samples(1) / RATE / WORD + 1e-6)
        await trio.sleep(1)
        assert int(house.samples(1) / RATE / WORD + 1e-6) - whole_words in (0, 1), "a block may have been under way"
        assert cut.heard == " ".join(map(str, range(int(house.samples(1) / RATE / WORD + 1e-6))))
        [record] = house.kept
        assert record.spoken.startswith(record.heard)
        assert record.interrupted
        assert house.conductor.history[-1].heard == cut.heard


async def test_the_next_turn_needs_the_cut_and_not_the_end_of_the_old_one(autojump_clock: MockClock) -> None:
    async with rig(dies_slowly(speaks(50), 2.0, mark=1)) as house:
        first = house.conductor.commit(utterance())
        await trio.sleep(0.5)
        second = house.conductor.commit(utterance("another"))
        await trio.sleep(0.05)
        assert first is not None
        assert second is not None
        assert not first.over.is_set()
        assert house.gate.live is not None
        assert house.gate.live.turn is second
        await second.over.wait()


async def test_a_cut_cancels_the_scope_of_the_turn(autojump_clock: MockClock) -> None:
    async def hangs(turn: Turn, slot: Slot) -> None:
        await trio.sleep_forever()

    async with rig(hangs) as house:
        turn = house.conductor.commit(utterance())
        await trio.sleep(0.1)
        house.conductor.cut("stop")
        assert turn is not None
        with trio.fail_after(1):
            await turn.over.wait()


async def test_after_a_cut_the_next_reply_has_its_full_volume(autojump_clock: MockClock) -> None:
    async with rig(speaks(50)) as house:
        house.conductor.commit(utterance())
        await trio.sleep(0.3)
        house.conductor.duck(True)
        house.conductor.cut("barge_in")
        assert not house.gate.ducked
        before = house.samples(1)
        house.conductor.commit(utterance("another"))
        await trio.sleep(0.5)
        assert house.samples(1) > before


async def test_a_turn_s_end_keeps_its_room_until_its_record_is_kept(autojump_clock: MockClock) -> None:
    async with rig(speaks(1), keep_at_once=False) as house:
        file = house.events.listen(12, lossless=True)
        turn = house.conductor.commit(utterance())
        assert turn is not None
        await turn.over.wait()
        # The reader of the file stops; what happens meanwhile fills all but the room that was promised.
        for _ in range(50):
            house.events.publish(Degraded(message="noise"))
        second = house.conductor.commit(utterance("another"))
        assert second is not None
        await second.over.wait()
        assert file._stalled
        [first, *_] = house.kept
        house.conductor.acknowledge(first)
        told = [event.turn for event in file.take_waiting() if event.event == "turn_ended"]
        assert told == [turn.id]


async def test_cut_has_no_checkpoint_inside() -> None:
    async with rig(speaks(50)) as house:
        house.conductor.commit(utterance())
        await trio.lowlevel.checkpoint()
        with trio.testing.assert_no_checkpoints():
            house.conductor.cut("stop")
            house.conductor.commit(utterance())
            house.conductor.pause()
            house.conductor.resume()
            house.conductor.cut("stop")


async def test_a_cut_before_the_first_sample_tells_interrupted_and_no_heard(autojump_clock: MockClock) -> None:
    async with rig(speaks(5, delay=1.0)) as house:
        house.conductor.commit(utterance("unanswered"))
        await trio.sleep(0.5)
        house.conductor.cut("superseded")
        await house.conductor.wait_quiet()
        assert names(house.events_told()) == ["turn_began", "interrupted", "turn_ended"]
        assert house.conductor.history[-1].said == "unanswered"
        assert house.conductor.history[-1].heard == ""


async def test_a_turn_that_sounded_tells_heard_exactly_once(autojump_clock: MockClock) -> None:
    async with rig(speaks(5)) as house:
        house.conductor.commit(utterance())
        await house.conductor.wait_quiet()
        assert names(house.events_told()) == ["turn_began", "heard", "turn_ended"]
        house.conductor.commit(utterance())
        await trio.sleep(0.25)
        house.conductor.cut("barge_in")
        await house.conductor.wait_quiet()
        assert names(house.events_told()) == ["turn_began", "interrupted", "heard", "turn_ended"]


async def test_a_cut_within_the_first_word_tells_that_no_word_was_heard(autojump_clock: MockClock) -> None:
    async with rig(speaks(5)) as house:
        house.conductor.commit(utterance())
        await trio.sleep(0.05)
        house.conductor.cut("barge_in")
        await house.conductor.wait_quiet()
        assert [event.fields.get("text") for event in house.events_told()] == [None, None, "", None]


async def test_an_empty_reply_ends_without_a_sound(autojump_clock: MockClock) -> None:
    async with rig(speaks(0)) as house:
        house.conductor.commit(utterance())
        with trio.fail_after(1):
            await house.conductor.wait_quiet()
        assert names(house.events_told()) == ["turn_began", "turn_ended"]
        assert house.kept[0].reason == "finished"


async def test_turn_ended_is_told_after_the_record_was_kept_and_not_before(autojump_clock: MockClock) -> None:
    async with rig(speaks(2), keep_at_once=False) as house:
        house.conductor.commit(utterance())
        await trio.sleep(1)
        assert names(house.events_told()) == ["turn_began", "heard"]
        house.conductor.acknowledge(house.kept[0])
        assert names(house.events_told()) == ["turn_ended"]


async def test_a_stage_that_crashes_ends_its_turn_only_and_is_said_once(autojump_clock: MockClock) -> None:
    said: list[str | None] = []

    async def answer(turn: Turn, slot: Slot) -> None:
        said.append(turn.utterance.speak)
        if turn.utterance.speak is None:
            raise EngineError("The mind is away.")
        await speaks(2)(turn, slot)

    async with rig(answer) as house:
        house.conductor.commit(utterance())
        await house.conductor.wait_quiet()
        assert said == [None, "Sorry, I could not answer. The mind is away."]
        assert [record.reason for record in house.kept] == ["failed", "finished"]
        assert house.conductor.commit(utterance()) is not None


async def test_if_saying_the_failure_fails_too_it_is_only_shown(autojump_clock: MockClock) -> None:
    async def answer(turn: Turn, slot: Slot) -> None:
        raise ValueError("everything is broken")

    async with rig(answer) as house:
        house.conductor.commit(utterance())
        await house.conductor.wait_quiet()
        told = house.events_told()
        assert names(told).count("error") == 2
        assert len(house.kept) == 2


async def test_a_crash_after_some_words_keeps_the_words_that_were_heard(autojump_clock: MockClock) -> None:
    async def answer(turn: Turn, slot: Slot) -> None:
        if turn.utterance.speak is None:
            await speaks(10)(turn, slot)
            raise EngineError("The voice broke.")

    async with rig(answer) as house:
        house.conductor.commit(utterance())
        await house.conductor.wait_quiet()
        record = house.kept[0]
        assert record.reason == "failed"
        assert record.spoken.startswith(record.heard)
        assert record.heard


async def test_eight_turns_may_be_ending_and_then_harry_says_that_he_is_stuck(autojump_clock: MockClock) -> None:
    async with rig(dies_slowly(speaks(50), 100.0, mark=1)) as house:
        for _ in range(MAX_RUNNING_TURNS):
            assert house.conductor.commit(utterance()) is not None
            await trio.sleep(0.1)
        assert house.conductor.commit(utterance()) is None
        assert house.gate.live is None, "even a stuck Harry falls silent"
        assert house.events_told()[-1].event == "error"


async def test_a_pause_is_silent_and_a_resume_loses_nothing(autojump_clock: MockClock) -> None:
    async with rig(speaks(10)) as house:
        house.conductor.commit(utterance())
        await trio.sleep(0.333)
        assert house.conductor.pause()
        paused_at = house.clock.now()
        await trio.sleep(0.5)
        assert house.last_sound(1) <= paused_at
        assert house.conductor.resume()
        await house.conductor.wait_quiet()
        assert house.samples(1) == round(10 * WORD * RATE)
        assert house.kept[0].heard == "0 1 2 3 4 5 6 7 8 9"


async def test_a_commit_cuts_what_is_paused(autojump_clock: MockClock) -> None:
    async with rig(speaks(10)) as house:
        house.conductor.commit(utterance())
        await trio.sleep(0.333)
        house.conductor.pause()
        house.conductor.commit(utterance("more"))
        await house.conductor.wait_quiet()
        assert [record.reason for record in house.kept] == ["superseded", "finished"]


async def test_replies_are_numbered_by_commit_and_fixed_words_take_no_number(autojump_clock: MockClock) -> None:
    ordinals: list[tuple[str | None, int]] = []

    async def answer(turn: Turn, slot: Slot) -> None:
        ordinals.append((turn.utterance.speak, turn.ordinal))

    async with rig(answer) as house:
        house.conductor.commit(utterance("", Source.PROACTIVE, speak="Hello."))
        await house.conductor.wait_quiet()
        for _ in range(2):
            house.conductor.commit(utterance())
            await house.conductor.wait_quiet()
    assert ordinals == [("Hello.", 0), (None, 0), (None, 1)]


async def test_the_end_of_the_session_records_what_was_heard(autojump_clock: MockClock) -> None:
    async with rig(speaks(50)) as house:
        house.conductor.commit(utterance())
        await trio.sleep(0.55)
    [record] = house.kept
    assert record.reason == "shutdown"
    assert record.interrupted
    assert record.heard.startswith("0 1 2")


async def test_samples_that_a_card_cannot_take_back_count_as_stale_and_as_heard(autojump_clock: MockClock) -> None:
    async with rig(speaks(50), flushable=False) as house:
        house.conductor.commit(utterance())
        await trio.sleep(0.5)
        cut = house.conductor.cut("barge_in")
        assert cut is not None
        await trio.sleep(1)
        words_sounded = house.samples(1) // round(WORD * RATE)
        assert 0 < cut.stale_samples <= round(0.05 * RATE)
        assert cut.heard == " ".join(map(str, range(words_sounded)))


async def test_no_task_outlives_the_conductor(autojump_clock: MockClock) -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    async with rig(dies_slowly(speaks(50), 2.0, mark=1)) as house:
        for _ in range(5):
            house.conductor.commit(utterance())
            await trio.sleep(0.2)
    assert trio.lowlevel.current_statistics().tasks_living == before
