"""The API beside the page: everybody's own things, as described, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from openapi_spec_validator import validate

from actors.protocols import Request, Usage
from channels.messages import Source, Thought, TurnRecord
from channels.turn import new_id
from harry.config.loading import Config
from harry.host.budget import Budget, Ledger, Limit
from harry.memory.store.database import Database
from harry.session.session import Session
from harry.web.api import handlers as api
from harry.web.api import schemas
from tests.support.loopback_server import Answer, Away, away, upgrade

MANY = "/api/turns?" + "a=1&" * 99
OTHERS = "the otter is hidden"


@asynccontextmanager
async def kept(tmp_path: Path, **web: Any) -> AsyncIterator[Away]:
    """A door before a disk on which ann and ben have each said and been thought about."""
    store = await Database.open(tmp_path / "harry.sqlite3")
    for user, secret in (("ann", "the heron's secret"), ("ben", OTHERS)):
        turns = [
            TurnRecord(
                turn=f"{user}-{number}", user=user, session="s", namespace="harry", source=Source.TYPED,
                started_at=1000.0 + number, ended_at=1001.0 + number, said=f"{secret} {number}",
                spoken="ah", heard="ah", interrupted=False, reason="finished",
            )
            for number in range(3)
        ]  # fmt: skip
        await store.write([*turns, Thought(new_id(), user, "s", "harry", "Harry", 1000.0, f"thinking of {secret}")])
    async with away(tmp_path, store=store, **web) as door:
        yield door
    await store.aclose()


async def test_the_description_is_valid_openapi_and_every_answer_is_as_described(tmp_path: Path) -> None:
    async with kept(tmp_path) as door:
        described = (await door.ask("GET", "/api/openapi.json")).json()
        validate(described)
        served = {
            (each.method, each.pattern) for each in door.front.door.routes.all if each.pattern.startswith("/api/")
        }
        told = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
        streams = {("GET", "/api/events"), ("GET", "/api/history.md"), ("POST", "/api/mind/fetch")}
        assert served - told == {("GET", "/api/openapi.json"), *streams}
        memory = (await door.ask("GET", "/api/memories")).json()["memories"][0]["id"].replace("/", "%2F")
        reminding = door.host.reminding
        assert reminding is not None
        reading = [
            path for path in api.PATHS if path.method == "GET" or path.name == "forget" or "reminder" in path.name
        ]
        for path in sorted(reading, key=lambda path: path.method, reverse=True):
            timer = (await reminding.set("ann", "timer", seconds=60)).id
            named = timer if "reminders" in path.pattern else memory
            answer = await door.ask(path.method, path.pattern.replace("{id}", named).replace("{action}", "pause"))
            if path.pattern in ("/api/settings", "/api/mind"):
                assert answer.status == 403, "they are the owner's"
                continue
            assert answer.status == 200, path
            path.answer.model_validate_json(answer.body, extra="forbid")


async def test_what_is_answered_is_one_s_own(tmp_path: Path) -> None:
    async with kept(tmp_path) as door:
        assert [each["said"] for each in (await door.ask("GET", "/api/history")).json()["exchanges"]] == [
            f"the heron's secret {number}" for number in range(3)
        ]
        page = (await door.ask("GET", "/api/turns?limit=2")).json()
        assert [each["id"] for each in page["turns"]] == ["ann-2", "ann-1"]
        rest = (await door.ask("GET", f"/api/turns?limit=2&before={page['next']}")).json()
        assert ([each["id"] for each in rest["turns"]], rest["next"]) == (["ann-0"], None)
        days = (await door.ask("GET", "/api/soc")).json()["days"]
        soc = (await door.ask("GET", f"/api/soc?day={days[0]}")).json()
        assert [each["text"] for each in soc["thoughts"]] == ["thinking of the heron's secret"]
        found = (await door.ask("GET", "/api/memories?query=secret%20heron")).json()["memories"]
        assert found
        assert OTHERS not in json.dumps(found)


async def test_a_memory_can_be_deleted_and_is_gone(tmp_path: Path) -> None:
    async with kept(tmp_path) as door:
        one = (await door.ask("GET", "/api/memories")).json()["memories"][0]["id"].replace("/", "%2F")
        assert (await door.ask("DELETE", f"/api/memories/{one}")).json()["deleted"] >= 1
        assert (await door.ask("GET", f"/api/memories/{one}")).status == 404
        assert (await door.ask("DELETE", f"/api/memories/{one}")).status == 404


async def test_wrong_parameters_are_told(tmp_path: Path) -> None:
    async with kept(tmp_path) as door:
        for path in ("/api/soc?day=someday", "/api/turns?limit=-1", "/api/turns?limit=1001", "/api/turns?before=x",
                     "/api/memories?kind=dreams", "/api/journal?day=2026-13-45", MANY):  # fmt: skip
            answer = await door.ask("GET", path)
            assert answer.status == 400, path
            schemas.Refused.model_validate_json(answer.body)


async def read_events(door: Away, token: str, path: str = "/api/events") -> AsyncGenerator[dict[str, Any], None]:
    async with await door.connect() as stream:
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        await stream.send_all(head.encode())
        seen = b""
        while True:
            while b"\n\n" in seen:
                block, _, seen = seen.partition(b"\n\n")
                for line in block.splitlines():
                    if line.startswith(b"data: "):
                        yield json.loads(line[6:])
            more = await stream.receive_some()
            if not more:
                return
            seen += more


async def said(session: Session, line: str) -> None:
    told = session.events.listen()
    session.answer_typed(line)
    with trio.fail_after(20):
        async for event in told:
            if event.event == "turn_ended":
                break
    told.close()
    await trio.testing.wait_all_tasks_blocked(0.01)


async def test_events_of_one_s_own_conversation_are_told_and_of_no_other(tmp_path: Path) -> None:
    async with kept(tmp_path) as door, door.host.open(user="ben") as bens:
        assert (await door.ask("GET", "/api/events")).status == 404
        assert (await door.ask("GET", f"/api/events?session={bens.identity.session}")).status == 404
        async with door.host.open(user="ann") as anns:
            told: list[dict[str, Any]] = []

            async def listen() -> None:
                with trio.move_on_after(30):
                    async with aclosing(read_events(door, door.token)) as events:
                        async for event in events:
                            told.append(event)
                            if event["event"] == "turn_ended":
                                return

            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen)
                await trio.sleep(0.3)
                await said(bens, OTHERS)
                await said(anns, "good evening")
            assert [each["text"] for each in told if each["event"] == "transcript"] == ["good evening"]
            assert OTHERS not in json.dumps(told)
            turn = (await door.ask("GET", "/api/turns?limit=1")).json()["turns"][0]
            assert turn["timeline"]
            status = (await door.ask("GET", "/api/status")).json()
            assert [each["id"] for each in status["sessions"]] == [anns.identity.session]


async def test_a_listener_that_goes_leaves_nothing_behind(tmp_path: Path) -> None:
    async with kept(tmp_path) as door, door.host.open(user="ann") as session:
        before = len(session.events._listeners)
        async with await door.connect() as stream:
            head = f"GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {door.token}\r\n\r\n"
            await stream.send_all(head.encode())
            while b": here" not in await stream.receive_some():
                pass
            assert len(session.events._listeners) == before + 1
        with trio.fail_after(10):
            while len(session.events._listeners) > before:  # noqa: ASYNC110  (a listener's end tells nobody)
                await trio.sleep(0.01)


async def test_readiness_and_metrics_are_told_to_whoever_has_a_token(tmp_path: Path) -> None:
    async with kept(tmp_path, sessions=1) as door:
        assert (await door.ask("GET", "/readyz")).status == 200
        async with door.host.open(user="ann") as session, door.host.open(user="ben"):
            await said(session, "hello")
            assert (await door.ask("GET", "/readyz")).status == 503
            text = (await door.ask("GET", "/metrics")).body.decode()
        samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        assert samples["harry_sessions"] == "2"
        assert samples['harry_turns_total{reason="finished"}'] == "1"
        assert float(samples['harry_door_answers_total{path="/readyz",status="200"}']) == 1
        # Nothing that a person said or is called is a label.
        assert "ann" not in text.replace("channel", "")
        assert "hello" not in text


def test_secrets_in_the_settings_are_masked() -> None:
    config = Config(engine={"openrouter": {"api_key": "sk-very-secret-key", "model": "m"}})
    assert "very-secret" not in json.dumps(config.model_dump(mode="json"))


# Every route


@pytest.mark.parametrize("wrong", ["no token", "wrong token", "revoked token", "host", "origin"])
async def test_every_route_refuses_whoever_may_not_come_in(tmp_path: Path, wrong: str) -> None:
    async with kept(tmp_path) as door, door.host.open(user="ann"):
        headers: dict[str, str] = {}
        token: str | None = None
        if wrong == "no token":
            token = ""
        elif wrong == "wrong token":
            token = "A" * 43
        elif wrong == "revoked token":
            token = door.front.tokens.new("ann")
            known = door.front.tokens.whose(token)
            assert known is not None
            door.front.tokens.revoke(known.id)
        elif wrong == "host":
            headers["Host"] = f"evil.example:{door.port}"
        else:
            headers["Origin"] = "http://evil.example"
        for route in door.front.door.routes.all:
            if route.public and "token" in wrong:
                continue
            more = upgrade() if route.on_socket is not None else {}
            path = route.pattern.replace("{id}", "ann-0")
            answer = await door.ask(route.method, path, token=token, headers={**more, **headers})
            assert answer.status in (401, 403, 421, 429), route
            assert "secret" not in answer.body.decode()


async def test_no_route_gives_another_user_s_things(tmp_path: Path) -> None:
    async with kept(tmp_path) as door, door.host.open(user="ben") as session:
        await said(session, OTHERS)
        bens = door.front.tokens.new("ben")
        ids = [each["id"] for each in (await door.ask("GET", "/api/memories", token=bens)).json()["memories"]]
        assert ids
        asked = [route for route in door.front.door.routes.all if route.on_socket is None and not route.public]
        for route in asked:
            for one in ids if "{id}" in route.pattern else [""]:
                for query in (
                    "",
                    "?query=otter",
                    f"?session={session.identity.session}",
                    "?user=ben",
                    "?namespace=ben",
                ):
                    answer: Answer = await door.ask(
                        route.method, route.pattern.replace("{id}", one.replace("/", "%2F")) + query
                    )
                    assert OTHERS not in answer.body.decode(), route
                    assert session.identity.session not in answer.body.decode(), route
        # And nothing of his was deleted.
        assert ids == [each["id"] for each in (await door.ask("GET", "/api/memories", token=bens)).json()["memories"]]


async def test_what_minds_cost_today_is_shown_to_the_person_whose_harry_it_is_and_to_nobody_else(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as door:
        budget = door.host.budget = Budget(Ledger(None), Limit(tokens=50_000))
        async with budget.spending("far", Request(()), local=False) as take:
            take(Usage(100, 20, 0.5))
        owners = door.front.tokens.new("owner")
        spending = (await door.ask("GET", "/api/status", token=owners)).json()["spending"]
        assert spending["day"]
        assert spending["limits"]["all elsewhere"]
        assert spending["spent"] == [{"engine": "far", "local": False, "replies": 1, "tokens": 120, "money": 0.5}]
        assert (await door.ask("GET", "/api/status")).json()["spending"] is None
