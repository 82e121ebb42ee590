"""The commands of `harry models`: which models can be fetched, fetching one, and deleting it."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from __future__ import annotations

import json
from typing import Annotated

import typer

from harry.cli.groups import group
from harry.cli.options import AsJson, Call, Sets

app = typer.Typer(cls=group("list"), help="List and download models: better language models and other voices.")


@app.command("list")
def list_models(ctx: typer.Context, as_json: AsJson = False, sets: Sets = None) -> None:
    """List the models that can be downloaded by name, and those that are here."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    from harry.models.catalogue import list_installed, load_catalogue

    here = list_installed(config.data_folder)
    known = load_catalogue()
    if as_json:
        models = {name: {**model.model_dump(mode="json"), "installed": name in here} for name, model in known.items()}
        print(json.dumps({"models": models, "others": [name for name in here if name not in known]}))
        return
    for name, model in known.items():
        size = model.size / 1e6
        download = f"Download {size:.0f} MB, memory" if size else "Memory"
        mark = "*" if name in here else " "
        print(f"{mark} {name:<16} {model.about} {download} {model.memory} MB. {model.licence}.")
    for name in here:
        if name not in known:
            print(f"* {name}")
    print("* = downloaded. `harry models pull NAME` fetches one; so does the address of a .gguf file.")


@app.command()
def pull(ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME|URL")], sets: Sets = None) -> None:
    """Download a model. A download that broke off goes on where it stopped."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    import trio

    from harry.cli.fetch_progress import pull_shown
    from harry.models import catalogue

    known, model = catalogue.find_model(name)
    folder = catalogue.locate_model(config.data_folder, known)
    before = catalogue.read_pins(folder)
    trio.run(pull_shown, model, folder)
    print(f"{known} is in {folder}. Its licence: {model.licence}.")
    for file in model.files:
        if not file.sha256 and file.name not in before:
            digest = catalogue.read_pins(folder)[file.name]
            print(f"Nobody vouches for {file.name}: its sha256 {digest} was taken down, and is checked from now on.")
    print(catalogue.explain_use(known, model, folder))


@app.command()
def remove(ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")], sets: Sets = None) -> None:
    """Delete a model that was downloaded."""
    call: Call = ctx.obj
    config = call.configuration(sets)
    from harry.models import catalogue

    freed = catalogue.remove(config.data_folder, name)
    print(f"{name} is deleted; {freed / 1e6:.0f} MB are free again.")
