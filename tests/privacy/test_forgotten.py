"""What is forgotten is gone: from files, searches and prompts, whether told, confirmed, repeated or thought."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio

from actors.protocols import Delta, Request, TextDelta, TextPart
from channels.messages import Source, Utterance
from channels.turn import new_id
from harry.config.loading import Config
from harry.config.sections import User
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import open_storage
from harry.memory.longterm.forgetting import Gist
from harry.memory.store.items import Item
from harry.memory.store.opening import STORE_FILE
from harry.services import memory as remembering
from harry.services import user_data
from harry.session.session import Session

TOLD = "Remember that my sister Ada collects xylophones."


@dataclass
class Mind:
    """Answers each question with the next of `answers`, and keeps what it was asked."""

    answers: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    name = "a mind"

    def describe(self) -> str:
        return self.name

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        self.prompts.append(
            "\n".join(part.text for each in request.messages for part in each.parts if isinstance(part, TextPart))
        )
        await emit(TextDelta(self.answers.pop(0) if self.answers else "I see."))

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def harry(tmp_path: Path, *answers: str) -> AsyncIterator[tuple[Host, Mind, Config]]:
    mind, config = Mind(list(answers)), Config(user=User(name="ann"))
    config._data_folder = tmp_path
    engines = Engines(language_model=EnginePool("language_model", mind))
    async with open_storage(config) as storage, hosting(config, engines, storage, most=3) as host:
        yield host, mind, config


async def said(session: Session, text: str) -> str:
    """Say something; returns what Harry answered, once it is kept."""
    with trio.fail_after(20):
        ended = session.events.listen()
        turn = session.answer(Utterance(new_id(), text, Source.TYPED, 0.0, 0.0))
        assert turn is not None
        async for event in ended:
            if event.event == "turn_ended" and event.turn == turn.id:
                break
        ended.close()
    return session.conductor.history[-1].heard


def holding(folder: Path, *words: str) -> list[str]:
    """The files that hold one of the words, in any case of letters."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes().lower() for word in words)
    ]


async def test_what_was_told_confirmed_recalled_and_repeated_is_gone(tmp_path: Path) -> None:
    async with (
        harry(tmp_path, "Rain it is.", "So your sister Ada collects xylophones!") as (host, mind, config),
        host.open(user="ann") as session,
    ):
        await said(session, "I like the rain.")
        assert "xylophones" in await said(session, TOLD)
        assert "xylophones" in await said(session, "What do you remember about my sister?")
        assert "xylophones" in await said(session, "Tell me about her.")
        session.think("Ann's sister Ada has so many xylophones; I wonder where they stand.")
        await said(session, "Forget that.")
        assert await said(session, "Yes.") == "It is forgotten."
        assert host.memory is not None
        assert holding(tmp_path, "xylophone", "ada") == []
        left = [item.text for _, item in await host.memory.memory.list_items("ann")]
        assert not any("sister" in text or "xylophone" in text for text in left)
        assert "I like the rain." in left
        found = await host.memory.memory.search("sister xylophones", namespace="ann")
        assert not any("xylophone" in each.item.text for each in found.found)
        await said(session, "And what now?")
        assert "xylophone" not in mind.prompts[-1].lower()
        assert "I like the rain." in mind.prompts[-1]
    async with harry(tmp_path) as (host, mind, _), host.open(user="ann") as session:
        await said(session, "Hello, what about my sister?")
        assert "xylophone" not in mind.prompts[-1].lower()
    exported: list[str] = []
    await remembering.export(config, "ann", lambda item: exported.append(item.text))
    assert not any("xylophone" in text.lower() for text in exported)


async def test_the_same_may_be_told_again(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _, _), host.open(user="ann") as session:
        for _ in range(2):
            await said(session, TOLD)
            await said(session, "Forget that.")
            await said(session, "Yes.")
            assert holding(tmp_path, "xylophone") == []
        await said(session, TOLD)
        assert host.memory is not None
        assert "my sister Ada collects xylophones" in [i.text for _, i in await host.memory.memory.list_items("ann")]


@pytest.mark.parametrize("part", ["said", "heard", "told"])
@pytest.mark.parametrize("way", ["page", "command"])
async def test_deleting_any_part_of_it_deletes_the_whole_also_beside_a_running_conversation(
    tmp_path: Path, part: str, way: str
) -> None:
    async with harry(tmp_path) as (host, mind, config), host.open(user="ann") as session:
        await said(session, TOLD)
        await said(session, "The weather is fine.")
        assert host.memory is not None
        items = [item for _, item in await host.memory.memory.list_items("ann")]
        identity = next(
            item.id for item in items if "xylophone" in item.text and (item.id.endswith(part) or item.source == part)
        )
        if way == "page":
            assert await user_data.forget(host, "ann", identity) >= 2
        else:
            assert await remembering.delete(config, "ann", identity) >= 2
        assert holding(tmp_path, "xylophone") == []
        await said(session, "What now?")
        assert "xylophone" not in mind.prompts[-1].lower()
        assert "The weather is fine." in mind.prompts[-1]


async def test_after_erasing_beside_a_running_conversation_its_prompts_hold_nothing_of_it(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, mind, config), host.open(user="ann") as session:
        await said(session, TOLD)
        await remembering.erase(config, "ann")
        await said(session, "What now?")
        assert "xylophone" not in mind.prompts[-1].lower()


async def test_a_turn_that_still_sounds_when_it_is_forgotten_is_kept_without_it(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _, _), host.open(user="ann") as session:
        await said(session, TOLD)
        # The question is cut by the answer, and its record may come after the deletion.
        session.answer(Utterance(new_id(), "Forget that.", Source.TYPED, 0.0, 0.0))
        await session.conductor.wait_idle()
        await said(session, "Yes.")
    assert holding(tmp_path, "xylophone") == []


async def test_summaries_journal_and_state_of_mind_go_with_it(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _, config), host.open(user="ann") as session:
        await said(session, TOLD)
        assert host.memory is not None
        turn = session.conductor.history[-1].turn
        origins = (f"{turn}/said", f"{turn}/heard")
        connection = sqlite3.connect(tmp_path / STORE_FILE)
        connection.execute(
            "INSERT INTO conversation VALUES (1, 'c',"
            " 'ann', '2026-01-01', 1, 1, 1, 1, 0, 0, 'Of Ada and her xylophones.', 'mind')"
        )
        connection.execute(
            "INSERT INTO journal VALUES (1, 'j', 'ann', 'Harry', '2026-01-01', 0, 'Xylophones!', '', '[]', '')"
        )
        connection.execute(
            "INSERT INTO live_state VALUES (1, 's', 'ann', 'goal', 'save', 'ask Ada about xylophones', 0)"
        )
        connection.commit()
        connection.close()
        await host.memory.memory.upsert(
            [
                Item("c/summary", "Of xylophones.", "ann", "note", source="conversations", derived_from=origins),
                Item("journal/Harry/2026-01-01", "Xylophones!", "ann", "journal", derived_from=origins),
                Item("book", "The xylophone is an instrument. Ada collects stamps.", "ann", "book", source="music.md"),
            ]
        )  # fmt: skip
        await said(session, "Forget that.")
        await said(session, "Yes.")
        left = {item.id for _, item in await host.memory.memory.list_items("ann")}
        assert "book" in left
        assert not {"c/summary", "journal/Harry/2026-01-01"} & left
        await remembering.delete(config, "ann", "book")
    assert holding(tmp_path, "xylophone") == []


async def test_another_s_words_stay(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _, _), host.open(user="ann") as session, host.open(user="ben") as other:
        await said(other, TOLD)
        await said(session, TOLD)
        await said(session, "Forget that.")
        await said(session, "Yes.")
        assert host.memory is not None
        assert [item.text for _, item in await host.memory.memory.list_items("ben") if item.source == "told"]
        assert any("xylophone" in each.said for each in other.conductor.history)


@pytest.mark.parametrize(
    ("thing", "text", "repeats"),
    [
        ("my sister comes on Friday", "I will remember that your sister comes on Friday.", True),
        ("my sister comes on Friday", "Your sister is coming on Friday, you said.", True),
        ("my sister comes on Friday", "My brother comes on Friday. My sister stays.", False),
        ("I smoke", "You smoke?", False),  # too short to be told apart: only the turn itself goes
        ("I never smoked", "So you never smoked. Good.", True),
        ("my name is Ann", "Ann, what is the name of that flower?", False),
        ("yes", "yes", False),
    ],
)
def test_a_thing_is_recognised_where_it_is_said_and_not_where_its_words_merely_stand(
    thing: str, text: str, repeats: bool
) -> None:
    gist = Gist.of(thing)
    assert (gist is not None and gist.stands_in(text)) == repeats


def test_a_thought_is_of_a_thing_if_it_shares_half_of_its_words() -> None:
    gist = Gist.of("my sister comes on Friday")
    assert gist is not None
    assert gist.shines_through("On Friday there will be a guest: the sister.")
    assert not gist.shines_through("Friday is the best of days.")
