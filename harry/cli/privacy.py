"""The commands that say what has left this computer, and what it cost."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from __future__ import annotations

import json

import typer

from harry.cli.options import AsJson, Call, Sets

app = typer.Typer()


@app.command(short_help="List what has left this computer.")
def egress(ctx: typer.Context, as_json: AsJson = False, sets: Sets = None) -> None:
    """List what has left this computer: when, to which host, what for, how many bytes."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    from harry.net.egress import read_notes

    lines = list(read_notes(config.data_folder))
    for line in lines:
        if as_json:
            print(json.dumps(line))
        else:
            print(f"{line['at']}  {line['host']}  {line['purpose']}  {line['sent']} out, {line['received']} in")
    if not lines and not as_json:
        print("Nothing has left this computer, as far as is written down.")


@app.command(short_help="Show what language models have cost today.")
def budget(ctx: typer.Context, as_json: AsJson = False, sets: Sets = None) -> None:
    """Show what each language model used today, in tokens and money, and how much it may use."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    import time
    from dataclasses import asdict

    from harry.host.budget import BUDGET_FILE, limits_told, open_ledger
    from harry.memory.store.records import local_day

    day = local_day(time.time())
    there = config.memory.store != "memory" and (config.data_folder / BUDGET_FILE).exists()
    spent = open_ledger(config).of(day) if there else []
    limits = config.budget.model_dump(exclude_none=True)
    if as_json:
        print(json.dumps({"day": day, "spent": [asdict(engine) for engine in spent], "limits": limits}))
        return
    for engine in spent:
        where = "on this computer" if engine.local else "elsewhere"
        print(f"{engine.engine}, {where}: {engine.replies} replies, {engine.tokens} tokens, {_cost(engine.money)}")
    if not spent:
        print("No mind has answered today, as far as is written down.")
    for name, told in limits_told(config.budget).items():
        print(f"Daily limit for {'cloud minds' if name == 'all elsewhere' else name}: {told}")


def _cost(money: float) -> str:
    return f"{money:.4f}" if money else "no cost"
