"""Whether to offer a newcomer a real mind, and fetching it.

Whether is found out on this computer alone: nobody is asked, and no name looked up, before the person has said yes.
A "no" is remembered in the data folder.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import structlog

from harry.config.loading import Config
from harry.errors import EngineError, HarryError
from harry.files.atomic import write_file
from harry.host.engine_loading import Chain
from harry.mind.llamacpp.engine import check_processor
from harry.mind.selection import LAST_RESORT, SMALLEST
from harry.models import catalogue, fetching
from harry.models.catalogue import Model
from harry.net.routes import has_default_route

log = structlog.get_logger(__name__)

DECLINED = "model-offer-declined"
"""A file in the data folder: the person wants no model fetched, and is not asked again."""

Progress = Callable[[int, int], None]
"""Told the bytes that are there, and how many there will be."""


def to_offer(config: Config, minds: Chain, *, again: bool = False) -> tuple[str, Model] | None:
    """Find the model to offer; None where there is a mind, or nothing could be fetched or run.

    One that was declined is offered only where the person asked to be asked (`again`).
    """
    if refusal(config, minds) or (was_declined(config) and not again):
        return None
    return catalogue.offered()


def refusal(config: Config, minds: Chain) -> str:
    """Say in a sentence why no model is offered; "" where one is."""
    if config.local_only:
        return "`local_only` is set: nothing is fetched."
    if config.fetch == "no":
        return '`fetch = "no"` is set: nothing is fetched.'
    if config.memory.store == "memory":
        return "Nothing is kept here, so no language model is, either."
    if minds.named or any(each.later is None and each.name not in (LAST_RESORT, SMALLEST) for each in minds.candidates):
        return "There is a language model already."
    if not _fits(config.data_folder, catalogue.offered()[1]):
        return "This computer has too little memory or disk for one, or cannot run it."
    return "" if has_default_route() else "There is no network to fetch one from."


def was_declined(config: Config) -> bool:
    """Whether the person wants no model fetched."""
    return (config.data_folder / DECLINED).exists()


def decline(config: Config) -> None:
    """Remember that no model is wanted."""
    try:
        config.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(config.data_folder / DECLINED, b"")
    except (OSError, HarryError) as error:
        log.warning("it cannot be remembered that no model is wanted", cause=str(error))


async def fetch(config: Config, name: str, progress: Progress = lambda done, total: None) -> Path:
    """Fetch a model of the catalogue into the data folder, going on where an earlier try ended; returns its folder.

    Harry thinks with it from his next answer on. Raises `HarryError`.
    """
    known, model = catalogue.find_model(name)
    folder = catalogue.locate_model(config.data_folder, known)
    arrived: dict[str, int] = {}

    def told(file: str, done: int, total: int | None) -> None:
        arrived[file] = done
        progress(sum(arrived.values()), model.size or total or 0)

    await fetching.pull(model, folder, told)
    return folder


def _fits(folder: Path, model: Model) -> bool:
    """Whether processor, library, memory and disk would do."""
    try:
        check_processor()
    except EngineError:
        return False
    there = next(path for path in (folder, *folder.parents) if path.exists())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (
        importlib.util.find_spec("xllamacpp") is not None
        and memory > (model.memory + 1000) * 1_000_000
        and shutil.disk_usage(there).free > model.size + fetching.SPARE_BYTES
    )
