"""What has to be done before the store's file may be opened, and what keeps everybody from it meanwhile.

A store that cannot be used at the start is tried again until it can be. Until then nobody waits for it in vain: every
read and write fails at once, with the cause.
"""

from __future__ import annotations

from collections.abc import Callable

from harry.errors import StoreError


def nothing() -> None:
    """Prepare nothing."""


class Access:
    """Shared by all connections to one file. `prepare` runs before each opening, blocking, and raises `StoreError`."""

    def __init__(self, prepare: Callable[[], None] = nothing) -> None:
        self.prepare = prepare
        self.trouble: StoreError | None = None
        """Why the file cannot be used now; None while it can, as far as is known."""

    def check(self) -> None:
        """Raise what keeps the file from being used, if anything does."""
        trouble = self.trouble
        if trouble is not None:
            raise StoreError(trouble.message, remedy=trouble.remedy)
