"""A documented chain starts Harry whatever else runs on the machine; a server that comes later serves then."""

from __future__ import annotations

import json
import re
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from harry.config.loading import load_config
from harry.config.mind_presets import PORTS
from harry.engines import registry
from harry.errors import ConfigurationError
from harry.host import startup
from harry.host.engine_loading import load_engines
from harry.mind.openai import discovery
from tests.support.chat_server import failing, serving

DOCS = [Path(__file__).parents[2] / name for name in ("README.md", "docs/minds.md", "docs/configuration.md")]
_CHAIN = re.compile(r"^(?:.*`\[engines\] )?(language_model *= *\[.*?\])", re.MULTILINE)
CHAINS = sorted({found for path in DOCS for found in _CHAIN.findall(path.read_text("utf-8"))})
MODELS = failing(200, json.dumps({"data": [{"id": "llama3.2"}]}).encode())


@pytest.fixture(autouse=True)
def nothing_else_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENROUTER_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(PORTS, "ollama", 9)  # nobody listens there


async def mind_of(tmp_path: Path, chain: str) -> Any:
    config = load_config(None, [f"engines.{chain.replace(' = ', '=')}"], {"HARRY_HOME": str(tmp_path)})
    chains = [each for each in await startup.chains(config) if each.role == "language_model"]
    return await load_engines(chains)


def test_there_are_chains_in_the_documents() -> None:
    assert len(CHAINS) >= 2
    assert all(tomllib.loads(each) for each in CHAINS)


@pytest.mark.embedded
@pytest.mark.parametrize("chain", CHAINS)
async def test_a_documented_chain_starts_harry_with_nothing_else_on_the_machine(tmp_path: Path, chain: str) -> None:
    engines = await mind_of(tmp_path, chain)
    assert engines.language_model is not None
    told = " ".join(engines.notes)
    assert "ollama does not answer at http://127.0.0.1:11434/v1 yet" in told
    assert "Field required" not in told
    await engines.aclose()


async def test_a_server_that_is_named_alone_and_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"ollama does not answer at .* Start it"):
        await mind_of(tmp_path, 'language_model = "ollama"')


async def test_a_server_that_comes_later_is_found_while_harry_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(MODELS) as (server, _):
        monkeypatch.setattr(startup, "AwaitedServers", partial(discovery.AwaitedServers, every=0.01))
        monkeypatch.setattr(startup, "find_local_servers", nobody)
        monkeypatch.setitem(PORTS, "ollama", server.port)
        engines = await mind_of(tmp_path, 'language_model = ["ollama", "scripted"]')
        assert engines.language_model.engine.name == "scripted"
        [watch] = engines.watches
        with trio.fail_after(20):
            await watch()
        assert engines.language_model.engine.name == "ollama"
        await engines.aclose()


async def nobody(**_: Any) -> dict[str, discovery.LocalServer]:
    await trio.lowlevel.checkpoint()
    return {}


def test_a_key_that_is_missing_is_told_in_a_sentence() -> None:
    chat = registry.find_engine_class("language_model", "openai-chat")
    with pytest.raises(ConfigurationError, match=r"^engine\.far\.model is not set\. Set it in the \[engine\.far\]"):
        registry.check_settings(chat, "engine.far", {"base_url": "http://127.0.0.1:9/v1"})
