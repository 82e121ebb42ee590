"""What reminders need, in virtual time: clocks that can be set, a shelf in memory, and conversations that can ring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import trio

from channels.messages import Ring
from harry.memory.store.reminders import MOST, Reminder
from harry.reflexes.bells import End, Rung
from harry.reflexes.clocks import Clocks

BERLIN = ZoneInfo("Europe/Berlin")


class Hands:
    """Clocks whose wall clock somebody can set, and whose computer can sleep."""

    def __init__(self, began: datetime) -> None:
        self.ahead = began.timestamp() - trio.current_time()
        self.slept = 0.0
        self.clocks = Clocks(self._wall, lambda: trio.current_time() + self.slept + 1000.0, "this start", BERLIN)

    def _wall(self) -> float:
        return trio.current_time() + self.ahead

    def set(self, seconds: float) -> None:
        """Set the wall clock forward, or back."""
        self.ahead += seconds

    def sleep(self, seconds: float) -> None:
        """Let the computer sleep: trio's own clock stands still meanwhile."""
        self.ahead += seconds
        self.slept += seconds


class ShelfInMemory:
    """Keeps what `harry.memory.store.reminders.Reminders` keeps."""

    def __init__(self) -> None:
        self.kept: dict[str, Reminder] = {}
        self.changes = 0

    async def put(self, user: str, *, gone: Sequence[str] = (), made: Sequence[Reminder] = ()) -> int | None:
        await trio.lowlevel.checkpoint()
        mine = {each.id for each in self.kept.values() if each.user == user}
        if made and len((mine - set(gone)) | {each.id for each in made}) > MOST:
            return None
        self.changes += 1
        taken = [self.kept.pop(each) for each in gone if each in mine]
        self.kept.update((each.id, each) for each in made)
        return len(taken)

    async def change(self, changed: Reminder) -> bool:
        await trio.lowlevel.checkpoint()
        if changed.id not in self.kept:
            return False
        self.changes += 1
        self.kept[changed.id] = changed
        return True

    async def of(self, user: str) -> list[Reminder]:
        return [each for each in await self.all() if each.user == user]

    async def all(self) -> list[Reminder]:
        await trio.lowlevel.checkpoint()
        return list(self.kept.values())

    async def version(self) -> int:
        await trio.lowlevel.checkpoint()
        return self.changes


@dataclass
class FakePlace:
    """A conversation. What rings lasts as long as it is asked to; `interrupt` ends it as a person's words would."""

    id: str
    there: bool = True
    silent: bool = False
    rang: list[tuple[float, str, Ring]] = field(default_factory=list)
    told: list[Mapping[str, Any]] = field(default_factory=list)
    ringing: bool = False
    _ended: trio.Event = field(default_factory=trio.Event)
    _end: End = "cut"

    def attended(self) -> bool:
        return self.there

    async def quiet(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def ring(self, words: str, ring: Ring) -> Rung:
        self.rang.append((trio.current_time(), words, ring))
        self._ended = trio.Event()
        self.ringing = True
        try:
            with trio.move_on_after(ring.seconds + 1.0):
                await self._ended.wait()
                return Rung(not self.silent, self._end)
            return Rung(not self.silent, "finished")
        finally:
            self.ringing = False

    def interrupt(self, end: End = "cut") -> None:
        self._end = end
        self._ended.set()

    def tell(self, told: Mapping[str, Any]) -> None:
        self.told.append(told)

    @property
    def words(self) -> list[str]:
        return [words for _, words, _ in self.rang]

    def states(self, identity: str) -> list[str]:
        return [str(each["state"]) for each in self.told if each["id"] == identity]
