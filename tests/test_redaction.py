"""What is shown of a configuration: everything but secrets, which are known by their place first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, SecretStr

from harry.config.loading import Config, load_config
from harry.engines.registry import check_engine_table
from harry.errors import ConfigurationError
from harry.redaction import ADDRESS, HIDDEN, MASK, masked, masked_address, shown_settings, without_secrets
from harry.services.settings import shown

SECRET = "S3CRET"

TABLES: list[dict[str, Any]] = [
    {"redis": {"url": f"redis://:{SECRET}@127.0.0.1:1/0"}},
    {"redis": {"url": f"redis://harry:a/{SECRET}@b#@127.0.0.1:1/0?password={SECRET}"}},
    {"mcp": {"a": {"url": f"http://{SECRET}@127.0.0.1:9/mcp?x={SECRET}#{SECRET}", "headers": {"X-Any": SECRET}}}},
    {"mcp": {"a": {"command": "x", "args": ["--t", SECRET, f"--t={SECRET}"], "env": {"ANY": SECRET}}}},
    {"engine": {"a": {"kind": "b", "extra": {"deep": [{"deeper": SECRET}, [SECRET]], "n": 1}}}},
    {"engine": {"a": {"kind": "b", "base_url": f"https://u:{SECRET}@h/v1?k={SECRET}", "headers": {"A": SECRET}}}},
    {"engine": {"a": {"kind": "b", "api_key": SECRET, "tokens": [SECRET], "credentials": {"user": SECRET}}}},
    {"redis": {"url": f"harry:{SECRET}@127.0.0.1:1/0"}},
    {"mcp": {"a": {"url": f"127.0.0.1:9/mcp?{SECRET}"}}},
    {"mcp": {"a": {"url": f"http://127.0.0.1:9/mcp#{SECRET}"}}},
    {"mcp": {"a": {"command": "x", "args": [SECRET], "env": {"PATH": SECRET, "LANG": SECRET}}}},
    {"engine": {"openrouter": {"headers": {"HTTP-Referer": SECRET}, "extra": {"user": SECRET}}}},
    {"engine": {"openai-chat": {"base_url": f"{SECRET}@127.0.0.1/v1", "api_key": SECRET}}},
    {"engine": {"a": {"kind": "of-a-plug-in-that-is-gone", "account": SECRET, "pin": SECRET, "where": [SECRET]}}},
    {"engine": {"a": {"kind": "b", "places": ["https://x:" + SECRET + "@h/", {"at": f"wss://h/?s={SECRET}"}]}}},
]


@pytest.mark.parametrize("table", TABLES)
def test_a_secret_is_not_shown_wherever_it_stands(table: dict[str, Any]) -> None:
    config = Config.model_validate(table)
    assert SECRET not in json.dumps(shown(config))


def test_all_else_is_shown_as_it_is() -> None:
    engine = {"kind": "openai-chat", "model": "m", "base_url": "http://127.0.0.1:8080/v1", "temperature": 0.5}
    settings = shown(Config.model_validate({"persona": {"name": "Mia"}, "engine": {"mine": engine}}))
    assert settings["persona"]["name"] == "Mia"
    assert settings["web"]["port"] == 8765
    assert settings["engine"]["mine"] == engine
    assert without_secrets({"max_tokens": 512, "headers": {"A": ""}}) == {"max_tokens": 512, "headers": {"A": ""}}


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("https://a:b@c.example/d?e=f#g", f"https://{MASK}@c.example/d?{MASK}"),
        ("unix:///run/redis.sock?password=x", f"unix:///run/redis.sock?{MASK}"),
        ("What is it? mia@example.com", "What is it? mia@example.com"),
    ],
)
def test_an_address_keeps_its_host_and_path(address: str, shown: str) -> None:
    assert masked_address(address) == shown


@pytest.mark.parametrize(
    "table",
    [
        {"model": "m", "base_url": f"https://me:{SECRET}@h/v1"},
        {"model": "m", "base_url": "http://h/v1", "headers": f"Bearer {SECRET}"},
        {"model": "m", "base_url": "http://h/v1", "extra": [SECRET]},
        {"model": "m", "base_url": "http://h/v1", "api_key": [SECRET]},
        {"model": "m", "base_url": f"h/v1?{SECRET}"},
    ],
)
def test_a_mistake_in_an_engine_s_table_is_told_without_a_secret(table: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as told:
        check_engine_table("language_model", "mine", {"kind": "openai-chat", **table})
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    "toml",
    [
        f'[mcp.a]\ncommand = "x"\nargs = "--key {SECRET}"',
        f'[mcp.a]\nurl = "http://h/"\nheaders = "Bearer {SECRET}"',
        f'[mcp.a]\ncommand = "x"\nenv = ["A={SECRET}"]',
        f'[redis]\nurl = ["redis://:{SECRET}@h/0"]',
        f'[web]\nport = "http://me:{SECRET}@h/"',
    ],
)
def test_a_mistake_in_the_file_is_told_without_a_secret(toml: str, tmp_path: Path) -> None:
    file = tmp_path / "harry.toml"
    file.write_text(toml)
    with pytest.raises(ConfigurationError) as told:
        load_config(file, environ={})
    assert SECRET not in str(told.value)


def test_what_a_library_says_of_an_address_is_logged_without_its_secrets() -> None:
    said = f"Client error '401' for url 'http://me:{SECRET}@h/mcp?key={SECRET}'"
    assert SECRET not in masked(said)
    assert "h/mcp" in masked(said)


def test_a_setting_is_hidden_by_its_mark_whatever_it_is_called() -> None:
    class OfAPlugIn(BaseModel):
        words: Annotated[list[str], HIDDEN]
        table: Annotated[dict[str, int], HIDDEN]
        place: Annotated[str, ADDRESS]
        word: SecretStr | None
        other: str

    given = {"words": [SECRET], "table": {"pin": 1234}, "place": f"{SECRET}@h/x?{SECRET}", "word": SECRET, "other": "o"}
    told = shown_settings(OfAPlugIn, given)
    assert told == {"words": [MASK], "table": {"pin": MASK}, "place": f"{MASK}@h/x?{MASK}", "word": MASK, "other": "o"}
