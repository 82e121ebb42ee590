"""Louder, softer, and as loud as somebody says: how loud Harry speaks, changed and told by words."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping

import trio

from harry.reflexes.context import ReflexContext
from harry.reflexes.timer_setting import Reply
from harry.reflexes.wishes import Wish

VOLUMES = (0.25, 0.4, 0.63, 1.0, 1.6, 2.5)
"""Steps of 4 dB; the middle one is the voice as it is."""


class VolumeWishes:
    """One session's. `does` holds what is done, by the names of the grammar."""

    def __init__(self, body: ReflexContext, reply: Reply) -> None:
        self._body = body
        self._reply = reply
        self.does: Mapping[str, Callable[[Wish], Awaitable[str]]] = {
            "Louder": self._louder, "Softer": self._softer, "SetVolume": self._set_volume,
            "TellVolume": self._tell_volume,
        }  # fmt: skip

    async def _set_volume(self, wish: Wish) -> str:
        await trio.lowlevel.checkpoint()
        if self._body.volume(None) is None:
            return self._reply("Volume.none")
        percent = max(0, min(100, int(wish.slots.get("percent", wish.slots.get("extreme", 100)))))
        if "percent" in wish.slots and 0 < percent <= 10 and not re.search(r"percent|per cent|%", wish.text):
            percent *= 10  # "volume five" is one of ten steps
        self._body.volume(VOLUMES[0] * (VOLUMES[-1] / VOLUMES[0]) ** (percent / 100))
        return self._reply("SetVolume", percent=percent)

    async def _tell_volume(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        now = self._body.volume(None)
        if now is None:
            return self._reply("Volume.none")
        share = math.log(max(now, VOLUMES[0]) / VOLUMES[0]) / math.log(VOLUMES[-1] / VOLUMES[0])
        return self._reply("TellVolume", percent=max(0, min(100, round(share * 100))))

    async def _louder(self, _: Wish) -> str:
        return await self._volume(1, "Louder", "Louder.most")

    async def _softer(self, _: Wish) -> str:
        return await self._volume(-1, "Softer", "Softer.least")

    async def _volume(self, step: int, done: str, end: str) -> str:
        await trio.lowlevel.checkpoint()
        now = self._body.volume(None)
        if now is None:
            return self._reply("Volume.none")
        at = min(range(len(VOLUMES)), key=lambda place: abs(VOLUMES[place] - now)) + step
        if not 0 <= at < len(VOLUMES):
            return self._reply(end)
        self._body.volume(VOLUMES[at])
        return self._reply(done)
