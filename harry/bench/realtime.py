"""N conversations by the Realtime protocol, their clients in a process of their own: `harry bench realtime`.

As `harry.bench.door`, with everything that a real client has: base64 in JSON both ways at 24 kHz, events, items, the
client's flush. Engines are scripted and answer without delay. Both processes read one monotonic clock: an instant at
which the detector declared a voice is noted here, by session, and what the client had of it is noted there.
"""

from __future__ import annotations

import bisect
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import trio

from actors.protocols import LanguageModel, Samples, SpeechToText, TextToSpeech, VoiceActivityDetector
from harry.bench.figures import percentiles
from harry.config.loading import Config
from harry.config.sections import TurnTaking, User, Web
from harry.daemon.gc_freeze import start_kept
from harry.daemon.web_server import opened
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import EngineUnavailable
from harry.hearing.energy import Energy, EnergySettings
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.in_memory import InMemoryStore
from harry.session.session import Session
from harry.testing.engines import ScriptedLanguageModel, ScriptedSettings, ScriptedSpeechToText, ScriptedVoice
from harry.web.realtime.conversation import Conversation
from harry.web.realtime.settings import RATE
from harry.web.server.http import Request
from harry.web.server.listener import listen
from harry.web.server.websocket import Socket

PATH = "/bench/realtime"

_REPLY = " ".join(f"word{number}" for number in range(40)) + "."
_VOICED_WINDOWS = 2  # in a row are a voice (`actors.turn_taking.floor`)


class _Stream:
    """Notes on the monotonic clock when voices began."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._voiced = 0
        self.declared: list[float] = []

    def probability(self, window: Samples) -> float:
        probability: float = self._inner.probability(window)
        self._voiced = self._voiced + 1 if probability >= 0.5 else 0
        if self._voiced == _VOICED_WINDOWS:
            self.declared.append(time.monotonic())
        return probability


class _Watched(Energy):
    """Keeps the stream it opened last: that of the session which is being made."""

    last: _Stream

    def open_stream(self) -> Any:
        self.last = _Stream(super().open_stream())
        return self.last


class _Noted(Conversation):
    """A conversation whose session's stream is kept by the session's id."""

    watched: _Watched
    streams: dict[str, _Stream]

    def _prepare(self, session: Session) -> None:
        super()._prepare(session)
        self.streams[f"sess_{session.identity.session}"] = self.watched.last


def _engines(watched: _Watched) -> Engines:
    return Engines(
        voice_activity=EnginePool[VoiceActivityDetector]("voice_activity", watched),
        speech_to_text=EnginePool[SpeechToText]("speech_to_text", ScriptedSpeechToText("scripted", ["Tell me more."])),
        language_model=EnginePool[LanguageModel]("language_model", ScriptedLanguageModel("scripted", [_REPLY])),
        text_to_speech=EnginePool[TextToSpeech](
            "text_to_speech", ScriptedVoice("scripted", ScriptedSettings(rate=RATE))
        ),
    )


async def _measure(n: int, seconds: float) -> dict[str, Any]:
    watched, streams = _Watched("energy", EnergySettings(threshold=-40.0)), dict[str, _Stream]()
    config = Config(
        web=Web(port=0, sessions=n, connections_per_address=n + 8),
        user=User(name="bench"),
        turn=TurnTaking(endpoint_silence=0.15),
    )
    async with AsyncExitStack() as held:
        listeners = await listen("127.0.0.1", 0)
        host = await held.enter_async_context(
            hosting(config, _engines(watched), Storage.of(InMemoryStore()), most=1 + n)
        )
        front = await held.enter_async_context(opened(config, host, listeners, keeps=False))

        async def serve(request: Request, socket: Socket) -> None:
            conversation = _Noted(host, request)
            conversation.watched, conversation.streams = watched, streams
            await conversation.run(socket)

        front.door.routes.socket(PATH, serve)
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
    detected = [late for user in seen["users"] for late in _after_detection(user, streams)]
    return {
        "sessions": n,
        "seconds": seconds,
        "interruptions": len(detected),
        "lost": sum(user["lost"] for user in seen["users"]),
        "detection_to_client_flush_ms": percentiles(detected),
        "first_voice_to_client_flush_ms": percentiles(
            [at - began for u in seen["users"] for began, at in u["flushes"]]
        ),
        "ahead_ms_max": round(1000 * max(user["ahead"] for user in seen["users"]), 1),
        "sound_after_flush": sum(user["stale"] for user in seen["users"]),
        "client_late_ms": percentiles(seen["late"]),
        "cpu_s_per_session_minute": round(cpu / seconds * 60 / n, 3),
        "failures": front.door.tally.failures,
        "tasks_left": left,
    }


def _after_detection(user: dict[str, Any], streams: dict[str, _Stream]) -> list[float]:
    """Return the seconds from the newest voice that the detector declared to each flush that it led to."""
    declared = streams[user["session"]].declared
    found = []
    for began, flushed in user["flushes"]:
        at = bisect.bisect_right(declared, flushed) - 1
        if at >= 0 and declared[at] >= began:
            found.append(flushed - declared[at])
    return found


async def _clients(port: int, token: str, n: int, seconds: float) -> dict[str, Any]:
    """Run the other process to its end, and read what it saw."""
    command = [sys.executable, "-m", "harry.bench.realtime_client", str(port), str(n), str(seconds)]
    done = await trio.run_process(command, stdin=token.encode(), capture_stdout=True, check=False, stderr=None)
    if done.returncode:
        raise EngineUnavailable("The clients of the bench failed.", remedy="Their error stands above.")
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def run(n: int, seconds: float = 30.0) -> dict[str, Any]:
    """Hold `n` conversations by the Realtime protocol for `seconds`. Times are in milliseconds."""
    return trio.run(_measure, n, seconds)
