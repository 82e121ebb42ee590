"""`harry persona`: who answers. Import a character card, list the personas, show one, use one, write one as a card.

Each command imports what it needs when it runs, so that help and mistakes answer at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from harry.cli.groups import group
from harry.cli.options import AsJson, Call, Sets
from harry.cli.plain_text import printable, tell

app = typer.Typer(cls=group("list"), help="Choose who answers: Harry, or a persona from a character card.")

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="A persona; else the one that is used.")]


@app.command("import", short_help="Make a persona of a character card.")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A card (V1, V2, V3): JSON, PNG or .charx.")],
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Call the persona this.")] = None,
    share: Annotated[
        bool, typer.Option("--share-memory", help="Let it remember together with Harry, and not by itself.")
    ] = False,
    sets: Sets = None,
) -> None:
    """Make a persona of a character card, with its lorebook. Nothing of the card is fetched or run."""
    import trio

    from harry.services import personas

    call: Call = ctx.obj
    config = call.configuration(sets)
    made = trio.run(partial(personas.import_card, config, file, name=name, share=share))
    entries = "1 entry" if made.entries == 1 else f"{made.entries} entries"
    book = f", with a lorebook of {entries}" if made.entries else ""
    print(printable(f"{made.name}: {made.card}{book}."))
    for note in made.notes:
        tell(printable(note))
    memory = "It remembers with Harry." if share else "It has a memory of its own."
    print(printable(f"{memory} `harry persona use {_quoted(made.name)}` lets it answer."))


@app.command("list", short_help="List the personas (the default).")
def list_(ctx: typer.Context, as_json: AsJson = False, sets: Sets = None) -> None:
    """List Harry himself and every persona, with a mark before the one that is used."""
    from harry.services import personas

    call: Call = ctx.obj
    for known in personas.list_personas(call.configuration(sets)):
        if as_json:
            told = {
                "name": known.name, "used": known.used, "memory": known.memory, "card": known.card or None,
                "folder": str(known.folder) if known.folder else None,
            }  # fmt: skip
            print(json.dumps(told, ensure_ascii=False))
            continue
        what = "Harry himself" if known.folder is None else f"{known.card} card" if known.card else str(known.folder)
        memory = ", a memory of its own" if known.memory == "own" else ""
        print(printable(f"{'*' if known.used else ' '} {known.name}  ({what}{memory})"))


@app.command(short_help="Let a persona answer from the next start on.")
def use(ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")], sets: Sets = None) -> None:
    """Write into the configuration file who answers. It holds from the next start on."""
    from harry.services import personas

    call: Call = ctx.obj
    known, file, before = personas.use(call.configuration(sets), name)
    print(printable(f"{known.name} answers from the next start on; {file} says so."))
    if before:
        print(printable(f"The name {before!r} was taken out of it (persona.name)."))
    if known.memory == "own":
        print("It has a memory of its own: it knows nothing of what others were told, nor do they of what it is told.")


@app.command(short_help="Show a persona, and what a language model is told of it.")
def show(ctx: typer.Context, name: Name = None, as_json: AsJson = False, sets: Sets = None) -> None:
    """Show a persona: its name, its folder, whose memory it has, its greeting, and its part of every prompt."""
    from harry.services import personas

    call: Call = ctx.obj
    config = call.configuration(sets)
    known, persona = personas.find_persona(config, name)
    names = {"name": config.persona.name if known.used else known.name, "user": config.user.name}
    told = {
        "name": names["name"], "folder": str(known.folder) if known.folder else "", "card": known.card,
        "memory": known.memory, "greeting": persona.fill_names(persona.greeting, **names),
        "reminder": persona.fill_names(persona.reminder, **names), "prompt": persona.fill_names(persona.about, **names),
    }  # fmt: skip
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    for key, value in told.items():
        if value and key not in ("reminder", "prompt"):
            print(printable(f"{key:>10}  {value}"))
    for text in (told["prompt"], told["reminder"]):
        if text:
            print("\n" + "\n".join(map(printable, text.splitlines())))


@app.command(short_help="Write a persona as a character card.")
def export(
    ctx: typer.Context,
    name: Name = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there: JSON, or its picture (.png).")] = None,
    sets: Sets = None,
) -> None:
    """Write a persona's card as it was imported, with all that Harry does not use; to standard output or a file."""
    from harry.files.atomic import write_file
    from harry.services import personas

    call: Call = ctx.obj
    config = call.configuration(sets)
    picture = out is not None and out.suffix.lower() == ".png"
    content = personas.export_card(config, name, as_picture=picture)
    if out is None:
        sys.stdout.write(content.decode("utf-8-sig"))
        return
    write_file(out, content)


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)
