"""`harry engines`, `swap` and `new-plugin`: what fills each role, changing it while he runs, beginning one's own."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harry.cli.options import AsJson, Call, Sets

if TYPE_CHECKING:
    from harry.services.engine_list import Installed

app = typer.Typer()
"""Commands at the root of the command line."""

SENSES = {"speech_to_text": "ear", "language_model": "mind", "text_to_speech": "voice"}
"""What Harry's documents call the roles of engines."""

LEGEND = (
    "* = serves, + = stands in if that one cannot, ! = cannot serve. `harry swap ROLE NAME` changes a running Harry."
)


@app.command(short_help="List what fills each role, and what else could.")
def engines(
    ctx: typer.Context,
    as_json: AsJson = False,
    deep: Annotated[bool, typer.Option("--deep", help="Load those that are chosen as well.")] = False,
    sets: Sets = None,
) -> None:
    """List the engines, actors and tools: what fills each role, its package, licence and languages, what is broken."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    from functools import partial

    import trio

    from harry.cli.engine_trial import load_within
    from harry.services.engine_list import list_installed

    found = trio.run(list_installed, config, partial(load_within, config.local_only) if deep else None)
    serving = _serving(config.data_folder)
    if as_json:
        print(json.dumps({"running": serving is not None, "roles": _for_programs(found, serving or {})}))
    else:
        print("\n".join(_told(found, serving or {})))


SWAP_SECONDS = 180.0
"""Seconds for which a swap is waited for; Harry himself gives a newcomer less."""


@app.command(short_help="Give a role to another engine, while Harry runs.")
def swap(
    ctx: typer.Context,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="Such as voice, ear, mind or voice_activity.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="An engine of that role; `harry engines` lists them.")],
    sets: Sets = None,
) -> None:
    """Replace an engine of the running Harry between two turns. If the new one cannot serve, nothing changes."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    from harry.daemon.control_socket import ask
    from harry.errors import HarryError

    table = json.loads(json.dumps(config.engine_table(name), default=str))
    request = {"do": "swap", "role": role, "name": name, "table": table}
    try:
        answer = next(ask(config.data_folder, request, within=SWAP_SECONDS), None)
    except ConnectionError as error:
        raise HarryError(str(error), remedy="`harry run` starts one.") from error
    except TimeoutError as error:
        raise HarryError("Harry does not answer.", remedy="`harry engines` says what serves.") from error
    if answer is None:
        raise HarryError("Harry did not answer.", remedy="`harry engines` says what serves.")
    if "error" in answer:
        raise HarryError(answer["error"], remedy=answer.get("remedy", ""))
    print(f"{name} serves from the next turn on: {answer.get('swapped', '')}. Once Harry starts again, his")
    print("configuration decides.")


@app.command("new-plugin", short_help="Begin a plug-in of your own.")
def new_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as my-voice.")],
    role: Annotated[str, typer.Option(metavar="ROLE", help="An engine's role, such as text_to_speech, or tools.")],
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Where its folder is made.")] = Path(),
) -> None:
    """Write a small package that works, with a test of what Harry needs of it, for you to change."""
    from harry.services.new_plugin import write_plugin

    written = write_plugin(name, role, into)
    print(f"{written.folder} is there. Its tests: cd {written.folder} && pytest")
    print(f"To use it, install it into Harry's environment: {sys.executable} -m pip install --no-deps {written.folder}")
    print(f"Then: {written.choose}")


def _serving(folder: Path) -> dict[str, str | None] | None:
    """Return the engine of each role of the Harry who runs on a folder; None where none does, or none that tells."""
    from harry.daemon.control_socket import ask

    try:
        state: dict[str, Any] = next(ask(folder, {"do": "status"}), {})
    except (ConnectionError, TimeoutError):
        return None
    serving = state.get("serving")
    return serving if isinstance(serving, dict) else None


def _serves(entry: Installed, found: list[Installed], serving: dict[str, str | None]) -> bool:
    """Return whether an entry fills its role: in the Harry who runs, else in one who would be started."""
    if entry.role in serving:
        return entry.name == serving[entry.role]
    if entry.use == "free" or entry.trouble:
        return False
    well = [other for other in found if other.role == entry.role and other.use != "free" and not other.trouble]
    return entry.role == "tools" or entry is well[0]


def _for_programs(found: list[Installed], serving: dict[str, str | None]) -> dict[str, list[dict[str, Any]]]:
    roles: dict[str, list[dict[str, Any]]] = {}
    for entry in found:
        told = asdict(entry)
        del told["role"]
        roles.setdefault(entry.role, []).append({**told, "serves": _serves(entry, found, serving)})
    return roles


def _told(found: list[Installed], serving: dict[str, str | None]) -> list[str]:
    lines: list[str] = []
    width = max(len(entry.name) for entry in found)
    role = ""
    for entry in found:
        if entry.role != role:
            role = entry.role
            words = role.replace("_", " ")
            lines.append(f"{SENSES[role]} ({words})" if role in SENSES else words)
        serves = _serves(entry, found, serving)
        mark = "*" if serves else "!" if entry.trouble else "+" if entry.use == "fallback" else " "
        lines.append(f"  {mark} {entry.name:<{width}}  {_line(entry)}".rstrip())
    return [*lines, LEGEND]


def _line(entry: Installed) -> str:
    from harry.services.engine_list import packages_told

    if entry.trouble:
        # The sentence about a stranger's engine names its package already.
        return f"{entry.trouble} {entry.remedy}"
    parts = [", ".join(entry.languages), packages_told(entry), entry.needs.rstrip(".")]
    return ". ".join(part for part in parts if part)
