"""What Harry has in mind: mood, goal, a held thought, a note to self. Each user's Harry has his own.

It is read once, when a session begins, and held; a change is told at once to the next prompt and kept soon after. It is
small and is written over, so it lies in the live state, not in the stream of consciousness.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from actors.thinker import Reflection
from harry.errors import StoreError
from harry.memory.shared_state.live_state import LiveState

NAMES = ("mood", "goal", "held_thought", "note_to_self")

log = structlog.get_logger(__name__)


class StateOfMind:
    """One user's. Without a live state it lasts as long as the process."""

    def __init__(self, user: str, live: LiveState | None = None) -> None:
        self._user = user
        self._live = live
        self._held: dict[str, str] = {}
        self.loaded = live is None
        self.on_stale: Callable[[], None] = lambda: None

    async def load(self) -> None:
        """Read what was in mind before, but for what was changed since. Raises `StoreError`."""
        if self._live is not None:
            before = {name: await self._live.load(self._user, name) or "" for name in NAMES}
            self._held = before | self._held
            self.loaded = True

    def told(self) -> tuple[tuple[str, str], ...]:
        """Return what the prompt is told, as (name, text)."""
        return tuple((name.replace("_", " "), self._held[name]) for name in NAMES if self._held.get(name))

    def forget(self, told_in: Callable[[str], bool]) -> None:
        """Have no longer in mind what tells something that was forgotten; in the live state it is gone already."""
        self._held = {name: text for name, text in self._held.items() if not told_in(text)}

    def renew(self) -> None:
        """Have nothing in mind until it was read again: something was deleted, and nobody knows what it told."""
        if self._live is not None:
            self._held, self.loaded = {}, False
            self.on_stale()

    async def change(self, reflection: Reflection) -> None:
        """Take over what a reflection changed, and keep it; a store that fails is logged, and the change stands."""
        changed = {name: text for name in NAMES if (text := getattr(reflection, name))}
        self._held.update(changed)
        if self._live is None:
            return
        try:
            for name, text in changed.items():
                await self._live.save(self._user, name, text)
        except StoreError as error:
            log.warning("the state of mind is not kept", cause=str(error))
