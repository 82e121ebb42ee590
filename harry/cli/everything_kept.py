"""`harry erase`, `backup`, `restore` and `salvage`: what concerns everything that is kept.

Each command imports what it needs when it runs, so that help and mistakes answer at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from harry.cli.confirmation import Yes, sure
from harry.cli.options import AsJson, Call, Sets
from harry.cli.plain_text import as_text
from harry.cli.progress import progress_bars

app = typer.Typer()


@app.command(short_help="Erase everything that is kept of a user.")
def erase(
    ctx: typer.Context,
    user: Annotated[str, typer.Option("--user", metavar="U", help="Whose conversations, thoughts and memories.")],
    yes: Yes = False,
    as_json: AsJson = False,
    sets: Sets = None,
) -> None:
    """Erase everything of a user for good. Say what is gone, and which backups still hold something."""
    from dataclasses import asdict
    from functools import partial

    import trio

    from harry.errors import ConfigurationError
    from harry.services import memory as remembering
    from harry.services.erasing_elsewhere import erasing_elsewhere

    call: Call = ctx.obj
    config = call.configuration(sets)
    user = as_text(user)
    known = trio.run(remembering.users, config)
    if user in known and not yes:
        sure(f"Erase everything of {user!r} for good: conversations, memories, thoughts, reminders and tokens?")
    erasure = trio.run(partial(remembering.erase, config, user, elsewhere=erasing_elsewhere(config)))
    # Somebody unknown to the store may still have been in a spill, a backup or Redis.
    if not any((erasure.rows, erasure.spilled, erasure.keys, erasure.tokens, erasure.backups, erasure.unseen)):
        there = f"Somebody is kept here: {', '.join(map(repr, known))}." if known else "Nobody is."
        raise ConfigurationError(f"Nothing is kept of anybody named {user!r}.", remedy=there)
    if as_json:
        print(json.dumps(asdict(erasure), ensure_ascii=False))
        return
    for table, count in erasure.rows.items():
        print(f"{count:>8}  {table}")
    print(f"{erasure.spilled:>8}  waiting entries\n{erasure.keys:>8}  Redis keys\n{erasure.tokens:>8}  tokens")
    print("Gone for good: rows, full text and vectors, and their bytes in the file.")
    for path in erasure.backups:
        print(f"Still in the backup {path}. Delete that file if you want it gone there, too.")
    for path in erasure.unseen:
        print(f"Not looked into: {path}")


@app.command(short_help="Write a backup of everything that is kept.")
def backup(
    ctx: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")], sets: Sets = None
) -> None:
    """Write everything that is kept into one new file, also while Harry runs."""
    import trio

    from harry.services import memory as remembering

    call: Call = ctx.obj
    config = call.configuration(sets)
    with progress_bars("Copying") as (progress,):
        trio.run(remembering.backup, config, file, progress)
    print(f"{file} holds everything that was kept in {config.memory_folder} at this moment.")
    for store in remembering.list_others(config):
        print(f"Not in it: {store}, another persona's. `harry persona use` makes it the one that is backed up.")


@app.command(short_help="Put a backup back in place of what is kept now.")
def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    yes: Yes = False,
    sets: Sets = None,
) -> None:
    """Put a backup back in place of what is kept now. Harry must not be running."""
    import trio

    from harry.services import memory as remembering

    call: Call = ctx.obj
    config = call.configuration(sets)
    if not yes and file.is_file() and remembering.something_kept(config):
        sure(f"Put {file} in the place of everything that is kept in {config.memory_folder}?")
    with progress_bars("Copying") as (progress,):
        aside = trio.run(remembering.restore, config, file, progress)
    print(f"Everything in {config.memory_folder} is as it was when {file} was written.")
    if aside is not None:
        print(f"The damaged store lies in {aside}.")


@app.command(short_help="Save what can be read of a damaged store.")
def salvage(ctx: typer.Context, yes: Yes = False, sets: Sets = None) -> None:
    """Save what can still be read of a damaged store, and put the damaged file aside. Harry must not be running."""
    import trio

    from harry.services import memory as remembering

    call: Call = ctx.obj
    config = call.configuration(sets)
    if not yes:
        sure(f"Put what can be read of the store in {config.memory_folder} in its place?")
    saved = trio.run(remembering.salvage, config)
    for table, count in saved.rows.items():
        if count or table in saved.torn:
            print(f"{count:>8}  {table}{', not all of it' if table in saved.torn else ''}")
    print(f"The damaged store lies in {saved.aside}.")
