"""The person in front of a peer, and the notes taken of both: what `harry.bench.duplex` is for Harry, on asyncio.

It knows nothing of the framework under test and needs only NumPy. The user speaks, hears the reply begin, lets the
bot talk for a while and interrupts it, again and again. Each reply's samples carry its number. Every program of this
folder prints one JSON object with the same keys as `harry bench sessions`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

EAR_RATE = 16_000
RATE = 24_000
TICK = 0.02
GIVE_UP = 5.0
WARM_UP = 1
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten."]

_BUFFER = round(EAR_RATE * TICK)
SILENT = bytes(2 * _BUFFER)
VOICED = (np.sin(2 * np.pi * 220 / EAR_RATE * np.arange(_BUFFER)) * 8000).astype("<i2").tobytes()


@dataclass
class Instant:
    """A moment in seconds, and the CPU time of the process then."""

    at: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)


@dataclass
class Interruption:
    """One reply spoken into. `stale_until`: when the last chunk of it has sounded that was taken after the cut."""

    mark: int
    voice: Instant
    declared: Instant | None = None
    cut: Instant | None = None
    stale_until: float | None = None

    def times(self) -> list[float | None]:
        """Return when it was declared, cut, and the reply silent for good, in ms after the voice; None: not at all."""
        declared, cut = (None if each is None else each.at for each in (self.declared, self.cut))
        silent = cut if self.stale_until is None else self.stale_until
        return [None if at is None else round((at - self.voice.at) * 1000, 2) for at in (declared, cut, silent)]


class Notes:
    """What happened in one conversation."""

    def __init__(self) -> None:
        self.mark = 0
        self.talking = 0
        self.stale_samples = 0
        self.unanswered = 0
        self.interruptions: list[Interruption] = []
        self.replies: list[tuple[Instant, Instant]] = []
        self.late: list[float] = []
        self._seen = 0
        self._current: Interruption | None = None
        self._ended: Instant | None = None

    def voice_came(self, tick: float) -> None:
        """Note that the user began to speak at `tick`, by the schedule."""
        self._current = None
        if self.talking:
            self._current = Interruption(self.talking, Instant(at=tick))
            self.interruptions.append(self._current)

    def voice_declared(self) -> None:
        """Note that the detector says that somebody speaks."""
        if self._current is not None and self._current.declared is None:
            self._current.declared = Instant()

    def silence_declared(self) -> None:
        """Note that the detector says that nobody speaks any more."""
        self._ended = Instant()

    def cut(self) -> None:
        """Note that the output plays nothing more of the reply."""
        current = self._current
        if current is not None and current.declared is not None and current.cut is None:
            current.cut = Instant()
            self.talking = 0

    def next_reply(self) -> int:
        """Begin a reply and return its number."""
        self.mark += 1
        return self.mark

    def accepted(self, pcm: bytes | memoryview, *, silent: bool = False) -> None:
        """Note that the output took a chunk; if `silent`, it holds it without playing."""
        mark = int.from_bytes(bytes(pcm[:2]), "little")
        if not mark:
            return
        if mark > self._seen:
            self._seen = self.talking = mark
            if self._ended is not None:
                self.replies.append((self._ended, Instant()))
                self._ended = None
        current = self._current
        if current is not None and current.cut is not None and mark == current.mark and not silent:
            self.stale_samples += len(pcm) // 2
            current.stale_until = time.perf_counter() + len(pcm) / 2 / RATE


def voiced(pcm: bytes | memoryview) -> bool:
    """Return whether a buffer holds the user's tone: the energy detector of all programs."""
    return int(np.abs(np.frombuffer(pcm, "<i2")).max()) > 500


def piece(mark: int) -> bytes:
    """Make a tenth of a second of speech that carries the reply's number."""
    return mark.to_bytes(2, "little") * (RATE // 10)


class Peer(Protocol):
    """One session of a framework."""

    notes: Notes

    async def start(self) -> None:
        """Be ready for sound."""
        ...

    async def hear(self, pcm: bytes) -> None:
        """Take a buffer of `TICK` seconds from the microphone."""
        ...

    async def stop(self) -> None:
        """End the session."""
        ...


async def converse(peer: Peer, speech: Sequence[bytes], talk: float, first: float, stop: float) -> None:
    """Play the user in front of one session, on absolute deadlines, until `stop`."""
    notes = peer.notes
    at = len(speech)
    replies, silent_since, tick = -1, first, first
    while tick < stop:
        await asyncio.sleep(max(0.0, tick - time.perf_counter()))
        notes.late.append(time.perf_counter() - tick)
        if at == len(speech):
            if replies < 0:
                at = 0
            elif len(notes.replies) > replies:
                # One buffer longer from time to time, as Harry's bench does: voices begin at every place in a window.
                patience = talk + len(notes.replies) % 8 * TICK
                at = 0 if tick - notes.replies[-1][1].at >= patience else at
            elif tick - silent_since > GIVE_UP:
                notes.unanswered += 1
                at = 0
        buffer = SILENT
        if at < len(speech):
            if at == 0:
                notes.voice_came(tick)
            buffer, at = speech[at], at + 1
            if at == len(speech):
                silent_since, replies = tick, len(notes.replies)
        await peer.hear(buffer)
        tick += TICK


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95, p99 and the maximum, in milliseconds."""
    if not seconds:
        return {}
    p50, p95, p99 = np.percentile(np.asarray(seconds) * 1000, [50, 95, 99])
    return {"p50": round(p50, 3), "p95": round(p95, 3), "p99": round(p99, 3), "max": round(max(seconds) * 1000, 3)}


def resident_mb() -> float:
    """Memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def figures(peers: Sequence[Peer]) -> dict[str, Any]:
    """Sum up the notes of all sessions."""
    notes = [peer.notes for peer in peers]
    interruptions = [interruption for note in notes for interruption in note.interruptions[WARM_UP:]]
    cut = [
        (interruption.voice, interruption.declared, interruption.cut)
        for interruption in interruptions
        if interruption.declared and interruption.cut
    ]
    replies = [reply for note in notes for reply in note.replies[WARM_UP:]]
    return {
        "interruptions": len(interruptions),
        "lost": len(interruptions) - len(cut),
        "replies": len(replies),
        "unanswered": sum(note.unanswered for note in notes),
        "stale_samples": sum(note.stale_samples for note in notes),
        "vad_to_cut_ms": percentiles([cut.at - declared.at for _, declared, cut in cut]),
        "first_voice_to_cut_ms": percentiles([cut.at - voice.at for voice, _, cut in cut]),
        "end_of_speech_to_first_chunk_ms": percentiles([first.at - ended.at for ended, first in replies]),
        "cpu_vad_to_cut_ms": percentiles([cut.cpu - declared.cpu for _, declared, cut in cut]),
        "cpu_end_of_speech_to_first_chunk_ms": percentiles([first.cpu - ended.cpu for ended, first in replies]),
        "tick_late_ms": percentiles([late for note in notes for late in note.late]),
        "each_ms": [interruption.times() for interruption in interruptions],
    }


async def measure(options: argparse.Namespace, make: Callable[[float], Peer]) -> dict[str, Any]:
    """Hold the conversations of all sessions and say what they cost. `make(reply)` builds a session."""
    speech = [VOICED] * round(options.voiced / TICK)
    cycle = options.voiced + options.talk
    gc.collect()
    memory, tasks = resident_mb(), len(asyncio.all_tasks())
    peers = [make(options.reply) for _ in range(options.n)]
    for peer in peers:
        await peer.start()
    await asyncio.sleep(0.2)
    ready, tasks_ready = resident_mb(), len(asyncio.all_tasks())
    dice = random.Random(1)
    cpu, began = time.process_time(), time.perf_counter()
    stop = began + options.seconds
    users: list[Awaitable[None]] = []
    for peer in peers:
        first = began + (dice.random() * cycle if options.n > 1 else 0.0)
        users.append(converse(peer, speech, options.talk, first, stop))
    await asyncio.gather(*users)
    used, wall = time.process_time() - cpu, time.perf_counter() - began
    found = figures(peers)
    end = resident_mb()
    stopped = True
    try:
        await asyncio.wait_for(asyncio.gather(*(peer.stop() for peer in peers), return_exceptions=True), 20)
    except TimeoutError:
        stopped = False
    await asyncio.sleep(0.2)
    return {
        "sessions": options.n,
        "seconds": round(wall, 1),
        **found,
        "cpu_s_per_session_minute": round(used / wall * 60 / options.n, 3),
        "rss_mb_per_session": round((ready - memory) / options.n, 3),
        "rss_mb_per_session_after": round((end - memory) / options.n, 3),
        "tasks_per_session": round((tasks_ready - tasks) / options.n, 2),
        "tasks_left": len(asyncio.all_tasks()) - tasks,
        "stopped_in_order": stopped,
        "voiced_s": options.voiced,
        "talk_s": options.talk,
        "reply_s": options.reply,
        "python": sys.version.split()[0],
        "load": round(os.getloadavg()[0], 2),
    }


class _Alone:
    """Nobody: what feeding, the energy detector and a paced output of 40 ms cost by themselves."""

    def __init__(self, reply: float) -> None:
        self.notes = Notes()
        self._quiet = 0
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._device: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the output."""
        self._device = asyncio.create_task(self._play())

    async def _play(self) -> None:
        due = 0.0
        while True:
            self.notes.accepted(await self._chunks.get())
            due = max(due, time.perf_counter()) + 0.04
            await asyncio.sleep(max(0.0, due - time.perf_counter() - 0.04))

    async def hear(self, pcm: bytes) -> None:
        """Reply after three silent buffers."""
        self._quiet = 0 if voiced(pcm) else self._quiet + 1
        if self._quiet == 3:
            self.notes.silence_declared()
            mark = self.notes.next_reply()
            for _ in range(75):
                self._chunks.put_nowait(mark.to_bytes(2, "little") * 960)

    async def stop(self) -> None:
        """End the output."""
        if self._device is not None:
            self._device.cancel()


def main(name: str, package: str, make: Callable[[float], Peer]) -> None:
    """Read the command line, measure, print one JSON object and leave at once, whatever still runs."""
    parser = argparse.ArgumentParser(description=f"{name}: sessions in one process, in real time")
    parser.add_argument("--n", type=int, default=1, help="sessions")
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--voiced", type=float, default=2.0, help="seconds the user speaks")
    parser.add_argument("--talk", type=float, default=3.0, help="seconds the bot talks before it is interrupted")
    parser.add_argument("--reply", type=float, default=8.0, help="seconds of a whole reply")
    options = parser.parse_args()

    async def say() -> None:
        found = await measure(options, make)
        print(json.dumps({"runtime": name, "version": version(package) if package else "", **found}), flush=True)
        # A process under too much load may never end in order; what it measured is said.
        os._exit(0)

    asyncio.run(say())


if __name__ == "__main__":
    main("harness alone", "", _Alone)
