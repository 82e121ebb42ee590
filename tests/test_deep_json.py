"""Texts nested too deeply, at every door: a mistake of whoever sent them, and nobody's end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harry.engines.refusals import explain_refusal
from harry.errors import ConfigurationError, EngineError
from harry.files.json_text import MAX_DEPTH, TooDeepError, parse_json
from harry.memory.lore.importing import _json
from harry.memory.store.erasure import _of_user
from harry.memory.store.spill import _readable
from harry.mind.openai.call_assembly import is_json
from harry.mind.openai.discovery import _models
from harry.tools.toolbox import _arguments
from harry.web.realtime.client_events import _parsed
from harry.web.realtime.settings import Wrong
from harry.web.server.http import Refusal, Request

DEPTHS = [MAX_DEPTH + 1, 500, 963, 990, 5_000, 200_000]


def _lists(depth: int) -> str:
    return "[" * depth + "]" * depth


def _objects(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


def _mixed(depth: int) -> str:
    return '{"a":[' * (depth // 2) + "{}" * (depth % 2) + "]}" * (depth // 2)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("shape", [_lists, _objects, _mixed])
def test_what_is_too_deep_is_no_json_at_any_door(shape: Callable[[int], str], depth: int, tmp_path: Path) -> None:
    text = shape(depth + 1)
    with pytest.raises(TooDeepError):
        parse_json(text)
    with pytest.raises(Refusal) as refused:
        Request("POST", "/v1/chat/completions", {}, "127.0.0.1", body=text.encode()).json()
    assert refused.value.status == 400
    with pytest.raises(Wrong, match="not JSON"):
        _parsed(f'{{"type": "conversation.item.create", "item": {text}}}')
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        _json(text.encode(), tmp_path)
    with pytest.raises(ValueError, match=r"."):
        _arguments(f'{{"a": {text}}}')
    assert not is_json(text)
    assert _models(f'{{"data": {text}}}'.encode()) == ()
    error = explain_refusal(500, f'{{"error": {text}}}'.encode(), host="here", model="m", after=None)
    assert isinstance(error, EngineError)


@pytest.mark.parametrize("depth", [5_000, 200_000])
def test_a_deep_line_in_a_spill_file_is_laid_aside(depth: int) -> None:
    assert not _readable(_lists(depth).encode())
    assert not _of_user(_lists(depth).encode(), "owner")


def test_what_is_let_in_can_be_written_again() -> None:
    for shape in (_lists, _objects):
        assert json.loads(json.dumps(parse_json(shape(MAX_DEPTH)))) is not None


def test_brackets_in_words_are_words() -> None:
    assert parse_json(json.dumps({"text": "[{" * 10_000})) == {"text": "[{" * 10_000}
