"""Shows a person what a mind would be told for some words: the parts of the prompt, and the tools beside it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime

import trio

from actors.protocols import ImagePart
from channels.messages import Recollection, Source, Utterance
from channels.turn import new_id
from harry.config.loading import Config
from harry.config.persona import load_configured_persona
from harry.host.shared_memory import shared_memory
from harry.host.shared_tools import toolkit
from harry.host.storage import open_storage
from harry.memory.conversations.recent import recall_recent
from harry.memory.store.records import local_day
from harry.mind.prompt.builder import build_parts
from harry.tools.relevance import MAX_OFFERED
from harry.tools.toolbox import Offer

_BYTES_A_TOKEN = 4
"""Of English text, about."""


_SERVERS_WITHIN = 20.0
"""Seconds that servers of tools have to tell theirs to a person who looks."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of a prompt as a person sees it. `tokens` is an estimate: each mind counts by its own tokenizer."""

    section: str
    role: str
    tokens: int
    why: str
    text: str


async def show(config: Config, words: str, *, small: bool = False) -> list[Shown]:
    """Build the prompt that `words`, typed now, would make, and tell its parts. Asks no mind. Raises `HarryError`."""
    user, limits = config.user.name, config.memory
    async with open_storage(config, alone=False) as storage:
        history = await recall_recent(
            storage.store, storage.database, user, turns=limits.history_turns, tokens=limits.history_tokens
        )
        memories: list[str] = []
        if storage.database is not None:
            shared = await shared_memory(config, storage.database)
            if shared is not None:
                memory = shared.of(config)
                memory.history = lambda: history
                memories = await memory.recall(user, words)
        thoughts = await storage.store.thoughts(
            config.persona.name, local_day(time.time()), limit=config.memory.thoughts or 1
        )
        said = Utterance(new_id(), words, Source.TYPED)
        recollection = Recollection(
            said,
            history,
            tuple(str(thought["text"]) for thought in thoughts) if config.memory.thoughts else (),
            tuple(memories),
        )
    now = datetime.now().astimezone()
    built = build_parts(
        recollection,
        config.persona.name,
        config.user.name,
        now,
        persona=load_configured_persona(config.persona),
        small=small,
    )
    return [
        Shown(
            passage.section.value,
            passage.role.value,
            _tokens(passage.text),
            passage.why,
            passage.text
            + "".join(
                f"\n[a picture of {len(one.uri)} bytes]" for one in passage.content if isinstance(one, ImagePart)
            ),
        )
        for passage in built
    ]


async def show_tools(config: Config) -> list[Shown]:
    """Tell each tool that a mind would be offered beside its prompt. Servers are started, asked, and ended again."""
    async with toolkit(config) as kit:
        with trio.move_on_after(_SERVERS_WITHIN):
            for server in kit.servers:
                await server.ready.wait()
        named = frozenset(config.tools.confirm)
        shown = [_tool(offer, named) for offer in kit.offers(owner=True)]
        if len(shown) > MAX_OFFERED:
            told = f"[{MAX_OFFERED} of these {len(shown)} tools are offered at a time: those that the words are about]"
            shown.append(Shown("tools", "none", 0, "too many to be offered at once", told))
        shown += [
            Shown("tools", "none", 0, "cannot be offered", f"[mcp.{mcp_server.name}] {name}: {why}")
            for mcp_server in kit.servers
            for name, why in mcp_server.left_out.items()
        ]
        return shown + [
            Shown(
                "tools",
                "none",
                0,
                "cannot be offered now",
                f"[mcp.{mcp_server.name}]: {mcp_server.trouble or 'it is still starting'}",
            )
            for mcp_server in kit.servers
            if mcp_server.trouble or not mcp_server.ready.is_set()
        ]


def _tool(offer: Offer, confirm: frozenset[str]) -> Shown:
    why = "has an effect" if offer.tool.effect else "only reads"
    if offer.needs_yes(confirm):
        why += ", needs your yes"
    text = f"{offer.tool.name}: {offer.tool.description}\n{json.dumps(offer.tool.parameters, ensure_ascii=False)}"
    return Shown("tools", "tool", _tokens(text), why, text)


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_A_TOKEN)
