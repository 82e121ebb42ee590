"""Engines are replaced in a conversation: nothing is lost, said twice or mixed; a failing newcomer changes nothing."""

from __future__ import annotations

import random
import re
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from actors.protocols import Delta, Request, Samples, TextDelta
from actors.responder import respond
from actors.retriever import retrieve
from actors.speaker import speak
from channels.messages import Chunk, Source, Utterance, Word
from channels.turn import new_id
from harry.config.loading import Config
from harry.engines.lease import EnginePool
from harry.errors import BudgetReached, ConfigurationError, EngineError, EngineUnavailable, HarryError
from harry.hearing.energy import Energy, EnergySettings
from harry.host import startup, swapping
from harry.host.budget import Budget, Ledger, Limit
from harry.host.engine_loading import Candidate
from harry.host.swapping import AT_A_START, STAGES, Swaps
from harry.memory.store.in_memory import InMemoryStore
from harry.mind.fallback.relay import Link, Relay
from harry.session import actor_registry
from harry.session.session import TurnTakingSettings
from harry.web.realtime.vad_threshold import sensing
from tests.support.virtual_session import RATE, House, house

WORDS = 6
"""In each reply."""

SYLLABLES = ("ba", "be", "bi", "bo", "bu", "da", "de", "di", "do", "du")
WORD = re.compile(r"((?:[bd][aeiou])+)s((?:[bd][aeiou])+)z((?:[bd][aeiou])+)")
"""A word of a reply: the mind's number, the question's, and its own; in syllables, for figures are spoken as words."""


def sing(number: int) -> str:
    return "".join(SYLLABLES[int(digit)] for digit in str(number))


def read(text: str) -> list[tuple[int, int, int]]:
    """Return the three numbers of each word."""

    def number(sung: str) -> int:
        return int("".join(str(SYLLABLES.index(sung[at : at + 2])) for at in range(0, len(sung), 2)))

    return [(number(mind), number(turn), number(word)) for mind, turn, word in WORD.findall(text)]


def minds_in(text: str) -> set[int]:
    return {mind for mind, _, _ in read(text)}


@dataclass
class Made:
    """Every engine that was made, and how often each was closed."""

    engines: list[Any] = field(default_factory=list)
    closed: Counter[int] = field(default_factory=Counter)
    decodes: int = 0


class Tagged:
    """An engine that carries a number of its own, and counts its calls and its closing."""

    def __init__(self, name: str, number: int, made: Made) -> None:
        self.name = name
        self.number = number
        self.made = made
        self.calls = 0
        made.engines.append(self)

    def describe(self) -> str:
        return f"{self.name}, number {self.number}"

    def used(self) -> None:
        assert not self.made.closed[self.number], f"{self.name} was used after it was closed"
        self.calls += 1

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()
        assert not self.calls or not getattr(self, "busy", 0), "it is in use"
        self.made.closed[self.number] += 1


class TaggedMind(Tagged):
    """Says its own number and that of the question in every word."""

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        self.used()
        await trio.lowlevel.checkpoint()
        asked = re.findall(r"\d+", str(request.messages[-1].parts[-1]))
        for word in range(WORDS if request.purpose == "reply" else 1):
            sung = f"{sing(self.number)}s{sing(int(asked[-1]) if asked else 0)}z{sing(word)}"
            await emit(TextDelta(f"{' ' if word else ''}{sung}"))
            await trio.sleep(0.01)
        await emit(TextDelta("."))


class TaggedVoice(Tagged):
    """Speaks each word as samples that hold the number of the question, and whether its own number is odd."""

    rate = RATE

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        self.used()
        await trio.lowlevel.checkpoint()
        for word in re.findall(r"\s*\S+", text):
            mark = 2 * (read(word) or [(0, 1, 0)])[0][1] + self.number % 2
            pcm = struct.pack("<h", mark) * round(RATE * 0.1)
            await emit(Chunk(pcm, RATE, (Word(word, len(pcm) // 2),)))


class TaggedEar(Tagged):
    """Hears a number of its own in each decode."""

    longest = 0

    async def transcribe(self, samples: Samples) -> str:
        self.used()
        self.made.decodes += 1
        number = 5_000 + self.made.decodes
        self.longest = max(self.longest, len(samples))
        await trio.sleep(0.05)
        return f"Harry, utterance {number}"


class TaggedDetector(Tagged):
    def open_stream(self) -> Any:
        self.used()
        return Energy("energy", EnergySettings()).open_stream()


class TaggedTurnDetector(Tagged):
    async def likelihood(self, text: str, samples: Samples) -> float:
        self.used()
        await trio.sleep(0.02)
        return 0.5


KINDS: dict[str, type[Tagged]] = {
    "voice_activity": TaggedDetector,
    "speech_to_text": TaggedEar,
    "turn_detector": TaggedTurnDetector,
    "language_model": TaggedMind,
    "text_to_speech": TaggedVoice,
}


class Home:
    """A conversation, what swaps its engines, and everything that was made for it."""

    def __init__(self, house: House, swaps: Swaps, made: Made, stages: dict[str, Any]) -> None:
        self.house = house
        self.session = house.session
        self.swaps = swaps
        self.made = made
        self.stages = stages


@pytest.fixture(autouse=True)
def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Virtual time and threads do not go together: what would run in one runs at once."""

    async def run_sync(work: Callable[..., Any], *given: Any, **_: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return work(*given)

    monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)


@asynccontextmanager
async def converse(monkeypatch: pytest.MonkeyPatch, **given: Any) -> AsyncIterator[Home]:
    """Converse with tagged engines; what a swap names is made by the role's class, or is what `given` has for it."""
    made = Made()

    def make(role: str, name: str = "first") -> Any:
        return KINDS[role](name, len(made.engines) + 1, made)

    async def load(role: str, candidate: Candidate) -> Any:
        await trio.sleep(0.05)
        found = given.get(candidate.name)
        if isinstance(found, Exception):
            raise found
        return found(role, candidate.name) if found is not None else make(role, candidate.name)

    async def choose(config: Config, role: str, name: str) -> Candidate:
        return Candidate(name)

    monkeypatch.setattr(swapping, "_load", load)
    monkeypatch.setattr(startup, "candidate", choose)
    first = make("language_model")

    async def load_first() -> Any:
        return first

    link = Link("first", load_first)
    await link.load_pool()
    relay: Any = Relay([link])
    async with house(
        mind=relay,
        voice=make("text_to_speech"),
        ear=make("speech_to_text"),
        detector=make("voice_activity"),
        turn_detector=make("turn_detector"),
        store=given.get("store"),
        turn_taking=TurnTakingSettings(attention_window=1e9, speculate=given.get("speculate", True)),
    ) as built:
        stages: dict[str, Any] = {}
        swaps = Swaps(
            Config(),
            built.engines,
            sessions=lambda: [built.session],
            on_stage=stages.__setitem__,
            meter=given.get("meter"),
        )
        yield Home(built, swaps, made, stages)


def spoken_of(home: Home) -> dict[str, str]:
    """Return the reply of each turn, as it went to the voice."""
    replies: dict[str, str] = {}
    for event in home.house.happened("reply"):
        assert event.turn is not None
        replies[event.turn] = replies.get(event.turn, "") + str(event.fields["text"])
    return replies


# Each role


@pytest.mark.parametrize("role", ["mind", "language_model", "language model", "language-model"])
async def test_the_next_turn_has_the_new_mind_and_the_old_one_is_closed(
    role: str, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with converse(monkeypatch) as home:
        home.session.answer_typed("question 1")
        await trio.sleep(2)
        assert await home.swaps.swap(role, "second") == "second, number 6"
        home.session.answer_typed("question 2")
        await trio.sleep(2)
        heard = [str(event.fields["text"]) for event in home.house.happened("heard")]
        assert [minds_in(text) for text in heard] == [{1}, {6}]
        assert home.made.closed == {1: 1}


async def test_a_turn_that_runs_keeps_the_mind_and_the_voice_it_began_with(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with converse(monkeypatch) as home:
        home.session.answer_typed("question 1")
        await trio.sleep(0.02)
        await home.swaps.swap("mind", "second")
        await home.swaps.swap("voice", "second")
        assert home.made.closed == {}, "the turn holds them"
        await trio.sleep(3)
        [heard] = home.house.happened("heard")
        assert minds_in(str(heard.fields["text"])) == {1}
        marks = {mark for _, pcm in home.house.sounded for (mark,) in struct.iter_unpack("<h", pcm) if mark}
        assert marks == {2 * 1 + 2 % 2}, "of the first voice alone"
        assert home.made.closed == {1: 1, 2: 1}


async def test_a_guess_that_was_begun_with_the_old_mind_is_made_again_with_the_new_one(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with converse(monkeypatch) as home:
        said = Utterance(new_id(), "question 1", Source.VOICE, began_at=0.0, ended_at=0.5)
        assert home.session.conductor.speculate(said) is not None
        await trio.sleep(0.5)
        await home.swaps.swap("mind", "second")
        home.session.conductor.commit(said)
        await trio.sleep(2)
        [heard] = home.house.happened("heard")
        assert minds_in(str(heard.fields["text"])) == {6}
        assert home.session.conductor.guesses.withdrawn == 1


async def test_the_next_utterance_has_the_new_ear(monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    async with converse(monkeypatch) as home:
        await home.swaps.swap("ear", "second")
        await home.house.voice(0.6)
        await home.house.silence(3)
        assert home.made.engines[-1].calls > 1, "it was tried, and then heard"
        assert home.made.closed == {3: 1}
        assert len([event for event in home.house.happened("transcript") if not event.fields["partial"]]) == 1


async def test_a_new_detector_begins_between_two_utterances(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with converse(monkeypatch) as home:
        await home.house.voice(0.6)
        await home.swaps.swap("voice_activity", "second")
        await home.house.voice(0.6)
        assert home.made.closed == {}, "somebody speaks, and the old one hears it to its end"
        await home.house.silence(3)
        assert home.made.closed == {4: 1}
        assert len([event for event in home.house.happened("transcript") if not event.fields["partial"]]) == 1
        assert home.made.engines[2].longest > 1.2 * RATE, "one utterance, whole"
        await home.house.voice(0.6)
        await home.house.silence(3)
        assert len([event for event in home.house.happened("transcript") if not event.fields["partial"]]) == 2


async def test_a_detector_that_gives_a_session_no_stream_leaves_it_the_one_it_has(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    class Once(TaggedDetector):
        def open_stream(self) -> Any:
            if self.calls:
                raise MemoryError("no room for another")
            return super().open_stream()

    made = Made()
    async with converse(monkeypatch, once=lambda role, name: Once(name, 99, made)) as home:
        await home.swaps.swap("voice_activity", "once")
        await home.house.silence(1)
        await home.house.voice(0.6)
        await home.house.silence(3)
        assert home.house.happened("heard")
        await home.swaps.swap("voice_activity", "third")
        await home.house.silence(1)
        assert home.made.closed[4] == 1
        assert made.closed[99] == 1


async def test_a_client_with_a_threshold_of_its_own_follows_too(autojump_clock: MockClock) -> None:
    async with house() as home:
        shared = home.engines.voice_activity
        assert shared is not None
        pool = sensing(home.engines, lambda: 0.5).voice_activity
        assert pool is not None
        before = pool.engine
        assert pool.engine is before
        await shared.swap(Energy("other", EnergySettings()))
        assert pool.engine is not before
        assert pool.engine.name == "other"
        async with pool.lease() as leased:
            assert leased is pool.engine


async def test_the_next_pause_has_the_new_turn_detector(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with converse(monkeypatch) as home:
        await home.swaps.swap("turn_detector", "second")
        await home.house.voice(0.6)
        await home.house.silence(3)
        assert home.made.engines[-1].calls >= 1
        assert home.made.closed == {5: 1}


# Who cannot serve


class Breaks(TaggedVoice):
    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        raise ValueError(text)


class Leaves(TaggedVoice):
    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        raise SystemExit(3)


class Hangs(TaggedVoice):
    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        await trio.sleep_forever()


class Strange(TaggedVoice):
    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        await emit(b"\0\0")  # type: ignore[arg-type]


class Mute(TaggedVoice):
    def describe(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("newcomer", "says"),
    [
        (EngineUnavailable("The key is missing."), "The key is missing"),
        (ConfigurationError("There is no such engine."), "no such engine"),
        (Breaks, r"broke when it was tried \(ValueError\)"),
        (Leaves, "asked for the end of the whole process"),
        (Hangs, "was not ready in time"),
        (Strange, r"broke when it was tried \(TypeError\)"),
        (Mute, r"broke when it was tried \(RuntimeError\)"),
    ],
)
async def test_a_newcomer_that_cannot_serve_changes_nothing(
    newcomer: Any, says: str, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    made = Made()
    broken = newcomer if isinstance(newcomer, Exception) else lambda role, name: newcomer(name, 99, made)
    async with converse(monkeypatch, broken=broken) as home:
        home.session.answer_typed("question 1")
        await trio.sleep(0.1)
        with pytest.raises(HarryError, match=says):
            await home.swaps.swap("voice", "broken")
        assert home.made.closed == {}
        assert made.closed == ({} if isinstance(newcomer, Exception) else {99: 1}), "it is let go"
        home.session.answer_typed("question 2")
        await trio.sleep(3)
        pool = home.house.engines.text_to_speech
        assert pool is not None
        assert pool.engine.name == "first"
        assert len(home.house.happened("heard")) >= 1
        assert not home.house.happened("error")


async def take(_: Chunk) -> None:
    await trio.lowlevel.checkpoint()


class Costly(TaggedVoice):
    """Asks the meter before it speaks."""

    meter: Any = None

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        async with self.meter.charging(self.name, tokens=1, money=1.0, local=False):
            await super().speak(text, emit)


async def test_a_newcomer_that_costs_asks_the_budget_from_its_trial_on_and_so_does_a_fresh_one(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    made = Made()
    budget = Budget(Ledger(None), Limit(money=2.0))
    async with converse(monkeypatch, costly=lambda role, name: Costly(name, 99, made), meter=budget) as home:
        await home.swaps.swap("voice", "costly")
        pool = home.house.engines.text_to_speech
        assert pool is not None
        assert [spent.money for spent in (await budget.today())[1]] == [1.0]
        assert pool._reload is not None
        fresh = await pool._reload()
        await fresh.speak("Hello.", take)
        with pytest.raises(BudgetReached):
            await home.swaps.swap("voice", "costly")


async def test_a_mind_that_cannot_answer_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    made = Made()

    class Refused(TaggedMind):
        async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
            raise EngineError("The key is refused.", remedy="Set another.")

    async with converse(monkeypatch, refused=lambda role, name: Refused(name, 99, made)) as home:
        with pytest.raises(EngineError, match="The key is refused"):
            await home.swaps.swap("mind", "refused")
        assert made.closed == {99: 1}
        home.session.answer_typed("question 1")
        await trio.sleep(3)
        [heard] = home.house.happened("heard")
        assert read(str(heard.fields["text"]))[0] == (1, 1, 0)


@pytest.mark.parametrize("role", AT_A_START)
async def test_what_lives_as_long_as_its_session_is_changed_at_a_start(
    role: str, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with converse(monkeypatch) as home:
        with pytest.raises(HarryError, match=rf"when Harry starts\. Set actors\.{role}"):
            await home.swaps.swap(role, "other")


async def test_a_role_that_is_none_and_one_that_nobody_fills_are_told(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with converse(monkeypatch) as home:
        with pytest.raises(ConfigurationError, match=r"no role 'brain'.*language_model"):
            await home.swaps.swap("brain", "other")
        home.house.engines.turn_detector = None
        with pytest.raises(HarryError, match="Harry runs without turn detector"):
            await home.swaps.swap("turn_detector", "other")


# The chain of minds


async def chained(*names: str, made: Made) -> tuple[EnginePool[Any], dict[str, TaggedMind]]:
    minds = {name: TaggedMind(name, number, made) for number, name in enumerate(names, 1)}

    def link(name: str) -> Link:
        async def load() -> Any:
            return minds[name]

        return Link(name, load)

    links = [link(name) for name in names]
    await links[0].load_pool()
    relay: Any = Relay(links)
    return EnginePool("language_model", relay), minds


@pytest.mark.parametrize(
    ("chain", "newcomer", "after"),
    [
        (["a", "b", "c"], "d", ["d", "b", "c"]),
        (["a", "b", "c"], "c", ["c", "b"]),
        (["a"], "b", ["b"]),
        (["a", "b"], "a", ["a", "b"]),
    ],
)
async def test_a_newcomer_takes_the_place_of_the_mind_that_answers_and_those_that_stand_in_remain(
    chain: list[str], newcomer: str, after: list[str], monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with converse(monkeypatch) as home:
        pool, _ = await chained(*chain, made=home.made)
        home.house.engines.language_model = pool
        told: list[str] = []
        pool.engine.tell = lambda message, over: told.append(message)
        await home.swaps.swap("mind", newcomer)
        relay = pool.engine
        assert [link.name for link in relay._links] == after
        assert relay.tell is not None
        relay.tell("well", False)
        assert told == ["well"], "who was told of fallbacks is told of those to come"


# The engine pool


async def test_a_hung_engine_that_is_loaded_afresh_does_not_take_the_place_of_a_newcomer(
    autojump_clock: MockClock,
) -> None:
    made = Made()

    class Hung(TaggedVoice):
        retired = False

    async def reload() -> Any:
        await trio.sleep(5)
        return TaggedVoice("afresh", 2, made)

    hung = Hung("hung", 1, made)
    pool: EnginePool[Any] = EnginePool("text_to_speech", hung, reload=reload)
    hung.retired = True
    got: list[str] = []

    async def lease() -> None:
        async with pool.lease() as voice:
            got.append(voice.name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lease)
        await trio.sleep(1)
        await pool.swap(TaggedVoice("newcomer", 3, made))
    assert got == ["newcomer"]
    assert pool.engine.name == "newcomer"
    assert made.closed == {1: 1, 2: 1}


# The stages of a turn


@pytest.mark.parametrize("role", STAGES)
async def test_a_stage_is_replaced_between_two_turns(
    role: str, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    own: dict[str, Any] = {"retriever": retrieve, "responder": respond, "speaker": speak}
    calls: list[str] = []

    async def stage(*given: Any, **more: Any) -> None:
        calls.append(role)
        await own[role](*given, **more)

    monkeypatch.setattr(actor_registry, "load_newcomer", lambda role, name: stage)
    async with converse(monkeypatch) as home:
        home.session.answer_typed("question 1")
        await trio.sleep(0.02)
        assert await home.swaps.swap(role, "other") == f"the {role} other"
        assert calls == []
        await trio.sleep(3)
        home.session.answer_typed("question 2")
        await trio.sleep(3)
        assert calls == [role]
        assert home.stages == {role: stage}, "the conversations to come use it too"
        assert len(home.house.happened("heard")) == 2


async def test_a_stage_that_cannot_be_loaded_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with converse(monkeypatch) as home:
        with pytest.raises(ConfigurationError, match=r"there is no retriever 'other'"):
            await home.swaps.swap("retriever", "other")
        assert home.stages == {}


# All of it, at random


class Script:
    """Asks, speaks, cuts and swaps at random; counts what went wrong."""

    def __init__(self, home: Home, dice: random.Random) -> None:
        self.home = home
        self.dice = dice
        self.typed = 0
        self.cuts = 0
        self.swaps = 0
        self.asked: list[str] = []
        self.cut_at: dict[int, float] = {}

    async def swap_again_and_again(self) -> None:
        """Swap a role about once a second, now and then one that cannot serve, and a stage."""
        while True:
            await trio.sleep(self.dice.uniform(0.2, 1.8))
            role = self.dice.choice([*KINDS, *STAGES])
            if self.dice.random() < 0.15 and role in KINDS:
                with pytest.raises(HarryError):
                    await self.home.swaps.swap(role, "broken")
                continue
            await self.home.swaps.swap(role, f"{role}-{self.swaps}")
            self.swaps += 1

    async def talk(self, cuts: int) -> None:
        """Ask by typing or by voice, and cut the answer at a random moment, `cuts` times."""
        conductor = self.home.session.conductor
        while self.cuts < cuts:
            self.home.house.happened()  # what is taken in is never missed
            self.home.house.sounded[:] = [(at, pcm) for at, pcm in self.home.house.sounded if any(pcm)]
            if self.dice.random() < 0.2:
                await self.home.house.voice(self.dice.uniform(0.5, 0.9))
                await self.home.house.silence(self.dice.uniform(0.9, 2.0))
            else:
                self.typed += 1
                self.asked.append(f"question {self.typed}")
                self.home.session.answer_typed(self.asked[-1])
                await self.home.house.silence(self.dice.uniform(0.0, 0.9))
            cut = conductor.cut("barge_in")
            if cut is not None:
                self.cuts += 1
                assert not cut.stale_samples
                slot = conductor.find_slot(cut.turn)
                assert slot is not None
                assert slot.spoken.startswith(cut.heard)
                for _, number, _ in read(slot.spoken):
                    self.cut_at[number] = self.home.session.clock.now()


def mixed(home: Home) -> list[str]:
    """Return the replies in which words of two minds stand, or words twice or out of order."""
    wrong = []
    for reply in spoken_of(home).values():
        numbers = [word for _, _, word in read(reply)]
        if len(minds_in(reply)) > 1 or numbers != list(range(len(numbers))):
            wrong.append(reply)
    return wrong


def samples_by_turn(home: Home) -> dict[int, list[tuple[float, int]]]:
    """Return what sounded of each question: when, and of which of two kinds of voices."""
    found: dict[int, list[tuple[float, int]]] = {}
    for at, pcm in home.house.sounded:
        marks = np.frombuffer(pcm, np.int16)
        for offset in np.flatnonzero(marks):
            mark = int(marks[offset])
            found.setdefault(mark // 2, []).append((at + offset / RATE, mark % 2))
    return found


async def play_script(monkeypatch: pytest.MonkeyPatch, cuts: int, seed: int) -> dict[str, int]:
    dice = random.Random(seed)
    store = InMemoryStore()
    own: dict[str, Any] = {"retriever": retrieve, "responder": respond, "speaker": speak}
    monkeypatch.setattr(actor_registry, "load_newcomer", lambda role, name: partial(own[role]))
    broken = EngineUnavailable("It cannot serve.")
    async with converse(monkeypatch, store=store, broken=broken) as home:
        script = Script(home, dice)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(script.swap_again_and_again)
            await script.talk(cuts)
            nursery.cancel_scope.cancel()
        await home.house.silence(2)
        await home.session.wait_quiet(1)
        history = [exchange.said for exchange in await store.history("you", limit=100_000)]
        told = [event.fields for event in home.house.happened("transcript")]
        begun = {each["utterance"] for each in told}
        # The one that joins what was said before to it is told besides.
        finals = Counter(each["utterance"] for each in told if not each["partial"] and "amends" not in each)
        ended = Counter(event.turn for event in home.house.happened("turn_ended"))
        stale = sum(
            at > script.cut_at.get(turn, 1e9) + 1 / RATE for turn, all_of in samples_by_turn(home).items()
            for at, _ in all_of if turn in script.cut_at
        )  # fmt: skip
        kept = Counter(history)
        pools = [pool for pool in home.house.engines.by_role.values() if pool is not None]
        held = sum(pool._current.holders for pool in pools if pool.role != "voice_activity")
        serving = {id(pool.engine) for pool in pools}
        unclosed = [
            engine for engine in home.made.engines
            if not home.made.closed[engine.number] and id(engine) not in serving and not isinstance(engine, TaggedMind)
        ]  # fmt: skip
        return {
            "cuts": script.cuts,
            "swaps": script.swaps,
            "lost": sum(kept[asked] == 0 for asked in script.asked) + len(begun - set(finals)),
            "repeated": sum(kept[asked] > 1 for asked in script.asked) + sum(count > 1 for count in finals.values()),
            "ended twice": sum(count > 1 for count in ended.values()),
            "mixed": len(mixed(home)),
            "mixed voices": sum(len({kind for _, kind in all_of}) > 1 for all_of in samples_by_turn(home).values()),
            "stale": stale,
            "held": held,
            "unclosed": len(unclosed),
            "closed twice": sum(count > 1 for count in home.made.closed.values()),
            "errors": len(home.house.happened("error")),
        }


def check_script(told: dict[str, int], cuts: int) -> None:
    assert told.pop("cuts") >= cuts
    assert told.pop("swaps") > cuts // 6
    assert set(told.values()) == {0}, told


async def test_swaps_of_every_role_under_cuts_lose_repeat_and_mix_nothing(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    check_script(await play_script(monkeypatch, 100, 1), 100)


@pytest.mark.acceptance
@pytest.mark.timeout(900)
async def test_two_thousand_cuts_among_swaps_of_every_role_lose_repeat_and_mix_nothing(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    check_script(await play_script(monkeypatch, 2_000, 3), 2_000)
