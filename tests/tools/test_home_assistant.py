"""A house's tools by `[home_assistant]`, from a server of the protocol's own library, made as Home Assistant's."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from actors.protocols import ToolCall
from channels.clock import AudioClock
from channels.events import EventStream
from channels.messages import Outcome, Source, Utterance
from channels.turn import Turn, new_id
from harry.config.loading import load_config
from harry.errors import ConfigurationError
from harry.host.shared_tools import toolkit
from harry.services.prompt_inspection import show_tools
from harry.tools.toolbox import SessionTools
from tests.support.paths import ROOT

TOKEN = "eyJhbGciOi-of-a-house"


@asynccontextmanager
async def a_house() -> AsyncIterator[str]:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    command = [sys.executable, "-m", "tests.support.house_server", str(port), TOKEN]
    process = await trio.lowlevel.open_process(command, cwd=ROOT)
    try:
        with trio.fail_after(30):
            await _listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        with trio.move_on_after(10, shield=True):
            await process.wait()


async def _listening(port: int) -> None:
    while True:
        try:
            await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
        except OSError:
            await trio.sleep(0.1)
        else:
            return


def config(url: str, token: str = TOKEN, **more: str):
    sets = [f"{key.replace('__', '.')}={value}" for key, value in more.items()]
    return load_config(sets=[f"home_assistant.url={url}", f"home_assistant.token={token}", *sets], environ={})


async def test_the_tools_of_a_house_are_offered_and_used() -> None:
    async with a_house() as url, toolkit(config(f"{url}/")) as kit:
        with trio.fail_after(30):
            await kit.servers[0].ready.wait()
        offers = kit.offers(owner=True)
        assert {offer.tool.name: offer.tool.effect for offer in offers if offer.tool.name.startswith("home")} == {
            "home_assistant_GetLiveContext": False,
            "home_assistant_HassTurnOn": True,
        }
        assert kit.offers(owner=False) == []
        box = SessionTools(EventStream(AudioClock()), shared=lambda: kit.offers(owner=True))
        turn = Turn(Utterance(new_id(), "light, please", Source.TYPED), "ann", "s", "harry")
        turn.decided.set()
        calls = [
            ToolCall("1", "home_assistant_HassTurnOn", json.dumps({"name": "light", "area": "kitchen"})),
            ToolCall("2", "home_assistant_GetLiveContext", "{}"),
        ]
        done, state = await box.for_turn(turn).use(calls)
        assert (done.use.outcome, done.use.result) == (Outcome.FINISHED, "Turned on light kitchen")
        assert "21 degrees" in state.use.result


async def test_each_tool_waits_for_a_yes_where_that_is_wanted() -> None:
    async with a_house() as url, toolkit(config(url, home_assistant__confirm="true")) as kit:
        with trio.fail_after(30):
            await kit.servers[0].ready.wait()
        assert all(offer.confirm for offer in kit.offers(owner=True) if offer.tool.name.startswith("home"))


async def test_a_token_that_is_not_accepted_is_told_without_it() -> None:
    async with a_house() as url:
        wanted = config(url, token="another-token")
        shown = [each for each in await show_tools(wanted) if "home_assistant" in each.text]
    assert len(shown) == 1
    assert "does not accept the token" in shown[0].text
    assert "another-token" not in shown[0].text


def test_the_token_may_stand_in_a_variable_and_is_never_shown() -> None:
    environ = {"HARRY_HOME_ASSISTANT__URL": "http://ha:8123", "HARRY_HOME_ASSISTANT__TOKEN": TOKEN}
    wanted = load_config(environ=environ)
    server = wanted.mcp_servers["home_assistant"]
    assert (server.url, server.headers) == ("http://ha:8123/api/mcp", {"Authorization": f"Bearer {TOKEN}"})
    assert TOKEN not in repr(wanted)
    assert TOKEN not in json.dumps(wanted.model_dump(mode="json"))


@pytest.mark.parametrize(
    ("sets", "sentence"),
    [
        (["home_assistant.url=http://ha:8123"], "home_assistant.token is not"),
        (["home_assistant.token=abc"], "home_assistant.url is not"),
        (["home_assistant.url=ha:8123", "home_assistant.token=abc"], "home_assistant.url"),
        (["home_assistant.url=http://me:pw@ha:8123", "home_assistant.token=abc"], "home_assistant.url"),
        (["home_assistant.url=http://ha:8123", "home_assistant.token=${HA_TOKEN}"], "name of a variable, HA_TOKEN"),
        (
            ["home_assistant.url=http://ha:8123", "home_assistant.token=abc", "mcp.home_assistant.command=x"],
            "has the name of the house's own server",
        ),
    ],
)
def test_half_a_house_is_refused_in_a_sentence(sets: list[str], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as raised:
        load_config(sets=sets, environ={})
    assert "pw@" not in str(raised.value)
