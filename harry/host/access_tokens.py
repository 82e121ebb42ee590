"""Who may come in: tokens, each for one user, made and revoked by a command beside a running Harry.

The data folder holds their SHA-256 only. A token is 256 random bits, so its plain hash cannot be searched for; the slow
hashes that passwords need would only let strangers make Harry work. A *code* is a token that is good once and for some
minutes: it stands in the address that opens the page. A change of the file holds from the next look on.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from channels.turn import new_id
from harry.errors import ConfigurationError, StoreError
from harry.files.atomic import write_file
from harry.memory.store.connection import WRITABLE
from harry.memory.store.data_folder import prepare_folder

FILE = "tokens.json"
"""Its name in the data folder."""

log = structlog.get_logger(__name__)

CODE_LIVES = 600.0
"""Seconds in which a code opens the page."""

PAGE_LIVES = 30 * 86_400.0
"""Seconds for which a browser that was let in may come back."""

MOST = 1000
"""Tokens at once."""


ANNOUNCE = "announce"
"""The scope of a program that only has Harry say something, or ask."""

SCOPES = (ANNOUNCE,)


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token. `kind` is `token`, `page` or `phone` (in a browser), or `code`.

    `scope` is all that it is good for; "" for everything that its user may do. Times are seconds since the epoch;
    `until` is None for ever.
    """

    id: str
    user: str
    kind: str
    hash: str
    made: float
    until: float | None = None
    scope: str = ""


class Tokens:
    """The tokens of a data folder; of this process alone where `folder` is None. Methods that write block for a disk.

    All of them raise `StoreError` where the file cannot be read or written.
    """

    def __init__(self, folder: Path | None, *, wall: Callable[[], float] = time.time) -> None:
        self._path = folder / FILE if folder is not None else None
        self._wall = wall
        self._seen: tuple[int, int, int] | None = None
        self._known: dict[str, Token] = {}
        self._lent: dict[str, Token] = {}  # what the file could not take: good for as long as this process lives

    def whose(self, token: str) -> Token | None:
        """Give what is known of a token that lets in now; never a code."""
        found = self._lent.get(_hash(token))
        if found is None:
            self._look()
            found = self._known.get(_hash(token))
        return found if found is not None and found.kind != "code" and self._good(found) else None

    def holds(self, identity: str) -> bool:
        """Whether the token of this id still lets in."""
        if any(token.id == identity and self._good(token) for token in self._lent.values()):
            return True
        self._look()
        return any(token.id == identity and self._good(token) for token in self._known.values())

    def all(self) -> list[Token]:
        """List those that let in now, the oldest first; no codes."""
        self._look()
        return [token for token in self._known.values() if token.kind != "code" and self._good(token)]

    def new(self, user: str, *, kind: str = "token", lives: float | None = None, scope: str = "") -> str:
        """Make a token, good for `lives` seconds, and return it: it can be read nowhere else ever after."""
        token = secrets.token_urlsafe(32)
        with self._changing():
            if len(self._known) >= MOST:
                raise ConfigurationError(f"There are {MOST} tokens already.", remedy="Revoke some: harry token revoke.")
            made = self._made(token, user, kind, lives, scope)
            self._known[made.hash] = made
        return token

    def lend(self, user: str, *, kind: str, lives: float) -> str:
        """Make a token as `new` does; where it cannot be written down, one that is good while this process lives."""
        try:
            return self.new(user, kind=kind, lives=lives)
        except StoreError as error:
            log.warning("a browser is let in until the end of this process only", cause=str(error))
        self._lent = {name: token for name, token in self._lent.items() if self._good(token)}
        if len(self._lent) >= MOST:
            raise ConfigurationError(f"There are {MOST} tokens already.", remedy="Start Harry again.")
        token = secrets.token_urlsafe(32)
        made = self._made(token, user, kind, lives)
        self._lent[made.hash] = made
        return token

    def _made(self, token: str, user: str, kind: str, lives: float | None, scope: str = "") -> Token:
        now = self._wall()
        return Token(new_id(now), user, kind, _hash(token), now, None if lives is None else now + lives, scope)

    def spend(self, code: str) -> str | None:
        """Take a code: gives the user it was made for, once, and None for ever after."""
        lent = self._lent.get(_hash(code))
        if lent is not None and lent.kind == "code":
            del self._lent[lent.hash]
            return lent.user if self._good(lent) else None
        with self._changing():
            found = self._known.get(_hash(code))
            if found is None or found.kind != "code":
                return None
            del self._known[found.hash]
        return found.user

    def revoke(self, identity: str) -> bool:
        """Take a token back, by its id; False if there is none."""
        return self._drop(lambda token: token.id == identity) > 0

    def forget(self, user: str) -> int:
        """Take all tokens of a user back; returns how many."""
        return self._drop(lambda token: token.user == user)

    def _drop(self, gone: Callable[[Token], bool]) -> int:
        lent = len(self._lent)
        self._lent = {name: token for name, token in self._lent.items() if not gone(token)}
        return lent - len(self._lent) + self._drop_kept(gone)

    def _drop_kept(self, gone: Callable[[Token], bool]) -> int:
        self._look()
        if not any(map(gone, self._known.values())):
            return 0  # nothing is made where there is nothing to take away
        with self._changing():
            before = len(self._known)
            self._known = {name: token for name, token in self._known.items() if not gone(token)}
            return before - len(self._known)

    def _good(self, token: Token) -> bool:
        return token.until is None or self._wall() < token.until

    def _look(self) -> None:
        """Read the file if it is not the one that was read last: the command may have changed it."""
        if self._path is None:
            return
        try:
            found = os.stat(self._path)  # noqa: PTH116  it stands before every request
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen == self._seen:
                return
            known = _read(self._path.read_bytes())
        except FileNotFoundError:
            self._seen, self._known = None, {}
        except (OSError, ValueError, TypeError, RecursionError) as error:
            self._seen, self._known = None, {}
            raise StoreError(f"{self._path} cannot be read.", remedy="Move it away, and make new tokens.") from error
        else:
            self._seen, self._known = seen, known

    @contextmanager
    def _changing(self) -> Iterator[None]:
        if self._path is None:
            self._known = {name: token for name, token in self._known.items() if self._good(token)}
            yield
            return
        prepare_folder(self._path.parent)
        try:
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error.strerror}.", remedy=WRITABLE) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._look()
            self._known = {name: token for name, token in self._known.items() if self._good(token)}
            yield
            self._write(self._path)
        finally:
            os.close(lock)

    def _write(self, path: Path) -> None:
        content = json.dumps([asdict(token) for token in self._known.values()]).encode()
        try:
            write_file(path, content, mode=0o600)
        except StoreError:
            self._seen = None  # what was changed in memory is not in the file, which holds
            raise


def _read(content: bytes) -> dict[str, Token]:
    """Read the file's content. Raises `ValueError`, `TypeError` or `RecursionError` for what Harry did not write."""
    known = [Token(**each) for each in json.loads(content)]
    for each in known:
        if not all(isinstance(text, str) for text in (each.id, each.user, each.kind, each.hash, each.scope)):
            raise TypeError("a token's words are no words")
        if not isinstance(each.made, int | float) or not isinstance(each.until, int | float | None):
            raise TypeError("a token's times are no times")
    return {each.hash: each for each in known}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
