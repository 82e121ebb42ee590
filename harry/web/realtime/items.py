"""The items of a Realtime conversation, as the protocol has them, in order, and never more than there is room for."""

from __future__ import annotations

import json
from typing import Any

from channels.turn import new_id

MOST = 500
"""Items remembered; the oldest go first. What was said is kept elsewhere."""

MOST_CHARACTERS = 4_000_000
"""Of all items together: pictures are long."""

Item = dict[str, Any]


class Items:
    """Items by id. Each is a plain object of the protocol."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._sizes: dict[str, int] = {}
        self._size = 0

    def add(self, item: Item, *, after: str | None = None) -> str | None:
        """Add an item, at the end, or after another ("root": first). Returns the one before it.

        Raises `KeyError` where that one is not known.
        """
        before = self.last
        if after is not None:
            before = None if after == "root" else self._items[after]["id"]
        if before == self.last:
            self._items[item["id"]] = item
        else:
            order = list(self._items.values())
            place = 0 if before is None else order.index(self._items[before]) + 1
            self._items = {entry["id"]: entry for entry in (*order[:place], item, *order[place:])}
        self._sizes[item["id"]] = len(json.dumps(item))
        self._size += self._sizes[item["id"]]
        while len(self._items) > 1 and (len(self._items) > MOST or self._size > MOST_CHARACTERS):
            self.delete(next(iter(self._items)))
        return before

    @property
    def last(self) -> str | None:
        """The id of the newest item."""
        return next(reversed(self._items), None)

    def get(self, identity: object) -> Item | None:
        """Return an item, if it is here."""
        return self._items.get(identity) if isinstance(identity, str) else None

    def delete(self, identity: object) -> bool:
        """Forget an item; whether it was here."""
        if not isinstance(identity, str) or self._items.pop(identity, None) is None:
            return False
        self._size -= self._sizes.pop(identity)
        return True


def new_item(prefix: str = "item") -> str:
    """Make an id."""
    return f"{prefix}_{new_id()}"


def message(identity: str, role: str, content: list[dict[str, Any]], status: str = "completed") -> Item:
    """Make a message."""
    return {
        "id": identity, "object": "realtime.item", "type": "message", "status": status, "role": role,
        "content": content,
    }  # fmt: skip


def call(identity: str, call_id: str, name: str, arguments: str, status: str) -> Item:
    """Make a function call."""
    return {
        "id": identity, "object": "realtime.item", "type": "function_call", "status": status, "call_id": call_id,
        "name": name, "arguments": arguments,
    }  # fmt: skip
