"""The chain of minds as one mind: when the first fails or is late, the next takes over within the same reply.

What was handed on is never handed on again: the next mind is told what was said, and goes on from there. A mind that
failed rests, longer each time, and is tried once when its rest is over; nobody tries it in between. Minds that cost
memory are loaded when they are needed. There is no other scheme of fallbacks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import nullcontext

import structlog
import trio

from actors.protocols import Delta, EngineTraits, LanguageModel, Request
from actors.supervisor import describe_origin
from harry.engines.lease import EnginePool
from harry.engines.spending import Meter
from harry.engines.traits import read_traits
from harry.errors import BudgetReached, ConfigurationError, EngineBusy, EngineError, EngineTimeout, EngineUnavailable
from harry.mind.fallback.baton import Baton
from harry.mind.fallback.continuation import shorten_for_small_model

MIN_REST_SECONDS = 5.0
"""Seconds that a mind which failed is left alone."""

MAX_REST_SECONDS = 60.0
"""Seconds it is left alone when it failed again and again."""

SPENT = "Today's budget for the mind I wanted is spent, so another one answers now. "
"""Said once, before the answer of the mind that stands in."""

log = structlog.get_logger(__name__)


class Link:
    """One mind of the chain: loaded or not, well or at rest. `load` builds it; until then its class tells its traits.

    `ready` tells whether it can be loaded at all: a mind may come to this computer while Harry runs.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], Awaitable[LanguageModel]],
        *,
        ready: Callable[[], bool] = lambda: True,
        on_degraded: Callable[[str, str], None] = lambda role, why: None,
    ) -> None:
        self.name = name
        self.trouble: EngineError | None = None
        self._of_class = EngineTraits()
        self._load = load
        self._ready = ready
        self._on_degraded = on_degraded
        self._pool: EnginePool[LanguageModel] | None = None
        self._loading = trio.Lock()
        self._failed = 0
        self._rests_until = 0.0

    def renew(self) -> Link:
        """Make a link to the same mind that has loaded nothing, and rests as long as this one."""
        link = Link(self.name, self._load, ready=self._ready, on_degraded=self._on_degraded)
        link.trouble, link._of_class = self.trouble, self.traits
        link._failed, link._rests_until = self._failed, self._rests_until
        return link

    @property
    def traits(self) -> EngineTraits:
        """The mind's traits; those of its class until it is loaded."""
        return read_traits(self._pool.engine) if self._pool else self._of_class

    def note_class(self, kind: object) -> None:
        """Note the mind's class, before it is loaded."""
        self._of_class = read_traits(kind)

    def describe(self) -> str:
        """Return one line for a person; the name until the mind is loaded."""
        return self._pool.engine.describe() if self._pool else self.name

    @property
    def is_resting(self) -> bool:
        """Whether it failed, and is left alone for now, or is not there yet."""
        return trio.current_time() < self._rests_until or not self.is_available

    @property
    def is_absent(self) -> bool:
        """Whether it only says that there is no mind: it costs nothing and knows nothing."""
        return self.traits.small and self.traits.light

    @property
    def is_available(self) -> bool:
        """Whether it is loaded, or can be."""
        return self._pool is not None or self._ready()

    async def load_pool(self) -> EnginePool[LanguageModel]:
        """Load the mind unless it is loaded. Raises `EngineError`."""
        async with self._loading:
            if self._pool is None:
                self._pool = EnginePool(
                    "language_model", await self._load(), reload=self._load, on_degraded=self._on_degraded
                )
        return self._pool

    def note_try(self) -> None:
        """Note an attempt. After a failure it is the only one for a while."""
        if self._failed:
            self._rests_until = trio.current_time() + MIN_REST_SECONDS

    def note_success(self) -> bool:
        """Note that it answered; return whether it had failed before."""
        back = self._failed > 0
        self._failed, self._rests_until, self.trouble = 0, 0.0, None
        return back

    def note_failure(self, error: EngineError) -> bool:
        """Let the mind rest if the error is its own; one of this question alone says nothing about the next.

        Returns whether this is news.
        """
        self.trouble = error
        if not isinstance(error, EngineBusy | EngineTimeout | EngineUnavailable):
            return isinstance(error, BudgetReached) and error.first
        news = not self._failed
        rest = min(MIN_REST_SECONDS * 2.0**self._failed, MAX_REST_SECONDS)
        after = error.after or 0.0 if isinstance(error, EngineBusy) else 0.0
        self._failed = min(self._failed + 1, 16)
        self._rests_until = trio.current_time() + max(rest, after)
        return news

    async def aclose(self) -> None:
        """Close the mind, if it was loaded."""
        if self._pool is not None:
            await self._pool.aclose()


class _Listener:
    """Whoever takes the deltas of a reply; what he raises is no mind's fault."""

    def __init__(self, emit: Callable[[Delta], Awaitable[None]]) -> None:
        self._emit = emit
        self.failed = False

    async def take(self, delta: Delta) -> None:
        try:
            await self._emit(delta)
        except Exception:
            self.failed = True
            raise


class _BrokenMind(EngineUnavailable):
    """A mind raised what its contract does not let it raise: `raised`."""

    def __init__(self, name: str, raised: Exception, kind: str) -> None:
        super().__init__(
            f"{name} broke while it answered ({kind}).",
            remedy="That is a mistake in it: use another mind, or tell its author.",
        )
        self.raised = raised


def _explain(name: str, raised: Exception) -> EngineError:
    """Make of a mind's defect an error that lets the next mind go on; the words of the defect are not told."""
    first: BaseException = raised
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    if isinstance(first, EngineError):
        return first
    log.warning("a mind is broken", engine=name, cause=describe_origin(raised))
    return _BrokenMind(name, raised, type(first).__name__)


class Relay:
    """A mind made of several, the most wanted first."""

    def __init__(self, links: Sequence[Link], meter: Meter | None = None) -> None:
        self._links = tuple(links)
        self._meter = meter
        self.tell: Callable[[str, bool], None] = lambda message, recovered: None
        """Told in a sentence when another mind stands in, and (`recovered`) when the wanted one is back."""

    def replace_first(self, link: Link) -> Relay:
        """Make the relay in which a mind takes the place of the one that answers now; those that stand in remain.

        Nothing is shared with this one, which is closed once its last reply is over.
        """
        replaced = self._first
        others = [
            other.renew()
            for other in self._links
            if other.name != link.name and (other is not replaced or other.is_absent)
        ]
        relay = Relay([link, *others], self._meter)
        relay.tell = self.tell
        return relay

    @property
    def _first(self) -> Link:
        """The mind that will most likely answer next."""
        well = [link for link in self._links if not link.is_resting]
        return (well or self._links)[0]

    @property
    def name(self) -> str:
        """The name of the mind that will most likely answer next."""
        return self._first.name

    @property
    def traits(self) -> EngineTraits:
        """The traits of that mind."""
        return self._first.traits

    @property
    def trouble(self) -> EngineError | None:
        """Why the most wanted mind that failed cannot answer; None where the last answer of each came."""
        return next((link.trouble for link in self._links if link.trouble is not None), None)

    def describe(self) -> str:
        """Return one line for the startup report: who answers, and who stands in."""
        first = self._first
        others = [link.name for link in self._links if link is not first and link.is_available]
        return "; else ".join([first.describe(), *([", ".join(others)] if others else [])])

    async def aclose(self) -> None:
        """Close every mind that was loaded."""
        for link in self._links:
            await link.aclose()

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        """Answer by the first mind that can. Raises `EngineError` when none could, in the words of the most wanted."""
        small = self.traits.small
        listener = _Listener(emit)
        baton = Baton(request, listener.take)
        tried = False
        news = ""
        for link in self._awake():
            tried = True
            error = await self._try(link, baton, listener, lighten=link.traits.small and not small)
            if error is None:
                if link.note_success():
                    self.tell(f"{link.name} answers again.", True)
                elif news:
                    self.tell(f"{news} {link.name} answers instead.", False)
                return
            if link.note_failure(error):
                news = news or error.message
            log.warning("a mind failed", engine=link.name, cause=str(error), said=bool(baton.said))
            if isinstance(error, BudgetReached) and error.first and request.purpose == "reply":
                baton.foreword = SPENT
            if baton.complete:
                # What is missing was not to be heard: the rest of an object, or what the reply cost.
                return
        raise self._nobody(tried=tried)

    async def _try(self, link: Link, baton: Baton, listener: _Listener, *, lighten: bool) -> EngineError | None:
        """Have a mind answer, or go on; return why it could not. What the listener raises is no mind's fault."""
        link.note_try()
        try:
            await self._by(link, baton, lighten=lighten)
        except EngineError as error:
            if listener.failed:
                raise
            return error
        except ConfigurationError:
            raise
        except Exception as error:
            if listener.failed:
                raise
            return _explain(link.name, error)
        return None

    def _awake(self) -> Iterator[Link]:
        for link in self._links:
            if link.is_absent and self.trouble is not None:
                return  # "There is none here" would be untrue: there is one, and it is in trouble.
            if not link.is_resting:
                yield link

    async def _by(self, link: Link, baton: Baton, *, lighten: bool) -> None:
        pool = await link.load_pool()
        asked = baton.build_request()
        spending = (
            self._meter.spending(link.name, asked, local=link.traits.local or link.traits.embedded)
            if self._meter
            else nullcontext()
        )
        async with pool.lease() as mind, spending as spend:
            leg = baton.start_leg(last=link is self._links[-1])

            async def take(delta: Delta) -> None:
                if spend is not None:
                    spend(delta)
                await leg.take(delta)

            await mind.reply(shorten_for_small_model(asked) if lighten else asked, take)
            await leg.end()
            if not leg.spoke and asked.max_tokens > 1:
                raise EngineError(f"{link.name} answered without a word.", remedy="Ask again, or use another mind.")

    def _nobody(self, *, tried: bool) -> Exception:
        trouble = self.trouble
        if trouble is not None and sum(not link.is_absent for link in self._links) == 1:
            # Where nobody could take over, a defect is told as every other of a turn.
            return trouble.raised if tried and isinstance(trouble, _BrokenMind) else trouble
        return EngineUnavailable(
            f"No mind can answer{'' if tried else ' yet'}. {trouble.message if trouble else ''}".rstrip(),
            remedy=trouble.remedy if trouble else "Ask again in a minute.",
        )
