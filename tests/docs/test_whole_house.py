"""The example that shows the whole house at work: each actor does its part, and the interruption is exact."""

from __future__ import annotations

import runpy

from tests.docs import floors
from tests.support.paths import ROOT


def test_the_whole_house_hears_answers_falls_silent_and_thinks(capsys):
    runpy.run_path(str(ROOT / "examples" / "whole_house.py"), run_name="__main__")
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert [tuple(line[1:]) for line in lines] == [
        ("transcript", "Tell me a story."),
        ("turn_began",),
        ("speaking_started",),
        ("interrupted", "barge_in"),
        ("heard", "There was once a lighthouse at the end of"),
        ("turn_ended", "barge_in"),
        ("transcript", "What happened to the keeper?"),
        ("turn_began",),
        ("speaking_started",),
        ("heard", "He stayed and lit the lamp."),
        ("turn_ended", "finished"),
        ("soc",),
    ]
    times = [float(line[0]) for line in lines]
    assert times == sorted(times)
    # The second voice begins at 3.5 s. It is cut by its words; what he was saying is no longer heard.
    assert 3.5 < times[3] < 4.5
    assert times[3] == times[4] == times[5]


def test_the_picture_of_the_floors_is_what_the_import_contracts_say():
    assert floors.PICTURE.read_text("utf-8") == floors.draw()
