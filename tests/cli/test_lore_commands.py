"""`harry lore` as a person meets it: words, numbers and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harry.cli import app as cli
from tests.support.paths import DATA

BOOKS = DATA / "lore"


class Shell:
    """Runs `harry lore` in this process, in a home of its own."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._monkeypatch = monkeypatch
        self._output = output
        monkeypatch.setenv("HARRY_HOME", str(home))

    def __call__(self, *arguments: str) -> tuple[int, list[str], str]:
        """Give the exit code, the lines of standard output, and standard error."""
        self._monkeypatch.setattr("sys.argv", ["harry", "lore", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self._output.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), said.out.splitlines(), said.err

    def well(self, *arguments: str) -> list[str]:
        """Run what must succeed."""
        code, out, err = self(*arguments)
        assert (code, err) == (0, ""), (code, err)
        return out


@pytest.fixture
def lore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setattr("harry.cli.exit_codes.let_go_of_output", lambda: True)
    return Shell(tmp_path / "home", monkeypatch, capsys)


def test_an_entry_is_added_listed_switched_and_deleted(lore):
    assert lore.well("add", "It sleeps.", "--key", "dragon", "--key", "wyrm", "--priority", "3") == ["1"]
    assert lore.well("add", "It is autumn.", "--constant") == ["2"]
    assert lore.well("disable", "1") == []
    assert lore.well("list") == [
        "notes (2)",
        "     1  [dragon, wyrm] It sleeps.  (disabled)",
        "     2  [] It is autumn.  (constant)",
    ]
    assert lore.well("enable", "1") == []
    shown = [json.loads(line) for line in lore.well("list", "--json")]
    assert [(each["number"], each["enabled"], each["priority"]) for each in shown] == [(1, True, 3), (2, True, None)]
    assert lore.well("delete", "1") == ["1 entry deleted."]
    assert lore.well("delete", "--book", "notes") == ["1 entry deleted."]
    assert lore.well("list", "--json") == []


def test_a_sentence_tells_which_entries_fire_and_why(lore):
    lore.well("add", "It sleeps.", "--key", "dragon")
    lore.well("add", "It shines.", "--key", "gold", "--secondary", "hoard")
    lore.well("add", "He rides.", "--key", "knight")
    lore.well("disable", "3")
    lore.well("add", "Bad.", "--key", "(", "--regex")
    lore.well("add", "Much. " * 300, "--key", "sword")
    lore.well("add", "Never.", "--key", "...")
    lore.well("add", "Nowhere.", "--key", "nowhere")
    out = lore.well("test", "Earlier, a sword.", "A dragon, gold, a knight...")
    assert out[0] == "1 of 7 entries fire."
    assert out[1] == "  fires          1  dragon: key 'dragon' found in the newest text at character 3"
    assert out[2] == "  does not       2  gold: a key was found, but none of its secondary keys"
    assert out[3] == "  does not       3  knight: it is disabled"
    assert "cannot be run: missing )" in out[4]
    assert "but it needs 900 tokens and 495 are left" in out[5]
    assert out[6].startswith("  does not       6  ...: its keys hold no letter, digit or symbol")
    assert out[7] == "  does not       7  nowhere: none of its keys stands in the newest 4 texts"
    reasons = [json.loads(line)["reason"] for line in lore.well("test", "--json", "sword", "a dragon and a knight")]
    assert reasons == ["key", "no key", "disabled", "bad pattern", "over budget", "no usable key", "no key"]


def test_entries_without_a_key_in_the_sentence_are_summed_up(lore, tmp_path):
    path = tmp_path / "many.json"
    path.write_text(json.dumps({"entries": [{"keys": [f"word{number}"], "content": "x"} for number in range(50)]}))
    lore.well("import", str(path))
    assert lore.well("test", "word7") == [
        "1 of 50 entries fire.",
        "  fires          8  word7: key 'word7' found in the newest text at character 1",
        "  49 more have no key in it (--all names them).",
    ]
    assert len(lore.well("test", "--all", "word7")) == 51


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("book.json", "The valley: 4 entries from a V3 lorebook, 1 constant, 1 disabled."),
        ("world.json", "world: 2 entries from a SillyTavern world, 0 constant, 1 disabled."),
        ("story.lorebook", "story: 3 entries from a NovelAI lorebook, 1 constant, 2 disabled."),
    ],
)
def test_a_book_is_imported_and_what_is_exported_imports_again(lore, tmp_path, name, says):
    told = lore.well("import", str(BOOKS / name))
    assert told[0] == says
    assert [line for line in told[1:] if "never fires" in line] == [
        line for line in told[1:] if line.endswith("it is disabled")
    ]
    assert told[-1].endswith("entries can fire.")
    out = tmp_path / "out.json"
    assert lore.well("export", "--out", str(out)) == []
    assert json.loads(out.read_text()) == json.loads("\n".join(lore.well("export")))
    lore.well("import", str(out), "--name", "again")
    assert lore.well("import", str(out), "--name", "again", "--replace")[1].startswith("They took the place of")
    first, second = (json.loads("\n".join(lore.well("export", book)))["data"] for book in (says.split(":")[0], "again"))
    assert first["entries"] == second["entries"]


def test_disabled_and_constant_entries_of_a_novelai_book_stay_so(lore):
    lore.well("import", str(BOOKS / "story.lorebook"))
    verdicts = [json.loads(line) for line in lore.well("test", "--json", "the fog and the gull")]
    assert [(each["title"], each["reason"]) for each in verdicts] == [
        ("Edda", "constant"),
        ("Fog", "disabled"),
        ("Gull", "disabled"),
    ]


def test_each_persona_and_namespace_has_lore_of_its_own(lore):
    lore.well("add", "Leo's.", "--key", "x", "--persona", "Leo")
    lore.well("add", "Ada's.", "--key", "x", "--namespace", "ada")
    assert lore.well("list", "--json") == []
    assert lore.well("list", "--persona", "Leo") == ["notes (1)", "     1  [x] Leo's."]
    assert lore.well("test", "x", "--namespace", "ada")[0] == "1 of 1 entries fire."


def test_looking_makes_nothing_and_says_that_there_is_nothing(lore):
    for words in (("list",), ()):
        [said] = lore.well(*words)
        assert "harry lore add" in said
    assert lore.well("list", "--json") == []
    assert lore.well("test", "hello") == ["0 of 0 entries fire."]
    assert not lore.home.exists()


def test_what_would_steer_the_terminal_is_left_out(lore):
    lore.well("add", "a\x1b[2Jb", "--key", "k\x07ey")
    shown = "\n".join([*lore.well("list"), *lore.well("test", "x")])
    assert "\x1b" not in shown
    assert "\x07" not in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "text"), "say at least one --key"),
        (("add", " ", "--key", "x"), "there is nothing to add"),
        (("add", "text", "--key", "x", "--order", "inf"), "inf is no place"),
        (("add", "text", "--key", "x" * 2_000), "a key of more than 1000 characters"),
        (("enable", "7"), "There is no entry 7"),
        (("disable", "x"), "NUMBER"),
        (("delete",), "name either entries or a --book"),
        (("delete", "1", "--book", "b"), "name either entries or a --book"),
        (("delete", "--book", "nothing"), "There is no book 'nothing'"),
        (("import", "nothing.json"), "nothing.json cannot be read"),
        (("export",), "There are 0 books"),
        (("export", "nothing"), "There is no book 'nothing'"),
        (("list", "--set", "memory.store=memory"), "nothing is kept"),
        (("test",), "SENTENCE"),
    ],
)
def test_a_wrong_call_is_said_in_a_sentence(lore, arguments, says):
    code, _, err = lore(*arguments)
    assert code == 2
    assert says in err
    assert "Traceback" not in err


def test_a_broken_file_is_refused_and_nothing_of_it_is_kept(lore, tmp_path):
    path = tmp_path / "half.json"
    path.write_bytes((BOOKS / "book.json").read_bytes()[:700])
    code, _, err = lore("import", str(path))
    assert code == 2
    assert "is not whole JSON" in err
    assert lore.well("list", "--json") == []
