"""A turn model may end an utterance sooner or let it wait, and its failure leaves the decision to words and silence."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from actors.protocols import Samples
from channels.messages import Speech
from harry.engines.lease import EnginePool
from harry.errors import EngineError
from harry.session.turn_detection import TurnJudge

SPEECH = Speech("u", bytes(32_000), 0, 0.2, 0.9, final=False)


class Model:
    name = "model"

    def __init__(self, *answers: float | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def describe(self) -> str:
        return self.name

    async def likelihood(self, text: str, samples: Samples) -> float:
        self.asked.append(text)
        await trio.sleep(0.05)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def test_each_pause_is_judged_and_told_with_its_place(autojump_clock: MockClock) -> None:
    told: list[tuple[float, float]] = []
    judge = TurnJudge(
        EnginePool("turn_detector", Model(0.8)), lambda likelihood, until: told.append((likelihood, until))
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(judge.run)
        judge.judge(SPEECH, "I need milk")
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert told == [(0.8, 0.9)]


async def test_only_the_newest_of_waiting_pauses_is_judged(autojump_clock: MockClock) -> None:
    model = Model(0.1, 0.9)
    judge = TurnJudge(EnginePool("turn_detector", model), lambda likelihood, until: None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(judge.run)
        judge.judge(SPEECH, "I")
        await trio.testing.wait_all_tasks_blocked()
        judge.judge(SPEECH, "I need")
        judge.judge(SPEECH, "I need milk")
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert model.asked == ["I", "I need milk"]


async def test_a_model_that_fails_is_asked_again_at_the_next_pause(autojump_clock: MockClock) -> None:
    told: list[float] = []
    model = Model(EngineError("It broke."), 0.7)
    judge = TurnJudge(EnginePool("turn_detector", model), lambda likelihood, until: told.append(likelihood))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(judge.run)
        for _ in range(2):
            judge.judge(SPEECH, "I need milk")
            await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert told == [0.7]
