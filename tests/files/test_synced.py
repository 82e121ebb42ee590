"""A file that is written is whole, and it and its name are on disk before anybody is told so."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from harry.errors import StoreError
from harry.files import atomic
from harry.files.atomic import write_all, write_file


class Disk:
    """Notes in which order files and folders are synced and names taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.did: list[str] = []
        fsync, replace = os.fsync, Path.replace

        def synced(descriptor: int) -> None:
            self.did.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
            fsync(descriptor)

        def named(path: Path, target: Path) -> Path:
            self.did.append("name")
            return replace(path, target)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(Path, "replace", named)


def test_content_then_name_then_folder_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    write_file(tmp_path / "a", b"x")
    assert disk.did == ["file", "name", "folder"]


def test_several_files_share_one_sync_of_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    assert write_all([(tmp_path / name, b"x") for name in "abc"]) == [None] * 3
    assert disk.did == ["file"] * 3 + ["name"] * 3 + ["folder"]


@pytest.mark.parametrize("at_once", [1, 7, 4096])
def test_a_disk_that_takes_a_little_at_a_time_has_all_of_it_in_the_end(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, content = os.write, bytes(range(256)) * 20
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:at_once]))
    write_file(tmp_path / "a", content)
    assert (tmp_path / "a").read_bytes() == content


def test_a_file_whose_folder_cannot_be_synced_is_not_said_to_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(folder: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(atomic, "sync_folder", fails)
    with pytest.raises(StoreError):
        write_file(tmp_path / "a", b"x")
