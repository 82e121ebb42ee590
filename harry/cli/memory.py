"""`harry memory`: what Harry remembers, found, added, shown, taken away.

Each command imports what it needs when it runs, so that help and mistakes answer at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harry.cli.confirmation import Yes, sure
from harry.cli.groups import group
from harry.cli.options import AsJson, Call, Sets
from harry.cli.plain_text import as_text, printable, tell
from harry.cli.progress import progress_bars

if TYPE_CHECKING:
    from harry.memory.longterm.service import Found
    from harry.memory.store.items import Item
    from harry.services.memory import Asked

app = typer.Typer(cls=group("stats"), help="Search Harry's long-term memory, add to it, or delete from it.")

Namespace = Annotated[
    str | None, typer.Option("--namespace", metavar="U", help="Whose memory; by default the configuration's user.")
]
KindName = Annotated[
    str | None, typer.Option("--kind", metavar="KIND", help="memory, journal, book, note, soc or test.")
]


@app.command("import", short_help="Import a file of memories, or with --kind a book or a note.")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="JSON Lines; with --kind, text or Markdown.")],
    namespace: Namespace = None,
    kind: KindName = None,
    sets: Sets = None,
) -> None:
    """Take in JSON Lines, `{"id", "text", "speaker", "time", "kind", "namespace"}`, in the order of the conversation.

    A time without a zone is local. With `--kind book` or `--kind note`, FILE is text or Markdown and is cut into
    passages. Reading a file again changes nothing.
    """
    import trio

    from harry.memory.longterm.importing import check_kind
    from harry.services import memory as remembering

    call: Call = ctx.obj
    config = call.configuration(sets)
    with progress_bars("Reading", "Understanding") as (reading, embedding):
        report, without = trio.run(
            partial(
                remembering.import_file,
                config,
                file,
                namespace=namespace or config.user.name,
                kind=check_kind(kind) if kind else None,
                reading=reading,
                embedding=embedding,
            )
        )
    if without:
        tell(f"Found by words alone: {without}")
    if report.foreign:
        tell(f"{report.foreign} lines were not UTF-8 and were read as Windows-1252.")
    if report.again:
        tell(f"{report.again} lines had an id that stood above already; the last one counts.")
    for number, why in report.wrong[:20]:
        tell(f"Line {number} of {file} was left out: {why}.")
    if len(report.wrong) > 20:
        tell(f"So were {len(report.wrong) - 20} more.")
    print(f"{report.taken} taken in, {len(report.wrong)} left out.")
    if report.wrong:
        raise typer.Exit(1)


@app.command(short_help="Find the memories that answer a question.")
def search(  # noqa: PLR0917  (Typer passes them by name)
    ctx: typer.Context,
    query: Annotated[str | None, typer.Argument(metavar="[QUERY]", help="What to look for.")] = None,
    queries: Annotated[
        Path | None, typer.Option("--queries", metavar="FILE.jsonl", help='Lines of {"query", "namespace"}.')
    ] = None,
    namespace: Namespace = None,
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="How many hits.")] = 10,
    kind: KindName = None,
    as_json: AsJson = False,
    sets: Sets = None,
) -> None:
    """Find the memories that answer a question, a line for each; or, as JSON Lines, one line for each question."""
    if (query is None) == (queries is None):
        raise typer.BadParameter("give a question, or --queries FILE", param_hint="QUERY")
    import trio

    from harry.memory.longterm.importing import check_kind
    from harry.services import memory as remembering

    call: Call = ctx.obj
    config = call.configuration(sets)
    whose = namespace or config.user.name
    if queries is not None:
        asked = remembering.read_queries(queries, whose)
    else:
        asked = [remembering.Asked(as_text(query or ""), whose)]
    write = _as_json if as_json or queries is not None else _as_lines
    with progress_bars("Searching") as (progress,):
        without = trio.run(
            partial(
                remembering.search,
                config,
                asked,
                write,
                count=k,
                kind=check_kind(kind) if kind else None,
                progress=progress,
            )
        )
    if without:
        tell(f"Found by words alone: {without}")


def _as_json(asked: Asked, found: tuple[Found, ...]) -> None:
    hits = [{"id": memory.item.id, "score": round(memory.score, 4), "text": memory.item.text} for memory in found]
    print(json.dumps({"query": asked.query, "hits": hits}, ensure_ascii=False))


def _as_lines(_: Asked, found: tuple[Found, ...]) -> None:
    from harry.memory.store.items import IMPORTED
    from harry.memory.text.analysis import format_indexed

    if not found:
        print("Nothing was found.")
    for memory in found:
        item = memory.item
        shown = format_indexed(item.text, speaker=item.speaker, heading=item.heading, at=item.at)
        if item.source.startswith(IMPORTED):
            shown += f"  (imported: {item.heading})"
        print(f"{memory.score:6.2f}  {printable(item.id)}  {printable(shown)}")


@app.command(short_help="Add a memory.")
def add(  # noqa: PLR0917  (Typer passes them by name)
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT")],
    namespace: Namespace = None,
    kind: KindName = None,
    speaker: Annotated[str, typer.Option(metavar="NAME", help="Who said or wrote it.")] = "",
    identity: Annotated[str | None, typer.Option("--id", metavar="ID", help="Its id; made up by default.")] = None,
    at: Annotated[str | None, typer.Option("--time", metavar="TIME", help="When, as 2026-01-31T12:00; now.")] = None,
    supersedes: Annotated[
        str | None, typer.Option(metavar="ID", help="A memory that no longer holds; it is kept, and not found.")
    ] = None,
    sets: Sets = None,
) -> None:
    """Add a memory, and print its id once it is safely kept. If the id exists, its text is replaced."""
    import time

    import trio

    from channels.turn import new_id
    from harry.memory.longterm.importing import check_kind, parse_time
    from harry.memory.store.items import Item
    from harry.services import memory as remembering

    call: Call = ctx.obj
    config = call.configuration(sets)
    try:
        when = parse_time(at) if at is not None else time.time()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--time") from None
    item = Item(
        as_text(identity) if identity is not None else new_id(),
        as_text(text),
        namespace or config.user.name,
        check_kind(kind) if kind else "memory",
        as_text(speaker),
        when,
        supersedes=supersedes,
    )
    print(trio.run(remembering.add, config, item))


@app.command(short_help="Print a memory, by its id.")
def show(
    ctx: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID")],
    namespace: Namespace = None,
    as_json: AsJson = False,
    sets: Sets = None,
) -> None:
    """Print a memory with all that is known about it."""
    import trio

    from harry.memory.longterm.importing import serialize_item
    from harry.services import memory as remembering

    call: Call = ctx.obj
    config = call.configuration(sets)
    line = serialize_item(trio.run(remembering.show, config, namespace or config.user.name, identity))
    if as_json:
        print(json.dumps(line, ensure_ascii=False))
        return
    for key, value in line.items():
        shown = _moment(value) if key in ("time", "valid_to") and isinstance(value, int | float) else str(value)
        print(f"{key:>12}  {printable(shown)}")


def _moment(at: float) -> str:
    """Write a time as people read it, in their own zone; one that no calendar has, as the number it is."""
    from datetime import datetime

    try:
        return datetime.fromtimestamp(at).astimezone().strftime("%A, %Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return f"{at:g}"


@app.command(short_help="Delete a memory for good, by its id.")
def delete(
    ctx: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID")],
    namespace: Namespace = None,
    sets: Sets = None,
) -> None:
    """Delete a memory and all that was derived from it, so that its text is in no file any more."""
    import trio

    from harry.services import memory as remembering

    call: Call = ctx.obj
    config = call.configuration(sets)
    count = trio.run(remembering.delete, config, namespace or config.user.name, identity)
    print(f"{count} deleted.")


@app.command("forget-day", short_help="Delete a day: what was said and thought, and what was made of it.")
def forget_day(
    ctx: typer.Context,
    day: Annotated[str, typer.Argument(metavar="DAY", help="today, yesterday, or a date such as 2026-03-04.")],
    namespace: Namespace = None,
    yes: Yes = False,
    sets: Sets = None,
) -> None:
    """Delete a day for good: what was said on it, its thoughts and journal, and the memories made of them.

    Timers, reminders and lists stay.
    """
    import trio

    from harry.memory.store.opening import parse_day
    from harry.services import memory as remembering

    call: Call = ctx.obj
    config = call.configuration(sets)
    day = parse_day(day)
    if not yes:
        sure(f"Delete for good all that was said and thought on {day}, and what Harry remembers of it?")
    gone = trio.run(remembering.forget_day, config, namespace or config.user.name, day)
    print(f"Deleted for good: {gone.told()}." if gone.anything else f"Nothing is kept of {day}.")


@app.command(short_help="Print all memories as JSON Lines.")
def export(ctx: typer.Context, namespace: Namespace = None, kind: KindName = None, sets: Sets = None) -> None:
    """Print every memory of a namespace as JSON Lines that `harry memory import` reads."""
    import trio

    from harry.memory.longterm.importing import check_kind, serialize_item
    from harry.services import memory as remembering

    call: Call = ctx.obj
    config = call.configuration(sets)

    def write(item: Item) -> None:
        print(json.dumps(serialize_item(item), ensure_ascii=False))

    chosen = check_kind(kind) if kind else None
    trio.run(partial(remembering.export, config, namespace or config.user.name, write, kind=chosen))


@app.command(short_help="Count the memories (the default).")
def stats(ctx: typer.Context, namespace: Namespace = None, as_json: AsJson = False, sets: Sets = None) -> None:
    """Count the memories of each namespace and kind; of one namespace if it is named."""
    import trio

    from harry.services import memory as remembering

    call: Call = ctx.obj
    rows: list[dict[str, Any]] = trio.run(remembering.stats, call.configuration(sets), namespace)
    if not rows and not as_json:
        print("Nothing is remembered yet.")
    for row in rows:
        if as_json:
            print(json.dumps(row, ensure_ascii=False))
        else:
            print(
                f"{printable(str(row['namespace']))}: {row['items']} of kind {row['kind']},"
                f" {row['with_vector']} of them found by meaning, {row['replaced']} replaced"
            )
