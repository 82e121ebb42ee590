"""Signs webhooks and checks signatures, as Standard Webhooks has it (https://www.standardwebhooks.com).

Three headers: `webhook-id`, `webhook-timestamp` (seconds since the epoch) and `webhook-signature`, which is `v1,` and
the base64 of HMAC-SHA256 over `id.timestamp.body`; several signatures stand with spaces between them. A secret is a
text; one that begins with `whsec_` is the base64 of its bytes. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"

TOLERANCE = 300.0
"""Seconds by which a timestamp may differ from now."""

MAX_ID_CHARACTERS = 200
MAX_SIGNATURES = 16
"""Signatures of one request that are looked at."""

MAX_SEEN = 1024
"""Requests of one sender that are remembered, and so accepted, within the time in which they could come again."""


class Untrusted(Exception):  # noqa: N818  it is what it is
    """A request that does not come from whoever knows the secret, or that is too old, or came before."""


class Repeated(Untrusted):
    """A request that came already."""


class TooMany(Exception):  # noqa: N818  it is what it is
    """A sender has sent more than is remembered."""


def sign(secret: str, identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a request."""
    signature = f"v1,{_digest(secret, identity, str(timestamp), body)}"
    return {ID: identity, TIMESTAMP: str(timestamp), SIGNATURE: signature}


def _digest(secret: str, identity: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((identity.encode("utf-8", "replace"), timestamp.encode("utf-8", "replace"), body))
    return base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    secret = secret.strip()
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            pass  # a text that only looks like one
    return secret.encode()


class Inspector:
    """Checks the requests of one sender. `since`: nothing that was signed before is taken, in seconds since the epoch.

    What came before a start is not remembered, so it must not be believed after it.
    """

    def __init__(self, since: float = 0.0) -> None:
        self._since = since
        self._seen: OrderedDict[str, float] = OrderedDict()  # until when each id could come again

    def check(self, secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
        """Return the id of a request that may be trusted, and remember it. Raises `Untrusted`, `TooMany`."""
        identity, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
        expected = f"v1,{_digest(secret, identity, timestamp, body)}".encode()
        given = headers.get(SIGNATURE, "").split()[:MAX_SIGNATURES]
        # All of them are compared, each in constant time.
        right = [hmac.compare_digest(one.encode("utf-8", "replace"), expected) for one in given]
        # A dot in an id would let a part of the body pass for the timestamp.
        if not any(right) or not 0 < len(identity) <= MAX_ID_CHARACTERS or "." in identity:
            raise Untrusted("The signature is missing or wrong.")
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
            raise Untrusted("The timestamp is not in seconds since 1970.")
        at = int(timestamp)
        if abs(now - at) > TOLERANCE or at < int(self._since):
            raise Untrusted("The timestamp is too old, or of a clock that is wrong.")
        self._forget(now)
        if identity in self._seen:
            raise Repeated("This came already.")
        if len(self._seen) >= MAX_SEEN:
            raise TooMany(f"More than {MAX_SEEN} requests came within {2 * TOLERANCE / 60:g} minutes.")
        self._seen[identity] = at + TOLERANCE
        return identity

    def forget(self, identity: str) -> None:
        """Let a request come again: nothing could be done with it."""
        self._seen.pop(identity, None)

    def _forget(self, now: float) -> None:
        """Let go of the ids whose timestamps would be refused by now."""
        for identity in [known for known, until in self._seen.items() if until < now]:
            del self._seen[identity]
