"""The question before something is gone for good."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking, as without a terminal.")]


def sure(question: str) -> None:
    """Ask at a terminal; leave unless the answer is yes. Without a terminal nobody is there to be asked."""
    if sys.stdin is None or not sys.stdin.isatty() or sys.stdout is None or not sys.stdout.isatty():
        return
    if not typer.confirm(question):
        print("Nothing was changed.")
        raise typer.Exit(1)
