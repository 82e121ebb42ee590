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
    """List what is set, the next one first."""
    from dataclasses import asdict
    from datetime import datetime

    import trio

    from harry.reflexes.timer_words import days_words
    from harry.reflexes.times import told_duration
    from harry.services.reminders import held

    call: Call = ctx.obj
    found = trio.run(held, call.configuration(sets))
    if not found and not as_json:
        print("Nothing is set.")
    for reminder, moment in found:
        due = datetime.fromtimestamp(moment).astimezone()
        if as_json:
            at = None if reminder.paused else due.isoformat(timespec="seconds")
            print(json.dumps({**asdict(reminder), "due": at}))
            continue
        when = f"{due:%Y-%m-%d %H:%M}"
        if reminder.kind == "timer":
            when = (
                f"paused, {told_duration(reminder.left_over)} left"
                if reminder.left_over is not None
                else f"{due:%Y-%m-%d %H:%M:%S}"
            )
        what = ", ".join(
            part for part in (reminder.name, reminder.text, days_words(reminder.days) if reminder.days else "") if part
        )
        print(f"{reminder.id}  {when}  {reminder.kind:<8}  {what}".rstrip())


@app.command("cancel")
def cancel(
    ctx: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `harry reminders` prints it; `all` cancels all.")],
    sets: Sets = None,
) -> None:
    """Cancel one, or `all`. What rings falls silent."""
    import trio

    from harry.services.reminders import all_cancelled, cancelled

    call: Call = ctx.obj
    if identity == "all":
        count = trio.run(all_cancelled, call.configuration(sets))
        print(f"Taken back: {count}." if count else "Nothing is set.")
        return
    if not trio.run(cancelled, call.configuration(sets), identity):
        raise typer.BadParameter(f"there is no reminder {identity}. `harry reminders list` prints them.")
    print("Taken back.")
