"""What is said and done over Harry's voice: which of it ends his reply, how soon, and whether a sample is lost.

Assent, coughs and bangs must not end it; a stop phrase and a real interruption must. All of them lie in one WAV file
that plays in real time into a session with the real Silero and Moonshine. Harry's words are random signs known sample
by sample, so what sounded is compared with what was to sound by content, and not by the gate's books.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import wave
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr
import trio

from actors.protocols import LanguageModel, Message, Role, TextPart
from channels.clock import AudioClock
from channels.events import Event
from channels.messages import EAR_RATE, Chunk, Recollection, Word
from harry.audio.wav import WavMicrophone
from harry.bench.figures import percentiles
from harry.conductor import Identity
from harry.engines import Engines
from harry.hearing.moonshine import Moonshine, MoonshineSettings
from harry.hearing.silero import Silero, SileroSettings
from harry.memory.in_memory import InMemoryStore
from harry.memory.spill import MemorySpill
from harry.session import Manners, Session
from harry.shelf import Shelf
from harry.testing.engines import ScriptedLanguageModel
from harry.testing.loudspeaker import VirtualLoudspeaker
from harry.voice.piper import Piper, PiperSettings

Sound = npt.NDArray[np.float32]

EVERY = 3.5
"""Seconds from one overlap to the next."""

AGAIN = 1.0
"""Seconds before an overlap at which Harry is made to speak, if he does not."""

WORD = EAR_RATE // 4
"""Samples of a word of Harry's."""

ASSENT = ("Mm-hmm.", "Uh huh.", "Yeah.", "Right.", "Okay.")
STOPS = ("Stop.", "Harry, stop.")
INTERRUPTIONS = (
    "Wait, what about Paris?",
    "No, tell me something else.",
    "But why is it like that?",
    "What time is it now?",
    "Wait, I meant the other one.",
)

_SYLLABLES = ("ba", "do", "fi", "gu", "ke", "lo", "mi", "nu", "po", "ru", "sa", "ti", "vo", "zu", "be", "da")
_MARK = "Bobo"
"""The first word of each reply: it sounds as one long run of the same sign, which nothing else does."""


def reply(words: int) -> str:
    """So many words that no ear takes for English, in sentences of eight."""
    said = [_MARK] + [
        _SYLLABLES[k % 16] + _SYLLABLES[k // 16 % 16] + _SYLLABLES[(k * 7 + k // 256) % 16] for k in range(1, words)
    ]
    return " ".join(word + "." * (k % 8 == 7 or k == words - 1) for k, word in enumerate(said))


def signs(text: str) -> npt.NDArray[np.int8]:
    """What these words sound like: +1 or -1 for each sample."""
    return np.concatenate([np.zeros(0, np.int8), *(_signs_of(word) for word in text.split())])


def _signs_of(word: str) -> npt.NDArray[np.int8]:
    word = word.strip(".")
    if word == _MARK:
        # The run begins after a sample of the other sign, so that nothing before it can lengthen it.
        return np.concatenate([-np.ones(1, np.int8), np.ones(WORD - 1, np.int8)])
    dice = np.random.default_rng(zlib.crc32(word.encode()))
    return (dice.integers(0, 2, WORD) * 2 - 1).astype(np.int8)


class KnownVoice:
    """A voice whose every sample is known by its sign, however softly it is played; `rate` is the ear's."""

    name = "known"
    rate = EAR_RATE

    def describe(self) -> str:
        """One line for the account."""
        return "known signs"

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """One chunk for each word; it ends with its last sample."""
        await trio.lowlevel.checkpoint()
        for word in re.findall(r"\s*\S+\s*$|\s*\S+", text):
            pcm = (signs(word).astype(np.int16) * 8000).tobytes()
            await emit(Chunk(pcm, self.rate, (Word(word, WORD),)))

    async def aclose(self) -> None:
        """Nothing to let go of."""
        await trio.lowlevel.checkpoint()


def replies_sounded(sounded: Sequence[tuple[float, bytes]]) -> list[npt.NDArray[np.int8]]:
    """What sounded of each reply, as signs, in order; silence left out."""
    pcm = np.frombuffer(b"".join(each for _, each in sounded), np.int16)
    heard = np.sign(pcm[pcm != 0]).astype(np.int8)
    breaks = np.flatnonzero(np.diff(heard) != 0) + 1
    runs = np.split(np.arange(len(heard)), breaks)
    starts = [int(run[0]) - 1 for run in runs if len(run) >= 48 and heard[run[0]] > 0]
    return [heard[a:b] for a, b in zip(starts, [*starts[1:], len(heard)], strict=True)]


# The sounds.


@dataclass(frozen=True, slots=True)
class Overlap:
    """A sound over Harry's voice: of which kind, what it is, and itself at `EAR_RATE`."""

    kind: str
    name: str
    sound: Sound = field(repr=False)


class Voices:
    """People made by Piper, at several speeds and sizes, and by flite where it is installed."""

    def __init__(self) -> None:
        self._pipers = [Piper.load("piper", PiperSettings(length_scale=scale)) for scale in (1.0, 0.75, 1.3)]
        self._flite = shutil.which("flite")

    async def say(self, text: str, number: int) -> tuple[str, Sound]:
        """The text in voice `number`, and that voice's name; voices differ in speaker, speed and pitch.

        A murmur is hummed: a voice that reads it aloud spells it.
        """
        if text == "Mm-hmm.":
            return "hummed", hum(number)
        if number % 2 and self._flite:
            voice = ("slt", "rms", "awb", "kal")[number // 2 % 4]
            return voice, await trio.to_thread.run_sync(partial(_flite, self._flite, voice, text))
        piper = self._pipers[number // 2 % 3]
        pitch = (1.0, 1.12, 0.92, 1.2)[number // 2 % 4]
        parts: list[bytes] = []

        async def emit(chunk: Chunk) -> None:
            parts.append(chunk.pcm)

        await piper.speak(text, emit)
        sound = np.frombuffer(b"".join(parts), np.int16).astype(np.float32) / np.float32(32768)
        return f"piper x{pitch}", np.asarray(soxr.resample(sound, piper.rate * pitch, EAR_RATE), np.float32)


def _flite(program: str, voice: str, text: str) -> Sound:
    with tempfile.TemporaryDirectory(prefix="harry-bench-") as folder:
        path = Path(folder) / "said.wav"
        subprocess.run([program, "-voice", voice, "-t", text, "-o", str(path)], check=True)  # noqa: S603  our own words
        with wave.open(str(path)) as file:
            sound = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / np.float32(32768)
            return np.asarray(soxr.resample(sound, file.getframerate(), EAR_RATE), np.float32)


def hum(seed: int) -> Sound:
    """A murmured "mm-hmm" through a closed mouth: two hums, the second rising, and a breath between them."""
    dice = np.random.default_rng([seed, 4])
    pitch = dice.uniform(95, 210)
    # Hertz, width and strength of what the nose lets through: nearly all of it is low.
    nose = ((270, 90, 1.0), (1100, 150, 0.08), (2200, 200, 0.04), (3000, 250, 0.02))

    def one(seconds: float, rise: float) -> Sound:
        at = np.linspace(0, 1, int(seconds * EAR_RATE), endpoint=False)
        phase = 2 * np.pi * np.cumsum(pitch * (1 + (rise - 1) * at)) / EAR_RATE
        tone = np.zeros(len(at))
        for k in range(1, int(3500 / pitch)):
            hertz = k * pitch * (1 + rise) / 2
            strength = sum(most / (1 + ((hertz - centre) / width) ** 2) for centre, width, most in nose)
            tone += strength * np.sin(k * phase)
        return np.asarray(tone * np.sqrt(np.sin(np.pi * at)), np.float32)

    first, second = one(dice.uniform(0.12, 0.2), 0.9), one(dice.uniform(0.16, 0.28), 1.25)
    breath = dice.standard_normal(int(dice.uniform(0.04, 0.09) * EAR_RATE)) * 0.02 * np.abs(first).max()
    return np.concatenate([first, breath.astype(np.float32), 1.2 * second])


def cough(seed: int) -> Sound:
    """One or two bursts of noise of 80-250 ms, shaped by a throat."""
    dice = np.random.default_rng([seed, 1])
    bursts: list[Sound] = []
    for _ in range(int(dice.integers(1, 3))):
        length = int(dice.uniform(0.08, 0.25) * EAR_RATE)
        spectrum = np.fft.rfft(dice.standard_normal(length))
        hertz = np.fft.rfftfreq(length, 1 / EAR_RATE)
        throat = sum(
            np.exp(-(((hertz - centre) / width) ** 2))
            for centre, width in ((dice.uniform(350, 700), 250), (dice.uniform(1100, 1900), 500), (2800, 900))
        )
        rise = np.minimum(1, np.arange(length) / (0.012 * EAR_RATE))
        fall = np.exp(-np.arange(length) / (length * dice.uniform(0.25, 0.5)))
        burst = np.fft.irfft(spectrum * throat, length) * rise * fall
        bursts += [burst.astype(np.float32), np.zeros(int(0.09 * EAR_RATE), np.float32)]
    return np.concatenate(bursts[:-1])


def bang(seed: int) -> Sound:
    """A click, a knock or a slam: 3-120 ms of ringing."""
    dice = np.random.default_rng([seed, 2])
    length = int(0.4 * EAR_RATE)
    at = np.arange(length) / EAR_RATE
    decay = np.exp(-at / dice.uniform(0.003, 0.12))
    ring = np.sin(2 * np.pi * dice.uniform(80, 900) * at) + dice.uniform(0.2, 1.0) * dice.standard_normal(length)
    return np.asarray(ring * decay, np.float32)


def at_level(sound: Sound, peak: float) -> Sound:
    """The sound without the silence around it, with this peak."""
    sounding = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    cut = sound[sounding[0] : sounding[-1] + 1]
    return np.asarray(cut * (peak / np.abs(cut).max()), np.float32)


async def sounds(n: int, *, stops: int = 10, interruptions: int = 10) -> list[Overlap]:
    """Of assent, coughs and bangs `n` each; stop phrases and interruptions besides."""
    voices = Voices()
    made: list[Overlap] = []
    dice = np.random.default_rng(3)

    async def spoken(kind: str, texts: Sequence[str], count: int) -> None:
        for number in range(count):
            text = texts[number % len(texts)]
            voice, sound = await voices.say(text, number // len(texts) + number)
            made.append(Overlap(kind, f"{text} ({voice})", at_level(sound, float(dice.uniform(0.1, 0.6)))))

    await spoken("assent", ASSENT, n)
    for kind, make in (("cough", cough), ("bang", bang)):
        made += [Overlap(kind, f"{kind} {k}", at_level(make(k), float(dice.uniform(0.1, 0.9)))) for k in range(n)]
    await spoken("stop", STOPS, stops)
    await spoken("interruption", INTERRUPTIONS, interruptions)
    return made


# The session.


@dataclass(slots=True)
class Told:
    """What happened over one overlap. `from` and `until` are when it sounded, in seconds on the clock."""

    overlap: Overlap
    begins: float
    ends: float
    cut: list[str] = field(default_factory=list)
    heard_as: list[str] = field(default_factory=list)
    pauses: int = 0
    silent_at: float | None = None
    again: float = 0.0

    def line(self) -> str:
        """One line for a person."""
        cut = ",".join(self.cut) or "-"
        silent = "-" if self.silent_at is None else f"{1000 * (self.silent_at - self.ends):+.0f} ms after its end"
        return (
            f"{self.overlap.kind:12} {self.overlap.name:40} {self.ends - self.begins:.2f} s cut={cut} "
            f"pauses={self.pauses} silent={silent} again={1000 * self.again:.0f} ms heard={self.heard_as}"
        )


@dataclass(slots=True)
class Played:
    """A whole run: each overlap, what sounded, what was told."""

    told: list[Told]
    sounded: list[tuple[float, bytes]]
    events: list[Event]
    said: str


def prompt(mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
    """A prompt for a mind that does not read it."""
    return (Message(Role.USER, (TextPart(recollection.utterance.text),)),)


async def play(overlaps: Sequence[Overlap]) -> Played:
    """Play the overlaps over Harry's voice, one after another, in real time."""
    with tempfile.TemporaryDirectory(prefix="harry-bench-") as folder:
        path = Path(folder) / "you.wav"
        told = _write(path, overlaps)
        said = reply(int((len(overlaps) + 3) * EVERY * 4))
        clock = AudioClock()
        sounded: list[tuple[float, bytes]] = []
        pauses: list[float] = []
        session = _session(path, clock, said, lambda at, pcm: sounded.append((at, pcm)))
        pause = session.conductor.pause

        def noted() -> bool:
            pauses.append(clock.now())
            return pause()

        session.conductor.pause = noted  # type: ignore[method-assign]
        listening = session.events.listen(100_000, lossless=True)
        async with trio.open_nursery() as nursery:
            await nursery.start(session.run)
            for each in told:
                await trio.sleep_until(clock.when(each.begins - AGAIN))
                if not session.conductor.busy:
                    session.typed("Tell me a story.")
            await trio.sleep(AGAIN + EVERY)
            nursery.cancel_scope.cancel()
    events = [event for event in listening.take_waiting() if event.fields.get("reason") != "shutdown"]
    for each in told:
        _judge(each, sounded, pauses, events)
    return Played(told, sounded, events, said)


def _session(path: Path, clock: AudioClock, said: str, hear: Callable[[float, bytes], None]) -> Session:
    return Session(
        identity=Identity("you", "bench", "harry"),
        persona="Harry",
        clock=clock,
        engines=Engines(
            voice_activity=Shelf("voice_activity", Silero.load("silero", SileroSettings())),
            speech_to_text=Shelf("speech_to_text", Moonshine.load("moonshine", MoonshineSettings())),
        ),
        mind=Shelf("language_model", ScriptedLanguageModel("scripted", [said])),
        voice=Shelf("text_to_speech", KnownVoice()),
        store=InMemoryStore(),
        spill=MemorySpill(),
        microphone=WavMicrophone(path, clock),
        loudspeaker=VirtualLoudspeaker(clock, rate=EAR_RATE, on_sound=hear),
        prompt=prompt,
        manners=Manners(),
        today=lambda: "2000-01-01",
    )


def _write(path: Path, overlaps: Sequence[Overlap]) -> list[Told]:
    """Write the microphone's file, with a little noise in it; returns when each overlap begins and ends."""
    total = np.random.default_rng(4).standard_normal(round((len(overlaps) + 2) * EVERY * EAR_RATE)) * 0.0005
    told = []
    for number, overlap in enumerate(overlaps):
        # The place differs, so that a sound falls on every place of a window.
        start = round((number + 1) * EVERY * EAR_RATE) + 37 * number
        total[start : start + len(overlap.sound)] += overlap.sound
        told.append(Told(overlap, start / EAR_RATE, (start + len(overlap.sound)) / EAR_RATE))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(EAR_RATE)
        file.writeframes((total.clip(-1, 1) * 32767).astype(np.int16).tobytes())
    return told


def _judge(
    told: Told, sounded: Sequence[tuple[float, bytes]], pauses: Sequence[float], events: Sequence[Event]
) -> None:
    begins, over = told.begins, told.begins + EVERY - AGAIN
    within = [event for event in events if begins <= event.at < over]
    told.cut = [str(event.fields["reason"]) for event in within if event.event == "interrupted"]
    told.heard_as = [str(event.fields["text"]) for event in within if event.event == "transcript"]
    told.pauses = sum(begins <= at < over for at in pauses)
    loud = [at for at, pcm in sounded if begins <= at < over and any(pcm)]
    if told.cut:
        # An answer begins some time after the end; what sounds until then belongs to the reply that was cut.
        cut_at = next(event.at for event in within if event.event == "interrupted")
        told.silent_at = max((at + 0.01 for at in loud if at <= cut_at), default=begins)
        silences = [at for at, pcm in sounded if begins <= at < cut_at and not any(pcm)]
        told.again = 0.01 * sum(at > silences[0] for at in loud if at <= cut_at) if silences else 0.0


# The figures.


def unlike(played: Played) -> list[tuple[int, int]]:
    """Of each reply that did not sound as it was to: its number, and its first sample that is another."""
    expected = signs(played.said)
    found = []
    for number, part in enumerate(replies_sounded(played.sounded)):
        same = min(len(part), len(expected))
        others = np.flatnonzero(part[:same] != expected[:same])
        if len(others) or len(part) > same:
            found.append((number, int(others[0]) if len(others) else same))
    return found


def whole(played: Played) -> bool:
    """Whether all that sounded of each reply is, sample by sample, what was to sound, from its beginning."""
    return not unlike(played)


def heard_exactly(played: Played) -> tuple[int, int]:
    """How many of the cut replies tell exactly the words that sounded, and of how many."""
    told = [str(event.fields["text"]) for event in played.events if event.event == "heard"]
    words = played.said.split()
    counts = [len(part) // WORD for part in replies_sounded(played.sounded)]
    right = 0
    for text in told:
        if not text and counts[:1] != [0]:
            right += 1  # a reply that was cut before anything of it sounded
        elif counts:
            right += text.split() == words[: counts.pop(0)]
    return right, len(told)


def figures(played: Played) -> dict[str, Any]:
    """Read the figures off a run."""
    false = [each for each in played.told if each.overlap.kind in {"assent", "cough", "bang"}]
    stops = [each for each in played.told if each.overlap.kind == "stop"]
    real = [each for each in played.told if each.overlap.kind == "interruption"]
    right, cut = heard_exactly(played)
    return {
        "overlaps": len(false),
        "replies_ended": sum(bool(each.cut) for each in false),
        "ended_by": [f"{each.overlap.name}: {each.heard_as}" for each in false if each.cut],
        "false_pauses": sum(each.pauses for each in false),
        "nothing_lost": whole(played),
        "unlike": unlike(played),
        "heard_exact": f"{right} of {cut}",
        "stops": len(stops),
        "stopped": sum(each.cut[:1] == ["stop"] for each in stops),
        "ended": sum(bool(each.cut) for each in stops),
        "end_of_stop_to_silence_ms": percentiles([e.silent_at - e.ends for e in stops if e.silent_at is not None]),
        "interruptions": len(real),
        "interrupted": sum(bool(each.cut) for each in real),
        "sounded_again": sum(each.again > 0 for each in [*stops, *real]),
        "sounded_again_ms": percentiles([each.again for each in [*stops, *real]]),
    }


async def _run(n: int) -> dict[str, Any]:
    return figures(await play(await sounds(n)))


def run(n: int) -> dict[str, Any]:
    """Assent, coughs and bangs `n` times each, and ten stop phrases and interruptions."""
    return trio.run(_run, n)
