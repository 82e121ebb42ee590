"""Commands agree with one another: bare groups list, what is empty is said, help is whole, `--set` stands anywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from harry.cli import app as cli

Answer = tuple[int, str, str]
Harry = Callable[..., Answer]

ROOT: Any = typer.main.get_command(cli.app)


@pytest.fixture
def harry(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Harry:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("harry.log_setup.configure", lambda *_: None)

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["harry", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def commands(group: Any = ROOT, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        yield (*place, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*place, name))


@pytest.mark.parametrize(
    ("bare", "said"),
    [
        (("models",), "qwen3-1.7b"),
        (("memory",), "Nothing is remembered yet."),
        (("lore",), "`harry lore add"),
        (("soc",), "No thoughts on that day."),
        (("prompt",), "== persona"),
        (("prompt", "What is new?"), "What is new?"),
        (("token", "list"), "No tokens yet. `harry token` makes one"),
        (("budget",), "Daily limit for cloud minds: none"),
        (("egress",), "Nothing has left this computer"),
        (("bench",), "barge-in"),
        ((), "Commands:"),
    ],
)
def test_a_group_without_a_command_shows_what_there_is_and_says_if_that_is_nothing(
    harry: Harry, bare: tuple[str, ...], said: str
) -> None:
    code, out, err = harry(*bare)
    assert (code, err) == (0, "")
    assert said in out


@pytest.mark.parametrize("group", ["memory", "lore", "soc"])
def test_for_programs_nothing_is_no_line(harry: Harry, group: str) -> None:
    assert harry(group, "--json") == (0, "", "")


def test_a_word_that_is_no_command_is_a_mistake_where_no_words_are_taken(harry: Harry) -> None:
    code, out, err = harry("memory", "serach")
    assert (code, out) == (2, "")
    assert "search" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--set", "persona.name=Ada", "prompt", "show", "Hello."),
        ("--set=persona.name=Ada", "prompt", "show", "Hello."),
        ("prompt", "--set", "persona.name=Ada", "show", "Hello."),
        ("prompt", "show", "Hello.", "--set", "persona.name=Ada"),
        ("prompt", "--set", "persona.name=Ada"),
        ("--set", "persona.name=Bob", "prompt", "--set", "persona.name=Ada"),
    ],
)
def test_a_key_may_be_set_before_or_after_the_command(harry: Harry, arguments: tuple[str, ...]) -> None:
    code, out, _ = harry(*arguments)
    assert code == 0
    assert "You are Ada" in out


def test_what_is_set_for_a_command_that_reads_no_configuration_is_refused(harry: Harry) -> None:
    code, _, err = harry("--set", "persona.name=Ada", "bench", "turn")
    assert code == 2
    assert "--set" in err


def test_help_is_whole_and_each_command_has_a_sentence(harry: Harry) -> None:
    for place, command in commands():
        sentence = command.get_short_help_str(1000)
        assert re.fullmatch(r"[A-Z].*[.)]", sentence), place
    for group in ((), *(place for place, command in commands() if hasattr(command, "commands"))):
        code, out, _ = harry(*group, "--help")
        assert code == 0
        assert "..." not in out.replace("[ARGS]...", "").replace("OPTIONS]...", ""), group


def test_every_command_that_harry_advises_exists() -> None:
    known = {place for place, _ in commands()}
    advised = set()
    for path in (Path(cli.__file__).parents[1]).rglob("*.py"):
        for words in re.findall(r"`harry ([a-z](?:[a-z-]+ ?)+)", path.read_text("utf-8")):
            advised.add((path.name, tuple(words.split())))
    assert len(advised) > 10
    wrong = [each for each in advised if not any(each[1][:length] in known for length in (1, 2))]
    assert not wrong
    groups = {place[0] for place in known if len(place) > 1}
    for name, words in advised:
        if words[0] in groups - {"soc", "prompt", "token", "import"} and len(words) > 1:
            assert words[:2] in known, (name, words)


# Wrong advice


def test_a_file_that_is_no_backup_is_told_from_a_damaged_store(harry: Harry, tmp_path: Path) -> None:
    strange = tmp_path / "passwd"
    strange.write_text("root:x:0:0\n")
    _, _, err = harry("restore", str(strange))
    assert "is no backup of Harry's store. Name a file that `harry backup` wrote." in err
    assert "move it away" not in err


@pytest.mark.parametrize("name", ["b.md", "b.txt", "book"])
def test_a_text_that_is_imported_without_its_kind_is_told_so_once(harry: Harry, tmp_path: Path, name: str) -> None:
    book = tmp_path / name
    book.write_text("# A book\n\nWith a few lines,\nnone of them JSON.\n")
    code, out, err = harry("memory", "import", str(book))
    assert (code, out) == (2, "")
    assert "--kind book" in err
    assert len(err.splitlines()) == 1


def test_a_memory_s_time_is_shown_as_people_read_it(harry: Harry) -> None:
    assert harry("memory", "add", "The cat is called Tom.", "--id", "cat", "--time", "2026-01-31T12:00")[0] == 0
    shown = harry("memory", "show", "cat")[1]
    assert "Saturday, 2026-01-31 12:00:00" in shown
    assert '"time": 1' in harry("memory", "show", "cat", "--json")[1]


# Settings that would do nothing


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("persona.language=de", "Harry speaks only English so far"),
        ("web.certificate_key=/k.pem", "web.certificate is not"),
        ("budget.engine.opnrouter.money=1", "Did you mean 'openrouter'?"),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(harry: Harry, setting: str, said: str) -> None:
    code, _, err = harry("models", "--set", setting)
    assert code == 2
    assert said in err


def test_english_in_any_country_is_english(harry: Harry) -> None:
    assert harry("models", "--set", "persona.language=en-GB")[0] == 0


def test_a_bare_token_command_prints_a_new_token_and_nothing_else(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harry.cli.app", "token"],
        env={**os.environ, "HARRY_HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert re.fullmatch(r"[\w-]{43}\n", done.stdout)
