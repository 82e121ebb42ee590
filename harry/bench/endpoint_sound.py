"""The labelled turns as sound: spoken by Piper and cut at the words where the speaker thinks, and recorded speech.

Each turn becomes silence spans: a `hold` for every pause within it, and its end. The lengths of the pauses follow the
published distribution of pauses in people's turns to machines (eot-bench, English: silence alone cuts off 55.6 % at
300 ms, 21.7 % at 600 ms, 5 % at 1,600 ms), so that figures for silence alone come out near the published ones.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import soxr

from actors.pcm import to_samples
from actors.protocols import Samples, TextToSpeech
from channels.messages import EAR_RATE, Chunk

RECORDINGS = Path("/usr/share/pocketsphinx/test/data")
"""Debian's pocketsphinx-testdata. Utterances that end as sentences do; the pauses in them are their own."""
RECORDED = (
    "librivox/sense_and_sensibility_01_austen_64kb-0870.wav",
    "librivox/sense_and_sensibility_01_austen_64kb-0880.wav",
    "librivox/sense_and_sensibility_01_austen_64kb-0890.wav",
    "librivox/sense_and_sensibility_01_austen_64kb-0920.wav",
    "librivox/sense_and_sensibility_01_austen_64kb-0930.wav",
    "cards/001.wav",
    "cards/002.wav",
    "cards/003.wav",
    "cards/005.wav",
)

MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.2, 5.0
"""Seconds: shorter pauses are none, as eot-bench counts; longer ones end a turn."""
AFTER = 2.5
"""Seconds of silence after a turn."""
MEDIAN_PAUSE_SECONDS, SPREAD = 0.124, 1.48
"""Of the seconds beyond `MIN_PAUSE_SECONDS`: a log-normal distribution through the three published points."""
_ROOM = 0.0005
_FADE = EAR_RATE // 100


@dataclass(frozen=True, slots=True)
class Pause:
    """From where to where nothing is said, in seconds from the turn's start. The last one of a turn is its end."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """A turn's sound at `EAR_RATE` with `AFTER` seconds of silence behind it, and its pauses. `origin` says of what."""

    text: str
    origin: str
    samples: Samples
    pauses: tuple[Pause, ...]


async def speak_turns(texts: Sequence[str], voice: TextToSpeech, seed: int = 1) -> list[SpokenTurn]:
    """Have the voice speak each text whole, then open its pauses at the word ends."""
    dice = np.random.default_rng(seed)
    return [await _speak(text, voice, dice) for text in texts]


async def _speak(text: str, voice: TextToSpeech, dice: np.random.Generator) -> SpokenTurn:
    chunks: list[Chunk] = []

    async def emit(chunk: Chunk) -> None:
        chunks.append(chunk)

    parts = [part.strip() for part in text.split("|")]
    await voice.speak(" ".join(parts), emit)
    sound, ends, length = [], [], 0
    for chunk in chunks:
        sound.append(to_samples(chunk.pcm))
        ends += [length + word.end for word in chunk.words]
        length += chunk.samples
    speech = soxr.resample(np.concatenate(sound), voice.rate, EAR_RATE).astype(np.float32)
    said, cuts = 0, []
    for part in parts[:-1]:
        said += len(part.split())
        cuts.append(round(ends[said - 1] * EAR_RATE / voice.rate))
    return _with_pauses(text, speech, cuts, dice)


def _with_pauses(text: str, speech: Samples, cuts: list[int], dice: np.random.Generator) -> SpokenTurn:
    pieces, pauses, at = [_quiet(0.3, dice)], [], 0.3
    for start, stop in zip([0, *cuts], [*cuts, len(speech)], strict=True):
        piece = _voiced(speech[start:stop])
        at += len(piece) / EAR_RATE
        length = AFTER if stop == len(speech) else _pause_length(dice)
        pauses.append(Pause(at, at + length))
        at += length
        pieces += [piece, _quiet(length, dice)]
    return SpokenTurn(text, "synthesised", np.concatenate(pieces), tuple(pauses))


def _pause_length(dice: np.random.Generator) -> float:
    return min(MAX_PAUSE_SECONDS, MIN_PAUSE_SECONDS + float(dice.lognormal(np.log(MEDIAN_PAUSE_SECONDS), SPREAD)))


def _quiet(seconds: float, dice: np.random.Generator) -> Samples:
    return (dice.standard_normal(round(seconds * EAR_RATE)) * _ROOM).astype(np.float32)


def _voiced(piece: Samples) -> Samples:
    """Take the silence off both ends and fade over 10 ms: a pause begins where the voice ceases."""
    loud = _loud(piece)
    if not loud.any():
        return piece
    found = np.flatnonzero(loud)
    cut = piece[found[0] * _FADE : min(len(piece), (found[-1] + 2) * _FADE)].copy()
    fade = min(_FADE, len(cut))
    cut[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return cut


def _loud(samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell for each 10 ms whether it is voiced: an RMS of at least a twentieth of the loudest."""
    frames = samples[: len(samples) // _FADE * _FADE].reshape(-1, _FADE)
    loudness = np.sqrt(np.square(frames).mean(axis=1))
    return np.asarray(loudness >= 0.05 * loudness.max(initial=1e-9), dtype=np.bool_)


def load_recorded_turns(seed: int = 1) -> list[SpokenTurn]:
    """Load the recordings that are installed, with the pauses that are in them."""
    dice = np.random.default_rng(seed)
    turns = []
    for name in RECORDED:
        if not (RECORDINGS / name).is_file():
            continue
        with wave.open(str(RECORDINGS / name)) as file:
            pcm = file.readframes(file.getnframes())
        samples = to_samples(pcm)
        places = np.flatnonzero(_loud(samples))
        last = int(places[-1] + 1)
        gaps = [
            Pause((one + 1) / 100, other / 100)
            for one, other in pairwise(places)
            if (other - one - 1) / 100 >= MIN_PAUSE_SECONDS
        ]
        sound = np.concatenate([samples[: last * _FADE], _quiet(AFTER, dice)])
        turns.append(SpokenTurn(name, "recorded", sound, (*gaps, Pause(last / 100, last / 100 + AFTER))))
    return turns
