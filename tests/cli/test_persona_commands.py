"""`harry persona` as a person meets it, and what is kept apart between two personas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harry.config.cards import read_card
from harry.config.loading import load_config
from tests.support import cards
from tests.support.shell import Shell


@pytest.fixture
def harry(tmp_path, monkeypatch, capsys) -> Shell:
    return Shell(tmp_path / "home", monkeypatch, capsys)


def card_file(harry: Shell, content: bytes, name: str = "mara.json") -> Path:
    path = harry.home.parent / name
    path.write_bytes(content)
    return path


def files_of(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*")) if home.exists() else []


SOURCES = {1: cards.as_json(cards.v1()), 2: cards.as_json(cards.v2()), 3: cards.as_json(cards.v3())}


@pytest.mark.parametrize("version", SOURCES)
def test_a_card_comes_back_as_it_was(harry, version):
    harry.well("persona", "import", card_file(harry, SOURCES[version]), "--name", "Mara")
    out = harry.home.parent / "out.json"
    harry.well("persona", "export", "Mara", "--out", out)
    assert out.read_bytes() == SOURCES[version]
    assert harry.well("persona", "export", "Mara") == SOURCES[version].decode()


@pytest.mark.parametrize(("version", "kind"), [(2, b"tEXt"), (3, b"zTXt"), (3, b"iTXt")])
def test_a_picture_comes_back_with_its_card(harry, version, kind):
    picture = cards.in_png(SOURCES[version], kind=kind, keyword=b"ccv3" if version == 3 else b"chara")
    harry.well("persona", "import", card_file(harry, picture, "mara.png"), "--name", "Mara")
    out = harry.home.parent / "out.png"
    harry.well("persona", "export", "Mara", "--out", out)
    again = read_card(out)
    assert (again.source, again.version) == (SOURCES[version], version)
    # All but the card is byte for byte the same.
    assert out.read_bytes().startswith(cards.png()[:33])


def test_a_persona_is_imported_listed_shown_and_used(harry):
    said = harry.well("persona", "import", card_file(harry, SOURCES[3]))
    assert said.startswith("Old Mara: a V3 card as JSON, with a lorebook of 1 entry.")
    assert harry.well("persona") == "* Harry  (Harry himself)\n  Old Mara  (V3 card, a memory of its own)\n"
    shown = json.loads(harry.well("persona", "show", "old mara", "--json"))
    assert "> Old Mara keeps a lighthouse." in shown["prompt"]
    assert shown["greeting"] == "Come in, the user."
    assert "> Never hurry, Old Mara." in shown["reminder"]
    assert "answers from the next start on" in harry.well("persona", "use", "Old Mara")
    assert load_config().persona.name == "Old Mara"
    assert "* Old Mara" in harry.well("persona", "list")
    assert "The lamp is green." in harry.well("lore", "list")
    harry.well("persona", "use", "Harry")
    assert load_config().persona.name == "Harry"
    assert "Nothing is known" in harry.well("lore", "list")


def test_the_reminder_stands_behind_the_history_and_the_card_in_the_system_text(harry):
    harry.well("persona", "import", card_file(harry, SOURCES[2]))
    harry.well("persona", "use", "Mara")
    prompt = harry.well("prompt", "show", "Hello")
    assert prompt.index("keeps a lighthouse") < prompt.index("Never hurry, Mara.") < prompt.rindex("Hello")


def test_two_personas_share_no_memory_unless_that_is_asked_for(harry):
    harry.well("persona", "import", card_file(harry, SOURCES[2]))
    harry.well("persona", "import", card_file(harry, SOURCES[2]), "--name", "Nell", "--share-memory")
    harry.well("memory", "add", "The anchor is in the shed.")
    harry.well("persona", "use", "Mara")
    _code, out, _err = harry("memory", "search", "anchor")
    assert "anchor is" not in out
    harry.well("memory", "add", "The kettle is in the attic.")
    harry.well("soc", "today")
    harry.well("persona", "use", "Nell")
    assert "anchor is in the shed" in harry.well("memory", "search", "anchor")
    assert "kettle is" not in harry.well("memory", "search", "kettle")


def test_erasing_somebody_erases_what_every_persona_remembers_of_him(harry):
    harry.well("persona", "import", card_file(harry, SOURCES[2]))
    harry.well("memory", "add", "The anchor is in the shed.", "--namespace", "Ann")
    harry.well("persona", "use", "Mara")
    harry.well("memory", "add", "The kettle is in the attic.", "--namespace", "Ann")
    harry.well("erase", "--user", "Ann", "--yes")
    for path in harry.home.rglob("harry.sqlite3*"):
        content = path.read_bytes()
        assert b"anchor" not in content
        assert b"kettle" not in content


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "..", "a/b\\c", "CON", "\u202eevil", "名前", "x" * 64])
def test_no_name_leads_out_of_the_folder(harry, name):
    harry("persona", "import", card_file(harry, cards.as_json({**cards.v1(), "name": name})))
    outside = [path for path in harry.home.parent.rglob("*") if harry.home not in path.parents and path != harry.home]
    assert [path.name for path in outside] == ["mara.json"]
    for folder in (harry.home / "personas").glob("*"):
        assert folder.parent == harry.home / "personas"
        assert folder.is_dir()


REFUSED = {
    "no name": cards.as_json({**cards.v1(), "name": " "}),
    "a name of two lines is one": cards.as_json({**cards.v1(), "name": "x" * 65}),
    "Harry's own name": cards.as_json({**cards.v1(), "name": "harry"}),
    "cut in half": SOURCES[2][:300],
    "too large": cards.as_json({**cards.v1(), "description": "x" * 10_000_000}),
    "a zip bomb": cards.in_zip({"card.json": b" " * 20_000_000}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_of_a_card_that_is_refused_nothing_is_kept(harry, what):
    harry.refused("persona", "import", card_file(harry, REFUSED[what]))
    assert [name for name in files_of(harry.home) if name.startswith(("personas/", "memories"))] == []


def test_an_import_that_fails_half_way_leaves_nothing(harry, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)
    code, _, err = harry("persona", "import", card_file(harry, SOURCES[2]))
    assert code != 0
    assert "No space left" in err
    assert files_of(harry.home / "personas") == []
    assert files_of(harry.home / "memories") == []


def test_a_name_is_given_once(harry):
    harry.well("persona", "import", card_file(harry, SOURCES[1]))
    assert "already" in harry.refused("persona", "import", card_file(harry, SOURCES[2]))
    assert "already" in harry.refused("persona", "import", card_file(harry, SOURCES[2]), "--name", "mara!")


def test_a_book_that_cannot_be_read_keeps_no_persona_away(harry):
    card = cards.as_json(cards.v2(character_book={"entries": [{"keys": 5.5, "content": {}}]}))
    code, out, err = harry("persona", "import", card_file(harry, card))
    assert code == 0
    assert out.startswith("Mara: a V2 card")
    assert "lorebook" in err
    assert harry.well("persona", "export", "Mara") == card.decode()


def test_a_persona_without_a_card_is_written_as_one(harry):
    made = json.loads(harry.well("persona", "export", "Harry"))
    assert made["spec"] == "chara_card_v3"
    assert "voice companion" in made["data"]["description"]


def test_an_unknown_persona_is_named_with_those_there_are(harry):
    assert "There are: Harry." in harry.refused("persona", "use", "Nobody")
    assert "no persona" in harry.refused("persona", "show", "Nobody")


def test_what_is_imported_is_private(harry):
    harry.well("persona", "import", card_file(harry, SOURCES[2]))
    for path in (harry.home / "personas").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_name_that_was_set_is_taken_out_and_told(harry):
    harry.home.mkdir()
    (harry.home / "harry.toml").write_text('[persona]\nname = "Mia" # mine\n')
    harry.well("persona", "import", card_file(harry, SOURCES[1]))
    assert "'Mia' was taken out" in harry.well("persona", "use", "Mara")
    assert load_config().persona.name == "Mara"
