"""Guessing that an utterance is over, and joining what was two: nothing of a guess is heard of before its commit."""

from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.listener import EARLY
from channels.gate import Slot, State
from channels.messages import Source, Utterance
from channels.turn import Turn
from harry.session.session import TurnTakingSettings
from tests.support.conductor_rig import RATE, WORD, dies_slowly, rig, speaks, utterance
from tests.support.virtual_session import FRAME, FakeEar, house, says


def names(told: list) -> list[str]:
    return [event.event for event in told]


async def test_a_guess_is_prepared_and_not_heard_and_a_commit_opens_it(autojump_clock: MockClock) -> None:
    async with rig(speaks(3, delay=0.1)) as made:
        said = utterance("is it you?")
        guess = made.conductor.speculate(said)
        await trio.sleep(1)
        assert not made.sounded
        assert made.events_told() == []
        before = made.clock.now()
        turn = made.conductor.commit(said)
        assert turn is guess
        await made.conductor.wait_quiet()
        assert made.samples(1) == round(3 * WORD * RATE)
        assert made.sounded[0][0] - before <= 0.05, "the first words were ready"
        assert made.conductor.guesses.used == 1
        assert made.kept[0].said == "is it you?"


async def test_a_withdrawn_guess_was_never_heard_of(autojump_clock: MockClock) -> None:
    async with rig(dies_slowly(speaks(30), 1.0, mark=1)) as made:
        made.conductor.speculate(utterance())
        await trio.sleep(0.5)
        made.conductor.withdraw()
        await made.conductor.wait_quiet()
        assert not made.sounded
        assert made.events_told() == []
        assert not made.kept
        assert made.conductor.history == ()
        assert made.conductor.committed == 0


async def test_what_a_withdrawn_guess_waits_for_is_cancelled_at_once(autojump_clock: MockClock) -> None:
    async def hangs(turn: Turn, slot: Slot) -> None:
        await trio.sleep_forever()

    async with rig(hangs) as house:
        turn = house.conductor.speculate(utterance("what is"))
        await trio.sleep(0.1)
        house.conductor.withdraw()
        assert turn is not None
        with trio.fail_after(1):
            await turn.over.wait()
        assert house.conductor.turns_running == 0


async def test_other_words_withdraw_the_guess_and_are_answered_anew(autojump_clock: MockClock) -> None:
    answered: list[str] = []

    async def answer(turn: Turn, slot: Slot) -> None:
        answered.append(turn.utterance.text)
        await speaks(2)(turn, slot)

    async with rig(answer) as made:
        said = utterance("what is")
        made.conductor.speculate(said)
        await trio.sleep(0.1)
        made.conductor.commit(replace(said, text="what is it?"))
        await made.conductor.wait_quiet()
        assert answered == ["what is", "what is it?"]
        assert [record.said for record in made.kept] == ["what is it?"]
        assert made.conductor.guesses.withdrawn == 1


async def test_a_history_that_changed_since_withdraws_the_guess(autojump_clock: MockClock) -> None:
    async with rig(speaks(20)) as made:
        made.conductor.commit(utterance("first", Source.TYPED))
        await trio.sleep(0.5)
        said = utterance("second")
        guess = made.conductor.speculate(said)
        await trio.sleep(0.1)
        turn = made.conductor.commit(said)
        assert turn is not None
        assert turn is not guess, "the commit cut the first turn, which the guess did not know"
        assert len(turn.id) == 26


async def test_a_guess_stands_beside_a_reply_that_sounds_on(autojump_clock: MockClock) -> None:
    async with rig(speaks(10)) as made:
        made.conductor.commit(utterance("first", Source.TYPED))
        await trio.sleep(0.3)
        made.conductor.speculate(utterance("second"))
        made.conductor.withdraw()
        await made.conductor.wait_quiet()
        assert made.samples(1) == round(10 * WORD * RATE)


async def test_no_guess_is_admitted_while_two_old_turns_are_ending(autojump_clock: MockClock) -> None:
    async with rig(dies_slowly(speaks(50), 5.0, mark=1)) as made:
        for _ in range(2):
            made.conductor.commit(utterance())
            await trio.sleep(0.1)
        made.conductor.cut("stop")
        assert made.conductor.speculate(utterance()) is None
        assert made.conductor.commit(utterance()) is not None


async def test_a_guess_that_fails_is_silent_and_the_commit_answers_anew(autojump_clock: MockClock) -> None:
    async def answer(turn: Turn, slot: Slot) -> None:
        if not turn.committed:
            raise ValueError("the guess broke")
        await speaks(2)(turn, slot)

    async with rig(answer) as made:
        said = utterance()
        made.conductor.speculate(said)
        await trio.sleep(0.1)
        assert made.events_told() == []
        made.conductor.commit(said)
        await made.conductor.wait_quiet()
        assert names(made.events_told()) == ["turn_began", "heard", "turn_ended"]


async def test_the_end_of_the_session_takes_a_guess_with_it(autojump_clock: MockClock) -> None:
    async with rig(dies_slowly(speaks(50), 1.0, mark=1)) as made:
        made.conductor.speculate(utterance())
        await trio.sleep(0.1)
    assert not made.kept
    assert made.gate.speculative is None


def spoken(text: str, began_at: float) -> Utterance:
    return replace(utterance(text), began_at=began_at, ended_at=began_at + 0.5)


async def test_speech_soon_after_a_commit_joins_the_utterance(autojump_clock: MockClock) -> None:
    answered: list[tuple[str, int]] = []

    async def answer(turn: Turn, slot: Slot) -> None:
        answered.append((turn.utterance.text, turn.ordinal))
        made.conductor.add_piece(turn, "0 1 2 3 4")
        await speaks(20, delay=0.05)(turn, slot)

    async with rig(answer) as made:
        first = made.conductor.commit(spoken("I would like", 0.0))
        await trio.sleep(0.4)
        made.conductor.cut("barge_in")
        await trio.sleep(0.5)
        second = made.conductor.commit(spoken("some tea.", 0.3))
        await made.conductor.wait_quiet()
        assert answered == [("I would like", 0), ("I would like some tea.", 0)]
        assert first is not None
        assert second is not None
        assert second.amends == first.id
        assert made.kept[1].amends == first.id
        assert [each.said for each in made.conductor.history] == ["I would like some tea."]
        [amended] = [event for event in made.events_told() if event.event == "transcript"]
        assert amended.fields["text"] == "I would like some tea."
        assert amended.fields["amends"] == first.utterance.id
        assert made.kept[0].heard, "the cut fragment stays on record as heard"


@pytest.mark.parametrize(
    ("began_at", "words_heard"), [(2.5, 1), (0.9, 8)], ids=["too late", "a clause was heard already"]
)
async def test_speech_joins_no_longer(autojump_clock: MockClock, began_at: float, words_heard: int) -> None:
    async def answer(turn: Turn, slot: Slot) -> None:
        made.conductor.add_piece(turn, "0 1 2")
        await speaks(20)(turn, slot)

    async with rig(answer) as made:
        made.conductor.commit(spoken("One thing.", 0.0))
        await trio.sleep(words_heard * WORD + 0.06)
        made.conductor.cut("barge_in")
        second = made.conductor.commit(spoken("Another.", began_at))
        assert second is not None
        assert second.amends is None
        assert second.utterance.text == "Another."


async def test_the_pause_before_the_end_of_an_utterance_is_used_to_think(autojump_clock: MockClock) -> None:
    """With a mind that takes 0.3 s, the answer comes as soon as the utterance is over."""
    mind = says("one two three.")
    quick, slow = mind.answer, 0.3

    async def answer(request: Any, emit: Any) -> None:
        await trio.sleep(slow)
        await quick(request, emit)

    mind.answer = answer
    began: dict[bool, float] = {}
    for speculate in (True, False):
        async with house(
            mind=mind, ear=FakeEar("what is it?"), turn_taking=TurnTakingSettings(speculate=speculate)
        ) as home:
            await home.voice(1.0)
            await home.silence(2.0)
            [started] = home.happened("speaking_started")
            [stopped] = home.happened("speech_stopped")
            began[speculate] = started.at - stopped.at
    assert began[False] == pytest.approx(0.25 + slow, abs=2 * FRAME)
    assert began[True] == pytest.approx(EARLY + slow, abs=2 * FRAME)
    assert began[True] < began[False]


async def test_speech_that_goes_on_withdraws_the_guess(autojump_clock: MockClock) -> None:
    mind = says("one two three.")
    async with house(mind=mind, ear=FakeEar("I would like to", "I would like to", "I would like to go.")) as home:
        await home.voice(1.0)
        await home.silence(0.25)
        assert home.session.gate.speculative is not None
        assert home.session.gate.speculative.state is State.SHUT
        await home.voice(0.5)
        assert home.session.gate.speculative is None
        await home.silence(3.0)
        assert [each.fields["text"] for each in home.happened("heard")] == ["one two three."]
        assert len(home.happened("turn_ended")) == 1
