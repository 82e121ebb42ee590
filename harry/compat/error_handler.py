"""The decorator that older programs put on their functions: an error is logged with its cause, and raised again.

Nothing is swallowed and nothing is changed: the caller gets the very error. A cancellation is no error.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)


def if_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Log what a function raises, with the traceback and the errors behind it, and raise it again.

    For plain functions, `async` ones, and generators of both kinds.
    """
    if inspect.iscoroutinefunction(function):

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with _logged(function):
                return await function(*args, **kwargs)

        made: Any = awaited
    elif inspect.isasyncgenfunction(function):

        async def iterated(*args: Any, **kwargs: Any) -> Any:
            with _logged(function):
                async for item in function(*args, **kwargs):
                    yield item

        made = iterated
    elif inspect.isgeneratorfunction(function):

        def generated(*args: Any, **kwargs: Any) -> Any:
            with _logged(function):
                return (yield from function(*args, **kwargs))

        made = generated
    else:

        def called(*args: Any, **kwargs: Any) -> Any:
            with _logged(function):
                return function(*args, **kwargs)

        made = called
    return cast("Callable[P, R]", wraps(function)(made))


@contextmanager
def _logged(function: Callable[..., Any]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        name = getattr(function, "__qualname__", repr(function))
        log.error("%s failed: %s: %s", name, type(error).__name__, error, exc_info=error)  # noqa: TRY400  one form for all
        raise
