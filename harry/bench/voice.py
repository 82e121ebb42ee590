"""A whole conversation, measured from the outside: recorded speech into the daemon, in real time, between two files.

Each recording asks, and falls into what Harry still says to the one before. What is told apart is read off the two WAV
files, which lie on one clock: the end of the voice to the first sound, the first voice over Harry to his silence. A
stretch of 10 ms is voiced when its RMS is at least a tenth of the recording's loudest; a voice is three in a row.
"""

# ruff: noqa: PLC0415  # the daemon is imported when it runs

from __future__ import annotations

import json
import tempfile
import wave
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from channels.messages import EAR_RATE
from harry.bench.figures import percentiles
from harry.errors import ConfigurationError

RECORDINGS = Path("/usr/share/pocketsphinx/test/data/librivox")
"""Where Debian's pocketsphinx-testdata lays its recordings of people reading."""

REPLY = 5.0
"""Seconds between the end of a recording and the next, in which Harry answers; with 2 most are interrupted."""

_SOUNDING = 0.1
"""Seconds before a voice within which Harry sounds, if he is interrupted by it."""

Sound = npt.NDArray[np.int16]


def load_recordings(folder: Path | None = None) -> list[Sound]:
    """Load the recordings to ask with, (samples,) at 16 kHz: those of `folder`, of Debian's package, or Harry's two."""
    if folder is not None and not any(folder.glob("*.wav")):
        raise ConfigurationError(
            f"There are no WAV files in {folder}.", remedy="Name a folder with recorded questions."
        )
    where = folder or (RECORDINGS if RECORDINGS.is_dir() else None)
    if where is not None:
        paths: list[Any] = sorted(where.glob("*.wav"))
    else:
        paths = [files("harry.demo").joinpath(name) for name in ("question.wav", "interruption.wav")]
    found = []
    for path in paths:
        with path.open("rb") as file, wave.open(file) as recording:
            if (recording.getframerate(), recording.getnchannels(), recording.getsampwidth()) != (EAR_RATE, 1, 2):
                raise ConfigurationError(
                    f"{path} is not 16 kHz, mono, 16 bit.", remedy="Convert it with sox or ffmpeg."
                )
            found.append(np.frombuffer(recording.readframes(recording.getnframes()), np.int16))
    return found


def find_voiced(sound: Sound, rate: int) -> npt.NDArray[np.bool_]:
    """Tell for each 10 ms whether it is voiced."""
    block = rate // 100
    loudness = np.sqrt(np.mean(sound[: len(sound) // block * block].reshape(-1, block).astype(np.float64) ** 2, axis=1))
    return np.asarray(loudness >= loudness.max(initial=1.0) / 10)


def find_voice_span(sound: Sound, rate: int) -> tuple[float, float]:
    """Return when the voice in a recording begins and ends, in seconds."""
    marks = find_voiced(sound, rate)
    runs = np.flatnonzero(marks[:-2] & marks[1:-1] & marks[2:])
    return float(runs[0]) / 100, float(runs[-1] + 3) / 100


def run(n: int, *, folder: Path | None = None, pause: float = REPLY, sets: tuple[str, ...] = ()) -> dict[str, Any]:
    """Ask `n` times in one conversation, with about `pause` seconds of silence after each recording.

    `sets` are `KEY=VALUE` as for `--set`; the engines are those of the start.
    """
    from harry.config.loading import RunOptions, load_config
    from harry.daemon.run import run as run_daemon

    with tempfile.TemporaryDirectory(prefix="harry-bench-") as name:
        out = Path(name)
        asked = _write_questions(out / "you.wav", load_recordings(folder), n, pause)
        config = load_config(None, ["memory.store=memory", *sets])
        run_daemon(config, RunOptions(f"wav:{out / 'you.wav'}", f"wav:{out / 'harry.wav'}", out / "events.jsonl", 0.5))
        events = [json.loads(line) for line in (out / "events.jsonl").read_text("utf-8").splitlines()]
        with wave.open(str(out / "harry.wav")) as file:
            harry, rate = np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()
    return read_figures(asked, harry, rate, events)


def _write_questions(path: Path, sounds: list[Sound], n: int, pause: float) -> list[tuple[float, float]]:
    """Write the microphone's file; returns when each voice begins and ends, in seconds."""
    parts: list[Sound] = [np.zeros(EAR_RATE // 2, np.int16)]
    spans = []
    for number in range(n):
        sound = sounds[number % len(sounds)]
        start = sum(map(len, parts)) / EAR_RATE
        begin, end = find_voice_span(sound, EAR_RATE)
        spans.append((start + begin, start + end))
        # The pause differs, so that the voice falls on every place of a window.
        parts += [sound, np.zeros(round(EAR_RATE * pause) + 37 * number, np.int16)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(EAR_RATE)
        file.writeframes(np.concatenate(parts).tobytes())
    return spans


def read_figures(
    asked: list[tuple[float, float]], harry: Sound, rate: int, events: list[dict[str, Any]]
) -> dict[str, Any]:
    """Read the figures off what was recorded."""
    sounding = np.abs(harry.astype(np.int32)) > 0
    answered, silenced, lost = [], [], 0
    for number, (begin, end) in enumerate(asked):
        until = asked[number + 1][0] if number + 1 < len(asked) else len(harry) / rate
        first = np.flatnonzero(sounding[round(end * rate) : round(until * rate)])
        answered += [first[0] / rate] if first.size else []
        lost += not first.size
        before = sounding[max(0, round((begin - _SOUNDING) * rate)) : round(begin * rate)]
        after = np.flatnonzero(sounding[round(begin * rate) : round(end * rate)])
        if before.any() and after.size:
            silenced.append((after[-1] + 1) / rate)
    cuts = [event for event in events if event["event"] == "interrupted"]
    return {
        "questions": len(asked),
        "unanswered": lost,
        "end_of_speech_to_sound_ms": percentiles(answered),
        "interruptions": len(silenced),
        "first_voice_to_silence_ms": percentiles(silenced),
        "stale_samples": sum(event["stale_samples"] for event in cuts),
    }
