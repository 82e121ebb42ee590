"""Prompts by the configuration: for the session's turns, and for a person who wants to see what a mind is told."""

from __future__ import annotations

from datetime import datetime

from actors.protocols import LanguageModel, Message
from channels.messages import Recollection
from harry.config.loading import Config
from harry.config.persona import persona_of
from harry.engines.traits import traits_of
from harry.mind.prompt.builder import build


def prompt_of(config: Config, mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
    """The prompt for a mind, by the configuration."""
    now = datetime.now().astimezone()
    small = traits_of(mind).small
    return build(
        recollection, config.persona.name, config.user.name, now, persona=persona_of(config.persona), small=small
    )
