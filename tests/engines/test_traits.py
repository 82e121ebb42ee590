"""Traits: an engine declares them; one that was written before there were any says them by attributes."""

from __future__ import annotations

from dataclasses import fields

import pytest
import trio

from actors.protocols import EngineTraits
from harry.engines.engine_set import Engines
from harry.engines.registry import ROLES
from harry.engines.traits import read_traits
from harry.mind.fallback.relay import Link, Relay
from harry.mind.llamacpp.engine import Gguf
from harry.mind.llamacpp.smollm2 import SmolLM2
from harry.mind.openai.engine import OpenAIChat
from harry.testing.engines import ScriptedLanguageModel

NAMES = [each.name for each in fields(EngineTraits)]


class Plain:
    """An engine that says nothing of itself."""


@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_of_old_is_a_trait(name: str) -> None:
    old = type("Old", (), {name: True})
    assert read_traits(old) == read_traits(old()) == EngineTraits(**{name: True})


def test_an_engine_that_says_nothing_has_no_trait() -> None:
    assert read_traits(Plain()) == read_traits(Plain) == read_traits(None) == EngineTraits()


def test_what_is_declared_counts_and_not_the_attributes_of_old() -> None:
    class Engine:
        traits = EngineTraits(toolless=True)
        small = True

    assert read_traits(Engine()) == EngineTraits(toolless=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_whose_property_needs_an_instance_is_not_taken_to_have_the_trait(name: str) -> None:
    old = type("Old", (), {name: property(lambda self: True)})
    assert read_traits(old) == EngineTraits()
    assert read_traits(old()) == EngineTraits(**{name: True})


def test_harry_s_own_minds_have_the_traits_they_had() -> None:
    assert read_traits(SmolLM2) == EngineTraits(small=True, toolless=True, embedded=True)
    assert read_traits(Gguf) == EngineTraits(toolless=True, embedded=True)
    assert read_traits(OpenAIChat) == EngineTraits(light=True)


@pytest.mark.parametrize(("url", "local"), [("http://127.0.0.1:8080/v1", True), ("https://example.com/v1", False)])
async def test_a_mind_behind_http_is_local_where_its_server_is_on_this_computer(url: str, local: bool) -> None:
    settings = OpenAIChat.Settings(base_url=url, model="m", api_key="k")
    mind = OpenAIChat.load("far", settings)
    assert read_traits(mind) == EngineTraits(light=True, local=local)
    await mind.aclose()


async def test_the_chain_of_minds_has_the_traits_of_the_one_that_answers_next() -> None:
    class Small(ScriptedLanguageModel):
        traits = EngineTraits(small=True)

    async def load() -> Small:
        await trio.lowlevel.checkpoint()
        return Small("small", ["Yes."])

    link = Link("small", load)
    chain = Relay([link])
    assert read_traits(chain) == EngineTraits()
    link.note_class(SmolLM2)
    assert read_traits(chain) == SmolLM2.traits
    await link.load_pool()
    assert read_traits(chain) == EngineTraits(small=True)
    await chain.aclose()


def test_a_set_of_engines_knows_each_role() -> None:
    assert tuple(Engines().by_role) == ROLES
