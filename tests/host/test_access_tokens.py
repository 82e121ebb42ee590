"""Tokens on a disk that fails: nobody is let in by mistake, and no token is lost."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harry.errors import StoreError
from harry.host.access_tokens import ANNOUNCE, FILE, Tokens


@pytest.fixture
def held(tmp_path: Path) -> tuple[Path, str]:
    return tmp_path, Tokens(tmp_path).new("owner")


def _short(write: Callable[..., int]) -> Callable[..., int]:
    """A disk that takes half of what it is given, then nothing."""
    given: list[int] = []

    def half(descriptor: int, content: Any) -> int:
        given.append(descriptor)
        if len(given) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, bytes(content)[: len(content) // 2])

    return half


def test_a_full_disk_loses_no_token_and_gives_none(held: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, token = held
    before, tokens = (folder / FILE).read_bytes(), Tokens(folder)
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", _short(os.write))
        with pytest.raises(StoreError, match="full"):
            tokens.new("guest")
    assert (folder / FILE).read_bytes() == before
    assert [each.user for each in tokens.all()] == ["owner"]
    assert tokens.whose(token) is not None
    assert sorted(path.name for path in folder.iterdir()) == [FILE, "tokens.lock"]


@pytest.mark.parametrize("trouble", ["no folder", "full", "unreadable"])
def test_the_page_opens_whatever_the_disk_does(trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "home"
    if trouble == "no folder":
        folder.write_text("a file in its place")
    else:
        Tokens(folder).new("owner")
    if trouble == "unreadable":
        (folder / FILE).write_text("no tokens")
    with monkeypatch.context() as disk:
        if trouble == "full":
            disk.setattr(os, "write", _short(os.write))
        tokens = Tokens(folder)
        code = tokens.lend("owner", kind="code", lives=600.0)
        assert tokens.spend(code) == "owner"
        page = tokens.lend("owner", kind="page", lives=600.0)
        found = tokens.whose(page)
        assert found is not None
        assert found.user == "owner"
        assert tokens.holds(found.id)


def test_what_was_lent_ends_as_other_tokens_do(tmp_path: Path) -> None:
    folder, now = tmp_path / "home", [0.0]
    folder.write_text("a file in its place")
    tokens = Tokens(folder, wall=lambda: now[0])
    spent, late = (tokens.lend("owner", kind="code", lives=600.0) for _ in range(2))
    page = tokens.lend("owner", kind="page", lives=600.0)
    found = tokens.whose(page)
    assert found is not None
    assert tokens.spend(spent) == "owner"
    with pytest.raises(StoreError):
        assert tokens.spend(spent) is None  # neither lent nor in a file that cannot be read
    now[0] = 601.0
    assert tokens.whose(page) is None
    assert tokens.spend(late) is None
    folder.unlink()
    again = tokens.lend("guest", kind="page", lives=600.0)
    assert tokens.forget("guest") == 1
    assert tokens.whose(again) is None


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_token_whose_file_cannot_be_kept_is_not_given(
    step: str, held: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, token = held

    def fails(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as disk:
        disk.setattr(os if step == "fsync" else Path, step, fails)
        for change in (lambda: Tokens(folder).new("guest"), lambda: Tokens(folder).forget("owner")):
            with pytest.raises(StoreError):
                change()
    assert Tokens(folder).whose(token) is not None
    assert len(Tokens(folder).all()) == 1


def test_a_short_write_that_the_disk_makes_good_is_whole(
    held: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, token = held
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, bytes(content)[:7]))
    other = Tokens(folder).new("guest")
    assert Tokens(folder).whose(token) is not None
    assert Tokens(folder).whose(other) is not None


@pytest.mark.parametrize(
    "content",
    [b"", b"[", b"null", b"[1]", b'{"a": 1}', b"[" * 100_000, b"\xff\xfe", b'[{"id": "x"}]',
     b'[{"id": "a", "user": "owner", "kind": "token", "hash": ["x"], "made": 1}]',
     b'[{"id": "a", "user": "owner", "kind": "token", "hash": "x", "made": 1, "until": "later"}]',
     b'[{"id": "a", "user": "owner", "kind": "token", "hash": "x", "made": 1, "more": 1}]'],
)  # fmt: skip
def test_a_damaged_file_lets_nobody_in_and_stays_as_it_is(held: tuple[Path, str], content: bytes) -> None:
    folder, token = held
    tokens = Tokens(folder)
    found = tokens.whose(token)
    assert found is not None
    (folder / FILE).write_bytes(content)
    for ask in (
        lambda: tokens.whose(token),
        lambda: tokens.holds(found.id),
        tokens.all,
        lambda: tokens.new("guest"),
        lambda: tokens.revoke(found.id),
        lambda: tokens.spend("code"),
    ):
        with pytest.raises(StoreError, match="cannot be read"):
            ask()
    assert (folder / FILE).read_bytes() == content


def test_the_file_is_its_owners_alone(held: tuple[Path, str]) -> None:
    folder, _ = held
    (folder / FILE).chmod(0o644)
    Tokens(folder).new("guest")
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600


def test_what_has_expired_lets_in_no_more(tmp_path: Path) -> None:
    now = [1000.0]
    tokens = Tokens(tmp_path, wall=lambda: now[0])
    token, code = tokens.new("owner", kind="page", lives=10), tokens.new("owner", kind="code", lives=10)
    found = tokens.whose(token)
    assert found is not None
    assert tokens.holds(found.id)
    now[0] += 10
    assert tokens.whose(token) is None
    assert not tokens.holds(found.id)
    assert not tokens.all()
    assert tokens.spend(code) is None


def test_a_code_opens_the_page_once_and_is_no_token(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    code, token = tokens.new("owner", kind="code", lives=10), tokens.new("owner")
    assert tokens.whose(code) is None
    assert tokens.spend(token) is None
    assert tokens.whose(token) is not None
    assert tokens.spend(code) == "owner"
    assert tokens.spend(code) is None
    assert Tokens(tmp_path).spend(code) is None


def test_a_token_keeps_its_scope_and_one_from_before_there_were_any_is_good_for_everything(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    scoped = tokens.new("owner", scope=ANNOUNCE)
    again = Tokens(tmp_path).whose(scoped)
    assert again is not None
    assert again.scope == ANNOUNCE
    kept = json.loads((tmp_path / FILE).read_bytes())
    del kept[0]["scope"]
    (tmp_path / FILE).write_text(json.dumps(kept))
    before = Tokens(tmp_path).whose(scoped)
    assert before is not None
    assert before.scope == ""
