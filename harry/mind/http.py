"""The one place that knows httpx: a client that closes what is cancelled, and its failures in Harry's words.

HTTP/1.1 only. Over HTTP/2 a cancelled reply is not taken back from the server, which goes on writing and charging.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harry.errors import EngineError, EngineUnavailable

if TYPE_CHECKING:
    import httpx

KEPT_OPEN = 60.0
"""Seconds for which an unused connection is kept, so that the next turn need not greet the server again."""


def host_of(url: str) -> str:
    """Name the host of an address, and its port if it has one; never what else the address may hold."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port is not None else ""
    return f"{parts.hostname or url}{port}"


def is_loopback(url: str) -> bool:
    """Whether the address is on this computer."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def new_client(url: str, headers: Mapping[str, str]) -> httpx.AsyncClient:
    """Make a client for one server; reads certificates, so it blocks for some 50 ms. No deadlines: they are trio's."""
    import httpx  # noqa: PLC0415 - 100 ms that only those pay who ask a server

    return httpx.AsyncClient(
        http1=True,
        http2=False,
        headers=dict(headers),
        timeout=None,  # noqa: S113 - every call stands in a trio scope with a deadline
        follow_redirects=False,
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=2, keepalive_expiry=KEPT_OPEN),
        # A proxy of the environment has no business between Harry and this computer.
        trust_env=not is_loopback(url),
    )


@contextmanager
def failures(url: str) -> Iterator[None]:
    """Raise httpx's errors as `EngineError`, or `EngineUnavailable` where the server cannot be reached."""
    import httpx  # noqa: PLC0415

    host = host_of(url)
    try:
        yield
    except httpx.ConnectError as error:
        raise EngineUnavailable(
            f"{host} cannot be reached.",
            remedy="Start the server." if is_loopback(url) else "Check the network and the address.",
        ) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise EngineUnavailable("The address of the mind is not one.", remedy="It begins with https://.") from error
    except httpx.HTTPError as error:
        raise EngineError(f"The connection to {host} broke off.", remedy="Ask again.") from error
