"""The garbage collector leaves alone what was loaded at the start.

A full collection looks through every object there is: with engines, HTTP and databases imported, a hundred thousand of
them, for longer than Harry takes to fall silent. What is there when the conversation begins stays to its end anyway.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def start_kept() -> Iterator[None]:
    """While inside, collections pass over all that was there before."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
