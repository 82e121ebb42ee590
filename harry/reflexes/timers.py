"""What is done with timers, alarms and reminders by words. A thing is kept before it is said to be set.

Which one is meant is never guessed when something would be lost: Harry asks, and the very next words may answer.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

import trio

from actors.text.phrases import split_words
from harry.errors import HarryError
from harry.memory.store.reminders import MOST, Reminder, ReminderKind
from harry.reflexes.clocks import Clocks
from harry.reflexes.context import ReflexContext
from harry.reflexes.durations import canonical
from harry.reflexes.grammar import Wish
from harry.reflexes.reminders import LONGEST, Reminding, TooManyRemindersError
from harry.reflexes.timer_words import duration_words, left_words, listed, the_one, timer_name, when_words
from harry.reflexes.times import parse_moment, split_moment
from harry.reflexes.wording import turned

SHARED = frozenset(("ListTimers", "TimeLeft"))
"""Those that change nothing."""

MAX_LISTED = 8
"""Reminders that are read aloud at most."""

_ANY = frozenset(("all", "both", "every", "each", "everything", "all of them", "both of them", "them all"))
_LAST = frozenset(("last", "latest", "newest", "most recent", "new"))
_PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3}
_PLAIN_NAMES = frozenset(("", "new", "another", "second", "third", "quick", "short", "simple", "little", "countdown"))
_ARTICLES = re.compile(r"^(?:(?:a|an|the|my|our|another|new|quick|short)\s+)+", re.IGNORECASE)
_NOUNS = re.compile(r"\b(?:timers?|alarms?|reminders?|one|countdowns?)\b", re.IGNORECASE)


_POLITE = r"please|thanks(?: a lot)?|thank you|cheers"
_SMALL = frozenset(["the", "a", "an", "my", "to", "of", "for", "at", "and", "in", "on", "about", "that"])
_LENGTH = re.compile(
    r"(?:(?:for|make it|just|about|in|um|uh|oh|please|say)[,\s]+)*(\d+) seconds(?:[,\s]+please)?", re.IGNORECASE
)
_DAY = timedelta(days=1)

_UNNAMED = frozenset(("AddTime", "TakeTime", "Snooze", "StopRinging"))
_NAMED = re.compile(r"\b(?:timers?|countdown|alarms?|reminders?|snooze|remind)\b", re.IGNORECASE)

ANSWERED_WITHIN = 60.0
"""Seconds after a ring in which "later" and the like still answer it."""

JUST_NOW = 15.0
"""Seconds after a ring in which "stop the timer" still means it: its first word has stopped it already."""


class Reply(Protocol):
    """Gives the words of a reply by its name."""

    def __call__(self, name: str, /, **told: object) -> str:
        """Return the persona's words, else the language's."""
        ...


Do = Callable[[Wish], Awaitable[str]]


class Timers:
    """One session's. `does` holds what is done, by the names of the grammar."""

    def __init__(self, body: ReflexContext, reply: Reply) -> None:
        self._body = body
        self._reply = reply
        self._asked: Callable[[str], Awaitable[str | None]] | None = None
        self.does: Mapping[str, Do] = {
            "Timer": self._timer, "TimerUnclear": self._timer_unclear, "Remind": self._remind,
            "RemindUnclear": self._remind_unclear, "Alarm": self._alarm, "AlarmUnclear": self._alarm_unclear,
            "ListTimers": self._list, "TimeLeft": self._time_left, "CancelTimers": self._cancel,
            "PauseTimer": self._pause, "ResumeTimer": self._resume, "AddTime": self._add, "TakeTime": self._take,
            "Snooze": self._snooze, "StopRinging": self._stop,
        }  # fmt: skip

    async def applies(self, wish: Wish) -> bool:
        """Return whether words that name no timer can be about one: "five minutes less", "turn it off", "later"."""
        if wish.name not in _UNNAMED or _NAMED.search(wish.text):
            return True
        reminding, user = self._body.reminding, self._body.user
        if reminding is None:
            return False
        if reminding.rings_at(user) or reminding.rung_within(user, ANSWERED_WITHIN):
            return True
        held = await self._held()
        if wish.name in ("AddTime", "TakeTime"):
            return any(each.kind == "timer" for each in held)
        return any(each.rang_at is not None for each in held)

    @property
    def asked(self) -> bool:
        """Whether Harry has just asked something, which the next words may answer."""
        return self._asked is not None

    async def answered(self, text: str) -> str | None:
        """Do what the answer to Harry's question says; None where these words are no answer. Asked only once."""
        asked, self._asked = self._asked, None
        return await asked(text) if asked is not None else None

    @property
    def _reminding(self) -> Reminding:
        if self._body.reminding is None:
            raise HarryError("I keep nothing here, so nothing would ring.")
        return self._body.reminding

    @property
    def _clocks(self) -> Clocks:
        return self._reminding.clocks

    async def _held(self) -> list[Reminder]:
        return await self._body.reminding.of(self._body.user) if self._body.reminding is not None else []

    # Setting.

    async def _timer(self, wish: Wish) -> str:
        seconds = _seconds(wish)
        if seconds is None:
            return await self._timer_unclear(wish)
        return await self._set_timer(seconds, _name(str(wish.slots.get("name", ""))))

    async def _set_timer(self, seconds: int, name: str) -> str:
        kept = await self._keep("timer", seconds=seconds, name=name)
        if isinstance(kept, str):
            return kept
        told = _capital(name), duration_words(seconds)
        return (
            self._reply("Timer", name=told[0], duration=told[1])
            if name
            else self._reply("Timer.plain", duration=told[1])
        )

    async def _timer_unclear(self, wish: Wish) -> str:
        name = _name(str(wish.slots.get("name", "")) or str(wish.slots.get("unclear", "")))

        async def answer(text: str) -> str | None:
            seconds = _length(text)
            return await self._set_timer(seconds, name) if seconds else None

        self._asked = answer
        return self._reply("TimerUnclear")

    async def _remind(self, wish: Wish) -> str:
        return await self._at(wish, "reminder", self._what(wish), str(wish.slots.get("how", "of")))

    def _what(self, wish: Wish) -> str:
        """Return of what to remind, without his name and politeness at its end."""
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
            # "Remind me every Monday": the answer to "When?" is but the time.
            found = replace(found, slots={**wish.slots, **found.slots})
            return await self._at(found, "reminder", what, how)

        self._asked = answer
        return self._reply("RemindUnclear")

    async def _alarm(self, wish: Wish) -> str:
        return await self._at(wish, "alarm", _name(str(wish.slots.get("name", ""))), "")

    async def _alarm_unclear(self, wish: Wish) -> str:
        async def answer(text: str) -> str | None:
            found = await self._understood(text, "set an alarm {}", "Alarm")
            return await self._at(found, "alarm", "", "") if found is not None else None

        self._asked = answer
        return self._reply("AlarmUnclear")

    async def _understood(self, text: str, sentence: str, name: str) -> Wish | None:
        """Return the wish that an answer to "when?" makes of a sentence; None where it is no time."""
        told = _moment_words(text)
        for when in (told, f"at {told}", f"in {told}"):
            found = await trio.to_thread.run_sync(self._body.understand, sentence.format(when))
            if found is not None and found.name == name:
                return found
        return None

    async def _at(self, wish: Wish, kind: Literal["alarm", "reminder"], what: str, how: str) -> str:
        seconds, days = _seconds(wish), str(wish.slots.get("every", ""))
        at: datetime | None = None
        if seconds is None:
            at, what = self._moment(wish, what)
            if at is None:
                return self._reply("When.unclear")
            if at.timestamp() <= self._clocks.wall():
                return self._reply("When.past")
        kept = await self._keep(kind, seconds=seconds, at=at, text=turned(what), days=days)
        if isinstance(kept, str):
            return kept
        name = "Alarm" if kind == "alarm" else "Remind"
        return self._reply(name, when=when_words(kept, self._clocks), how=how, what=turned(what))

    def _moment(self, wish: Wish, what: str) -> tuple[datetime | None, str]:
        """Return when that is, and of what to remind: in "tomorrow to call Anna at nine" both ends are the time."""
        said, now = str(wish.slots.get("at", "")), self._clocks.now()
        rest = split_moment(what, now) if what else None
        if rest is not None and rest[1] and what.startswith(rest[1]):
            both = parse_moment(f"{said} {what.removeprefix(rest[1])}", now)
            if both is not None:
                return both, rest[1]
        return (self._daily(wish, said, now) if "every" in wish.slots else parse_moment(said, now)), what

    @staticmethod
    def _daily(wish: Wish, said: str, now: datetime) -> datetime | None:
        """Return the next time of what comes again: without a half of the day one at which people are awake."""
        part = re.search(r"\b(?:every|each) (morning|evening|night)\b|\bnight(?=ly\b)", wish.text, re.IGNORECASE)
        wanted = [f"tomorrow {said} in the {part[1] or 'evening'}"] if part else []
        for words_ in (*wanted, f"tomorrow {said}"):
            at = parse_moment(words_, now)
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

    # Asking.

    async def _list(self, wish: Wish) -> str:
        held, kind = await self._held(), _kind(wish.text)
        # "Reminders" are all of them to most people; "alarms" are alarms.
        held = [each for each in held if kind in (None, "reminder", each.kind)] or held
        return self._reply("ListTimers", list=self._listed(held)) if held else self._reply("ListTimers.none")

    async def _time_left(self, wish: Wish) -> str:
        kind = "alarm" if _kind(wish.text) == "alarm" else "timer"
        held = [each for each in await self._held() if each.kind == kind]
        which = str(wish.slots.get("which", ""))
        found = self._chosen(held, which) if which else held
        if held and not found:
            return self._reply("Which.none", kind=kind, list=self._listed(held))
        if not found:
            return self._reply("TimeLeft.none")
        told = [
            f"{left_words(self._clocks.left(each))} left on {the_one(each, self._clocks)}"
            + (", which is paused" if each.paused else "")
            for each in found[:MAX_LISTED]
        ]
        return self._reply("TimeLeft", list=_capital("; ".join(told)))

    def _listed(self, held: Sequence[Reminder]) -> str:
        told = "; ".join(listed(each, self._clocks) for each in held[:MAX_LISTED])
        return f"{told}; and {len(held) - MAX_LISTED} more" if len(held) > MAX_LISTED else told

    # Changing.

    async def _cancel(self, wish: Wish) -> str:
        which, kind = str(wish.slots.get("which", "")), str(wish.slots.get("kind", "") or _kind(wish.text) or "timer")
        if re.match(r"(?:stop|turn off|switch off|shut off)\b", wish.text, re.IGNORECASE):
            stopped = await self._stopped(kind, which)
            if stopped is not None:
                return stopped
        held = [each for each in await self._held() if each.kind == kind]
        many = bool(re.search(rf"\b(?:all|both|every|each)\b|{kind}s\b", wish.text, re.IGNORECASE))
        return await self._on_one(held, which, kind, self._cancelled, many=many, none="CancelTimers.none")

    async def _cancelled(self, found: Sequence[Reminder]) -> str:
        told = self._listed(found)
        count = await self._reminding.cancel(self._body.user, [each.id for each in found])
        return self._reply("CancelTimers", list=told) if count else self._reply("CancelTimers.none")

    async def _pause(self, wish: Wish) -> str:
        return await self._on_timers(wish, self._paused, lambda each: not each.paused)

    async def _paused(self, found: Sequence[Reminder]) -> str:
        return await self._each(found, "PauseTimer", lambda each: each.paused, self._reminding.pause)

    async def _resume(self, wish: Wish) -> str:
        return await self._on_timers(wish, self._resumed, lambda each: each.paused)

    async def _resumed(self, found: Sequence[Reminder]) -> str:
        return await self._each(found, "ResumeTimer", lambda each: not each.paused, self._reminding.resume)

    async def _each(
        self,
        found: Sequence[Reminder],
        name: str,
        already: Callable[[Reminder], bool],
        change: Callable[[Reminder], Awaitable[Reminder | None]],
    ) -> str:
        told = []
        for each in found:
            same = already(each)
            changed = each if same else await change(each)
            told.append(
                self._reply("CancelTimers.none") if changed is None
                else self._told(f"{name}.already" if same else name, changed)
            )  # fmt: skip
        return " ".join(told)

    async def _add(self, wish: Wish) -> str:
        seconds = _seconds(wish)
        if seconds is None:

            async def answer(text: str) -> str | None:
                added = _length(text)
                return await self._add(Wish("AddTime", {**wish.slots, "seconds": added}, wish.text)) if added else None

            self._asked = answer
            return self._reply("AddTime.length")
        if not await self._running() and self._rung():
            return await self._snooze(wish)
        return await self._on_timers(wish, lambda found: self._moved(found, seconds, "AddTime"))

    async def _take(self, wish: Wish) -> str:
        seconds = _seconds(wish) or 0
        return await self._on_timers(wish, lambda found: self._moved(found, -seconds, "TakeTime"))

    async def _moved(self, found: Sequence[Reminder], seconds: float, name: str) -> str:
        told = []
        for each in found:
            left = max(0.0, self._clocks.left(each)) + seconds
            if left <= 0:
                told.append(self._told("TakeTime.all", each))
                continue
            if left > LONGEST:
                return self._reply("When.long")
            moved = await self._reminding.extend(each, seconds)
            told.append(self._told(name, moved) if moved is not None else self._reply("CancelTimers.none"))
        return " ".join(told)

    def _told(self, name: str, reminder: Reminder) -> str:
        which = f"The {timer_name(reminder)}"
        return self._reply(name, which=which, left=left_words(self._clocks.left(reminder)))

    async def _running(self) -> list[Reminder]:
        return [each for each in await self._held() if each.kind == "timer"]

    async def _on_timers(
        self,
        wish: Wish,
        do: Callable[[Sequence[Reminder]], Awaitable[str]],
        fits: Callable[[Reminder], bool] = lambda each: True,
    ) -> str:
        held = await self._running()
        which = str(wish.slots.get("which", ""))
        many = bool(re.search(r"\b(?:all|both|every|each)\b|\btimers\b", wish.text, re.IGNORECASE))
        # "Pause the timer", with one running and one paused, can only mean the one.
        fitting = [each for each in held if fits(each)]
        return await self._on_one(held if which else fitting or held, which, "timer", do, many=many)

    async def _on_one(
        self,
        held: Sequence[Reminder],
        which: str,
        kind: str,
        do: Callable[[Sequence[Reminder]], Awaitable[str]],
        *,
        many: bool,
        none: str = "TimeLeft.none",
    ) -> str:
        """Do it with the one that is meant, with all if `many` are, or ask which one is."""
        if not held:
            return self._reply(none)
        found = self._chosen(held, which)
        if not found:
            return self._reply("Which.none", kind=kind, list=self._listed(held))
        if len(found) == 1 or many or which.lower() in _ANY:
            return await do(found)

        async def answer(text: str) -> str | None:
            said = _ARTICLES.sub("", _NOUNS.sub("", " ".join(split_words(text))).strip()).strip()
            if said in _ANY:
                return await do(found)
            picked = self._chosen(found, said) if said else []
            return await do(picked) if len(picked) == 1 else None

        self._asked = answer
        told = [the_one(each, self._clocks) for each in found[:MAX_LISTED]]
        if len(set(told)) < len(told):
            told = [listed(each, self._clocks) for each in found[:MAX_LISTED]]
        return self._reply("Which", list=", ".join(told[:-1]) + f" or {told[-1]}")

    def _chosen(self, held: Sequence[Reminder], which: str) -> list[Reminder]:
        """Return those that words such as "pasta", "ten minute", "last" or "seven o'clock" can mean."""
        which = _ARTICLES.sub("", which.strip()).lower()
        if not which or which in _ANY:
            return list(held)
        by_age = sorted(held, key=lambda each: each.made_at)
        if which in _LAST:
            return by_age[-1:]
        if which in _PLACES:
            return by_age[_PLACES[which] : _PLACES[which] + 1]
        seconds, said = _length(which), split_words(which)
        own = [
            each
            for each in held
            if said in (split_words(each.name), split_words(each.text), split_words(turned(each.text)))
        ]
        own = own or [each for each in held if split_words(turned(which)) == split_words(each.text)]
        if own or seconds:
            return own or [each for each in held if each.length == seconds]
        some = {*said} - _SMALL
        return [each for each in held if some & {*split_words(each.name), *split_words(each.text)}] or self._due_at(
            held, which
        )

    def _due_at(self, held: Sequence[Reminder], which: str) -> list[Reminder]:
        """Return those of a time of day: "seven o'clock"."""
        at = parse_moment(which, self._clocks.now())
        if at is None:
            return []
        due = [(each, self._clocks.local(self._clocks.due(each))) for each in held if each.kind != "timer"]
        return [each for each, when in due if (when.hour % 12, when.minute) == (at.hour % 12, at.minute)]

    # Ringing.

    def stopped_by(self, text: str) -> bool:
        """Return whether something rings for the user, here or elsewhere, that these words stop."""
        reminding, user = self._body.reminding, self._body.user
        return reminding is not None and reminding.rings_at(user) and reminding.stops(text, (self._body.persona,))

    async def stop_ringing(self) -> str:
        """Stop what rings."""
        return self._reply("StopRinging" if await self._reminding.stop(self._body.user) else "StopRinging.none")

    def _rung(self) -> bool:
        reminding = self._body.reminding
        return reminding is not None and bool(
            reminding.rung_lately(self._body.user) or reminding.rings_at(self._body.user)
        )

    async def _stop(self, wish: Wish) -> str:
        kind = str(_kind(wish.text) or "")
        stopped = await self._stopped(kind, str(wish.slots.get("which", "")))
        if stopped is not None:
            return stopped
        if kind:
            # "Turn off the alarm", with none ringing, takes it back.
            return await self._cancel(Wish("CancelTimers", {**wish.slots, "kind": kind}, f"cancel {wish.text}"))
        return self._reply("StopRinging.none")

    async def _stopped(self, kind: str, which: str) -> str | None:
        """Stop what rings; what has stopped by the same words' beginning has stopped too. None where nothing rang."""
        reminding = self._body.reminding
        if reminding is None:
            return None
        if await reminding.stop(self._body.user):
            return self._reply("StopRinging")
        lately = [each for each in reminding.rung_lately(self._body.user) if not kind or each.kind == kind]
        newest = reminding.rung_within(self._body.user, JUST_NOW)
        return self._reply("StopRinging") if newest and self._chosen(lately, which) else None

    async def _snooze(self, wish: Wish) -> str:
        if self._body.reminding is None:
            return self._reply("NotKept")
        seconds = _seconds(wish)
        if seconds is not None and seconds > LONGEST:
            return self._reply("When.long")
        again = await self._reminding.snooze(self._body.user, seconds)
        if not again:
            return self._reply("Snooze.none")
        return self._reply("Snooze", duration=duration_words(seconds or self._reminding.rings.snooze))


def _kind(text: str) -> ReminderKind | None:
    """Return which kind the words name."""
    said = text.lower()
    if "timer" in said or "countdown" in said:
        return "timer"
    return "alarm" if "alarm" in said else "reminder" if "reminder" in said else None


def _name(said: str) -> str:
    """Return what a timer is called: "the pasta timer" is "pasta", and "a quick timer" has no name."""
    name = _NOUNS.sub("", _ARTICLES.sub("", said.strip())).strip()
    return "" if name.lower() in _PLAIN_NAMES else name


def _length(text: str) -> int | None:
    """Return the seconds that these words, with nothing else but politeness, are."""
    found = _LENGTH.fullmatch(canonical(text)[0].strip(" .,!?"))
    return int(found[1]) if found else None


def _moment_words(text: str) -> str:
    """Return an answer to "when?" without what only surrounds it."""
    return re.sub(r"^(?:(?:um|uh|oh|well|please|make it|say)[,\s]+)+|[.!?\s]+$", "", text.strip(), flags=re.IGNORECASE)


def _seconds(wish: Wish) -> int | None:
    """Return the length of time that was said, in seconds; None where none was."""
    return int(wish.slots["seconds"]) if wish.slots.get("seconds") else None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
