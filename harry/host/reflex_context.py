"""What a session's reflexes may see and move, gathered from the session and what all sessions share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from actors.text.phrases import load_phrases
from channels.turn import Turn
from harry.config.loading import Config
from harry.config.persona import load_configured_persona
from harry.memory.store.opening import parse_day
from harry.reflexes.actions import ReflexContext, reflexes
from harry.reflexes.tools import offers_of
from harry.session.session import Session

if TYPE_CHECKING:
    from harry.host.host import Host


def reflexes_of(host: Host, config: Config, session: Session) -> Callable[[Turn], Awaitable[str | None]]:
    """The reflexes of one session."""

    async def thoughts() -> Sequence[str]:
        found = await host.store.thoughts(config.persona.name, parse_day("today"), user=config.user.name)
        return [str(each["text"]) for each in found]

    def mute() -> bool:
        session.speech_input.mute(True)
        return session.speech_input.recorder is not None

    def volume(wanted: float | None) -> float:
        if wanted is not None:
            session.gate.volume = wanted
        return session.gate.volume

    def minds() -> Mapping[str, str]:
        ear, voice = host.engines.speech_to_text, host.engines.text_to_speech
        return {
            "mind": host.mind.engine.describe(),
            "ear": ear.engine.describe() if ear is not None else "nothing",
            "voice": voice.engine.describe() if voice is not None else "nothing",
        }

    body = ReflexContext(
        persona=config.persona.name,
        user=config.user.name,
        last_words=lambda: session.conductor.last_spoken,
        mute=mute,
        keeps=lambda: session.attention.is_recording,
        thoughts=thoughts,
        minds=minds,
        volume=volume,
        memory=host.memory.memory if host.memory is not None else None,
        reminding=host.reminding,
        replies=load_configured_persona(config.persona).replies,
    )
    if config.tools.enabled and host.reminding is not None:
        for offer in offers_of(body):
            if offer.tool.name not in config.tools.without:
                session.tools.offer(offer)
    return reflexes(body, load_phrases(config.persona.language), config.persona.language)
