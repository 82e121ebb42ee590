"""What a reverse proxy says of the client that it asks for: believed of the proxies that are named, of nobody else.

A proxy that is named sets `X-Forwarded-For`, and may set `X-Forwarded-Proto` and `X-Forwarded-Host`. Of a header with
several values the last one counts, which the proxy itself has added; what stands before was said by somebody else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import replace

from harry.web.server.http import Request


class Proxies:
    """`named` are addresses and networks, such as `127.0.0.1` and `10.0.0.0/8`; `ValueError` for anything else."""

    def __init__(self, named: Sequence[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(each, strict=False) for each in named)

    def __contains__(self, address: object) -> bool:
        try:
            found = ipaddress.ip_address(str(address))
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)
        return any((mapped or found) in network for network in self._networks)

    def seen(self, request: Request) -> Request:
        """Give a request of a named proxy as its client meant it; any other one as it is."""
        if request.peer not in self:
            return request
        headers = dict(request.headers)
        host = _last(headers.get("x-forwarded-host", ""))
        if host:
            headers["host"] = host
        scheme = _last(headers.get("x-forwarded-proto", "")).lower()
        secure = scheme in ("https", "wss") if scheme else request.secure
        return replace(request, headers=headers, peer=self._client(request), secure=secure)

    def _client(self, request: Request) -> str:
        """Return the last address that is no named proxy's; the proxy's own where none is told."""
        for address in reversed(request.headers.get("x-forwarded-for", "").split(",")):
            try:
                found = str(ipaddress.ip_address(address.strip()))
            except ValueError:
                return request.peer
            if found not in self:
                return found
        return request.peer


def _last(values: str) -> str:
    return values.rpartition(",")[2].strip()
