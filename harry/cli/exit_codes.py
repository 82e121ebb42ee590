"""How a command ends: every error becomes one sentence on standard error and an exit code, wherever it came up.

0 well, 1 failed at work, 2 wrong call or configuration, 3 a person who was asked gave no answer; 130 when somebody
interrupted it, as shells expect.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator

from harry.errors import HarryError

INTERRUPTED = 130


def iter_leaf_exceptions(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors themselves, out of however many groups they are wrapped in."""
    if isinstance(error, BaseExceptionGroup):
        for cause in error.exceptions:
            yield from iter_leaf_exceptions(cause)
    else:
        yield error


def explain(error: BaseException, *, debug: bool = False) -> tuple[list[str], int]:
    """Decide what to say of an error, a sentence a line, and the exit code. No line for an end that needs no words."""
    causes = list(iter_leaf_exceptions(error))
    ours = [cause for cause in causes if isinstance(cause, HarryError)]
    strange = [cause for cause in causes if not isinstance(cause, HarryError | KeyboardInterrupt | BrokenPipeError)]
    if strange:
        return [_unexpected(strange[0], debug)], 1
    if ours:
        # The same trouble may have met several tasks at once.
        return list(dict.fromkeys(map(str, ours))), max(cause.exit_code for cause in ours)
    if any(isinstance(cause, KeyboardInterrupt) for cause in causes):
        return [], INTERRUPTED
    return [], 1


def _unexpected(error: BaseException, debug: bool) -> str:
    why = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    way_on = "" if debug else " To see where, run again with --debug."
    return f"Something in Harry failed: {type(error).__name__}{why}.{way_on}"


def end(error: BaseException, *, debug: bool) -> int:
    """Tell the error on standard error and return the exit code."""
    lines, code = explain(error, debug=debug)
    if debug and lines:
        traceback.print_exception(error)
    for line in lines:
        print(f"harry: {line}", file=sys.stderr)
    return code


def let_go_of_output() -> bool:
    """Write out what waits for standard output. False if nobody reads it any more."""
    if sys.stdout is None:
        return True
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more when it ends: that must find something that is still open.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
