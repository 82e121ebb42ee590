"""Actors can be replaced by plug-ins: through entry points, as the example in the README does it."""

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.retriever import retrieve
from harry.errors import ConfigurationError
from harry.session import actor_registry as casting
from tests.support.paths import ROOT
from tests.support.virtual_session import house, says

EXAMPLE = ROOT / "examples" / "tea_memory"


@pytest.fixture
def tea_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example, as installed: its module and its entry points are on the path."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    info = tmp_path / "harry_tea_memory-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    [(group, points)] = project["entry-points"].items()
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    return iter([None])


def test_harrys_own_actors_come_through_the_same_door() -> None:
    assert casting.load_actors({}) == casting.ActorSet()


def test_a_name_that_no_plug_in_has_is_told_with_what_there_is() -> None:
    with pytest.raises(ConfigurationError, match=r"actors\.retriever: there is no retriever 'tae'\. Known: harry\."):
        casting.load_actors({"retriever": "tae"})


async def test_the_example_replaces_the_retriever(tea_memory: None, autojump_clock: MockClock) -> None:
    cast = casting.load_actors({"retriever": "tea"})
    assert cast.retriever is not retrieve
    seen: list[tuple[str, ...]] = []
    async with house(mind=says("Tea it is."), cast=cast) as home:
        pipeline: Any = home.session.conductor._answer
        asked = pipeline._parts.prompt

        def prompt(user, mind, recollection):
            seen.append(recollection.thoughts)
            return asked(user, mind, recollection)

        pipeline._parts = replace(pipeline._parts, prompt=prompt)
        home.session.answer_typed("what shall I drink?")
        await trio.sleep(2)
        assert [each.fields["text"] for each in home.happened("heard")] == ["Tea it is."]
    assert seen == [("The user likes tea.",)]


def test_the_example_is_ten_lines() -> None:
    lines = [line for line in (EXAMPLE / "tea_memory.py").read_text("utf-8").splitlines() if line.strip()]
    assert len(lines) <= 10
