"""The prompt of a session's turns, by the configuration."""

from __future__ import annotations

from datetime import datetime

from actors.protocols import LanguageModel, Message
from channels.messages import Recollection
from harry.config.loading import Config
from harry.config.persona import load_configured_persona
from harry.engines.traits import read_traits
from harry.mind.prompt.builder import build_messages


def build_prompt(config: Config, user: str, mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
    """Build what a mind is told, for the user whose turn it is."""
    now = datetime.now().astimezone()
    small = read_traits(mind).small
    return build_messages(
        recollection, config.persona.name, user, now, persona=load_configured_persona(config.persona), small=small
    )
