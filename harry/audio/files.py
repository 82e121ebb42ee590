"""Sound files of other programs, from bytes and to bytes: whatever libsndfile reads (WAV, FLAC, Ogg, MP3) and writes.

Everything here may take long for long sound, and belongs in a thread. A file of some kilobytes may stand for gigabytes
of sound, so what it says of itself is checked before anything is decoded, and then it is decoded in blocks.
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

MAX_CHANNELS = 8
RATES = range(1_000, 192_001)
"""Samples a second that are read: from less than a telephone's to a studio's."""

MAX_DECODED_SAMPLES = 400_000_000
"""Samples of all channels that are decoded of a file: half an hour of two channels at 96 kHz, some seconds of work."""

_BLOCK_SAMPLES = 1 << 19
"""Samples of all channels that are decoded at once: 2 MB."""

_WRITTEN: dict[FileKind, tuple[str, str]] = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "opus": ("OGG", "OPUS"),
}


def decode(data: bytes) -> Samples:
    """Read a file's sound as one channel at `EAR_RATE`, float32 in -1..1. Raises `DeviceError`, one sentence.

    Takes the memory of what it returns, 64 kB a second, and some MB for a block.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            _check(file)
            return _decode_blocks(file)
    except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise DeviceError("This is no sound file that can be read.", remedy="Send WAV, FLAC, Ogg or MP3.") from error


def _check(file: soundfile.SoundFile) -> None:
    """Raise `DeviceError` for a file that is too much, by its own head."""
    if not 1 <= file.channels <= MAX_CHANNELS:
        raise DeviceError(f"The sound has more than {MAX_CHANNELS} channels.", remedy="Send one or two.")
    if file.samplerate not in RATES:
        raise DeviceError(
            f"The sound has {file.samplerate} samples a second, and {RATES[0]} to {RATES[-1]} are read.",
            remedy=f"Send it at {EAR_RATE} Hz.",
        )
    if file.frames > MAX_FILE_SECONDS * file.samplerate:
        raise DeviceError(f"The sound is longer than {MAX_FILE_SECONDS / 60:.0f} minutes.", remedy="Send it in parts.")
    if file.frames * file.channels > MAX_DECODED_SAMPLES:
        raise DeviceError("The sound has too many samples.", remedy=f"Send it at {EAR_RATE} Hz, or in parts.")


def _decode_blocks(file: soundfile.SoundFile) -> Samples:
    """Mix, resample and collect block after block; a head that says less than there is does not lead to more."""
    rate, left = file.samplerate, file.frames
    resampler = soxr.ResampleStream(rate, EAR_RATE, 1, dtype="float32") if rate != EAR_RATE else None
    # Written into one array, whose pages are taken as they are filled: joining blocks would take the memory twice.
    whole: Samples = np.empty(left * EAR_RATE // rate + EAR_RATE, dtype=np.float32)
    filled = 0
    while True:
        block: npt.NDArray[Any] = file.read(min(left, _BLOCK_SAMPLES // file.channels), dtype="float32", always_2d=True)
        left -= len(block)
        mono: Samples = np.clip(np.nan_to_num(block.mean(axis=1), nan=0.0), -1, 1).astype(np.float32)
        last = left <= 0 or not len(block)
        if resampler is not None:
            mono = resampler.resample_chunk(mono, last=last)
        end = min(filled + len(mono), len(whole))
        whole[filled:end] = mono[: end - filled]
        filled = end
        if last:
            return whole[:filled]


def encode(pcm: bytes, rate: int, kind: FileKind) -> bytes:
    """Write mono 16-bit PCM at `rate` Hz as a file of some kind. Opus takes 24,000 Hz as it is, not every rate."""
    out = io.BytesIO()
    form, subtype = _WRITTEN[kind]
    soundfile.write(out, np.frombuffer(pcm, "<i2"), rate, format=form, subtype=subtype)
    return out.getvalue()
