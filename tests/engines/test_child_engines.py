"""An engine in a process of its own serves as in Harry's, is ended when it does not obey, and ends with Harry."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio

from actors.protocols import (
    CutShort,
    ImagePart,
    Message,
    Recognition,
    Request,
    Role,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from channels.messages import Chunk, Word
from harry.engines import registry
from harry.engines.child import process as child_process
from harry.engines.child.codec import (
    decode_chunk,
    decode_delta,
    decode_request,
    encode_chunk,
    encode_delta,
    encode_request,
    pack,
    read_frame,
)
from harry.errors import ConfigurationError, EngineBusy, EngineError, EngineUnavailable
from harry.testing.conformance import suite
from harry.testing.engines import ScriptedLanguageModel, ScriptedSpeechToText, ScriptedVoice
from tests.support.paths import ROOT
from tests.support.plugin_folder import ENGINE, install

MODULE = (
    ENGINE
    + """
import os, sys, time
from harry.plugin import EngineBusy

class Voice(Base):
    rate = 8_000

    async def speak(self, text, emit):
        print("what a library prints")
        os.write(1, b"and what it writes")
        await emit(Chunk(bytes(2 * 800), 8_000, (Word(text, 800),)))

class Deaf(Voice):
    async def speak(self, text, emit):
        if text == "hang":
            with trio.CancelScope(shield=True):
                await trio.sleep(60)
        await super().speak(text, emit)

class Blocks(Voice):
    async def speak(self, text, emit):
        time.sleep(60)

class Crashes(Voice):
    async def speak(self, text, emit):
        os.abort()

class CrashesAtLoad(Voice):
    @classmethod
    def load(cls, name, settings):
        os.abort()

class HangsAtLoad(Voice):
    @classmethod
    def load(cls, name, settings):
        print(os.getpid())
        time.sleep(100)

class Costly(Voice):
    meter = None

class Raises(Voice):
    async def speak(self, text, emit):
        if text == "busy":
            raise EngineBusy("Too much to do.", remedy="Wait.")
        if text == "leave":
            raise SystemExit(3)
        raise ValueError(f"something private: {text}")

class Keyless(Voice):
    @classmethod
    def load(cls, name, settings):
        raise EngineUnavailable("The key is missing.", remedy="Set it.")

class Retires(Voice):
    retired = False

    async def speak(self, text, emit):
        self.retired = True
        await super().speak(text, emit)
"""
)
NAMES = (
    "Voice", "Deaf", "Blocks", "Crashes", "CrashesAtLoad", "HangsAtLoad", "Costly", "Raises", "Keyless", "Retires",
)  # fmt: skip


@pytest.fixture(autouse=True)
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = install(
        tmp_path / "plugins",
        {"harry.text_to_speech": {name.lower(): f"strange_child:{name}" for name in NAMES}},
        {"strange_child.py": MODULE},
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.delitem(sys.modules, "strange_child", raising=False)


def voice(name: str) -> Any:
    return registry.load_engine("text_to_speech", name, {"process": True})


async def never(chunk: Chunk) -> None:
    await trio.sleep_forever()


async def speak(engine: Any, text: str = "hello") -> list[Chunk]:
    chunks: list[Chunk] = []

    async def take(chunk: Chunk) -> None:
        await trio.lowlevel.checkpoint()
        chunks.append(chunk)

    await engine.speak(text, take)
    return chunks


class Apart:
    """Loads the engine of a role in a process of its own."""

    name = "scripted"
    role = ""
    shared = True

    def load(self, name: str = "conformance") -> Any:
        return registry.load_engine(self.role, name, {"kind": self.name, "process": True})


class TestVoiceApart(Apart, suite("text_to_speech", ScriptedVoice)):  # type: ignore[misc]
    role = "text_to_speech"


class TestEarApart(Apart, suite("speech_to_text", ScriptedSpeechToText)):  # type: ignore[misc]
    role = "speech_to_text"


class TestMindApart(Apart, suite("language_model", ScriptedLanguageModel)):  # type: ignore[misc]
    role = "language_model"


async def test_what_its_libraries_print_does_not_get_into_what_it_answers() -> None:
    engine = voice("voice")
    try:
        assert engine.describe() == "a stranger, in a process of its own"
        assert await speak(engine) == [Chunk(bytes(1600), 8_000, (Word("hello", 800),))]
    finally:
        await engine.aclose()


async def test_one_that_does_not_heed_a_cancel_is_ended_and_retired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "OBEYS_WITHIN", 0.2)
    for name, text in (("deaf", "hang"), ("blocks", "hello")):
        engine = voice(name)
        try:
            with trio.move_on_after(0.3) as scope:
                await speak(engine, text)
            assert scope.cancelled_caught
            with trio.fail_after(20):
                await trio.to_thread.run_sync(engine._child._reader.join, abandon_on_cancel=True)
            assert engine.retired
            assert engine._child._process.poll() == -signal.SIGKILL
            with pytest.raises(EngineError, match="did not heed a cancel and was ended"):
                await speak(engine)
        finally:
            await engine.aclose()


async def test_one_that_heeds_a_cancel_goes_on_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = voice("deaf")
    try:
        with trio.move_on_after(0.2):
            await engine.speak("hello", never)
        assert len(await speak(engine)) == 1
        assert not engine.retired
        assert engine._child._overdue == {}
    finally:
        await engine.aclose()


async def test_a_cancel_that_comes_after_the_answer_was_read_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = voice("voice")
    answered = threading.Event()
    post = child_process._Call.post

    def hold(self: Any, header: Any, payload: bytes) -> None:
        if "item" in header:
            post(self, header, payload)
        else:
            answered.set()  # it has not got to the loop when the cancel comes

    try:
        with monkeypatch.context() as patch:
            patch.setattr(child_process._Call, "post", hold)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(speak, engine)
                assert await trio.to_thread.run_sync(answered.wait, 20)
                nursery.cancel_scope.cancel()
        assert engine._child._overdue == {}, "it has nothing left to obey"
        assert len(await speak(engine)) == 1
    finally:
        await engine.aclose()


async def test_a_call_that_begins_as_the_process_ends_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = voice("voice")

    class Late(child_process._Call):
        def __init__(self) -> None:
            super().__init__()
            engine._child.kill()
            engine._child._reader.join(20)

    monkeypatch.setattr(child_process, "_Call", Late)
    try:
        with trio.fail_after(20), pytest.raises(EngineError, match=r"crashed \(signal 9\)"):
            await speak(engine)
    finally:
        await engine.aclose()


async def test_one_that_crashes_fails_its_call_and_is_retired() -> None:
    engine = voice("crashes")
    try:
        with pytest.raises(EngineError, match=r"crashes crashed \(signal 6\)"):
            await speak(engine)
        assert engine.retired
    finally:
        await engine.aclose()


def test_one_that_crashes_while_it_is_loaded_cannot_serve() -> None:
    with pytest.raises(EngineUnavailable, match=r"crashed \(signal 6\) while it was loaded"):
        voice("crashesatload")


def test_one_that_is_not_loaded_in_time_is_ended_and_cannot_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "LOAD_SECONDS", 0.1)
    with pytest.raises(EngineUnavailable, match="took too long and was ended while it was loaded"):
        voice("hangsatload")


def test_one_that_asks_the_budget_cannot_run_where_there_is_none() -> None:
    with pytest.raises(ConfigurationError, match="asks the budget before each use") as told:
        voice("costly")
    assert told.value.remedy == "Leave out engine.costly.process."


async def test_a_table_may_hold_a_path(tmp_path: Path) -> None:
    replies = tmp_path / "replies.txt"
    replies.write_text("One.\n")
    mind = registry.load_engine("language_model", "scripted", {"process": True, "replies": replies})
    await mind.aclose()


def test_one_that_cannot_be_loaded_says_why_in_its_own_words() -> None:
    with pytest.raises(EngineUnavailable, match="The key is missing") as told:
        voice("keyless")
    assert told.value.remedy == "Set it."


async def test_what_it_raises_is_raised_here_and_private_words_stay_there() -> None:
    engine = voice("raises")
    try:
        with pytest.raises(EngineBusy, match="Too much to do"):
            await speak(engine, "busy")
        with pytest.raises(EngineError, match=r"broke at its work \(ValueError\)") as told:
            await speak(engine, "hello")
        assert "private" not in str(told.value)
        with pytest.raises(EngineError, match="end of the whole process"):
            await speak(engine, "leave")
        assert not engine.retired
    finally:
        await engine.aclose()


async def test_one_that_asks_to_be_replaced_is_retired_here_too() -> None:
    engine = voice("retires")
    try:
        await speak(engine)
        assert engine.retired
    finally:
        await engine.aclose()


def test_a_detector_of_voices_cannot_run_apart() -> None:
    with pytest.raises(ConfigurationError, match="for every frame"):
        registry.load_engine("voice_activity", "energy", {"process": True})


def test_the_key_is_a_switch() -> None:
    with pytest.raises(ConfigurationError, match="true or false"):
        registry.load_engine("text_to_speech", "scripted", {"process": "perhaps"})
    assert isinstance(registry.load_engine("text_to_speech", "scripted", {"process": False}), ScriptedVoice)


def wait_for_end(process: int) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        status = Path(f"/proc/{process}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process with a child engine that was started from a thread that is gone; prints the child's number."""
    code = """
        import sys, threading, time
        from harry.engines import registry
        made = []
        def load():
            made.append(registry.load_engine("text_to_speech", "scripted", {"process": True}))
        thread = threading.Thread(target=load)
        thread.start()
        thread.join()
        time.sleep(0.2)
        child = made[0]._child._process
        print(child.pid, child.poll(), flush=True)
        time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    yield process
    process.kill()
    process.communicate()


def test_it_outlives_the_thread_that_started_it_and_ends_with_harry(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout is not None
    number, ended = parent.stdout.readline().split()
    assert ended == "None"
    parent.kill()
    parent.wait()
    assert wait_for_end(int(number)), "it is left behind"


def test_one_that_is_still_loaded_neither_holds_up_harry_s_end_nor_outlives_him() -> None:
    code = """
        import sys, threading
        from harry.engines import registry
        threading.Thread(
            target=registry.load_engine, args=["text_to_speech", "hangsatload", {"process": True}], daemon=True
        ).start()
        sys.stdin.readline()
    """
    folders = os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": folders},
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert process.stdin is not None
        number = int(process.stderr.readline())
        process.stdin.close()
        process.wait(20)
        assert wait_for_end(number), "it is left behind"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_who_forgets_to_close_it_leaves_no_process_behind() -> None:
    engine = voice("voice")
    number = engine._child._process.pid
    del engine
    assert wait_for_end(number)


# The protocol

REQUEST = Request(
    (
        Message(Role.SYSTEM, (TextPart("Be Harry."),)),
        Message(Role.USER, (TextPart("é\ud800"), ImagePart("data:image/png;base64,AA=="))),
        Message(Role.ASSISTANT, (ToolCall("1", "lamp", "{}", {"signature": "x"}),)),
        Message(Role.TOOL, (ToolResult("1", "on"),)),
    ),
    3,
    "thought",
    77,
    (Tool("lamp", "Switches.", {"type": "object"}, effect=True),),
    {"type": "object"},
)


def through(*frame: Any) -> Any:
    reading, writing = os.pipe()
    try:
        os.write(writing, pack(*frame))
        return read_frame(reading)
    finally:
        os.close(reading)
        os.close(writing)


def test_a_request_arrives_as_it_was_sent() -> None:
    header, _ = through({"request": encode_request(REQUEST)})
    assert decode_request(header["request"]) == REQUEST


@pytest.mark.parametrize(
    "delta", [TextDelta("é\n\0"), ToolCall("1", "lamp", "{", {"a": [1]}), Usage(3, 4, 0.5), Usage(1, 2), CutShort()]
)
def test_a_delta_arrives_as_it_was_sent(delta: Any) -> None:
    header, _ = through({"id": 7, "item": True, **encode_delta(delta)})
    assert decode_delta(header) == delta


def test_what_is_no_delta_is_refused() -> None:
    with pytest.raises(TypeError, match="emits deltas, not str"):
        encode_delta("text")  # type: ignore[arg-type]


def test_a_chunk_arrives_as_it_was_sent() -> None:
    chunk = Chunk(np.arange(100, dtype=np.int16).tobytes(), 22_050, (Word("one", 5), Word(" two", 100)))
    header, payload = through(*encode_chunk(chunk))
    assert decode_chunk(header, payload) == chunk
    assert Recognition.of("x").text == "x"


@pytest.mark.parametrize("junk", [b"hello, this is no frame", b"\xff" * 8, b"\x02\0\0\0\0\0\0\0[]"])
def test_what_is_no_frame_is_refused(junk: bytes) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, junk)
        os.close(writing)
        writing = -1
        with suppress(ValueError):
            assert read_frame(reading) is None
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
