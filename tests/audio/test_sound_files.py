"""Sound files of strangers: read whatever their layout, and never at the cost of the memory."""

from __future__ import annotations

import io
import random
import resource
import struct
import time
import tracemalloc

import numpy as np
import pytest
import soundfile

from channels.messages import EAR_RATE
from harry.audio.files import MAX_FILE_SECONDS, decode
from harry.errors import DeviceError

FLAC_BLOCK = 65_535


def _file(rate: int, channels: int, seconds: float, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    out, tone = io.BytesIO(), np.sin(2 * np.pi * 300 * np.arange(int(rate * seconds)) / rate) * 0.5
    sound = np.repeat(tone[:, None], channels, axis=1)
    soundfile.write(out, sound, rate, format=kind, subtype=subtype)
    return out.getvalue()


def _silence(rate: int, channels: int, frames: int, kind: str, subtype: str = "PCM_16") -> bytes:
    out, block = io.BytesIO(), np.zeros((FLAC_BLOCK, channels), "int16")
    with soundfile.SoundFile(out, "w", samplerate=rate, channels=channels, format=kind, subtype=subtype) as file:
        for at in range(0, frames, FLAC_BLOCK):
            file.write(block[: frames - at])
    return out.getvalue()


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_a_tone_is_read_whole_from_any_layout(rate: int, channels: int) -> None:
    heard = decode(_file(rate, channels, 1.5))
    assert heard.dtype == np.float32
    assert abs(len(heard) - 1.5 * EAR_RATE) <= 2
    assert 0.33 < float(np.sqrt(np.mean(heard**2))) < 0.37
    strongest = np.argmax(np.abs(np.fft.rfft(heard))) * EAR_RATE / len(heard)
    assert abs(strongest - 300) < 2


@pytest.mark.parametrize(
    ("kind", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("WAV", "FLOAT"), ("WAV", "PCM_24")]
)
def test_every_kind_is_read(kind: str, subtype: str) -> None:
    assert abs(len(decode(_file(48_000, 2, 1.0, kind, subtype))) - EAR_RATE) <= 2


@pytest.mark.parametrize(
    ("rate", "channels", "frames", "why"),
    [
        (655_350, 8, 655_350, "samples a second"),
        (384_000, 1, 1_000, "samples a second"),
        (8, 1, 100, "samples a second"),
        (16_000, 9, 1_000, "channels"),
        (16_000, 200, 1_000, "channels"),
        (1_000, 1, int(MAX_FILE_SECONDS * 1_000) + 1, "longer than 30 minutes"),
    ],
)
def test_what_would_fill_the_memory_is_refused_before_it_is_decoded(
    rate: int, channels: int, frames: int, why: str
) -> None:
    kind = "FLAC" if channels <= 8 and rate >= 1_000 else "WAV"
    data = _silence(rate, channels, frames, kind)
    with pytest.raises(DeviceError, match=why):
        decode(data)


def test_many_samples_within_the_time_are_refused_by_their_head() -> None:
    head = bytearray(_silence(192_000, 8, 1_000, "FLAC"))
    frames = 1_700 * 192_000  # STREAMINFO: 36 bits of samples end 26 bytes from "fLaC" on
    at = 8 + 13
    head[at : at + 5] = struct.pack(">Q", (head[at] & 0xF0) << 32 | frames)[3:]
    with pytest.raises(DeviceError, match="too many samples"):
        decode(bytes(head))


def test_a_long_file_takes_little_more_than_the_sound_that_is_heard() -> None:
    data = _silence(96_000, 8, 96_000 * 20, "FLAC")  # 61 MB as float32
    tracemalloc.start()
    try:
        assert abs(len(decode(data)) - 20 * EAR_RATE) <= 2
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


KINDS = (("WAV",), ("FLAC",), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))


def _read_mutated(count: int, seed: int) -> tuple[int, float]:
    """Read `count` files with broken heads; return how many were sound, and the seconds that the slowest took."""
    chance, sound, slowest = random.Random(seed), 0, 0.0
    whole = [_file(24_000, 2, 0.05, *kind) for kind in KINDS]
    for _ in range(count):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 12)):
            data[chance.randrange(min(len(data), 64))] = chance.choice((0, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        began = time.monotonic()
        try:
            heard = decode(bytes(data[: chance.choice((len(data), chance.randrange(1, len(data))))]))
        except DeviceError:
            pass
        else:
            sound += 1
            assert len(heard) <= (MAX_FILE_SECONDS + 1) * EAR_RATE
        slowest = max(slowest, time.monotonic() - began)
    return sound, slowest


def test_bytes_of_any_kind_are_sound_or_a_sentence() -> None:
    sound, _ = _read_mutated(300, seed=7)
    assert 0 < sound < 300


@pytest.mark.acceptance
def test_five_thousand_broken_heads_neither_hang_nor_fill_the_memory(capsys: pytest.CaptureFixture[str]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sound, slowest = _read_mutated(5_000, seed=8)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    with capsys.disabled():
        print(
            f"\n5,000 broken heads: {sound} read as sound, the slowest {slowest:.2f} s, {grown:.0f} MB more at the most"
        )
    assert slowest < 2
    assert grown < 200
