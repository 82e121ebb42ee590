"""The chain of minds: who answers when the first does not, and that nothing is said twice."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.protocols import Delta, Message, Request, Role, TextDelta, TextPart, Tool, ToolCall, Usage
from harry.errors import EngineBusy, EngineError, EngineTimeout, EngineUnavailable
from harry.mind.absent import SENTENCE, Absent
from harry.mind.fallback.continuation import Continuation, WholeWords, shorten_for_small_model
from harry.mind.fallback.relay import Link, Relay
from harry.mind.partial_json import ReplyReader
from harry.mind.prompt.parts import OPENING

WORDS = ["One", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten."]
ASKED = Request((Message(Role.SYSTEM, (TextPart("Be Harry."),)), Message(Role.USER, (TextPart("Count."),))))


class Mind:
    """Says `script`: texts and deltas are emitted, numbers waited, errors raised."""

    def __init__(self, name: str, *script: str | float | Delta | Exception, small: bool = False) -> None:
        self.name = name
        self.script = script
        self.small = small
        self.asked: list[Request] = []
        self.at: list[float] = []
        self.closed = False

    def describe(self) -> str:
        return f"{self.name} described"

    async def aclose(self) -> None:
        self.closed = True

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        self.asked.append(request)
        self.at.append(trio.current_time())
        for step in self.script:
            if isinstance(step, str):
                await emit(TextDelta(step))
            elif isinstance(step, float | int):
                await trio.sleep(step)
            elif isinstance(step, Exception):
                raise step
            else:
                await emit(step)


def relay(*minds: Mind) -> Relay:
    def link(mind: Mind) -> Link:
        async def load() -> Mind:
            return mind

        made = Link(mind.name, load)
        made.note_class(mind)
        return made

    return Relay([link(mind) for mind in minds])


async def answer(mind: Relay, request: Request = ASKED) -> list[Delta]:
    said: list[Delta] = []

    async def emit(delta: Delta) -> None:
        said.append(delta)

    await mind.reply(request, emit)
    return said


def text(said: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in said if isinstance(delta, TextDelta))


async def test_the_next_takes_over_when_the_first_says_nothing(autojump_clock: trio.testing.MockClock) -> None:
    first, second = Mind("first", 3.0, EngineTimeout("late")), Mind("second", "Here I am.")
    assert text(await answer(relay(first, second))) == "Here I am."
    assert second.asked == [ASKED]
    assert second.at[0] - first.at[0] == 3


async def test_a_mind_that_was_never_needed_is_never_loaded(autojump_clock: trio.testing.MockClock) -> None:
    async def load() -> Mind:
        raise AssertionError("it was loaded")

    first = Mind("first", "Hello.")
    chain = Relay([*relay(first)._links, Link("second", load)])
    assert text(await answer(chain)) == "Hello."
    assert chain.describe() == "first described; else second"


async def test_a_mind_that_comes_while_harry_runs_answers_from_the_next_reply_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    there = [False]

    async def load() -> Mind:
        return Mind("pulled", "I came.")

    chain = Relay([Link("pulled", load, ready=lambda: there[0]), *relay(Mind("first", "Hello."))._links])
    assert text(await answer(chain)) == "Hello."
    assert chain.describe() == "first described"
    there[0] = True
    assert text(await answer(chain)) == "I came."
    assert chain.describe() == "pulled described; else first"


async def test_the_next_is_told_what_was_said_and_goes_on_between_words(
    autojump_clock: trio.testing.MockClock,
) -> None:
    first = Mind("first", "One two", " three fo", EngineBusy("broke off"))
    second = Mind("second", "four five.")
    assert text(await answer(relay(first, second))) == "One two three four five."
    *_, said, note = second.asked[0].messages
    assert said == Message(Role.ASSISTANT, (TextPart("One two"),)) or said.parts == (TextPart("One two three"),)
    assert note.role is Role.USER


@given(st.integers(1, 9), st.integers(0, 9), st.integers(1, 7))
def test_no_word_is_repeated_wherever_the_second_mind_begins(broke: int, begins: int, cut: int) -> None:
    async def scenario() -> None:
        first = Mind("first", " ".join(WORDS[:broke]) + " ", EngineTimeout("hung"))
        again = " ".join(WORDS[min(begins, broke) :])
        second = Mind("second", *(again[at : at + cut] for at in range(0, len(again), cut)))
        said = text(await answer(relay(first, second))).split()
        assert said[:broke] == WORDS[:broke]
        # Going on from the middle of what was said, a single word that happens to be the same may stand again.
        if begins in (0, broke) or broke - begins >= 2:
            assert said == WORDS

    trio.run(scenario)


async def test_a_mind_that_failed_is_left_alone_and_comes_back_by_itself(
    autojump_clock: trio.testing.MockClock,
) -> None:
    first, second = Mind("first", EngineUnavailable("down")), Mind("second", "Yes.")
    chain = relay(first, second)
    for _ in range(600):
        assert text(await answer(chain)) == "Yes."
        await trio.sleep(0.5)
    gaps = [later - earlier for earlier, later in zip(first.at, first.at[1:], strict=False)]
    assert min(gaps) >= 5
    assert max(gaps) <= 61
    assert len(first.at) < 15
    first.script = ("I am back.",)
    await trio.sleep(61)
    assert [text(await answer(chain)) for _ in range(2)] == ["I am back.", "I am back."]


async def test_a_mind_in_trouble_is_not_said_to_be_absent(autojump_clock: trio.testing.MockClock) -> None:
    async def load() -> Absent:
        return Absent("none")

    first = Mind("first", EngineUnavailable("The server is down."))
    none = Link("none", load)
    none.note_class(Absent)
    chain = Relay([*relay(first)._links, none])
    for _ in range(2):  # when it fails, and while it rests
        with pytest.raises(EngineUnavailable, match=r"^The server is down"):
            await answer(chain)
    assert chain.traits.small, "what needs no mind is answered without it meanwhile"
    await trio.sleep(61)
    first.script = ("The capital of", EngineTimeout("It is late."))
    said: list[str] = []

    async def emit(delta: Delta) -> None:
        said.append(text([delta]))

    with pytest.raises(EngineTimeout, match=r"late"):
        await chain.reply(ASKED, emit)
    assert "".join(said).strip() in ("The capital", "The capital of")
    await trio.sleep(61)
    first.script = ("I am back.",)
    assert text(await answer(chain)) == "I am back."
    assert chain.trouble is None
    assert text(await answer(Relay([none]))) == SENTENCE


async def test_a_stand_in_is_told_once_and_so_is_the_return(autojump_clock: trio.testing.MockClock) -> None:
    first, second = Mind("first", EngineUnavailable("It is down.")), Mind("second", "Yes.")
    chain = relay(first, second)
    told: list[tuple[str, bool]] = []
    chain.tell = lambda message, over: told.append((message, over))
    for _ in range(20):
        await answer(chain)
        await trio.sleep(10)
    assert told == [("It is down. second answers instead.", False)]
    first.script = ("I am back.",)
    await trio.sleep(61)
    await answer(chain)
    assert told[1:] == [("first answers again.", True)]


async def test_the_servers_wish_to_be_left_alone_lengthens_the_rest(autojump_clock: trio.testing.MockClock) -> None:
    first, second = Mind("first", EngineBusy("busy", after=40.0)), Mind("second", "Yes.")
    chain = relay(first, second)
    for _ in range(50):
        await answer(chain)
        await trio.sleep(1)
    assert first.at[1] - first.at[0] >= 40


async def test_what_only_one_question_met_is_no_reason_to_rest(autojump_clock: trio.testing.MockClock) -> None:
    first, second = Mind("first", EngineError("too long")), Mind("second", "Yes.")
    chain = relay(first, second)
    for _ in range(3):
        await answer(chain)
    assert len(first.at) == 3


async def test_when_all_fail_there_is_one_sentence_and_no_storm(autojump_clock: trio.testing.MockClock) -> None:
    minds = [Mind(name, EngineUnavailable(f"{name} is down.")) for name in ("first", "second")]
    chain = relay(*minds)
    for _ in range(100):
        with pytest.raises(EngineUnavailable, match=r"No mind can answer.* first is down\.") as caught:
            await answer(chain)
        assert "second" not in str(caught.value)
        await trio.sleep(0.1)
    assert all(len(mind.at) <= 3 for mind in minds)


async def test_a_lone_mind_fails_in_its_own_words(autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(EngineTimeout, match="late"):
        await answer(relay(Mind("only", EngineTimeout("late"))))


async def test_a_cut_is_no_failure(autojump_clock: trio.testing.MockClock) -> None:
    first, second = Mind("first", "Hello ", 100.0), Mind("second", "No.")
    chain = relay(first, second)
    for _ in range(3):
        with trio.move_on_after(1):
            await answer(chain)
    assert len(first.at) == 3
    assert not second.at


async def test_a_call_that_was_handed_on_is_not_asked_for_again(autojump_clock: trio.testing.MockClock) -> None:
    call = ToolCall("1", "clock", "{}")
    first, second = Mind("first", "One moment", call, EngineBusy("broke off")), Mind("second", "No.")
    assert await answer(relay(first, second)) == [TextDelta("One "), TextDelta("moment"), call]
    assert not second.at


async def test_usage_passes_through(autojump_clock: trio.testing.MockClock) -> None:
    assert Usage(1, 2) in await answer(relay(Mind("first", "Hello.", Usage(1, 2)), Mind("second")))


async def test_a_small_mind_that_stands_in_gets_a_prompt_it_can_hold(autojump_clock: trio.testing.MockClock) -> None:
    first, second = Mind("first", EngineUnavailable("down")), Mind("second", "Yes.", small=True)
    context = TextPart(f"{OPENING}\nsecret thoughts\n")
    history = tuple(Message(role, (TextPart("x" * 500),)) for role in (Role.USER, Role.ASSISTANT) for _ in range(5))
    system = Message(Role.SYSTEM, (TextPart("I am Harry. " * 500),))
    asked = Request((system, *history, Message(Role.USER, (context, TextPart("Well?")))), tools=(Tool("t", "d"),))
    assert text(await answer(relay(first, second), asked)) == "Yes."
    got = second.asked[0]
    assert got == shorten_for_small_model(asked)
    assert got.messages[-1] == Message(Role.USER, (TextPart("Well?"),))
    assert sum(len(part.text) for each in got.messages for part in each.parts if isinstance(part, TextPart)) < 3000
    assert not got.tools


class TestObjects:
    SCHEMA = Request(ASKED.messages, schema={"type": "object"})

    async def test_an_object_whose_words_had_not_begun_is_begun_anew(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        whole = json.dumps({"mood": "calm", "response": "Yes."})
        first, second = Mind("first", '{"mood": "wi', "ld ", EngineTimeout("hung")), Mind("second", whole)
        assert text(await answer(relay(first, second), self.SCHEMA)) == whole
        assert second.asked == [self.SCHEMA]

    async def test_words_that_broke_off_are_gone_on_with_in_the_same_object(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        first = Mind("first", '{"mood": "calm", "response": "One two thr', EngineTimeout("hung"))
        second = Mind("second", 'three "four".')
        said = text(await answer(relay(first, second), self.SCHEMA))
        assert json.loads(said) == {"mood": "calm", "response": 'One two three "four".'}
        assert second.asked[0].schema is None

    async def test_an_object_whose_words_are_whole_needs_nobody_else(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        first, second = Mind("first", '{"response": "Yes." , "mood', EngineTimeout("hung")), Mind("second", "No.")
        reader = ReplyReader()
        reader.feed(text(await answer(relay(first, second), self.SCHEMA)))
        assert reader.end() == {"response": "Yes."}
        assert not second.at


class TestWords:
    @given(st.text(" ab\n", max_size=30), st.integers(1, 5))
    def test_whole_words_lose_nothing_and_end_between_words(self, said: str, cut: int) -> None:
        words = WholeWords()
        out = "".join(words.feed(said[at : at + cut]) for at in range(0, len(said), cut))
        assert not out or out[-1].isspace()
        assert out + words.end() == said

    @pytest.mark.parametrize(
        ("said", "again", "new"),
        [
            ("The lighthouse stood on a ", "cliff.", "cliff."),
            ("The lighthouse stood on a ", "The lighthouse stood on a cliff.", "cliff."),
            ("The lighthouse stood on a ", "stood on a cliff.", "cliff."),
            ("The lighthouse stood on a ", "The sea was calm.", "The sea was calm."),
            ("The lighthouse stood on a ", "The lighthouse stood near the sea.", "near the sea."),
            ("Yes, ", "Yes, of course.", "of course."),
            ("It is a ", "a b", "a b"),
            ("", "Hello.", "Hello."),
        ],
    )
    def test_only_what_is_new_is_said(self, said: str, again: str, new: str) -> None:
        for cut in (1, 3, 100):
            words = Continuation(said)
            pieces = [words.feed(again[at : at + cut]) for at in range(0, len(again), cut)]
            assert "".join(pieces) + words.end() == new
