"""The soak: it converses while things fail, loses nothing, leaves nothing, and draws what it used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harry.bench import soak, soak_outages
from harry.bench.soak_plot import draw
from harry.bench.soak_usage import slope


def test_a_slope_is_what_each_step_adds() -> None:
    assert slope(np.arange(10), np.arange(10) * 3.0 + 5) == 3.0
    assert slope(np.zeros(10), np.arange(10) * 1.0) == 0.0


def test_a_plot_is_a_picture_also_of_nothing(tmp_path: Path) -> None:
    draw(tmp_path / "used.png", [0.0, 60.0, 120.0], {"threads": [3, 5, 4], "tasks": [1, 1, 1]})
    draw(tmp_path / "empty.png", [], {"threads": []})
    with Image.open(tmp_path / "used.png") as picture:
        assert picture.size == (900, 320)


def test_a_short_soak_loses_nothing_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_outages, "EVERY", 5.0)
    monkeypatch.setattr(soak, "_GUEST_EACH", 5)
    figures = soak.run(3 / 3600, 10.0, plot=tmp_path / "soak.png")
    assert figures["turns"] > 0
    assert figures["acknowledged_and_lost"] == 0
    assert figures["tasks_left"] == 0
    assert figures["restarts"] == 0
    assert (tmp_path / "soak.png").exists()


@pytest.mark.acceptance
@pytest.mark.timeout(7200)
def test_ten_thousand_turns_with_faults_lose_nothing_and_leave_nothing() -> None:
    figures = soak.run(0.6, 20.0)
    assert figures["turns"] > 10_000
    assert figures["acknowledged_and_lost"] == 0
    assert figures["tasks_left"] == 0
    assert figures["restarts"] == 0
    for what in ("descriptors", "tasks"):
        assert figures[what]["end"] <= figures[what]["begin"] + 1, what
