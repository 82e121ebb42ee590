"""What goes wrong in a soak, and for how long: engines, the store and the sound card, each by chance."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import trio

from harry.errors import EngineUnavailable, StoreError
from harry.memory.store.access import Access
from harry.testing.faults import Fault, Faults, Kind
from harry.testing.loudspeaker import RemovableLoudspeaker
from harry.testing.microphone import PacedMicrophone

EVERY = 60.0
"""Seconds, on average, after which something begins to fail, or works again."""

_ENGINES: dict[str, tuple[str, ...]] = {
    "minds": ("first.reply", "second.reply"),
    "voice": ("voice.speak",),
    "ear": ("ear.transcribe",),
}
_MINDS, _RARELY = 0.5, 0.1
"""How much of the time the minds fail, and anything else."""


class Outages:
    """One soak's. `faults` are around the engines; `access` lets the store fail; `devices` are pulled out."""

    def __init__(
        self,
        dice: random.Random,
        faults: Faults,
        access: Access,
        devices: Sequence[RemovableLoudspeaker | PacedMicrophone],
    ) -> None:
        self._dice = dice
        self._faults = faults
        self._access = access
        self._devices = devices
        self._counts: Counter[str] = Counter()
        self._minds_down_for = 0.0

    async def run(self) -> None:
        """Let things fail and work again, until cancelled: then all works."""
        away = partial(setattr, self._access, "trouble")
        async with trio.open_nursery() as nursery:
            for what in _ENGINES:
                share = _MINDS if what == "minds" else _RARELY
                nursery.start_soon(self._fail, what, share, partial(self._begin, what), partial(self._end, what))
            nursery.start_soon(
                self._fail, "store", _RARELY, partial(away, StoreError("The disk is away.")), partial(away, None)
            )
            for device in self._devices:
                nursery.start_soon(self._unplug, device)

    async def _fail(self, what: str, share: float, begin: Callable[[], object], end: Callable[[], object]) -> None:
        """Let something fail for `share` of the time, until cancelled."""
        while True:
            await trio.sleep(self._dice.expovariate(1 / EVERY) * (1 - share) / share)
            begin()
            self._counts[what] += 1
            began = trio.current_time()
            try:
                await trio.sleep(self._dice.expovariate(1 / EVERY))
            finally:
                end()
                if what == "minds":
                    self._minds_down_for += trio.current_time() - began

    def _begin(self, what: str) -> None:
        """Let each engine of a kind go wrong from now on, in one way."""
        kind = self._dice.choice(list(Kind))
        self._faults.faults += [
            Fault(place, kind, always=True, seconds=3.0, error=lambda: EngineUnavailable("It is away."))
            for place in _ENGINES[what]
        ]

    def _end(self, what: str) -> None:
        """Let them work again."""
        self._faults.faults = [fault for fault in self._faults.faults if fault.place not in _ENGINES[what]]

    async def _unplug(self, device: RemovableLoudspeaker | PacedMicrophone) -> None:
        """Pull a device out each few minutes, until cancelled."""
        while True:
            await trio.sleep(self._dice.expovariate(1 / (5 * EVERY)))
            self._counts["devices"] += 1
            device.unplug()

    def figures(self, seconds: float) -> dict[str, Any]:
        """Return how often each failed, and how much of all `seconds` the minds did."""
        return {"outages": dict(self._counts), "minds_down_share": round(self._minds_down_for / seconds, 3)}
