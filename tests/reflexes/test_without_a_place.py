"""Where there is no loudspeaker and no microphone, Harry does not say that he turned one up or shut the other."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

from channels.clock import AudioClock
from channels.messages import Source, Utterance
from channels.turn import new_id
from harry.config.loading import Config
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.conversation import ConversationDevices
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.database import Database
from harry.memory.store.in_memory import InMemoryStore
from harry.mind.absent import Absent
from harry.mind.fallback.relay import Link, Relay
from harry.testing.loudspeaker import VirtualLoudspeaker

NOTHING_TO_TURN = "There is no loudspeaker here, so there is nothing to turn up or down."


def a_host() -> AbstractAsyncContextManager[Host]:
    engines = Engines(language_model=EnginePool("language_model", Absent("none")))
    return hosting(Config(), engines, Storage.of(InMemoryStore()), most=2)


async def answered(host: Host, text: str) -> str | None:
    return await host.answer_alone("you", "", Utterance(new_id(), text, Source.REMOTE))


@pytest.mark.parametrize(
    "text", ["Speak louder.", "Softer, please.", "Set the volume to 50 percent.", "How loud are you?"]
)
async def test_a_program_is_told_that_there_is_no_loudspeaker(text: str) -> None:
    async with a_host() as host:
        assert await answered(host, text) == NOTHING_TO_TURN


async def test_without_a_loudspeaker_nothing_is_louder_and_with_one_it_is() -> None:
    async with a_host() as host:
        for devices, said in ((None, NOTHING_TO_TURN), (_loud(), "Louder. Like this.")):
            async with host.open(user="you", devices=devices) as session:
                turn = session.answer_typed("Speak louder.")
                assert turn is not None
                await turn.over.wait()
                assert "".join(turn.pieces).strip() == said
                assert (session.gate.volume > 1) == (devices is not None)


def _loud() -> ConversationDevices:
    clock = AudioClock()
    return ConversationDevices(clock, loudspeaker=VirtualLoudspeaker(clock))


async def test_what_a_program_wants_kept_nowhere_is_not_remembered(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "harry.sqlite3")
    engines = Engines(language_model=EnginePool("language_model", Absent("none")))
    async with hosting(Config(), engines, Storage.of(database)) as host:
        said = Utterance(new_id(), "Remember that the key is under the mat.", Source.REMOTE)
        await host.answer_alone("you", "", said, keep=False)
        assert await database.read(lambda each: each.execute("SELECT count(*) FROM item").fetchone()) == (0,)
        await host.answer_alone("you", "", said, keep=True)
        assert await database.read(lambda each: each.execute("SELECT count(*) FROM item").fetchone()) == (1,)
    await database.aclose()


@pytest.mark.parametrize("text", ["hello", "Do you follow the tennis?", "Tell me of https://example.org/lighthouse"])
async def test_where_a_chain_holds_no_language_model_what_no_reflex_takes_is_answered(text: str) -> None:
    async def load() -> Absent:
        await trio.lowlevel.checkpoint()
        return Absent("none")

    none = Link("none", load)
    none.note_class(Absent)
    chain: Any = Relay([none])  # its name and traits change, which the protocol's attributes do not foresee
    engines = Engines(language_model=EnginePool("language_model", chain))
    async with hosting(Config(), engines, Storage.of(InMemoryStore()), most=1) as host:
        assert await answered(host, text)
