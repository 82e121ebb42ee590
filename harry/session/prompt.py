"""The prompt of a session's turns, by the configuration."""

from __future__ import annotations

from datetime import datetime

from actors.protocols import LanguageModel, Message
from channels.messages import Recollection
from harry.config.loading import Config
from harry.config.persona import persona_of
from harry.engines.traits import traits_of
from harry.mind.prompt.builder import build


def build_prompt(config: Config, user: str, mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
    """Build what a mind is told, for the user whose turn it is."""
    now = datetime.now().astimezone()
    small = traits_of(mind).small
    return build(recollection, config.persona.name, user, now, persona=persona_of(config.persona), small=small)
