"""The page on a phone: HTTPS on a port that is there when it is asked for, a valid certificate, a token of its own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509

from harry.daemon.phone_door import PhoneDoor, WayIn, own_address
from harry.errors import ConfigurationError, StoreError
from harry.web.server import local_authority
from harry.web.server.local_authority import DOOR, LocalAuthority, home_address, own_name
from tests.support.loopback_server import Answer, Away, away, read_answer

HERE = ipaddress.ip_address("127.0.0.1")
OTHER = ipaddress.ip_address("192.168.7.7")


def held(authority: LocalAuthority) -> x509.Certificate:
    return x509.load_pem_x509_certificate((authority.folder / DOOR).read_bytes())


def addresses(authority: LocalAuthority) -> set[Any]:
    names = held(authority).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names.get_values_for_type(x509.IPAddress))


def trusting(certificate: bytes) -> ssl.SSLContext:
    """What a phone is that trusts this authority and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificate)
    return context


async def ask(
    port: int, path: str, context: ssl.SSLContext, *, host: str = "", cookie: str = "", local: str = "127.0.0.1"
) -> Answer:
    stream = await trio.open_tcp_stream(local, port)
    secure = trio.SSLStream(stream, context, server_hostname=local, https_compatible=True)
    lines = [f"GET {path} HTTP/1.1", f"Host: {host or f'{local}:{port}'}", *([f"Cookie: {cookie}"] if cookie else [])]
    async with stream:
        await secure.send_all("\r\n".join([*lines, "", ""]).encode())
        return await read_answer(secure)


@asynccontextmanager
async def phone(folder: Path) -> AsyncIterator[tuple[Away, WayIn]]:
    async with away(folder, phone_port=free_port()) as door:
        yield door, await door.front.phone.way_in("ann")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])


async def test_a_phone_comes_in_by_https_with_a_token_of_its_own_that_can_be_taken_back(tmp_path: Path) -> None:
    async with phone(tmp_path) as (door, way):
        certificate = door.front.phone._authority.certificate()
        trusted = trusting(certificate)
        code = way.page.partition("/enter")[2]
        entered = await ask(way.port, f"/enter{code}", trusted)
        assert entered.status == 303
        cookie = "; ".join(value.partition(";")[0] for key, value in entered.headers if key == "set-cookie")
        assert all("Secure" in value for key, value in entered.headers if key == "set-cookie")
        assert (await ask(way.port, "/", trusted, cookie=cookie)).status == 200
        assert (await ask(way.port, f"/enter{code}", trusted)).status == 403, "it is good once"
        [token] = [token for token in door.front.tokens.all() if token.kind == "phone"]
        assert token.user == "ann"
        door.front.tokens.revoke(token.id)
        assert (await ask(way.port, "/", trusted, cookie=cookie)).status == 401


async def test_without_a_token_it_gives_nothing_but_the_certificate(tmp_path: Path) -> None:
    async with phone(tmp_path) as (door, way):
        certificate = door.front.phone._authority.certificate()
        trusted = trusting(certificate)
        given = await ask(way.port, "/certificate", trusted)
        assert (given.status, given.body) == (200, certificate)
        assert given.header("content-type") == "application/x-x509-ca-cert"
        assert (await ask(way.port, "/", trusted)).status == 401
        assert (await ask(way.port, "/", trusted, host="evil.example")).status == 421


async def test_whoever_does_not_trust_the_authority_is_not_deceived(tmp_path: Path) -> None:
    async with phone(tmp_path) as (_, way):
        with pytest.raises(trio.BrokenResourceError):
            await ask(way.port, "/certificate", ssl.create_default_context())


async def test_it_is_not_open_before_somebody_asks_and_opened_once(tmp_path: Path) -> None:
    async with away(tmp_path) as door:
        assert door.front.phone._port == 0
        assert not (tmp_path / local_authority.FOLDER).exists()
    async with phone(tmp_path) as (door, way):
        again = await door.front.phone.way_in("ann")
        assert (again.port, again.fingerprint) == (way.port, way.fingerprint)
        assert again.page != way.page


async def test_the_certificate_is_made_again_when_the_address_changes(tmp_path: Path, monkeypatch: Any) -> None:
    async with phone(tmp_path) as (door, way):
        opened = door.front.phone
        authority = opened._authority
        assert authority is not None
        trusted = trusting(authority.certificate())
        await ask(way.port, "/certificate", trusted)
        first = held(authority).serial_number
        await ask(way.port, "/certificate", trusted)
        assert held(authority).serial_number == first, "it holds for the address already"
        # A connection comes to 127.0.0.5, which it does not hold for yet; the phone trusts the same authority.
        given = await ask(way.port, "/certificate", trusted, local="127.0.0.5")
        assert given.status == 200
        assert addresses(authority) == {HERE, ipaddress.ip_address("127.0.0.5")}


async def test_an_address_of_the_wide_world_is_not_served(tmp_path: Path) -> None:
    async with phone(tmp_path) as (door, _):
        assert await door.front.phone._serves("192.168.7.7")
        assert not await door.front.phone._serves("93.184.216.34")
        assert not await door.front.phone._serves("2606:2800:220:1::1")


async def test_a_port_that_is_taken_is_told_with_the_setting(tmp_path: Path) -> None:
    async with phone(tmp_path) as (door, way):
        second = PhoneDoor(door.host.config, door.front.tokens, door.front.phone._make, door.front.phone._nursery)
        with pytest.raises(ConfigurationError, match=rf"Port {way.port} is in use.*web\.phone_port"):
            await second.open()


async def test_missing_packages_are_told_with_the_command_that_adds_them(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "harry.web.server.local_authority", None)
    async with away(tmp_path) as door:
        with pytest.raises(ConfigurationError, match=r"harry-voice\[phone\]"):
            await door.front.phone.open()


def test_the_authority_is_private_and_stays_while_certificates_change(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path / "home")
    authority.cover([HERE])
    fingerprint = authority.fingerprint()
    assert authority.folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in authority.folder.iterdir()} == {0o600}
    assert authority.cover([OTHER])
    assert not LocalAuthority(tmp_path / "home").cover([HERE, OTHER])
    assert authority.fingerprint() == fingerprint


def test_a_certificate_that_grows_old_or_is_of_another_authority_is_made_again(
    tmp_path: Path, monkeypatch: Any
) -> None:
    authority = LocalAuthority(tmp_path)
    monkeypatch.setattr(local_authority, "LIVES", dt.timedelta(days=50))
    authority.cover([HERE])
    monkeypatch.undo()
    assert authority.cover([HERE])
    assert not authority.cover([HERE])
    (authority.folder / local_authority.AUTHORITY).unlink()
    assert authority.cover([HERE])


def test_the_authority_cannot_vouch_for_a_stranger(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path)
    authority.cover([ipaddress.ip_address("93.184.216.34")])
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trusting(authority.certificate())
    server.load_cert_chain(authority.door)
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(into, out, server_hostname="93.184.216.34")
    gives = server.wrap_bio(out, into, server_side=True)

    def greet() -> None:
        for side in (asks, gives, asks, gives):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()

    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        greet()


def test_a_damaged_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path)
    authority.cover([HERE])
    authority.door.write_text("nothing")
    with pytest.raises(StoreError, match="is damaged"):
        authority.cover([HERE])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("192.168.1.5", "192.168.1.5"), ("::ffff:10.0.0.1", "10.0.0.1"), ("fe80::1%eth0", "fe80::1"), ("8.8.8.8", None),
        ("harry.local", None), ("", None), ("2001:db8::1", None), ("100.64.3.4", "100.64.3.4"),
    ],
)  # fmt: skip
def test_addresses_of_home_networks_are_known_however_they_are_written(given: str, found: str | None) -> None:
    assert home_address(given) == (ipaddress.ip_address(found) if found else None)


@pytest.mark.parametrize(
    ("host", "name"),
    [("Kitchen.lan", "kitchen.local"), ("my_box", "my-box.local"), ("", "harry.local"), ("Küche", "k-che.local")],
)
def test_the_name_at_home_is_one_that_a_certificate_may_hold(monkeypatch: Any, host: str, name: str) -> None:
    monkeypatch.setattr("harry.web.server.local_authority.socket.gethostname", lambda: host)
    assert own_name() == name


def test_a_computer_without_a_network_is_named(monkeypatch: Any) -> None:
    class Nowhere:
        def __init__(self, *_: Any) -> None: ...
        def __enter__(self) -> Nowhere:
            return self

        def __exit__(self, *_: Any) -> None: ...
        def connect(self, _: Any) -> None:
            raise OSError("Network is unreachable")

    monkeypatch.setattr("harry.daemon.phone_door.socket.socket", Nowhere)
    assert own_address() == own_name()
