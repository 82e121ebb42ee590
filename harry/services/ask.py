"""One question and its answer, in text: `harry ask`. It goes the way every utterance goes, without ear and voice."""

from __future__ import annotations

from collections.abc import Callable

import trio

from channels.event_types import Degraded, ErrorOccurred, ReminderChanged, Reply, TurnEnded
from channels.events import EventSubscription
from channels.turn import Turn
from harry.config.loading import Config
from harry.errors import EngineError, EngineUnavailable, StoreError
from harry.host import startup
from harry.host.budget import opened_budget
from harry.host.engine_loading import load_engines
from harry.host.hosting import hosting
from harry.host.storage import open_storage
from harry.session.session import Session
from harry.welfare.ai_notice import AINotices


async def ask(config: Config, text: str, write: Callable[[str], None], *, by_person: bool = True) -> bool:
    """Answer `text`, writing the reply piece by piece; True if something was set that rings later.

    Only a person is told that Harry is an AI. Raises `HarryError` if no mind can answer.
    """
    async with open_storage(config, alone=False) as storage:
        minds = [chain for chain in await startup.chains(config) if chain.role == "language_model"]
        budget = await opened_budget(config)
        engines = await load_engines(minds, meter=budget)
        listening: list[EventSubscription] = []

        def prepare(session: Session) -> None:
            listening.append(session.events.listen(4096, lossless=True))

        try:
            if engines.language_model is None:
                raise EngineUnavailable("No language model can serve.", remedy=" ".join(engines.notes))
            notices = AINotices(config.welfare.ai_notice_seconds if by_person else 0.0)
            async with (
                hosting(config, engines, storage, resident=False, budget=budget, notices=notices) as host,
                host.open(user=config.user.name, prepare=prepare) as session,
            ):
                told = session.events.listen(256)
                await write_reply(listening[0], session.answer_typed(text), write)
                return any(_is_set(event.what) for event in told.take_waiting())
        finally:
            with trio.move_on_after(2, shield=True):
                await engines.aclose()


def _is_set(what: object) -> bool:
    return isinstance(what, ReminderChanged) and what.state == "set"


async def write_reply(events: EventSubscription, turn: Turn | None, write: Callable[[str], None]) -> None:
    """Write a turn's reply until it is kept. Raises `EngineError`, `StoreError`.

    None is no turn: "stop" was all that was said, and nobody answers it.
    """
    if turn is None:
        return
    async for event in events:
        match event.what:
            case Degraded(message=message, over=False) if turn.over.is_set():
                # The reply is out; waiting for a broken disk would help nobody.
                raise StoreError(f"The answer is not kept: {message}")
            case _ if event.turn != turn.id:
                continue
            case Reply(text=text):
                write(text)
            case ErrorOccurred(message=message):
                raise EngineError(message)
            case TurnEnded(reason=reason) if reason != "failed":
                return
