"""Invariants of interruption under random schedules: silence, exact hearing, no task left."""

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from harry.bench import barge_in
from tests.support.conductor_rig import RATE, WORD, Rig, dies_slowly, rig, speaks, utterance


def test_interruptions_at_random_instants_leave_no_stale_sample_and_no_task() -> None:
    figures = trio.run(barge_in.simulate, 200, 7, clock=MockClock(autojump_threshold=0))
    assert figures["interruptions"] == 200
    assert figures["samples_sounded"] > 100_000
    assert figures["stale_samples"] == 0
    assert figures["leaked_tasks"] == 0
    assert figures["heard_not_prefix_of_spoken"] == 0


def test_the_stale_counter_counts_what_sounds_after_a_cut() -> None:
    counter = barge_in.StaleCounter()
    counter.cut_at[5] = 1.0
    counter.hear(0.9, barge_in.make_marked_speech(5, 0.05))
    assert counter.stale == 0
    counter.hear(1.1, barge_in.make_marked_speech(5, 0.05))
    assert counter.stale == round(0.05 * barge_in.RATE)
    counter.hear(1.2, barge_in.make_marked_speech(6, 0.05))
    assert counter.stale == round(0.05 * barge_in.RATE)


step = st.tuples(
    st.sampled_from(["commit", "cut", "pause", "resume"]), st.floats(0, 0.7, allow_nan=False, allow_infinity=False)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(step, min_size=1, max_size=12), st.booleans(), st.floats(0, 1.0))
def test_whatever_is_done_heard_is_a_prefix_and_a_closed_turn_is_silent(
    steps: list[tuple[str, float]], flushable: bool, death: float
) -> None:
    async def scenario() -> None:
        counters: dict[str, int] = {}

        async def answer(turn, slot) -> None:
            mark = counters.setdefault(turn.id, len(counters) + 1)
            await dies_slowly(speaks(30, mark=mark, delay=0.01), death, mark=mark)(turn, slot)

        async with rig(answer, flushable=flushable) as house:
            ended: dict[int, float] = {}
            for what, wait in steps:
                live = house.gate.live
                if what == "commit":
                    house.conductor.commit(utterance())
                elif what == "cut":
                    house.conductor.cut("barge_in")
                elif what == "pause":
                    house.conductor.pause()
                else:
                    house.conductor.resume()
                if live is not None and live.closed and live.turn.id in counters:
                    ended.setdefault(counters[live.turn.id], house.clock.now())
                await trio.sleep(wait)
            house.conductor.cut("end")
            await house.conductor.wait_quiet()
            await trio.sleep(0.2)
            check(house, counters, ended, flushable)

    trio.run(scenario, clock=MockClock(autojump_threshold=0))


def check(house: Rig, counters: dict[str, int], ended: dict[int, float], flushable: bool) -> None:
    lingering = 0.0 if flushable else 0.05
    for mark, at in ended.items():
        assert house.last_sound(mark) <= at + lingering + 1 / RATE
    for record in house.kept:
        assert record.spoken.startswith(record.heard)
        if record.turn in counters:
            words = house.samples(counters[record.turn]) // round(WORD * RATE)
            assert record.heard == " ".join(map(str, range(words)))
    assert len({record.turn for record in house.kept}) == len(house.kept), "each turn is recorded once"
