"""Where things lie in Redis: `user:{username}:{variable}` for live state, two streams for each user, the marks.

A name is escaped where it holds what parts the names of a key, so that no user ever reads another's.
"""

from __future__ import annotations

import re

MARKS = "harry:marks"
"""A hash: how far each file has shared each of its logs."""

CONVERSATION = "conversation:stream"
"""The stream of a user's turns, below the user's keys."""

SOC = "soc:stream"
"""The stream of the thoughts that were thought with a user."""

_PARTS = re.compile(r"[%:\x00-\x1f]")


def escape(name: str) -> str:
    """Percent-encode `%`, `:` and control characters in a name, so that it holds no colon."""
    return _PARTS.sub(lambda found: f"%{ord(found[0]):02X}", name)


def variable_key(user: str, variable: str) -> str:
    """Return the key of a variable."""
    return f"user:{escape(user)}:{escape(variable)}"


def stream_key(user: str, kind: str) -> str:
    """Return the key of a user's stream, `CONVERSATION` or `SOC`; no variable has such a key."""
    return f"user:{escape(user)}:{kind}"


def user_pattern(user: str) -> str:
    """Return the pattern of all keys of a user, for SCAN."""
    literal = re.sub(r"([\\*?\[\]^])", r"\\\1", escape(user))
    return f"user:{literal}:*"
