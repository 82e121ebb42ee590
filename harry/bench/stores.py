"""What doing things at once is worth: the same services asked one after another, and together.

Redis is a real server on loopback, files are synced on this disk, HTTP is a server on loopback that takes a set time
for each answer, and a turn is scripted: its prompt's services over that HTTP, a mind and a voice that take set times.
What is scripted is said with its figure, so that nobody takes a ratio for more than it is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import trio

from harry.errors import StoreError
from harry.files.async_files import open_files
from harry.memory.shared_state.redis_client import open_link

TASKS = 16
"""Callers at once."""

ROUNDS = 5
"""Times each comparison is made, the one and the other in turn; the median counts."""

DELAY = 0.1
"""Seconds the HTTP server takes for an answer."""

SERVICES = 6
"""What a prompt asks for: memories three times, books, the journal, the knowledge base."""

TOKENS, TOKEN, TOKENS_IN_SENTENCE = 40, 0.02, 10  # of the scripted mind; a token takes so many seconds
SENTENCE = 0.2  # seconds the scripted voice takes for a sentence

Work = Callable[[], Awaitable[object]]


def run(n: int) -> dict[str, Any]:
    """Compare each kind, with `n` operations on Redis and a tenth of that on the others."""
    return trio.run(_run, max(n, TASKS))


async def _run(n: int) -> dict[str, Any]:
    few = max(n // 10, TASKS)
    return {
        "tasks": TASKS,
        "redis": await _redis(n),
        "files": await _files(few),
        "http": await _http(TASKS),
        "turn": await _turn(),
    }


# Redis


async def _redis(n: int) -> dict[str, Any]:
    program = shutil.which("redis-server")
    if program is None:
        return {"skipped": "there is no redis-server on this machine"}
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "redis.sock")
        command = [program, "--port", "0", "--unixsocket", address, "--dir", folder, "--save", "", "--appendonly", "no"]
        process = await trio.lowlevel.open_process(command, stdout=subprocess.DEVNULL)
        try:
            async with open_link(f"unix://{address}") as link:
                await _until_it_answers(lambda: link.call("PING"))

                async def ask(number: int) -> None:
                    await link.call("SET", f"key{number % 100}", "a value of some length, as live state has it")
                    await link.call("GET", f"key{number % 100}")

                return {"operations": 2 * n, **await _compared([partial(ask, number) for number in range(n)])}
        finally:
            process.kill()
            await process.wait()


async def _until_it_answers(ask: Work) -> None:
    with trio.fail_after(20):
        while True:
            try:
                await ask()
            except StoreError:
                await trio.sleep(0.02)  # a starting server tells nobody
            else:
                return


# Files


async def _files(n: int) -> dict[str, Any]:
    content = {"text": "x" * 4000, "numbers": list(range(500))}
    with tempfile.TemporaryDirectory(dir=os.environ.get("HARRY_HOME") or None) as folder:
        async with open_files() as files:

            async def write_and_read(number: int) -> None:
                path = Path(folder) / f"{number}.json"
                await files.save_json(path, content)
                await files.load_json(path)

            work = [partial(write_and_read, number) for number in range(n)]
            return {"files": n, "synced": True, **await _compared(work)}


# HTTP


async def _http(n: int) -> dict[str, Any]:
    async with _server(DELAY) as url, _client() as client:
        work = [partial(_asked, client, url) for _ in range(n)]
        return {"requests": n, "scripted": {"answer_seconds": DELAY}, **await _compared(work)}


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=TASKS))


async def _asked(client: httpx.AsyncClient, url: str) -> None:
    (await client.get(url)).raise_for_status()


@asynccontextmanager
async def _server(delay: float) -> AsyncIterator[str]:
    """Answer every request after `delay` seconds, on loopback; gives the address."""

    async def answer(stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            waiting = b""
            while some := await stream.receive_some():
                waiting += some
                while b"\r\n\r\n" in waiting:
                    _, _, waiting = waiting.partition(b"\r\n\r\n")
                    await trio.sleep(delay)
                    await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async with trio.open_nursery() as nursery:
        (listening, *_) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, answer, [listening])
        yield f"http://127.0.0.1:{listening.socket.getsockname()[1]}/"
        nursery.cancel_scope.cancel()


# A turn


async def _turn() -> dict[str, Any]:
    async with _server(DELAY) as url, _client() as client:

        async def ask() -> None:
            await _asked(client, url)

        waited, together = [], []
        for _ in range(ROUNDS):
            waited.append(await _one_after_another(ask))
            together.append(await _as_it_comes(ask))
    total = [median(pair[1] for pair in times) for times in (waited, together)]
    first = [median(pair[0] for pair in times) for times in (waited, together)]
    return {
        "scripted": {
            "services": SERVICES,
            "service_seconds": DELAY,
            "tokens": TOKENS,
            "token_seconds": TOKEN,
            "sentences": TOKENS // TOKENS_IN_SENTENCE,
            "sentence_seconds": SENTENCE,
        },
        "one_after_another_ms": round(total[0] * 1000, 1),
        "together_ms": round(total[1] * 1000, 1),
        "less_percent": round(100 * (1 - total[1] / total[0]), 1),
        "first_sound_one_after_another_ms": round(first[0] * 1000, 1),
        "first_sound_together_ms": round(first[1] * 1000, 1),
    }


async def _one_after_another(ask: Work) -> tuple[float, float]:
    """Ask every service, wait for the whole reply, speak all of it; gives when the first and last sound was there."""
    began = time.perf_counter()
    for _ in range(SERVICES):
        await ask()
    for _ in range(TOKENS):
        await trio.sleep(TOKEN)
    for _ in range(TOKENS // TOKENS_IN_SENTENCE):
        await trio.sleep(SENTENCE)
    ended = time.perf_counter() - began
    return ended, ended


async def _as_it_comes(ask: Work) -> tuple[float, float]:
    """Ask all services at once, and speak each sentence as soon as the mind has ended it."""
    began = time.perf_counter()
    async with trio.open_nursery() as asking:
        for _ in range(SERVICES):
            asking.start_soon(ask)
    send, receive = trio.open_memory_channel[None](8)
    sounded: list[float] = []

    async def think() -> None:
        async with send:
            for token in range(1, TOKENS + 1):
                await trio.sleep(TOKEN)
                if token % TOKENS_IN_SENTENCE == 0:
                    await send.send(None)

    async with trio.open_nursery() as turn:
        turn.start_soon(think)
        async for _ in receive:
            await trio.sleep(SENTENCE)
            sounded.append(time.perf_counter() - began)
    return sounded[0], sounded[-1]


# Comparing


async def _compared(work: Sequence[Work]) -> dict[str, Any]:
    waited, together = [], []
    for _ in range(ROUNDS):
        waited.append(await _timed(work, 1))
        together.append(await _timed(work, TASKS))
    one, many = median(waited), median(together)
    return {
        "one_after_another_ms": round(one * 1000, 1),
        "together_ms": round(many * 1000, 1),
        "times_faster": round(one / many, 2),
    }


async def _timed(work: Sequence[Work], tasks: int) -> float:
    """Do all of it with so many tasks; returns seconds."""
    left = iter(work)

    async def take() -> None:
        for act in left:
            await act()

    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(take)
    return time.perf_counter() - began
