"""Reflexes at work in a session: what was wished for is done at once, without a mind, and answered in plain words.

Whatever changes something waits until it is sure that the words were said to Harry, as a tool does. What fails is said.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import structlog
import trio

from actors.text.phrases import Phrases
from channels.messages import Source
from channels.turn import Turn, new_id
from harry.errors import HarryError
from harry.memory.longterm.selection import select
from harry.memory.longterm.service import Item, LongTermMemory
from harry.memory.text.analysis import format_age
from harry.reflexes.grammar import Grammar, Wish, grammar_of
from harry.reflexes.reminders import Reminding
from harry.reflexes.times import moment_of, seconds_of, told_date, told_duration, told_time, told_when
from harry.reflexes.wording import sentence, turned

VOLUMES = (0.25, 0.4, 0.63, 1.0, 1.6, 2.5)
"""Steps of 4 dB; the middle one is the voice as it is."""

READ = 12
"""Thoughts that are read aloud at most, the newest."""

SHARED = frozenset(
    ("Repeat", "Time", "Date", "ListTimers", "Recall", "Thoughts", "WhoAreYou", "WhichModel", "Abilities")
)
"""Reflexes that change nothing: they may be answered on a guess."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ReflexContext:
    """What a session lets its reflexes see and move. `volume` is None where there is no loudspeaker of Harry's own."""

    persona: str
    user: str
    last_words: Callable[[], str]
    mute: Callable[[], bool]
    keeps: Callable[[], bool]
    thoughts: Callable[[], Awaitable[Sequence[str]]]
    minds: Callable[[], Mapping[str, str]]
    volume: Callable[[float | None], float]
    memory: LongTermMemory | None = None
    reminding: Reminding | None = None
    replies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wall: Callable[[], float] = time.time


class Reflexes:
    """A session's. `answer(turn)` gives the words of a reflex, or None where the mind has to answer."""

    def __init__(self, body: ReflexContext, phrases: Phrases, language: str = "en") -> None:
        self._body = body
        self._phrases = phrases
        self._language = language
        self._grammar: Grammar | None = None
        self._last_memory = ""
        self._to_forget: Item | None = None
        self._does = {
            "Repeat": self._repeat, "Louder": self._louder, "Softer": self._softer, "Mute": self._mute,
            "Time": self._time, "Date": self._date, "Timer": self._timer, "Remind": self._remind,
            "Alarm": self._alarm, "ListTimers": self._list, "CancelTimers": self._cancel, "Remember": self._remember,
            "Recall": self._recall, "Forget": self._forget, "Thoughts": self._thoughts, "WhichModel": self._model,
        }  # fmt: skip

    async def answer(self, turn: Turn) -> str | None:
        """Do what the turn's words wish for. Never raises for a reflex that fails: that is what is said then."""
        said = turn.utterance
        if said.pictures:
            return None
        if self._to_forget is not None:
            # Only the very next words can agree, and they must come from a person.
            agreed = (
                self._phrases.agrees(said.text, (self._body.persona,)) if said.source is not Source.PROACTIVE else None
            )
            if agreed is not None:
                await turn.decided.wait()
                return await self._settle(agreed=agreed)
            if turn.committed:
                self._to_forget = None
        wish = await trio.to_thread.run_sync(self._match, said.text)
        if wish is None:
            return None
        if wish.name not in SHARED:
            await turn.decided.wait()
        try:
            does = self._does.get(wish.name)
            return await does(wish) if does is not None else self._reply(wish.name, name=self._body.persona)
        except HarryError as error:
            log.warning("a reflex failed", reflex=wish.name, cause=str(error))
            return self._reply("Trouble", why=str(error))

    def _match(self, text: str) -> Wish | None:
        if self._grammar is None:
            self._grammar = grammar_of(self._language)
        return self._grammar.match(text, (self._body.persona,))

    def _reply(self, name: str, /, **told: object) -> str:
        """The persona's words for this, else the language's."""
        assert self._grammar is not None  # noqa: S101  it has matched
        wordings = self._body.replies.get(name) or (self._grammar.replies[name],)
        words = wordings[int(self._body.wall()) % len(wordings)]
        for key, value in told.items():
            words = words.replace(f"{{{key}}}", str(value))
        return words

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._body.wall()).astimezone()

    # Without a store.

    async def _repeat(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        words = self._body.last_words().strip()
        return self._reply("Repeat", text=words) if words else self._reply("Repeat.nothing")

    async def _louder(self, _: Wish) -> str:
        return await self._volume(1, "Louder", "Louder.most")

    async def _softer(self, _: Wish) -> str:
        return await self._volume(-1, "Softer", "Softer.least")

    async def _volume(self, step: int, done: str, end: str) -> str:
        await trio.lowlevel.checkpoint()
        now = self._body.volume(None)
        at = min(range(len(VOLUMES)), key=lambda each: abs(VOLUMES[each] - now)) + step
        if not 0 <= at < len(VOLUMES):
            return self._reply(end)
        self._body.volume(VOLUMES[at])
        return self._reply(done)

    async def _mute(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        return self._reply("Mute" if self._body.mute() else "Mute.none")

    async def _time(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        return self._reply("Time", time=told_time(self._now()))

    async def _date(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        return self._reply("Date", date=told_date(self._now()))

    async def _model(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        return self._reply("WhichModel", **self._body.minds())

    async def _thoughts(self, _: Wish) -> str:
        thoughts = list(await self._body.thoughts())[-READ:]
        return (
            self._reply("Thoughts", list=" ".join(map(sentence, thoughts)))
            if thoughts
            else self._reply("Thoughts.none")
        )

    # Timers.

    async def _timer(self, wish: Wish) -> str:
        seconds = seconds_of(wish.slots)
        if seconds is None:
            return self._reply("When.unclear")
        await self._due("timer", self._body.wall() + seconds, "")
        return self._reply("Timer", duration=told_duration(seconds))

    async def _remind(self, wish: Wish) -> str:
        return await self._at(wish, "reminder", "Remind", turned(str(wish.slots.get("what", "")).strip()))

    async def _alarm(self, wish: Wish) -> str:
        return await self._at(wish, "alarm", "Alarm", "")

    async def _at(self, wish: Wish, kind: Any, reply: str, what: str) -> str:
        now, seconds = self._now(), seconds_of(wish.slots)
        at = (
            moment_of(wish.slots, now)
            if seconds is None
            else datetime.fromtimestamp(now.timestamp() + seconds).astimezone()
        )
        if at is None:
            return self._reply("When.unclear")
        if at <= now:
            return self._reply("When.past")
        await self._due(kind, at.timestamp(), what)
        return self._reply(reply, when=told_when(at, now), what=what)

    async def _due(self, kind: Any, due: float, what: str) -> None:
        if self._body.reminding is None:
            raise HarryError("I keep nothing here, so I would not wake for it.")
        await self._body.reminding.add(self._body.user, kind, self._body.wall(), due, what)

    async def _list(self, _: Wish) -> str:
        held = await self._body.reminding.of(self._body.user) if self._body.reminding is not None else []
        return self._reply("ListTimers", list=self._told(held)) if held else self._reply("ListTimers.none")

    def _told(self, held: Sequence[Any]) -> str:
        now = self._now()
        told = []
        for each in held[:8]:
            due = datetime.fromtimestamp(each.due).astimezone()
            left = told_duration(each.due - now.timestamp())
            told.append(
                f"a timer with {left} left" if each.kind == "timer"
                else f"an alarm {told_when(due, now)}" if each.kind == "alarm"
                else f"a reminder {told_when(due, now)}: {each.text}"
            )  # fmt: skip
        return "; ".join(told)

    async def _cancel(self, wish: Wish) -> str:
        reminding, said = self._body.reminding, wish.text.lower()
        held = await reminding.of(self._body.user) if reminding is not None else []
        kind = next((each for each in ("timer", "alarm", "reminder") if each in said), None)
        wanted = [each for each in held if kind is None or each.kind == kind]
        if not wanted or reminding is None:
            return self._reply("CancelTimers.none")
        gone = wanted if " all" in said or said.endswith("s") else [max(wanted, key=lambda each: each.made_at)]
        await reminding.remove(self._body.user, [each.id for each in gone])
        return self._reply("CancelTimers", list=self._told(gone))

    # Memory.

    async def _remember(self, wish: Wish) -> str:
        if self._body.memory is None:
            return self._reply("Remember.none")
        if not self._body.keeps():
            return self._reply("Remember.unkept")
        what = str(wish.slots.get("what") or "").strip()
        if not what:
            first = "our" if " our " in f" {wish.text.lower()} " else "my"
            what = f"{first} {wish.slots['mine']}".strip()
        self._last_memory = f"told-{new_id()}"
        speaker = self._body.user
        item = Item(self._last_memory, what, self._body.user, "memory", speaker, self._body.wall(), source="told")
        await self._body.memory.upsert([item])
        self._body.memory.notice()
        return self._reply("Remember", what=turned(what))

    async def _recall(self, wish: Wish) -> str:
        what = str(wish.slots["what"])
        memory = self._body.memory
        found = []
        if memory is not None and self._body.keeps():
            answer = await memory.search(what, namespace=self._body.user, count=12)
            found = select(answer)
        if not found:
            return self._reply("Recall.none", what=turned(what))
        now = self._body.wall()
        lines = [
            self._reply(
                "Recall.one", date=_day(each.item.at, now), text=sentence(" ".join(each.item.text.split())[:300])
            )
            for each in found[-3:]
        ]
        return self._reply("Recall", list=" ".join(lines))

    async def _forget(self, _: Wish) -> str:
        memory = self._body.memory
        item = None
        if memory is not None and self._last_memory:
            item = await memory.get(self._body.user, self._last_memory)
        if item is None:
            return self._reply("Forget.none")
        self._to_forget = item
        return self._reply("Forget", what=item.text)

    async def _settle(self, *, agreed: bool) -> str:
        item, self._to_forget = self._to_forget, None
        self._grammar = self._grammar or grammar_of(self._language)
        if item is None or not agreed or self._body.memory is None:
            return self._reply("Forget.kept")
        try:
            await self._body.memory.delete(self._body.user, [item.id])
        except HarryError as error:
            return self._reply("Trouble", why=str(error))
        self._last_memory = ""
        return self._reply("Forget.done")


def _day(at: float | None, now: float) -> str:
    if at is None:
        return "a day I do not know"
    date = datetime.fromtimestamp(at).astimezone()
    return f"{date:%B} {date.day}, {date.year}, {format_age(at, now)}"


def reflexes(body: ReflexContext, phrases: Phrases, language: str) -> Callable[[Turn], Awaitable[str | None]]:
    """What a session's pipeline asks before it asks the mind."""
    return partial(Reflexes(body, phrases, language).answer)
