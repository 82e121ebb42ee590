"""Reflexes at work in a session: what was wished for is done at once, without a mind, and answered in plain words.

Whatever changes something waits until it is sure that the words were said to Harry, as a tool does. What fails is said.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
import trio

from actors.text.phrases import Phrases
from channels.messages import Source
from channels.turn import Turn, new_id
from harry.errors import HarryError
from harry.host.shared_memory import SharedMemory
from harry.memory.longterm.selection import chosen
from harry.memory.longterm.service import Item
from harry.memory.text.analysis import ago
from harry.reflexes.grammar import Grammar, Wish, grammar_of
from harry.reflexes.reminders import Reminding
from harry.reflexes.timers import SHARED as TIMERS_SHARED
from harry.reflexes.timers import Timers
from harry.reflexes.times import told_date, told_time
from harry.reflexes.wording import one_stop, sentence, turned

VOLUMES = (0.25, 0.4, 0.63, 1.0, 1.6, 2.5)
"""Steps of 4 dB; the middle one is the voice as it is."""

READ = 12
"""Thoughts that are read aloud at most, the newest."""

SHARED = frozenset(
    ("Repeat", "Time", "Date", *TIMERS_SHARED, "Recall", "Thoughts", "WhoAreYou", "WhichModel", "Abilities")
)
"""Reflexes that change nothing: they may be answered on a guess."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Body:
    """What a session lets its reflexes see and move. `volume` is None where there is no loudspeaker of Harry's own.

    `session` is where what is set rings first; `understand(words)` gives the wish that words are.
    """

    persona: str
    user: str
    last_words: Callable[[], str]
    mute: Callable[[], bool]
    keeps: Callable[[], bool]
    thoughts: Callable[[], Awaitable[Sequence[str]]]
    minds: Callable[[], Mapping[str, str]]
    volume: Callable[[float | None], float]
    memory: SharedMemory | None = None
    reminding: Reminding | None = None
    replies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wall: Callable[[], float] = time.time
    session: str = ""
    understand: Callable[[str], Wish | None] = field(default=lambda words: None)


class Reflexes:
    """A session's. `answer(turn)` gives the words of a reflex, or None where the mind has to answer."""

    def __init__(self, body: Body, phrases: Phrases, language: str = "en") -> None:
        self._body = body
        self._phrases = phrases
        self._language = language
        self._grammar: Grammar | None = None
        self._last_memory = ""
        self._to_forget: Item | None = None
        self._timers = Timers(body, self._reply)
        body.understand = self._match
        self._does = {
            "Repeat": self._repeat, "Louder": self._louder, "Softer": self._softer, "Mute": self._mute,
            "Time": self._time, "Date": self._date, "Remember": self._remember, "Recall": self._recall,
            "Forget": self._forget, "Thoughts": self._thoughts, "WhichModel": self._model, **self._timers.does,
        }  # fmt: skip

    async def answer(self, turn: Turn) -> str | None:
        """Do what the turn's words wish for. Never raises for a reflex that fails: that is what is said then."""
        said = turn.utterance
        if said.pictures:
            return None
        answered = await self._asked(turn) if said.source is not Source.PROACTIVE else None
        if answered is not None:
            return answered
        wish = await trio.to_thread.run_sync(self._match, said.text)
        if wish is None:
            return None
        if wish.name not in SHARED:
            await turn.decided.wait()
        try:
            if not await self._timers.applies(wish):
                return None
            does = self._does.get(wish.name)
            return await does(wish) if does is not None else self._reply(wish.name, name=self._body.persona)
        except HarryError as error:
            log.warning("a reflex failed", reflex=wish.name, cause=str(error))
            return self._reply("Trouble", why=str(error))

    async def _asked(self, turn: Turn) -> str | None:
        """What the words do as an answer to what Harry asked or lets ring; None where they answer nothing.

        Only the very next words answer, and they must come from a person.
        """
        text = turn.utterance.text
        if self._to_forget is not None:
            agreed = self._phrases.agrees(text, (self._body.persona,))
            if agreed is not None:
                await turn.decided.wait()
                return await self._settle(agreed=agreed)
        try:
            if self._timers.stopped_by(text):
                await turn.decided.wait()
                return await self._timers.stop_ringing()
            if turn.committed:
                self._to_forget = None
                return await self._timers.answered(text)
        except HarryError as error:
            log.warning("a reflex failed", reflex="timers", cause=str(error))
            return self._reply("Trouble", why=str(error))
        return None

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
        return one_stop(words)

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
        await self._body.memory.memory.upsert([item])
        self._body.memory.memory.notice()
        return self._reply("Remember", what=turned(what))

    async def _recall(self, wish: Wish) -> str:
        what = str(wish.slots["what"])
        memory = self._body.memory
        found = []
        if memory is not None and self._body.keeps():
            answer = await memory.memory.search(what, namespace=self._body.user, count=12)
            found = chosen(answer)
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
            item = await memory.memory.get(self._body.user, self._last_memory)
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
            await self._body.memory.memory.delete(self._body.user, [item.id])
        except HarryError as error:
            return self._reply("Trouble", why=str(error))
        self._last_memory = ""
        return self._reply("Forget.done")


def _day(at: float | None, now: float) -> str:
    if at is None:
        return "a day I do not know"
    date = datetime.fromtimestamp(at).astimezone()
    return f"{date:%B} {date.day}, {date.year}, {ago(at, now)}"


def reflexes(body: Body, phrases: Phrases, language: str) -> Callable[[Turn], Awaitable[str | None]]:
    """What a session's pipeline asks before it asks the mind."""
    return partial(Reflexes(body, phrases, language).answer)
