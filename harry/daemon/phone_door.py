"""A second port, by HTTPS, where a phone in the same network finds the page; open only where somebody asked for it.

Browsers give the microphone to nobody but pages that came by HTTPS, so the door has a certificate of this computer's
own authority. It serves connections that come to an address of a home network, and no other; the certificate is made
again as soon as one comes to an address that it does not hold for, so a new address needs nobody's help.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import trio

from harry.config.loading import Config
from harry.errors import ConfigurationError
from harry.host.access_tokens import CODE_LIVES, Tokens
from harry.web.server.auth import Authenticator
from harry.web.server.http import Request, Response
from harry.web.server.listener import HttpListener, Serves, listen

if TYPE_CHECKING:
    from harry.web.server.local_authority import LocalAuthority

Make = Callable[[Authenticator, ssl.SSLContext, Serves], HttpListener]
"""Makes a listener with everything behind it that the page needs."""

PHONE_PORT = 8766
"""The port where none is configured."""


@dataclass(frozen=True, slots=True)
class WayIn:
    """What a phone needs: the address of the page, good once, and that of the certificate, with its fingerprint."""

    page: str
    certificate: str
    fingerprint: str
    port: int


class PhoneDoor:
    """Closed until `open`. `nursery` runs it."""

    def __init__(
        self,
        config: Config,
        tokens: Tokens,
        make: Make,
        nursery: trio.Nursery,
    ) -> None:
        self._config = config
        self._tokens = tokens
        self._make = make
        self._nursery = nursery
        self._changing = trio.Lock()
        self._authority: LocalAuthority | None = None
        self._guard: Authenticator | None = None
        self._secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._served: set[str] = set()
        self._port = 0

    async def open(self) -> None:
        """Open it, if it is not open. Raises `ConfigurationError`, `StoreError`."""
        async with self._changing:
            if self._port:
                return
            authority = await trio.to_thread.run_sync(_open_authority, self._config)
            await trio.to_thread.run_sync(authority.cover, [])
            self._authority = authority
            self._secure.minimum_version = ssl.TLSVersion.TLSv1_2
            self._secure.set_alpn_protocols(["http/1.1"])
            self._secure.load_cert_chain(authority.door)
            listeners = await _take(self._config.web.phone_port or PHONE_PORT)
            self._port = int(listeners[0].socket.getsockname()[1])
            await self._nursery.start(self._serve, listeners)

    async def way_in(self, user: str) -> WayIn:
        """Open it if necessary, and give a phone of this user's a way in. Raises what `open` raises."""
        await self.open()
        assert self._authority is not None  # noqa: S101  it is open
        lend = partial(self._tokens.lend, user, kind="code", lives=CODE_LIVES)
        code = await trio.to_thread.run_sync(lend)
        fingerprint = await trio.to_thread.run_sync(self._authority.fingerprint)
        base = f"https://{own_address()}:{self._port}"
        return WayIn(f"{base}/enter?code={code}", f"{base}/certificate", fingerprint, self._port)

    async def _serve(
        self, listeners: list[trio.SocketListener], task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        from harry.web.server.local_authority import own_name  # noqa: PLC0415  it needs the extra

        self._guard = Authenticator(
            self._tokens, hosts=[own_name()], owner=self._config.user.name, port=self._port
        )  # whoever reaches a port of the whole network is not yet you: here a token is always needed
        door = self._make(self._guard, self._secure, self._serves)
        door.routes.add("GET", "/certificate", self._give_certificate, public=True, told="What a phone is to trust.")
        try:
            async with door.serve(listeners):
                task_status.started()
                await trio.sleep_forever()
        finally:
            for listener in listeners:
                await trio.aclose_forcefully(listener)

    async def _serves(self, local: str) -> bool:
        """Say whether connections to an address of this computer are served, with a certificate that holds for it."""
        from harry.web.server.local_authority import home_address  # noqa: PLC0415  it needs the extra

        address = home_address(local)
        if address is None:
            return False
        async with self._changing:
            if str(address) not in self._served:
                assert self._authority is not None  # noqa: S101  it is open
                assert self._guard is not None  # noqa: S101  as before
                if await trio.to_thread.run_sync(self._authority.cover, [address]):
                    self._secure.load_cert_chain(self._authority.door)
                self._guard.add_host(f"[{address}]" if address.version == 6 else str(address))
                self._served.add(str(address))
        return True

    async def _give_certificate(self, _: Request) -> Response:
        assert self._authority is not None  # noqa: S101  it is open
        body = await trio.to_thread.run_sync(self._authority.certificate)
        named = ("Content-Disposition", 'attachment; filename="harry.crt"')
        return Response(body=body, kind="application/x-x509-ca-cert", headers=(named,))


async def _take(port: int) -> list[trio.SocketListener]:
    try:
        return await listen("", port)
    except ConfigurationError as error:
        raise ConfigurationError(error.message, remedy="Choose another for phones: web.phone_port.") from error


def _open_authority(config: Config) -> LocalAuthority:
    try:
        from harry.web.server.local_authority import LocalAuthority  # noqa: PLC0415  it needs the extra
    except ImportError as error:
        raise ConfigurationError(
            "A phone needs a certificate, and what makes it is not installed.",
            remedy="pip install 'harry-voice[phone]' adds it.",
        ) from error
    return LocalAuthority(config.data_folder)


def own_address() -> str:
    """Return the address at which the network finds this computer, else its name at home. Nothing is sent."""
    from harry.web.server.local_authority import home_address, own_name  # noqa: PLC0415  it needs the extra

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation: the kernel only looks up the way there
            found = home_address(str(probe.getsockname()[0]))
        except OSError:  # no way leads out of this computer
            found = None
    return str(found) if found is not None and not found.is_loopback else own_name()
