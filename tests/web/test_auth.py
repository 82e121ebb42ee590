"""The rules of who may come in, one by one and without a socket: what a browser sends by itself is never enough."""

from __future__ import annotations

import pytest

from harry.host.access_tokens import Tokens
from harry.web.server.auth import SUBPROTOCOL, Authenticator, csrf_of
from harry.web.server.http import Refusal, Request

PORT = 8765
HERE = f"127.0.0.1:{PORT}"


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(None)


@pytest.fixture
def guard(tokens: Tokens) -> Authenticator:
    return Authenticator(tokens, hosts=["localhost", "127.0.0.1", "harry.example"], owner="owner", port=PORT)


def asked(method: str = "GET", **headers: str) -> Request:
    given = {"host": HERE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Request(method, "/api/memories/1", given, "127.0.0.1")


def status(guard: Authenticator, request: Request, *, upgrade: bool = False) -> int:
    """What the request is answered, as far as the rules go: 200 if they let it in."""
    try:
        guard.know(request)
        guard.admit(request, upgrade=upgrade)
    except Refusal as refusal:
        return refusal.status
    return 200


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
def test_a_change_by_cookie_needs_the_page_s_own_word_whatever_the_method(
    guard: Authenticator, tokens: Tokens, method: str
) -> None:
    token = tokens.new("owner", kind="page")
    by_cookie = {"cookie": f"harry-{PORT}={token}", "origin": f"http://{HERE}"}
    assert status(guard, asked(method, **by_cookie)) == 403
    assert status(guard, asked(method, **by_cookie, x_csrf_token=csrf_of("another"))) == 403
    assert status(guard, asked(method, **by_cookie, x_csrf_token=csrf_of(token))) == 200


ORIGINS_OF_OTHERS = [
    f"http://x{HERE}", f"http://x.{HERE}", f"http://evil.example/{HERE}", f"http://me@{HERE}", f"ftp://{HERE}",
    f"http://{HERE}.evil.example", "http://127.0.0.1", "http://127.0.0.1:87650", "http://localhost:8765",
    f"http://{HERE}/", "http://", HERE, "null", "", "file://", f"http://{HERE}, http://evil.example",
]  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS_OF_OTHERS)
def test_an_origin_is_this_door_s_whole_and_not_at_its_end(guard: Authenticator, tokens: Tokens, origin: str) -> None:
    token = tokens.new("owner")
    assert status(guard, asked(authorization=f"Bearer {token}", origin=f"http://{HERE}")) == 200
    assert status(guard, asked(authorization=f"Bearer {token}", origin=origin)) == 403


@pytest.mark.parametrize("site", ["same-site", "cross-site", "Same-Origin", "same-origin, cross-site", "other", ""])
@pytest.mark.parametrize("upgrade", [False, True])
def test_another_page_of_the_same_site_is_a_stranger_s(
    guard: Authenticator, tokens: Tokens, site: str, upgrade: bool
) -> None:
    token = tokens.new("owner", kind="page")
    ours = {
        "cookie": f"harry-{PORT}={token}", "origin": f"http://{HERE}", "x_csrf_token": csrf_of(token),
        "sec_fetch_site": "same-origin",
    }  # fmt: skip
    method = "GET" if upgrade else "DELETE"
    assert status(guard, asked(method, **ours), upgrade=upgrade) == 200
    assert status(guard, asked(method, **{**ours, "sec_fetch_site": site}), upgrade=upgrade) == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_a_token_among_the_subprotocols_is_one_for_a_websocket_only(
    guard: Authenticator, tokens: Tokens, method: str
) -> None:
    proposed = f"realtime, {SUBPROTOCOL}{tokens.new('owner')}"
    assert status(guard, asked(method, sec_websocket_protocol=proposed)) == 401
    assert status(guard, asked("GET", sec_websocket_protocol=proposed), upgrade=True) == 200


@pytest.mark.parametrize(
    "proposed", ["{t}", "realtime, {t}", "{t}, realtime", "{t},{t}", "chat, {t}, realtime", " {t} ,realtime "]
)
@pytest.mark.parametrize("bearer", [False, True])
def test_the_token_is_never_among_the_subprotocols_that_may_be_chosen(
    guard: Authenticator, tokens: Tokens, proposed: str, bearer: bool
) -> None:
    token = tokens.new("owner")
    more = {"authorization": f"Bearer {token}"} if bearer else {}
    request = asked(sec_websocket_protocol=proposed.format(t=SUBPROTOCOL + token), **more)
    admitted = guard.admit(request, upgrade=True)
    assert not any(token in protocol for protocol in admitted.socket_protocols)
    assert set(admitted.socket_protocols) <= {"realtime", "chat"}


# Ports, written out and left out


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("harry.example", "https://harry.example"),
        ("harry.example:443", "https://harry.example"),
        ("harry.example", "https://harry.example:443"),
        ("HARRY.Example:443", "https://harry.example:443"),
        ("harry.example:80", "http://harry.example"),
        ("harry.example", "http://HARRY.example:80"),
        ("harry.example:8443", "https://harry.example:8443"),
    ],
)
def test_a_port_that_goes_without_saying_may_be_said(
    guard: Authenticator, tokens: Tokens, host: str, origin: str
) -> None:
    bearer = f"Bearer {tokens.new('owner')}"
    assert status(guard, asked(host=host, origin=origin, authorization=bearer)) == 200


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("harry.example", "https://harry.example:8443"),
        ("harry.example:443", "http://harry.example"),
        ("harry.example:80", "https://harry.example"),
        ("harry.example:8443", "https://harry.example"),
        ("harry.example", "http://harry.example:443"),
        ("harry.example", "https://harry.example:0"),
        ("harry.example", "https://harry.example:"),
    ],
)
def test_another_port_is_another_door(guard: Authenticator, tokens: Tokens, host: str, origin: str) -> None:
    bearer = f"Bearer {tokens.new('owner')}"
    assert status(guard, asked(host=host, origin=origin, authorization=bearer)) == 403


def test_a_port_that_a_proxy_leaves_out_can_be_named(tokens: Tokens) -> None:
    guard = Authenticator(tokens, hosts=["harry.example:8443"], owner="owner", port=PORT)
    bearer = f"Bearer {tokens.new('owner')}"

    def told(host: str, origin: str) -> int:
        return status(guard, asked(host=host, origin=origin, authorization=bearer))

    assert told("harry.example", "https://harry.example:8443") == 200
    assert told("harry.example:8443", "https://harry.example:8443") == 200
    assert told("harry.example", "https://harry.example:9443") == 403
    assert told("harry.example:9443", "https://harry.example:8443") == 403


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1@evil", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:8765:1", "127.0.0.1 ", "x127.0.0.1", "",
             "127.0.0.1, 127.0.0.1", "[127.0.0.1", "127.0.0.1:0", "127.0.0.1:8x", "harry.example."],
)  # fmt: skip
def test_a_host_that_is_not_one_of_ours_to_the_letter_is_refused(guard: Authenticator, host: str) -> None:
    assert status(guard, asked(host=host)) == 421
