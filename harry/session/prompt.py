"""The prompt of a session's turns, by the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from actors.protocols import LanguageModel, Message, TextPart
from channels.messages import Recollection
from harry.config.loading import Config
from harry.config.persona import load_configured_persona
from harry.engines.traits import read_traits
from harry.mind.prompt.builder import build_messages
from harry.welfare.care import NOTE, was_needed


def build_prompt(config: Config, user: str, mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
    """Build what a mind is told, for the user whose turn it is."""
    now = datetime.now().astimezone()
    small = read_traits(mind).small
    messages = build_messages(
        recollection, config.persona.name, user, now, persona=load_configured_persona(config.persona), small=small
    )
    return with_care(messages) if not small and was_needed(recollection.history) else messages


def with_care(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return a prompt that tells the mind to be careful: there were signs of self-harm before."""
    head, *rest = messages
    return (replace(head, parts=(*head.parts, TextPart(f"\n\n{NOTE}"))), *rest)
