"""The process of an engine: it is told which one on standard input, loads it, and serves calls until nobody is left.

Its standard output belongs to the protocol alone: whatever a library prints goes to standard error. When the input
ends, Harry is gone, and the process ends, also while the engine is loaded.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import trio

from actors.protocols import Recognition
from actors.speaker import checked
from harry.engines import registry
from harry.engines.child.codec import (
    Header,
    decode_request,
    encode_chunk,
    encode_delta,
    encode_recognition,
    pack,
    read_frame,
    write_frame,
)
from harry.engines.exits import exits_fail
from harry.engines.spending import Charged
from harry.engines.traits import read_traits
from harry.errors import ConfigurationError, EngineError, HarryError
from harry.net import egress


class Server:
    """Serves the calls of one engine. What is written is written by one thread at a time, in order."""

    def __init__(self, role: str, engine: Any, requests: int, answers: int) -> None:
        self._role = role
        self._engine = engine
        self._requests = requests
        self._answers = answers
        self._writing = threading.Lock()
        self._scopes: dict[int, trio.CancelScope] = {}
        self._taken: dict[int, trio.Event] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Serve until told to close."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            token = trio.lowlevel.current_trio_token()
            threading.Thread(target=self._read, args=[token], daemon=True).start()
            self.write({"ready": True, **_about(self._engine)})
            await trio.sleep_forever()

    def write(self, header: Header, payload: bytes = b"") -> None:
        """Write a frame."""
        with self._writing:
            write_frame(self._answers, pack(header, payload))

    def _read(self, token: trio.lowlevel.TrioToken) -> None:
        try:
            while (frame := read_frame(self._requests)) is not None:
                token.run_sync_soon(self._dispatch, *frame)
        finally:
            os._exit(0)  # Harry is gone, or what he says cannot be understood: nobody waits for anything here

    def _dispatch(self, header: Header, payload: bytes) -> None:
        if self._nursery is None:
            return
        if header.get("close"):
            self._nursery.start_soon(self._close)
        elif "cancel" in header:
            if (scope := self._scopes.get(header["id"])) is not None:
                scope.cancel()
        elif "taken" in header:
            if (waiting := self._taken.get(header["id"])) is not None:
                waiting.set()
        else:
            self._scopes[header["id"]] = trio.CancelScope()
            self._nursery.start_soon(self._serve, header["id"], header, payload)

    async def _close(self) -> None:
        try:
            await self._engine.aclose()
        finally:
            os._exit(0)

    async def _serve(self, number: int, header: Header, payload: bytes) -> None:
        answer: Header = {"error": "EngineError", "message": "The call was cancelled."}
        try:
            with self._scopes[number], exits_fail(self._engine.name):
                answer = await self._do(number, header, payload)
        except HarryError as error:
            answer = {"error": type(error).__name__, "message": error.message, "remedy": error.remedy}
        except Exception as error:  # noqa: BLE001  an engine may come from anybody; its words may hold what was said
            broken = EngineError(f"{self._engine.name} broke at its work ({type(error).__name__}).")
            answer = {"error": "EngineError", "message": broken.message}
        finally:
            del self._scopes[number]
            self._taken.pop(number, None)
        self.write({"id": number, "retired": bool(getattr(self._engine, "retired", False)), **answer})

    async def _do(self, number: int, header: Header, payload: bytes) -> Header:
        samples = np.frombuffer(payload, np.float32)
        match header["do"]:
            case "speak":
                await self._engine.speak(header["text"], self._emit(number, lambda chunk: encode_chunk(checked(chunk))))
            case "reply":
                request = decode_request(header["request"])
                await self._engine.reply(request, self._emit(number, lambda delta: (encode_delta(delta), b"")))
            case "transcribe":
                return encode_recognition(Recognition.of(await self._engine.transcribe(samples)))
            case "likelihood":
                return {"likelihood": float(await self._engine.likelihood(header["text"], samples))}
            case _:
                raise EngineError("That is no call.")
        return {"done": True}

    def _emit(self, number: int, encode: Callable[[Any], tuple[Header, bytes]]) -> Callable[[Any], Awaitable[None]]:
        async def emit(item: Any) -> None:
            header, payload = encode(item)
            taken = self._taken[number] = trio.Event()
            self.write({"id": number, "item": True, **header}, payload)
            await taken.wait()

        return emit


def _about(engine: Any) -> Header:
    traits = read_traits(engine)
    return {
        "describe": engine.describe(),
        "rate": getattr(engine, "rate", 0),
        "language": getattr(engine, "language", ""),
        "traits": {name: getattr(traits, name) for name in traits.__slots__},
    }


def _end_with_harry(requests: int) -> None:
    """End the process once nobody can write to it any more."""
    watched = select.poll()
    watched.register(requests, 0)  # its end is told without being asked for
    watched.poll()
    os._exit(0)


def _load(told: Header) -> Any:
    """Load the engine. Raises `HarryError`."""
    engine = registry.load_engine(told["role"], told["name"], told["table"])
    if isinstance(engine, Charged):
        raise ConfigurationError(
            f"{told['name']} asks the budget before each use, which it cannot do in a process of its own.",
            remedy=f"Leave out engine.{told['name']}.process.",
        )
    return engine


def main() -> None:
    """Load the engine that the first frame names, and serve it."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a text stream
    asked = read_frame(requests)
    if asked is None:
        return
    threading.Thread(target=_end_with_harry, args=[requests], daemon=True).start()
    told = asked[0]
    folder = told["egress"]["folder"]
    egress.configure(local_only=told["egress"]["local_only"], folder=Path(folder) if folder else None)
    try:
        engine = _load(told)
    except HarryError as error:
        kind = {"error": type(error).__name__, "message": error.message, "remedy": error.remedy}
        write_frame(answers, pack(kind))
        os._exit(1)
    trio.run(Server(told["role"], engine, requests, answers).run)


if __name__ == "__main__":
    main()
