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
        exits, others = errors.split(SystemExit)
        if exits is None:
            raise
        failed = EngineError(sentence)
        raise (failed if others is None else BaseExceptionGroup("", [failed, others])) from errors
