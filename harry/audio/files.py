"""Sound files of other programs, from bytes and to bytes: whatever libsndfile reads (WAV, FLAC, Ogg, MP3) and writes.

Everything here may take long for long sound, and belongs in a thread.
"""

from __future__ import annotations

import io
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from actors.protocols import Samples
from channels.messages import EAR_RATE
from harry.errors import DeviceError

FileKind: TypeAlias = Literal["wav", "flac", "mp3", "opus"]

MAX_FILE_SECONDS = 1800.0
"""Seconds of sound that are read of a file."""

_WRITTEN: dict[FileKind, tuple[str, str]] = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "opus": ("OGG", "OPUS"),
}


def decode(data: bytes) -> Samples:
    """Read a file's sound as one channel at `EAR_RATE`, float32 in -1..1. Raises `DeviceError`, one sentence."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.frames > MAX_FILE_SECONDS * file.samplerate:
                raise DeviceError(
                    f"The sound is longer than {MAX_FILE_SECONDS / 60:.0f} minutes.", remedy="Send it in parts."
                )
            sound: npt.NDArray[Any] = file.read(
                int(MAX_FILE_SECONDS * file.samplerate), dtype="float32", always_2d=True
            )
            rate = file.samplerate
    except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError) as error:
        raise DeviceError("This is no sound file that can be read.", remedy="Send WAV, FLAC, Ogg or MP3.") from error
    mono: Samples = np.clip(np.nan_to_num(sound.mean(axis=1), nan=0.0), -1, 1).astype(np.float32)
    if rate == EAR_RATE or not len(mono):
        return mono
    heard: Samples = soxr.resample(mono, rate, EAR_RATE).astype(np.float32)
    return heard


def encode(pcm: bytes, rate: int, kind: FileKind) -> bytes:
    """Write mono 16-bit PCM at `rate` Hz as a file of some kind. Opus takes 24,000 Hz as it is, not every rate."""
    out = io.BytesIO()
    form, subtype = _WRITTEN[kind]
    soundfile.write(out, np.frombuffer(pcm, "<i2"), rate, format=form, subtype=subtype)
    return out.getvalue()
