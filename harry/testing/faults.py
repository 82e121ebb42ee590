"""Faults on purpose: the n-th call of an engine, a store, a device or a socket fails, is slow, hangs or gives nonsense.

`Faults.around` puts itself around anything that has methods, and counts each call by its place: "mind.reply", and for
what is called back in it "mind.reply.emit". A run without a fault tells which places there are and how often each was
reached; the same run is then repeated with one `Fault` after another. It uses no clock but trio's, so virtual time
works.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar, cast

import trio

from harry.errors import EngineError

T = TypeVar("T")


class Kind(StrEnum):
    """What a call does instead of its work. Only what is awaited can be slow or hang: a plain call is not delayed."""

    FAILS = "fails"
    SLOW = "slow"
    HANGS = "never returns"
    WRONG = "wrong type"


@dataclass(frozen=True, slots=True)
class Fault:
    """The `n`-th call (from 1) at a place goes wrong, and if `always` each one after it.

    `error` makes what a failing call raises; a slow call takes `seconds` more.
    """

    place: str
    kind: Kind
    n: int = 1
    always: bool = False
    seconds: float = 2.0
    error: Callable[[], BaseException] = field(default=lambda: EngineError("It failed on purpose."))


class Nonsense:
    """What a call gives that gives the wrong type: it has nothing that anybody expects."""


class Faults:
    """Faults that are to happen, and how often each place was reached. Faults may be added and cleared meanwhile."""

    def __init__(self, *faults: Fault) -> None:
        self.faults: list[Fault] = list(faults)
        self.calls: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()
        self.waits: set[str] = set()
        """The places that are awaited, and so can be slow or hang."""

    def around(self, inner: T, name: str) -> T:
        """Return something that does what `inner` does, but for the faults at places that begin with `name`."""
        return cast("T", _Around(inner, name, self))

    def meet(self, place: str) -> Fault | None:
        """Count a call, and return the fault that it meets."""
        self.calls[place] += 1
        n = self.calls[place]
        for fault in self.faults:
            if fault.place == place and (fault.n == n or (fault.always and fault.n < n)):
                self.happened[place] += 1
                return fault
        return None


class _Around:
    def __init__(self, inner: Any, name: str, faults: Faults) -> None:
        self._inner = inner
        self._name = name
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not inspect.isroutine(found) or name.startswith("_"):
            return found
        wrapped = _wrapped(found, f"{self._name}.{name}", self._faults)
        # The next look-up finds it at once. Two sides of a cycle are no leak here: both live as long as the engine.
        self.__dict__[name] = wrapped
        return wrapped


def _wrapped(call: Callable[..., Any], place: str, faults: Faults) -> Callable[..., Any]:
    """Put the faults of a place around a call, and around whatever it is given to call back."""
    parameters = list(inspect.signature(call).parameters)

    def listening(given: Sequence[Any], named: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        back = [_told(each, f"{place}.{name}", faults) for each, name in zip(given, parameters, strict=False)]
        return [*back, *given[len(back) :]], {
            name: _told(each, f"{place}.{name}", faults) for name, each in named.items()
        }

    if inspect.iscoroutinefunction(call):
        faults.waits.add(place)

        async def awaited(*given: Any, **named: Any) -> Any:
            if await _happens(faults.meet(place)):
                return Nonsense()
            told, told_by_name = listening(given, named)
            return await call(*told, **told_by_name)

        return awaited

    def called(*given: Any, **named: Any) -> Any:
        if _happens_at_once(faults.meet(place)):
            return Nonsense()
        told, told_by_name = listening(given, named)
        return call(*told, **told_by_name)

    return called


def _told(call: Any, place: str, faults: Faults) -> Any:
    """Put the faults of a place around what is called back with something: there the something is of a wrong type."""
    if not inspect.isroutine(call):
        return call
    if inspect.iscoroutinefunction(call):
        faults.waits.add(place)

        async def awaited(*given: Any) -> Any:
            wrong = await _happens(faults.meet(place))
            return await call(*([Nonsense()] if wrong else given))

        return awaited

    def called(*given: Any) -> Any:
        wrong = _happens_at_once(faults.meet(place))
        return call(*([Nonsense()] if wrong else given))

    return called


async def _happens(fault: Fault | None) -> bool:
    """Let a fault happen in what is awaited; return whether nonsense is to be given."""
    if fault is None:
        return False
    if fault.kind is Kind.HANGS:
        await trio.sleep_forever()
    await trio.sleep(fault.seconds if fault.kind is Kind.SLOW else 0)
    return _happens_at_once(fault)


def _happens_at_once(fault: Fault | None) -> bool:
    if fault is not None and fault.kind is Kind.FAILS:
        raise fault.error()
    return fault is not None and fault.kind is Kind.WRONG
