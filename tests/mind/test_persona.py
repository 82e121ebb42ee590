"""A persona is a folder that says who answers; what is wrong in it is told with its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harry.config.loading import load_config
from harry.config.persona import DEFAULT, MAX_FILE_BYTES, load_persona
from harry.errors import ConfigurationError
from tests.cli.test_cli import harry


def folder(at: Path, toml: str, **files: str) -> Path:
    at.mkdir(exist_ok=True)
    (at / "persona.toml").write_text(toml, encoding="utf-8")
    for name, text in files.items():
        (at / f"{name}.md").write_text(text, encoding="utf-8")
    return at


def test_the_default_persona_ships_and_names_are_put_in() -> None:
    persona = load_persona()
    told = persona.fill_names(persona.about, name="Rhoda", user="Ann")
    assert told.startswith("You are Rhoda")
    assert "Ann" in told
    assert "{{" not in told


def test_a_user_without_a_name_is_the_user() -> None:
    persona = load_persona()
    assert "you's" not in persona.fill_names(persona.about, name="Harry", user="you")
    assert persona.fill_names("{{USER}} and {{Char}}", name="Harry", user="") == "the user and Harry"


def test_what_a_folder_leaves_out_is_taken_from_the_default(tmp_path: Path) -> None:
    own = load_persona(folder(tmp_path / "p", 'name = "Leo"\nabout = ["me.md"]', me="You are {{char}}, a lion."))
    assert own.about == "You are {{char}}, a lion."
    assert own.thinking == load_persona(DEFAULT).thinking
    assert own.name == "Leo"


def test_the_name_comes_from_the_folder_unless_one_is_set(tmp_path: Path) -> None:
    leo = folder(tmp_path / "p", 'name = "Leo"')
    given = [f'persona.folder="{leo}"']
    assert load_config(None, given, {}).persona.name == "Leo"
    assert load_config(None, [*given, "persona.name=Tom"], {}).persona.name == "Tom"


def test_a_persona_tells_how_names_are_said(tmp_path: Path) -> None:
    assert load_persona(folder(tmp_path / "p", '[say]\nSQL = "sequel"')).say == {"SQL": "sequel"}
    assert load_persona().say == {}


def test_replies_are_a_text_or_a_list_of_texts(tmp_path: Path) -> None:
    own = load_persona(folder(tmp_path / "p", '[replies]\nstopped = "Yes."\nhello = ["Hi.", "Hey."]'))
    assert own.replies == {"stopped": ("Yes.",), "hello": ("Hi.", "Hey.")}


@pytest.mark.parametrize(
    ("toml", "files", "told"),
    [
        ("name = ", {}, "persona.toml"),
        ("nmae = 'Leo'", {}, "nmae"),
        ("name = 3", {}, "name must be"),
        ('about = ["../../etc/passwd"]', {}, "files of this folder"),
        ('about = ["me.md"]', {}, "me.md cannot be read"),
        ('about = ["me.md"]', {"me": "x" * (MAX_FILE_BYTES + 1)}, "longer than"),
        ("[replies]\nhello = 3", {}, "replies.hello"),
        ("[say]\nSQL = 3", {}, "say must hold texts"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, toml: str, files: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load_persona(folder(tmp_path / "p", toml, **files))


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a folder"):
        load_persona(tmp_path / "nowhere")


def test_text_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    at = folder(tmp_path / "p", 'about = ["me.md"]')
    (at / "me.md").write_bytes(b"caf\xe9")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_persona(at)


def test_a_person_can_see_each_part_of_the_prompt_and_why_it_is_there(tmp_path: Path) -> None:
    shown = harry(tmp_path, "prompt", "show", "Where is the key?", "--json")
    parts = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [part["section"] for part in parts] == ["persona", "time", "utterance"]
    assert all(part["why"] and part["tokens"] > 0 for part in parts)
    assert parts[-1]["text"] == "Where is the key?"


def test_a_person_can_see_which_tools_a_mind_is_offered(tmp_path: Path) -> None:
    sets = ["--set", f'tools.pictures="{tmp_path}"', "--set", 'tools.confirm=["get_image"]']
    [tool] = [
        each
        for each in map(json.loads, harry(tmp_path, "prompt", "show", "--json", *sets).stdout.splitlines())
        if each["section"] == "tools"
    ]
    assert tool["text"].startswith("get_image: Look")
    assert tool["why"] == "only reads, needs your yes"
    assert tool["tokens"] > 0
    assert "get_image" not in harry(tmp_path, "prompt", "show", "--small", *sets).stdout
