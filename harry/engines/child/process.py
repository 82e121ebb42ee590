"""A child process as Harry has it: calls into it, what they emit, and its end.

A thread of its own reads what the child says, and another writes to it, so that the loop never waits for a pipe. A call
that is cancelled returns at once; a child that has not ended it within `OBEYS_WITHIN` seconds is killed.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
import trio

from harry.engines.child.codec import Header, pack, read_frame, write_frame
from harry.errors import (
    BudgetReached,
    ConfigurationError,
    EngineBusy,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    HarryError,
)
from harry.net import egress

LOAD_SECONDS = 120.0
"""Seconds in which a child has to have its engine ready."""

OBEYS_WITHIN = 2.0
"""Seconds from a cancel until the child has ended the call, or is ended itself."""

CLOSES_WITHIN = 1.0
"""Seconds for a child to let go of its engine when it is closed."""

THREADS = 2
"""Threads that numeric libraries may use."""

SWITCHES = {
    **{f"{library}_NUM_THREADS": str(THREADS) for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "RAYON")},
    "TOKENIZERS_PARALLELISM": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ANONYMIZED_TELEMETRY": "False",
}
"""What a child's environment has besides Harry's own, unless somebody has set it."""

ERRORS: Mapping[str, type[HarryError]] = {
    kind.__name__: kind
    for kind in (EngineError, EngineUnavailable, EngineBusy, EngineTimeout, BudgetReached, ConfigurationError)
}

Take = Callable[[Header, bytes], Awaitable[None]]

log = structlog.get_logger(__name__)


class _Call:
    """A call that waits for what the child says of it. `post` may be called from any thread."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._send, self._receive = trio.open_memory_channel[tuple[Header, bytes]](4)

    def post(self, header: Header, payload: bytes) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._put, header, payload)

    def _put(self, header: Header, payload: bytes) -> None:
        # A child sends one item ahead at most; what is beyond that breaks the protocol, and is dropped.
        with suppress(trio.WouldBlock):
            self._send.send_nowait((header, payload))

    async def next(self) -> tuple[Header, bytes]:
        return await self._receive.receive()


class ChildProcess:
    """Started with an engine's role, name and table; ready when this returns, which blocks. Raises `EngineError`."""

    def __init__(self, role: str, name: str, table: Mapping[str, Any]) -> None:
        self.name = name
        self.retired = False
        """The child is gone, or its engine says that it is of no more use."""
        self._calls: dict[int, _Call] = {}
        self._overdue: dict[int, float] = {}
        self._answering = threading.Lock()
        self._ended_for = ""
        self._numbers = itertools.count(1)
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harry.engines.child.run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,  # Control-C in the terminal is Harry's affair
            env={**SWITCHES, **os.environ},
        )
        self._reader = threading.Thread(target=self._read, name=f"answers of {name}", daemon=True)
        self._writer = threading.Thread(target=self._write, name=f"calls to {name}", daemon=True)
        self._woken, self._wake = os.pipe()
        self._pipes = threading.Lock()
        self._closed = False
        self.about: Header = {}
        self._start(role, table)

    def _start(self, role: str, table: Mapping[str, Any]) -> None:
        plain = json.loads(json.dumps(dict(table), default=str))  # a path is text on its way
        asked = {"role": role, "name": self.name, "table": plain, "egress": egress.current()}
        timer = threading.Timer(LOAD_SECONDS, self._end_for, ["took too long"])
        timer.daemon = True  # whichever thread this is, Harry may end meanwhile
        timer.start()
        try:
            write_frame(self._input, pack(asked))
            answer = read_frame(self._output)
        except (OSError, ValueError):
            answer = None
        finally:
            timer.cancel()
        if answer is None:
            self._process.kill()
            self._process.wait()
            self._close_pipes()
            raise EngineUnavailable(
                f"{self.name}, in a process of its own, {self._how_it_ended()} while it was loaded."
            )
        if "error" in answer[0]:
            self._process.wait()
            self._close_pipes()
            raise _error(answer[0])
        self.about = answer[0]
        self._reader.start()
        self._writer.start()

    @property
    def _input(self) -> int:
        assert self._process.stdin is not None  # noqa: S101  it was asked for
        return self._process.stdin.fileno()

    @property
    def _output(self) -> int:
        assert self._process.stdout is not None  # noqa: S101  it was asked for
        return self._process.stdout.fileno()

    async def call(self, asked: Mapping[str, Any], payload: bytes, take: Take) -> tuple[Header, bytes]:
        """Have the engine do something; `take` is given each item that it emits. Returns the answer.

        Raises `EngineError`: what the engine raised, or that the child has ended.
        """
        number, call = next(self._numbers), _Call()
        self._calls[number] = call
        if self.retired:  # looked at when the call can be told of the end: the end may come at any moment
            self._calls.pop(number, None)
            raise EngineError(f"{self.name} {self._how_it_ended()}.", remedy="Ask again.")
        try:
            self._outgoing.put(pack({"id": number, **asked}, payload))
            while True:
                header, content = await call.next()
                if "item" in header:
                    await take(header, content)
                    self._outgoing.put(pack({"id": number, "taken": True}))
                    continue
                if "error" in header:
                    raise _error(header)
                return header, content
        finally:
            self._cancel(number)

    def _cancel(self, number: int) -> None:
        """Tell the child that nobody waits any more, unless it is done; the reader sees to it that it obeys."""
        with self._answering:
            if number not in self._calls:
                return  # its answer was read, perhaps after the cancel: nothing more will come of it
            self._overdue[number] = time.monotonic() + OBEYS_WITHIN
        self._outgoing.put(pack({"id": number, "cancel": True}))
        with self._pipes, suppress(OSError):
            if not self._closed:
                os.write(self._wake, b"\0")

    def _write(self) -> None:
        while (frame := self._outgoing.get()) is not None:
            try:
                write_frame(self._input, frame)
            except (OSError, ValueError):
                return  # the reader hears of the end, and tells

    def _read(self) -> None:
        try:
            while True:
                due = min(self._overdue.copy().values(), default=None)
                wait = None if due is None else max(0.0, due - time.monotonic())
                ready, _, _ = select.select([self._output, self._woken], [], [], wait)
                if self._woken in ready:
                    os.read(self._woken, 4096)
                if self._output in ready:
                    if not self._dispatch():
                        return
                elif due is not None and time.monotonic() >= due:  # what it has said by now was read
                    log.warning("an engine's process does not heed a cancel and is ended", engine=self.name)
                    self._end_for("did not heed a cancel")
                    return
        except (OSError, ValueError) as error:
            log.warning("an engine's process cannot be understood", engine=self.name, cause=type(error).__name__)
        finally:
            self._end()

    def _dispatch(self) -> bool:
        """Hand on one frame; False at the end of all."""
        frame = read_frame(self._output)
        if frame is None:
            return False
        header, payload = frame
        number = header.get("id")
        if not isinstance(number, int):
            return True
        if "item" in header:
            call = self._calls.get(number)
        else:
            if header.get("retired"):
                self.retired = True
            with self._answering:
                call = self._calls.pop(number, None)
                if self._overdue.pop(number, None) is not None:
                    return True  # it has obeyed, and nobody waits for its answer
        if call is not None:
            call.post(header, payload)
        return True

    def _end(self) -> None:
        """End the child if it is not over, and tell those who wait for it."""
        self._process.kill()
        self._process.wait()
        self.retired = True
        self._outgoing.put(None)
        lost = {"error": "EngineError", "message": f"{self.name} {self._how_it_ended()}.", "remedy": "Ask again."}
        for number in list(self._calls):
            if call := self._calls.pop(number, None):
                call.post(dict(lost), b"")
        self._close_pipes()

    def _end_for(self, reason: str) -> None:
        """End the child for a reason that is told to those who wait for it."""
        self._ended_for = reason
        self._process.kill()

    def _how_it_ended(self) -> str:
        code = self._process.poll()
        if self._ended_for:
            return f"{self._ended_for} and was ended"
        if code is None:
            return "is of no more use"
        return f"crashed (signal {-code})" if code < 0 else f"ended by itself (exit code {code})"

    def close(self) -> None:
        """End the child and its threads; blocking, for a second or so."""
        self.retired = True
        self._outgoing.put(pack({"close": True}))
        self._outgoing.put(None)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSES_WITHIN)
        self._process.kill()
        for thread in (self._reader, self._writer):
            thread.join(CLOSES_WITHIN)
        self._close_pipes()

    def kill(self) -> None:
        """End the child at once. From any thread."""
        self._process.kill()

    def _close_pipes(self) -> None:
        with self._pipes:
            if self._closed:
                return  # a number that was given back may belong to somebody else by now
            self._closed = True
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            os.close(self._wake)
            os.close(self._woken)


def _error(header: Header) -> HarryError:
    kind = ERRORS.get(str(header["error"]), EngineError)
    return kind(str(header.get("message", "")), remedy=str(header.get("remedy", "")))
