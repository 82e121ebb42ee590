"""`harry reminders`: timers, alarms and reminders that are set, and how to take one back.

Each command imports what it needs when it runs, so that help and mistakes answer at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

import json
from typing import Annotated

import typer

from harry.cli.groups import group
from harry.cli.options import AsJson, Call, Sets

app = typer.Typer(cls=group("list"), help="List or cancel timers, alarms and reminders.")


@app.command("list")
def listed(ctx: typer.Context, as_json: AsJson = False, sets: Sets = None) -> None:
    """Print what is set, the next first."""
    from dataclasses import asdict
    from datetime import datetime

    import trio

    from harry.services.reminders import held

    call: Call = ctx.obj
    found = trio.run(held, call.configuration(sets))
    if not found and not as_json:
        print("Nothing is set.")
    for each in found:
        due = datetime.fromtimestamp(each.due).astimezone()
        if as_json:
            print(json.dumps({**asdict(each), "due": due.isoformat(timespec="seconds")}))
        else:
            print(f"{each.id}  {due:%Y-%m-%d %H:%M}  {each.kind:<8}  {each.text}".rstrip())


@app.command("cancel")
def cancel(
    ctx: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `harry reminders list` prints it.")],
    sets: Sets = None,
) -> None:
    """Take one back."""
    import trio

    from harry.services.reminders import cancelled

    call: Call = ctx.obj
    if not trio.run(cancelled, call.configuration(sets), identity):
        raise typer.BadParameter(f"there is no reminder {identity}. `harry reminders list` prints them.")
    print("Taken back.")
