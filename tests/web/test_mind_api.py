"""Whoever has no mind is offered one on the page, fetches it there, or wants none: his owner alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import EngineBusy
from harry.host import startup
from harry.host.engine_loading import Candidate, Chain
from harry.mind.absent import Absent
from harry.models import fetching
from harry.models.catalogue import offered
from harry.services import model_offer
from harry.testing.engines import ScriptedLanguageModel
from tests.support.loopback_server import Answer, Away, away

NOTHING = Chain("language_model", (Candidate("gguf", {}, "", lambda: None), Candidate("none")))


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer on which the model could be fetched and would run."""

    async def chains(config: object) -> list[Chain]:
        await trio.lowlevel.checkpoint()
        return [NOTHING]

    monkeypatch.setattr(model_offer, "_fits", lambda folder, model: True)
    monkeypatch.setattr(model_offer, "has_default_route", lambda: True)
    monkeypatch.setattr(startup, "chains", chains)


def none() -> Engines:
    return Engines(language_model=EnginePool("language_model", Absent("none")))


async def asked(door: Away, method: str, path: str, *, user: str = "owner") -> Answer:
    return await door.ask(method, path, token=door.front.tokens.new(user))


def events(answer: Answer) -> list[tuple[str, dict[str, Any]]]:
    told = [each.split("\n") for each in answer.body.decode().strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in told]


async def test_it_is_offered_fetched_with_progress_and_there(
    able: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, model = offered()

    async def pull(model: Any, folder: Path, progress: Any) -> None:
        progress("m.gguf", model.size // 2, model.size)
        await trio.testing.wait_all_tasks_blocked()
        progress("m.gguf", model.size, model.size)

    monkeypatch.setattr(fetching, "pull", pull)
    async with away(tmp_path, engines=none()) as door:
        offer = (await asked(door, "GET", "/api/mind")).json()
        assert (offer["model"]["name"], offer["model"]["size"], offer["declined"]) == (name, model.size, False)
        told = events(await asked(door, "POST", "/api/mind/fetch"))
        assert ("progress", {"done": model.size // 2, "total": model.size}) in told
        assert told[-1] == ("done", {"name": name})


async def test_what_goes_wrong_is_told_at_the_end(able: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def pull(model: Any, folder: Path, progress: Any) -> None:
        await trio.lowlevel.checkpoint()
        raise EngineBusy("The hub does not answer.")

    monkeypatch.setattr(fetching, "pull", pull)
    async with away(tmp_path, engines=none()) as door:
        told = events(await asked(door, "POST", "/api/mind/fetch"))
        assert told[-1][0] == "failed"
        assert told[-1][1]["message"].startswith("The hub does not answer.")


async def test_two_pages_do_not_fetch_at_once_and_one_that_is_closed_ends_the_download(
    able: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, ended = trio.Event(), trio.Event()

    async def pull(model: Any, folder: Path, progress: Any) -> None:
        began.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    monkeypatch.setattr(fetching, "pull", pull)
    async with away(tmp_path, engines=none()) as door:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(asked, door, "POST", "/api/mind/fetch")
                await began.wait()
                second = await asked(door, "POST", "/api/mind/fetch")
                assert (second.status, second.json()["error"]["code"]) == (409, "under_way")
                nursery.cancel_scope.cancel()
            await ended.wait()


async def test_no_is_remembered_and_can_be_changed(able: None, tmp_path: Path) -> None:
    async with away(tmp_path, engines=none()) as door:
        assert (await asked(door, "POST", "/api/mind/decline")).json()["declined"] is True
        assert (tmp_path / model_offer.DECLINED).exists()
        offer = (await asked(door, "GET", "/api/mind")).json()
        assert (offer["declined"], offer["model"]["name"]) == (True, offered()[0])


async def test_nobody_but_the_owner_is_asked(able: None, tmp_path: Path) -> None:
    async with away(tmp_path, engines=none()) as door:
        for method, path in (("GET", "/api/mind"), ("POST", "/api/mind/decline"), ("POST", "/api/mind/fetch")):
            assert (await asked(door, method, path, user="ann")).status == 403
    assert not (tmp_path / model_offer.DECLINED).exists()


@pytest.mark.parametrize(("key", "value", "told"), [("local_only", True, "local_only"), ("fetch", "no", "fetch")])
async def test_a_setting_that_forbids_it_is_named(
    able: None, tmp_path: Path, key: str, value: object, told: str
) -> None:
    async with away(tmp_path, engines=none()) as door:
        door.host.config = door.host.config.model_copy(update={key: value})
        offer = (await asked(door, "GET", "/api/mind")).json()
        assert offer["model"] is None
        assert told in offer["reason"]
        refused = await asked(door, "POST", "/api/mind/fetch")
        assert (refused.status, told in refused.json()["error"]["message"]) == (409, True)


async def test_beside_a_mind_that_serves_none_is_offered(able: None, tmp_path: Path) -> None:
    minds = Engines(language_model=EnginePool("language_model", ScriptedLanguageModel("mind", ["Hello."])))
    async with away(tmp_path, engines=minds) as door:
        assert (await asked(door, "GET", "/api/mind")).json()["model"] is None
