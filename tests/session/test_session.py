"""A whole session in virtual time: from the microphone's frames to the loudspeaker's samples."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from actors.protocols import Recognition, Request, TextDelta
from channels.messages import Thought
from harry.audio.ring_sound import chime
from harry.errors import EngineError, EngineTimeout, StoreError
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.records import Record
from harry.session.session import TurnTakingSettings
from harry.testing.engines import ScriptedLanguageModel
from harry.voice.silent import Silent
from tests.support.virtual_session import FRAME, RATE, FakeEar, FakeMind, house, says


async def test_what_is_said_is_answered_aloud(autojump_clock: MockClock) -> None:
    async with house(ear=FakeEar("what is it?")) as home:
        await home.voice(1.0)
        await home.silence(3.0)
        assert [each.event for each in home.happened() if not each.fields.get("partial")] == [
            "ready", "speech_started", "speech_stopped", "transcript",
            "turn_began", "reply", "speaking_started", "heard", "turn_ended",
        ]  # fmt: skip
        [heard] = home.happened("heard")
        assert heard.fields["text"] == "one two three four five."


async def test_a_chime_says_that_a_voice_was_heard_before_the_reply_and_is_no_word(autojump_clock: MockClock) -> None:
    async with house(ear=FakeEar("what is it?"), chime=True) as home:
        await home.voice(1.0)
        await home.silence(3.0)
        sound = b"".join(pcm for _, pcm in home.sounded).lstrip(b"\0\0")
        assert sound.startswith(chime(RATE).lstrip(b"\0\0"))
        [heard] = home.happened("heard")
        assert heard.fields["text"] == "one two three four five."


async def test_a_line_that_was_typed_is_answered_without_a_chime(autojump_clock: MockClock) -> None:
    async with house(chime=True) as home:
        home.session.answer_typed("what is it?")
        await home.silence(3.0)
        assert chime(RATE)[200:1000] not in b"".join(pcm for _, pcm in home.sounded)


@pytest.mark.parametrize(
    ("words", "silence"), [("What time is it?", 0.25), ("I need milk and", 1.2)], ids=["finished", "unfinished"]
)
async def test_the_silence_that_ends_an_utterance_follows_its_words(
    autojump_clock: MockClock, words: str, silence: float
) -> None:
    async with house(ear=FakeEar(words), turn_taking=TurnTakingSettings(endpoint_silence=0.4)) as home:
        await home.voice(1.0)
        ended = home.session.clock.now()
        await home.silence(2.0)
        [stopped] = home.happened("speech_stopped")
        [started] = home.happened("speaking_started")
        assert stopped.at == pytest.approx(ended, abs=FRAME)
        assert started.at - stopped.at == pytest.approx(silence, abs=2 * FRAME)


async def test_voice_over_harrys_speech_silences_him_after_a_quarter_of_a_second(autojump_clock: MockClock) -> None:
    async with house(mind=says("one " * 40)) as home:
        await home.voice(1.0)
        await home.silence(2.0)
        began = home.session.clock.now()
        await home.voice(1.0)
        [cut] = home.happened("interrupted")
        assert cut.fields["reason"] == "barge_in"
        assert cut.fields["stale_samples"] == 0
        assert cut.at - began == pytest.approx(0.25, abs=2 * FRAME)
        assert home.loud_until() <= cut.at


async def test_a_short_noise_does_not_silence_him(autojump_clock: MockClock) -> None:
    async with house(mind=says("one " * 20), ear=FakeEar("hello", "")) as home:
        await home.voice(1.0)
        await home.silence(2.0)
        await home.voice(0.1)
        await home.silence(5.0)
        assert not home.happened("interrupted")


async def test_noise_without_words_is_not_answered(autojump_clock: MockClock) -> None:
    mind = says("I should not say this.")
    async with house(ear=FakeEar(" ... "), mind=mind) as home:
        await home.voice(1.0)
        await home.silence(2.0)
        assert [each.fields["text"] for each in home.happened("transcript") if not each.fields["partial"]] == [" ... "]
        assert not mind.requests


async def test_exactly_one_final_transcript_comes_for_each_utterance(autojump_clock: MockClock) -> None:
    async with house() as home:
        for _ in range(3):
            await home.voice(2.0)
            await home.silence(3.0)
        finals = [each.fields["utterance"] for each in home.happened("transcript") if not each.fields["partial"]]
        assert len(finals) == len(set(finals)) == 3


async def test_a_pause_within_a_sentence_does_not_end_it(autojump_clock: MockClock) -> None:
    async with house(ear=FakeEar("I would like to")) as home:
        await home.voice(0.6)
        await home.silence(0.3)
        await home.voice(0.6)
        await home.silence(2.0)
        assert len(home.happened("speech_stopped")) == 1


async def test_the_sound_before_the_voice_was_noticed_is_part_of_the_utterance(autojump_clock: MockClock) -> None:
    lengths: list[float] = []

    class Ear(FakeEar):
        async def transcribe(self, samples: np.ndarray) -> Recognition | str:
            lengths.append(len(samples) / 16_000)
            return await super().transcribe(samples)

    async with house(ear=Ear("hello"), turn_taking=TurnTakingSettings(pre_roll=0.8)) as home:
        await home.silence(2.0)
        await home.voice(1.0)
        await home.silence(1.0)
        assert lengths[-1] == pytest.approx(0.8 + 1.0 + 0.2, abs=3 * FRAME)


async def test_an_ear_that_fails_once_is_asked_again(autojump_clock: MockClock) -> None:
    async with house(ear=FakeEar(*[EngineError("The ear broke.")] * 3, "hello")) as home:
        await home.voice(0.5)
        await home.silence(5.0)
        assert [each.fields["text"] for each in home.happened("transcript") if not each.fields["partial"]] == ["hello"]
        assert home.happened("error")
        assert home.happened("heard")


async def test_an_ear_that_always_fails_is_told_and_the_session_lives_on(autojump_clock: MockClock) -> None:
    async with house(ear=FakeEar(EngineError("The ear broke."))) as home:
        for _ in range(2):
            await home.voice(0.5)
            await home.silence(10.0)
        finals = [each.fields["utterance"] for each in home.happened("transcript") if not each.fields["partial"]]
        assert len(finals) == len(set(finals)) == 2, "each utterance still gets its one final transcript"
        home.session.answer_typed("are you there?")
        await trio.sleep(3)
        assert home.happened("heard")


async def test_a_mind_that_fails_is_said_aloud_once(autojump_clock: MockClock) -> None:
    async def fails(request: Request, emit: object) -> None:
        raise EngineTimeout("The mind did not answer within 10 seconds.")

    async with house(mind=FakeMind(fails)) as home:
        home.session.answer_typed("hello")
        await trio.sleep(10)
        assert [each.fields["text"] for each in home.happened("heard")] == [
            "Sorry, I could not answer. The mind did not answer within 10 seconds."
        ]
        assert [each.fields["reason"] for each in home.happened("turn_ended")] == ["failed", "finished"]


async def test_a_mind_that_hangs_is_cut_by_the_next_line(autojump_clock: MockClock) -> None:
    calls = 0

    async def hangs_once(request: Request, emit: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            await trio.sleep_forever()
        await emit(TextDelta("Here I am."))

    async with house(mind=FakeMind(hangs_once)) as home:
        home.session.answer_typed("hello")
        await trio.sleep(1)
        home.session.answer_typed("hello again")
        await trio.sleep(3)
        assert [each.fields["text"] for each in home.happened("heard")] == ["Here I am."]
        assert home.session.conductor.history[0].heard == ""


async def test_an_empty_reply_ends_the_turn_quietly(autojump_clock: MockClock) -> None:
    async with house(mind=ScriptedLanguageModel("scripted", [])) as home:
        home.session.answer_typed("hello")
        await trio.sleep(1)
        assert [each.fields["reason"] for each in home.happened("turn_ended")] == ["finished"]
        assert not home.happened("heard", "speaking_started", "error")


@pytest.mark.parametrize("text", ["```python\nprint(1)\n```", "\U0001f44d", "![a cat](cat.png)", "...", "(smiles)"])
async def test_a_reply_without_a_word_to_say_is_no_silence(text: str, autojump_clock: MockClock) -> None:
    async with house(mind=says(text)) as home:
        home.session.answer_typed("hello")
        await trio.sleep(5)
        said = ["There is nothing in my answer that I could say aloud."]
        assert [each.fields["text"] for each in home.happened("heard")] == said


async def test_sums_and_times_are_heard_as_they_were_written(autojump_clock: MockClock) -> None:
    async with house(mind=says("It is $5.99 at 7:00 a.m. on Dec. 25.")) as home:
        home.session.answer_typed("hello")
        await trio.sleep(10)
        assert [each.fields["text"] for each in home.happened("heard")] == ["It is $5.99 at 7:00 a.m. on Dec. 25."]


async def test_a_reply_of_a_hundred_kilobytes_is_spoken_in_pieces_and_can_be_cut(autojump_clock: MockClock) -> None:
    async with house(mind=says("word " * 20_000)) as home:
        home.session.answer_typed("talk")
        await trio.sleep(20)
        assert max(len(str(each.fields["text"])) for each in home.happened("reply")) <= 400
        assert home.session.conductor.cut("stop") is not None
        await home.session.conductor.wait_quiet()
        assert len(home.happened("reply")) < 50, "the mind is held back while the voice speaks"


async def test_who_stops_waiting_for_quiet_listens_no_more(autojump_clock: MockClock) -> None:
    async with house(mind=says("one")) as home:
        await trio.sleep(1)
        before = len(home.session.events._listeners)
        with trio.move_on_after(1):
            await home.session.wait_quiet(60)
        assert len(home.session.events._listeners) == before


async def test_typed_lines_cut_at_once(autojump_clock: MockClock) -> None:
    async with house(mind=says("one " * 40)) as home:
        home.session.answer_typed("talk")
        await trio.sleep(2)
        home.session.answer_typed("something else")
        [cut] = home.happened("interrupted")
        assert cut.fields["reason"] == "superseded"


async def test_the_scripted_mind_speaks_its_lines_in_turn(autojump_clock: MockClock) -> None:
    async with house(mind=ScriptedLanguageModel("scripted", ["First.", "Second."])) as home:
        home.session.conductor.say("Hello there.")
        await trio.sleep(2)
        for _ in range(3):
            home.session.answer_typed("next")
            await trio.sleep(2)
        assert [each.fields["text"] for each in home.happened("heard")] == [
            "Hello there.", "First.", "Second.", "First.",
        ]  # fmt: skip


async def test_a_muted_microphone_hears_nothing(autojump_clock: MockClock) -> None:
    async with house() as home:
        home.session.speech_input.mute(True)
        await home.voice(1.0)
        await home.silence(1.0)
        assert not home.happened("speech_started")
        home.session.speech_input.mute(False)
        await home.voice(1.0)
        assert home.happened("speech_started")


async def test_without_a_loudspeaker_the_words_count_as_heard(autojump_clock: MockClock) -> None:
    async with house(loudspeaker=False, voice=Silent("silent"), mind=says("Read this.")) as home:
        home.session.answer_typed("hello")
        await trio.sleep(1)
        assert [each.fields["text"] for each in home.happened("heard")] == ["Read this."]
        assert not home.happened("speaking_started")


async def test_thoughts_are_told_with_the_number_under_which_they_are_kept(autojump_clock: MockClock) -> None:
    async with house() as home:
        home.session.think("The kettle sings.")
        home.session.think("It rains.")
        await trio.sleep(1)
        assert [each.fields["sequence"] for each in home.happened("soc")] == [1, 2]


async def test_todays_thoughts_reach_the_mind_through_the_retriever(autojump_clock: MockClock) -> None:
    store = InMemoryStore()
    await store.write([Thought("1", "you", "s", "harry", "Harry", 946_684_800.0, "The kettle sings.")])
    seen: list[tuple[str, ...]] = []
    async with house(store=store) as home:
        pipeline: Any = home.session.conductor._answer
        asked = pipeline._parts.prompt

        def prompt(user, mind, recollection):
            seen.append(recollection.thoughts)
            return asked(user, mind, recollection)

        pipeline._parts = replace(pipeline._parts, prompt=prompt)
        home.session.answer_typed("hello")
        await trio.sleep(1)
    assert seen == [("The kettle sings.",)]


async def test_a_memory_that_hangs_costs_thirty_milliseconds_and_no_answer(autojump_clock: MockClock) -> None:
    class Hanging(InMemoryStore):
        async def thoughts(self, *args: object, **kwargs: object) -> list:
            await trio.sleep_forever()

    async with house(store=Hanging()) as home:
        home.session.answer_typed("hello")
        await trio.sleep(1)
        [sounded] = home.happened("speaking_started")
        assert sounded.at <= 0.06


async def test_a_store_that_fails_delays_the_acknowledgement_and_loses_nothing(autojump_clock: MockClock) -> None:
    class Failing(InMemoryStore):
        broken = True

        async def write(self, records: Sequence[Record]) -> list[int]:
            if self.broken:
                raise StoreError("The disk is full.")
            return await super().write(records)

    store = Failing()
    async with house(store=store) as home:
        home.session.answer_typed("hello")
        await trio.sleep(5)
        assert home.happened("heard")
        assert home.happened("degraded")
        assert not home.happened("turn_ended")
        store.broken = False
        await trio.sleep(10)
        assert len(home.happened("turn_ended")) == 1


async def test_two_minutes_of_noise_neither_stick_nor_grow(autojump_clock: MockClock) -> None:
    ear = FakeEar("")
    async with house(ear=ear) as home:
        await home.voice(120.0)
        await home.silence(2.0)
        assert len(home.happened("speech_stopped")) == 2, "the longest utterance is ninety seconds"
        assert not home.session.pending


async def test_quiet_waits_until_all_is_said_and_kept(autojump_clock: MockClock) -> None:
    async with house() as home:
        home.session.answer_typed("hello")
        await home.session.wait_quiet(2.0)
        assert home.happened("turn_ended")
        assert trio.current_time() >= home.happened("turn_ended")[0].at + 2.0


async def test_the_end_of_a_session_keeps_what_was_heard(autojump_clock: MockClock) -> None:
    store = InMemoryStore()
    async with house(store=store, mind=says("one " * 40)) as home:
        home.session.answer_typed("talk")
        await trio.sleep(1.3)
    [exchange] = await store.history("you", limit=5)
    assert exchange.heard == "one one one one one"
    assert exchange.interrupted
