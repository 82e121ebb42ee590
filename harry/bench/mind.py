"""What Harry adds to a mind's time, how fast a cut reaches its server, how replies are handed on, a prefix kept warm.

The server streams at a set pace on the loopback interface; relay, HTTP, responder and wording are the real ones.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import trio

from actors.protocols import Delta, LanguageModel, Message, Request, Role, TextDelta, TextPart, Usage
from actors.responder import respond
from actors.text.segmentation import Wording
from channels.messages import Piece, Recollection, Source, Utterance
from channels.ports import Port
from harry.bench.figures import percentiles
from harry.bench.paced_server import PacedServer, serve_paced
from harry.engines import registry
from harry.errors import EngineUnavailable
from harry.mind.fallback.relay import Link, Relay
from harry.mind.llamacpp.smollm2 import SmolLM2
from harry.mind.openai.engine import OpenAIChat

DEADLINE = 0.2
"""Seconds to the first token of the mind that hangs."""

_REPLY = ["Well, here is the answer, and more: ", *[f"word{number} " for number in range(200)]]
_NUMBERS = [f"n{number} " for number in range(30)]
_ASKED = Message(Role.USER, (TextPart("What is it?"),))

Ask = Callable[[Request, Callable[[Delta], Awaitable[None]]], Awaitable[None]]


def _mind(name: str, url: str, deadline: float = 10.0) -> OpenAIChat:
    return OpenAIChat.load(
        name, OpenAIChat.Settings(base_url=url, model="paced", first_token_deadline=deadline, retries=0)
    )


def _relay(*minds: LanguageModel) -> Relay:
    def link(mind: LanguageModel) -> Link:
        async def load() -> LanguageModel:
            return mind

        return Link(mind.name, load)

    return Relay([link(mind) for mind in minds])


async def _pieces(ask: Ask, heard: Callable[[Piece], None]) -> None:
    """Have a question answered; `heard` stands for the voice."""
    recollections, pieces = Port[Recollection]("recollection", 1), Port[Piece]("pieces", 2)
    await recollections.send(Recollection(Utterance("bench", "What is it?", Source.TYPED), ()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(respond, recollections, ask=ask, prompt=lambda _: (_ASKED,), ordinal=0, out=pieces))
        async for piece in pieces:
            heard(piece)


async def _first_piece_and_cut(n: int) -> dict[str, Any]:
    """Answer `n` times, and cut each reply at a random instant after its first piece."""
    added: list[float] = []
    cut: list[float] = []
    instants = random.Random(7)  # noqa: S311  no secret
    async with serve_paced(lambda asked: _REPLY) as server:
        mind = _mind("paced", server.url)
        relay = _relay(mind, mind)
        before = 0
        for number in range(n):
            server.saw_end = trio.Event()
            added.append(await _answer_and_cut(relay, server, instants.uniform(0.0, 0.03), cut))
            if number == min(9, n - 1):  # what is opened once is open now
                await server.wait_idle()
                before = _descriptors()
        await server.wait_idle()
        leaked = _descriptors() - before
        await mind.aclose()
    return {
        "first_token_to_first_piece_ms": percentiles(added),
        "cut_to_end_at_server_ms": percentiles(cut),
        "descriptors_leaked": max(0, leaked),
    }


async def _answer_and_cut(relay: Relay, server: PacedServer, after: float, cut: list[float]) -> float:
    first = trio.Event()
    at: list[float] = []

    def hear(piece: Piece) -> None:
        at.append(time.perf_counter())
        first.set()

    async with trio.open_nursery() as turn:
        turn.start_soon(_pieces, relay.reply, hear)
        await first.wait()
        await trio.sleep(after)
        cut_at = time.perf_counter()
        turn.cancel_scope.cancel()
    with trio.fail_after(5):
        await server.saw_end.wait()
    cut.append(server.ended[-1] - cut_at)
    return at[0] - server.first_sent[-1]


async def _handed_on(n: int) -> dict[str, Any]:
    """Let the first mind hang, before its first word or amid its reply, and the second answer `n` times."""
    late: list[float] = []
    repeated = missing = 0
    breaks = random.Random(11)  # noqa: S311  no secret
    said = [0]

    def hanging(asked: dict[str, Any]) -> Sequence[str | None]:
        return [*_NUMBERS[: said[0]], None]

    def second(asked: dict[str, Any]) -> Sequence[str | None]:
        # Half of the minds begin again, although they were told not to.
        begun = len(_NUMBERS) - len(_NUMBERS[said[0] :]) if breaks.random() < 0.5 else 0
        return _NUMBERS[begun:]

    async with serve_paced(hanging, 0.001) as hangs, serve_paced(second, 0.001) as answers:
        one, two = _mind("hangs", hangs.url, DEADLINE), _mind("answers", answers.url)
        for number in range(n):
            said[0] = 0 if number % 2 else breaks.randrange(1, len(_NUMBERS))
            heard: list[str] = []
            first: list[float] = []

            def hear(piece: Piece, heard: list[str] = heard, first: list[float] = first) -> None:
                heard.append(piece.text)
                first.append(time.perf_counter())

            began = time.perf_counter()
            await _pieces(_relay(one, two).reply, hear)
            words = "".join(heard).split()
            if not said[0]:
                late.append(first[0] - began - DEADLINE)
            repeated += len(words) - len(set(words))
            missing += len(set(_NUMBERS)) - len(set(words))
        await one.aclose()
        await two.aclose()
    return {
        "handed_on": n,
        "speech_after_missed_deadline_ms": percentiles(late),
        "words_repeated": repeated,
        "words_missing": missing,
    }


async def _prefix() -> dict[str, Any]:
    """Time the first sound of the embedded mind and voice with a prompt of some 1500 tokens, cold and warm."""
    try:
        mind = await trio.to_thread.run_sync(SmolLM2.load, "smollm2", SmolLM2.Settings())
        voice = await trio.to_thread.run_sync(partial(registry.load_engine, "text_to_speech", "piper", {}))
    except EngineUnavailable as error:
        return {"embedded": str(error)}
    about = " ".join(f"Memory {number}: on that day we talked about the sea and a lighthouse." for number in range(88))
    head = Message(Role.SYSTEM, (TextPart(f"You are Harry, a helpful voice assistant. {about}"),))
    figures: dict[str, Any] = {}
    try:
        await voice.speak("Ready.", _nothing)
        for name, words in (("cold", "What is the capital of France?"), ("warm", "What is the capital of Italy?")):
            request = Request((head, Message(Role.USER, (TextPart(words),))), max_tokens=48)
            figures[f"first_sound_{name}_ms"] = await _first_sound(mind, voice, request)
        figures["prompt_tokens"] = await _tokens(mind, request)
    finally:
        await mind.aclose()
        await voice.aclose()
    figures["warm_of_cold"] = round(figures["first_sound_warm_ms"] / figures["first_sound_cold_ms"], 3)
    return figures


async def _tokens(mind: LanguageModel, request: Request) -> int:
    """Have the prompt's tokens counted."""
    counted: list[int] = []

    async def take(delta: Delta) -> None:
        if isinstance(delta, Usage):
            counted.append(delta.prompt_tokens)
        await trio.lowlevel.checkpoint()

    await mind.reply(replace(request, max_tokens=1), take)
    return counted[-1]


async def _first_sound(mind: LanguageModel, voice: Any, request: Request) -> float:
    began = time.perf_counter()
    wording = Wording()
    found: list[str] = []

    async def take(delta: Delta) -> None:
        if isinstance(delta, TextDelta) and not found:
            found.extend(wording.feed(delta.text))
            if found:
                asking.cancel()

    with trio.CancelScope() as asking:
        await mind.reply(request, take)
    sounds: list[float] = []

    async def sound(chunk: Any) -> None:
        sounds.append(time.perf_counter())
        speaking.cancel()

    with trio.CancelScope() as speaking:
        await voice.speak((found or wording.end() or ["Nothing."])[0], sound)
    return round((sounds[0] - began) * 1000, 1)


async def _nothing(chunk: Any) -> None:
    await trio.lowlevel.checkpoint()


def _descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def run(n: int, *, embedded: bool = True) -> dict[str, Any]:
    """Answer `n` times, hand on a fifth as often, and read the long prompt twice."""

    async def all_of_it() -> dict[str, Any]:
        figures = {"replies": n, **await _first_piece_and_cut(n), **await _handed_on(max(2, n // 5))}
        return {**figures, **(await _prefix() if embedded else {})}

    return trio.run(all_of_it)
