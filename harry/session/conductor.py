"""The conductor: admits turns, opens and closes their slots, and cuts. Nobody else changes the gate.

`commit` and `cut` are synchronous and have no checkpoint inside: when `cut` returns, the slot is closed, what was
heard is known and in the history, the scope is cancelled and the listeners are told. The next turn needs the cut,
not the end of the old turn, which the turn's own task awaits; nobody waits for the dying.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

import structlog
import trio

from actors.supervisor import describe_origin
from actors.text.phrases import asks
from actors.turn_taking.floor import HarrySide
from channels.event_types import ErrorOccurred, Heard, Interrupted, Reply, Transcribed, TurnBegan, TurnEnded
from channels.events import EventStream
from channels.gate import Gate, Slot, State
from channels.messages import Exchange, Ring, Source, TurnRecord, Utterance
from channels.signals import Signal
from channels.turn import Turn, new_id
from harry.errors import HarryError
from harry.session.history import History

log = structlog.get_logger(__name__)

MAX_RUNNING_TURNS = 8
"""Turns that may still be ending when another is admitted; beyond it Harry is stuck and says so."""

MAX_DRAINING_TURNS = 2
"""With this many old turns still ending, no speculation is admitted."""

SAID_CHARACTERS = 120
"""Characters before the present that Harry may be hearing himself say: some seconds."""

ABOUT_TO_SAY_CHARACTERS = 30
"""Characters after it: what sounds is known to a word or two."""

MERGE_WITHIN_SECONDS = 1.5
"""Seconds after a commit within which more speech continues the utterance rather than begins another."""


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


@dataclass(slots=True)
class Guesses:
    """What speculation did and cost: guesses begun, used and withdrawn, and words that were never heard for them."""

    begun: int = 0
    used: int = 0
    withdrawn: int = 0
    words_wasted: int = 0


class Conductor:
    """One session's conductor. One class, because admission, cut and end of a turn change the same state together.

    `answer(turn, slot)` runs the stages of a turn and returns when all was written; `keep(record)` takes a record for
    durable writing without waiting, and `acknowledge` is to be called when it was. `on_turn(began)` is told when Harry
    begins to answer and when he has ended. Unless it is `interruptible`, no voice takes the floor from Harry.
    `hears_himself` says whether what sounds may come back through the microphone: only then are his own words taken for
    an echo.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        events: EventStream,
        identity: Identity,
        answer: Callable[[Turn, Slot], Awaitable[None]],
        keep: Callable[[TurnRecord], object],
        on_turn: Callable[[bool], None] = lambda began: None,
        wall: Callable[[], float] = time.time,
        history: tuple[Exchange, ...] = (),
    ) -> None:
        self.gate = gate
        self.events = events
        self.identity = identity
        self.committed = 0
        self.interruptible = True
        self.hears_himself: Callable[[], bool] = lambda: True
        self.guesses = Guesses()
        self._answer = answer
        self._keep = keep
        self._on_turn = on_turn
        self._wall = wall
        self._history = History(history)
        self._running: dict[Turn, Slot] = {}
        self._settled: dict[str, Turn] = {}
        self._last: tuple[Turn, Slot] | None = None
        self._nursery: trio.Nursery | None = None
        self._changed = Signal()

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
                self.withdraw()
                self.cut("shutdown")

    # What the session may ask.

    @property
    def history(self) -> tuple[Exchange, ...]:
        """The conversation as heard, oldest first, right even before it is durable."""
        return self._history.select_without(None)

    def select_recent(self, amends: str | None, most: int, tokens: int) -> tuple[Exchange, ...]:
        """Return the newest exchanges, within bounds, as a turn answers them: without the one that it `amends`."""
        return self._history.select_recent(amends, most=most, tokens=tokens)

    def forget(self, turns: Collection[str]) -> None:
        """Forget the exchanges of a conversation that is over."""
        self._history.forget(turns)

    @property
    def turns_running(self) -> int:
        """Turns of which something still runs, cut ones included."""
        return len(self._running)

    @property
    def busy(self) -> bool:
        """Whether a turn is being answered or is sounding."""
        return self.gate.live is not None

    def harry(self, *, words: bool) -> HarrySide:
        """Harry's side as the floor sees it; see `actors.listener.Yielding`."""
        slot = self.gate.live if self.interruptible else None
        if slot is None or not words:
            return HarrySide(slot is not None)
        heard, spoken = slot.heard, slot.spoken
        around = spoken[max(0, len(heard) - SAID_CHARACTERS) : len(heard) + ABOUT_TO_SAY_CHARACTERS]
        return HarrySide(has_floor=True, asked=asks(heard), saying=around if self.hears_himself() else "")

    @property
    def last_heard(self) -> str:
        """What was heard of the newest reply, sounding or over."""
        return self._last[1].heard if self._last else ""

    @property
    def last_utterance(self) -> str:
        """The id of the newest words that were answered."""
        return self._last[0].utterance.id if self._last else ""

    def find_slot(self, turn: str) -> Slot | None:
        """Find the slot of the newest turn, or of one that still runs."""
        if self._last is not None and self._last[0].id == turn:
            return self._last[1]
        return next((slot for running, slot in self._running.items() if running.id == turn), None)

    def remember(self, exchange: Exchange) -> None:
        """Let something stand in the history that was no turn here."""
        self._history.add(exchange)

    @property
    def last_spoken(self) -> str:
        """The newest reply that had words, as it was spoken."""
        exchange = next((past for past in reversed(self.history) if past.heard.strip()), None)
        return exchange.heard if exchange is not None else ""

    @property
    def unsaid(self) -> str:
        """What was still to be heard of the last reply when it was cut, as far as it had been put into words."""
        if self._last is None or not self._last[1].closed:
            return ""
        turn, slot = self._last
        return "".join(turn.pieces)[len(slot.heard) :].strip()

    async def wait_idle(self) -> None:
        """Wait until no turn runs."""
        while self._running:
            await self._changed.wait()

    async def wait_quiet(self) -> None:
        """Wait until no turn runs and every record of one was kept."""
        while self._running or self._settled:
            await self._changed.wait()

    async def acknowledged(self) -> None:
        """Wait until every turn that has ended by now was kept."""
        waiting = set(self._settled)
        while waiting.intersection(self._settled):
            await self._changed.wait()

    # What the session may do. All of it is synchronous, without a checkpoint.

    def commit(self, utterance: Utterance, *, cut_reason: str = "superseded") -> Turn | None:
        """Answer an utterance, cutting whatever is open. None if Harry is stuck.

        A guess is opened if it answers the same words after the same history; else it is withdrawn.
        """
        self.cut(cut_reason)
        if self._nursery is None:
            return None
        joined, amended = self._merged(utterance)
        guess = self.gate.speculative
        if guess is not None and self._fits(guess.turn, joined) and self.gate.open(guess):
            turn, slot = guess.turn, guess
            self.guesses.used += 1
        else:
            self.withdraw()
            if len(self._running) >= MAX_RUNNING_TURNS:
                log.error("stuck: earlier turns do not end", turns=len(self._running))
                self.events.publish(ErrorOccurred(message="Harry is stuck: earlier answers do not end. Restart him."))
                return None
            turn, slot = self._admit(joined, amended, shut=False)
        self._committed(turn, slot, amended)
        return turn

    def speculate(self, utterance: Utterance) -> Turn | None:
        """Begin to answer what may be the whole utterance, unheard. None where that is not admitted."""
        joined, amended = self._merged(utterance)
        guess = self.gate.speculative
        if guess is not None and self._fits(guess.turn, joined):
            return guess.turn
        self.withdraw()
        draining = sum(slot.closed for slot in self._running.values())
        if self._nursery is None or draining >= MAX_DRAINING_TURNS or len(self._running) >= MAX_RUNNING_TURNS:
            return None
        turn, _ = self._admit(joined, amended, shut=True)
        self.guesses.begun += 1
        return turn

    def withdraw(self) -> None:
        """Take back a guess, if there is one: it was never heard of outside."""
        guess = self.gate.speculative
        if guess is not None:
            self.gate.close(guess)
            guess.turn.scope.cancel()
            self.guesses.withdrawn += 1
            self.guesses.words_wasted += sum(len(piece.split()) for piece in guess.turn.pieces)

    def cut(self, reason: str) -> Cut | None:
        """Silence what is open or paused, for ever. None if nothing was."""
        slot = self.gate.live
        if slot is None:
            return None
        turn = slot.turn
        turn.cut_by = reason
        stale = self.gate.close(slot)
        self.gate.ducked = False
        turn.scope.cancel()
        self.events.publish(Interrupted(turn=turn.id, reason=reason, stale_samples=stale))
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

    def duck(self, down: bool) -> None:
        """Soften what Harry says, or end that."""
        self.gate.ducked = down

    def say(self, words: str, ring: Ring | None = None) -> Turn | None:
        """Say fixed words, in a turn of their own, with the sound of a `ring` if one is given."""
        return self.commit(Utterance(new_id(), "", Source.PROACTIVE, speak=words, ring=ring))

    def add_piece(self, turn: Turn, text: str) -> None:
        """Note a piece of the reply that goes to the voice: told at once, or, of a guess, when it is committed."""
        turn.pieces.append(text)
        if turn.committed:
            self.events.publish(Reply(turn=turn.id, text=text))

    def acknowledge(self, record: TurnRecord) -> None:
        """Acknowledge the turn of a record that is durable now."""
        turn = self._settled.pop(record.turn, None)
        if turn is None:
            return  # A turn of an earlier life, kept only now: nobody here waits for it.
        timeline = {stage: round(at, 4) for stage, at in turn.timeline.items()}
        self.events.publish(TurnEnded(turn=record.turn, reason=record.reason, timeline=timeline))
        self.events.release(record.turn)
        self._changed.notify()

    def give_up(self, record: TurnRecord) -> None:
        """Let go of the turn of a record that can never be kept: it is told, and not acknowledged."""
        if self._settled.pop(record.turn, None) is None:
            return
        self.events.publish(ErrorOccurred(turn=record.turn, message="What was said in this turn cannot be kept."))
        self.events.release(record.turn)
        self._changed.notify()

    # Admission.

    def _merged(self, utterance: Utterance) -> tuple[Utterance, Turn | None]:
        """Join the utterance to the one before if it continues it; return it with the turn that it then amends.

        It does if its voice began soon after that turn was committed and less than a clause of its reply was heard.
        """
        if self._last is None or utterance.source is not Source.VOICE:
            return utterance, None
        turn, slot = self._last
        before = turn.utterance
        soon = (
            utterance.began_at is not None and utterance.began_at <= turn.timeline["committed"] + MERGE_WITHIN_SECONDS
        )
        first = turn.pieces[0].strip() if turn.pieces else ""
        unheard = slot.closed and (not slot.heard or len(slot.heard.strip()) < len(first))
        if before.source is not Source.VOICE or not soon or not unheard:
            return utterance, None
        text = f"{before.text.rstrip()} {utterance.text.lstrip()}"
        return replace(utterance, text=text, began_at=before.began_at), turn

    def _fits(self, guess: Turn, utterance: Utterance) -> bool:
        before = guess.utterance
        same = (before.id, before.text, before.speak) == (utterance.id, utterance.text, utterance.speak)
        return same and guess.history_seen == self._history.revision

    def _admit(self, utterance: Utterance, amended: Turn | None, *, shut: bool) -> tuple[Turn, Slot]:
        if self._nursery is None:
            raise RuntimeError("the conductor does not run")
        turn = Turn(
            utterance,
            self.identity.user,
            self.identity.session,
            self.identity.namespace,
            ordinal=amended.ordinal if amended else self.committed,
            committed=not shut,
            amends=amended.id if amended else None,
            history_seen=self._history.revision,
        )
        slot = self.gate.admit(turn, shut=shut)
        self._running[turn] = slot
        self._nursery.start_soon(self._see_through, turn, slot)
        return turn, slot

    def _committed(self, turn: Turn, slot: Slot, amended: Turn | None) -> None:
        turn.committed = True
        turn.decided.set()
        turn.started_at = self._wall()
        if turn.utterance.speak is None:  # before words of Harry's own accord nobody spoke
            turn.mark("speech_ended", turn.utterance.ended_at)
        turn.timeline["committed"] = self.events.clock.now()
        self._last = (turn, slot)
        self._on_turn(True)
        self.events.publish(TurnBegan(turn=turn.id, utterance=turn.utterance.id))
        if amended is not None:
            said = turn.utterance
            transcribed = Transcribed(
                utterance=said.id, partial=False, text=said.text, amends=amended.utterance.id, ended_at=said.ended_at
            )
            self.events.publish(transcribed)
        elif turn.utterance.speak is None:
            self.committed += 1
        for text in turn.pieces:
            self.events.publish(Reply(turn=turn.id, text=text))

    # A turn's own task.

    async def _see_through(self, turn: Turn, slot: Slot) -> None:
        trouble: BaseException | None = None
        reason = "shutdown"  # what it is if neither the end nor a failure comes first
        try:
            with turn.scope:
                await self.events.reserve(turn.id)
                await self._answer(turn, slot)
                slot.finish()
                await slot.wait_played()
                reason = "finished"
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stage that crashes ends its turn only, whatever it raised
            trouble, reason = error, "failed"
        except BaseExceptionGroup as errors:
            # A stage that raised while the end of the session cancelled it: the session ends as it would have.
            trouble, ending = errors.split((Exception, SystemExit))
            if ending is None:
                reason = "failed"
            else:
                if trouble is not None:
                    log.warning("turn failed at its end", turn=turn.id, cause=describe_origin(trouble))
                raise ending from None
        finally:
            self._end(turn, slot, reason)
        if trouble is not None:
            self._tell(turn, trouble)
            trouble = None  # its trace holds this frame: together they would wait for a full collection

    def _end(self, turn: Turn, slot: Slot, reason: str) -> None:
        """Close what was not cut, and let go of the turn: its stages have ended."""
        if not turn.committed:
            self.gate.close(slot)
        elif reason == "shutdown" and self.gate.live is slot:
            self.cut(reason)
        elif not slot.closed:
            self.gate.close(slot)
            self._settle(turn, slot, reason, interrupted=reason != "finished")
        if turn.id not in self._settled:
            # The room may have been granted after the record was kept and all else of the turn was over.
            self.events.release(turn.id)
        del self._running[turn]
        turn.over.set()
        self._changed.notify()

    def _settle(self, turn: Turn, slot: Slot, reason: str, *, interrupted: bool) -> None:
        heard = slot.heard
        said = turn.utterance.text
        used = tuple(turn.tools.values())
        exchange = Exchange(turn.id, said, heard, interrupted, used, failed=reason == "failed")
        self._history.add(exchange, amends=turn.amends)
        # Sound that was cut within its first word was heard too, though no word of it.
        if heard or slot.sounded.is_set():
            self.events.publish(Heard(turn=turn.id, text=heard))
        record = TurnRecord(
            turn=turn.id,
            user=turn.user,
            session=turn.session,
            namespace=turn.namespace,
            source=turn.utterance.source,
            started_at=turn.started_at,
            ended_at=self._wall(),
            said=said,
            spoken=slot.spoken,
            heard=heard,
            interrupted=interrupted,
            reason=reason,
            amends=turn.amends,
            tools=used,
        )
        self._settled[turn.id] = turn
        self._keep(record)
        self._on_turn(False)

    def _tell(self, turn: Turn, trouble: BaseException) -> None:
        """Journal a stage's crash, show it, and say it once: a turn that only says so is not answered by another."""
        if not turn.committed:
            log.warning("a guess failed", turn=turn.id, cause=describe_origin(trouble))
            return
        causes = list(_leaves(trouble))
        log.error("turn failed", turn=turn.id, cause=describe_origin(trouble))
        log.debug("how it failed", turn=turn.id, exc_info=trouble)
        sentence = next((str(cause) for cause in causes if isinstance(cause, HarryError)), "")
        kind = type(causes[0]).__name__
        message = sentence or f"Something in Harry failed ({kind})."
        self.events.publish(ErrorOccurred(turn=turn.id, message=message))
        if turn.utterance.speak is None and self.gate.live is None and not turn.scope.cancel_called:
            spoken = next((cause.message for cause in causes if isinstance(cause, HarryError)), "")
            self.say(f"Sorry, I could not answer. {spoken or 'Something in me failed; the log says what.'}")


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
