"""What is asked at the door and what is answered: requests, responses, and refusals with their status.

An answer that cannot be given is a `Refusal`: a status, a code for programs and a sentence for people, sent as
`{"error": {"code", "message"}}`, which is also the shape that clients of OpenAI's protocols read.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from urllib.parse import parse_qs

from harry.errors import HarryError
from harry.files.json_text import parse_json

MIB = 1024 * 1024

Send = Callable[[bytes], Awaitable[None]]
"""Sends a piece of a body; waits while the client does not read, for a while."""

Stream = Callable[[Send], Awaitable[None]]
"""Writes a body piece by piece."""


_STYLE = (
    ":root{color-scheme:light dark;--paper:#fbfaf7;--sheet:#fff;--line:#e4e0d8;--ink:#20242a;--dim:#62666d}"
    "@media(prefers-color-scheme:dark){:root{--paper:#141618;--sheet:#1c1f22;--line:#32363b;--ink:#e9e6e0;--dim:#a2a5aa}}"
    "body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);"
    'font:1rem/1.6 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}'
    "main{box-sizing:border-box;max-width:34rem;margin:1rem;padding:1.5rem 2rem;background:var(--sheet);"
    "border:1px solid var(--line);border-radius:.9rem}h1{margin:0;font:600 1.5rem/1.3 ui-serif,Georgia,serif}"
    "code{padding:.1rem .4rem;background:var(--paper);border:1px solid var(--line);border-radius:.4rem}"
    "small{color:var(--dim)}"
)
_PLAIN = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1"><title>Harry</title>'
    f"<style>{_STYLE}</style></head><body><main><h1>Harry</h1>\0</main></body></html>"
)
"""What a browser is shown in place of a page; what is told stands where the NUL is."""
_LET_IN = (
    "<p>This browser has not been let in yet, or not any more.</p>"
    "<p>On the computer where Harry runs, enter <code>harry token page</code>. It prints an address that opens this "
    "page; it is good once, for ten minutes.</p>"
)
_NO_ENTRY = frozenset({"no_token", "spent"})
_PLAIN_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
)


class Refusal(HarryError):  # noqa: N818  it is what it is called everywhere
    """A request that is not answered as it was asked. `code` is one word for programs."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked. Header names are lower-case; `target` is the path with its query, as it came.

    `user` is who asks, "" on a path that needs no token; `token` is the id of the token that let him in, "" if none
    did, and `scope` all that it is good for, "" for everything. `matched` holds what stood in the places of the route's
    pattern. `socket_protocols` are those that a client of a websocket proposed, without the one that carried the token.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    peer: str
    secure: bool = False
    user: str = ""
    token: str = ""
    scope: str = ""
    body: bytes = field(default=b"", repr=False)
    matched: Mapping[str, str] = field(default_factory=dict)
    socket_protocols: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The path alone."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's values, the last of each name. Raises `Refusal` where there are too many."""
        try:
            found = parse_qs(self.target.partition("?")[2], keep_blank_values=True, max_num_fields=64)
        except ValueError:
            raise Refusal(400, "bad_query", "The query has too many fields.") from None
        return {name: values[-1] for name, values in found.items()}

    def json(self) -> object:
        """Return the body as JSON. Raises `Refusal`."""
        try:
            return parse_json(self.body)
        except ValueError:
            raise Refusal(400, "bad_json", "The body is not JSON.") from None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: a whole `body`, or a `stream` that writes one. `headers` outrank those of the house."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    stream: Stream | None = None


def as_json(content: object, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(status, json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


def refused(refusal: Refusal, request: Request | None = None) -> Response:
    """Answer with a refusal: as a page where a browser goes to it, else as JSON."""
    if request is not None and request.headers.get("sec-fetch-mode") == "navigate":
        told = _LET_IN if refusal.code in _NO_ENTRY else f"<p>{escape(refusal.message)}</p>"
        headers = (("Content-Security-Policy", _PLAIN_POLICY), *refusal.headers.items())
        page = _PLAIN.replace("\0", told).encode("utf-8", "replace")
        return Response(refusal.status, page, "text/html; charset=utf-8", headers)
    content = {"error": {"code": refusal.code, "message": refusal.message, "type": "invalid_request_error"}}
    plain = as_json(content, refusal.status)
    return Response(plain.status, plain.body, headers=tuple(refusal.headers.items()))
