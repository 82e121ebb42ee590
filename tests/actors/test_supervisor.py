"""Where an error came up, as the log tells it."""

from __future__ import annotations

import re

import outcome
import pytest
import trio
import trio.testing

from actors.supervisor import describe_origin
from channels.signals import Signal
from harry.files.json_text import parse_json


async def _fail_within_trio() -> None:
    signal = Signal()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(signal.wait)
        await trio.testing.wait_all_tasks_blocked()
        waiting = next(iter(nursery.child_tasks))
        trio.lowlevel.reschedule(waiting, outcome.Error(RuntimeError("out of trio's own code")))


async def test_an_error_out_of_trio_names_a_line_of_harry_s() -> None:
    with pytest.raises(BaseExceptionGroup) as errors:
        await _fail_within_trio()
    assert re.fullmatch(r"RuntimeError at signals\.py:\d+", describe_origin(errors.value))


def test_an_error_out_of_python_s_library_names_the_line_of_harry_s_that_called_it() -> None:
    with pytest.raises(ValueError, match="Expecting") as error:
        parse_json("{")
    assert re.fullmatch(r"JSONDecodeError at json_text\.py:\d+", describe_origin(error.value))


def test_a_line_that_is_not_harry_s_is_named_with_the_one_of_his_that_called_it() -> None:
    def stranger(_: str) -> None:
        raise LookupError

    with pytest.raises(LookupError) as error:
        parse_json("NaN", parse_constant=stranger)
    place = r"LookupError at test_supervisor\.py:\d+, called at json_text\.py:\d+"
    assert re.fullmatch(place, describe_origin(error.value))


def test_an_error_without_a_place_is_told_by_its_kind() -> None:
    assert describe_origin(ValueError("what somebody said")) == "ValueError"
