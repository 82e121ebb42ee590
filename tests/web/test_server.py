"""Who is let in at the door, and what becomes of those who are not: over real sockets on loopback."""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trio
import trio.testing
import trustme
from trio_websocket import ConnectionClosed

from harry.errors import ConfigurationError
from harry.host.access_tokens import FILE, Tokens
from harry.web.server import connection, websocket
from harry.web.server.auth import csrf_of
from harry.web.server.http import Request, Response
from harry.web.server.listener import listen, tls
from harry.web.server.websocket import Socket
from tests.support.loopback_server import Answer, Away, away, open_socket, read_answer, upgrade


async def echo(request: Request, socket: Socket) -> None:
    await socket.send(f"hello {request.user}")
    async for message in socket:
        await socket.send(message)


async def test_a_token_lets_in_and_says_who_comes() -> None:
    async with away() as door:
        assert (await door.ask("GET", "/api/me")).json() == {"user": "ann"}
        bens = door.front.tokens.new("ben")
        assert (await door.ask("GET", "/api/me", token=bens)).json() == {"user": "ben"}


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5000, "\xff\xfe"])
async def test_without_a_right_token_nobody_comes_in(token: str) -> None:
    async with away() as door:
        answer = await door.ask("GET", "/api/me", token=token)
        assert answer.status == 401
        assert answer.json()["error"]["code"] == "no_token"
        assert answer.header("www-authenticate")
        # What there is and what not is told to nobody either.
        assert (await door.ask("GET", "/nothing/here", token=token)).status == 401


async def test_health_needs_no_token_but_the_right_host() -> None:
    async with away() as door:
        assert (await door.ask("GET", "/healthz", token="")).body == b"ok\n"
        assert (await door.ask("GET", "/healthz", token="", headers={"Host": "evil.example"})).status == 421


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.", "", "127.0.0.1@evil", "[::2]:1", "0.0.0.0"]
)
async def test_a_name_that_was_made_to_point_here_is_refused(host: str) -> None:
    async with away() as door:
        assert (await door.ask("GET", "/api/me", headers={"Host": host})).status in (400, 421)


async def test_a_name_that_is_allowed_is_ours() -> None:
    async with away(allowed_hosts=["harry.lan"]) as door:
        assert (await door.ask("GET", "/api/me", headers={"Host": "HARRY.lan:443"})).status == 200


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("harry.lan:443", "https://harry.lan", 200),
        ("harry.lan", "https://harry.lan:443", 200),
        ("harry.lan:80", "http://HARRY.lan", 200),
        ("harry.lan:443", "http://harry.lan", 403),
        ("harry.lan:8443", "https://harry.lan", 403),
        ("harry.lan:80", "https://harry.lan", 403),
    ],
)
async def test_a_usual_port_may_be_written_down_or_left_out(host: str, origin: str, status: int) -> None:
    async with away(allowed_hosts=["harry.lan"]) as door:
        assert (await door.ask("GET", "/api/me", headers={"Host": host, "Origin": origin})).status == status


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", ""])
async def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    async with away() as door:
        assert (await door.ask("GET", "/api/me", headers={"Origin": origin})).status == 403
        assert (await door.ask("GET", "/api/me", headers=upgrade(Origin=origin))).status == 403


async def test_methods_and_paths_that_are_not_there_are_told_apart() -> None:
    async with away() as door:
        assert (await door.ask("GET", "/nothing")).status == 404
        answer = await door.ask("POST", "/api/me")
        assert (answer.status, answer.header("allow")) == (405, "GET")
        head = await door.ask("HEAD", "/api/me")
        assert (head.status, head.body, head.header("content-length")) == (200, b"", "15")


async def test_every_answer_keeps_strangers_scripts_out() -> None:
    async with away() as door:
        for path, token in (("/api/me", None), ("/healthz", ""), ("/api/me", ""), ("/nothing", None)):
            answer = await door.ask("GET", path, token=token)
            policy = answer.header("content-security-policy") or ""
            assert policy.startswith("default-src 'none'; script-src 'self';")
            assert "unsafe" not in policy
            assert answer.header("x-content-type-options") == "nosniff"
            assert answer.header("referrer-policy") == "no-referrer"
            assert answer.header("cache-control") == "no-store"
            assert answer.header("access-control-allow-origin") is None


# The page's way in


def cookies(headers: list[tuple[str, str]]) -> dict[str, str]:
    return dict(value.split(";")[0].split("=", 1) for name, value in headers if name == "set-cookie")


async def enter(door: Away) -> dict[str, str]:
    address = await door.front.way_in()
    answer = await door.ask("GET", address.partition(str(door.port))[2], token="")
    assert (answer.status, answer.header("location")) == (303, "./")
    assert all("SameSite=Strict" in value for name, value in answer.headers if name == "set-cookie")
    assert "HttpOnly" in next(value for name, value in answer.headers if name == "set-cookie")
    return cookies(answer.headers)


async def test_the_printed_address_opens_the_page_once() -> None:
    async with away() as door:
        address = await door.front.way_in()
        path = address.partition(str(door.port))[2]
        assert (await door.ask("GET", path, token="")).status == 303
        assert (await door.ask("GET", path, token="")).status == 403


async def test_a_code_is_no_token_and_a_token_is_no_code() -> None:
    async with away() as door:
        code = (await door.front.way_in()).partition("code=")[2]
        assert (await door.ask("GET", "/api/me", token=code)).status == 401
        assert (await door.ask("GET", f"/enter?code={door.token}", token="")).status == 403


async def test_a_code_is_too_old_after_ten_minutes() -> None:
    now = 1000.0
    tokens = Tokens(None, wall=lambda: now)
    code = tokens.new("ann", kind="code", lives=600)
    now += 601
    assert tokens.spend(code) is None


async def test_a_cookie_reads_but_changes_only_with_the_page_s_own_word() -> None:
    async with away() as door:
        done = []

        async def change(request: Request) -> Response:
            await trio.lowlevel.checkpoint()
            done.append(request.user)
            return Response(204)

        door.front.door.routes.add("POST", "/test/change", change)
        held = await enter(door)
        cookie = "; ".join(f"{name}={value}" for name, value in held.items())
        csrf = held[f"harry-csrf-{door.port}"]
        ours = {"Cookie": cookie, "Origin": f"http://127.0.0.1:{door.port}"}
        assert (await door.ask("GET", "/api/me", token="", headers={"Cookie": cookie})).json() == {"user": "owner"}
        for headers in (
            {"Cookie": cookie},
            ours,
            {**ours, "X-CSRF-Token": "wrong"},
            {"Cookie": cookie, "X-CSRF-Token": csrf},
            {**ours, "X-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site"},
            {**ours, "X-CSRF-Token": csrf_of("another")},
        ):
            assert (await door.ask("POST", "/test/change", token="", headers=headers)).status == 403
        assert not done
        assert (await door.ask("POST", "/test/change", token="", headers={**ours, "X-CSRF-Token": csrf})).status == 204
        assert (await door.ask("POST", "/test/change")).status == 204
        assert done == ["owner", "ann"]


async def test_a_websocket_by_cookie_needs_the_origin() -> None:
    async with away() as door:
        door.front.door.routes.socket("/test/echo", echo)
        held = await enter(door)
        cookie = "; ".join(f"{name}={value}" for name, value in held.items())
        assert (await door.ask("GET", "/test/echo", token="", headers=upgrade(Cookie=cookie))).status == 403
        ours = f"http://127.0.0.1:{door.port}"
        assert (
            await door.ask("GET", "/test/echo", token="", headers=upgrade(Cookie=cookie, Origin=ours))
        ).status == 101


async def test_without_auth_it_is_the_owner_who_comes_but_no_stranger_s_page() -> None:
    async with away(auth="none") as door:
        assert (await door.ask("GET", "/api/me", token="")).json() == {"user": "owner"}
        assert (await door.ask("GET", "/api/me", token="", headers={"Origin": "http://evil.example"})).status == 403
        assert (await door.ask("GET", "/api/me", token="", headers={"Host": "evil.example"})).status == 421
        other = {"Sec-Fetch-Site": "cross-site"}
        assert (await door.ask("GET", "/api/me", token="", headers=other)).status == 403


# Websockets


async def test_a_websocket_comes_in_by_the_subprotocol_that_the_sdks_use() -> None:
    async with away() as door:
        door.front.door.routes.socket("/test/echo", echo)
        protocols = ["realtime", f"openai-insecure-api-key.{door.token}", "openai-beta.realtime-v1"]
        async with open_socket(door, "/test/echo?model=x", protocols) as socket:
            assert socket.subprotocol == "realtime"
            assert await socket.get_message() == "hello ann"
            await socket.send_message("once")
            assert await socket.get_message() == "once"


async def test_a_websocket_without_a_token_is_refused_before_it_is_one() -> None:
    async with away() as door:
        door.front.door.routes.socket("/test/echo", echo)
        for wrong in (upgrade(), upgrade(Sec_WebSocket_Protocol="realtime, openai-insecure-api-key.wrong")):
            assert (await door.ask("GET", "/test/echo", token="", headers=wrong)).status == 401
        assert (await door.ask("GET", "/test/echo", headers=upgrade())).status == 101
        assert (await door.ask("GET", "/test/echo")).status == 426
        assert (await door.ask("GET", "/api/me", headers=upgrade())).status == 400
        assert (await door.ask("GET", "/test/echo", headers=upgrade(**{"Sec-WebSocket-Key": "short"}))).status == 400


async def test_a_message_of_more_than_a_mebibyte_ends_the_websocket() -> None:
    async with away() as door:
        door.front.door.routes.socket("/test/echo", echo)
        async with open_socket(door) as socket:
            await socket.get_message()
            await socket.send_message("x" * (1024 * 1024 + 1))
            with pytest.raises(ConnectionClosed) as ended:
                await socket.get_message()
            assert ended.value.reason.code == 1009


async def test_a_flood_of_messages_ends_the_websocket() -> None:
    async def swallow(request: Request, socket: Socket) -> None:
        async for _ in socket:
            pass

    async with away() as door:
        door.front.door.routes.socket("/test/swallow", swallow)
        async with open_socket(door, "/test/swallow") as socket:

            async def flood() -> None:
                with trio.fail_after(60):
                    while True:
                        await socket.send_message("x")

            with pytest.raises(ConnectionClosed) as ended:
                await flood()
            assert ended.value.reason is None or ended.value.reason.code in (1006, 1008)


async def test_a_handler_that_breaks_ends_its_websocket_alone() -> None:
    async def broken(request: Request, socket: Socket) -> None:
        await trio.lowlevel.checkpoint()
        raise RuntimeError("a mistake")

    async with away() as door:
        door.front.door.routes.socket("/test/broken", broken)
        async with open_socket(door, "/test/broken") as socket:
            with pytest.raises(ConnectionClosed) as ended:
                await socket.get_message()
            assert ended.value.reason.code == 1011
        assert (await door.ask("GET", "/healthz")).status == 200
        assert door.front.door.tally.failures == 1


# Revoking


async def test_a_revoked_token_ends_what_is_open_and_lets_in_no_more(tmp_path: Path) -> None:
    async def for_ever(request: Request) -> Response:
        async def stream(send):
            await send(b"begun")
            await trio.sleep_forever()

        await trio.lowlevel.checkpoint()
        return Response(stream=stream, kind="text/plain")

    async with away(tmp_path) as door:
        door.front.door.routes.socket("/test/echo", echo)
        door.front.door.routes.add("GET", "/test/stream", for_ever)
        async with open_socket(door) as socket, await door.connect() as stream:
            await socket.get_message()
            head = f"GET /test/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {door.token}\r\n\r\n"
            await stream.send_all(head.encode())
            seen = b""
            while b"begun" not in seen:
                seen += await stream.receive_some()
            # Another process takes it back.
            others = Tokens(tmp_path)
            assert await trio.to_thread.run_sync(others.forget, "ann") == 1
            with trio.fail_after(10):
                with pytest.raises(ConnectionClosed) as ended:
                    await socket.get_message()
                assert ended.value.reason.code == 1008
                while await stream.receive_some():
                    pass
        assert (await door.ask("GET", "/api/me")).status == 401


async def test_only_hashes_are_kept_and_only_for_the_owner_s_eyes(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    token = tokens.new("ann")
    path = tmp_path / FILE
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    found = tokens.whose(token)
    assert found is not None
    assert len(token) >= 43
    assert tokens.revoke(found.id)
    assert tokens.whose(token) is None
    assert not tokens.revoke(found.id)


# Slow, large and many


async def test_a_head_that_does_not_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_WITHIN", 0.3)
    async with away() as door, await door.connect() as stream, await door.connect() as silent:
        await stream.send_all(b"GET /api/me HTTP/1.1\r\nHost: localhost\r\nX-A: ")
        answer = await read_answer(stream)
        assert answer.status == 408
        assert await silent.receive_some() == b""


async def test_a_head_that_is_too_large_is_cut() -> None:
    async with away() as door, await door.connect() as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 40_000)
        assert (await read_answer(stream)).status == 431


async def test_a_body_that_is_too_large_is_not_read() -> None:
    async def take(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return Response(body=str(len(request.body)).encode(), kind="text/plain")

    async with away() as door:
        door.front.door.routes.add("POST", "/test/take", take, most_body=1000)
        assert (await door.ask("POST", "/test/take", body=b"x" * 1000)).body == b"1000"
        assert (await door.ask("POST", "/test/take", body=b"x" * 1001)).status == 413
        chunked = {"Transfer-Encoding": "chunked", "Content-Length": ""}
        del chunked["Content-Length"]
        async with await door.connect() as stream:
            head = f"POST /test/take HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {door.token}\r\n"
            await stream.send_all(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + b"7d0\r\n" + b"x" * 2000)
            assert (await read_answer(stream)).status == 413


async def test_a_connection_answers_one_request_after_another() -> None:
    async with away() as door, await door.connect() as stream:
        head = f"GET /api/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {door.token}\r\n\r\n".encode()
        for _ in range(3):
            await stream.send_all(head)
            assert (await read_answer(stream)).status == 200
        # What is not HTTP ends it.
        await stream.send_all(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert (await read_answer(stream)).status == 400
        assert await stream.receive_some() == b""


async def test_one_address_has_only_so_many_connections_without_a_token_and_the_oldest_goes() -> None:
    async with away(connections_per_address=3) as door:
        held = [await door.connect() for _ in range(3)]
        await trio.testing.wait_all_tasks_blocked(0.05)
        # Whoever has a token comes in, and goes on.
        for _ in range(2):
            assert (await door.ask("GET", "/api/me")).status == 200
        with trio.fail_after(10):
            assert await held[0].receive_some() == b""
        assert door.front.door.tally.turned_away == 1
        for each in held:
            await each.aclose()


async def test_half_heads_do_not_lock_the_owner_out() -> None:
    async with away(connections=20, connections_per_address=16) as door, trio.open_nursery() as nursery:
        door.front.door.routes.socket("/test/echo", echo)
        async with open_socket(door) as socket:
            await socket.get_message()

            async def half() -> None:
                async with await door.connect() as stream:
                    await stream.send_all(b"GET /api/me HTTP/1.1\r\nHost: localhost\r\nX-A: ")
                    with contextlib.suppress(trio.BrokenResourceError):
                        await stream.receive_some()

            for _ in range(60):
                nursery.start_soon(half)
            await trio.testing.wait_all_tasks_blocked(0.05)
            for _ in range(5):
                assert (await door.ask("GET", "/api/me")).status == 200
            await socket.send_message("still here")
            assert await socket.get_message() == "still here"
        nursery.cancel_scope.cancel()


async def test_a_guest_s_flood_of_requests_slows_nobody_else() -> None:
    async with away() as door:
        bens = door.front.tokens.new("ben")
        head = f"GET /api/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {bens}\r\n\r\n".encode()
        async with await door.connect() as stream:
            with trio.fail_after(60):
                for _ in range(2000):
                    await stream.send_all(head)
                    if (await read_answer(stream)).status == 429:
                        break
                else:
                    raise AssertionError("nothing was slowed")
        assert (await door.ask("GET", "/api/me")).status == 200
        assert (await door.ask("GET", "/healthz", token="")).status == 200


async def test_a_guest_has_only_so_many_connections() -> None:
    async with away(connections_per_user=2) as door:
        door.front.door.routes.socket("/test/echo", echo)
        async with open_socket(door) as one, open_socket(door) as two:
            assert [await each.get_message() for each in (one, two)] == ["hello ann"] * 2
            assert (await door.ask("GET", "/api/me")).status == 429
            owners = door.front.tokens.new("owner")
            assert (await door.ask("GET", "/api/me", token=owners)).status == 200


async def test_a_quiet_websocket_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    assert websocket.BEAT < 30
    monkeypatch.setattr(websocket, "BEAT", 0.02)
    async with away() as door:
        door.front.door.routes.socket("/test/echo", echo)
        async with await door.connect() as stream:
            given = {"Host": "localhost", "Authorization": f"Bearer {door.token}", **upgrade()}
            head = "GET /test/echo HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given.items())
            await stream.send_all(head.encode() + b"\r\n")
            seen, ping = b"", b"\x89\x05harry"
            with trio.fail_after(10):
                while seen.count(ping) < 3:  # nobody answers, and they come all the same
                    seen += await stream.receive_some()


async def test_a_flood_of_requests_and_of_wrong_tokens_is_slowed() -> None:
    async with away() as door:
        told = [(await door.ask("GET", "/api/me", token=f"wrong{number}")).status for number in range(30)]
        assert told.count(401) >= 20
        assert told[-1] == 429
        # A right token is heard all the same.
        assert (await door.ask("GET", "/api/me")).status == 200
        async with await door.connect() as stream:
            head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            with trio.fail_after(60):
                for _ in range(2000):
                    await stream.send_all(head)
                    if (await read_answer(stream)).status == 429:
                        break
                else:
                    raise AssertionError("nothing was slowed")


# TLS


async def test_with_a_certificate_the_door_speaks_tls_and_the_cookie_is_for_tls_alone(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = tmp_path / "door.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with away(certificate=str(certificate)) as door:

        async def ask(path: str) -> Answer:
            async with await door.connect() as plain:
                stream = trio.SSLStream(plain, trusting, server_hostname="localhost", https_compatible=True)
                head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {door.token}\r\n\r\n"
                await stream.send_all(head.encode())
                return await read_answer(stream)

        assert (await ask("/api/me")).json() == {"user": "ann"}
        entered = await ask((await door.front.way_in()).partition(str(door.port))[2])
        (cookie, _) = [value for name, value in entered.headers if name == "set-cookie"]
        assert cookie.startswith("__Host-")
        assert "; Secure" in cookie
        # Who does not speak it is left, and nobody else notices.
        async with await door.connect() as stream:
            await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with contextlib.suppress(trio.BrokenResourceError):
                while await stream.receive_some():
                    pass
        assert (await ask("/healthz")).status == 200
        assert door.front.door.tally.failures == 0


def test_a_certificate_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        tls(str(tmp_path / "missing.pem"), "")


# The whole


async def test_a_busy_port_stops_the_start_with_a_clear_word() -> None:
    (taken,) = await listen("127.0.0.1", 0)
    port = taken.socket.getsockname()[1]
    with pytest.raises(ConfigurationError, match="is in use, perhaps by another Harry") as told:
        await listen("127.0.0.1", port)
    assert "web.port" in str(told.value)
    await taken.aclose()


def test_harry_run_opens_the_door_and_a_new_token_is_printed_alone(tmp_path: Path) -> None:
    environment = {**os.environ, "HARRY_HOME": str(tmp_path)}

    def harry(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "harry.cli.app", *arguments],
            env=environment, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return done.stdout

    token = harry("token", "--user", "ben").strip()
    assert re.fullmatch(r"[\w-]{43}", token)
    settings = ["web.enabled=true", "web.port=0", "engines.language_model=scripted", "engines.text_to_speech=scripted"]
    settings += ["engines.speech_to_text=scripted", "engines.voice_activity=energy"]
    options = [each for setting in settings for each in ("--set", setting)]
    with subprocess.Popen(
        [sys.executable, "-m", "harry.cli.app", "run", "--mic", "none", "--speaker", "none", *options],
        env=environment, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("Page"):
                break
        found = re.search(r"http://(127\.0\.0\.1:(\d+))/enter\?code=[\w-]{43}$", line.strip())
        assert found is not None

        async def ask() -> None:
            async with await trio.open_tcp_stream("127.0.0.1", int(found[2])) as stream:
                head = f"GET /api/me HTTP/1.1\r\nHost: {found[1]}\r\nAuthorization: Bearer {token}\r\n\r\n"
                await stream.send_all(head.encode())
                assert (await read_answer(stream)).json() == {"user": "ben"}

        trio.run(ask)
        running.terminate()
        running.communicate(timeout=30)
        assert running.returncode == 0
    (listed,) = [line for line in harry("token", "list").splitlines() if line.endswith("ben")]
    harry("token", "revoke", listed.split()[0])
    assert "ben" not in harry("token", "list")
