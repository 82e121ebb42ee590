"""Bars of progress on standard error, for what takes longer than a moment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bars(*names: str) -> Iterator[list[Callable[[int, int], None]]]:
    """Show a bar for each of the names on standard error, if that is a terminal, once it has something to show."""
    # Imported when it is shown: help and mistakes answer at once.
    from rich.console import Console  # noqa: PLC0415  as above
    from rich.progress import (  # noqa: PLC0415  as above
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:

        def bar(name: str) -> Callable[[int, int], None]:
            task = bars.add_task(name, total=None, visible=False)
            return lambda done, of: bars.update(task, completed=done, total=of, visible=True)

        yield [bar(name) for name in names]
