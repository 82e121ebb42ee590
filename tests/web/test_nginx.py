"""The door behind nginx, by the very configuration that docs/web.md shows: at its own name, and below a path."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from harry.web.server.http import Request
from harry.web.server.websocket import Socket
from tests.support.loopback_server import Answer, Away, away, read_answer, upgrade
from tests.support.paths import ROOT

pytestmark = pytest.mark.acceptance
"""Only there, as few machines have nginx and installing it may start a server."""

NAME = "harry.example"

WHOLE = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/a;
    uwsgi_temp_path {folder}/b;
    scgi_temp_path {folder}/c;
    {shown}
}}
"""


@dataclass
class Behind:
    """nginx at a port of its own, and the door behind it."""

    door: Away
    port: int
    trusting: ssl.SSLContext

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[trio.abc.Stream]:
        async with await trio.open_tcp_stream("127.0.0.1", self.port) as plain:
            yield trio.SSLStream(plain, self.trusting, server_hostname=NAME, https_compatible=True)

    async def ask(self, method: str, path: str, **headers: str) -> Answer:
        given = {"Host": NAME, "Authorization": f"Bearer {self.door.token}", "Content-Length": "0"}
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items() if value)]
        head = "".join(f"{line}\r\n" for line in lines)
        async with self.connect() as stream:
            await stream.send_all(head.encode() + b"\r\n")
            return await read_answer(stream, method)


def shown() -> str:
    """What the documentation tells people to write."""
    found = re.search(r"```nginx\n(.*?)```", (ROOT / "docs/web.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@asynccontextmanager
async def nginx(tmp_path: Path, *, below: str = "/", host: str = "$http_host", **web: Any) -> AsyncIterator[Behind]:
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("nginx is not installed (apt-get install nginx)")
    authority = trustme.CA()
    certificate = tmp_path / "harry.pem"
    authority.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(str(certificate))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with away(proxies=["127.0.0.1"], **{"allowed_hosts": [NAME], **web}) as door:
        port = free_port()
        config = shown()
        for was, becomes in (
            ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            ("/etc/ssl/harry.pem", str(certificate)),
            ("/etc/ssl/harry.key", str(certificate)),
            ("location / {", f"location {below} {{"),
            ("http://127.0.0.1:8765;", f"http://127.0.0.1:{door.port}{'/' if below != '/' else ''};"),
            ("$http_host;", f"{host};"),
        ):
            assert was in config, was
            config = config.replace(was, becomes)
        file = tmp_path / "nginx.conf"
        file.write_text(WHOLE.format(folder=tmp_path, shown=config))
        running = await trio.lowlevel.open_process(
            [program, "-p", str(tmp_path), "-c", str(file), "-e", "stderr"], stderr=subprocess.PIPE
        )
        try:
            with trio.fail_after(20):
                while True:
                    assert running.poll() is None, (await running.stderr.receive_some()).decode()
                    try:
                        await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
                    except OSError:
                        await trio.sleep(0.02)  # it tells nobody that it listens
                        continue
                    break
            yield Behind(door, port, trusting)
        finally:
            running.terminate()
            with trio.CancelScope(shield=True):
                await running.wait()


async def test_a_browser_is_let_in_and_its_cookie_is_for_tls_alone(tmp_path: Path) -> None:
    async with nginx(tmp_path) as there:
        assert (await there.ask("GET", "/api/me")).json() == {"user": "ann"}
        code = (await there.door.front.way_in()).partition("/enter")[2]
        entered = await there.ask("GET", f"/enter{code}", Authorization="")
        assert (entered.status, entered.header("location")) == (303, "./")
        kept = [value for name, value in entered.headers if name == "set-cookie"]
        assert all("Secure" in value for value in kept)
        cookie = "; ".join(value.partition(";")[0] for value in kept)
        csrf = cookie.rpartition("=")[2]
        ours = {"Cookie": cookie, "Origin": f"https://{NAME}", "Authorization": ""}
        path = "/api/memories/none"
        assert (await there.ask("DELETE", path, **ours, X_CSRF_Token=csrf)).status == 400  # nothing is remembered here
        assert (await there.ask("DELETE", path, **ours)).status == 403
        assert (await there.ask("GET", "/api/me", Host="evil.example")).status == 421


@pytest.mark.parametrize("host", [NAME, f"{NAME}:443", "HARRY.example"])
async def test_a_websocket_comes_through_by_every_spelling(tmp_path: Path, host: str) -> None:
    async def hello(request: Request, socket: Socket) -> None:
        await socket.send(f"hello {request.user} from {request.peer}")

    async with nginx(tmp_path) as there:
        there.door.front.door.routes.socket("/test/hello", hello)
        given = upgrade(Origin=f"https://{NAME}", Content_Length="")
        answer = await there.ask("GET", "/test/hello", Host=host, **given)
        assert answer.status == 101


async def test_a_port_that_the_proxy_leaves_out_is_named(tmp_path: Path) -> None:
    async with nginx(tmp_path, host="$host", allowed_hosts=[f"{NAME}:8443"]) as there:
        answer = await there.ask("GET", "/api/me", Host=f"{NAME}:8443", Origin=f"https://{NAME}:8443")
        assert answer.json() == {"user": "ann"}
        assert (await there.ask("GET", "/api/me", Origin=f"https://{NAME}:9443")).status == 403


async def test_what_a_client_says_of_himself_is_not_believed(tmp_path: Path) -> None:
    seen: list[str] = []

    async with nginx(tmp_path) as there:
        know = there.door.front.door.guard.know
        there.door.front.door.guard.know = lambda request: (seen.append(request.peer), know(request))[1]  # type: ignore[method-assign]
        assert (await there.ask("GET", "/api/me", X_Forwarded_For="203.0.113.7")).status == 200
    assert seen == ["127.0.0.1"]


async def test_below_a_path_the_page_and_the_api_are_there(tmp_path: Path) -> None:
    async with nginx(tmp_path, below="/harry/") as there:
        assert (await there.ask("GET", "/harry/api/me")).json() == {"user": "ann"}
        page = (await there.ask("GET", "/harry/")).body.decode()
        parts = re.findall(r'(?:src|href)="(?!#)([^"]+)"', page)
        assert parts
        for part in parts:
            assert not part.startswith("/"), part
            assert (await there.ask("GET", f"/harry/{part}")).status == 200, part
        assert (await there.ask("GET", "/harry/api/me", **upgrade(Content_Length=""))).status == 400


async def test_a_stream_of_events_comes_as_it_is_told(tmp_path: Path) -> None:
    async with nginx(tmp_path) as there, there.door.host.open(user="ann"), there.connect() as stream:
        head = f"GET /api/events HTTP/1.1\r\nHost: {NAME}\r\nAuthorization: Bearer {there.door.token}\r\n\r\n"
        await stream.send_all(head.encode())
        seen = b""
        with trio.fail_after(20):
            while b": here" not in seen:  # at once, and not when a buffer is full
                seen += await stream.receive_some()
