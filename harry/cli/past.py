"""`harry import`: conversations that were held elsewhere, brought along, listed, and taken out again.

Each command imports what it needs when it runs, so that help and mistakes answer at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harry.cli.confirmation import Yes, sure
from harry.cli.groups import group
from harry.cli.options import AsJson, Call, Sets
from harry.cli.plain_text import as_text, printable, tell
from harry.cli.progress import progress_bars

if TYPE_CHECKING:
    from harry.services.past import PastReport

# What is no command is the file that is meant: `harry import conversations.json`.
app = typer.Typer(
    cls=group("file", takes_words=True), help="Bring along conversations that you held elsewhere, or take them out."
)


@app.command("file", short_help="Bring along a file (without a command: `harry import FILE`).")
def import_file(  # noqa: PLR0917  (Typer passes them by name)
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export of another program, or of Harry's.")],
    format_name: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="openai, anthropic, sillytavern or harry.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken in.")] = False,
    as_json: AsJson = False,
    sets: Sets = None,
) -> None:
    """Keep the conversations of an export as of their dates. Importing a file again adds nothing.

    Known are OpenAI's and Anthropic's exports (conversations.json, also in its zip), chats of SillyTavern, and what
    `harry export --format jsonl` writes.
    """
    import trio

    from harry.services import past

    call: Call = ctx.obj
    config = call.configuration(sets)
    with progress_bars("Counting", "Keeping", "Understanding") as (counting, keeping, embedding):
        report = trio.run(
            partial(
                past.import_past, config, file, format_name=format_name, dry_run=dry_run,
                counting=counting, keeping=keeping, embedding=embedding,
            )
        )  # fmt: skip
    if report.without:
        tell(f"Found by words alone: {report.without}")
    for place, why in report.read.wrong[:20]:
        tell(printable(f"{place.capitalize()} of {file} was left out: {why}."))
    if report.read.left_out > 20:
        tell(f"So were {report.read.left_out - 20} more.")
    print(_as_json(report, dry_run=dry_run) if as_json else _as_text(report, dry_run=dry_run))
    if report.read.left_out:
        raise typer.Exit(1)


@app.command("list", short_help="List what was brought along.")
def list_(ctx: typer.Context, as_json: AsJson = False, sets: Sets = None) -> None:
    """List the imports: id, format, file, how many turns are left of it, and from when to when."""
    import trio

    from harry.services import past

    call: Call = ctx.obj
    found = trio.run(past.imports, call.configuration(sets))
    if not found and not as_json:
        print("Nothing was imported.")
    for known in found:
        if as_json:
            told = {
                "id": known.id, "format": known.format, "file": known.file, "turns": known.turns,
                "first": _moment(known.first), "last": _moment(known.last),
            }  # fmt: skip
            print(json.dumps(told, ensure_ascii=False))
        else:
            span = f"{_day(known.first)} to {_day(known.last)}"
            print(printable(f"{known.id}  {known.format}  {_counted(known.turns, 'turn')}, {span}  {known.file}"))


@app.command(short_help="Take an import out again, whole.")
def undo(
    ctx: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `harry import list` shows it.")],
    yes: Yes = False,
    sets: Sets = None,
) -> None:
    """Delete for good all that an import brought, and what memory made of it."""
    import trio

    from harry.services import past

    call: Call = ctx.obj
    config = call.configuration(sets)
    if not yes:
        sure(f"Delete for good all that the import {as_text(identity)} brought?")
    with progress_bars("Deleting") as (progress,):
        gone = trio.run(past.undo, config, as_text(identity), progress)
    print(printable(f"Gone for good: {_counted(gone.turns, 'turn')} of {gone.file}."))


def _as_json(report: PastReport, *, dry_run: bool) -> str:
    told = {
        "id": report.id if report.fresh and not dry_run else None, "format": report.format.name,
        "conversations": report.conversations, "turns": report.turns, "new": report.fresh,
        "again": report.turns - report.fresh, "left_out": report.read.left_out,
        "first": _moment(report.first), "last": _moment(report.last), "dry_run": dry_run,
    }  # fmt: skip
    return json.dumps(told)


def _as_text(report: PastReport, *, dry_run: bool) -> str:
    held = _counted(report.conversations, "conversation")
    span = f"from {_day(report.first)} to {_day(report.last)}"
    taken, again = "Would be taken in" if dry_run else "Taken in", report.turns - report.fresh
    lines = [
        f"{held} of {report.format.origin}, {_counted(report.turns, 'turn')}, {span}.",
        f"{taken}: {report.fresh}. There already: {again}.",
    ]
    if report.fresh and not dry_run:
        lines.append(f"`harry import undo {report.id}` takes them out again.")
    return "\n".join(lines)


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _day(at: float | None) -> str:
    return datetime.fromtimestamp(at or 0.0, tz=UTC).astimezone().date().isoformat()


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, tz=UTC).astimezone().isoformat()
