"""A certificate authority of this computer's own, whose certificates a phone accepts once it was told to trust it.

It can vouch for nothing but addresses of home networks and names at home (`.local`): a key that was stolen would
deceive nobody about a bank. Certificates are made again when this computer gets another address, or when they grow old;
the authority stays, so a phone is told once. Needs the extra `phone`. Everything here blocks for some milliseconds.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import re
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harry.errors import StoreError
from harry.files.atomic import write_file
from harry.memory.store.data_folder import prepare_folder

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

FOLDER = "certificates"
"""Its name in the data folder; 0700."""

AUTHORITY, DOOR = "authority.pem", "door.pem"
"""Each holds a certificate and its key, 0600."""

AUTHORITY_LIVES = dt.timedelta(days=3650)
LIVES = dt.timedelta(days=397)
"""Phones accept no more than 825 days, and some no more than 398."""

RENEWED_BEFORE = dt.timedelta(days=60)

MAX_ADDRESSES = 16
"""Addresses in one certificate: this computer may have several at once."""

_BEGAN = dt.timedelta(days=1)
"""How much earlier they hold than they were made: the clock of a phone may be slow."""

HOME = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
        "fc00::/7", "fe80::/10", "::1/128",
    )
)  # fmt: skip
"""Networks whose addresses mean something at home only; 100.64.0.0/10 is that of private overlays."""


def own_name() -> str:
    """Return the name by which phones find this computer at home (multicast DNS)."""
    bare = re.sub(r"[^a-z0-9-]", "-", socket.gethostname().partition(".")[0].lower()).strip("-")
    return f"{bare or 'harry'}.local"


def home_address(text: str) -> Address | None:
    """Return an address of a home network, however it was written; None for any other, and for what is none."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found if any(found in network for network in HOME if network.version == found.version) else None


class LocalAuthority:
    """The authority of a data folder. Methods raise `StoreError` where its files cannot be read or written."""

    def __init__(self, data_folder: Path) -> None:
        self.folder = data_folder / FOLDER
        self.door = self.folder / DOOR
        """The file for `ssl.SSLContext.load_cert_chain`."""

    def cover(self, addresses: Iterable[Address]) -> bool:
        """See to it that the door's certificate holds for this computer's name and these addresses, and those before.

        Returns whether another one was made.
        """
        authority, key = self._authority()
        wanted, before = set(addresses), set[Address]()
        known = self._read(DOOR)
        now = dt.datetime.now(dt.UTC)
        if known is not None and self._signed(known[0], authority):
            names, covered = _holds_for(known[0])
            fresh = known[0].not_valid_after_utc - now > RENEWED_BEFORE
            if fresh and own_name() in names and wanted <= covered:
                return False
            before = covered - wanted
        held = [*wanted, *sorted(before, key=str)][:MAX_ADDRESSES]
        self._write(DOOR, *_certificate(authority, key, [own_name()], held, now))
        return True

    def certificate(self) -> bytes:
        """Return the authority's certificate as phones take it in (DER); no secret."""
        return self._authority()[0].public_bytes(serialization.Encoding.DER)

    def fingerprint(self) -> str:
        """Return what phones show of the authority, to be compared: its SHA-256."""
        digest = hashlib.sha256(self.certificate()).hexdigest().upper()
        return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))

    def _authority(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        found = self._read(AUTHORITY)
        now = dt.datetime.now(dt.UTC)
        if found is not None and found[0].not_valid_after_utc - now > LIVES:
            return found
        made = _authority(now)
        self._write(AUTHORITY, *made)
        return made

    def _signed(self, certificate: x509.Certificate, authority: x509.Certificate) -> bool:
        try:
            certificate.verify_directly_issued_by(authority)
        except Exception:  # noqa: BLE001  whatever is wrong with it, another one is made
            return False
        return True

    def _read(self, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
        path = self.folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}.", remedy="Make it readable.") from error
        try:
            key = serialization.load_pem_private_key(content, None)
            certificate = x509.load_pem_x509_certificate(content)
        except ValueError as error:
            raise StoreError(
                f"{path} is damaged.", remedy=f"Delete {self.folder}; your phone has to trust what is made then."
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise StoreError(f"{path} is not Harry's.", remedy=f"Delete {self.folder}.")
        return certificate, key

    def _write(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        prepare_folder(self.folder)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_file(self.folder / name, certificate.public_bytes(serialization.Encoding.PEM) + pem, mode=0o600)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _authority(now: dt.datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named(f"Harry on {own_name()}"[:64])
    permitted: list[x509.GeneralName] = [x509.DNSName("local")]
    permitted += [x509.IPAddress(network) for network in HOME]
    made = (
        _begun(name, name, key, now, AUTHORITY_LIVES)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made, key


def _certificate(
    authority: x509.Certificate,
    signer: ec.EllipticCurvePrivateKey,
    names: list[str],
    addresses: list[Address],
    now: dt.datetime,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    held: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    held += [x509.IPAddress(address) for address in addresses]
    made = (
        _begun(_named("Harry's page"), authority.subject, key, now, LIVES)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(held), critical=False)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return made, key


def _begun(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: dt.datetime, lives: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEGAN)
        .not_valid_after(now + lives - _BEGAN)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _holds_for(certificate: x509.Certificate) -> tuple[set[str], set[Address]]:
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = held.get_values_for_type(x509.IPAddress)
    return set(held.get_values_for_type(x509.DNSName)), {
        address for address in addresses if isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address)
    }
