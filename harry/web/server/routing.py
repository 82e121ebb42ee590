"""Who answers what: a table of methods, paths and handlers, filled by the rooms behind the door.

A pattern is a path whose parts in braces stand for one part of any text: `/api/memories/{id}`. Everything asks for a
token unless it is added as `public`, which is meant for `/healthz` and for the way in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from harry.web.server.http import MIB, Refusal, Request, Response
from harry.web.server.websocket import Socket

Handler = Callable[[Request], Awaitable[Response]]
SocketHandler = Callable[[Request, Socket], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table. `most_body` is in bytes; `told` is a line about it for the API's description.

    `costly`: an engine works on it, which others wait for meanwhile. `scope`: tokens that are good for this scope alone
    are let in, too. `waits`: a person is waited for, and no longer than the client does.
    """

    method: str
    pattern: str
    handler: Handler | None = None
    on_socket: SocketHandler | None = None
    public: bool = False
    most_body: int = MIB
    told: str = ""
    costly: bool = False
    scope: str = ""
    waits: bool = False


class Routes:
    """The table. A path is looked up by its literal parts first, so `/a/b` outranks `/a/{x}`.

    `others` are routes of another table, to begin with.
    """

    def __init__(self, others: Iterable[Route] = ()) -> None:
        self.all = list(others)

    def add(
        self,
        method: str,
        pattern: str,
        handler: Handler,
        *,
        public: bool = False,
        most_body: int = MIB,
        told: str = "",
        costly: bool = False,
        scope: str = "",
        waits: bool = False,
    ) -> None:
        """Have `handler` answer a method on a path. HEAD is answered by GET's handler, without the body."""
        self._put(
            Route(
                method, pattern, handler, public=public, most_body=most_body, told=told, costly=costly, scope=scope,
                waits=waits,
            )
        )  # fmt: skip

    def socket(self, pattern: str, handler: SocketHandler, *, told: str = "") -> None:
        """Have `handler` converse over a websocket on a path."""
        self._put(Route("GET", pattern, on_socket=handler, told=told))

    def find(self, method: str, path: str, *, upgrade: bool = False) -> tuple[Route, dict[str, str]]:
        """Give the route and what stood in its braces. Raises `Refusal`: 404, 405, or 426 for a missing upgrade."""
        wanted = "GET" if method == "HEAD" else method
        fitting = [(route, found) for route in self.all if (found := _match(route.pattern, path)) is not None]
        if not fitting:
            raise Refusal(404, "not_found", "There is nothing here.")
        usable = [candidate for candidate in fitting if (candidate[0].on_socket is not None) == upgrade]
        if not usable and upgrade:
            raise Refusal(400, "no_websocket", "This path speaks HTTP, not websocket.")
        if not usable:
            raise Refusal(426, "websocket_only", "This path speaks websocket only.", headers={"Upgrade": "websocket"})
        for route, found in usable:
            if route.method == wanted:
                return route, found
        allowed = sorted({route.method for route, _ in usable})
        raise Refusal(
            405, "wrong_method", f"This path takes {', '.join(allowed)}.", headers={"Allow": ", ".join(allowed)}
        )

    def _put(self, route: Route) -> None:
        spoken = route.on_socket is not None
        if any(
            (known.method, known.pattern, known.on_socket is not None) == (route.method, route.pattern, spoken)
            for known in self.all
        ):
            raise ValueError(f"{route.method} {route.pattern} is in the table already")
        self.all.append(route)
        self.all.sort(key=lambda known: known.pattern.count("{"))


def _match(pattern: str, path: str) -> dict[str, str] | None:
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    found = {}
    for want, have in zip(wanted, given, strict=True):
        if want.startswith("{"):
            if not have:
                return None
            found[want[1:-1]] = unquote(have)
        elif want != have:
            return None
    return found
