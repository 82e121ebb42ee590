"""Engines by strangers that do what they should not: each ends its own turn at worst, with a sentence and a way on.

Those that break while they are found or loaded, or block the whole loop, are met as a person meets them, as processes;
the rest in virtual time.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
import trio
from trio.testing import MockClock

from actors.protocols import Delta, Request, Samples, TextDelta
from actors.supervisor import DEGRADED_WAIT_SECONDS, MAX_CRASHES, Supervisor
from channels.gate import Gate
from channels.messages import Chunk, Word
from channels.turn import Turn
from harry.cli import exit_codes
from harry.errors import EngineError, StoreError
from harry.memory.store.in_memory import InMemoryStore
from harry.services.ask import write_reply
from harry.session.turn_stages import LAST_RESORT
from harry.testing.engines import ScriptedSettings, ScriptedVoice
from tests.cli.test_bad_input import HARRY, PATIENCE, SCRIPTED, SILENT, run, said
from tests.support.conductor_rig import utterance
from tests.support.virtual_session import RATE, FakeEar, FakeMind, House, house, says

Emit = Callable[[Delta], Awaitable[None]]

PLUGIN = """
import atexit, os, time, trio
from harry.plugin import EngineSettings, EngineUnavailable, TextDelta

class Mind:
    Settings = EngineSettings

    def __init__(self, name):
        self.name = name

    @classmethod
    def load(cls, name, settings):
        return cls(name)

    def describe(self):
        return "a stranger's mind"

    async def reply(self, request, emit):
        await emit(TextDelta("Hello, I am strange."))

    async def aclose(self):
        pass

class RaisesAtLoad(Mind):
    @classmethod
    def load(cls, name, settings):
        raise RuntimeError("no licence")

class HangsAtLoad(Mind):
    @classmethod
    def load(cls, name, settings):
        # What native libraries do at the end of the interpreter while a thread of theirs still runs.
        atexit.register(os.abort)
        print("loading", flush=True)
        time.sleep(1000)

class WithoutSettings(Mind):
    Settings = None

class RaisesAtWork(Mind):
    async def reply(self, request, emit):
        raise ValueError("something about hello")

class BlocksTheLoop(Mind):
    async def reply(self, request, emit):
        print("blocking", flush=True)
        while True:
            time.sleep(1)

class HoldsItsThread(Mind):
    async def reply(self, request, emit):
        print("blocking", flush=True)
        await trio.to_thread.run_sync(time.sleep, 1000)

class RaisesAtClose(Mind):
    async def aclose(self):
        raise ValueError("I stay")
"""

KINDS = {
    "raises-at-import": "strange_import:Mind",
    "no-such-class": "strange_mind:Missing",
    **{
        name: f"strange_mind:{''.join(part.title() for part in name.split('-'))}"
        for name in (
            "raises-at-load", "hangs-at-load", "without-settings", "raises-at-work", "blocks-the-loop",
            "holds-its-thread", "raises-at-close",
        )
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution of strange minds, as installed, for the processes of a test."""
    folder = tmp_path / "plugins"
    (folder / "strange-1.0.dist-info").mkdir(parents=True)
    (folder / "strange-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
    (folder / "strange-1.0.dist-info" / "entry_points.txt").write_text(
        "[harry.language_model]\n" + "".join(f"{kind} = {where}\n" for kind, where in KINDS.items())
    )
    (folder / "strange_mind.py").write_text(PLUGIN)
    (folder / "strange_import.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))


def minded(mind: str) -> list[str]:
    """The arguments that choose this mind; the last `--set` of a key wins."""
    return [*SCRIPTED, "--set", f"engines.language_model={mind}"]


# While they are found and loaded


@pytest.mark.parametrize("kind", ["raises-at-import", "no-such-class", "raises-at-load", "without-settings"])
def test_a_named_engine_that_breaks_while_it_is_loaded_stops_the_start_with_its_name(kind: str, tmp_path: Path) -> None:
    done = run(tmp_path / "home", *SILENT, *minded(kind))
    assert done.returncode == 2
    assert said(done).startswith(f"The engine {kind!r} broke while it was loaded: ")
    assert "choose another" in said(done)


def test_a_list_falls_back_from_engines_that_break_while_they_are_loaded(tmp_path: Path) -> None:
    chain = '["raises-at-import", "raises-at-load", "scripted"]'
    done = run(tmp_path / "home", *SILENT, *minded(chain), stdin=None, input="hello\n")
    assert (done.returncode, said(done)) == (0, "")
    assert "I heard you." in done.stdout
    assert done.stdout.count("broke while it was loaded") == 2


# At the end


@pytest.mark.parametrize(
    ("kind", "before", "code"),
    [
        ("hangs-at-load", "loading", 0),
        # What must not be abandoned, or never lets go of the loop, is ended by force, and that is told by the code.
        ("holds-its-thread", "blocking", 1),
        ("blocks-the-loop", "blocking", 1),
    ],
)
def test_whatever_an_engine_does_a_stop_signal_ends_harry_within_five_seconds(
    kind: str, before: str, code: int, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [*HARRY, "run", *SILENT, *minded(kind)], env={**os.environ, "HARRY_HOME": str(tmp_path / "home")}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("hello\n")
            process.stdin.flush()
            assert any(line.strip() == before for line in process.stdout), "it never came so far"
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == code
        finally:
            process.kill()
            watchdog.cancel()


def test_a_second_signal_ends_even_a_blocked_harry_at_once(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*HARRY, "run", *SILENT, *minded("blocks-the-loop")],
        env={**os.environ, "HARRY_HOME": str(tmp_path / "home")}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("hello\n")
            process.stdin.flush()
            assert any(line.strip() == "blocking" for line in process.stdout)
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
            assert process.wait(3) in (-signal.SIGTERM, -signal.SIGINT)
        finally:
            process.kill()
            watchdog.cancel()


def test_an_engine_that_will_not_close_does_not_spoil_the_end(tmp_path: Path) -> None:
    done = run(tmp_path / "home", *SILENT, *minded("raises-at-close"), stdin=None, input="hello\n")
    assert (done.returncode, said(done)) == (0, "")
    assert "Hello, I am strange." in done.stdout


def test_an_engine_that_raises_is_told_without_a_trace_and_without_its_words(tmp_path: Path) -> None:
    done = run(tmp_path / "home", *SILENT, *minded("raises-at-work"), stdin=None, input="hello\n")
    assert (done.returncode, said(done)) == (0, "")
    assert "Something in Harry failed (ValueError)." in done.stdout
    assert "ValueError at strange_mind.py:" in done.stderr
    assert "hello" not in done.stderr


# At work, in virtual time


async def answered_after(home: House, mind: FakeMind) -> None:
    """Harry still answers the next line."""

    async def well(request: Request, emit: Emit) -> None:
        await emit(TextDelta("All is well."))

    await trio.sleep(10)
    mind.answer = well
    home.session.answer_typed("are you there?")
    await trio.sleep(3)
    assert home.happened("heard")[-1].fields["text"] == "All is well."


@pytest.mark.parametrize("flood", [" ", "*", "\n", "", "<think>", "```"])
async def test_a_mind_that_floods_without_saying_anything_lets_everything_else_run(
    flood: str, autojump_clock: MockClock
) -> None:
    emitted = 0

    async def floods(request: Request, emit: Emit) -> None:
        nonlocal emitted
        while emitted < 200_000:  # without a checkpoint in `emit` the count would reach its end
            emitted += 1
            await emit(TextDelta(flood))

    mind = FakeMind(floods)
    async with house(mind=mind) as home:
        turn = home.session.answer_typed("talk")
        assert turn is not None
        for _ in range(200):
            await trio.lowlevel.checkpoint()
        assert 0 < emitted < 10_000
        home.session.conductor.cut("stop")
        await turn.over.wait()
        assert emitted < 10_000


@pytest.mark.parametrize("strange", [None, "text", TextDelta(None), 7], ids=repr)  # type: ignore[arg-type]
async def test_a_mind_that_emits_what_is_no_delta_ends_its_turn_only(strange: Any, autojump_clock: MockClock) -> None:
    async def answer(request: Request, emit: Emit) -> None:
        await emit(strange)

    mind = FakeMind(answer)
    async with house(mind=mind) as home:
        home.session.answer_typed("hello")
        await answered_after(home, mind)
        assert len(home.happened("error")) == 1
        assert home.happened("turn_ended")[0].fields["reason"] == "failed"


class StrangeVoice(ScriptedVoice):
    """Emits `strange` first, then speaks as it should."""

    def __init__(self, strange: Any) -> None:
        super().__init__("strange", ScriptedSettings(rate=RATE))
        self.strange = strange

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        if self.strange is not self:
            strange, self.strange = self.strange, self
            await emit(strange)
        await super().speak(text, emit)


@pytest.mark.parametrize(
    "strange",
    [
        None,
        b"\0\0",
        Chunk(b"\0\0\0", RATE),
        Chunk(np.zeros(100, np.float32), RATE),  # type: ignore[arg-type]
        Chunk(bytes(100), 0),
        Chunk(bytes(100), -8000),
        Chunk(bytes(100), RATE, (Word(None, 10),)),  # type: ignore[arg-type]
        Chunk(bytes(100), RATE, (Word("late", None),)),  # type: ignore[arg-type]
        Chunk(bytes(100), RATE, ("word",)),  # type: ignore[arg-type]
    ],
    ids=["None", "bytes", "half a sample", "an array", "no rate", "a negative rate", "a word without text",
         "a word without end", "words that are none"],
)  # fmt: skip
async def test_a_voice_that_emits_what_cannot_be_played_ends_its_turn_only(
    strange: Any, autojump_clock: MockClock
) -> None:
    mind = says("one two.")
    async with house(mind=mind, voice=StrangeVoice(strange)) as home:
        home.session.answer_typed("hello")
        await answered_after(home, mind)
        assert len(home.happened("error")) == 1
        assert home.happened("turn_ended")[0].fields["reason"] == "failed"


@pytest.mark.parametrize("end", [-5, 10_000])
async def test_a_word_that_ends_outside_its_sound_ends_with_it(end: int, autojump_clock: MockClock) -> None:
    strange = Chunk(b"\1\0" * 800, RATE, (Word("one ", end),))
    async with house(mind=says("one two."), voice=StrangeVoice(strange)) as home:
        home.session.answer_typed("hello")
        await trio.sleep(5)
        assert home.happened("heard")[-1].fields["text"] == "one two."


async def test_a_voice_that_says_nothing_was_not_heard(autojump_clock: MockClock) -> None:
    class Mute(ScriptedVoice):
        async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
            await trio.lowlevel.checkpoint()

    async with house(voice=Mute("mute", ScriptedSettings(rate=RATE))) as home:
        home.session.answer_typed("hello")
        await trio.sleep(5)
        assert not home.happened("heard", "speaking_started")
        assert home.session.conductor.history[-1].heard == ""
        assert len(home.happened("turn_ended")) == 1


@pytest.mark.parametrize("strange", [None, 7, ["hello"]], ids=repr)
async def test_an_ear_that_returns_no_text_gives_one_empty_final_transcript(
    strange: Any, autojump_clock: MockClock
) -> None:
    async with house(ear=FakeEar(strange)) as home:
        for _ in range(2):
            await home.voice(0.6)
            await home.silence(10.0)
        finals = [each.fields for each in home.happened("transcript") if not each.fields["partial"]]
        assert [each["text"] for each in finals] == ["", ""]
        assert len({each["utterance"] for each in finals}) == 2
        assert home.happened("error")


async def test_a_listener_of_transcripts_that_fails_makes_no_second_final(autojump_clock: MockClock) -> None:
    async with house() as home:
        commit = home.session.conductor.commit

        def fails_once(*given: Any, **more: Any) -> Any:
            home.session.conductor.commit = commit  # type: ignore[method-assign]
            raise RuntimeError("a defect")

        home.session.conductor.commit = fails_once  # type: ignore[method-assign]
        await home.voice(0.6)
        await home.silence(5.0)
        assert len([each for each in home.happened("transcript") if not each.fields["partial"]]) == 1
        await home.voice(0.6)
        await home.silence(5.0)
        assert home.happened("heard"), "the next utterance is answered"


async def test_a_detector_that_breaks_in_the_middle_of_a_session_is_started_again(autojump_clock: MockClock) -> None:
    async with house() as home:
        listener = home.session.speech_input.listener
        assert listener is not None
        stream = listener._voice_activity
        await trio.sleep(60)

        class Breaks:
            def probability(self, window: Samples) -> float:
                listener._voice_activity = stream
                raise OSError("the model went away")

        listener._voice_activity = Breaks()
        await home.silence(2.0)
        assert len(home.happened("error")) == 1
        await home.voice(0.6)
        await home.silence(3.0)
        assert home.happened("heard")


async def test_a_memory_that_fails_costs_no_answer(autojump_clock: MockClock) -> None:
    class Damaged(InMemoryStore):
        async def thoughts(self, *given: Any, **more: Any) -> Any:
            raise StoreError("The file is damaged.")

    async with house(store=Damaged()) as home:
        home.session.answer_typed("hello")
        await trio.sleep(3)
        assert home.happened("heard")
        assert not home.happened("error")


async def test_an_engine_that_raises_when_it_is_cancelled_ends_no_session(autojump_clock: MockClock) -> None:
    async def spiteful(request: Request, emit: Emit) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise EngineError("It could not even stop.")

    class Ear(FakeEar):
        async def transcribe(self, samples: Samples) -> str:
            try:
                await trio.sleep_forever()
            finally:
                raise EngineError("Nor could it.")

    store = InMemoryStore()
    async with house(store=store, mind=FakeMind(spiteful), ear=Ear()) as home:
        home.session.answer_typed("hello")
        await home.voice(0.6)
        await home.silence(1.0)
    assert [each.said for each in await store.history("you", limit=9)] == ["hello"]


# The supervisor


async def test_what_crashes_again_and_again_is_told_once_and_tried_once_a_minute(autojump_clock: MockClock) -> None:
    tried: list[float] = []
    degraded: list[str] = []

    async def crashes() -> None:
        tried.append(trio.current_time())
        if len(tried) < MAX_CRASHES + 4:
            raise EngineError("no")

    supervisor = Supervisor(lambda name, error: None, lambda name, error: degraded.append(name))
    await supervisor.keep("ear", crashes)
    assert degraded == ["ear"]
    assert tried[MAX_CRASHES - 1] < 10
    assert np.diff(tried[MAX_CRASHES - 1 :]) == pytest.approx([DEGRADED_WAIT_SECONDS] * 4)
    assert not supervisor.degraded


async def test_a_crash_leaves_no_words_in_the_log(
    autojump_clock: MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crashes() -> None:
        raise ValueError("what somebody said")

    structlog.reset_defaults()  # another test may have had the log written elsewhere
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        supervisor = Supervisor(lambda name, error: None, lambda name, error: None)
        with trio.move_on_after(1):
            await supervisor.keep("ear", crashes)
    finally:
        structlog.reset_defaults()
    told = "".join(capsys.readouterr())
    assert "ValueError at test_hostile_engines.py:" in told
    assert "somebody" not in told
    assert "Traceback" not in told


# The gate's books


class Card:
    """A sink that says what a test wants it to say."""

    def __init__(self, flushes: int = 0, pends: int = 0) -> None:
        self.flushes, self.pends = flushes, pends

    def flush(self) -> int:
        return self.flushes

    def pending(self) -> int:
        return self.pends


async def paused(flushes: int) -> tuple[Gate, Any]:
    gate = Gate(1000)
    gate.attach(Card(flushes=flushes))
    slot = gate.admit(Turn(utterance(), "you", "s", "n"))
    await slot.write(bytes(200), [Word("a", 50), Word(" b", 100)])
    gate.pull(memoryview(bytearray(120)))
    gate.pause(slot)
    return gate, slot


async def test_a_card_that_flushes_more_than_it_was_given_takes_back_no_more_than_that() -> None:
    gate, slot = await paused(flushes=10_000)
    assert slot.samples_heard == 0
    assert gate.resume(slot)
    assert gate.pull(memoryview(bytearray(400))) == 100
    assert slot.heard == "a b"


async def test_a_paused_slot_that_is_finished_has_played_only_after_its_resume() -> None:
    gate, slot = await paused(flushes=60)
    slot.finish()
    gate.advance()
    assert not slot._played.is_set()
    gate.resume(slot)
    gate.pull(memoryview(bytearray(400)))
    gate.advance()
    assert slot._played.is_set()
    assert slot.heard == "a b"


async def test_a_writer_that_waited_through_a_pause_goes_on_after_the_resume(autojump_clock: MockClock) -> None:
    gate, slot = await paused(flushes=60)
    sizes: list[int] = []
    async with trio.open_nursery() as nursery:

        async def write() -> None:
            sizes.append(0)
            assert await slot.write(bytes(2 * 1000), [Word(" c", 1000)])
            slot.finish()

        nursery.start_soon(write)
        await trio.testing.wait_all_tasks_blocked()
        epoch = gate.epoch
        gate.resume(slot)
        assert gate.epoch == slot.epoch == epoch + 1
        while not slot._played.is_set():
            gate.pull(memoryview(bytearray(20)))
            gate.advance()
            await trio.sleep(0.01)
    assert slot.heard == slot.spoken == "a b c"


@pytest.mark.parametrize("change", ["pause", "close"])
async def test_a_card_that_pulls_while_the_floor_changes_keeps_the_books_right(change: str) -> None:
    """A real thread pulls all the time, and all that it was given sounded: nothing is lost, nothing is double."""
    for _ in range(40):
        gate = Gate(100_000)
        slot = gate.admit(Turn(utterance(), "you", "s", "n"))
        pcm = np.arange(1, 10_001, dtype=np.int16).tobytes()
        assert await slot.write(pcm, [Word("all", 10_000)])
        heard: list[bytes] = []
        stop = threading.Event()

        def pull(gate: Gate = gate, heard: list[bytes] = heard, stop: threading.Event = stop) -> None:
            into = bytearray(2 * 37)
            while not stop.is_set():
                gate.pull(memoryview(into))
                heard.append(bytes(into))

        thread = threading.Thread(target=pull)
        thread.start()
        if change == "pause":
            epochs = [gate.epoch]
            for _ in range(20):
                gate.pause(slot)
                gate.resume(slot)
                epochs.append(gate.epoch)
            assert epochs == sorted(set(epochs))
            with trio.fail_after(10):
                slot.finish()
                while not slot._played.is_set():
                    gate.advance()
                    await trio.lowlevel.checkpoint()
        else:
            gate.close(slot)
        stop.set()
        await trio.to_thread.run_sync(thread.join)
        sounded = np.frombuffer(b"".join(heard), np.int16)
        sounded = sounded[sounded != 0]
        assert np.array_equal(sounded, np.arange(1, len(sounded) + 1))
        assert slot.samples_heard == len(sounded)
        assert len(sounded) == 10_000 or change == "close"


# Engines that hang without a deadline of their own


async def test_a_mind_that_hangs_is_given_up_and_said_so(autojump_clock: MockClock) -> None:
    async def hangs(request: Request, emit: Emit) -> None:
        await trio.sleep_forever()

    mind = FakeMind(hangs)
    async with house(mind=mind) as home:
        home.session.answer_typed("hello")
        await home.session.wait_quiet(1)
        assert LAST_RESORT <= trio.current_time() < LAST_RESORT + 15
        [heard] = home.happened("heard")
        assert heard.fields["text"] == "Sorry, I could not answer. fake mind did not answer in time."
        await answered_after(home, mind)


async def test_a_mind_that_is_slow_because_harry_still_speaks_is_not_given_up(autojump_clock: MockClock) -> None:
    words = 1000

    async def long(request: Request, emit: Emit) -> None:
        for _ in range(words):
            await emit(TextDelta("word, "))

    async with house(mind=FakeMind(long)) as home:
        home.session.answer_typed("talk")
        await home.session.wait_quiet(1)
        assert trio.current_time() > 2 * LAST_RESORT
        assert len(str(home.happened("heard")[0].fields["text"]).split()) == words
        assert not home.happened("error")


async def test_a_voice_that_hangs_is_given_up(autojump_clock: MockClock) -> None:
    class Hangs(ScriptedVoice):
        async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
            await trio.sleep_forever()

    async with house(voice=Hangs("hoarse", ScriptedSettings(rate=RATE))) as home:
        home.session.answer_typed("hello")
        await home.session.wait_quiet(1)
        assert trio.current_time() < 3 * LAST_RESORT
        # Saying so fails in the same way, and is then only shown.
        assert [each.fields["message"] for each in home.happened("error")] == [
            "hoarse did not answer in time. Ask again, or use another engine."
        ] * 2


async def test_an_ear_that_hangs_is_given_up_and_the_utterance_has_its_one_final_transcript(
    autojump_clock: MockClock,
) -> None:
    ear = FakeEar("hello")
    ear.takes = 1e9
    async with house(ear=ear) as home:
        await home.voice(0.6)
        await home.silence(2.0)
        await home.session.wait_quiet(1)
        assert trio.current_time() < 4 * LAST_RESORT
        assert [each.fields["text"] for each in home.happened("transcript")] == [""]
        ear.takes = 0.1
        await home.voice(0.6)
        await home.silence(3.0)
        assert home.happened("heard")


# A store that fails for good


class Broken(InMemoryStore):
    async def write(self, records: Any) -> list[int]:
        await trio.lowlevel.checkpoint()
        raise StoreError("The disk is full.", remedy="Free some space.")


async def test_a_store_that_fails_for_good_keeps_no_run_from_its_end(autojump_clock: MockClock) -> None:
    async with house(store=Broken()) as home:
        home.session.answer_typed("hello")
        with trio.fail_after(60):
            await home.session.wait_quiet(2)
        assert home.happened("heard")
        assert len(home.happened("degraded")) == 1
        assert not home.happened("turn_ended"), "nothing is acknowledged that was not kept"


async def test_ask_prints_the_answer_and_says_that_it_is_not_kept(autojump_clock: MockClock) -> None:
    printed: list[str] = []
    async with house(store=Broken()) as home:
        told = home.session.events.listen(4096, lossless=True)
        with trio.fail_after(60), pytest.raises(StoreError) as caught:
            await write_reply(told, home.session.answer_typed("hello"), printed.append)
    assert "".join(printed) == "one two three four five."
    assert "The answer is not kept: The disk is full." in str(exit_codes.explain(caught.value))


async def test_an_ordinary_end_in_the_middle_of_everything_is_no_crash(
    autojump_clock: MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    ear = FakeEar("hello")
    ear.takes = 0.3
    async with house(ear=ear, mind=says("one " * 50)) as home:
        home.session.answer_typed("talk")
        await home.voice(1.0)
    assert "crashed" not in "".join(capsys.readouterr())


async def test_the_end_of_a_slot_is_not_judged_in_the_middle_of_a_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 7: the last samples are out of the queue, and in the books by half, when the loop looks at them."""
    gate = Gate(1000)
    gate.attach(Card(pends=40))
    slot = gate.admit(Turn(utterance(), "you", "s", "n"))
    await slot.write(bytes(2 * 100))
    slot.finish()
    enter = gate._enter
    loop = threading.Thread(target=gate.advance)

    def looked_at(owner: Any, part: memoryview) -> None:
        enter(owner, part)
        if loop.ident is None:
            loop.start()
            loop.join(0.2)

    monkeypatch.setattr(gate, "_enter", looked_at)
    gate.pull(memoryview(bytearray(2 * 100)))
    await trio.to_thread.run_sync(loop.join)
    assert not slot._played.is_set(), "forty samples have not sounded"
    gate.pull(memoryview(bytearray(2 * 40)))
    gate.advance()
    assert slot._played.is_set()
