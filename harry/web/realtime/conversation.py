"""One Realtime conversation: a client's sockets, one after the other, and the session of Harry's behind them.

The session lives as long as the first socket's handler. When a socket breaks without a farewell, the conversation waits
`RESUMED_WITHIN` seconds for another that names it, and goes on there with all that was not sent yet.
"""

from __future__ import annotations

import secrets
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
from harry.web.realtime.state import ConversationState
from harry.web.realtime.tools import ClientTools
from harry.web.realtime.vad_threshold import sensing
from harry.web.realtime.voice import ChosenVoice
from harry.web.server.http import Request
from harry.web.server.websocket import Socket, SocketClosed

RESUMED_WITHIN = 60.0
"""Seconds for which a conversation waits for its client to come back."""


class Conversation:
    """Made for a client's first socket. `word` is what resumes it."""

    session: Session
    _client_events: ClientEvents

    def __init__(self, host: Host, request: Request) -> None:
        self.word = secrets.token_urlsafe(24)
        self.open = False
        self._attached = False
        self._looks_elsewhere = request.query.get("elsewhere") == "1"
        self.user = request.user
        self._host = host
        self._clock = AudioClock()
        self._next: tuple[Socket, trio.Event] | None = None
        self._came = trio.Event()
        outbox, items = Outbox(knows_harry=request.query.get("harry") == "1"), Items()
        responses = Responses(outbox, items)
        telling = ServerEvents(outbox, items, responses, lambda: self.state.settings)
        self.state = ConversationState(
            resume_word=self.word,
            usual=turn_taking_settings(host.config),
            settings=Settings(model=request.query.get("model", "harry")[:100]),
            outbox=outbox,
            items=items,
            responses=responses,
            telling=telling,
            tools=ClientTools(responses),
            engines=sensing(host.engines, lambda: self.state.settings.threshold),
            card=RemoteAudioDevice(
                self._clock, reblocking(RATE), told=telling.sound, flushed=self._flushed, waits=lambda: outbox.full
            ),
        )

    async def run(self, socket: Socket) -> None:
        """Converse until the client says farewell, or does not come back."""
        spoken = self._host.engines.text_to_speech
        voice: EnginePool[TextToSpeech] | None = None
        if spoken is not None:
            voice = ChosenVoice(spoken, silent_voice(), self._aloud)
        async with (
            self._host.open(
                user=self.user, devices=ConversationDevices(self._clock, self.state.card, self.state.card),
                settings=replace(self._host.settings(self.user), always_meant=True), voice=voice,
                engines=self.state.engines, prompt=self._prompt, reply_to=self._reply_to,
                attended=lambda: self._attached, by_person=self.state.outbox.knows_harry, prepare=self._prepare,
            ),
            self._taken_up(),
            trio.open_nursery() as nursery,
        ):  # fmt: skip
            nursery.start_soon(self.state.telling.run, self._thought)
            if self._looks_elsewhere and self.state.outbox.knows_harry:
                elsewhere = Elsewhere(self._host, self.state.outbox, self.user, self.session.identity.session)
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
        self.state.outbox.put("session.created", session=self.state.describe(self.session, resumed=resumed))
        self.state.telling.state_again()
        self._attached = True
        self._host.came.notify()
        try:
            with suppress(SocketClosed):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._send, socket, nursery.cancel_scope)
                    nursery.start_soon(self._replaced, nursery.cancel_scope)
                    async for text in socket:
                        await self._client_events.take(text)
                        await self.state.outbox.room()
                    nursery.cancel_scope.cancel()
        finally:
            self._attached = False
        return socket.farewell

    async def _send(self, socket: Socket, scope: trio.CancelScope) -> None:
        with suppress(SocketClosed):
            await self.state.outbox.send(socket)
        scope.cancel()

    async def _overflow(self, scope: trio.CancelScope) -> None:
        """End the conversation when the outbox overflows: a client who has not read for so long does not come back."""
        await self.state.outbox.overflown.wait()
        scope.cancel()

    async def _replaced(self, scope: trio.CancelScope) -> None:
        """Let a client that comes back before its old socket is seen to be dead take the conversation over."""
        await self._came.wait()
        scope.cancel()

    # What the session asks.

    def _prepare(self, session: Session) -> None:
        self.session = session
        self._client_events = ClientEvents(self.state, session)
        self.state.telling.attach(session)
        self.state.tools.attach(session)

    def _reply_to(self, utterance: Utterance) -> Turn | None:
        if self.state.settings.answers:
            return self.session.answer(utterance)
        self._client_events.said(utterance)
        return None

    def _aloud(self) -> bool:
        modalities = self.state.now[1] or self.state.settings.modalities
        return modalities == ("audio",)

    def _prompt(self, user: str, mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
        self.state.telling.remembered(recollection.utterance.id, recollection.memories, recollection.thoughts)
        head, *rest = build_prompt(self._host.config_of(user), user, mind, recollection)
        once, kinds = self.state.now
        parts = (self.state.settings.instructions, *self.state.notes, once)
        instructions = "\n\n".join(part for part in parts if part)
        self.state.now = ("", kinds)
        if instructions:
            head = Message(head.role, (*head.parts, TextPart(f"\n\n{FROM_PROGRAM}\n{instructions}")))
        return (head, *rest)

    def _flushed(self, paused: bool) -> bool:
        current = self.state.responses.current
        if not paused:
            return True  # the event of the cut tells it, right after
        if self.state.outbox.knows_harry and current is not None:
            self.state.telling.flush(current, "paused")
            return True
        return False

    async def _thought(self, sequence: int) -> str | None:
        found: Sequence[dict[str, Any]] = await self._host.store.thoughts(
            self.session.persona, parse_day("today"), limit=8, user=self.user
        )
        return next((str(thought["text"]) for thought in found if thought["sequence"] == sequence), None)
