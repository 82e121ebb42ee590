"""From any device's sound to Harry's and back: sample formats, channels and rates, streamed and bounded.

Resampling is soxr's; what stands here is the bookkeeping around it, so that frames come out whole and in step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import soxr

from actors.protocols import Samples
from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES

SampleFormat: TypeAlias = Literal["uint8", "int16", "int24", "int32", "float32", "float64"]
"""Little-endian; the names are numpy's, but for int24, which is three bytes packed."""

_FULL_SCALE = {"uint8": 1 << 7, "int16": 1 << 15, "int24": 1 << 31, "int32": 1 << 31, "float32": 1, "float64": 1}
_BYTES = {"uint8": 1, "int16": 2, "int24": 3, "int32": 4, "float32": 4, "float64": 8}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a device or a file lays out its sound. `rate` is in Hz; channels are interleaved."""

    rate: int
    channels: int
    sample_format: SampleFormat

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return _BYTES[self.sample_format] * self.channels


EAR = Layout(EAR_RATE, 1, "int16")


def to_mono(data: bytes, layout: Layout) -> Samples:
    """Average the channels of whole interleaved samples. Returns float32, shape (samples,), in -1..1.

    What is not a number, in a file of floats, becomes silence; what is beyond full scale is clipped.
    """
    kind = layout.sample_format
    if kind == "int24":
        wide = np.zeros((len(data) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
        raw: npt.NDArray[Any] = wide.view("<i4").reshape(-1)
    else:
        raw = np.frombuffer(data, dtype=np.dtype(kind).newbyteorder("<"))
    sound = raw.astype(np.float32)
    if kind == "uint8":
        sound -= 128
    sound /= _FULL_SCALE[kind]
    if kind.startswith("float"):
        sound = np.clip(np.nan_to_num(sound, nan=0.0), -1, 1)
    if layout.channels > 1:
        sound = sound.reshape(-1, layout.channels).mean(axis=1, dtype=np.float32)
    return sound


def to_pcm(samples: Samples) -> bytes:
    """Turn float32 in -1..1 into 16-bit PCM, rounded and clipped."""
    return _to_pcm(samples, 1 << 15)


def _to_pcm(samples: Samples, scale: int) -> bytes:
    scaled = samples * scale
    np.rint(scaled, out=scaled)
    # Of a frame's size, `np.clip` takes longer than all the rest.
    np.minimum(scaled, 32767, out=scaled)
    np.maximum(scaled, -32768, out=scaled)
    return scaled.astype("<i2").tobytes()


class Resampler:
    """Streams mono 16-bit PCM from one rate to another (Hz). Equal rates pass through untouched."""

    def __init__(self, source_rate: int, rate: int) -> None:
        self.source_rate = source_rate
        self.rate = rate
        self._stream = None if source_rate == rate else soxr.ResampleStream(source_rate, rate, 1, dtype="float32")

    def push(self, pcm: bytes, *, last: bool = False) -> bytes:
        """Resample the next stretch. Up to 50 ms stay inside until more comes, or until `last` brings them out."""
        if self._stream is None:
            return pcm
        return to_pcm(self._stream.resample_chunk(to_mono(pcm, Layout(self.source_rate, 1, "int16")), last=last))


class Reblocker:
    """Turns device buffers of any size and layout into frames: `FRAME_SAMPLES` of 16-bit mono at `EAR_RATE`.

    Sample n that comes out stands for instant n / `EAR_RATE` of what went in: soxr's own delay is taken out, it only
    makes frames come up to 40 ms later.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._stream = (
            None if layout.rate == EAR_RATE else soxr.ResampleStream(layout.rate, EAR_RATE, 1, dtype="float32")
        )
        self._held = bytearray()
        self._ready = bytearray()

    def push(self, data: bytes, *, last: bool = False) -> list[bytes]:
        """Take a buffer; returns the frames that are now usable. `last` ends the stream, its last frame padded."""
        self._held += data
        usable = len(self._held) // self.layout.frame_bytes
        size = FRAME_SAMPLES * SAMPLE_BYTES
        # soxr keeps as much inside as it did before: nothing is converted until a frame can come of it.
        coming = usable * EAR_RATE // self.layout.rate * SAMPLE_BYTES
        if not last and len(self._ready) + coming < size:
            return []
        usable *= self.layout.frame_bytes
        self._ready += self._converted(bytes(self._held[:usable]), last=last)
        del self._held[:usable]
        if last:
            self._ready += bytes(-len(self._ready) % size)
        frames = [bytes(self._ready[at : at + size]) for at in range(0, len(self._ready) - size + 1, size)]
        del self._ready[: len(frames) * size]
        return frames

    def _converted(self, data: bytes, *, last: bool) -> bytes:
        if self.layout == EAR:
            return data
        if self.layout.sample_format == "int16" and self.layout.channels == 1:
            # What comes fifty times a second is not scaled to 1 and back, which would change no bit.
            sound, scale = np.frombuffer(data, dtype="<i2").astype(np.float32), 1
        else:
            sound, scale = to_mono(data, self.layout), 1 << 15
        if self._stream is not None:
            sound = self._stream.resample_chunk(sound, last=last)
        return _to_pcm(sound, scale)
