"""The commands of the larger rooms, a Typer application for each, and what all commands share.

Nothing heavy is imported here or at the head of any command: `harry --help` answers at once.
"""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs: see above

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from harry.config.loading import Config

Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a key of the configuration; VALUE is TOML, else a text."),
]
"""The option that every command with a configuration takes."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@dataclass
class Call:
    """What stood before the command: filled by the root, read by all."""

    config_file: Path | None = None
    debug: bool = False

    def configuration(self, sets: list[str] | None) -> Config:
        """Read the configuration and set up the log by it. Raises `ConfigurationError`."""
        from harry.config.loading import load_config
        from harry.log_setup import configure
        from harry.net import egress

        config = load_config(self.config_file, sets or [])
        egress.configure(local_only=config.local_only, folder=config.data_folder)
        configure("debug" if self.debug else config.log.level, config.data_folder if config.log.file else None)
        return config


def writer() -> Callable[[str], None]:
    """Make a function that writes a piece of text to standard output, at once and without a line's end."""

    def write(text: str) -> None:
        print(text, end="", flush=True)

    return write
