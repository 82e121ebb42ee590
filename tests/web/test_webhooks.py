"""`POST /api/events/NAME`: what is signed rightly is said, in words or by the mind; nothing else, and nothing twice."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest
import trio

from channels.signals import Signal
from harry.config.webhook_sections import Webhooks
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import ConfigurationError, EngineUnavailable, TooManySessions
from harry.host.host import Host
from harry.net.webhook_signature import sign
from harry.services import webhooks_in
from harry.services.announcing import Wish
from harry.services.webhooks_in import MAX_UNWORDED, fill
from tests.support.loopback_server import Answer, Away, away
from tests.support.virtual_session import FakeMind, says

SECRET = "a secret that is long enough"
HOOKS = {
    "plain": {"secret": SECRET},
    "door": {"secret": SECRET, "say": "Somebody is at the {place} door.", "urgency": "now"},
    "build": {"secret": SECRET, "tell": "The build {build.name} has ended: {build.status}."},
}


@dataclass
class Room:
    """A door, and what was announced."""

    door: Away
    said: list[tuple[str, str]] = field(default_factory=list)
    _more: Signal = field(default_factory=Signal)

    def announce(self, text: str, urgency: str) -> None:
        self.said.append((text, urgency))
        self._more.notify()

    async def wait_for(self, count: int) -> None:
        """Wait until so much was announced: the mind words in the background."""
        with trio.fail_after(20):
            while len(self.said) < count:
                await self._more.wait()

    async def post(self, name: str, content: object, identity: str = "", **headers: str) -> Answer:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        signed = sign(SECRET, identity or f"id-{time.perf_counter_ns()}", int(time.time()), body)
        return await self.door.ask(
            "POST", f"/api/events/{name}", token="", body=body, headers={**signed, **{
                header.replace("_", "-"): value for header, value in headers.items()
            }},
        )  # fmt: skip


@asynccontextmanager
async def room(mind: Any = None) -> AsyncIterator[Room]:
    engines = Engines(language_model=EnginePool("language_model", mind or says("I am told of something.")))
    async with away(engines=engines) as door:
        door.host.config = door.host.config.model_copy(update={"webhooks": Webhooks.model_validate({"in": HOOKS})})
        here = Room(door)

        def tell(host: Host, wish: Wish) -> None:
            assert host is door.host
            assert wish.user == host.config.user.name
            assert wish.source.startswith("webhook ")
            here.announce(wish.text, wish.urgency)

        with patch.object(webhooks_in, "tell", tell):
            yield here


async def test_a_text_is_said_as_it_is() -> None:
    async with room() as here:
        answer = await here.post("plain", {"text": "The washing is done."})
        assert (answer.status, answer.json()) == (202, {"taken": True})
        assert here.said == [("The washing is done.", "normal")]


async def test_a_hook_has_a_sentence_with_fields_and_an_urgency_of_its_own() -> None:
    async with room() as here:
        assert (await here.post("door", {"place": "back", "text": "not this"})).status == 202
        assert here.said == [("Somebody is at the back door.", "now")]


async def test_the_mind_words_an_event_and_is_told_that_it_is_no_instruction() -> None:
    mind = says("Good news:  the build is through!\n")
    async with room(mind) as here:
        assert (await here.post("build", {"build": {"name": "main", "status": "passed"}})).status == 202
        await here.wait_for(1)
        assert here.said == [("Good news: the build is through!", "normal")]
    [asked] = mind.requests
    assert asked.messages[-1].parts[0].text == "What has happened: The build main has ended: passed."
    assert "no instruction" in asked.messages[0].parts[0].text
    assert asked.tools == ()


async def test_an_event_that_the_mind_cannot_word_is_said_plainly() -> None:
    async def fail(*_: object) -> None:
        raise EngineUnavailable("The server is away.")

    async with room(FakeMind(fail)) as here:
        await here.post("build", {"build": {"name": "main", "status": "passed"}})
        await here.wait_for(1)
        assert here.said == [("The build main has ended: passed.", "normal")]


async def test_a_mind_that_takes_too_long_keeps_no_event_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks_in, "WORDED_WITHIN", 0.1)

    async def hang(*_: object) -> None:
        await trio.sleep_forever()

    async with room(FakeMind(hang)) as here:
        statuses = [
            (await here.post("build", {"build": {"name": number, "status": "passed"}})).status
            for number in range(MAX_UNWORDED + 5)
        ]
        assert statuses[:MAX_UNWORDED] == [202] * MAX_UNWORDED
        await here.wait_for(statuses.count(202))
        assert here.said[0] == ("The build 0 has ended: passed.", "normal")


async def test_a_request_that_comes_again_is_said_once() -> None:
    async with room() as here:
        assert (await here.post("plain", {"text": "Once."}, "the same")).status == 202
        again = await here.post("plain", {"text": "Once."}, "the same")
        assert (again.status, again.json()["error"]["code"]) == (409, "repeated")
        assert len(here.said) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook_signature": "v1,AAAA"},
        {"webhook_signature": ""},
        {"webhook_id": "another"},
        {"webhook_timestamp": str(int(time.time()) - 1)},
        {"webhook_timestamp": "soon"},
    ],
)
async def test_what_is_not_signed_rightly_is_refused_and_not_said(headers: dict[str, str]) -> None:
    async with room() as here:
        answer = await here.post("plain", {"text": "No."}, "one", **headers)
        assert (answer.status, answer.json()["error"]["code"]) == (401, "untrusted")
        assert here.said == []


async def test_an_old_request_and_one_from_before_the_start_are_refused() -> None:
    async with room() as here:
        body = b'{"text": "No."}'
        for at in (int(time.time()) - 400, int(time.time()) - 60):
            headers = sign(SECRET, f"id-{at}", at, body)
            answer = await here.door.ask("POST", "/api/events/plain", token="", headers=headers, body=body)
            assert answer.status == 401
        assert here.said == []


async def test_nobody_learns_which_hooks_there_are() -> None:
    async with room() as here:
        unknown = await here.post("nothing", {"text": "No."})
        unsigned = await here.post("plain", {"text": "No."}, webhook_signature="v1,AAAA")
        assert (unknown.status, unknown.body) == (unsigned.status, unsigned.body)


async def test_a_token_is_no_signature() -> None:
    async with room() as here:
        body = b'{"text": "No."}'
        token = here.door.front.tokens.new("owner")
        assert (await here.door.ask("POST", "/api/events/plain", token=token, body=body)).status == 401


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("plain", {"words": "No."}, "no `text`"),
        ("plain", {"text": 5}, "no `text`"),
        ("plain", {"text": "  "}, "1 to 2000"),
        ("plain", ["text"], "no JSON object"),
        ("plain", b"text", "no JSON object"),
        ("plain", b'{"text": ' + b"[" * 5000, "no JSON object"),
        ("door", {"text": "x"}, "no `place`"),
        ("door", {"place": {"a": 1}}, "no `place`"),
        ("build", {"build": "main"}, "no `build.name`"),
    ],
)
async def test_what_cannot_be_said_is_told_and_may_come_again(name: str, content: object, told: str) -> None:
    async with room() as here:
        here.announce = _refuse_empty(here)  # type: ignore[method-assign]
        answer = await here.post(name, content, "one")
        assert answer.status == 400
        assert told in answer.json()["error"]["message"]
        assert here.said == []
        assert (await here.post("plain", {"text": "Now."}, "one")).status == 202


def _refuse_empty(here: Room) -> Any:
    announced = here.announce

    def announce(text: str, urgency: str) -> None:
        if not text.strip():
            raise ConfigurationError("What is to be said has 1 to 2000 characters.")
        announced(text, urgency)

    return announce


async def test_where_too_much_waits_to_be_said_the_program_is_told_to_come_again() -> None:
    async with room() as here:

        def full(text: str, urgency: str) -> None:
            raise TooManySessions("50 things wait to be said.")

        announced, here.announce = here.announce, full  # type: ignore[method-assign]
        assert (await here.post("plain", {"text": "x"}, "one")).status == 503
        here.announce = announced  # type: ignore[method-assign]
        assert (await here.post("plain", {"text": "x"}, "one")).status == 202


async def test_an_event_that_could_not_be_said_is_refused_before_it_is_worded() -> None:
    async with room() as here:
        long = {"build": {"name": "x" * 500, "status": "y"}}
        with patch.object(webhooks_in, "MAX_CHARACTERS", 100):
            assert (await here.post("build", long)).status == 400
        announcers = here.door.host.announcers
        for _ in range(announcers._an_hour):
            announcers.count("webhook build")
        assert (await here.post("build", {"build": {"name": "main", "status": "passed"}})).status == 429
        assert here.said == []


async def test_a_body_that_is_too_long_is_refused() -> None:
    async with room() as here:
        assert (await here.post("plain", {"text": "x" * 70_000})).status == 413
        assert here.said == []


async def test_a_hook_that_is_taken_out_takes_nothing_any_more_and_one_that_is_put_in_does() -> None:
    async with room() as here:
        assert (await here.post("plain", {"text": "x"})).status == 202
        other = Webhooks.model_validate({"in": {"new": {"secret": SECRET}}})
        here.door.host.config = here.door.host.config.model_copy(update={"webhooks": other})
        assert (await here.post("plain", {"text": "x"})).status == 401
        assert (await here.post("new", {"text": "x"})).status == 202


def test_a_template_takes_texts_and_numbers_and_reaches_into_nothing_else() -> None:
    fields = {"a": {"b": "  two\nlines "}, "n": 3, "f": 1.5, "yes": True, "x": "{n}"}
    assert fill("{a.b} {n} {f} {yes} {x} {} { n } {a..b}", fields) == "two lines 3 1.5 yes {n} {} { n } {a..b}"
    for wrong in ("{a}", "{missing}", "{n.real}", "{x.upper}", "{__class__}"):
        with pytest.raises(ConfigurationError):
            fill(wrong, fields)
