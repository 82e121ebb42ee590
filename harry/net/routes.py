"""Whether this computer has a way to other networks, by the kernel's tables: nothing is sent, and nobody asked."""

from __future__ import annotations

from pathlib import Path

_V4, _V6 = Path("/proc/net/route"), Path("/proc/net/ipv6_route")
_REJECT = 0x200
"""The flag of a route that refuses."""


def has_default_route(v4: Path = _V4, v6: Path = _V6) -> bool:
    """Say whether a default route leads out; True where the system has no such tables, and it cannot be known."""
    try:
        lines = v4.read_text("ascii").splitlines()[1:]
    except OSError:
        return True
    if any(row[1] == "00000000" and not int(row[3], 16) & _REJECT for row in map(str.split, lines) if len(row) > 3):
        return True
    try:
        rows = [line.split() for line in v6.read_text("ascii").splitlines()]
    except OSError:
        return False
    return any(
        row[0] == "0" * 32 and row[1] == "00" and row[-1] != "lo" and not int(row[8], 16) & _REJECT
        for row in rows
        if len(row) > 9
    )
