"""`/readyz` and `/metrics`: for whoever watches over Harry. The text format is Prometheus' (version 0.0.4).

Labels come from the code alone, never from what a client or a user said, so there are only so many series.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import trio

from harry.host.host import STORE_IS_ILL, Host
from harry.web.server.counters import Counters
from harry.web.server.http import Refusal, Request, Response
from harry.web.server.rate_limits import Limits
from harry.web.server.routing import Routes
from harry.web.session_metrics import SessionMetrics

KIND = "text/plain; version=0.0.4; charset=utf-8"

_Sample = tuple[str, float]


def register(routes: Routes, host: Host, watch: SessionMetrics, tally: Counters, limits: Limits) -> None:
    """Add the paths."""

    async def readyz(_: Request) -> Response:
        await trio.lowlevel.checkpoint()
        degraded = sorted(host.supervisor.degraded)
        if not host.free:
            raise Refusal(503, "full", "There is no room for another conversation.")
        if host.ill:
            raise Refusal(503, "degraded", STORE_IS_ILL)
        if degraded:
            raise Refusal(503, "degraded", f"Something keeps failing: {', '.join(degraded)}.")
        return Response(body=b"ready\n", kind="text/plain")

    async def metrics(_: Request) -> Response:
        await trio.lowlevel.checkpoint()
        lines = "\n".join(_lines(host, watch, tally, limits))
        return Response(body=f"{lines}\n".encode(), kind=KIND)

    routes.add("GET", "/readyz", readyz, told="Whether another conversation can be begun.")
    routes.add("GET", "/metrics", metrics, told="Figures for Prometheus.")


def _lines(host: Host, watch: SessionMetrics, tally: Counters, limits: Limits) -> Iterator[str]:
    yield from _family("harry_sessions", "gauge", "Conversations that run now.", [("", len(host.sessions))])
    yield from _family("harry_sessions_free", "gauge", "Conversations that may still be begun.", [("", host.free)])
    yield from _family("harry_sessions_total", "counter", "Conversations since the start.", [("", watch.sessions)])
    yield from _family(
        "harry_turns_total", "counter", "Turns by how they ended.", _labelled("reason", watch.turns.items())
    )
    yield from _family("harry_events_total", "counter", "Events by name.", _labelled("event", watch.events.items()))
    yield from _family("harry_door_connections", "gauge", "Connections at the door.", [("", limits.connections)])
    answers = [
        (f'{{path="{pattern}",status="{status}"}}', count) for (pattern, status), count in sorted(tally.answers.items())
    ]
    yield from _family("harry_door_answers_total", "counter", "Answers by path and status.", answers)
    yield from _family(
        "harry_door_refusals_total", "counter", "Refusals by reason.", _labelled("code", tally.refusals.items())
    )
    yield from _family(
        "harry_door_turned_away_total", "counter", "Connections beyond what there may be.", [("", tally.turned_away)]
    )
    yield from _family("harry_door_failures_total", "counter", "Mistakes behind the door.", [("", tally.failures)])


def _labelled(name: str, counts: Iterable[tuple[str, int]]) -> list[_Sample]:
    return [(f'{{{name}="{value}"}}', count) for value, count in sorted(counts)]


def _family(name: str, kind: str, told: str, samples: Iterable[_Sample]) -> Iterator[str]:
    yield f"# HELP {name} {told}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield f"{name}{labels} {value}"
