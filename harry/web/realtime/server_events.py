"""What happens in Harry's session, told to a Realtime client as the protocol's events, in the order of the service.

While Harry speaks, somebody else's voice is told (`speech_started`) only at the verdict: clients stop playing at it.
What the protocol has no word for is told by `harry.*` events, which other clients pass over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels.event_types import (
    AnyEvent,
    Degraded,
    ErrorOccurred,
    Heard,
    Interrupted,
    Muted,
    RecordChanged,
    ReminderChanged,
    Reply,
    SpeechStarted,
    SpeechStopped,
    ThoughtKept,
    ToolEnded,
    ToolStarted,
    Transcribed,
    TurnBegan,
    TurnEnded,
    serialize,
)
from channels.events import Event, EventSubscription
from channels.gate import Slot
from harry.session.session import Session
from harry.web.realtime.items import Items, message, new_item
from harry.web.realtime.outbox import Outbox
from harry.web.realtime.responses import Response, Responses
from harry.web.realtime.settings import RATE, Settings

_CUT = {"barge_in": "turn_detected", "superseded": "turn_detected", "shutdown": "client_cancelled"}


@dataclass(slots=True)
class _Voice:
    """An utterance that is told or still to be told: `at` and `stopped` are in seconds on the session's clock."""

    item: str
    at: float
    told: bool = False
    stopped: float | None = None
    committed: bool = False


class ServerEvents:
    """`catch_up` tells everything that has happened until now; whoever sends sound calls it before."""

    def __init__(self, outbox: Outbox, items: Items, responses: Responses, settings: Callable[[], Settings]) -> None:
        self._outbox = outbox
        self._items = items
        self._responses = responses
        self._settings = settings
        self._events: EventSubscription | None = None
        self._session: Session | None = None
        self._voices: dict[str, _Voice] = {}
        self._turns: dict[str, Response] = {}
        self._reminders: dict[str, dict[str, list[str]]] = {}
        self._state = ("", False)
        self.thoughts: deque[int] = deque(maxlen=64)
        self.metadata: dict[str, str] | None = None
        self.modalities: tuple[str, ...] | None = None

    def attach(self, session: Session) -> None:
        """Tell what happens in this session from now on."""
        self._session = session
        self._events = session.events.listen(4096)

    async def run(self, thought: Callable[[int], Awaitable[str | None]]) -> None:
        """Tell until the session ends. `thought` gives the text of an entry of the stream of consciousness."""
        if self._events is None:
            return
        async for event in self._events:
            self._tell(event)
            self.catch_up()
            while self.thoughts:
                sequence = self.thoughts.popleft()
                text = await thought(sequence)
                if text is not None:
                    self._outbox.put_own("harry.thought", sequence=sequence, text=text)

    def catch_up(self) -> None:
        """Tell what waits, at once."""
        if self._events is not None:
            for event in self._events.take_waiting():
                self._tell(event)

    def sound(self, slot: Slot, pcm: bytes) -> None:
        """Tell a block of sound of a turn."""
        self.catch_up()
        current = self._responses.current
        if current is not None and current.turn == slot.turn.id:
            current.slot = slot
            self.state("speaking")
            self._responses.sound(pcm)

    def state(self, name: str) -> None:
        """Tell what Harry does now, and whether he does it softly, if that is new."""
        ducked = name == "speaking" and self._session is not None and self._session.gate.ducked
        if (name, ducked) != self._state:
            self._state = (name, ducked)
            self._outbox.put_own("harry.state", state=name, ducked=ducked)

    def state_again(self) -> None:
        """Tell it to a client that came back."""
        (name, _), self._state = self._state, ("", False)
        self.state(name or "listening")

    # Event by event.

    def _tell(self, event: Event) -> None:
        match event.what:
            case SpeechStarted(utterance=utterance):
                self._speech_started(utterance, event.at)
            case SpeechStopped(utterance=utterance):
                self._speech_stopped(utterance, event.at)
            case Transcribed() as transcribed:
                self._transcribed(transcribed)
            case TurnBegan(turn=turn, utterance=utterance):
                self._turn_began(turn, utterance)
            case Reply(turn=turn, text=text):
                self._reply(turn, text)
            case Interrupted(turn=turn, reason=reason):
                self._interrupted(turn, reason)
            case Heard(turn=turn, text=text):
                self._heard(turn, text)
            case ErrorOccurred(turn=turn, message=message) if turn is not None:
                self._failed(turn, message)
                self._tell_of_harry(event.what)
            case TurnEnded(turn=turn, reason=reason, timeline=timeline):
                self._turn_ended(turn, reason, timeline)
            case _:
                self._tell_of_harry(event.what)

    def _tell_of_harry(self, event: AnyEvent) -> None:
        """Tell what the protocol has no word for."""
        match event:
            case ErrorOccurred(message=message):
                self._outbox.put_own("harry.notice", level="error", message=message, over=False)
            case Degraded(message=message, over=over):
                self._outbox.put_own("harry.notice", level="degraded", message=message, over=over)
            case ThoughtKept(sequence=sequence):
                self.thoughts.append(sequence)
            case ToolStarted(name=name, call=call):
                self._outbox.put_own("harry.tool", name=name, call=call, outcome=None)
            case ToolEnded(name=name, call=call, outcome=outcome):
                self._outbox.put_own("harry.tool", name=name, call=call, outcome=outcome)
            case ReminderChanged():
                self._outbox.put_own("harry.reminder", **serialize(event))
            case Muted(muted=muted):
                self._outbox.put_own("harry.muted", muted=muted)
            case RecordChanged(off=off):
                self._outbox.put_own("harry.off_the_record", off=off)

    def _speech_started(self, utterance: str, at: float) -> None:
        voice = self._voices[utterance] = _Voice(new_item(), at)
        while len(self._voices) > 32:
            del self._voices[next(iter(self._voices))]
        if self._session is None or not self._session.conductor.busy:
            self._started(voice)

    def _started(self, voice: _Voice) -> None:
        if not voice.told:
            voice.told = True
            self._outbox.put(
                "input_audio_buffer.speech_started", audio_start_ms=max(0, round(voice.at * 1000)), item_id=voice.item
            )
            self.state("hearing")

    def _speech_stopped(self, utterance: str, at: float) -> None:
        voice = self._voices.get(utterance)
        if voice is not None:
            voice.stopped = at
            if voice.told:
                self._committed(voice)

    def _committed(self, voice: _Voice) -> None:
        if voice.committed:
            return
        voice.committed = True
        stopped = max(0, round((voice.stopped if voice.stopped is not None else voice.at) * 1000))
        self._outbox.put("input_audio_buffer.speech_stopped", audio_end_ms=stopped, item_id=voice.item)
        item = message(voice.item, "user", [{"type": "input_audio", "transcript": None}])
        before = self._items.add(item)
        self._outbox.put("input_audio_buffer.committed", previous_item_id=before, item_id=voice.item)
        self._outbox.put("conversation.item.added", previous_item_id=before, item=item)
        self._outbox.put("conversation.item.done", previous_item_id=before, item=item)

    def _transcribed(self, event: Transcribed) -> None:
        voice, text = self._voices.get(event.utterance), event.text
        if voice is None:
            return
        if event.amends is not None:
            self._understood(event, voice, text, partial=False, meant=True)
            return
        meant = bool(event.meant)
        if event.partial:
            self._understood(event, voice, text, partial=True, meant=meant)
            return
        self._understood(event, voice, text, partial=False, meant=meant)
        if not voice.told and not meant:
            return
        self._started(voice)
        self._committed(voice)
        self.transcribed(voice.item, text, round(max(0.0, (voice.stopped or voice.at) - voice.at), 3))
        if not meant:
            self.state("listening")

    def _understood(self, event: Transcribed, voice: _Voice, text: str, *, partial: bool, meant: bool) -> None:
        item = voice.item if voice.told else None
        more = {"amends": event.amends} if event.amends is not None else {}
        self._outbox.put_own(
            "harry.transcript", item_id=item, utterance=event.utterance, text=text, partial=partial, meant=meant, **more
        )

    def transcribed(self, item_id: str, text: str, seconds: float) -> None:
        """Tell the words of what was said."""
        item = self._items.get(item_id)
        if item is not None:
            item["content"] = [{"type": "input_audio", "transcript": text}]
        where = {"item_id": item_id, "content_index": 0}
        if text:
            self._outbox.put("conversation.item.input_audio_transcription.delta", **where, delta=text)
        usage = {"type": "duration", "seconds": seconds}
        self._outbox.put("conversation.item.input_audio_transcription.completed", **where, transcript=text, usage=usage)

    def _turn_began(self, turn: str, utterance: str) -> None:
        modalities = self.modalities or self._settings().modalities
        response = self._turns[turn] = self._responses.begin(turn, modalities, metadata=self.metadata)
        response.utterance = utterance
        self.slot_of(response)
        self._remind()
        self.metadata = self.modalities = None
        while len(self._turns) > 32:
            del self._turns[next(iter(self._turns))]
        self.state("thinking")

    def remembered(self, utterance: str, memories: Sequence[str], thoughts: Sequence[str]) -> None:
        """Take what the mind was reminded of for an utterance; told as soon as its turn is."""
        self._reminders[utterance] = {"memories": list(memories), "thoughts": list(thoughts)}
        while len(self._reminders) > 8:
            del self._reminders[next(iter(self._reminders))]
        self._remind()

    def _remind(self) -> None:
        response = self._responses.current
        if response is not None and response.utterance in self._reminders:
            reminded = self._reminders.pop(response.utterance)
            self._outbox.put_own("harry.memories", turn=response.turn, response_id=response.id, **reminded)

    def _reply(self, turn: str, text: str) -> None:
        if self._of(turn) is not None:
            self._responses.say(text)

    def _interrupted(self, turn: str, reason: str) -> None:
        response = self._of(turn)
        self._verdict()
        if response is not None:
            self.flush(response, "cut")
            slot = self.slot_of(response)
            heard = slot.heard.removeprefix(self._earlier(response)) if slot is not None and response.audible else None
            self._responses.end("cancelled", reason=_CUT.get(reason, "client_cancelled"), heard=heard)
        self.state("hearing" if any(voice.stopped is None for voice in self._voices.values()) else "listening")

    def flush(self, response: Response, reason: str) -> None:
        """Have a client that knows Harry throw away what has not sounded: `cut` for good, or `paused`."""
        if reason == "paused":
            self.state("paused")
        self._responses.drop_sound(response)
        slot = self.slot_of(response)
        heard = max(0, (slot.samples_heard if slot is not None else 0) - response.before)
        item = response.item["id"] if response.item is not None else None
        self._outbox.put_own(
            "harry.flush", response_id=response.id, item_id=item, audio_ms=heard * 1000 // RATE, reason=reason
        )  # fmt: skip

    def _verdict(self) -> None:
        """Harry was cut: voices that were not told yet are now."""
        for voice in self._voices.values():
            if not voice.told and voice.stopped is None:
                self._started(voice)

    def _heard(self, turn: str, text: str) -> None:
        response = self._turns.get(turn)
        if response is None:
            return
        earlier = self._earlier(response)
        mine = text.removeprefix(earlier)
        item = response.item["id"] if response.item is not None else None
        if response is self._responses.current:
            self._responses.end("completed")
        self._responses.heard(response, mine)
        self._outbox.put_own(
            "harry.heard", response_id=response.id, item_id=item, turn=response.turn, text=mine, final=True
        )  # fmt: skip

    def _earlier(self, response: Response) -> str:
        """Return what the responses of the same turn before this one had said."""
        slot = self.slot_of(response)
        return slot.heard_within(response.before) if slot is not None and response.before else ""

    def _failed(self, turn: str, message: str) -> None:
        """End its response at once: what Harry says of the failure is a response of its own."""
        response = self._of(turn)
        if response is not None and response is self._responses.current:
            self._responses.end("failed", error=message)

    def _turn_ended(self, turn: str, reason: str, timeline: Mapping[str, float]) -> None:
        response = self._turns.pop(turn, None)
        if response is not None and response is self._responses.current:
            self._responses.end("failed" if reason == "failed" else "completed", error=reason)
        self._outbox.put_own(
            "harry.turn", turn=turn, response_id=response.id if response is not None else None, reason=reason,
            timeline=timeline,
        )  # fmt: skip
        if self._responses.current is None:
            self.state("listening")

    def slot_of(self, response: Response) -> Slot | None:
        """Find the slot of a response's turn. It stays with the response: the conductor knows it while it runs."""
        if response.slot is None and self._session is not None:
            response.slot = self._session.conductor.find_slot(response.turn)
        return response.slot

    def _of(self, turn: str) -> Response | None:
        """Return the response of a turn, if it is the one that is being told."""
        response = self._turns.get(turn)
        current = self._responses.current
        if current is not None and current.turn == turn:
            self._turns[current.turn] = current
            return current
        return response if response is not None and not response.done else None


def error(outbox: Outbox, message_: str, *, code: str, param: str | None = None, event_id: Any = None) -> None:
    """Tell a client that what it asked for cannot be."""
    outbox.put(
        "error",
        error={
            "type": "invalid_request_error", "code": code, "message": message_, "param": param,
            "event_id": event_id if isinstance(event_id, str) else None,
        },
    )  # fmt: skip
