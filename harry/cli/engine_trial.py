"""Loads an engine in a process of its own, for `harry doctor --deep`.

There an engine that hangs, or crashes the process, is one line of the report: a library in C can hold up a whole
process so that nothing in it can even be told to stop. Run as a program, this module is that process.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import trio

from harry.errors import ConfigurationError, EngineError, HarryError

DEADLINE = 45.0
"""Seconds in which everything that is tried has to be loaded."""


async def trouble_of(role: str, name: str, table: Mapping[str, Any], *, local_only: bool) -> HarryError | None:
    """Load an engine by its `[engine.NAME]` table and tell what prevents it, None if nothing does.

    Cancelled, it ends the process.
    """
    done = await trio.run_process(
        [sys.executable, "-m", __name__],
        stdin=pickle.dumps((role, name, dict(table), local_only)),
        capture_stdout=True,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode < 0:
        return EngineError(
            f"It crashed while it was loaded (signal {-done.returncode}).",
            remedy="Choose another, or ask whoever made it.",
        )
    try:
        kind, message, remedy = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return broken(f"exit code {done.returncode}")
    if not kind:
        return None
    return (ConfigurationError if kind == "configuration" else EngineError)(message, remedy=remedy)


async def load_within(local_only: bool, role: str, name: str, table: Mapping[str, Any]) -> HarryError | None:
    """Load an engine in a process of its own within `DEADLINE`, and tell what prevents it."""
    with trio.move_on_after(DEADLINE):
        return await trouble_of(role, name, table, local_only=local_only)
    return not_in_time()


def not_in_time() -> EngineError:
    """Word the trouble of an engine that was not loaded within `DEADLINE`."""
    return EngineError(
        f"It was not loaded within {DEADLINE:.0f} seconds.", remedy="Choose another, or ask whoever made it."
    )


def broken(how: str) -> EngineError:
    """Word the trouble of an engine that failed as its contract does not foresee."""
    return EngineError(f"It is broken ({how}).", remedy="Ask whoever made it.")


def _main() -> None:
    """Load what standard input names; write the trouble as one line of JSON."""
    # What a library prints must not stand in the answer.
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    from harry.engines import registry  # noqa: PLC0415  its errors are told, too
    from harry.net import egress  # noqa: PLC0415

    # From the process that started this one.
    role, name, table, local_only = pickle.load(sys.stdin.buffer)  # noqa: S301
    egress.configure(local_only=local_only)
    told = ("", "", "")
    try:
        registry.load_engine(role, name, table)
    except HarryError as error:
        kind = "configuration" if isinstance(error, ConfigurationError) else "engine"
        told = (kind, error.message, error.remedy)
    os.write(answer, json.dumps(told).encode() + b"\n")
    # No farewells: they are what some libraries hang in.
    os._exit(0)


if __name__ == "__main__":
    _main()
