"""`harry export`: the conversations, to read (Markdown) or to take elsewhere (JSON Lines).

The command imports what it needs when it runs, so that help and mistakes answer at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from harry.cli.options import Call, Sets, writer

app = typer.Typer()


@app.command(short_help="Write your conversations: as Markdown, or as JSON Lines.")
def export(  # noqa: PLR0917  (Typer passes them by name)
    ctx: typer.Context,
    format_name: Annotated[str, typer.Option("--format", metavar="markdown|jsonl")] = "markdown",
    conversation: Annotated[
        str | None, typer.Option("--conversation", metavar="ID", help="Only this one, by its first turn's id.")
    ] = None,
    day: Annotated[str, typer.Option(metavar="DAY", help="Only this day: today, yesterday or a date.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there instead.")] = None,
    sets: Sets = None,
) -> None:
    """Write what was said, oldest first. `harry import` reads the JSON Lines, here or on another computer."""
    import trio

    from harry.errors import ConfigurationError
    from harry.services import history

    if format_name not in ("markdown", "jsonl"):
        raise typer.BadParameter("is markdown or jsonl", param_hint="--format")
    call: Call = ctx.obj
    config = call.configuration(sets)

    async def work(write: Callable[[str], object]) -> None:
        await history.export(config, write, lines=format_name == "jsonl", conversation=conversation, day=day)

    if out is None:
        trio.run(work, writer())
        return
    beside = out.with_name(f".{out.name[:100]}.new")
    try:
        with beside.open("w", encoding="utf-8", errors="replace") as file:
            trio.run(work, file.write)
        beside.replace(out)
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error.strerror}.", remedy="Name another file.") from error
    finally:
        beside.unlink(missing_ok=True)
