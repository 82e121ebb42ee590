"""Draws a conversation as a picture: two voices over one axis of time, the stages of each turn, and where a cut fell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harry.errors import EngineUnavailable

YOU, HARRY, CUT = "#2f6f9f", "#b5532a", "#c01040"
STAGES = (
    ("speech_ended", "committed", "makes sure, understands", "#6f9f8f"),
    ("committed", "mind", "remembers", "#8fa3ad"),
    ("mind", "voice", "thinks", "#d9a441"),
    ("voice", "sound", "finds his voice", "#c98a6b"),
)
"""Pairs of marks on a turn's timeline between which a stage works, its name and its colour."""


def draw(
    path: Path,
    you: tuple[npt.NDArray[np.int16], int],
    harry: tuple[npt.NDArray[np.int16], int],
    happened: list[dict[str, Any]],
) -> None:
    """Write the picture as PNG. `you` and `harry` are samples and rate; `happened` are events as in the event file."""
    try:
        import matplotlib as mpl
        from matplotlib import pyplot
    except ImportError as error:
        raise EngineUnavailable(
            "The picture needs matplotlib, which is not installed.", remedy="Install it: pip install matplotlib."
        ) from error
    mpl.use("Agg")
    figure, (above, stages, below) = pyplot.subplots(
        3, 1, sharex=True, figsize=(12, 5.2), height_ratios=(3, 2, 3), layout="constrained"
    )
    _wave(above, *you, YOU, "you")
    _wave(below, *harry, HARRY, "Harry")
    _words(above, below, happened)
    _stages(stages, happened)
    for cut in (each for each in happened if each["event"] == "interrupted"):
        for axis in (above, stages, below):
            axis.axvline(cut["at"], color=CUT, linewidth=1.5)
        stages.annotate(
            "cut", (cut["at"], len(STAGES) + 0.2), color=CUT, xytext=(4, 0), textcoords="offset points", fontsize=10
        )
    below.set_xlabel("seconds on the session's clock")
    below.set_xlim(0, max(len(you[0]) / you[1], len(harry[0]) / harry[1]))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _wave(axis: Any, samples: npt.NDArray[np.int16], rate: int, colour: str, who: str) -> None:
    """A voice as its envelope: the loudest sample of each 20 ms, mirrored."""
    step = max(1, rate // 50)
    usable = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float32) / 32768
    envelope = np.abs(usable).max(axis=1) if usable.size else np.zeros(0, np.float32)
    at = np.arange(len(envelope)) * step / rate
    axis.fill_between(at, -envelope, envelope, color=colour, linewidth=0)
    axis.set_ylim(-1, 1)
    axis.set_yticks([])
    axis.set_ylabel(who, rotation=0, ha="right", va="center", fontsize=12, color=colour)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _words(above: Any, below: Any, happened: list[dict[str, Any]]) -> None:
    """What was said over each stretch, and what of the reply was heard."""
    started = {each["utterance"]: each["at"] for each in happened if each["event"] == "speech_started"}
    sounded = {each["turn"]: each["at"] for each in happened if each["event"] == "speaking_started"}
    for each in happened:
        if each["event"] == "transcript" and not each["partial"] and each["utterance"] in started:
            _label(above, started[each["utterance"]], each["text"])
        elif each["event"] == "heard" and each["turn"] in sounded:
            _label(below, sounded[each["turn"]], each["text"])


def _label(axis: Any, at: float, text: str, longest: int = 44) -> None:
    shown = text if len(text) <= longest else f"{text[: longest // 2]}… {text[-longest // 2 :].lstrip()}"
    axis.annotate(shown, (at, 0.72), fontsize=9, annotation_clip=True)


def _stages(axis: Any, happened: list[dict[str, Any]]) -> None:
    for turn in (each["timeline"] for each in happened if each["event"] == "turn_ended"):
        for row, (begin, end, name, colour) in enumerate(STAGES):
            if begin in turn and end in turn:
                left, width = turn[begin], max(turn[end] - turn[begin], 0.02)
                axis.barh(len(STAGES) - row, width, left=left, color=colour)
                axis.annotate(
                    f"{name} {1000 * (turn[end] - turn[begin]):.0f} ms", (left + width, len(STAGES) - row),
                    xytext=(4, 0), textcoords="offset points", va="center", fontsize=8,
                )  # fmt: skip
    axis.set_ylim(0.3, len(STAGES) + 0.7)
    axis.set_yticks([])
    axis.set_ylabel("stages", rotation=0, ha="right", va="center", fontsize=10, color="#555555")
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
