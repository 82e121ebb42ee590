"""What tests of the real engines need: recorded human speech with its wording, and the engines, if they are here.

The recordings are those of Debian's pocketsphinx-testdata. On CI nothing may be missing, so there nothing is skipped.
"""

from __future__ import annotations

import os
import re
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.protocols import Samples
from channels.messages import EAR_RATE
from harry.engines.registry import find_engine_class
from harry.errors import EngineUnavailable

FOLDER = Path("/usr/share/pocketsphinx/test/data")
ON_CI = os.environ.get("CI", "").lower() == "true"

_LINE = re.compile(r"<s>(?P<words>.*)</s>\s*\((?P<name>.+)\)")


@dataclass(frozen=True, slots=True)
class Recording:
    """A file at 16 kHz, mono, 16 bit, and what is said in it: lower-case words with single spaces."""

    path: Path
    words: str

    def samples(self) -> Samples:
        """The sound, float32 in -1..1."""
        if self.path.suffix == ".raw":
            pcm = self.path.read_bytes()
        else:
            with wave.open(str(self.path)) as file:
                assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (EAR_RATE, 1, 2)
                pcm = file.readframes(file.getnframes())
        return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)


def recordings() -> list[Recording]:
    """Every utterance whose wording is known. Skips the test where the package is missing, except on CI."""
    if not FOLDER.is_dir() and not ON_CI:
        pytest.skip("pocketsphinx-testdata is not installed (make system-packages)")
    found = [Recording(FOLDER / "goforward.raw", "go forward ten meters")]
    for transcription in (FOLDER / "librivox" / "transcription", FOLDER / "cards" / "cards.transcription"):
        for line in _LINE.finditer(transcription.read_text(encoding="ascii")):
            # A slip of the transcription (utterance 0920): the speaker says "a more amiable woman".
            words = " ".join(line["words"].split()).replace("a more a amiable", "a more amiable")
            found.append(Recording(transcription.parent / f"{line['name']}.wav", words))
    return found


def recording(name: str) -> Recording:
    """The recording whose file name ends with `name`, for example "0870"."""
    return next(each for each in recordings() if each.path.stem.endswith(name))


def embedded(role: str, kind: str) -> Any:
    """The class of an embedded engine. Skips the test where its package is missing, except on CI."""
    try:
        return find_engine_class(role, kind)
    except EngineUnavailable as missing:
        if ON_CI:
            raise
        pytest.skip(str(missing))


def plain(text: str) -> list[str]:
    """The words of a text without case, marks and hyphens; "Mr." is "mister"."""
    words = re.findall(r"[a-z0-9']+", text.lower().replace("mr.", "mister"))
    return [word.strip("'") for word in words]


def word_errors(said: list[str], heard: list[str]) -> int:
    """Words wrong, missing or added: the edit distance."""
    row = list(range(len(heard) + 1))
    for count, word in enumerate(said, start=1):
        before, row[0] = row[0], count
        for place, other in enumerate(heard, start=1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1]
