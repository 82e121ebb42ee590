"""What the command line can ask of the stores: one layer, so that every later way in gives the same answers.

These functions write beside a running Harry and take no lock; SQLite allots the sequence numbers.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Callable, Sequence
from datetime import datetime
from typing import Any

import trio

from channels.messages import Thought
from channels.ports import Port
from channels.turn import new_id
from harry.config.loading import Config
from harry.memory.store.opening import NAMESPACE, STORE_FILE, open_store, require_disk_store

_BATCH = 256
"""Entries that are made durable together, at most."""


async def soc_entries(config: Config, day: str) -> list[dict[str, Any]]:
    """Read a local day's (YYYY-MM-DD) entries, oldest first, as `{"sequence", "at", "text"}`; `at` is ISO 8601."""
    require_disk_store(config)
    if not (config.memory_folder / STORE_FILE).exists():
        # Looking must not make anything.
        return []
    store = await open_store(config)
    try:
        entries = await store.thoughts(config.persona.name, day)
    finally:
        await store.aclose()
    return [{**entry, "at": datetime.fromtimestamp(entry["at"]).astimezone().isoformat()} for entry in entries]


async def soc_write(config: Config, lines: AsyncIterable[str], acknowledge: Callable[[int], None]) -> None:
    """Keep an entry for each line that is not blank; `acknowledge` its sequence number once it is durable, in order.

    Lines are taken as they come; those that wait already are kept together. Raises `StoreError`.
    """
    require_disk_store(config)
    store = await open_store(config)
    waiting = Port[Thought]("lines", _BATCH)
    session = new_id()

    async def read() -> None:
        async for line in lines:
            if line.strip():
                await waiting.send(
                    Thought(
                        id=new_id(),
                        user=config.user.name,
                        session=session,
                        namespace=NAMESPACE,
                        persona=config.persona.name,
                        at=time.time(),
                        text=line,
                    )
                )
        waiting.close()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            async for first in waiting:
                for sequence in await store.write(_with_waiting(first, waiting)):
                    acknowledge(sequence)
    finally:
        await store.aclose()


def _with_waiting(first: Thought, port: Port[Thought]) -> Sequence[Thought]:
    batch = [first]
    while len(batch) < _BATCH and port.waiting:
        batch.append(port.receive_nowait())
    return batch
