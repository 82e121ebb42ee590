"""`harry prompt show`: each part of the prompt that some words would make, why it is there; and the tools."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from harry.cli.groups import group
from harry.cli.options import AsJson, Call, Sets

app = typer.Typer(cls=group("show", takes_words=True), help="Show what a language model would be told.")


@app.callback()
def prompts() -> None:
    """Hold the commands of this group together, though there is only one."""


@app.command(short_help="Print each part of the prompt, its tokens, and why it is there.")
def show(
    ctx: typer.Context,
    words: Annotated[str, typer.Argument(metavar="[WORDS]", help="What would be said.")] = "Hello.",
    small: Annotated[bool, typer.Option("--small", help="As for a tiny model.")] = False,
    as_json: AsJson = False,
    sets: Sets = None,
) -> None:
    """Print each part of the prompt for these words, and the tools offered. No language model is asked."""
    from functools import partial

    import trio

    from harry.services import prompt_inspection

    call: Call = ctx.obj
    config = call.configuration(sets)
    shown = trio.run(partial(prompt_inspection.show, config, words, small=small))
    if not small:
        shown += trio.run(prompt_inspection.show_tools, config)
    for part in shown:
        if as_json:
            print(json.dumps(asdict(part), ensure_ascii=False))
        else:
            print(f"== {part.section} ({part.role}, about {part.tokens} tokens): {part.why}")
            print(
                "".join(character if character.isprintable() or character == "\n" else " " for character in part.text)
            )
            print()
    if not as_json:
        print(f"About {sum(part.tokens for part in shown)} tokens in {len(shown)} parts.")
