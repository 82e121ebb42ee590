"""Announcements while somebody talks with Harry, interrupts him and is silent: none over him, none lost, none twice."""

from __future__ import annotations

from bisect import bisect_left
from random import Random

import pytest
import trio
from trio.testing import MockClock

from channels.turn import Turn
from harry.session.announcements import MOST, TOLD, Announcement, Announcements
from tests.session.test_announcements import announcing
from tests.support.virtual_session import FRAME, FakeEar, House, house, says

NOTICED_WITHIN = 2 * FRAME + 0.064
"""Seconds from the beginning of a voice until anybody can know of it: the frame it begins in, the voice that is speech,
and the frame that is sounding."""

SILENT_WITHIN = 0.15
"""Seconds from the beginning of a voice until Harry is silent; what he says is softer before."""


class Talk:
    """A person who talks with Harry now and then, by the dice. `voices` are when he spoke, by the session's clock."""

    def __init__(self, home: House, dice: Random) -> None:
        self.home = home
        self.dice = dice
        self.voices: list[tuple[float, float]] = []

    async def speak(self) -> None:
        began = self.home.session.clock.now()
        await self.home.voice(self.dice.choice([0.1, 0.4, 0.8, 1.6, 3.0]))
        self.voices.append((began, self.home.session.clock.now()))

    async def converse(self, announced: list[Announcement], count: int) -> None:
        """Talk until everything is settled that others want said."""
        while len(announced) < count or not all(each.settled.is_set() for each in announced):
            for _ in range(self.dice.randrange(4)):
                await self.speak()
                await self.home.silence(self.dice.uniform(0.2, 4.0))
            await self.home.silence(self.dice.choice([1.0, 4.0, 10.0, 23.0]))


async def put(announcements: Announcements, dice: Random, count: int, announced: list[Announcement]) -> None:
    for number in range(count):
        await trio.sleep(dice.uniform(0.0, 2.0))
        waiting = [each for each in announced if not each.settled.is_set()]
        if len(waiting) >= MOST // 2:
            await waiting[0].settled.wait()
        urgency = dice.choices(["now", "normal", "low"], [4, 10, 1])[0]
        announced.append(announcements.put(f"This is message {number}. It is for room {number}.", urgency)[0])


@pytest.mark.parametrize(
    ("count", "seed"), [(24, 1), *(pytest.param(200, seed, marks=pytest.mark.acceptance) for seed in range(1, 4))]
)
async def test_none_is_spoken_over_the_person_and_none_is_lost_or_said_twice(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, count: int, seed: int
) -> None:
    dice = Random(seed)
    announced: list[Announcement] = []
    async with house(ear=FakeEar("Tell me more."), mind=says("one two three four.")) as home, announcing(home) as queue:
        talk, say = Talk(home, dice), home.session.conductor.say
        said: list[tuple[str, str]] = []

        def noted(words: str) -> Turn | None:
            turn = say(words)
            said.append((turn.id if turn else "", words))
            return turn

        monkeypatch.setattr(home.session.conductor, "say", noted)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(put, queue, Random(seed), count, announced)
            nursery.start_soon(talk.converse, announced, count)
        events = home.happened()
    assert [each.state for each in announced if each.state not in TOLD] == [], "lost"
    heard = {event.turn: str(event.fields["text"]) for event in events if event.event == "heard"}
    for each in announced:
        parts = [heard.get(turn, "") for turn, words in said if each.text.endswith(words)]
        for sentence in each.text.removesuffix(".").split(". "):
            assert len([part for part in parts if f"{sentence}." in part]) == 1, f"lost or said twice: {parts}"
    assert over_the_person(home, talk.voices, {turn for turn, _ in said}) == []


def over_the_person(home: House, voices: list[tuple[float, float]], turns: set[str]) -> list[str]:
    """List what of these turns began or went on while somebody spoke."""
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    for event in home.happened("speaking_started", "interrupted", "turn_ended"):
        if event.turn in turns:
            (began if event.event == "speaking_started" else ended).setdefault(str(event.turn), event.at)
    found = [
        f"{turn} began at {start} in a voice from {voice} to {silence}"
        for turn, start in began.items()
        for voice, silence in voices
        if voice + NOTICED_WITHIN < start < silence
    ]
    loud = [at for at, pcm in home.sounded if pcm.count(0) < len(pcm)]
    for turn, start in began.items():
        for at in loud[bisect_left(loud, start) : bisect_left(loud, ended[turn])]:
            found += [f"{turn} at {at}" for voice, silence in voices if voice + SILENT_WITHIN < at < silence]
    return found
