"""WAV files, read and written in small pieces: neither two hours of recording nor a crash in the middle is a problem.

The standard library's `wave` refuses floats and, before Python 3.12, extensible headers; reading them is little work.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from channels.messages import SAMPLE_BYTES
from harry.audio.resampling import Layout, SampleFormat
from harry.errors import DeviceError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_FORMATS: dict[tuple[int, int], SampleFormat] = {
    (_PCM, 8): "uint8",
    (_PCM, 16): "int16",
    (_PCM, 24): "int24",
    (_PCM, 32): "int32",
    (_FLOAT, 32): "float32",
    (_FLOAT, 64): "float64",
}
_UNKNOWN_SIZE = 0xFFFFFFFF  # what programs write that stream a WAV and cannot come back to its header
_RATES = range(8_000, 192_001)
_CHANNELS = range(1, 65)
_HEADER_BYTES = 44


@contextmanager
def explain_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn the file system's errors into one sentence. `doing` ends "The WAV file ... cannot be"."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DeviceError(f"The WAV file {path} cannot be {doing}: {reason.lower()}.") from error


@dataclass(frozen=True, slots=True)
class Riff:
    """Where the sound of a WAV file lies. `promised` and `size`: bytes told by the header, and bytes there."""

    layout: Layout
    start: int
    size: int
    promised: int

    @property
    def truncated(self) -> bool:
        """Whether the file ends before its header says."""
        return self.size < self.promised

    @property
    def frames(self) -> int:
        """Samples of each channel."""
        return self.size // self.layout.frame_bytes


def read_header(path: Path) -> Riff:
    """Find the sound in a WAV file. Raises `DeviceError`, one sentence, for anything that is not one."""
    with explain_errors(path, "read"):
        if path.exists() and not path.is_file():
            raise DeviceError(f"{path} is not a file, so it cannot be played as a WAV.")
        with path.open("rb") as file:
            length = path.stat().st_size
            if length == 0:
                raise DeviceError(f"The WAV file {path} is empty.")
            head = file.read(12)
            if head[:4] != b"RIFF" or head[8:] not in (b"WAVE", b""):
                raise DeviceError(
                    f"{path} is not a WAV file.", remedy="Convert it first, for instance: ffmpeg -i FILE out.wav"
                )
            return _find_sound(file, path, length)


def _find_sound(file: BinaryIO, path: Path, length: int) -> Riff:
    layout: Layout | None = None
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", header)
        if name == b"data" and layout is not None:
            start = file.tell()
            there = length - start
            promised = there if size == _UNKNOWN_SIZE else size
            return Riff(layout, start, min(promised, there), promised)
        if name == b"fmt ":
            layout = _layout(file.read(min(size, 40)), path)
            size -= min(size, 40)
        file.seek(size + size % 2, 1)
    raise DeviceError(f"The WAV file {path} breaks off before its sound begins.")


def _layout(chunk: bytes, path: Path) -> Layout:
    if len(chunk) < 16:
        raise DeviceError(f"The WAV file {path} breaks off before its sound begins.")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= 26:
        tag = struct.unpack_from("<H", chunk, 24)[0]
    sample_format = _FORMATS.get((tag, bits))
    if sample_format is None:
        raise DeviceError(
            f"The WAV file {path} is of a kind Harry cannot read (format {tag}, {bits} bits).",
            remedy="Convert it first, for instance: ffmpeg -i FILE -c:a pcm_s16le out.wav",
        )
    if rate not in _RATES or channels not in _CHANNELS:
        raise DeviceError(
            f"The WAV file {path} has {channels} channels at {rate} Hz; Harry reads 1 to 64 at 8000 to 192000 Hz."
        )
    return Layout(rate, channels, sample_format)


class WavWriter:
    """Writes mono 16-bit PCM and keeps the header true after each write, so a crash leaves a valid file.

    Unbuffered: each `write` is a system call on a local file, some tens of microseconds for a second of sound.
    """

    def __init__(self, path: Path, rate: int) -> None:
        """Make or empty the file. Raises `DeviceError` where that cannot be done."""
        self.path = path
        self.rate = rate
        self.samples = 0
        self._file: BinaryIO | None = None
        with explain_errors(path, "written"):
            if path.exists() and not path.is_file():
                raise DeviceError(f"{path} is not a file, so it cannot be written as a WAV.")
            # What was said at home is in it: it is nobody else's to hear.
            with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(self._header())

    def _header(self) -> bytes:
        # Beyond 4 GiB (about a day at 24 kHz) the size no longer fits; readers then take the file's length.
        size = min(self.samples * SAMPLE_BYTES, _UNKNOWN_SIZE)
        form = struct.pack("<HHIIHH", _PCM, 1, self.rate, self.rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
        riff = min(size + _HEADER_BYTES - 8, _UNKNOWN_SIZE)
        return struct.pack("<4sI4s4sI16s4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, form, b"data", size)

    def write(self, pcm: bytes | bytearray) -> None:
        """Append sound, opening the file if it is not. Raises `DeviceError` when the disk refuses."""
        with explain_errors(self.path, "written"):
            if self._file is None:
                self._file = self.path.open("r+b", buffering=0)
            self._file.seek(_HEADER_BYTES + self.samples * SAMPLE_BYTES)
            rest = memoryview(pcm)
            while rest:
                rest = rest[self._file.write(rest) :]
            self.samples += len(pcm) // SAMPLE_BYTES
            self._file.seek(0)
            self._file.write(self._header())

    def close(self) -> None:
        """Let go of the file. A later `write` opens it again and goes on behind what is there."""
        if self._file is not None:
            self._file.close()
            self._file = None
