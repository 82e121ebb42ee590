"""What a soak uses of its process over time: memory, descriptors, threads and tasks, and how much of each is added."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import trio

from harry.bench.sessions import read_resident_mb

WARM_UP = 0.25
"""The part of all turns after which memory is compared: caches and the recent conversation are full by then."""


@dataclass(slots=True)
class Usage:
    """What was found after each turn: by the wall's clock in seconds, in kB, and how many."""

    at: array[float] = field(default_factory=lambda: array("d"))
    resident: array[float] = field(default_factory=lambda: array("d"))
    descriptors: array[int] = field(default_factory=lambda: array("i"))
    threads: array[int] = field(default_factory=lambda: array("i"))
    tasks: array[int] = field(default_factory=lambda: array("i"))

    def take(self, since: float) -> None:
        """Look at the process."""
        self.at.append(time.monotonic() - since)
        self.resident.append(read_resident_mb() * 1000)
        self.descriptors.append(_count_descriptors())
        self.threads.append(threading.active_count())
        self.tasks.append(trio.lowlevel.current_statistics().tasks_living)

    def describe(self) -> str:
        """Say what was found last."""
        return (
            f"{self.at[-1] / 3600:.2f} h, {len(self.at)} said: {self.resident[-1] / 1000:.1f} MB,"
            f" {self.descriptors[-1]} descriptors, {self.threads[-1]} threads, {self.tasks[-1]} tasks"
        )

    def figures(self) -> dict[str, Any]:
        """Return how much there was after warm-up and at the end, and how much it grew."""
        first = int(len(self.at) * WARM_UP)
        at, resident = np.array(self.at[first:]), np.array(self.resident[first:])
        return {
            "hours_by_the_wall": round(self.at[-1] / 3600, 3) if self.at else 0.0,
            "resident_mb_after_warm_up": round(float(resident[:20].mean()) / 1000, 2) if len(resident) else 0.0,
            "resident_mb_at_end": round(float(resident[-20:].mean()) / 1000, 2) if len(resident) else 0.0,
            "resident_kb_a_turn": slope(np.arange(len(resident)), resident),
            "resident_mb_an_hour": round(slope(at, resident) * 3.6, 3),
            "descriptors": _ends(self.descriptors, first),
            "threads": _ends(self.threads, first),
            "tasks": _ends(self.tasks, first),
        }

    def panels(self) -> dict[str, Sequence[float]]:
        """Return what a picture of it shows, over `at`."""
        known: dict[str, Sequence[float]] = {"resident kB": self.resident, "descriptors": self.descriptors}
        return {**known, "threads": self.threads, "tasks": self.tasks}


def _count_descriptors() -> int:
    """Count open descriptors; 0 where /proc does not tell."""
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return 0


def slope(over: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> float:
    """Return how much values grow for each one of what they are over, by least squares."""
    if len(values) < 3 or not np.ptp(over):
        return 0.0
    return round(float(np.polyfit(over, values, 1)[0]), 6)


def _ends(counts: array[int], first: int) -> dict[str, float]:
    """Return medians at the begin, after warm-up, and at the end."""
    after = counts[first:] or array("i", [0])
    size = max(1, len(after) // 10)
    return {"begin": float(np.median(after[:size])), "end": float(np.median(after[-size:])), "most": float(max(after))}
