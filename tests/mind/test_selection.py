"""Which mind Harry thinks with at first start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harry.engines import registry
from harry.mind.openai.discovery import LocalServer
from harry.mind.selection import BETTER_MINDS, list_choices

OLLAMA = LocalServer("ollama", "http://127.0.0.1:11434/v1", ("llama3.2", "other"))
SERVERS = {"ollama": OLLAMA}


def names(*args: Any, **kwargs: Any) -> list[str]:
    return [choice.name for choice in list_choices(*args, **kwargs)]


def test_everything_there_is_is_tried_in_order() -> None:
    environ = {"OPENAI_API_KEY": "k", "OPENROUTER_API_KEY": "k"}
    assert names(None, environ, SERVERS, Path("m.gguf")) == ["openrouter", "openai", "ollama", "gguf", "none"]


@pytest.mark.parametrize("environ", [{}, {"OPENAI_API_KEY": ""}, {"OPENROUTER_API_KEY": " "}])
def test_with_nothing_there_is_no_mind_unless_the_smallest_is_switched_on(environ: dict[str, str]) -> None:
    assert names(None, environ, {}, None) == ["none"]
    assert names(None, environ, {}, None, smallest=True) == ["smollm2", "none"]


def test_what_the_configuration_names_stands_alone() -> None:
    environ = {"OPENAI_API_KEY": "k"}
    assert names(["ollama", "smollm2"], environ, {}, Path("m.gguf")) == ["ollama", "smollm2"]


def test_a_found_server_is_asked_for_its_first_model() -> None:
    for configured in (None, ["ollama"]):
        choice = list_choices(configured, {}, SERVERS, None)[0]
        assert choice.table["model"] == "llama3.2"
        assert choice.table["base_url"] == OLLAMA.base_url


def test_the_configurations_table_is_laid_over_what_is_known() -> None:
    tables: dict[str, dict[str, Any]] = {"openai": {"model": "mine"}, "smollm2": {"threads": 1}}
    first, small, _ = list_choices(None, {"OPENAI_API_KEY": "k"}, {}, None, tables, smallest=True)
    assert first.table["model"] == "mine"
    assert first.table["base_url"] == "https://api.openai.com/v1"
    assert small.table == {"threads": 1}


def test_a_name_of_another_kind_owes_nothing_to_the_preset() -> None:
    tables: dict[str, dict[str, Any]] = {"openai": {"kind": "scripted", "replies": "x"}}
    assert list_choices(["openai"], {}, {}, None, tables)[0].table == tables["openai"]


def test_each_choice_has_a_table_that_its_engine_accepts() -> None:
    environ = {"OPENAI_API_KEY": "k", "OPENROUTER_API_KEY": "k"}
    for choice in list_choices(None, environ, SERVERS, Path("m.gguf")):
        table = dict(choice.table)
        engine = registry.find_engine_class("language_model", str(table.pop("kind", choice.name)))
        registry.check_settings(engine, choice.name, table)
        assert choice.why


def test_no_key_is_copied_into_a_table() -> None:
    assert "secret" not in repr(list_choices(None, {"OPENAI_API_KEY": "secret"}, {}, None))


def test_the_three_ways_to_a_better_mind_are_named() -> None:
    for way in ("OPENROUTER_API_KEY", "OPENAI_API_KEY", "Ollama", "GGUF"):
        assert way in BETTER_MINDS
