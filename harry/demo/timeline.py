"""Draws a conversation as a picture: two voices over one axis of time, each stage, and when Harry fell silent."""

from __future__ import annotations

import textwrap
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

YOU, HARRY, CUT = "#2f6f9f", "#b5532a", "#c01040"
STAGES = (
    ("speech_ended", "committed", "hears you out", "#6f9f8f"),
    ("mind", "voice", "thinks", "#d9a441"),
    ("voice", "sound", "finds his voice", "#c98a6b"),
)
"""Pairs of marks on a turn's timeline between which a stage works, its name and its colour. They may overlap: Harry
begins to think before it is sure that somebody has finished."""

SIZE = (1920, 896)
LEFT, RIGHT = 170, 1905
"""Pixels between which time runs."""

_GREY, _BLACK = "#444444", "#000000"
_ABOVE, _BELOW = 208, 720
"""Heights of the middle of your voice and of Harry's; each reaches 80 up and down."""
_ROWS = (348, 393, 438)
_AXES = (295, 470, 818)
_WORDS = (8, 490)
_CHARACTERS = 118
"""How long a line of text is that goes from one end of the axis to the other."""

Voice = tuple[npt.NDArray[np.int16], int]
"""Samples, and their rate in Hz."""


def draw(path: Path, you: Voice, harry: Voice, happened: list[dict[str, Any]]) -> None:
    """Write the picture as PNG. `happened` are events as in the event file."""
    picture = _Picture(max(len(samples) / rate for samples, rate in (you, harry)))
    picture.waves(*you, _ABOVE, YOU, "you")
    picture.waves(*harry, _BELOW, HARRY, "Harry")
    picture.words(happened)
    picture.stages(happened)
    for cut in (event["at"] for event in happened if event["event"] == "interrupted"):
        picture.cut(find_silence(*harry, cut))
    picture.axes()
    picture.image.save(path)


def find_silence(samples: npt.NDArray[np.int16], rate: int, cut: float) -> float:
    """Return when Harry fell silent for good, in seconds: the end of his last sound before he was cut at `cut`."""
    sounding = np.flatnonzero(samples[: round(cut * rate)])
    return float(sounding[-1] + 1) / rate if sounding.size else cut


class _Picture:
    """The sheet, on which time runs from 0 to `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.image = Image.new("RGB", SIZE, "white")
        self._pen = ImageDraw.Draw(self.image)

    def waves(self, samples: npt.NDArray[np.int16], rate: int, middle: int, colour: str, who: str) -> None:
        """Draw a voice as its envelope: the loudest sample of each 10 ms, mirrored."""
        step = max(1, rate // 100)
        usable = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float32) / 32768
        for place, loudest in enumerate(np.abs(usable).max(axis=1) if usable.size else ()):
            height = 80 * float(loudest)
            if height >= 1:
                begin, end = self._x(place * step / rate), self._x((place + 1) * step / rate)
                self._pen.rectangle((begin, middle - height, end, middle + height), colour)
        self._write((LEFT - 8, middle), who, colour, 28, "rm")

    def words(self, happened: list[dict[str, Any]]) -> None:
        """Write what was said over each stretch, and which part of the reply was heard."""
        started = {event["utterance"]: event["at"] for event in happened if event["event"] == "speech_started"}
        sounded = {event["turn"]: event["at"] for event in happened if event["event"] == "speaking_started"}
        yours = {
            started[event["utterance"]]: event["text"]
            for event in happened
            if event["event"] == "transcript" and not event["partial"] and event["utterance"] in started
        }
        his = {sounded[event["turn"]]: event["text"] for event in happened if event["event"] == "heard"}
        for top, texts in zip(_WORDS, (yours, his), strict=True):
            for at, until in pairwise([*sorted(texts), self.seconds]):
                width = max(12, int((until - at) / self.seconds * _CHARACTERS))
                shown = textwrap.wrap(texts[at], width, max_lines=3, placeholder=" ...")
                self._write((self._x(at), top), "\n".join(shown), _GREY, 20, "la")

    def stages(self, happened: list[dict[str, Any]]) -> None:
        """Draw how long each stage of each turn took."""
        for turn in (event["timeline"] for event in happened if event["event"] == "turn_ended"):
            for middle, (begin, end, _, colour) in zip(_ROWS, STAGES, strict=True):
                if begin in turn and end in turn:
                    left, right = self._x(turn[begin]), self._x(max(turn[end], turn[begin] + 0.04))
                    self._pen.rectangle((left, middle - 18, right, middle + 18), colour)
                    took = f"{1000 * (turn[end] - turn[begin]):.0f} ms"
                    self._write((right + 9, middle), took, _GREY, 20, "lm")
        for middle, (_, _, name, _) in zip(_ROWS, STAGES, strict=True):
            self._write((LEFT - 8, middle), name, _GREY, 21, "rm")

    def cut(self, at: float) -> None:
        """Draw the instant of silence, a dashed line that leaves the words free."""
        x = self._x(at)
        for top, bottom in ((112, _AXES[0]), (318, _AXES[1]), (612, _AXES[2])):
            for y in range(top, bottom, 18):
                self._pen.line((x, y, x, min(y + 12, bottom)), CUT, 3)
        self._write((x + 12, _AXES[2] - 60), f"silent at\n{at:.2f} s", CUT, 21, "la")

    def axes(self) -> None:
        """Draw the three axes of time, with a number every five seconds."""
        for axis in _AXES:
            self._pen.line((LEFT, axis, RIGHT, axis), _BLACK, 2)
            for second in range(0, int(self.seconds) + 1, 5):
                self._pen.line((self._x(second), axis, self._x(second), axis + 8), _BLACK, 2)
        for second in range(0, int(self.seconds) + 1, 5):
            self._write((self._x(second), _AXES[2] + 12), str(second), _BLACK, 21, "ma")
        self._write(((LEFT + RIGHT) / 2, SIZE[1] - 34), "seconds on the session's clock", _BLACK, 22, "ma")

    def _x(self, at: float) -> float:
        return LEFT + (RIGHT - LEFT) * at / max(self.seconds, 1e-3)

    def _write(self, place: tuple[float, float], text: str, colour: str, size: int, anchor: str) -> None:
        font = ImageFont.load_default(size)  # Pillow's own, which has the letters of ASCII only
        text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        if anchor == "la":
            self._pen.multiline_text(place, text, colour, font, spacing=6)
        else:
            self._pen.text(place, text, colour, font, anchor)
