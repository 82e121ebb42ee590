"""Puts tool calls together from the pieces in which a server streams them, whatever it does with index and id. Pure.

By the protocol each call has an index and an id of its own. Servers number all calls alike, leave the index or the id
out, give every piece a fresh id, or send each call whole; a name tells where a call begins, and whole arguments where
one has ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.protocols import ToolCall
from harry.files.json_text import parse_json

MAX_CALLS = 64
"""Tool calls in one reply."""

MAX_CALL_CHARACTERS = 1 << 18
"""Characters of a call's arguments."""

MAX_EXTRA_CHARACTERS = 1 << 18
"""Characters, as JSON, of what a server adds to a call and wants back."""


class TooManyCallsError(Exception):
    """More was called for than is taken; the message says what."""


@dataclass(slots=True)
class _Call:
    """A tool call that is still coming. `extra` holds fields that no protocol names, to be sent back as they came."""

    id: str
    name: str
    arguments: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return bool(self.arguments.strip()) and is_json(self.arguments)


class CallAssembly:
    """The calls of one reply. Raises `TooManyCallsError`."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._at_index: dict[Any, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    @property
    def are_whole(self) -> bool:
        """Whether the arguments of all calls are JSON."""
        return all(is_json(call.arguments) for call in self._calls)

    def add(self, fragment: Mapping[str, Any]) -> None:
        """Take in a piece."""
        function = fragment.get("function")
        function = function if isinstance(function, Mapping) else fragment
        given = function.get("arguments")
        if given is None:
            given = function.get("parameters")
        arguments = given if isinstance(given, str) else "" if given is None else json.dumps(given)
        call_id, name = str(fragment.get("id") or ""), str(function.get("name") or "")
        index = fragment.get("index")
        if index is not None:
            index = int(index) if isinstance(index, int | float) else str(index)
        call = self._belongs_to(index, call_id, name, arguments)
        if call is None:
            if len(self._calls) >= MAX_CALLS:
                raise TooManyCallsError("asked for too many tools at once")
            call = _Call(call_id, name)
            self._calls.append(call)
        self._at_index[index] = call
        call.id = call.id or call_id
        call.name = call.name or name
        if call.arguments.strip() == "{}" and arguments.lstrip().startswith("{"):
            call.arguments = ""
        if not (call.arguments == arguments and call.is_whole):
            call.arguments += arguments
        call.extra.update(_extra(fragment))
        if len(call.arguments) > MAX_CALL_CHARACTERS:
            raise TooManyCallsError("sent a tool call without an end")

    def take(self) -> list[ToolCall]:
        """Return the calls, each with an id of its own, and begin again."""
        calls, self._calls, self._at_index = self._calls, [], {}
        taken: list[ToolCall] = []
        for at, call in enumerate(calls):
            known = {other.id for other in taken}
            named_again = not call.arguments and not call.id and call.name in {other.name for other in taken}
            if not call.name or named_again:
                continue
            own = call.id or f"call_{at}"
            if own in known:
                own = f"{own}_{at}"
            extra = call.extra if len(json.dumps(call.extra)) <= MAX_EXTRA_CHARACTERS else {}
            taken.append(ToolCall(own, call.name, call.arguments or "{}", extra))
        return taken

    def _belongs_to(self, index: Any, call_id: str, name: str, arguments: str) -> _Call | None:
        """Return the call that a piece goes on with; None where it begins another."""
        by_id = next((call for call in self._calls if call_id and call.id == call_id), None)
        by_index = self._at_index.get(index) if index is not None else None
        if not name:
            # Only the first piece of a call has a name; the id may be missing, or another each time.
            return by_index or by_id or (self._calls[-1] if self._calls else None)
        if index is not None and by_index is None:
            return None
        call = by_index or by_id or (self._calls[-1] if self._calls and not call_id else None)
        if call is None or (call_id and call.id and call_id != call.id) or call.name not in ("", name):
            return None
        if call.arguments == arguments or call.arguments.strip() == "{}" or not call.is_whole:
            return call
        # It had all its arguments, and is named once more.
        another = is_json(arguments) if arguments else not call_id
        return None if another else call


_KNOWN = frozenset(("index", "id", "type", "function", "name", "arguments", "parameters"))


def _extra(fragment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a server adds to a call: beside the function, and within it."""
    found = {key: value for key, value in fragment.items() if key not in _KNOWN and value is not None}
    function = fragment.get("function")
    if isinstance(function, Mapping):
        within = {key: value for key, value in function.items() if key not in _KNOWN and value is not None}
        if within:
            found["function"] = within
    return found


def is_json(text: str) -> bool:
    """Return whether a text is JSON; an empty one counts as an object without fields."""
    try:
        parse_json(text or "{}")
    except ValueError:
        return False
    return True
