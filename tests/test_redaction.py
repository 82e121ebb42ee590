"""What is shown of a configuration: everything but secrets, which are known by their place first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harry.config.loading import Config
from harry.redaction import MASK, masked_address, without_secrets

SECRET = "S3CRET"

TABLES: list[dict[str, Any]] = [
    {"redis": {"url": f"redis://:{SECRET}@127.0.0.1:1/0"}},
    {"redis": {"url": f"redis://harry:a/{SECRET}@b#@127.0.0.1:1/0?password={SECRET}"}},
    {"mcp": {"a": {"url": f"http://{SECRET}@127.0.0.1:9/mcp?x={SECRET}#{SECRET}", "headers": {"X-Any": SECRET}}}},
    {"mcp": {"a": {"command": "x", "args": ["--t", SECRET, f"--t={SECRET}"], "env": {"ANY": SECRET}}}},
    {"engine": {"a": {"kind": "b", "extra": {"deep": [{"deeper": SECRET}, [SECRET]], "n": 1}}}},
    {"engine": {"a": {"kind": "b", "base_url": f"https://u:{SECRET}@h/v1?k={SECRET}", "headers": {"A": SECRET}}}},
    {"engine": {"a": {"kind": "b", "api_key": SECRET, "tokens": [SECRET], "credentials": {"user": SECRET}}}},
    {"engine": {"a": {"kind": "b", "places": ["https://x:" + SECRET + "@h/", {"at": f"wss://h/?s={SECRET}"}]}}},
]


@pytest.mark.parametrize("table", TABLES)
def test_a_secret_is_not_shown_wherever_it_stands(table: dict[str, Any]) -> None:
    config = Config.model_validate(table)
    assert SECRET not in json.dumps(without_secrets(config.model_dump(mode="json")))


def test_all_else_is_shown_as_it_is() -> None:
    shown = without_secrets(Config.model_validate({"persona": {"name": "Mia"}}).model_dump(mode="json"))
    assert shown["persona"]["name"] == "Mia"
    assert shown["web"]["port"] == 8765
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
