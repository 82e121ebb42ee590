"""Timers, alarms and reminders are set by words. A thing is kept before it is said to be set."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

import trio

from harry.errors import HarryError
from harry.memory.store.reminders import MOST, Reminder, ReminderKind
from harry.reflexes.context import ReflexContext
from harry.reflexes.grammar import Wish
from harry.reflexes.reminders import LONGEST, Reminding, TooManyRemindersError
from harry.reflexes.timer_slots import (
    capitalize,
    find_name,
    parse_length,
    seconds_of,
    trim_moment,
)
from harry.reflexes.timer_words import when_words
from harry.reflexes.times import parse_moment, split_moment, told_duration
from harry.reflexes.wording import second_person

_POLITE = r"please|thanks(?: a lot)?|thank you|cheers"
_DAY = timedelta(days=1)
_UP = re.compile(r"\b(?:wake|woken|get (?:me |us )?up|out of bed|be up)\b", re.IGNORECASE)
_HALF = re.compile(r"[ap]\.?m|noon|midnight|midday|morning|afternoon|evening|night|\bin\b", re.IGNORECASE)
"""Who wants to wake up on a day that is named means the morning, unless he says another half of the day."""


class Reply(Protocol):
    """Gives the words of a reply by its name."""

    def __call__(self, name: str, /, **told: object) -> str:
        """Return the persona's words, else the language's."""
        ...


Do = Callable[[Wish], Awaitable[str]]
Answer = Callable[[str], Awaitable[str | None]]
"""Does what the answer to Harry's question says; None where the words are no answer."""


class TimerSetting:
    """One session's. `does` goes by the names of the grammar; `ask` is given what answers a question of Harry's."""

    def __init__(self, body: ReflexContext, reply: Reply, ask: Callable[[Answer], None]) -> None:
        self._body = body
        self._reply = reply
        self._ask = ask
        self.does: Mapping[str, Do] = {
            "Timer": self._timer, "TimerUnclear": self._timer_unclear, "Remind": self._remind,
            "RemindUnclear": self._remind_unclear, "Alarm": self._alarm, "AlarmUnclear": self._alarm_unclear,
        }  # fmt: skip

    async def _timer(self, wish: Wish) -> str:
        seconds = seconds_of(wish)
        if seconds is None:
            return await self._timer_unclear(wish)
        return await self._set_timer(seconds, find_name(str(wish.slots.get("name", ""))))

    async def _set_timer(self, seconds: int, name: str) -> str:
        kept = await self._keep("timer", seconds=seconds, name=name)
        if isinstance(kept, str):
            return kept
        duration = told_duration(seconds)
        if not name:
            return self._reply("Timer.plain", duration=duration)
        return self._reply("Timer", name=capitalize(name), duration=duration)

    async def _timer_unclear(self, wish: Wish) -> str:
        name = find_name(str(wish.slots.get("name", "")) or str(wish.slots.get("unclear", "")))

        async def answer(text: str) -> str | None:
            seconds = parse_length(text)
            return await self._set_timer(seconds, name) if seconds else None

        self._ask(answer)
        return self._reply("TimerUnclear")

    async def _remind(self, wish: Wish) -> str:
        return await self._at(wish, "reminder", self._what(wish), str(wish.slots.get("how", "")))

    def _what(self, wish: Wish) -> str:
        """Return what to remind of, without Harry's name and politeness at its end."""
        what = str(wish.slots.get("what", "")).strip()
        return re.sub(
            rf"(?:,?\s+(?:{_POLITE}|{re.escape(self._body.persona)})[\s.!?]*)+$", "", what, flags=re.IGNORECASE
        )

    async def _remind_unclear(self, wish: Wish) -> str:
        what, how = self._what(wish), str(wish.slots.get("how", "of"))
        if not what:
            return self._reply("RemindUnclear.what")

        async def answer(text: str) -> str | None:
            found = await self._understood(text, "remind me {} to do it", "Remind")
            if found is None:
                return None
            # "Remind me every Monday": the answer to "When?" is only the time.
            found = replace(found, slots={**wish.slots, **found.slots}, text=f"{wish.text} {found.text}")
            return await self._at(found, "reminder", what, how)

        self._ask(answer)
        return self._reply("RemindUnclear")

    async def _alarm(self, wish: Wish) -> str:
        return await self._at(wish, "alarm", find_name(str(wish.slots.get("name", ""))), "")

    async def _alarm_unclear(self, wish: Wish) -> str:
        async def answer(text: str) -> str | None:
            found = await self._understood(text, "set an alarm {}", "Alarm")
            return await self._at(found, "alarm", "", "") if found is not None else None

        self._ask(answer)
        return self._reply("AlarmUnclear")

    async def _understood(self, text: str, sentence: str, name: str) -> Wish | None:
        """Return the wish that an answer to "when?" makes of a sentence; None where it is no time."""
        told = trim_moment(text)
        for when in (told, f"at {told}", f"in {told}"):
            found = await trio.to_thread.run_sync(self._body.understand, sentence.format(when))
            if found is not None and found.name == name:
                return found
        return None

    async def _at(self, wish: Wish, kind: Literal["alarm", "reminder"], what: str, how: str) -> str:
        if self._body.reminding is None:
            return self._reply("NotKept")
        seconds, days = seconds_of(wish), str(wish.slots.get("every", ""))
        at: datetime | None = None
        if seconds is None:
            at, what = self._moment(wish, what)
            if at is None:
                return self._reply("When.unclear")
            if at.timestamp() <= self._reminding.clocks.wall():
                return self._reply("When.past")
        kept = await self._keep(kind, seconds=seconds, at=at, text=second_person(what), days=days)
        if isinstance(kept, str):
            return kept
        name = "Alarm" if kind == "alarm" else "Remind" if how else "Remind.bare"
        return self._reply(name, when=when_words(kept, self._reminding.clocks), how=how, what=second_person(what))

    def _moment(self, wish: Wish, what: str) -> tuple[datetime | None, str]:
        """Return when that is, and what to remind of: in "tomorrow to call Anna at nine" both ends are the time."""
        said, now = str(wish.slots.get("at", "")), self._reminding.clocks.now()
        rest = split_moment(what, now) if what else None
        if rest is not None and rest[1] and what.startswith(rest[1]):
            both = parse_moment(f"{said} {what.removeprefix(rest[1])}", now)
            if both is not None:
                return both, rest[1]
        if "every" in wish.slots:
            return self._daily(wish, said, now), what
        at = parse_moment(said, now)
        if at is not None and at.date() != now.date() and _UP.search(wish.text) and not _HALF.search(said):
            early = parse_moment(f"{said} in the morning", now)
            return (early if early is not None and early > now else at), what
        return at, what

    @staticmethod
    def _daily(wish: Wish, said: str, now: datetime) -> datetime | None:
        """Return the next time of what comes again: without a half of the day one at which people are awake."""
        part = re.search(r"\b(?:every|each) (morning|evening|night)\b|\bnight(?=ly\b)", wish.text, re.IGNORECASE)
        wanted = [f"tomorrow {said} in the {part[1] or 'evening'}"] if part else []
        for when in (*wanted, f"tomorrow {said}"):
            at = parse_moment(when, now)
            if at is not None:
                return at - _DAY if (at - _DAY).timestamp() > now.timestamp() else at
        return parse_moment(said, now)

    async def _keep(
        self,
        kind: ReminderKind,
        *,
        seconds: int | None = None,
        at: datetime | None = None,
        text: str = "",
        name: str = "",
        days: str = "",
    ) -> Reminder | str:
        """Return what is kept, or the sentence that says why nothing is."""
        if self._body.reminding is None:
            return self._reply("NotKept")
        if seconds is not None and seconds > LONGEST:
            return self._reply("When.long")
        if days and at is not None:
            while str(at.weekday()) not in days:
                at += _DAY
        try:
            return await self._reminding.set(
                self._body.user,
                kind,
                seconds=seconds,
                at=at,
                text=text,
                name=name,
                session=self._body.session,
                days=days,
            )
        except TooManyRemindersError:
            return self._reply("TooMany", count=MOST)

    @property
    def _reminding(self) -> Reminding:
        if self._body.reminding is None:
            raise HarryError("I keep nothing here, so nothing would ring.")
        return self._body.reminding
