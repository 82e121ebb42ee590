"""What is done with timers, alarms and reminders by words. A thing is kept before it is said to be set.

Which one is meant is never guessed when something would be lost: Harry asks, and the very next words may answer.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from actors.text.phrases import split_words
from harry.errors import HarryError
from harry.memory.store.reminders import Reminder
from harry.reflexes.clocks import Clocks
from harry.reflexes.context import ReflexContext
from harry.reflexes.grammar import LONGEST as LONGEST_WORDS
from harry.reflexes.grammar import Wish
from harry.reflexes.reminders import LONGEST, Reminding
from harry.reflexes.timer_setting import Answer, Do, Reply, TimerSetting
from harry.reflexes.timer_slots import (
    ARTICLES,
    NOUNS,
    capitalize,
    find_kind,
    parse_length,
    seconds_of,
)
from harry.reflexes.timer_words import left_words, listed, the_one, timer_name
from harry.reflexes.times import told_duration
from harry.reflexes.which_timer import ANY, choose

SHARED = frozenset(("ListTimers", "TimeLeft"))
"""Those that change nothing."""

MAX_LISTED = 8
"""Reminders that are read aloud at most."""

_UNNAMED = frozenset(("AddTime", "TakeTime", "Snooze", "StopRinging", "PauseTimer", "ResumeTimer", "TimeLeft"))
_NAMED = re.compile(r"\b(?:timers?|countdown|alarms?|reminders?|snooze|remind)\b", re.IGNORECASE)

_ON_THE_TIMER = re.compile(r"\b(?:put|stick) .* on (?:the|my|a) timer\b", re.IGNORECASE)
"""So a timer is set where none is running, and made longer where one is."""

ANSWERED_WITHIN = 60.0
"""Seconds after a ring in which "later" and the like still answer it."""

JUST_NOW = 15.0
"""Seconds after a ring in which "stop the timer" still means it: its first word has stopped it already."""


class Timers:
    """One session's. `does` holds what is done, by the names of the grammar."""

    def __init__(self, body: ReflexContext, reply: Reply) -> None:
        self._body = body
        self._reply = reply
        self._asked: Answer | None = None
        self._setting = TimerSetting(body, reply, self._ask)
        self.does: Mapping[str, Do] = {
            **self._setting.does,
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
        if wish.name in ("AddTime", "TakeTime", "PauseTimer", "ResumeTimer", "TimeLeft"):
            return any(reminder.kind == "timer" for reminder in held)
        return any(reminder.rang_at is not None for reminder in held)

    @property
    def asked(self) -> bool:
        """Whether Harry has just asked something, which the next words may answer."""
        return self._asked is not None

    def drop_question(self) -> None:
        """Take the next words for an answer no longer."""
        self._asked = None

    async def answered(self, text: str) -> str | None:
        """Do what the answer to Harry's question says; None where these words are no answer. Asked only once."""
        asked, self._asked = self._asked, None
        return await asked(text) if asked is not None and len(text) <= LONGEST_WORDS else None

    def _ask(self, answer: Answer) -> None:
        self._asked = answer

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

    # Asking.

    async def _list(self, wish: Wish) -> str:
        held, kind = await self._held(), find_kind(wish.text)
        # "Reminders" are all of them to most people; "alarms" are alarms.
        wanted = [reminder for reminder in held if kind in (None, "reminder", reminder.kind)]
        if wanted:
            return self._reply("ListTimers", list=self._listed(wanted))
        if kind in (None, "reminder"):
            return self._reply("ListTimers.none")
        told = self._reply("ListTimers.none_of", kind=kind)
        return f"{told} {self._reply('ListTimers', list=self._listed(held))}" if held else told

    async def _time_left(self, wish: Wish) -> str:
        kind = "alarm" if find_kind(wish.text) == "alarm" else "timer"
        held = [reminder for reminder in await self._held() if reminder.kind == kind]
        which = str(wish.slots.get("which", ""))
        found = choose(held, which, self._clocks) if which else held
        if held and not found:
            return self._reply("Which.none", kind=kind, list=self._listed(held))
        if not found:
            return self._reply("TimeLeft.none")
        told = [
            f"{left_words(self._clocks.left(reminder))} left on {the_one(reminder, self._clocks)}"
            + (", which is paused" if reminder.paused else "")
            for reminder in found[:MAX_LISTED]
        ]
        return self._reply("TimeLeft", list=capitalize("; ".join(told)))

    def _listed(self, held: Sequence[Reminder]) -> str:
        told = "; ".join(listed(reminder, self._clocks) for reminder in held[:MAX_LISTED])
        return f"{told}; and {len(held) - MAX_LISTED} more" if len(held) > MAX_LISTED else told

    # Changing.

    async def _cancel(self, wish: Wish) -> str:
        which, kind = (
            str(wish.slots.get("which", "")),
            str(wish.slots.get("kind", "") or find_kind(wish.text) or "timer"),
        )
        if re.match(r"(?:stop|turn off|switch off|shut off)\b", wish.text, re.IGNORECASE):
            stopped = await self._stopped(kind, which)
            if stopped is not None:
                return stopped
        held = [reminder for reminder in await self._held() if reminder.kind == kind]
        many = bool(re.search(rf"\b(?:all|both|every|each)\b|{kind}s\b", wish.text, re.IGNORECASE))
        return await self._on_one(held, which, kind, self._cancelled, many=many, none="CancelTimers.none")

    async def _cancelled(self, found: Sequence[Reminder]) -> str:
        told = self._listed(found)
        count = await self._reminding.cancel(self._body.user, [reminder.id for reminder in found])
        return self._reply("CancelTimers", list=told) if count else self._reply("CancelTimers.none")

    async def _pause(self, wish: Wish) -> str:
        return await self._on_timers(wish, self._paused, lambda reminder: not reminder.paused)

    async def _paused(self, found: Sequence[Reminder]) -> str:
        return await self._each(found, "PauseTimer", lambda reminder: reminder.paused, self._reminding.pause)

    async def _resume(self, wish: Wish) -> str:
        return await self._on_timers(wish, self._resumed, lambda reminder: reminder.paused)

    async def _resumed(self, found: Sequence[Reminder]) -> str:
        return await self._each(found, "ResumeTimer", lambda reminder: not reminder.paused, self._reminding.resume)

    async def _each(
        self,
        found: Sequence[Reminder],
        name: str,
        already: Callable[[Reminder], bool],
        change: Callable[[Reminder], Awaitable[Reminder | None]],
    ) -> str:
        told = []
        for reminder in found:
            same = already(reminder)
            changed = reminder if same else await change(reminder)
            told.append(
                self._reply("CancelTimers.none") if changed is None
                else self._told(f"{name}.already" if same else name, changed)
            )  # fmt: skip
        return " ".join(told)

    async def _add(self, wish: Wish) -> str:
        seconds = seconds_of(wish)
        if seconds is None:

            async def answer(text: str) -> str | None:
                added = parse_length(text)
                return await self._add(Wish("AddTime", {**wish.slots, "seconds": added}, wish.text)) if added else None

            self._asked = answer
            return self._reply("AddTime.length")
        if not await self._running() and self._rung():
            return await self._snooze(wish)
        if not await self._running() and _ON_THE_TIMER.search(wish.text):
            return await self._setting.does["Timer"](wish)
        return await self._on_timers(wish, lambda found: self._moved(found, seconds, "AddTime"))

    async def _take(self, wish: Wish) -> str:
        seconds = seconds_of(wish) or 0
        return await self._on_timers(wish, lambda found: self._moved(found, -seconds, "TakeTime"))

    async def _moved(self, found: Sequence[Reminder], seconds: float, name: str) -> str:
        told = []
        for reminder in found:
            left = max(0.0, self._clocks.left(reminder)) + seconds
            if left <= 0:
                told.append(self._told("TakeTime.all", reminder))
                continue
            if left > LONGEST:
                told.append(self._reply("AddTime.long"))
                continue
            moved = await self._reminding.extend(reminder, seconds)
            told.append(self._told(name, moved) if moved is not None else self._reply("CancelTimers.none"))
        return " ".join(told)

    def _told(self, name: str, reminder: Reminder) -> str:
        which = f"The {timer_name(reminder)}"
        return self._reply(name, which=which, left=left_words(self._clocks.left(reminder)))

    async def _running(self) -> list[Reminder]:
        return [reminder for reminder in await self._held() if reminder.kind == "timer"]

    async def _on_timers(
        self,
        wish: Wish,
        do: Callable[[Sequence[Reminder]], Awaitable[str]],
        fits: Callable[[Reminder], bool] = lambda reminder: True,
    ) -> str:
        held = await self._running()
        which = str(wish.slots.get("which", ""))
        many = bool(re.search(r"\b(?:all|both|every|each)\b|\btimers\b", wish.text, re.IGNORECASE))
        # "Pause the timer", with one running and one paused, can only mean the one.
        fitting = [reminder for reminder in held if fits(reminder)]
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
        found = choose(held, which, self._clocks)
        if not found:
            return self._reply("Which.none", kind=kind, list=self._listed(held))
        if len(found) == 1 or many or which.lower() in ANY:
            return await do(found)

        async def answer(text: str) -> str | None:
            said = ARTICLES.sub("", NOUNS.sub("", " ".join(split_words(text))).strip()).strip()
            if said in ANY:
                return await do(found)
            picked = choose(found, said, self._clocks) if said else []
            return await do(picked) if len(picked) == 1 else None

        self._asked = answer
        told = [the_one(reminder, self._clocks) for reminder in found[:MAX_LISTED]]
        if len(set(told)) < len(told):
            told = [listed(reminder, self._clocks) for reminder in found[:MAX_LISTED]]
        return self._reply("Which", list=", ".join(told[:-1]) + f" or {told[-1]}")

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
        kind = str(find_kind(wish.text) or "")
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
        lately = [reminder for reminder in reminding.rung_lately(self._body.user) if not kind or reminder.kind == kind]
        newest = reminding.rung_within(self._body.user, JUST_NOW)
        return self._reply("StopRinging") if newest and choose(lately, which, self._clocks) else None

    async def _snooze(self, wish: Wish) -> str:
        if self._body.reminding is None:
            return self._reply("NotKept")
        seconds = seconds_of(wish)
        if seconds is not None and seconds > LONGEST:
            return self._reply("When.long")
        again = await self._reminding.snooze(self._body.user, seconds)
        if not again:
            return self._reply("Snooze.none")
        return self._reply("Snooze", duration=told_duration(seconds or self._reminding.rings.snooze))
