"""The kit catches a broken engine of each kind, in each role that can be broken so, with a sentence that says how."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
import trio
from pydantic import ConfigDict

from actors.protocols import CutShort, Delta, Request, Samples, TextDelta, ToolCall, Usage
from channels.messages import Chunk, Word
from harry.engines.registry import EngineSettings
from harry.engines.worker_threads import WorkerThreads
from harry.errors import EngineError
from harry.hearing.energy import Energy, EnergySettings
from harry.testing.conformance import CallSuite, EngineSuite, suite
from harry.testing.conformance.loop_watch import find_block
from harry.testing.engines import ScriptedLanguageModel, ScriptedSettings, ScriptedSpeechToText, ScriptedVoice

RATE = 16_000
Take = Callable[[Any], Awaitable[None]]


class Voice(ScriptedVoice):
    """A voice that is well; those below are broken in one thing each."""

    @classmethod
    def load(cls, name: str, settings: ScriptedSettings) -> Voice:
        return cls(name, settings)


class Ear(ScriptedSpeechToText):
    @classmethod
    def load(cls, name: str, settings: ScriptedSettings) -> Ear:
        return cls(name, ["hello"])


class Mind(ScriptedLanguageModel):
    @classmethod
    def load(cls, name: str, settings: ScriptedSettings) -> Mind:
        return cls(name, ["I heard you."])


class Detector(Energy):
    @classmethod
    def load(cls, name: str, settings: EnergySettings) -> Detector:
        return cls(name, settings)


class TurnDetector:
    Settings = EngineSettings

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def load(cls, name: str, settings: EngineSettings) -> TurnDetector:
        return cls(name)

    def describe(self) -> str:
        return "half"

    async def likelihood(self, text: str, samples: Samples) -> float:
        await trio.lowlevel.checkpoint()
        return 0.5

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


WELL = {
    "text_to_speech": Voice,
    "speech_to_text": Ear,
    "language_model": Mind,
    "voice_activity": Detector,
    "turn_detector": TurnDetector,
}
DOES = {
    "text_to_speech": "speak",
    "speech_to_text": "transcribe",
    "language_model": "reply",
    "turn_detector": "likelihood",
}


def catches(role: str, engine: type, test: str, *given: Any, says: str, **more: Any) -> None:
    made: Any = suite(role, engine, **more)()
    with pytest.raises(pytest.fail.Exception, match=says):
        getattr(made, test)(*given)


def with_work(role: str, work: Callable[[Any], Awaitable[None]]) -> type:
    """A well engine of a role that does something else first, in each call."""
    does = DOES[role]
    base = WELL[role]

    async def call(self: Any, *given: Any) -> Any:
        await work(self)
        return await getattr(base, does)(self, *given)

    return type("Broken", (base,), {does: call})


# What is wrong with an engine of any role


@pytest.mark.parametrize("role", WELL)
def test_an_engine_whose_settings_take_anything_is_caught(role: str) -> None:
    class Loose(EngineSettings):
        model_config = ConfigDict(extra="ignore")

    engine = type("Broken", (WELL[role],), {"Settings": Loose})
    catches(role, engine, "test_a_key_that_it_does_not_declare_is_refused", says="take any key")


@pytest.mark.parametrize("role", WELL)
@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"describe": lambda self: ""}, "tells nothing"),
        ({"describe": lambda self: "one\ntwo"}, "more than one line"),
        ({"traits": {"small": True}}, "no EngineTraits"),
        ({"retired": True}, "retired"),
        ({"aclose": None}, "no method `aclose`"),
        ({"name": property(lambda self: "always the same", lambda self, value: None)}, "not that of its table"),
    ],
    ids=["no description", "two lines", "traits", "retired", "no aclose", "name"],
)
def test_an_engine_that_lacks_what_all_have_is_caught(role: str, broken: dict[str, Any], says: str) -> None:
    engine = type("Broken", (WELL[role],), broken)
    made: Any = suite(role, engine, shared=True)()  # nobody closes what cannot be closed
    with pytest.raises(pytest.fail.Exception, match=says):
        made.test_it_has_all_that_its_role_needs()


@pytest.mark.parametrize("role", WELL)
def test_a_class_without_its_method_is_caught(role: str) -> None:
    does = DOES.get(role, "open_stream")
    engine = type("Broken", (WELL[role],), {does: None})
    catches(role, engine, "test_its_class_is_what_an_entry_point_may_name", says=f"no method `{does}`")


@pytest.mark.parametrize("role", WELL)
def test_an_engine_that_is_one_for_all_tables_is_caught(role: str) -> None:
    base: Any = WELL[role]
    only: list[Any] = []

    def load(name: str, settings: Any) -> Any:
        only.append(base.load(name, settings))
        return only[0]

    engine = type("Broken", (base,), {"load": staticmethod(load)})
    catches(role, engine, "test_two_tables_are_two_engines", says="same engine")


@pytest.mark.parametrize("role", WELL)
def test_a_thread_that_outlives_its_engine_is_caught(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr("harry.testing.conformance.leftovers.ENDS_WITHIN", 0.05)
    monkeypatch.setattr("harry.testing.conformance.leftovers._AT_MOST", 0.2)
    base: Any = WELL[role]

    def load(name: str, settings: Any) -> Any:
        threading.Thread(target=over.wait, name="left behind", daemon=True).start()
        return base.load(name, settings)

    engine = type("Broken", (base,), {"load": staticmethod(load)})
    try:
        catches(role, engine, "test_closing_it_lets_go_of_everything", says="'left behind' is left")
    finally:
        over.set()


# What is wrong with one that is called


@pytest.mark.parametrize("role", DOES)
def test_an_engine_that_computes_in_the_loop_is_caught(role: str) -> None:
    async def compute(self: Any) -> None:
        await trio.lowlevel.checkpoint()
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass

    catches(role, with_work(role, compute), "test_the_loop_is_never_blocked", says="the loop was blocked for")


@pytest.mark.parametrize("role", DOES)
def test_an_engine_that_sleeps_in_the_loop_is_caught(role: str) -> None:
    async def sleep(self: Any) -> None:
        await trio.lowlevel.checkpoint()
        time.sleep(0.05)  # noqa: ASYNC251  that is what is wrong with it

    catches(role, with_work(role, sleep), "test_the_loop_is_never_blocked", says="the loop was blocked for")


async def test_a_thread_that_holds_the_interpreter_s_lock_is_found() -> None:
    number = 3**200_000

    async def hold() -> None:
        await trio.to_thread.run_sync(pow, number, 3)

    assert "interpreter's lock" in await find_block(hold)


async def test_work_in_a_thread_that_lets_go_of_the_lock_is_no_block() -> None:
    async def wait() -> None:
        await trio.to_thread.run_sync(time.sleep, 0.05)

    assert await find_block(wait) == ""


@pytest.mark.parametrize("role", DOES)
def test_an_engine_that_does_not_heed_a_cancel_is_caught(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def shield(self: Any) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(0.5)

    monkeypatch.setattr("harry.testing.conformance.base._ATTEMPTS", 1)
    test = "test_a_cancelled_call_returns_at_once_and_its_work_ends"
    catches(role, with_work(role, shield), test, 0.02, says="returned .* ms later")


@pytest.mark.parametrize("role", DOES)
def test_work_that_goes_on_after_a_cancel_is_caught(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr("harry.testing.conformance.leftovers.ENDS_WITHIN", 0.05)
    monkeypatch.setattr("harry.testing.conformance.leftovers._AT_MOST", 0.2)
    calls = 0

    async def goes_on(self: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            await trio.to_thread.run_sync(over.wait, abandon_on_cancel=True)

    test = "test_a_cancelled_call_returns_at_once_and_its_work_ends"
    try:
        catches(role, with_work(role, goes_on), test, 0.0, says="left, and the engine is not `retired`")
    finally:
        over.set()


def test_work_that_goes_on_in_an_engine_that_is_retired_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    class Retires(Voice):
        retired = False

        async def speak(self, text: str, emit: Take) -> None:
            if len(text) > 200:
                try:
                    await trio.to_thread.run_sync(over.wait, abandon_on_cancel=True)
                finally:
                    self.retired = True
            await super().speak(text, emit)

    made: Any = suite("text_to_speech", Retires)()
    try:
        made.test_a_cancelled_call_returns_at_once_and_its_work_ends(0.02)
    finally:
        over.set()


def test_a_token_that_does_not_come_back_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harry.testing.conformance.leftovers.ENDS_WITHIN", 0.05)
    monkeypatch.setattr("harry.testing.conformance.leftovers._AT_MOST", 0.2)

    class Keeps(Voice):
        def __init__(self, name: str, settings: ScriptedSettings) -> None:
            super().__init__(name, settings)
            self.threads = WorkerThreads(name, deadline=10.0, threads=8)

        async def speak(self, text: str, emit: Take) -> None:
            self.threads._limiter.acquire_on_behalf_of_nowait(object())
            await super().speak(text, emit)

    catches("text_to_speech", Keeps, "test_an_ordinary_call_leaves_nothing_behind", says="a token of a limiter is left")


@pytest.mark.parametrize("role", DOES)
def test_a_task_that_is_left_behind_is_caught(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harry.testing.conformance.leftovers.ENDS_WITHIN", 0.05)
    monkeypatch.setattr("harry.testing.conformance.leftovers._AT_MOST", 0.2)

    async def leaves(self: Any) -> None:
        await trio.lowlevel.checkpoint()
        trio.lowlevel.spawn_system_task(trio.sleep, 5)

    catches(role, with_work(role, leaves), "test_an_ordinary_call_leaves_nothing_behind", says="a task is left")


@pytest.mark.parametrize("role", DOES)
def test_an_engine_that_does_not_serve_again_is_caught(role: str) -> None:
    async def once(self: Any) -> None:
        if getattr(self, "cut", False):
            raise EngineError("I have had enough.")
        try:
            await trio.sleep(0.2)
        except trio.Cancelled:
            self.cut = True
            raise

    made: Any = suite(role, with_work(role, once))()
    with pytest.raises((EngineError, BaseExceptionGroup)):
        made.test_it_serves_again_after_a_cancel()


@pytest.mark.parametrize("role", DOES)
def test_an_engine_that_raises_anything_else_at_odd_input_is_caught(role: str) -> None:
    does, base = DOES[role], WELL[role]

    async def call(self: Any, given: Any, *more: Any) -> Any:
        size = len(given.messages) if isinstance(given, Request) else len(given)
        if not size:
            raise IndexError("out of range")
        return await getattr(base, does)(self, given, *more)

    engine = type("Broken", (base,), {does: call})
    catches(role, engine, "test_odd_input_is_answered_or_refused", says="it raised IndexError")


# What is wrong with one that emits


@pytest.mark.parametrize("role", ["language_model", "text_to_speech"])
def test_an_engine_that_does_not_wait_for_what_it_emits_is_caught(role: str) -> None:
    does, base = DOES[role], WELL[role]

    async def call(self: Any, given: Any, emit: Take) -> None:
        items: list[Any] = []

        async def keep(item: Any) -> None:
            items.append(item)

        await getattr(base, does)(self, given, keep)
        async with trio.open_nursery() as nursery:
            for item in items:
                nursery.start_soon(emit, item)

    engine = type("Broken", (base,), {does: call})
    made: Any = suite(role, engine)()
    with pytest.raises((pytest.fail.Exception, BaseExceptionGroup)) as caught:
        made.test_it_waits_for_what_it_has_emitted()
    assert "again before it has returned" in repr(caught.value)


@pytest.mark.parametrize("role", ["language_model", "text_to_speech"])
def test_an_engine_that_swallows_what_the_listener_raises_is_caught(role: str) -> None:
    does, base = DOES[role], WELL[role]

    async def call(self: Any, given: Any, emit: Take) -> None:
        try:
            await getattr(base, does)(self, given, emit)
        except Exception:  # noqa: BLE001  that is what is wrong with it
            return

    engine = type("Broken", (base,), {does: call})
    catches(role, engine, "test_what_the_listener_raises_comes_back_to_the_caller", says="swallowed")


class Emits(Voice):
    """A voice that emits what `chunks` gives for a text."""

    @staticmethod
    def chunks(text: str) -> list[Any]:
        raise NotImplementedError

    async def speak(self, text: str, emit: Take) -> None:
        for chunk in self.chunks(text):
            await emit(chunk)


@pytest.mark.parametrize(
    ("chunks", "says"),
    [
        (lambda text: [text], "not a Chunk"),
        (lambda text: [Chunk(bytes(3), 24_000, (Word(text, 1),))], "half a sample"),
        (lambda text: [Chunk(bytes(4), 8_000, (Word(text, 1),))], "8000 Hz"),
        (lambda text: [Chunk(bytes(4), 24_000, (Word(text, 3),))], "not between 0 and 2"),
        (lambda text: [Chunk(bytes(8), 24_000, (Word(text[:5], 3), Word(text[5:], 2)))], "not between 3 and 4"),
        (lambda text: [Chunk(bytes(4), 24_000, (Word(text[:-4], 1),))], "have to be the text"),
        (lambda text: [Chunk(bytes(4), 24_000, (Word(text, 1), Word(text, 2)))], "have to be the text"),
        (lambda text: [Chunk(b"", 24_000, (Word(text, 0),))], "no sound"),
        (lambda text: [Chunk(bytes(4), 24_000, (Word(text, 0),))], "no time"),
    ],
    ids=["no chunk", "half a sample", "rate", "end", "order", "a word lost", "a word twice", "silent", "no time"],
)
def test_a_voice_whose_words_do_not_add_up_is_caught(chunks: Callable[[str], list[Any]], says: str) -> None:
    engine = type("Broken", (Emits,), {"chunks": staticmethod(chunks)})
    catches("text_to_speech", engine, "test_an_ordinary_call_leaves_nothing_behind", says=says)


def test_a_voice_that_mixes_two_texts_is_caught() -> None:
    class Mixes(Voice):
        text = ""

        async def speak(self, text: str, emit: Take) -> None:
            self.text = text
            await trio.sleep(0.01)
            await super().speak(self.text, emit)

    made: Any = suite("text_to_speech", Mixes)()
    with pytest.raises((pytest.fail.Exception, BaseExceptionGroup)) as caught:
        made.test_the_words_of_each_call_are_its_own()
    assert "have to be the text" in repr(caught.value)


@pytest.mark.parametrize(
    ("deltas", "says"),
    [
        (["text"], "it emitted str"),
        ([TextDelta(None)], "text of a delta"),  # type: ignore[arg-type]
        ([TextDelta("a"), Usage(1, 1), TextDelta("b")], "after its Usage it went on"),
        ([TextDelta("a"), CutShort(), TextDelta("b")], "after its CutShort it went on"),
        ([TextDelta("a"), Usage(1, 1), Usage(1, 1)], "usage 2 times"),
        ([TextDelta("a"), Usage(-1, 1)], "its usage is"),
        ([ToolCall("1", "lamp", "{}")], "none was offered"),
        ([TextDelta(" ")], "without a word"),
    ],
)
def test_a_mind_whose_deltas_are_wrong_is_caught(deltas: list[Delta], says: str) -> None:
    class Emits(Mind):
        async def reply(self, request: Request, emit: Take) -> None:
            for delta in deltas:
                await emit(delta)

    catches("language_model", Emits, "test_an_ordinary_call_leaves_nothing_behind", says=says)


# What is wrong with one that hears


@pytest.mark.parametrize(
    ("heard", "says"), [(None, "not NoneType"), (b"hello", "not bytes"), (["hello"], "not list")], ids=repr
)
def test_an_ear_that_returns_no_text_is_caught(heard: Any, says: str) -> None:
    class Strange(Ear):
        async def transcribe(self, samples: Samples) -> Any:
            await trio.lowlevel.checkpoint()
            return heard

    catches("speech_to_text", Strange, "test_an_ordinary_call_leaves_nothing_behind", says=says)


def test_an_ear_that_writes_into_the_sound_is_caught() -> None:
    class Writes(Ear):
        async def transcribe(self, samples: Samples) -> str:
            samples *= 2
            return await super().transcribe(samples)

    catches("speech_to_text", Writes, "test_it_does_not_change_what_it_hears", says="wrote into")


class Stream:
    """A stream that answers as `answer` says of a window."""

    def __init__(self, answer: Callable[[Samples], Any]) -> None:
        self.answer = answer

    def probability(self, window: Samples) -> Any:
        return self.answer(window)


def detector(answer: Callable[[Samples], Any], *, shared: bool = False) -> type:
    only = Stream(answer)
    return type("Broken", (Detector,), {"open_stream": lambda self: only if shared else Stream(answer)})


@pytest.mark.parametrize("answer", [1.5, -0.1, None, "high", float("nan")], ids=repr)
def test_a_detector_whose_answer_is_no_likelihood_is_caught(answer: Any) -> None:
    catches("voice_activity", detector(lambda _: answer), "test_every_window_gets_a_likelihood", says="from 0 to 1")


def test_a_detector_that_raises_at_odd_sound_is_caught() -> None:
    def answer(window: Samples) -> float:
        if not np.isfinite(window).all():
            raise ValueError("no number")
        return 0.0

    catches("voice_activity", detector(answer), "test_every_window_gets_a_likelihood", says="it raised ValueError")


def test_a_detector_that_hears_a_voice_in_silence_is_caught() -> None:
    catches("voice_activity", detector(lambda _: 0.9), "test_no_sound_is_no_voice", says="takes silence for a voice")


def test_a_detector_with_one_stream_for_all_is_caught() -> None:
    catches(
        "voice_activity", detector(lambda _: 0.0, shared=True), "test_streams_know_nothing_of_one_another", says="same"
    )


def test_a_detector_whose_streams_share_their_memory_is_caught() -> None:
    loudest = [0.0]

    def answer(window: Samples) -> float:
        loudest[0] = max(loudest[0], float(np.abs(window).max(initial=0)))
        return min(1.0, loudest[0])

    catches(
        "voice_activity", detector(answer), "test_streams_know_nothing_of_one_another", says="another session hears"
    )


def test_a_detector_that_is_slow_is_caught() -> None:
    def slow(window: Samples) -> float:
        time.sleep(0.004)
        return 0.0

    catches("voice_activity", detector(slow), "test_a_window_costs_less_than_a_millisecond", says="a window costs")


@pytest.mark.parametrize("answer", [2, None, "yes"], ids=repr)
def test_a_turn_detector_whose_answer_is_no_likelihood_is_caught(answer: Any) -> None:
    class Strange(TurnDetector):
        async def likelihood(self, text: str, samples: Samples) -> Any:
            await trio.lowlevel.checkpoint()
            return answer

    catches("turn_detector", Strange, "test_an_ordinary_call_leaves_nothing_behind", says="from 0 to 1")


def test_every_kind_of_suite_is_tried_here() -> None:
    assert all(issubclass(type(suite(role, engine)()), EngineSuite) for role, engine in WELL.items())
    assert {role for role, engine in WELL.items() if isinstance(suite(role, engine)(), CallSuite)} == set(DOES)
