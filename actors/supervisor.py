"""Keeps a session's actors running: a crash is logged, told, and the actor started again after a short wait.

Five crashes within thirty seconds make the actor degraded: said once, shown, and retried once a minute. The pattern
and its intensity follow Erlang/OTP's supervisors; the waits are trio deadlines with jitter.
"""

from __future__ import annotations

import sys
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import trio

from channels.backoff import Backoff

log = structlog.get_logger(__name__)

_OWN = {"harry", "actors", "channels"}
_SAY_NOTHING = sys.stdlib_module_names | {"trio", "outcome"}

MAX_CRASHES, PERIOD_SECONDS = 5, 30.0
DEGRADED_WAIT_SECONDS = 60.0


class Supervisor:
    """Runs actors by name. `on_crash(name, error)` and `on_degraded(name, error)` tell the session; neither waits.

    `running` names those that run now, `degraded` those that keep failing.
    """

    def __init__(
        self, on_crash: Callable[[str, Exception], None], on_degraded: Callable[[str, Exception], None]
    ) -> None:
        self._on_crash = on_crash
        self._on_degraded = on_degraded
        self.degraded: set[str] = set()
        self.running: set[str] = set()

    async def keep(self, name: str, actor: Callable[[], Awaitable[None]]) -> None:
        """Run an actor until it returns; start it again whenever it raises. Cancellation passes through."""
        crashes: deque[float] = deque(maxlen=MAX_CRASHES)
        backoff = Backoff()
        while True:
            started = trio.current_time()
            self.running.add(name)
            try:
                await _run(actor)
            except Exception as error:  # a supervisor is the one place that outlives any error
                self.running.discard(name)
                now = trio.current_time()
                log.error("actor crashed", actor=name, cause=describe_origin(error))  # noqa: TRY400  the trace is for --debug
                log.debug("how it crashed", exc_info=error)
                self._on_crash(name, error)
                if now - started > PERIOD_SECONDS:
                    backoff.reset()
                    self.degraded.discard(name)
                crashes.append(now)
                if (len(crashes) == MAX_CRASHES and now - crashes[0] <= PERIOD_SECONDS) or name in self.degraded:
                    if name not in self.degraded:
                        self.degraded.add(name)
                        self._on_degraded(name, error)
                    await trio.sleep(DEGRADED_WAIT_SECONDS)
                else:
                    await backoff.sleep()
            except BaseExceptionGroup as errors:
                # An actor that raised while it was cancelled: the cancellation goes on.
                trouble, ending = errors.split(Exception)
                if trouble is not None:
                    log.warning("actor crashed at its end", actor=name, cause=describe_origin(trouble))
                if ending is not None:
                    raise ending from None
                return
            else:
                self.degraded.discard(name)
                self.running.discard(name)
                return


async def _run(actor: Callable[[], Awaitable[None]]) -> None:
    """Run an actor; one that asks for the end of the whole process has failed like any other."""
    try:
        await actor()
    except SystemExit as error:
        raise RuntimeError("it asked for the end of the whole process") from error
    except BaseExceptionGroup as errors:
        exits, others = errors.split(SystemExit)
        if exits is None:
            raise
        failed = RuntimeError("it asked for the end of the whole process")
        raise (failed if others is None else BaseExceptionGroup("", [failed, others])) from errors


def describe_origin(error: BaseException) -> str:
    """Say what kind of error it is and where it came up, for the log: its own words may hold what somebody said.

    Where that is not in Harry, the nearest line of his is named as well; lines of trio and of Python say nothing.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    own = other = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        place = f"{Path(frame.f_code.co_filename).name}:{line}"
        if package in _OWN:
            own, other = place, ""
        elif package not in _SAY_NOTHING:
            other = place
    if other and own:
        return f"{type(error).__name__} at {other}, called at {own}"
    return f"{type(error).__name__} at {other or own}" if other or own else type(error).__name__
