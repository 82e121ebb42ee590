"""Natural times against a table, across the days on which the clocks change, and words that are no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harry.reflexes.times import parse_duration, parse_moment, split_moment
from tests.reflexes import time_cases as cases

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime.fromisoformat(cases.NOW).replace(tzinfo=BERLIN)


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(cases.MOMENTS) + len(cases.ACROSS_CLOCK_CHANGES) >= 120


@pytest.mark.parametrize(("words", "due"), cases.MOMENTS.items())
def test_a_moment_is_understood(words: str, due: str) -> None:
    assert parse_moment(words, NOW) == datetime.fromisoformat(due).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(("now", "zone", "words", "due"), cases.ACROSS_CLOCK_CHANGES)
def test_a_moment_is_right_across_a_change_of_the_clocks(now: str, zone: str, words: str, due: str) -> None:
    at = parse_moment(words, datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone)))
    assert at is not None
    assert at.isoformat(timespec="minutes") == due


@pytest.mark.parametrize("words", cases.NO_MOMENTS)
def test_what_is_no_time_is_none(words: str) -> None:
    assert parse_moment(words, NOW) is None


@pytest.mark.parametrize(("words", "expected"), cases.SPLIT.items())
def test_a_moment_is_found_beside_other_words(words: str, expected: tuple[str, str] | None) -> None:
    found = split_moment(words, NOW)
    if expected is None:
        assert found is None
    else:
        assert found == (datetime.fromisoformat(expected[0]).replace(tzinfo=BERLIN), expected[1])


@pytest.mark.parametrize(("words", "seconds"), cases.DURATIONS.items())
def test_a_duration_is_understood(words: str, seconds: int) -> None:
    found = parse_duration(words)
    assert found is not None
    assert found.total_seconds() == seconds


@pytest.mark.parametrize("words", cases.NO_DURATIONS)
def test_what_is_no_duration_is_none(words: str) -> None:
    assert parse_duration(words) is None


def test_a_moment_in_the_systems_zone_is_understood_too() -> None:
    now = datetime.fromisoformat(cases.NOW).astimezone()
    assert parse_moment("tonight at eight", now) == now.replace(hour=20, minute=0)


def test_a_fixed_zone_stays_what_it_is() -> None:
    now = datetime(2026, 11, 27, 14, 20, tzinfo=UTC)
    assert parse_moment("half past seven", now) == now.replace(hour=19, minute=30)


WORDS = [
    "in",
    "at",
    "on",
    "next",
    "this",
    "the",
    "a",
    "an",
    "half",
    "quarter",
    "past",
    "to",
    "of",
    "seven",
    "7",
    "7:30",
    "30",
    "friday",
    "december",
    "noon",
    "tonight",
    "tomorrow",
    "hours",
    "minutes",
    "am",
    "pm",
    "and",
    "week",
    "day",
    "24th",
    "two",
    "weeks",
    "from",
    "may",
    "o'clock",
    "midnight",
]
DAYS = st.integers(0, 300_000).map(lambda hours: datetime(1990, 1, 1, tzinfo=BERLIN) + timedelta(hours=hours))


@given(st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join), DAYS)
def test_whatever_is_said_about_time_raises_nothing(words: str, now: datetime) -> None:
    at = parse_moment(words, now)
    assert at is None or at.tzinfo is not None
    parse_duration(words)
