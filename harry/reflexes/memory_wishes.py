"""What is remembered, recalled and forgotten by words. Nothing is forgotten before Harry has asked whether to.

Forgetting begins with one thing that was said, and takes with it all that told, confirmed or repeated it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import trio

from channels.turn import new_id
from harry.errors import HarryError
from harry.memory.longterm.forgetting import TOLD
from harry.memory.longterm.retelling import core, retold
from harry.memory.longterm.selection import select
from harry.memory.longterm.service import Item, LongTermMemory
from harry.memory.store.items import name_turn_items
from harry.memory.text.analysis import STOP_WORDS, format_age, split_words, stem
from harry.reflexes.acknowledging import tells_something
from harry.reflexes.context import ReflexContext
from harry.reflexes.timer_setting import Reply
from harry.reflexes.wishes import Wish
from harry.reflexes.wording import second_person, sentence

TURNS = 3
"""Turns that are looked at for what was said just before."""

TELLING = 3
"""Words of what tells something, at least."""

SEARCHED = 12
"""Memories that are looked through for one to tell or to forget."""


class MemoryWishes:
    """A session's. `begin(turn)` is called with each turn that begins, and again before what it wishes for is done."""

    def __init__(self, body: ReflexContext, reply: Reply, is_wish: Callable[[str], bool]) -> None:
        self._body = body
        self._reply = reply
        self._is_wish = is_wish
        self._turns: deque[str] = deque(maxlen=TURNS)
        self._last_memory = ""
        self._to_forget: Item | None = None
        self.does: Mapping[str, Callable[[Wish], Awaitable[str | None]]] = {
            "Remember": self._remember, "Recall": self._recall, "Forget": self._forget,
            "ForgetAbout": self._forget_about, "ForgetIfTold": self._forget_about,
        }  # fmt: skip

    def begin(self, turn: str) -> None:
        """Note the turn whose words come now, "" where they are not kept."""
        if turn in self._turns:
            self._turns.remove(turn)
        self._turns.append(turn)

    @property
    def asked(self) -> bool:
        """Whether Harry has just asked whether to forget something."""
        return self._to_forget is not None

    def drop_question(self) -> None:
        """Take other words than a yes or a no for an answer: nothing is forgotten."""
        self._to_forget = None

    async def settle(self, *, agreed: bool) -> str:
        """Forget what was asked about, or keep it; return what to say."""
        item, self._to_forget = self._to_forget, None
        if item is None or not agreed or self._body.memory is None:
            return self._reply("Forget.kept")
        try:
            await self._body.forget(item.id)
        except HarryError as error:
            return self._reply("Trouble", why=str(error))
        self._last_memory = ""
        return self._reply("Forget.done")

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
        turn = self._turns[-1] if self._turns else ""
        item = Item(
            self._last_memory, what, self._body.user, "memory", self._body.user, self._body.wall(), source=TOLD,
            derived_from=(name_turn_items(turn)[0],) if turn else (),
        )  # fmt: skip
        await self._body.memory.upsert([item])
        self._body.memory.notice()
        return self._reply("Remember", what=second_person(what))

    async def _recall(self, wish: Wish) -> str:
        what = str(wish.slots["what"])
        if self._body.memory is None:
            return self._reply("Recall.no_memory")
        found = select(await self._body.memory.search(what, namespace=self._body.user, count=SEARCHED))
        items = await trio.to_thread.run_sync(retold, [match.item for match in found], self._is_wish)
        if not items:
            return self._reply("Recall.none", what=second_person(what))
        now = self._body.wall()
        lines = [
            self._reply("Recall.one", date=_day(item.at, now), text=sentence(core(item.text)[:300]))
            for item in items[-3:]
        ]
        return self._reply("Recall", list=" ".join(lines))

    async def _forget(self, _: Wish) -> str:
        """Ask whether to forget what was last told to be remembered, else what was said just before."""
        if self._body.memory is not None:
            # A turn that was only guessed at, or is off the record, is not kept; the one before it may be.
            said = [name_turn_items(turn)[0] for turn in reversed(list(self._turns)[:-1]) if turn]
            kept = await self._body.memory.get(self._body.user, self._last_memory) if self._last_memory else None
            found = [await self._body.memory.get(self._body.user, identity) for identity in said]
            items = [item for item in found if item is not None and await self._tells(item.text)]
            stated = [item for item in items if tells_something(item.text, [self._body.persona])]
            newest = max(filter(None, (kept, *stated)), key=lambda item: item.at or 0.0, default=None)
            # What states nothing, an order to a mind for example, is meant only if there is nothing else.
            if newest is not None or items:
                return self._ask(newest or items[0])
        return self._reply("Forget.none")

    async def _forget_about(self, wish: Wish) -> str | None:
        """Ask whether to forget what the words name; None where they can mean anything, and it is not remembered."""
        what = str(wish.slots.get("what") or f"my {wish.slots.get('mine', '')}").strip()
        what = re.sub(rf"(?:[,\s]+(?:please|{re.escape(self._body.persona)}))+$", "", what, flags=re.IGNORECASE)
        item = await self._told_about(what, self._body.memory) if self._body.memory is not None else None
        if item is None and " just " in wish.text.lower():
            return await self._forget(wish)
        if item is not None:
            return self._ask(item)
        if wish.name == "ForgetIfTold":
            return None
        return self._reply("Forget.unknown", what=second_person(what))

    async def _tells(self, text: str) -> bool:
        """Return whether words that were said tell something: they are no question, no wish, and no mere yes."""
        if "?" in text or len(split_words(text)) < TELLING:
            return False
        return not await trio.to_thread.run_sync(self._is_wish, text)

    def _ask(self, item: Item) -> str:
        self._to_forget = item
        return self._reply("Forget", what=item.text.rstrip(" .!"))

    async def _told_about(self, what: str, memory: LongTermMemory) -> Item | None:
        """Return what was told to be remembered, else merely said, and has every telling word of these."""
        wanted = _telling(what)
        if not wanted:
            return None
        answer = await memory.search(what, namespace=self._body.user, kinds=["memory"], count=SEARCHED)
        held = [found.item for found in answer.found if wanted <= _telling(found.item.text)]
        told = next((item for item in held if item.source == TOLD), None)
        if told is not None:
            return told
        for item in held:
            if item.id.endswith("/said") and await self._tells(item.text):
                return item
        return None


def _telling(text: str) -> frozenset[str]:
    words = (word.removesuffix("'s") for word in split_words(text))
    return frozenset(stem(word) for word in words if word not in STOP_WORDS)


def _day(at: float | None, now: float) -> str:
    if at is None:
        return "a day I do not know"
    date = datetime.fromtimestamp(at).astimezone()
    return f"{date:%B} {date.day}, {date.year}, {format_age(at, now)}"
