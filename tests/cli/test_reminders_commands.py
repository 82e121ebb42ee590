"""`harry reminders` as a person meets it: what is set is listed, and taken back."""

from __future__ import annotations

import json

import pytest
import trio

from harry.cli import app as cli
from harry.memory.store.database import Database
from harry.memory.store.opening import STORE_FILE
from harry.memory.store.reminders import Reminders
from harry.reflexes.reminders import Reminding


@pytest.fixture
def reminders(tmp_path, monkeypatch, capsys):
    """Run `harry reminders ...` in a home where one reminder is set; give the exit code, the lines and the error."""
    monkeypatch.setenv("HARRY_HOME", str(tmp_path))
    monkeypatch.setattr("harry.cli.exit_codes.let_go_of_output", lambda: True)

    def shell(*arguments):
        monkeypatch.setattr("sys.argv", ["harry", "reminders", *arguments, "--set", "user.name=maria"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out.splitlines(), said.err

    return shell, tmp_path


async def _set(folder):
    folder.mkdir(parents=True, exist_ok=True)
    tables = await Database.open(folder / STORE_FILE)
    reminding = Reminding(Reminders(tables), lambda user: ())
    await reminding.set("maria", "timer", seconds=60)
    await reminding.set("maria", "reminder", seconds=3600, text="call Anna")
    await reminding.set("peter", "reminder", seconds=30, text="a secret")
    await tables.aclose()


def test_where_nothing_is_set_it_says_so(reminders):
    shell, _ = reminders
    assert shell("list") == (0, ["Nothing is set."], "")
    assert shell() == (0, ["Nothing is set."], "")
    assert shell("cancel", "all") == (0, ["Nothing is set."], "")
    assert shell("list", "--json") == (0, [], "")


def test_before_harrys_first_start_nothing_is_set_and_looking_makes_no_folder(reminders, monkeypatch):
    shell, folder = reminders
    monkeypatch.setenv("HARRY_HOME", str(folder / "new"))
    assert shell() == (0, ["Nothing is set."], "")
    assert shell("cancel", "all") == (0, ["Nothing is set."], "")
    assert shell("cancel", "x")[0] == 2
    assert not (folder / "new").exists()


def test_ones_own_are_listed_the_next_first_and_taken_back_by_name(reminders):
    shell, folder = reminders
    trio.run(_set, folder)
    code, lines, _ = shell("list")
    assert code == 0
    assert len(lines) == 2
    assert "timer" in lines[0]
    assert lines[1].endswith("call Anna")
    listed = [json.loads(line) for line in shell("list", "--json")[1]]
    assert [each["kind"] for each in listed] == ["timer", "reminder"]
    assert shell("cancel", listed[1]["id"]) == (0, ["Taken back."], "")
    assert [json.loads(line)["kind"] for line in shell("list", "--json")[1]] == ["timer"]


def test_another_users_reminder_cannot_be_taken_back(reminders):
    shell, folder = reminders
    trio.run(_set, folder)
    code, lines, error = shell("cancel", "nobody")
    assert (code, lines) == (2, [])
    assert "harry reminders list" in error
