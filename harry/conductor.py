"""The conductor: admits turns, opens and closes their slots, and cuts. Nobody else changes the gate.

`commit` and `cut` are synchronous and have no checkpoint inside: when `cut` returns, the slot is closed, what was
heard is known and in the history, the scope is cancelled and the listeners are told. The next turn needs the cut,
not the end of the old turn, which the turn's own task awaits; nobody waits for the dying.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
import trio

from channels.events import EventStream
from channels.gate import Gate, Slot, State
from channels.messages import Exchange, Source, TurnRecord, Utterance
from channels.turn import Turn, new_id
from harry.errors import HarryError

log = structlog.get_logger(__name__)

TURNS_AT_MOST = 8
"""Turns that may still be ending when another is admitted; beyond it Harry is stuck and says so."""

DRAINING_AT_MOST = 2
"""With this many old turns still ending, no speculation is admitted."""

HISTORY_KEPT = 200
"""Exchanges the conductor remembers; the store keeps them all."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a cut found. `stale_samples` still sound after it, because the sink could not take them back."""

    turn: str
    reason: str
    heard: str
    stale_samples: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose conversation this is."""

    user: str
    session: str
    namespace: str


class Conductor:
    """One session's conductor.

    `answer(turn, slot)` runs the stages of a turn and returns when all was written; `keep(record)` takes a record for
    durable writing without waiting, and `kept` is to be called when it was.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        events: EventStream,
        identity: Identity,
        answer: Callable[[Turn, Slot], Awaitable[None]],
        keep: Callable[[TurnRecord], object],
        wall: Callable[[], float] = time.time,
        history: tuple[Exchange, ...] = (),
    ) -> None:
        self.gate = gate
        self.events = events
        self.identity = identity
        self.committed = 0
        self._answer = answer
        self._keep = keep
        self._wall = wall
        self._history: deque[Exchange] = deque(history, maxlen=HISTORY_KEPT)
        self._running: dict[Turn, Slot] = {}
        self._settled: dict[str, Turn] = {}
        self._started_at: dict[str, float] = {}
        self._nursery: trio.Nursery | None = None
        self._changed = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the turns' tasks until cancelled; what still sounds then is silenced, and recorded as heard."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                # Closing comes first here too: a stage behind a shield may wait for room that no sink makes any more.
                self._nursery = None
                self.cut("shutdown")

    # What the session may ask.

    @property
    def history(self) -> tuple[Exchange, ...]:
        """The conversation as heard, oldest first, right even before it is durable."""
        return tuple(self._history)

    @property
    def turns_running(self) -> int:
        """Turns of which something still runs, cut ones included."""
        return len(self._running)

    @property
    def busy(self) -> bool:
        """Whether a turn is being answered or is sounding."""
        return self.gate.live is not None

    async def quiet(self) -> None:
        """Wait until no turn runs and every record of one was kept."""
        while self._running or self._settled:
            await self._changed.wait()

    # What the session may do.

    def commit(self, utterance: Utterance, *, cut_reason: str = "superseded") -> Turn | None:
        """Answer an utterance, cutting whatever is open. None if Harry is stuck. Synchronous."""
        self.cut(cut_reason)
        if self._nursery is None:
            return None
        if len(self._running) >= TURNS_AT_MOST:
            log.error("stuck: earlier turns do not end", turns=len(self._running))
            self.events.publish("error", message="Harry is stuck: earlier answers do not end. Restart him.")
            return None
        turn = Turn(utterance, self.identity.user, self.identity.session, self.identity.namespace, self.committed)
        if utterance.speak is None:
            self.committed += 1
        self._started_at[turn.id] = self._wall()
        turn.mark("speech_ended", utterance.ended_at)
        turn.mark("committed", self.events.clock.now())
        slot = self.gate.admit(turn)
        self._running[turn] = slot
        self._nursery.start_soon(self._see_through, turn, slot)
        return turn

    def cut(self, reason: str) -> Cut | None:
        """Silence what is open or paused, for ever. None if nothing was. Synchronous: no checkpoint inside."""
        slot = self.gate.live
        if slot is None:
            return None
        turn = slot.turn
        stale = self.gate.close(slot)
        turn.scope.cancel()
        self.events.publish("interrupted", turn=turn.id, reason=reason, stale_samples=stale)
        self._settle(turn, slot, reason, interrupted=True)
        return Cut(turn.id, reason, slot.heard, stale)

    def pause(self) -> bool:
        """Silence what is open without losing a sample. False if nothing was open."""
        slot = self.gate.live
        if slot is None or slot.state is not State.OPEN:
            return False
        self.gate.pause(slot)
        return True

    def resume(self) -> bool:
        """Let what was paused sound on. False if nothing was paused."""
        slot = self.gate.live
        return slot is not None and slot.state is State.PAUSED and self.gate.resume(slot)

    def kept(self, record: TurnRecord) -> None:
        """The record is durable: acknowledge the turn."""
        turn = self._settled.pop(record.turn, None)
        if turn is None:
            return  # A turn of an earlier life, kept only now: nobody here waits for it.
        timeline = {stage: round(at, 4) for stage, at in turn.timeline.items()}
        self.events.publish("turn_ended", turn=record.turn, reason=record.reason, timeline=timeline)
        self.events.release(record.turn)
        self._wake()

    # A turn's own task.

    async def _see_through(self, turn: Turn, slot: Slot) -> None:
        trouble: Exception | None = None
        reason = "shutdown"  # what it is if neither the end nor a failure comes first
        try:
            with turn.scope:
                await self.events.reserve(turn.id)
                await self._answer(turn, slot)
                slot.finish()
                await slot.played()
                reason = "finished"
        except Exception as error:  # noqa: BLE001  a stage that crashes ends its turn only, whatever it raised
            trouble, reason = error, "failed"
        finally:
            if reason == "shutdown" and self.gate.live is slot:
                self.cut(reason)
            if not slot.closed:
                self.gate.close(slot)
                self._settle(turn, slot, reason, interrupted=reason != "finished")
            del self._running[turn]
            turn.over.set()
            self._wake()
        if trouble is not None:
            self._tell(turn, trouble)

    def _settle(self, turn: Turn, slot: Slot, reason: str, *, interrupted: bool) -> None:
        heard = slot.heard
        said = turn.utterance.text
        self._history.append(Exchange(turn.id, said, heard, interrupted))
        # Sound that was cut within its first word was heard too, though no word of it.
        if heard or slot.sounded.is_set():
            self.events.publish("heard", turn=turn.id, text=heard)
        record = TurnRecord(
            turn=turn.id,
            user=turn.user,
            session=turn.session,
            namespace=turn.namespace,
            source=turn.utterance.source,
            started_at=self._started_at.pop(turn.id),
            ended_at=self._wall(),
            said=said,
            spoken=slot.spoken,
            heard=heard,
            interrupted=interrupted,
            reason=reason,
        )
        self._settled[turn.id] = turn
        self._keep(record)

    def _tell(self, turn: Turn, trouble: Exception) -> None:
        """Journal a stage's crash, show it, and say it once: a turn that only says so is not answered by another."""
        causes = list(_leaves(trouble))
        log.error("turn failed", turn=turn.id, exc_info=trouble)
        sentence = next((str(each) for each in causes if isinstance(each, HarryError)), "")
        kind = type(causes[0]).__name__
        self.events.publish("error", turn=turn.id, message=sentence or f"Something in Harry failed ({kind}).")
        if turn.utterance.speak is None and self.gate.live is None and not turn.scope.cancel_called:
            spoken = next((each.message for each in causes if isinstance(each, HarryError)), "")
            self.say(f"Sorry, I could not answer. {spoken or 'Something in me failed; the log says what.'}")

    def say(self, words: str) -> Turn | None:
        """Say fixed words, in a turn of their own."""
        return self.commit(Utterance(new_id(), "", Source.PROACTIVE, speak=words))

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]
