"""The recent conversation in memory: within its bounds, and beginning as it did as long as it can."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from channels.messages import STRIDE, Exchange
from harry.memory.conversations.window import count_exchange, fit_budget
from harry.session.history import MAX_EXCHANGES, History

PLENTY = 1_000_000


def exchange(number: int, heard: str = "Good.") -> Exchange:
    return Exchange(str(number), f"said {number}", heard, False)


def turns(exchanges: tuple[Exchange, ...]) -> list[str]:
    return [each.turn for each in exchanges]


@given(st.lists(st.text(max_size=60), max_size=40), st.integers(0, 30), st.integers(0, 1500))
def test_it_is_the_end_of_the_conversation_and_never_more_than_there_is_room_for(
    heard: list[str], most: int, tokens: int
) -> None:
    history = History(exchange(number, text) for number, text in enumerate(heard))
    recent = history.select_recent(None, most=most, tokens=tokens)
    assert recent == history.select_without(None)[len(heard) - len(recent) :]
    assert len(recent) <= most
    assert sum(map(count_exchange, recent)) <= tokens
    if heard and most and count_exchange(exchange(len(heard) - 1, heard[-1])) <= tokens:
        assert recent, "the last exchange alone has room"
    fitting = fit_budget(history.select_without(None)[-most:], tokens) if most else []
    assert 2 * len(recent) >= len(fitting)


def test_a_prompt_begins_as_the_one_before_it_but_once_in_a_stride() -> None:
    history = History()
    beginnings = []
    for number in range(MAX_EXCHANGES + 60):
        history.add(exchange(number))
        beginnings.append(history.select_recent(None, most=20, tokens=PLENTY)[0].turn)
    moved = [number for number in range(1, len(beginnings)) if beginnings[number] != beginnings[number - 1]]
    assert moved[0] == 20
    assert all(later - sooner == STRIDE for sooner, later in pairwise(moved))
    assert all(int(first) > number - 20 for number, first in enumerate(beginnings))


def test_an_amended_exchange_is_left_out_and_a_conversation_that_is_over_is_forgotten() -> None:
    history = History(map(exchange, range(6)))
    assert turns(history.select_recent("5", most=3, tokens=PLENTY)) == ["2", "3", "4"], "three have room"
    seen = history.revision
    history.forget({"0", "1", "2", "elsewhere"})
    assert turns(history.select_without(None)) == ["3", "4", "5"]
    assert history.revision > seen, "a guess made before does not fit any more"
    seen = history.revision
    history.forget({"0"})
    assert history.revision == seen
