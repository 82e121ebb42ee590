"""Draws what a soak used over time: one panel for each figure, in a PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

_WIDTH, _PANEL, _LEFT, _MARGIN = 900, 160, 90, 24
_INK, _LINE, _PAPER, _RULE = "#222222", "#0b6bcb", "#ffffff", "#cccccc"


def draw(path: Path, at: Sequence[float], panels: Mapping[str, Sequence[float]]) -> None:
    """Draw each of `panels` over `at`, in seconds. Raises `OSError` where the picture cannot be written."""
    picture = Image.new("RGB", (_WIDTH, _PANEL * len(panels)), _PAPER)
    canvas = ImageDraw.Draw(picture)
    for number, (name, values) in enumerate(panels.items()):
        _panel(canvas, number * _PANEL, name, at, values)
    picture.save(path, "PNG")


def _panel(canvas: ImageDraw.ImageDraw, top: int, name: str, at: Sequence[float], values: Sequence[float]) -> None:
    high, low = top + _MARGIN, top + _PANEL - _MARGIN
    last = at[-1] if at and at[-1] > 0 else 1.0
    least, most = (min(values), max(values)) if values else (0.0, 0.0)
    span = most - least or 1.0
    canvas.text((_LEFT, top + 6), f"{name}, over {last / 3600:.2f} h", fill=_INK)
    for value, height in ((most, high), (least, low)):
        canvas.line([(_LEFT, height), (_WIDTH - _MARGIN, height)], fill=_RULE)
        canvas.text((8, height - 6), f"{value:,.0f}", fill=_INK)
    points = [
        (_LEFT + (_WIDTH - _MARGIN - _LEFT) * when / last, low - (low - high) * (value - least) / span)
        for when, value in zip(at, values, strict=True)
    ]
    if len(points) > 1:
        canvas.line(points, fill=_LINE)
