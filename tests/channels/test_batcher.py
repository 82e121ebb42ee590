"""Commands of many callers travel together, and nobody gets another's answer."""

from __future__ import annotations

import pytest
import trio

from channels.batcher import MAX_BATCH_JOBS, Batcher


class Server:
    """Echoes each command after a moment; `full` commands raise, `broken` breaks the whole batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def send(self, commands):
        words = [command[0] for command in commands]
        self.batches.append(words)
        await trio.sleep(1)
        if "broken" in words:
            raise OSError("broken")
        return [ValueError(word) if word == "full" else f"to {word}" for word in words]


@pytest.fixture
async def server(nursery) -> Server:
    return Server()


@pytest.fixture
async def lane(server, nursery) -> Batcher:
    lane = Batcher(server.send)
    nursery.start_soon(lane.run)
    return lane


async def ask_all(lane: Batcher, words) -> dict[str, object]:
    answers: dict[str, object] = {}

    async def ask(word: str) -> None:
        try:
            answers[word] = await lane.ask((word,))
        except (ValueError, OSError) as error:
            answers[word] = error

    async with trio.open_nursery() as nursery:
        for word in words:
            nursery.start_soon(ask, word)
    return answers


async def test_those_that_come_while_others_are_under_way_go_together(server, lane, autojump_clock):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lane.ask, ("first",))
        await trio.sleep(0.5)
        answers = await ask_all(lane, [f"{number}" for number in range(20)])
    assert answers == {f"{number}": f"to {number}" for number in range(20)}
    assert [len(batch) for batch in server.batches] == [1, 20]


async def test_a_batch_has_a_bound(server, lane, autojump_clock):
    await ask_all(lane, [f"{number}" for number in range(MAX_BATCH_JOBS * 2 + 1)])
    assert [len(batch) for batch in server.batches] == [MAX_BATCH_JOBS, MAX_BATCH_JOBS, 1]


async def test_an_error_is_raised_where_it_was_asked_for_and_nowhere_else(lane, autojump_clock):
    answers = await ask_all(lane, ["a", "full", "b"])
    assert isinstance(answers["full"], ValueError)
    assert (answers["a"], answers["b"]) == ("to a", "to b")


async def test_a_broken_journey_is_told_to_all_who_were_on_it_and_the_next_goes_on(lane, autojump_clock):
    answers = await ask_all(lane, ["a", "broken"])
    assert all(isinstance(answer, OSError) for answer in answers.values())
    assert await lane.ask(("again",)) == "to again"


async def test_who_is_cancelled_before_leaving_takes_the_command_back(server, lane, autojump_clock):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lane.ask, ("first",))
        await trio.sleep(0.1)
        with trio.move_on_after(0.1):
            await lane.ask(("never",))
    assert await lane.ask(("next",)) == "to next"
    assert server.batches == [["first"], ["next"]]


async def test_who_is_cancelled_under_way_leaves_the_others_alone(server, lane, autojump_clock):
    async with trio.open_nursery() as nursery:
        answers: list[object] = []

        async def stay() -> None:
            answers.append(await lane.ask(("stays",)))

        nursery.start_soon(lane.ask, ("first",))
        await trio.sleep(0.1)
        nursery.start_soon(stay)
        with trio.move_on_after(1.4):
            await lane.ask(("leaves",))
    assert answers == ["to stays"]
    assert sorted(server.batches[1]) == ["leaves", "stays"]
