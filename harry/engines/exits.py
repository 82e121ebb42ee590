"""A stranger's code that asks for the end of the process fails, and the process goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harry.errors import EngineError


@contextmanager
def exits_fail(name: str) -> Iterator[None]:
    """Raise `EngineError` where the block raises `SystemExit`, alone or together with other errors."""
    sentence = f"{name} asked for the end of the whole process."
    try:
        yield
    except SystemExit as error:
        raise EngineError(sentence) from error
    except BaseExceptionGroup as errors:
        # Every turn that is cut comes through here: a name for a part of the group, whose trace holds this very frame,
        # would keep the turn's sound in memory until the next full collection.
        if errors.subgroup(SystemExit) is None:
            raise
        failed = EngineError(sentence)
        others = errors.split(SystemExit)[1]
        raise (failed if others is None else BaseExceptionGroup("", [failed, others])) from errors
