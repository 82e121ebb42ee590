"""Programs that have Harry say something or ask: with a token that is good for this alone, and not without bound."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from harry.host.access_tokens import ANNOUNCE
from harry.session.announcements import Announcements
from tests.support.loopback_server import Answer, Away, away, open_socket, upgrade
from tests.support.page_room import Room, room


async def post(door: Away, body: Any, *, user: str = "owner", scope: str = ANNOUNCE) -> Answer:
    token = door.front.tokens.new(user, scope=scope)
    return await door.ask("POST", "/api/say", token=token, body=json.dumps(body).encode())


async def heard(here: Room, words: str) -> None:
    told = here.session.events.listen()
    with trio.fail_after(20):
        while words not in [exchange.heard for exchange in here.session.conductor.history]:
            await told.__anext__()


async def changed(queue: Announcements, *, idle: bool) -> None:
    while queue.idle is not idle:
        await queue._changed.wait()


async def test_a_token_for_announcements_has_him_say_something_in_the_room() -> None:
    async with room() as here:
        answer = await post(here.door, {"text": "Dinner.", "urgency": "now"})
        assert answer.status == 200
        assert answer.json() == {"state": "waiting", "told": "He says it in the next gap.", "answer": None}
        again = await post(here.door, {"text": "Dinner.", "urgency": "now"})
        assert "already" in again.json()["told"]
        await heard(here, "Dinner.")
        assert (await post(here.door, {"text": "Dinner."})).json()["state"] == "heard"


async def test_it_is_good_for_nothing_else() -> None:
    async with room() as here:
        token = here.door.front.tokens.new("owner", scope=ANNOUNCE)
        for route in here.door.front.door.routes.all:
            if route.public or route.pattern == "/api/say":
                continue
            more = upgrade() if route.on_socket is not None else {}
            answer = await here.door.ask(route.method, route.pattern, token=token, headers=more)
            assert (answer.status, answer.json()["error"]["code"]) == (403, "scope"), route.pattern
        assert (await here.door.ask("GET", "/nothing", token=token)).status == 403
        cookie = {"Cookie": f"harry-{here.door.port}={token}"}
        assert (await here.door.ask("GET", "/api/me", token="", headers=cookie)).status == 403


async def test_a_question_is_answered_with_the_words_as_they_were_understood() -> None:
    async with room() as here, trio.open_nursery() as nursery:
        answers: list[Answer] = []

        async def ask() -> None:
            answers.append(await post(here.door, {"text": "Tea?", "urgency": "now", "ask": True, "answer_within": 15}))

        nursery.start_soon(ask)
        await heard(here, "Tea?")
        here.session.answer_typed("Yes, two cups.")
    assert answers[0].json() == {"state": "answered", "told": "Answered.", "answer": "Yes, two cups."}


async def test_where_nobody_answers_it_is_told() -> None:
    async with room() as here:
        answer = await post(here.door, {"text": "Tea?", "urgency": "now", "ask": True, "answer_within": 1})
        assert answer.json() == {
            "state": "unanswered", "told": "Nobody answered within 1 seconds.", "answer": None,
        }  # fmt: skip


async def test_a_program_that_goes_is_not_asked_for_any_more() -> None:
    async with room() as here:
        token = here.door.front.tokens.new("owner", scope=ANNOUNCE)
        body = json.dumps({"text": "Tea?", "urgency": "low", "ask": True}).encode()
        head = f"POST /api/say HTTP/1.1\r\nHost: 127.0.0.1:{here.door.port}\r\nAuthorization: Bearer {token}\r\n"
        queue = here.door.host.announcers.of("owner")
        async with await here.door.connect() as stream:
            await stream.send_all(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            with trio.fail_after(5):
                await changed(queue, idle=False)
        with trio.fail_after(5):
            await changed(queue, idle=True)


async def test_too_much_is_refused_with_a_sentence_and_only_for_the_one_who_says_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with room() as here:
        monkeypatch.setattr(here.door.host.announcers, "_an_hour", 2)
        token = here.door.front.tokens.new("owner", scope=ANNOUNCE)
        answers = [
            await here.door.ask("POST", "/api/say", token=token, body=json.dumps({"text": f"{number}."}).encode())
            for number in range(3)
        ]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert "No more than 2 announcements an hour" in answers[2].json()["error"]["message"]
        assert 0 < float(answers[2].header("retry-after") or 0) <= 3600
        assert (await post(here.door, {"text": "Another program."})).status == 200


async def test_only_the_owner_has_something_said_to_somebody_else() -> None:
    async with room() as here:
        assert (await post(here.door, {"text": "Boo.", "user": "owner"}, user="ann")).status == 403
        answer = await post(here.door, {"text": "Dinner.", "user": "ann", "urgency": "now"})
        assert answer.json()["told"] == "ann is not there. He says it if ann comes in time."
        async with open_socket(here.door, "/v1/realtime?model=harry") as anns:
            with trio.fail_after(20):
                while "Dinner." not in await anns.get_message():
                    pass


@pytest.mark.parametrize(
    "body",
    [
        {}, {"text": ""}, {"text": "x" * 2001}, {"text": "Hello.", "urgency": "shout"}, {"text": "Hello.", "user": ""},
        {"text": "Hello.", "expires_in": 0}, {"text": "Hello.", "ask": True, "answer_within": 0}, {"said": "Hello."},
        {"text": "Hello.", "user": "a\nb"}, {"text": " \n"}, [], None,
    ],
)  # fmt: skip
async def test_what_cannot_be_said_is_refused(body: Any) -> None:
    async with away() as door:
        assert (await post(door, body)).status == 400


async def test_where_nobody_is_it_waits_for_him() -> None:
    async with away() as door:
        answer = await post(door, {"text": "Dinner."})
        assert answer.json()["told"] == "owner is not there. He says it if owner comes in time."
