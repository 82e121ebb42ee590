"""What leaves this computer: whether it may (`local_only`), and a line for each time that it did.

Everything that asks another host passes here: `permit` before, `note` after. The log says which host, what for, how
much and when; never what.
"""

from __future__ import annotations

import ipaddress
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from harry.errors import EngineUnavailable

log = structlog.get_logger(__name__)

EGRESS_FILE = "egress.jsonl"

MAX_FILE_BYTES = 1_000_000
"""A new log is begun at this size; one full file is kept next to it. A line takes some 150 bytes."""


class EgressRefused(EngineUnavailable):
    """`local_only` is set, and this would have left the computer."""


class _EgressPolicy:
    """The policy of the whole process, like its log: set once at the start."""

    local_only = False
    folder: Path | None = None


def configure(*, local_only: bool, folder: Path | None = None) -> None:
    """Set whether anything may leave this computer, and the folder of the log, if there is one."""
    _EgressPolicy.local_only = local_only
    _EgressPolicy.folder = folder


def current() -> dict[str, Any]:
    """Return the policy as `configure` takes it, in JSON's terms, for a process that is to have the same."""
    folder = _EgressPolicy.folder
    return {"local_only": _EgressPolicy.local_only, "folder": str(folder) if folder is not None else None}


def host_of(url: str) -> str:
    """Return the host of an address, and its port if it has one; nothing else of the address."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket without its other half, say
        return "what is no address"
    try:
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        port = ""
    if not parts.hostname and "@" in url:
        # Where a sign in a password was not escaped, the whole address would show it.
        return "what is no address"
    return f"{parts.hostname or 'an address without a host'}{port}"


_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


def is_loopback(url: str) -> bool:
    """Return whether the address is on this computer for certain, however other programs read it.

    That is `localhost`, 127.0.0.0/8 written out, `[::1]`, and paths. Every other name is a name server's to decide
    (`x.localhost` too), and what programs read differently (127.1, backslashes, white space) is not believed.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    if not host:
        return parts.scheme in ("unix", "file") and not parts.netloc
    if host in ("localhost", "::1"):
        return True
    try:
        return ipaddress.IPv4Address(host) in _LOOPBACK
    except ValueError:
        return False


def trusts_environment(url: str) -> bool:
    """Return whether a client for this address may heed HTTP_PROXY and its like: never under `local_only`.

    A proxy has no business between Harry and this computer either.
    """
    return not _EgressPolicy.local_only and not is_loopback(url)


def permit(url: str, purpose: str) -> None:
    """Raise `EgressRefused` where `local_only` is set and `url` is not on this computer. `purpose` is a few words."""
    if _EgressPolicy.local_only and not is_loopback(url):
        raise EgressRefused(
            f"{host_of(url)} is not on this computer, and local_only is set ({purpose}).",
            remedy="Use something on this computer, or set local_only = false.",
        )


def note(url: str, purpose: str, *, sent: int = 0, received: int = 0, seconds: float = 0.0) -> None:
    """Log that something left this computer; `sent` and `received` are bytes. Takes some 50 us, never raises."""
    if _EgressPolicy.folder is None or is_loopback(url):
        return
    line = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "host": host_of(url),
        "purpose": purpose,
        "sent": sent,
        "received": received,
        "seconds": round(seconds, 3),
    }
    try:
        _append(_EgressPolicy.folder / EGRESS_FILE, json.dumps(line) + "\n")
    except OSError as error:
        log.warning("what left this computer could not be noted", cause=error.strerror)


def _append(path: Path, line: str) -> None:
    with suppress(FileNotFoundError):
        if path.stat().st_size >= MAX_FILE_BYTES:
            path.replace(path.with_suffix(".jsonl.1"))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def read_notes(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of the log, oldest first. A line that a crash cut is left out."""
    for name in (f"{EGRESS_FILE}.1", EGRESS_FILE):
        try:
            lines = (folder / name).read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        for line in lines:
            with suppress(ValueError):
                yield json.loads(line)
