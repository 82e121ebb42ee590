"""The data folder: private, and held by one process at a time, whose end by any means lets go of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harry.errors import FolderInUse, StoreError
from harry.memory.store.data_folder import LOCK_FILE, FolderHold, lock_folder, prepare_folder

HOLD = """
import sys
from pathlib import Path
from harry.memory.store.data_folder import lock_folder

with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_second_process_is_told_which_one_holds_the_folder(tmp_path):
    with holder(tmp_path) as child:
        with pytest.raises(FolderInUse, match=rf"process {child.pid}\).*\. End that one first"), lock_folder(tmp_path):
            pass
        child.communicate("")
    with lock_folder(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\nin use\n"
    assert (tmp_path / LOCK_FILE).read_text() == "", "nothing is left by one who ends in order"


def test_kill_nine_lets_go_of_the_folder(tmp_path):
    with holder(tmp_path) as child:
        child.send_signal(signal.SIGKILL)
        child.wait()
        hold = FolderHold(tmp_path)
        hold.take()
        assert hold.left_behind
        hold.release()


def test_an_end_in_order_is_none_that_is_told(tmp_path):
    (tmp_path / LOCK_FILE).write_text("1234\n")  # as it was left by versions that never emptied it
    for _ in range(2):
        hold = FolderHold(tmp_path)
        hold.take()
        assert not hold.left_behind
        hold.release()


def test_one_who_could_not_get_the_folder_changes_nothing_in_it(tmp_path):
    with lock_folder(tmp_path):
        late = FolderHold(tmp_path)
        with pytest.raises(FolderInUse):
            late.take()
        late.release()
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\nin use\n"


def test_the_lock_ends_with_its_block_and_holds_within_one_process_too(tmp_path):
    for _ in range(2):
        with lock_folder(tmp_path):
            with pytest.raises(FolderInUse, match=f"process {os.getpid()}"), lock_folder(tmp_path):
                pass
            with pytest.raises(FolderInUse), lock_folder(tmp_path):
                pass


def test_the_lock_file_is_its_owners_alone(tmp_path):
    with lock_folder(tmp_path):
        assert (tmp_path / LOCK_FILE).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_cannot_be_locked(tmp_path):
    with (
        pytest.raises(StoreError, match=r"cannot be written: No such file.*\. Make the folder"),
        lock_folder(tmp_path / "none"),
    ):
        pass


def test_a_folder_is_made_with_its_parents_and_made_private(tmp_path):
    wanted = tmp_path / "a" / "b"
    prepare_folder(wanted)
    assert wanted.stat().st_mode & 0o777 == 0o700
    wanted.chmod(0o755)
    prepare_folder(wanted)
    assert wanted.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_folders_place_is_told(tmp_path, below):
    (tmp_path / "taken").touch()
    with pytest.raises(StoreError, match=r"taken is a file\. Move that file away"):
        prepare_folder(tmp_path / "taken" / below)
