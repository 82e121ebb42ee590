"""Files that are whole at every moment, whatever interrupts the writing."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from harry.compat import loaders_async
from harry.errors import StoreError
from harry.files import async_files as files
from harry.files import atomic as whole_files
from harry.files.async_files import open_files
from harry.files.atomic import read_all, read_file, write_all, write_file
from tests.support.compat_home import CALLERS, home  # noqa: F401  (a fixture)

DATA = {"ü": [1, 2.5, None, True], "a": {"b": "line\nend", "c": "🙂"}}


@pytest.mark.parametrize("caller", CALLERS)
def test_json_and_text_come_back_as_they_were_saved(tmp_path, caller):
    run = CALLERS[caller]
    run(loaders_async.save_json, tmp_path / "file.json", DATA)
    assert run(loaders_async.load_json, str(tmp_path / "file.json")) == DATA
    run(loaders_async.save_file, tmp_path / "file.txt", "a\r\nb\n\tü")
    assert run(loaders_async.open_file, tmp_path / "file.txt") == "a\r\nb\n\tü"


def test_json_has_the_form_that_older_programs_write(tmp_path):
    loaders_async.save_json_sync(tmp_path / "f", DATA)
    assert (tmp_path / "f").read_text("utf-8") == json.dumps(DATA, ensure_ascii=False, sort_keys=True, indent=2)


@given(st.text(st.characters(codec="utf-8")))
@settings(max_examples=30)
def test_any_text_survives(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("files") / "text"
    write_file(path, text.encode())
    assert files._decoded(read_file(path)) == text.removeprefix("\ufeff")


def test_a_file_of_windows_and_one_with_a_mark_are_read(tmp_path):
    (tmp_path / "windows").write_bytes("caf\u00e9 \u201cyes\u201d \u20ac".encode("cp1252"))
    assert loaders_async.open_file_sync(tmp_path / "windows") == "caf\u00e9 \u201cyes\u201d \u20ac"
    (tmp_path / "mark").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert loaders_async.load_json_sync(tmp_path / "mark") == {"a": 1}


@pytest.mark.parametrize("content", ['{"a": 1', "", "[1, 2,]", '{"a"\n: tru}', "[" * 100_000])
def test_half_json_is_refused_with_its_file(tmp_path, content):
    (tmp_path / "half.json").write_text(content)
    with pytest.raises(StoreError, match=r"half\.json holds no JSON"):
        loaders_async.load_json_sync(tmp_path / "half.json")


@pytest.mark.parametrize("data", [float("nan"), float("inf"), object(), {1: {2, 3}}, "\ud800"])
def test_what_no_json_file_can_hold_leaves_the_old_one(tmp_path, data):
    loaders_async.save_json_sync(tmp_path / "f", "old")
    with pytest.raises((ValueError, TypeError)):
        loaders_async.save_json_sync(tmp_path / "f", data)
    assert loaders_async.load_json_sync(tmp_path / "f") == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["f"]


def test_what_cannot_be_read_or_written_is_a_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, sentence in [
        ("missing", "no such file"),
        ("pipe", "no plain file"),
        (".", "no plain file"),
        ("a\0b", "no name"),
    ]:
        with pytest.raises(StoreError, match=sentence):
            loaders_async.open_file_sync(f"{tmp_path}/{name}")
    with pytest.raises(StoreError, match="no such file or folder"):
        loaders_async.save_file_sync(tmp_path / "no folder" / "file", "x")


def test_harrys_own_store_is_never_touched(home):  # noqa: F811
    loaders_async.redis_save_sync("mood", "calm")
    (home / "link").symlink_to("harry.sqlite3")
    for name in ("harry.sqlite3", "harry.sqlite3-wal", "link"):
        with pytest.raises(StoreError, match="own store"):
            loaders_async.open_file_sync(home / name)
        with pytest.raises(StoreError, match="own store"):
            loaders_async.save_file_sync(home / name, "x")
    assert loaders_async.redis_load_sync("mood") == "calm"


def test_a_written_file_keeps_its_mode_and_its_links(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    loaders_async.save_file_sync(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_disk_that_fails_at_any_step_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch, step):
    loaders_async.save_file_sync(tmp_path / "file", "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((Path, "replace", full) if step == "replace" else (os, step, full)))
    with pytest.raises(StoreError, match="disk is full"):
        loaders_async.save_file_sync(tmp_path / "file", "new")
    monkeypatch.undo()
    assert loaders_async.open_file_sync(tmp_path / "file") == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_the_file_is_synced_before_it_takes_the_name_and_the_folder_after(tmp_path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        steps.append("name")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_file(tmp_path / "file", b"content")
    assert steps == ["file", "name", "folder"]
    steps.clear()
    write_all([(tmp_path / f"{number}", b"content") for number in range(5)])
    assert steps == ["file"] * 5 + ["name"] * 5 + ["folder"], "files written together do not share the folder's sync"


@pytest.mark.parametrize("slow", [0.0, 1.0], ids=["a disk that lets one wait", "a fast disk"])
def test_of_files_written_together_each_succeeds_or_fails_by_itself(tmp_path, monkeypatch, slow):
    monkeypatch.setattr(whole_files, "_SLOW", slow)
    (tmp_path / "folder").mkdir()
    jobs = [(tmp_path / f"{number}", b"%d" % number) for number in range(20)]
    bad = [(tmp_path / "folder", b""), (tmp_path / "no folder" / "file", b""), (tmp_path / "harry.sqlite3", b"")]
    answers = write_all([*jobs[:10], *bad, *jobs[10:], (tmp_path / "0", b"the last")])
    assert [type(each) for each in answers] == [*[type(None)] * 10, *[StoreError] * 3, *[type(None)] * 11]
    names = [each.name for each in tmp_path.iterdir()]
    assert sorted(names) == sorted(["folder", *(str(number) for number in range(20))])
    assert read_all([path for path, _ in jobs]) == [b"the last", *(content for _, content in jobs[1:])]


@pytest.mark.parametrize("bad", [0, 5, 7])
def test_where_a_disk_fails_in_some_files_the_others_are_written(tmp_path, monkeypatch, bad):
    monkeypatch.setattr(whole_files, "_SLOW", 0.0)
    for number in range(8):
        (tmp_path / f"{number}").write_bytes(b"old")
    fsync = os.fsync

    def sometimes_full(descriptor: int) -> None:
        if os.fstat(descriptor).st_size == bad + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sometimes_full)
    answers = write_all([(tmp_path / f"{number}", b"x" * (number + 1)) for number in range(8)])
    assert [number for number, each in enumerate(answers) if each is not None] == [bad]
    found = [(tmp_path / f"{number}").read_bytes() for number in range(8)]
    assert found == [b"old" if number == bad else b"x" * (number + 1) for number in range(8)]
    assert len(list(tmp_path.iterdir())) == 8


def test_a_folder_that_cannot_be_synced_fails_each_file_by_its_own_name(tmp_path, monkeypatch):
    fsync = os.fsync

    def no_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", no_folders)
    answers = write_all([(tmp_path / f"file{number}", b"x") for number in range(3)])
    assert [f"file{number} cannot be written" in str(each) for number, each in enumerate(answers)] == [True] * 3


async def test_what_is_no_name_at_all_fails_where_it_was_given_and_nowhere_else(tmp_path):
    async with open_files() as files, trio.open_nursery() as nursery:
        nursery.start_soon(files.save_text, tmp_path / "file", "x")
        with pytest.raises(TypeError):
            await files.save_text(5, "x")
        with pytest.raises(TypeError):
            await files.load_text(None)
    assert (tmp_path / "file").read_text() == "x"


async def test_what_is_saved_at_the_same_time_is_all_there(tmp_path):
    async with open_files() as files, trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(files.save_json, tmp_path / f"{number % 150}", {"number": number % 150})
    async with open_files() as files:
        assert [await files.load_json(tmp_path / f"{number}") for number in range(150)] == [
            {"number": number} for number in range(150)
        ]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)  # fmt: skip


@given(_JSON)
def test_json_is_laid_out_without_another_meaning(data):
    assert json.loads(files._laid_out(data)) == data


def test_json_deeper_than_it_can_be_laid_out_is_kept_in_one_line():
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    assert files._laid_out(deep) == b"[" * 501 + b"]" * 501


CHILD = """
import os, sys
from pathlib import Path
from harry.files.atomic import write_file
for number in range(100_000):
    write_file(Path(sys.argv[1]), (b"%d " % number) * 20_000)
    os.write(1, b"%d\\n" % number)
"""


def kill_again_and_again(folder: Path, lives: int) -> None:
    path = folder / "file"
    for _ in range(lives):
        with subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            told = [next(child.stdout, b"") for _ in range(random.randint(1, 30))]
            child.send_signal(signal.SIGKILL)
            told += list(child.stdout)
        content = path.read_bytes().split()
        assert len(content) == 20_000
        assert len(set(content)) == 1, "the file is torn"
        assert int(content[0]) >= int([line for line in told if line.endswith(b"\n")][-1]), (
            "an acknowledged write is gone"
        )


def test_a_writer_ended_by_kill_nine_leaves_a_whole_file(tmp_path):
    kill_again_and_again(tmp_path, 5)


@pytest.mark.acceptance
@pytest.mark.timeout(3600)
def test_five_hundred_writers_ended_by_kill_nine_leave_a_whole_file(tmp_path):
    kill_again_and_again(tmp_path, 500)
