"""N conversations through the door in real time, their clients in a process of their own: `harry bench door`.

Each client holds a websocket and sends 20 ms of microphone and is sent 20 ms of loudspeaker, as plain samples, so that
what is measured is the door, the host and the session, and no protocol. Engines are scripted and answer without delay;
the waits that are policy are set to the least, as in `harry.bench.sessions`. Both processes read one monotonic clock.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import trio

from actors.protocols import LanguageModel, Samples, SpeechToText, TextToSpeech, VoiceActivityDetector
from channels.clock import AudioClock
from channels.gate import Gate
from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES, Frame
from channels.signals import Signal
from harry.audio.resampling import EAR, Reblocker
from harry.bench.figures import percentiles
from harry.config.loading import Config
from harry.config.sections import User, Web
from harry.daemon.gc_freeze import start_kept
from harry.daemon.web_server import opened
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import EngineUnavailable
from harry.hearing.energy import Energy, EnergySettings
from harry.host.conversation import ConversationDevices
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.in_memory import InMemoryStore
from harry.session.session import Session, TurnTakingSettings
from harry.testing.engines import ScriptedLanguageModel, ScriptedSettings, ScriptedSpeechToText, ScriptedVoice
from harry.web.server.http import Request
from harry.web.server.listener import listen
from harry.web.server.websocket import Socket

TICK = 0.02
"""Seconds of a frame, both ways."""

RATE = 24_000
"""Hz of what Harry says."""

PATH = "/bench"

_AHEAD = 50
"""Frames that may wait to be sent; a client that reads misses none."""

_REPLY = " ".join(f"word{number}" for number in range(40)) + "."
_WINDOW = 0.032
_VOICED_WINDOWS = 2


class _Stream:
    """Notes on the monotonic clock when the voice was declared one."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._voiced = 0
        self.declared = 0.0

    def probability(self, window: Samples) -> float:
        probability: float = self._inner.probability(window)
        self._voiced = self._voiced + 1 if probability >= 0.5 else 0
        if self._voiced == _VOICED_WINDOWS:
            self.declared = time.monotonic()
        return probability


class _Watched(Energy):
    """Keeps the stream it opened last: that of the session which is being made."""

    last: _Stream

    def open_stream(self) -> Any:
        self.last = _Stream(super().open_stream())
        return self.last


class _Client:
    """Microphone and loudspeaker of one session, at the other end of a socket."""

    description = "a client of the bench"

    def __init__(self, socket: Socket, clock: AudioClock) -> None:
        self.rate = RATE
        self.ended = trio.Event()
        self.stream: _Stream | None = None
        self._socket = socket
        self._clock = clock
        self._waiting: deque[bytes | str] = deque(maxlen=_AHEAD)
        self._more = Signal()

    async def capture(
        self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """See `actors.protocols.Microphone`."""
        reblocker = Reblocker(EAR)
        task_status.started()
        start = round(self._clock.now() * EAR_RATE)
        async for message in self._socket:
            if isinstance(message, bytes):
                for frame in reblocker.push(message):
                    hear(Frame(frame, start))
                    start += FRAME_SAMPLES
        self.ended.set()

    async def play(self, gate: Gate, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See `actors.protocols.Loudspeaker`."""
        task_status.started()
        block = bytearray(round(RATE * TICK) * SAMPLE_BYTES)
        tick = trio.current_time()
        while True:
            await trio.sleep_until(tick)
            gate.pull(memoryview(block))
            gate.advance()
            self._put(bytes(block))
            tick += TICK

    def flush(self) -> int:
        """Tell the client to throw away what he holds."""
        self._put(json.dumps({"flush": self.stream.declared if self.stream else 0.0}))
        return 0

    def pending(self) -> int:
        """Return everything that was pulled has gone out."""
        return 0

    async def send(self) -> None:
        """Send what waits, in order, until cancelled."""
        while True:
            while self._waiting:
                await self._socket.send(self._waiting.popleft())
            await self._more.wait()

    def _put(self, message: bytes | str) -> None:
        self._waiting.append(message)
        self._more.notify()


def _engines(watched: _Watched) -> Engines:
    return Engines(
        voice_activity=EnginePool[VoiceActivityDetector]("voice_activity", watched),
        speech_to_text=EnginePool[SpeechToText]("speech_to_text", ScriptedSpeechToText("scripted", ["Tell me more."])),
        language_model=EnginePool[LanguageModel]("language_model", ScriptedLanguageModel("scripted", [_REPLY])),
        text_to_speech=EnginePool[TextToSpeech](
            "text_to_speech", ScriptedVoice("scripted", ScriptedSettings(rate=RATE))
        ),
    )


async def _serve(host: Host, watched: _Watched, request: Request, socket: Socket) -> None:
    clock = AudioClock()
    client = _Client(socket, clock)

    def prepare(_: Session) -> None:
        client.stream = watched.last

    turn_taking = TurnTakingSettings(endpoint_silence=4.5 * _WINDOW, barge_in_voice=_WINDOW / 2)
    async with (
        trio.open_nursery() as nursery,
        host.open(
            user=request.user, devices=ConversationDevices(clock, client, client),
            settings=replace(host.settings(request.user), turn_taking=turn_taking, always_meant=True), prepare=prepare,
        ),
    ):  # fmt: skip
        nursery.start_soon(client.send)
        await client.ended.wait()
        nursery.cancel_scope.cancel()


async def _measure(n: int, seconds: float) -> dict[str, Any]:
    watched = _Watched("energy", EnergySettings(threshold=-40.0))
    config = Config(web=Web(port=0, sessions=n, connections_per_address=n + 8), user=User(name="bench"))
    async with AsyncExitStack() as held:
        listeners = await listen("127.0.0.1", 0)
        host = await held.enter_async_context(
            hosting(config, _engines(watched), Storage.of(InMemoryStore()), most=1 + n)
        )
        front = await held.enter_async_context(opened(config, host, listeners, keeps=False))
        front.door.routes.socket(PATH, partial(_serve, host, watched))
        held.enter_context(start_kept())
        await host.warmed.wait()  # else its task would end within what is counted
        tasks = trio.lowlevel.current_statistics().tasks_living
        cpu = time.process_time()
        seen = await _clients(front.port, front.tokens.new("bench"), n, seconds)
        cpu = time.process_time() - cpu
        with trio.move_on_after(5):
            while host.sessions:  # noqa: ASYNC110  (the last to leave tells nobody)
                await trio.sleep(0.02)
        left = trio.lowlevel.current_statistics().tasks_living - tasks
    return {
        "sessions": n,
        "seconds": seconds,
        "interruptions": len(seen["detected"]),
        "lost": seen["lost"],
        "detection_to_client_flush_ms": percentiles(seen["detected"]),
        "first_voice_to_client_flush_ms": percentiles(seen["voiced"]),
        "client_late_ms": percentiles(seen["late"]),
        "frames_received_of_expected": seen["frames"],
        "cpu_s_per_session_minute": round(cpu / seconds * 60 / n, 3),
        "failures": front.door.tally.failures,
        "tasks_left": left,
    }


async def _clients(port: int, token: str, n: int, seconds: float) -> dict[str, Any]:
    """Run the other process to its end, and read what it saw."""
    command = [sys.executable, "-m", "harry.bench.door_client", str(port), str(n), str(seconds)]
    done = await trio.run_process(command, stdin=token.encode(), capture_stdout=True, check=False, stderr=None)
    if done.returncode:
        raise EngineUnavailable("The clients of the bench failed.", remedy="Their error stands above.")
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def run(n: int, seconds: float = 30.0) -> dict[str, Any]:
    """Hold `n` conversations through the door for `seconds`. Times are in milliseconds."""
    return trio.run(_measure, n, seconds)
