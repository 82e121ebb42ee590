"""The commands that say what has left this computer, and what it cost."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from __future__ import annotations

import json

import typer

from harry.commands import AsJson, Call, Sets

app = typer.Typer()


@app.command(short_help="See what has left this computer.")
def egress(ctx: typer.Context, as_json: AsJson = False, sets: Sets = None) -> None:
    """List each time that something left this computer: when, to which host, what for, how many bytes."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    from harry.egress import noted

    lines = list(noted(config.data_folder))
    for each in lines:
        if as_json:
            print(json.dumps(each))
        else:
            print(f"{each['at']}  {each['host']}  {each['purpose']}  {each['sent']} out, {each['received']} in")
    if not lines and not as_json:
        print("Nothing has left this computer, as far as is written down.")
