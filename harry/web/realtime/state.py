"""The state of one Realtime conversation, which outlives its sockets: what the client has set, said and been told."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from harry.engines.engine_set import Engines
from harry.session.session import Session, TurnTakingSettings
from harry.web.realtime.audio_device import RemoteAudioDevice
from harry.web.realtime.items import Items
from harry.web.realtime.outbox import Outbox
from harry.web.realtime.responses import Responses
from harry.web.realtime.server_events import ServerEvents
from harry.web.realtime.settings import Settings
from harry.web.realtime.tools import ClientTools

MAX_NOTES = 8
"""The newest system messages of the client that stand in the prompt."""


@dataclass(slots=True)
class ConversationState:
    """What the client's events change and Harry's read.

    `usual` is how turns are taken where the client sets nothing; `now` holds the instructions and modalities that the
    client wants of the next response alone.
    """

    resume_word: str
    usual: TurnTakingSettings
    settings: Settings
    outbox: Outbox
    items: Items
    responses: Responses
    telling: ServerEvents
    tools: ClientTools
    engines: Engines
    card: RemoteAudioDevice
    notes: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_NOTES))
    now: tuple[str, tuple[str, ...] | None] = ("", None)

    def describe(self, session: Session, *, resumed: bool = False) -> dict[str, Any]:
        """Return the session as the client is told of it."""
        return {
            "id": f"sess_{session.identity.session}",
            **self.settings.told(),
            "harry": {
                "resume": self.resume_word,
                "resumed": resumed,
                "persona": session.persona,
                "muted": session.speech_input.muted,
                "off_the_record": session.attention.off_the_record,
            },
        }

    def apply(self, settings: Settings, session: Session) -> None:
        """Have new settings hold in the session."""
        self.settings = settings
        self.tools.offer(settings.offered)
        detection = settings.detection or {}
        session.conductor.interruptible = bool(detection.get("interrupt_response", True))
        session.attention.deliberate = settings.detection is None
        session.dialogue.speculates = self.usual.speculate and settings.answers
        if session.speech_input.listener is not None:
            listening = session.speech_input.listener.endpointing
            silence = settings.silence
            listening.endpoint_silence = self.usual.endpoint_silence if silence is None else silence
            listening.by_words = detection.get("type") != "server_vad"
            session.speech_input.listener.reach_back(
                max(self.usual.pre_roll, detection.get("prefix_padding_ms", 0) / 1000)
            )
