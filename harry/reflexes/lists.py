"""Lists by voice: what is put on one, taken off, read out and cleared, and how all of that is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

import snowballstemmer
import trio

from harry.reflexes.grammar import Wish
from harry.reflexes.numbers import ONES

SHOPPING = "shopping"

READ = 30
"""Entries that are read out at most."""

_WHOLE = ("to do", "to-do", "todo")
"""Lists on which an entry is a sentence, so that "and" parts nothing."""

_STARTS = frozenset(("AddToList", "MakeList", "WhichLists"))
"""Wishes that begin a list where there is none."""

_NAMED = re.compile(
    r"\b(?:lists?|shopping|grocer|groceries|shops?|store|supermarket|market|buy|get|need)\b", re.IGNORECASE
)
_MINE = re.compile(r"\b(?:my|our)\b", re.IGNORECASE)
_PAIRS = frozenset(
    (
        "mac and cheese", "macaroni and cheese", "fish and chips", "salt and pepper", "salt and vinegar",
        "gin and tonic",
        "bread and butter", "peanut butter and jelly", "half and half", "oil and vinegar", "cookies and cream",
        "ham and eggs", "sweet and sour sauce", "head and shoulders", "arm and hammer", "ben and jerry's",
    )
)  # fmt: skip
_JOINT = re.compile(r"\s*(?:,\s*(?:and\s+)?|\band\b)\s*", re.IGNORECASE)
_STEMMER = snowballstemmer.stemmer("english")
_ARTICLE = re.compile(r"^(?:some|any|the|my|more|and|also|a bit of|a few)\s+(?=\S)", re.IGNORECASE)


class KeptLists(Protocol):
    """Where lists are kept. All of it raises `StoreError`."""

    async def add(self, user: str, name: str, entries: Sequence[str], now: float) -> list[str] | None:
        """Put entries on a list and return those that are new; None where there is no room."""

    async def of(self, user: str, name: str) -> list[str]:
        """Return what is on a list."""

    async def names(self, user: str) -> dict[str, int]:
        """Return how many entries each list has."""

    async def remove(self, user: str, name: str, entries: Sequence[str] | None = None) -> int:
        """Take entries off a list, all where none are named; return how many there were."""


class ListReflexes:
    """What is done with a user's lists. `reply` words what came of it; `lists` is None where nothing is kept."""

    def __init__(
        self, lists: KeptLists | None, user: str, reply: Callable[..., str], wall: Callable[[], float]
    ) -> None:
        self._lists = lists
        self._user = user
        self._reply = reply
        self._wall = wall
        self._does = {
            "AddToList": self._add, "RemoveFromList": self._take, "ReadList": self._read, "IsOnList": self._is_on,
            "ClearList": self._clear, "WhichLists": self._which, "MakeList": self._make,
        }  # fmt: skip

    def does(self, name: str) -> bool:
        """Whether a wish of this name is about lists."""
        return name in self._does

    async def answer(self, wish: Wish) -> str | None:
        """Do what is wished for and return the words; None where it is about a list of which nothing is known here.

        Raises `StoreError`.
        """
        name = list_name(str(wish.slots.get("list", "")))
        entries = entries_of(str(wish.slots.get("items", "")), name)
        mine = name in (SHOPPING, "to-do") or _MINE.search(wish.text) is not None
        ours = mine or (wish.name in _STARTS and "bare" not in wish.slots)
        if self._lists is None:
            await trio.lowlevel.checkpoint()
            return self._reply("Lists.none") if ours else None
        if not ours and not await self._lists.of(self._user, name):
            return None  # "what is on the wine list" may be about any wine list
        if not _NAMED.search(wish.text):
            held = await self._lists.of(self._user, name)
            if not any(_match(entry, held) for entry in entries):
                return None  # "take your shoes off"
        return await self._does[wish.name](self._lists, name, entries)

    async def _add(self, lists: KeptLists, name: str, entries: list[str]) -> str:
        new = await lists.add(self._user, name, entries, self._wall())
        if new is None:
            return self._reply("AddToList.full")
        told = new or entries
        return self._told("AddToList" if new else "AddToList.there", name, told)

    async def _take(self, lists: KeptLists, name: str, entries: list[str]) -> str:
        held = await lists.of(self._user, name)
        matched = {entry: _match(entry, held) for entry in entries}
        found = [match for match in matched.values() if match is not None]
        missing = " and no ".join(entry for entry, match in matched.items() if match is None)
        if not found:
            return self._reply("RemoveFromList.none", items=missing, list=name)
        await lists.remove(self._user, name, found)
        return self._told("RemoveFromList.some" if missing else "RemoveFromList", name, found, missing=missing)

    async def _read(self, lists: KeptLists, name: str, _: list[str]) -> str:
        held = await lists.of(self._user, name)
        return self._told("ReadList", name, held) if held else self._reply("ReadList.none", list=name)

    async def _is_on(self, lists: KeptLists, name: str, entries: list[str]) -> str:
        held = await lists.of(self._user, name)
        found = [_match(entry, held) for entry in entries]
        there = [item for item in found if item is not None]
        if len(there) == len(entries):
            return self._told("IsOnList", name, there)
        return self._told("IsOnList.none", name, [entry for entry, hit in zip(entries, found, strict=True) if not hit])

    async def _clear(self, lists: KeptLists, name: str, _: list[str]) -> str:
        held = await lists.of(self._user, name)
        if not held:
            return self._reply("ReadList.none", list=name)
        await lists.remove(self._user, name)
        return self._told("ClearList", name, held)

    async def _which(self, lists: KeptLists, _: str, __: list[str]) -> str:
        names = await lists.names(self._user)
        told = [f"a {name} list with {count} {'entry' if count == 1 else 'entries'}" for name, count in names.items()]
        return self._reply("WhichLists", lists=listed(told)) if told else self._reply("WhichLists.none")

    async def _make(self, lists: KeptLists, name: str, _: list[str]) -> str:
        held = await lists.of(self._user, name)
        return self._told("MakeList.there", name, held) if held else self._reply("MakeList", list=name)

    def _told(self, reply: str, name: str, entries: Sequence[str], **more: str) -> str:
        several = len(entries) > 1 or entries[0].rstrip().endswith("s")
        unread = len(entries) - READ
        shown = [*entries[:READ], *([f"{unread} more"] if unread > 0 else [])]
        are, were = ("are", "were") if several else ("is", "was")
        words = self._reply(reply, items=listed(shown), list=name, are=are, were=were, **more)
        return words[0].upper() + words[1:]


def list_name(spoken: str) -> str:
    """Return a list's name in lower case; that of the list for shopping where none was said."""
    name = re.sub(r"^(?:my|the|our|a|new)\s+", "", spoken.strip().lower()).removesuffix(" list").strip()
    if name in ("to-do", "todo", "to do", "todos", "to-dos", "task", "tasks", "things to do", "jobs", "chores to do"):
        return "to-do"
    return SHOPPING if name in ("", "grocery", "groceries", "shop", "buying") else name


def entries_of(spoken: str, name: str) -> list[str]:
    """Return the entries that were named: "milk, eggs and bread" are three, "mac and cheese" is one."""
    said = spoken.strip(" ,.;:!?\"'")
    if not said:
        return []
    if name in _WHOLE or said.lower() in _PAIRS:
        return [said]
    kept = {f"\x00{index}\x00": pair for index, pair in enumerate(sorted(_PAIRS))}
    for mark, pair in kept.items():
        said = re.sub(rf"\b{re.escape(pair)}\b", mark, said, flags=re.IGNORECASE)
    parts = [part.strip() for part in _JOINT.split(said) if part and part.strip()]
    whole = (re.sub("\x00\\d+\x00", lambda found: kept[found[0]], part) for part in parts)
    return [_ARTICLE.sub("", item) for item in whole] or [spoken.strip()]


def listed(entries: Sequence[str]) -> str:
    """Return entries as they are read out: "milk, eggs and bread"."""
    return entries[0] if len(entries) == 1 else f"{', '.join(entries[:-1])} and {entries[-1]}"


def _match(entry: str, held: Sequence[str]) -> str | None:
    """Return what on the list is meant: the same words, else the same but for endings, number and article."""
    same = next((name for name in held if name.casefold() == entry.casefold()), None)
    if same is not None:
        return same
    wanted = _bare(entry)
    if not wanted:
        return None  # a mere number: "8" is not "7"
    near = [name for name in held if _bare(name) == wanted] or [name for name in held if wanted <= _bare(name)]
    return near[0] if len(near) == 1 or (near and _bare(near[0]) == wanted) else None


def _bare(entry: str) -> frozenset[str]:
    words = re.findall(r"[\w']+", entry.casefold())
    counted = ("a", "an", "the", "of", "some")
    return frozenset(
        _STEMMER.stemWords([word for word in words if word not in ONES and word not in counted and not word.isdigit()])
    )
