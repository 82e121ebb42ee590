"""Harry's own voice in the microphone: how often it makes him pause, and whether a person who speaks over it is heard.

Synthetic rooms, each with a seed of its own, with Piper as Harry and recorded people as those who interrupt; the
canceller and Silero are the real ones. A pause is two windows in a row in which both say that somebody is there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import trio

from actors.protocols import Recognition, Samples, SpeechToText
from actors.turn_taking.echo_words import find_unexplained
from actors.turn_taking.ghosts import SURE
from channels.messages import EAR_RATE, FRAME_SAMPLES, Chunk
from harry.audio.resampling import Layout, Resampler, to_mono
from harry.bench.figures import percentiles
from harry.bench.room import Room, Voice, load_people
from harry.errors import EngineUnavailable
from harry.hearing.echo.canceller import VOICED_OVER_ECHO, EchoCanceller
from harry.hearing.moonshine import Moonshine, MoonshineSettings
from harry.hearing.silero import SileroStream
from harry.voice.piper import Piper, PiperSettings

MINUTE = 60 * EAR_RATE
_FIRST = 5 * EAR_RATE
"""Nobody interrupts the greeting, in which the canceller learns the room."""

_BREATH = 0.15, 0.8
"""Seconds between two sayings, at least and at most."""

_IN_TIME = 1.5
"""Seconds within which an interruption has to be noticed."""

SAYINGS = (
    "Good morning. I was just thinking about what you told me yesterday, and I believe there is a simpler way.",
    "The weather will stay dry until the evening, then a little rain comes in. Take a jacket if you go out.",
    "There are three things on your list: call the dentist, buy some bread, and write back to your sister in Lisbon.",
    "A lighthouse keeper once told me that the hardest part is not the storm but the long quiet afternoons.",
    "Well, yes, that is possible. However, I would look at the numbers again, because two months were rather unusual.",
    "The Moon moves away from the Earth by almost four centimetres each year. Over a billion years it adds up.",
    "Would you like me to go on with the story, or shall we stop here for today? I do not mind either way.",
    "Heat the oil, add the onions, and wait until they are golden. Then stir in the rice and let it toast.",
    "That is a good question, and people have argued about it for centuries. Nobody knows for certain.",
    "Once upon a time, in a village by the sea, there lived a clockmaker who could not bear the sound of ticking.",
    "I am sorry to hear that. Sometimes it helps to write down what happened, and to look at it again the next day.",
    "Chess was played in India in the sixth century. It came to Persia, and from there to Europe.",
    "Okay. I have put it on the calendar for Thursday at three. Is there anything else that I can do for you?",
    "Turn left at the church, follow the river for about a mile, and after the bridge you will see the green door.",
)


@dataclass(slots=True)
class Noticed:
    """What one stream of frames gave: when a pause would have begun, in samples, and what each frame cost in seconds.

    `ducks` are the single windows at which Harry's voice would have been lowered; `cleaned` is what the ear is given,
    silence where only the echo is heard.
    """

    pauses: list[int] = field(default_factory=list)
    cleaned: list[Samples] = field(default_factory=list, repr=False)
    ducks: int = 0
    costs: list[float] = field(default_factory=list)
    description: str = ""


def listen(microphone: Samples, reference: Samples, canceller: EchoCanceller | None = None) -> Noticed:
    """Run a stream through canceller and Silero, frame by frame."""
    canceller = canceller or EchoCanceller()
    silero = SileroStream(None)
    noticed = Noticed()
    row = 0
    for start in range(0, len(microphone) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        end = start + FRAME_SAMPLES
        began = time.perf_counter()
        heard = canceller.process(microphone[start:end], reference[start:end])
        noticed.costs.append(time.perf_counter() - began)
        noticed.cleaned.append(heard.samples if heard.near else np.zeros_like(heard.samples))
        row = row + 1 if silero.probability(heard.samples) >= VOICED_OVER_ECHO and heard.near else 0
        noticed.ducks += row == 1
        if row == 2:
            noticed.pauses.append(end)
    noticed.description = canceller.describe()
    return noticed


def load_harrys_voice() -> list[Samples]:
    """Every saying, spoken by Piper, at 16 kHz. Raises `EngineUnavailable`."""
    piper = Piper.load("piper", PiperSettings())
    return [trio.run(_spoken, piper, saying) for saying in SAYINGS]


async def _spoken(piper: Piper, saying: str) -> Samples:
    resampler = Resampler(piper.rate, EAR_RATE)
    parts: list[bytes] = []

    async def emit(chunk: Chunk) -> None:
        parts.append(resampler.push(chunk.pcm))

    await piper.speak(saying, emit)
    parts.append(resampler.push(b"", last=True))
    return to_mono(b"".join(parts), Layout(EAR_RATE, 1, "int16"))


def make_monologue(sayings: Sequence[Samples], seed: int, samples: int = MINUTE) -> Samples:
    """Make so many samples of Harry speaking, in an order of the seed's, with short breaths."""
    said = np.zeros(samples, np.float32)
    for start, number in _order(sayings, seed, samples):
        part = sayings[number][: samples - start]
        said[start : start + len(part)] = part
    return said


def _order(sayings: Sequence[Samples], seed: int, samples: int) -> list[tuple[int, int]]:
    """Return at which sample which saying begins, up to so many samples."""
    dice = np.random.default_rng([seed, 1])
    placed: list[tuple[int, int]] = []
    at = 0
    while True:
        for number in dice.permutation(len(sayings)).tolist():
            at += int(dice.uniform(*_BREATH) * EAR_RATE)
            if at >= samples:
                return placed
            placed.append((at, number))
            at += len(sayings[number])


async def count_answered(ear: SpeechToText, alone: Noticed, sayings: Sequence[Samples], seed: int) -> int:
    """Return how many of his false pauses he would take for words of somebody else, and answer.

    As the floor does: words that the ear is sure of and that he did not say himself within two seconds or so.
    """
    heard, found = np.concatenate(alone.cleaned), 0
    for pause in alone.pauses:
        sound = heard[max(0, pause - EAR_RATE) : pause + 3 * EAR_RATE // 2]
        words = Recognition.of(await ear.transcribe(np.pad(sound, (0, 3 * EAR_RATE // 10))))
        around = [
            SAYINGS[number]
            for start, number in _order(sayings, seed, MINUTE)
            if start < pause + 2 * EAR_RATE and start + len(sayings[number]) > pause - 3 * EAR_RATE
        ]
        found += (
            bool(words.text) and words.confidence >= SURE and find_unexplained(words.text, " ".join(around)) is None
        )
    return found


def make_interruptions(voices: Sequence[Samples], seed: int, samples: int = MINUTE) -> list[Voice]:
    """Place people who speak over Harry, one after another, with one to three seconds between them."""
    dice = np.random.default_rng([seed, 2])
    placed: list[Voice] = []
    start = _FIRST
    while True:
        for number in dice.permutation(len(voices)):
            start += int(dice.uniform(1, 3) * EAR_RATE)
            voice = Voice(start, voices[number])
            if voice.end > samples - EAR_RATE:
                return placed
            placed.append(voice)
            start = voice.end


def rooms(n: int, *, level: float = 0.0) -> list[Room]:
    """Make rooms 1 to n: delays of 20-300 ms, drift up to 100 ppm either way, distortion -35 to -13 dB, 200 ms echo."""
    made = []
    for seed in range(1, n + 1):
        dice = np.random.default_rng([seed, 3])
        made.append(
            Room(
                seed=seed,
                delay=round(float(dice.uniform(0.02, 0.3)), 4),
                drift=float(dice.choice([-100, -50, 50, 100])),
                direct=round(float(dice.uniform(-3, 6)), 1),
                drive=float(dice.choice([0.5, 1.0, 1.5, 2.0, 3.0])),
                echo=level,
                noise=round(float(dice.uniform(-50, -30)), 1),
            )
        )
    return made


def measure_notice(voice: Voice, pauses: Sequence[int]) -> float | None:
    """Measure the seconds from the first voiced 10 ms to the end of the second window; None if that was too late."""
    last = min(voice.end + FRAME_SAMPLES, voice.onset + int(_IN_TIME * EAR_RATE))
    within = [pause for pause in pauses if voice.onset < pause <= last]
    return (within[0] - voice.onset) / EAR_RATE if within else None


def run(n: int) -> dict[str, Any]:
    """Take `n` rooms: in each a minute of Harry alone, and the same minute with people who interrupt him."""
    voices = load_people()
    if not voices:
        raise EngineUnavailable("There are no recordings of people here.", remedy="Run `make system-packages`.")
    sayings = load_harrys_voice()
    false = ducks = spoken = 0
    replies = himself = 0
    ear = Moonshine.load("moonshine", MoonshineSettings())
    after: list[float] = []
    costs: list[float] = []
    took_part = rooms(n)
    described = []
    for room in took_part:
        reference = make_monologue(sayings, room.seed)
        alone = listen(room.hear(reference), reference)
        replies += len(_order(sayings, room.seed, MINUTE))
        himself += trio.run(count_answered, ear, alone, sayings, room.seed)
        false += len(alone.pauses)
        ducks += alone.ducks
        interrupting = make_interruptions(voices, room.seed)
        over = listen(room.hear(reference, interrupting), reference)
        spoken += len(interrupting)
        after += [took for voice in interrupting if (took := measure_notice(voice, over.pauses)) is not None]
        costs += alone.costs + over.costs
        described.append({**room.describe(), "found": alone.description, "false_pauses": len(alone.pauses)})
    return {
        "minutes": n,
        "replies": replies,
        "replies_to_himself": himself,
        "false_pauses_per_minute": round(false / n, 3),
        "false_ducks_per_minute": round(ducks / n, 3),
        "interruptions": spoken,
        "interruptions_heard": round(len(after) / spoken, 4),
        "detection_ms": percentiles(after),
        "cancel_ms_per_frame": percentiles(costs),
        "rooms": described,
    }
