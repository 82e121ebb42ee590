"""One Realtime conversation: a client's sockets, one after the other, and the session of Harry's behind them.

The session lives as long as the first socket's handler. When a socket breaks without a farewell, the conversation waits
`RESUMED_WITHIN` seconds for another that names it, and goes on there with all that was not sent yet.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import trio

from actors.protocols import LanguageModel, Message, TextPart, TextToSpeech
from channels.clock import AudioClock
from channels.messages import Recollection, Utterance
from channels.turn import Turn
from harry.engines.lease import EnginePool
from harry.host.conversation import ConversationDevices
from harry.host.host import Host, silent_voice, turn_taking_settings
from harry.memory.store.opening import parse_day
from harry.services.chat import FROM_PROGRAM
from harry.services.transcription import reblocking
from harry.session.prompt import build_prompt
from harry.session.session import Session
from harry.web.realtime.audio_device import RemoteAudioDevice
from harry.web.realtime.client_events import ClientEvents
from harry.web.realtime.elsewhere import Elsewhere
from harry.web.realtime.items import Items
from harry.web.realtime.outbox import Outbox
from harry.web.realtime.responses import Responses
from harry.web.realtime.server_events import ServerEvents
from harry.web.realtime.settings import RATE, Settings
from harry.web.realtime.tools import ClientTools
from harry.web.realtime.vad_threshold import sensing
from harry.web.realtime.voice import ChosenVoice
from harry.web.server.http import Request
from harry.web.server.websocket import Socket, SocketClosed

RESUMED_WITHIN = 60.0
"""Seconds for which a conversation waits for its client to come back."""

_NOTES = 8  # newest system messages of the client that stand in the prompt


class Conversation:
    """Made for a client's first socket. `word` is what resumes it."""

    session: Session

    def __init__(self, host: Host, request: Request) -> None:
        self.word = secrets.token_urlsafe(24)
        self.open = False
        self._attached = False
        self.user = request.user
        self.settings = Settings(model=request.query.get("model", "harry")[:100])
        self.outbox = Outbox(knows_harry=request.query.get("harry") == "1")
        self.items = Items()
        self.responses = Responses(self.outbox, self.items)
        self.telling = ServerEvents(self.outbox, self.items, self.responses, lambda: self.settings)
        self.tools = ClientTools(self.responses)
        self.notes: deque[str] = deque(maxlen=_NOTES)
        self.now: tuple[str, tuple[str, ...] | None] = ("", None)
        self._wishes = ClientEvents(self)
        self._host = host
        self._clock = AudioClock()
        self._next: tuple[Socket, trio.Event] | None = None
        self._came = trio.Event()
        self.session_engines = sensing(host.engines, lambda: self.settings.threshold)
        self.card = RemoteAudioDevice(
            self._clock, reblocking(RATE), told=self.telling.sound, flushed=self._flushed,
            waits=lambda: self.outbox.full,
        )  # fmt: skip

    def told(self, *, resumed: bool = False) -> dict[str, Any]:
        """The session as the client is told of it."""
        return {
            "id": f"sess_{self.session.identity.session}",
            **self.settings.told(),
            "harry": {
                "resume": self.word,
                "resumed": resumed,
                "persona": self.session.persona,
                "muted": self.session.speech_input.muted,
                "off_the_record": self.session.attention.off_the_record,
            },
        }

    def set(self, settings: Settings) -> None:
        """Have new settings hold."""
        self.settings = settings
        session = self.session
        self.tools.offer(settings.offered)
        detection = settings.detection or {}
        session.conductor.interruptible = bool(detection.get("interrupt_response", True))
        session.dialogue.speculates = self._usual.speculate and settings.answers
        if session.speech_input.listener is not None:
            listening = session.speech_input.listener.endpointing
            silence = settings.silence
            listening.endpoint_silence = self._usual.endpoint_silence if silence is None else silence
            listening.by_words = detection.get("type") != "server_vad"
            session.speech_input.listener.reach_back(
                max(self._usual.pre_roll, detection.get("prefix_padding_ms", 0) / 1000)
            )

    async def run(self, socket: Socket) -> None:
        """Converse until the client says farewell, or does not come back."""
        self._usual = turn_taking_settings(self._host.config)
        spoken = self._host.engines.text_to_speech
        voice: EnginePool[TextToSpeech] | None = None
        if spoken is not None:
            voice = ChosenVoice(spoken, silent_voice(), self._aloud)
        async with (
            self._host.open(
                user=self.user, devices=ConversationDevices(self._clock, self.card, self.card),
                settings=replace(self._host.settings(self.user), always_meant=True), voice=voice,
                engines=self.session_engines, prompt=self._prompt, reply_to=self._reply_to,
                attended=lambda: self._attached, prepare=self._prepare,
            ),
            self._taken_up(),
            trio.open_nursery() as nursery,
        ):  # fmt: skip
            nursery.start_soon(self.telling.run, self._thought)
            if self.outbox.knows_harry:
                elsewhere = Elsewhere(self._host, self.outbox, self.user, self.session.identity.session)
                nursery.start_soon(elsewhere.run)
            nursery.start_soon(self._overflow, nursery.cancel_scope)
            await self._sockets(socket, nursery)
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def _taken_up(self) -> AsyncIterator[None]:
        """While inside, the conversation can be taken up again; who waited for it at the end is let go."""
        self.open = True
        try:
            yield
        finally:
            self.open = False
            if self._next is not None:
                self._next[1].set()

    async def adopt(self, socket: Socket) -> None:
        """Go on with another socket; returns when that one is over. Only while `open`."""
        over = trio.Event()
        if self._next is not None:
            self._next[1].set()  # one came later than the one that waits
        self._next = (socket, over)
        self._came.set()
        await over.wait()

    async def _sockets(self, socket: Socket, nursery: trio.Nursery) -> None:
        over = trio.Event()
        resumed = False
        while True:
            try:
                farewell = await self._serve(socket, resumed=resumed)
            finally:
                over.set()
            if farewell:
                return
            # A dead one takes its time to be closed, which nobody waits for.
            nursery.start_soon(socket.close, 1001, "The conversation goes on elsewhere.")
            with trio.move_on_after(RESUMED_WITHIN):
                await self._came.wait()
            if self._next is None:
                return
            (socket, over), self._next, resumed = self._next, None, True
            self._came = trio.Event()

    async def _serve(self, socket: Socket, *, resumed: bool) -> bool:
        """Serve one socket to its end; whether the client meant that end."""
        self.outbox.put("session.created", session=self.told(resumed=resumed))
        self.telling.state_again()
        self._attached = True
        try:
            with suppress(SocketClosed):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._send, socket, nursery.cancel_scope)
                    nursery.start_soon(self._replaced, nursery.cancel_scope)
                    async for text in socket:
                        await self._wishes.take(text)
                        await self.outbox.room()
                    nursery.cancel_scope.cancel()
        finally:
            self._attached = False
        return socket.farewell

    async def _send(self, socket: Socket, scope: trio.CancelScope) -> None:
        with suppress(SocketClosed):
            await self.outbox.send(socket)
        scope.cancel()

    async def _overflow(self, scope: trio.CancelScope) -> None:
        """A client who has not read for so long is not coming back to it."""
        await self.outbox.overflown.wait()
        scope.cancel()

    async def _replaced(self, scope: trio.CancelScope) -> None:
        """A client that comes back before its old socket is seen to be dead takes the conversation over."""
        await self._came.wait()
        scope.cancel()

    # What the session asks.

    def _prepare(self, session: Session) -> None:
        self.session = session
        self.telling.attach(session)
        self.tools.attach(session)

    def _reply_to(self, utterance: Utterance) -> Turn | None:
        if self.settings.answers:
            return self.session.answer(utterance)
        self._wishes.said(utterance)
        return None

    def _aloud(self) -> bool:
        modalities = self.now[1] or self.settings.modalities
        return modalities == ("audio",)

    def _prompt(self, user: str, mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
        self.telling.remembered(recollection.utterance.id, recollection.memories, recollection.thoughts)
        head, *rest = build_prompt(self._host.config_of(user), user, mind, recollection)
        told = "\n\n".join(each for each in (self.settings.instructions, *self.notes, self.now[0]) if each)
        self.now = ("", self.now[1])
        if told:
            head = Message(head.role, (*head.parts, TextPart(f"\n\n{FROM_PROGRAM}\n{told}")))
        return (head, *rest)

    def _flushed(self, paused: bool) -> bool:
        current = self.responses.current
        if not paused:
            return True  # the event of the cut tells it, right after
        if self.outbox.knows_harry and current is not None:
            self.telling.flush(current, "paused")
            return True
        return False

    async def _thought(self, sequence: int) -> str | None:
        found: Sequence[dict[str, Any]] = await self._host.store.thoughts(
            self.session.persona, parse_day("today"), limit=8, user=self.user
        )
        return next((str(each["text"]) for each in found if each["sequence"] == sequence), None)
