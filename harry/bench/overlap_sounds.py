"""The sounds that fall into Harry's speech, by many voices: assent, coughs, bangs, stop phrases, interruptions."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
import trio

from actors.pcm import to_samples
from channels.messages import EAR_RATE, Chunk
from harry.voice.piper import Piper, PiperSettings

Sound = npt.NDArray[np.float32]

ASSENT = ("Mm-hmm.", "Uh huh.", "Yeah.", "Right.", "Okay.")
STOPS = ("Stop.", "Harry, stop.")
INTERRUPTIONS = (
    "Wait, what about Paris?",
    "No, tell me something else.",
    "But why is it like that?",
    "What time is it now?",
    "Wait, I meant the other one.",
)


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
        """Speak the text in voice `number`; returns that voice's name too. Voices differ in speaker, speed and pitch.

        A murmur is hummed: a voice that reads it aloud spells it.
        """
        if text == "Mm-hmm.":
            return "hummed", make_hum(number)
        if number % 2 and self._flite:
            voice = ("slt", "rms", "awb", "kal")[number // 2 % 4]
            return voice, await trio.to_thread.run_sync(partial(_flite, self._flite, voice, text))
        piper = self._pipers[number // 2 % 3]
        pitch = (1.0, 1.12, 0.92, 1.2)[number // 2 % 4]
        parts: list[bytes] = []

        async def emit(chunk: Chunk) -> None:
            parts.append(chunk.pcm)

        await piper.speak(text, emit)
        sound = to_samples(b"".join(parts))
        return f"piper x{pitch}", np.asarray(soxr.resample(sound, piper.rate * pitch, EAR_RATE), np.float32)


def _flite(program: str, voice: str, text: str) -> Sound:
    with tempfile.TemporaryDirectory(prefix="harry-bench-") as folder:
        path = Path(folder) / "said.wav"
        subprocess.run([program, "-voice", voice, "-t", text, "-o", str(path)], check=True)  # noqa: S603  our own words
        with wave.open(str(path)) as file:
            sound = to_samples(file.readframes(file.getnframes()))
            return np.asarray(soxr.resample(sound, file.getframerate(), EAR_RATE), np.float32)


def make_hum(seed: int) -> Sound:
    """Make a murmured "mm-hmm" through a closed mouth: two hums, the second rising, and a breath between them."""
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


def make_cough(seed: int) -> Sound:
    """Make one or two bursts of noise of 80-250 ms, shaped by a throat."""
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


def make_bang(seed: int) -> Sound:
    """Make a click, a knock or a slam: 3-120 ms of ringing."""
    dice = np.random.default_rng([seed, 2])
    length = int(0.4 * EAR_RATE)
    at = np.arange(length) / EAR_RATE
    decay = np.exp(-at / dice.uniform(0.003, 0.12))
    ring = np.sin(2 * np.pi * dice.uniform(80, 900) * at) + dice.uniform(0.2, 1.0) * dice.standard_normal(length)
    return np.asarray(ring * decay, np.float32)


def scale_to_peak(sound: Sound, peak: float) -> Sound:
    """Take away the silence around a sound and give it this peak."""
    sounding = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    cut = sound[sounding[0] : sounding[-1] + 1]
    return np.asarray(cut * (peak / np.abs(cut).max()), np.float32)


async def make_sounds(n: int, *, stops: int = 10, interruptions: int = 10) -> list[Overlap]:
    """Make `n` sounds each of assent, coughs and bangs, and so many stop phrases and interruptions."""
    voices = Voices()
    made: list[Overlap] = []
    dice = np.random.default_rng(3)

    async def spoken(kind: str, texts: Sequence[str], count: int) -> None:
        for number in range(count):
            text = texts[number % len(texts)]
            voice, sound = await voices.say(text, number // len(texts) + number)
            made.append(Overlap(kind, f"{text} ({voice})", scale_to_peak(sound, float(dice.uniform(0.1, 0.6)))))

    await spoken("assent", ASSENT, n)
    for kind, make in (("cough", make_cough), ("bang", make_bang)):
        made += [Overlap(kind, f"{kind} {k}", scale_to_peak(make(k), float(dice.uniform(0.1, 0.9)))) for k in range(n)]
    await spoken("stop", STOPS, stops)
    await spoken("interruption", INTERRUPTIONS, interruptions)
    return made
