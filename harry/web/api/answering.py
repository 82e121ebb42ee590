"""What all handlers of the API share: reading a request's parameters and body, and answering with a shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from harry.errors import ConfigurationError
from harry.host.host import Host
from harry.web.api.openapi import Path
from harry.web.server.http import Refusal, Request, Response, as_json
from harry.web.server.routing import Routes

Shape = TypeVar("Shape", bound=BaseModel)


def serve(routes: Routes, paths: Iterable[Path], handlers: object) -> None:
    """Add paths; each is answered by the method of `handlers` that has its name."""
    for path in paths:
        handler = _answering(getattr(handlers, path.name))
        routes.add(path.method, path.pattern, handler, told=path.told, scope=path.scope, waits=path.waits)


def _answering(handler: Callable[[Request], Awaitable[BaseModel]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            found = await handler(request)
        except ConfigurationError as error:
            raise Refusal(400, "bad_parameter", str(error)) from error
        # A text may hold halves of surrogate pairs, which JSON in UTF-8 cannot.
        return as_json(found.model_dump(mode="json"))

    return answer


def read_body(request: Request, shape: type[Shape]) -> Shape:
    """Read the body. Raises `Refusal` for what has not that shape."""
    try:
        return shape.model_validate(request.json())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise Refusal(400, "bad_body", f"`{where}`: {first['msg']}.") from None


def owner_only(host: Host, request: Request) -> None:
    """Refuse everybody but the person whose Harry it is."""
    if request.user != host.config.user.name:
        raise Refusal(403, "owner_only", "Only the person whose Harry this is may do that.")


def number(request: Request, name: str, otherwise: int, *, most: int, least: int = 0) -> int:
    """Read a whole number of the query. Raises `Refusal`."""
    given = request.query.get(name, "")
    if not given:
        return otherwise
    digits = given.removeprefix("-") if least < 0 else given
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 19 or not least <= int(given) <= most:
        raise Refusal(400, "bad_parameter", f"`{name}` is a whole number from {least} to {most}.")
    return int(given)


def moment(seconds: float) -> datetime:
    """Give seconds since the epoch as a local time with its zone."""
    return datetime.fromtimestamp(seconds, tz=UTC).astimezone()
