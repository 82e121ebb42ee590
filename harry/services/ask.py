"""One question and its answer, in text: `harry ask`. It goes the way every utterance goes, without ear and voice."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import trio

from channels.clock import AudioClock
from channels.event_types import Degraded, ErrorOccurred, Reply, TurnEnded
from channels.turn import new_id
from harry.config.loading import Config
from harry.engines.lease import Shelf
from harry.errors import EngineError, EngineUnavailable, StoreError
from harry.host import startup as starting
from harry.host.budget import opened_budget
from harry.host.engine_loading import load_engines
from harry.host.storage import keeping
from harry.memory.store.opening import NAMESPACE
from harry.memory.store.records import local_day
from harry.memory.store.spill import MemorySpill
from harry.session.actor_registry import cast
from harry.session.conductor import Identity
from harry.session.prompt import prompt_of
from harry.session.session import Manners, Session
from harry.voice.silent import Silent


async def ask(config: Config, text: str, write: Callable[[str], None]) -> None:
    """Answer `text`, writing the reply piece by piece. Raises `HarryError` if no mind can answer."""
    async with keeping(config, alone=False) as kept:
        mind = [chain for chain in await starting.chains(config) if chain.role == "language_model"]
        engines = await load_engines(mind, meter=await opened_budget(config))
        try:
            if engines.language_model is None:
                raise EngineUnavailable("No language model can serve.", remedy=" ".join(engines.notes))
            session = Session(
                identity=Identity(config.user.name, new_id(), NAMESPACE),
                persona=config.persona.name,
                clock=AudioClock(),
                engines=engines,
                mind=engines.language_model,
                voice=Shelf("text_to_speech", Silent("silent")),
                store=kept.store,
                spill=MemorySpill(),
                microphone=None,
                loudspeaker=None,
                prompt=partial(prompt_of, config),
                manners=Manners(
                    history_turns=config.memory.history_turns,
                    history_tokens=config.memory.history_tokens,
                    thoughts=config.memory.thoughts,
                ),
                history=kept.history,
                today=lambda: local_day(time.time()),
                cast=cast(config.actors.model_dump()),
            )
            await _one_turn(session, text, write)
        finally:
            with trio.move_on_after(2, shield=True):
                await engines.aclose()


async def _one_turn(session: Session, text: str, write: Callable[[str], None]) -> None:
    told = session.events.listen(4096, lossless=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(session.run)
        turn = session.typed(text)
        async for event in told:
            match event.what:
                case Degraded(message=message, over=False) if turn is not None and turn.over.is_set():
                    # The reply is out; waiting for a broken disk would help nobody.
                    raise StoreError(f"The answer is not kept: {message}")
                case _ if turn is None or event.turn != turn.id:
                    continue
                case Reply(text=text):
                    write(text)
                case ErrorOccurred(message=message):
                    raise EngineError(message)
                case TurnEnded(reason=reason) if reason != "failed":
                    break
        nursery.cancel_scope.cancel()
