"""What a program is answered and what is kept of it: never more than it was sent, never sooner than it is on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from actors.protocols import Delta, EngineTraits, Message, Request, Role, TextDelta, TextPart, Tool
from actors.soc_writer import Record
from channels.messages import Source, Utterance
from channels.turn import new_id
from harry.config.loading import Config
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import StoreError
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.database import Database
from harry.memory.store.in_memory import InMemoryStore
from harry.reflexes.without_a_mind import TOO_SMALL
from harry.services.chat import Asked, answer


class Mind:
    name = "mind"

    def __init__(self, *words: str, small: bool = False) -> None:
        self.words = words
        self.asked = 0
        self.traits = EngineTraits(small=small)

    def describe(self) -> str:
        return "scripted"

    async def reply(self, request: Request, emit: Callable[[Delta], Any]) -> None:
        self.asked += 1
        for word in self.words:
            await emit(TextDelta(word))

    async def aclose(self) -> None:
        pass


def a_host(mind: Mind, store: InMemoryStore | Database | None = None) -> AbstractAsyncContextManager[Host]:
    engines = Engines(language_model=EnginePool("language_model", mind))
    return hosting(Config(), engines, Storage.of(store or InMemoryStore()))


def said(*texts: str) -> tuple[Message, ...]:
    """What user and Harry have said by turns, the user first."""
    return tuple(
        Message(Role.ASSISTANT if number % 2 else Role.USER, (TextPart(text),)) for number, text in enumerate(texts)
    )


async def told(host: Host, asked: Asked) -> str:
    sent = []

    async def take(delta: Delta) -> None:
        await trio.lowlevel.checkpoint()
        if isinstance(delta, TextDelta):
            sent.append(delta.text)

    found = await answer(host, asked, take)
    assert found.text == sent
    return "".join(sent)


async def test_what_a_stop_text_cut_off_is_not_kept_as_heard() -> None:
    store = InMemoryStore()
    async with a_host(Mind("The ket", "tle.\nUs", "er: Hm"), store) as host:
        question = Asked("you", said("What is on?"), stops=("\nUser:",))
        assert await told(host, question) == "The kettle."
    [kept] = await store.history("you", limit=9)
    assert kept.heard == "The kettle."


async def test_an_answer_that_the_store_does_not_take_is_no_success(autojump_clock: trio.testing.MockClock) -> None:
    class Stuck(InMemoryStore):
        async def write(self, records: Sequence[Record]) -> list[int]:
            await trio.sleep_forever()
            return []

    async with a_host(Mind("Yes."), Stuck()) as host:
        with pytest.raises(StoreError, match="not kept"):
            await told(host, Asked("you", said("Is it on?")))


SEARCH = Tool("search", "Searches.", {"type": "object", "properties": {}})


@pytest.mark.parametrize(
    "asked",
    [
        Asked("you", said("Generate a concise title for the conversation above."), wishes=True),
        Asked("you", said("word " * 200), wishes=True),
        Asked("you", said("Who was Ada Lovelace?"), wishes=True, tools=(SEARCH,)),
        Asked("you", said("Who was Ada Lovelace?"), wishes=True, schema={"type": "object"}),
        Asked("you", said("Who was Ada Lovelace?")),
    ],
)
async def test_nothing_but_small_talk_reaches_the_smallest_mind(asked: Asked) -> None:
    mind = Mind("Ada was a queen.", small=True)
    async with a_host(mind) as host:
        assert await told(host, asked) == TOO_SMALL
    assert not mind.asked


async def test_what_is_said_again_is_what_the_program_shows_last() -> None:
    async with a_host(Mind("Paris.")) as host:
        await told(host, Asked("you", said("What time is it?"), wishes=True))
        asked = Asked("you", said("What is the capital of France?", "Paris.", "Say that again."), wishes=True)
        assert await told(host, asked) == "Paris."
        alone = await told(host, Asked("you", said("Say that again."), wishes=True))
        assert "Paris" not in alone


async def test_a_wish_to_keep_nothing_holds_while_another_request_is_answered(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "harry.sqlite3")

    async def ask(text: str, keep: bool) -> None:
        await host.answer_alone("you", "", Utterance(new_id(), text, Source.REMOTE), keep=keep)

    async with a_host(Mind("Yes."), database) as host, trio.open_nursery() as nursery:
        await ask("What time is it?", True)
        nursery.start_soon(ask, "Remember that the key is under the mat.", False)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ask, "What time is it?", True)
    assert await database.read(lambda each: each.execute("SELECT count(*) FROM item").fetchone()) == (0,)
    await database.aclose()
