"""The demonstration's picture: it needs nothing but what Harry runs with, and shows the cut where he fell silent."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
from PIL import Image

from harry.demo import timeline

RATE = 16_000


def tone(seconds: float) -> np.ndarray:
    return (12_000 * np.sin(np.arange(round(seconds * RATE)) * 0.2)).astype(np.int16)


def conversation() -> tuple[np.ndarray, np.ndarray, list[dict[str, object]]]:
    rest = np.zeros(RATE, np.int16)
    you = np.concatenate([tone(1), np.zeros(3 * RATE, np.int16), tone(1), rest])
    harry = np.concatenate([rest, tone(3), np.zeros(2 * RATE, np.int16)])
    happened: list[dict[str, object]] = [
        {"at": 0.0, "event": "speech_started", "utterance": "a"},
        {"at": 1.0, "event": "transcript", "utterance": "a", "partial": False, "text": "Tell me a story, ünd more."},
        {"at": 1.1, "event": "speaking_started", "turn": "t"},
        {"at": 4.0, "event": "interrupted", "turn": "t", "stale_samples": 0},
        {"at": 4.0, "event": "heard", "turn": "t", "text": "There was once a lighthouse"},
        {
            "at": 4.1,
            "event": "turn_ended",
            "turn": "t",
            "timeline": {"speech_ended": 1.0, "committed": 1.2, "mind": 1.2, "voice": 1.4, "sound": 1.5},
        },
    ]
    return you, harry, happened


def test_the_picture_shows_both_voices_and_the_cut_where_he_fell_silent(tmp_path: Path) -> None:
    you, harry, happened = conversation()
    timeline.draw(tmp_path / "timeline.png", (you, RATE), (harry, RATE), happened)
    with Image.open(tmp_path / "timeline.png") as file:
        picture = np.asarray(file.convert("RGB"))
    where = {
        name: np.flatnonzero((picture[rows] == [int(colour[at : at + 2], 16) for at in (1, 3, 5)]).all(2).any(0))
        for name, colour, rows in (
            ("you", timeline.YOU, slice(120, 295)),
            ("harry", timeline.HARRY, slice(640, 800)),
            ("cut", timeline.CUT, slice(320, 470)),
        )
    }

    def second(pixel: float) -> float:
        return 6 * (pixel - timeline.LEFT) / (timeline.RIGHT - timeline.LEFT)

    drawn = {name: pixels[pixels > timeline.LEFT] for name, pixels in where.items()}
    assert abs(second(drawn["you"].max()) - 5) < 0.05
    assert abs(second(drawn["harry"].min()) - 1) < 0.05
    assert abs(second(drawn["harry"].max()) - 4) < 0.05
    assert abs(second(drawn["cut"].mean()) - 4) < 0.05


def test_a_conversation_in_which_nothing_was_said_is_a_picture_too(tmp_path: Path) -> None:
    empty = np.zeros(0, np.int16), RATE
    timeline.draw(tmp_path / "timeline.png", empty, empty, [])
    with Image.open(tmp_path / "timeline.png") as file:
        assert file.size == timeline.SIZE


def test_the_picture_needs_only_what_is_installed_with_harry() -> None:
    tree = ast.parse(Path(timeline.__file__).read_text("utf-8"))
    imported = {
        node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }
    assert imported <= {"__future__", "itertools", "pathlib", "typing", "unicodedata", "PIL"}
