"""Fetching a model with a bar for each of its files, where somebody is at a terminal to see it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from harry.models import fetching
from harry.models.catalogue import Model


async def pull_shown(model: Model, folder: Path) -> None:
    """Fetch a model's files into a folder. Raises `EngineError`, `StoreError`."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks = {file.name: bar.add_task(file.name, total=file.size) for file in model.files}

        def progress(file: str, done: int, total: int | None) -> None:
            bar.update(tasks[file], completed=done, total=total)

        await fetching.pull(model, folder, progress)
