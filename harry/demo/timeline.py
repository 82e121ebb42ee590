"""Draws a conversation as a picture: two voices over one axis of time, each turn's stages, and when Harry fell silent.

matplotlib is needed for this alone, so it is imported when there is something to draw.
"""

# ruff: noqa: PLC0415  # see above

from __future__ import annotations

import os
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harry.errors import EngineUnavailable

YOU, HARRY, CUT = "#2f6f9f", "#b5532a", "#c01040"
STAGES = (
    ("speech_ended", "committed", "hears you out", "#6f9f8f"),
    ("mind", "voice", "thinks", "#d9a441"),
    ("voice", "sound", "finds his voice", "#c98a6b"),
)
"""Pairs of marks on a turn's timeline between which a stage works, its name and its colour. They may overlap: Harry
begins to think before it is sure that somebody has finished."""

_GREY = "#444444"
_TOP = 2.3
"""Where a voice's axis ends: the wave reaches to 1, the words stand above."""
_CHARACTERS = 118
"""How long a line of text is that goes from one end of the axis to the other."""


@contextmanager
def _folder_of_matplotlib() -> Iterator[None]:
    """While inside, have matplotlib keep its list of fonts in a folder that is gone afterwards, not in the home."""
    if os.environ.get("MPLCONFIGDIR"):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="harry-fonts-") as folder:
        os.environ["MPLCONFIGDIR"] = folder
        try:
            yield
        finally:
            del os.environ["MPLCONFIGDIR"]


def draw(
    path: Path,
    you: tuple[npt.NDArray[np.int16], int],
    harry: tuple[npt.NDArray[np.int16], int],
    happened: list[dict[str, Any]],
) -> None:
    """Write the picture as PNG. `you` and `harry` are samples and rate; `happened` are events as in the event file."""
    try:
        with _folder_of_matplotlib():
            import matplotlib as mpl

            mpl.use("Agg")
            from matplotlib import pyplot as plt
    except ImportError as error:
        raise EngineUnavailable(
            "The picture needs matplotlib, which is not installed.", remedy="Install it: pip install matplotlib."
        ) from error
    seconds = max(len(you[0]) / you[1], len(harry[0]) / harry[1])
    figure, (above, stages, below) = plt.subplots(
        3, 1, sharex=True, figsize=(12, 5.6), height_ratios=(3, 1.6, 3.4), layout="constrained"
    )
    _wave(above, *you, YOU, "you")
    _wave(below, *harry, HARRY, "Harry")
    _words(above, below, happened, seconds)
    _stages(stages, happened)
    for cut in (event["at"] for event in happened if event["event"] == "interrupted"):
        silent = find_silence(*harry, cut)
        for axis in (above, stages, below):
            top = 1 if axis is stages else 2.1 / (1 + _TOP)  # the words stay free
            axis.axvline(silent, 0, top, color=CUT, linewidth=1.5, linestyle=(0, (4, 2)))
        below.annotate(
            f"silent at\n{silent:.2f} s", (silent, -0.9), color=CUT, xytext=(6, 0),
            textcoords="offset points", va="bottom", fontsize=10,
        )  # fmt: skip
    below.set_xlabel("seconds on the session's clock", fontsize=11)
    below.set_xlim(0, seconds)
    figure.savefig(path, dpi=160)
    plt.close(figure)


def find_silence(samples: npt.NDArray[np.int16], rate: int, cut: float) -> float:
    """Return when Harry fell silent for good, in seconds: the end of his last sound before he was cut at `cut`."""
    sounding = np.flatnonzero(samples[: round(cut * rate)])
    return float(sounding[-1] + 1) / rate if sounding.size else cut


def _wave(axis: Any, samples: npt.NDArray[np.int16], rate: int, colour: str, who: str) -> None:
    """Draw a voice as its envelope: the loudest sample of each 20 ms, mirrored."""
    step = max(1, rate // 50)
    usable = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float32) / 32768
    envelope = np.abs(usable).max(axis=1) if usable.size else np.zeros(0, np.float32)
    at = np.arange(len(envelope)) * step / rate
    axis.fill_between(at, -envelope, envelope, color=colour, linewidth=0)
    axis.set_ylim(-1, _TOP)
    axis.set_yticks([0], [who], fontsize=13, color=colour)
    _plain(axis)


def _words(above: Any, below: Any, happened: list[dict[str, Any]], seconds: float) -> None:
    """Write what was said over each stretch, and which part of the reply was heard."""
    started = {event["utterance"]: event["at"] for event in happened if event["event"] == "speech_started"}
    sounded = {event["turn"]: event["at"] for event in happened if event["event"] == "speaking_started"}
    yours = {
        started[event["utterance"]]: event["text"]
        for event in happened
        if event["event"] == "transcript" and not event["partial"] and event["utterance"] in started
    }
    his = {sounded[event["turn"]]: event["text"] for event in happened if event["event"] == "heard"}
    for axis, texts in ((above, yours), (below, his)):
        places = [*sorted(texts), seconds]
        for at, until in pairwise(places):
            _label(axis, at, texts[at], max(12, int((until - at) / seconds * _CHARACTERS)))


def _label(axis: Any, at: float, text: str, width: int) -> None:
    """Write a text of three lines at most, each of `width` characters, over what begins at `at`."""
    shown = "\n".join(textwrap.wrap(text, width, max_lines=3, placeholder=" …"))
    axis.annotate(shown, (at, _TOP), va="top", fontsize=9.5, color=_GREY)


def _stages(axis: Any, happened: list[dict[str, Any]]) -> None:
    for turn in (event["timeline"] for event in happened if event["event"] == "turn_ended"):
        for row, (begin, end, _, colour) in enumerate(STAGES):
            if begin in turn and end in turn:
                left, width = turn[begin], max(turn[end] - turn[begin], 0.04)
                axis.barh(len(STAGES) - row, width, left=left, color=colour)
                axis.annotate(
                    f"{1000 * (turn[end] - turn[begin]):.0f} ms", (left + width, len(STAGES) - row),
                    xytext=(4, 0), textcoords="offset points", va="center", fontsize=9, color=_GREY,
                )  # fmt: skip
    axis.set_ylim(0.3, len(STAGES) + 0.7)
    axis.set_yticks(range(len(STAGES), 0, -1), [name for _, _, name, _ in STAGES], fontsize=10, color=_GREY)
    _plain(axis)


def _plain(axis: Any) -> None:
    axis.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
