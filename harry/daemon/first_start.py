"""What a newcomer at a terminal is asked once, and the download that goes on while Harry already listens."""

from __future__ import annotations

import os
from dataclasses import dataclass

import structlog
from rich.console import Console

from harry.config.loading import Config
from harry.errors import HarryError
from harry.host.engine_loading import Chain
from harry.models.catalogue import Model
from harry.services import model_offer
from harry.terminal.console import Terminal
from harry.terminal.questions import ask

log = structlog.get_logger(__name__)

YES, NO = ("", "y", "yes"), ("n", "no", "never")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model that the person wants."""

    name: str
    model: Model


async def offer_model(config: Config, minds: Chain, console: Console) -> Wanted | None:
    """Ask whether to fetch a mind, where there is somebody to ask and something to fetch; None if it is not wanted.

    "No" is remembered. Anything else than yes or no is taken for "not now".
    """
    if not (console.is_terminal and os.isatty(0)):
        return None
    found = model_offer.to_offer(config, minds)
    if found is None:
        return None
    name, model = found
    console.print(
        "Harry has no language model yet. He tells the time, sets timers, calculates and remembers, but cannot talk."
    )
    console.print(
        f"{model.about} It takes {model.memory / 1000:.1f} GB of memory, runs on this computer alone, and is free "
        f"({model.licence})."
    )
    answer = await ask(f"Fetch {name} now, {model.size / 1e9:.1f} GB? [Y/n] ")
    if answer is None or answer.lower() not in YES + NO:
        console.print(f"Not now. Later: harry models pull {name}")
        return None
    if answer.lower() in NO:
        model_offer.decline(config)
        console.print(f"Harry will not ask again. If you change your mind: harry models pull {name}")
        return None
    return Wanted(name, model)


async def fetch_wanted(config: Config, wanted: Wanted, terminal: Terminal) -> None:
    """Fetch the model, showing how far it is; whatever goes wrong is one sentence."""

    def progress(done: int, total: int) -> None:
        share = f"{100 * done // total} % of {total / 1e9:.1f} GB" if total else f"{done / 1e6:.0f} MB"
        terminal.under_way(f"fetching {wanted.name}: {share}")

    terminal.under_way(f"fetching {wanted.name}")
    try:
        await model_offer.fetch(config, wanted.name, progress)
    except HarryError as error:
        log.info("a model was not fetched", model=wanted.name, cause=str(error))
        terminal.print(f"{wanted.name} was not fetched. {error.message} To go on: harry models pull {wanted.name}")
    else:
        terminal.print(f"{wanted.name} is here: Harry thinks with it from his next answer on.")
    finally:
        terminal.under_way("")
