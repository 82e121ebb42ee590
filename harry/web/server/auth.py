"""Who may come in, asked of every request before anything else is done with it.

1. `Host` must name this door, always: else a page of a stranger, whose name was made to point here, could ask.
2. `Origin`, where there is one, must be this door itself: a page of a stranger opens no websocket and posts no form.
   Its port is the one of `Host`, written out or not, or one that stands in `hosts`: a proxy may drop it from `Host`.
3. A token is needed everywhere but on public paths: as a Bearer, as the websocket's subprotocol
   `openai-insecure-api-key.TOKEN`, or as the cookie that the page was given.
4. A cookie comes by itself, so it is not enough to change anything: that takes the header `X-CSRF-Token` as well, which
   only this door's own page can know, and an `Origin`, which a websocket by cookie needs, too.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie

from harry.host.access_tokens import PAGE_LIVES, Tokens
from harry.web.server.http import Refusal, Request

SUBPROTOCOL = "openai-insecure-api-key."
"""What stands before a token among the subprotocols of a websocket."""

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?")

_READING = frozenset({"GET", "HEAD"})


class Authenticator:
    """`hosts` are the names by which the door is known; one with a port is known by that port at a proxy, too.

    `owner` is who comes in if `auth` is none.
    """

    def __init__(self, tokens: Tokens, *, hosts: Sequence[str], owner: str, port: int, auth: str = "token") -> None:
        self.tokens = tokens
        self.be_known_as(hosts)
        self._owner = owner
        self._port = port
        self._auth = auth

    def be_known_as(self, hosts: Sequence[str]) -> None:
        """Know the door by these names from now on."""
        named = [found for host in hosts if (found := _place(host)) is not None]
        self._hosts = {name for name, _ in named}
        self._elsewhere = frozenset((name, given) for name, given in named if given is not None)

    def add_host(self, host: str) -> None:
        """Let the door be known by another name or address."""
        if (found := _place(host)) is not None:
            self._hosts.add(found[0])

    def know(self, request: Request) -> None:
        """Refuse what was not meant for this door (rules 1 and 2)."""
        host = _place(request.headers.get("host", ""))
        if host is None or host[0] not in self._hosts:
            raise Refusal(421, "wrong_host", "This is not the address of this door; see web.allowed_hosts.")
        origin = request.headers.get("origin")
        if origin is not None and not self._own(origin, *host):
            raise Refusal(403, "wrong_origin", "Pages of other origins may not ask here.")

    def _own(self, origin: str, name: str, port: int | None) -> bool:
        scheme, _, rest = origin.lower().partition("://")
        place = _place(rest)
        if scheme not in _PORTS or place is None or place[0] != name:
            return False
        usual = _PORTS[scheme]
        asked = place[1] or usual
        return asked == (port or usual) or (port is None and (name, asked) in self._elsewhere)

    def admit(self, request: Request, *, upgrade: bool) -> Request:
        """Give the request with its user (rules 3 and 4). Raises `Refusal`."""
        proposed = [
            protocol.strip()
            for protocol in request.headers.get("sec-websocket-protocol", "").split(",")
            if protocol.strip()
        ]
        request = replace(
            request, socket_protocols=tuple(protocol for protocol in proposed if not protocol.startswith(SUBPROTOCOL))
        )
        if self._auth == "none":
            self._own_page_only(request)
            return replace(request, user=self._owner)
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        carried = (
            [protocol.removeprefix(SUBPROTOCOL) for protocol in proposed if protocol.startswith(SUBPROTOCOL)]
            if upgrade
            else []
        )
        if scheme.lower() == "bearer":
            return self._of(request, bearer.strip())
        if carried:
            return self._of(request, carried[0])
        cookie = self._cookie(request)
        if cookie is None:
            raise _unknown("A token is needed: `harry token` makes one.")
        admitted = self._of(request, cookie)
        if upgrade or request.method not in _READING:
            self._own_page_only(request, sure=True)
        if request.method not in _READING and not hmac.compare_digest(
            request.headers.get("x-csrf-token", "").encode(), csrf_of(cookie).encode()
        ):
            raise Refusal(
                403, "no_csrf_token", "The page must say that it was itself: X-CSRF-Token is missing or wrong."
            )
        return admitted

    def cookies(self, token: str, *, secure: bool) -> list[tuple[str, str]]:
        """Return the headers that give a browser its token, and the page the word that proves it is itself."""
        rest = f"; Path=/; SameSite=Strict; Max-Age={PAGE_LIVES:.0f}" + ("; Secure" if secure else "")
        return [
            ("Set-Cookie", f"{self._names(secure)[0]}={token}{rest}; HttpOnly"),
            ("Set-Cookie", f"{self._names(secure)[1]}={csrf_of(token)}{rest}"),
        ]

    def _of(self, request: Request, token: str) -> Request:
        known = self.tokens.whose(token)
        if known is None:
            raise _unknown("This token is not known here, or was revoked.")
        return replace(request, user=known.user, token=known.id, scope=known.scope)

    def _own_page_only(self, request: Request, *, sure: bool = False) -> None:
        site = request.headers.get("sec-fetch-site")
        if site not in (None, "same-origin", "none") or (sure and "origin" not in request.headers):
            raise Refusal(403, "wrong_origin", "Only this door's own page may do this.")

    def _cookie(self, request: Request) -> str | None:
        try:
            found = SimpleCookie(request.headers.get("cookie", "")).get(self._names(request.secure)[0])
        except CookieError:
            return None
        return found.value if found is not None else None

    def _names(self, secure: bool) -> tuple[str, str]:
        # Browsers give cookies to every port of a machine, so the name holds the port.
        return (f"__Host-harry-{self._port}" if secure else f"harry-{self._port}", f"harry-csrf-{self._port}")


def csrf_of(token: str) -> str:
    """Return the word that only a page which was given this token's cookies can know."""
    return hashlib.sha256(b"harry csrf " + token.encode("utf-8", "replace")).hexdigest()


def _unknown(why: str) -> Refusal:
    return Refusal(401, "no_token", why, headers={"WWW-Authenticate": 'Bearer realm="harry"'})


def _place(host: str) -> tuple[str, int | None] | None:
    """Read a host with or without a port: the name in lower case, IPv6 in its brackets, and the port if it is given."""
    found = _HOST.fullmatch(host.lower())
    if found is None or (found[2] is not None and not 0 < int(found[2]) < 65_536):
        return None
    return found[1], int(found[2]) if found[2] is not None else None
