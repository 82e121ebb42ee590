"""`harry soc`: read Harry's stream of consciousness, a day at a time, or write into it from standard input.

Each command imports what it needs when it runs, so that help and mistakes answer at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from harry.cli.groups import group
from harry.cli.options import AsJson, Call, Sets

_LONGEST = 1_000_000
"""Characters of a written line that are kept."""


# What is no command is the day that is asked for: `harry soc yesterday`.
app = typer.Typer(
    cls=group("show", takes_words=True), help="Read Harry's thoughts (his stream of consciousness), or add to them."
)


@app.command(short_help="Print the thoughts of a day (without a command: of today).")
def show(
    ctx: typer.Context,
    day: Annotated[str, typer.Argument(metavar="[today|yesterday|DATE]", help="A day, such as 2026-01-31.")] = "today",
    as_json: AsJson = False,
    sets: Sets = None,
) -> None:
    """Print a day's entries, oldest first (the default)."""
    import trio

    from harry.memory.store.opening import parse_day
    from harry.services.soc import soc_entries

    call: Call = ctx.obj
    config = call.configuration(sets)
    entries = trio.run(soc_entries, config, parse_day(day))
    for entry in entries:
        print(json.dumps(entry, ensure_ascii=False) if as_json else _line(entry))
    if not entries and not as_json:
        print("No thoughts on that day.")


def _line(entry: dict[str, Any]) -> str:
    # An entry may hold anything; what would steer the terminal is left out.
    text = "".join(character if character.isprintable() else " " for character in str(entry["text"]))
    return f"{str(entry['at'])[11:16]}  {text}"


@app.command(short_help="Add a thought for each line of standard input.")
def write(ctx: typer.Context, sets: Sets = None) -> None:
    """Write an entry for each line of standard input; print its number once it is safely kept."""
    import trio

    from harry.services.soc import soc_write
    from harry.terminal.console import typed_lines

    call: Call = ctx.obj
    config = call.configuration(sets)

    def acknowledge(sequence: int) -> None:
        print(sequence, flush=True)

    trio.run(soc_write, config, typed_lines(longest=_LONGEST, on_cut=_tell_cut), acknowledge)


def _tell_cut() -> None:
    print(f"harry: a line was longer than {_LONGEST} characters; the rest of it was left out.", file=sys.stderr)
