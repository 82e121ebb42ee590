"""The console on standard output, and the progress of loading shown on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from harry.engines.registry import ROLES


@contextmanager
def progress(console: Console) -> Iterator[Callable[[str, str], None]]:
    """Show what is still being loaded, on a terminal; gives the function that tells what has been."""
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        tasks = {
            role: bar.add_task(f"loading the {role.replace('_', ' ')} engine", total=1)
            for role in ROLES
            if role != "turn_detector"
        }

        def loaded(role: str, what: str) -> None:
            if role in tasks:
                bar.update(tasks[role], description=f"{role.replace('_', ' ')}: {what}", completed=1)

        yield loaded


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Show nothing more: Harry goes on without a reader. Rich would end the process from within whatever prints."""
        self.quiet = True
        self.file = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  it stands for standard output to the end


def stdout_console() -> Console:
    """Make the console on which the account and the live line appear; one that shows nothing if there is no output."""
    return _Console(file=sys.stdout or Path(os.devnull).open("w", encoding="utf-8"), highlight=False)
