"""A synthetic room: what a microphone hears of Harry's own loudspeaker, and of a person who speaks over it.

Every step of the way is a parameter: the loudspeaker's distortion, the reverberation, the delay, two clocks that drift
apart, the level of the echo relative to the person's voice, the noise. The same seed gives the same room.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from actors.pcm import to_samples
from actors.protocols import Samples
from channels.messages import EAR_RATE

VOICE_RMS = 0.05
"""RMS of the person's voice at the microphone while it sounds: -26 dBFS."""

RECORDINGS = Path("/usr/share/pocketsphinx/test/data")
"""Recorded human speech, 16 kHz mono: Debian's pocketsphinx-testdata (BSD)."""

_TEN_MS = EAR_RATE // 100
_TAPS = 32


@dataclass(frozen=True, slots=True)
class Voice:
    """A person's utterance in the microphone, float32 at 16 kHz, from sample `start` on."""

    start: int
    samples: Samples

    @property
    def onset(self) -> int:
        """The sample at which the first voiced 10 ms begin."""
        return self.start + find_first_voiced(self.samples)

    @property
    def end(self) -> int:
        """The sample after its last."""
        return self.start + len(self.samples)


@dataclass(frozen=True, slots=True)
class Room:
    """Where loudspeaker and microphone stand. `reverberation` is the time in seconds in which an echo falls by 60 dB.

    `delay` is in seconds, from the reference to the first sound in the microphone; `drift` in parts per million, by
    which the loudspeaker's clock runs fast; `drive` is how hard the loudspeaker clips (0: not at all); `echo` and
    `noise` are levels in dB relative to `VOICE_RMS`; `direct` is the level of the first sound relative to the
    reverberation, in dB; after `moved` seconds, if given, every reflection is another one, and the first sound comes
    1 ms later.
    """

    seed: int = 1
    delay: float = 0.12
    drift: float = 100.0
    reverberation: float = 0.2
    direct: float = 3.0
    drive: float = 1.5
    echo: float = 0.0
    noise: float = -40.0
    moved: float | None = None

    def describe(self) -> dict[str, float | None]:
        """Every parameter by name."""
        return asdict(self)

    def hear(self, reference: Samples, voices: Sequence[Voice] = ()) -> Samples:
        """Return what the microphone hears, float32 shape (n,), while `reference`, shape (n,) at 16 kHz, is played."""
        dice = np.random.default_rng(self.seed)
        played = _drifted(distort(reference, self.drive), self.delay, self.drift)
        echo = _convolved(played, self.response(dice))
        if self.moved is not None:
            later = _convolved(played, np.concatenate((np.zeros(16, np.float32), self.response(dice))))
            place = round(self.moved * EAR_RATE)
            echo[place:] = later[place:]
        echo *= VOICE_RMS * 10 ** (self.echo / 20) / max(measure_sounding_rms(echo), 1e-9)
        noise = dice.standard_normal(len(reference)).astype(np.float32)
        heard = echo + noise * np.float32(VOICE_RMS * 10 ** (self.noise / 20))
        for voice in voices:
            stop = min(voice.end, len(heard))
            heard[voice.start : stop] += voice.samples[: stop - voice.start]
        # A microphone's 16 bits.
        recorded: Samples = (np.clip(np.rint(heard * 32768), -32768, 32767) / 32768).astype(np.float32)
        return recorded

    def response(self, dice: np.random.Generator) -> Samples:
        """Make the room's impulse response: the first sound, and a reverberation from the generator."""
        length = max(1, round(self.reverberation * EAR_RATE))
        fall = 10 ** (-3 * np.arange(length) / length)
        response = dice.standard_normal(length) * fall
        response[: _TEN_MS // 5] = 0.0
        response /= max(float(np.sqrt(np.square(response).sum())), 1e-9)
        response[0] = 10 ** (self.direct / 20)
        formed: Samples = response.astype(np.float32)
        return formed


def distort(samples: Samples, drive: float) -> Samples:
    """Clip softly and a little unevenly, as a small loudspeaker does: full scale is `drive` deep into a tanh."""
    if drive <= 0.0:
        return samples.copy()
    loudest = max(float(np.abs(samples).max(initial=0.0)), 1e-9)
    bent = np.tanh(drive * samples / loudest + 0.1) - np.tanh(0.1)
    clipped: Samples = (bent * loudest / drive).astype(np.float32)
    return clipped


def scale_to_voice_level(samples: Samples) -> Samples:
    """Scale a sound to `VOICE_RMS` while it sounds."""
    return (samples * (VOICE_RMS / max(measure_sounding_rms(samples), 1e-9))).astype(np.float32)


def measure_sounding_rms(samples: Samples) -> float:
    """Measure the RMS over those 10 ms that are voiced: at least a tenth of the loudest."""
    loud = _loudness(samples)
    voiced = loud[loud >= 0.1 * loud.max(initial=0.0)]
    return float(np.sqrt(np.square(voiced).mean())) if len(voiced) else 0.0


def find_first_voiced(samples: Samples) -> int:
    """Find where the first three 10 ms in a row begin with an RMS of at least a tenth of the loudest; 0 if none do."""
    loud = _loudness(samples)
    voiced = loud >= 0.1 * loud.max(initial=0.0)
    row = voiced[:-2] & voiced[1:-1] & voiced[2:]
    return int(row.argmax()) * _TEN_MS if len(row) else 0


def load_people() -> list[Samples]:
    """Every recording of a person there is, each at `VOICE_RMS`; empty where the package is not installed."""
    found = sorted([*RECORDINGS.glob("librivox/*.wav"), *RECORDINGS.glob("cards/*.wav"), *RECORDINGS.glob("*.raw")])
    return [scale_to_voice_level(_read(path)) for path in found]


def _read(path: Path) -> Samples:
    if path.suffix == ".raw":
        pcm = path.read_bytes()
    else:
        with wave.open(str(path)) as file:
            pcm = file.readframes(file.getnframes())
    return to_samples(pcm)


def _loudness(samples: Samples) -> npt.NDArray[np.float32]:
    frames = samples[: len(samples) // _TEN_MS * _TEN_MS].reshape(-1, _TEN_MS)
    loudness: npt.NDArray[np.float32] = np.sqrt(np.square(frames).mean(axis=1))
    return loudness


def _convolved(samples: Samples, response: Samples) -> Samples:
    size = 1 << (len(samples) + len(response) - 1).bit_length()
    convolved = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    return convolved[: len(samples)].astype(np.float32)


def _drifted(samples: Samples, delay: float, ppm: float) -> Samples:
    """Resample by windowed sinc: sample n is what was played at n * (1 + ppm / 1e6) - delay * rate."""
    out = np.zeros(len(samples), np.float32)
    padded = np.concatenate((np.zeros(_TAPS, np.float32), samples, np.zeros(2 * _TAPS, np.float32)))
    taps = np.arange(1 - _TAPS // 2, _TAPS // 2 + 1)
    for start in range(0, len(samples), 1 << 15):
        place = np.arange(start, min(start + (1 << 15), len(samples))) * (1 + ppm * 1e-6) - delay * EAR_RATE
        floor = np.floor(place).astype(np.int64)
        distance = taps - (place - floor)[:, None]
        weights = np.sinc(distance) * np.cos(np.pi * distance / (_TAPS + 2)) ** 2
        index = np.clip(floor[:, None] + taps + _TAPS, 0, len(padded) - 1)
        out[start : start + len(place)] = (padded[index] * weights).sum(axis=1)
    return out
