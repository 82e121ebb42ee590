"""The prompt for an utterance: who Harry is, what was said and HEARD, this moment, and the utterance, within a budget.

The history loses its oldest exchanges in strides, so that prompts keep a common beginning, which a provider has in its
cache. The time, the mood and the memories change with each turn, so they stand behind the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from actors.protocols import ImagePart, Message, Role, TextPart, ToolCall, ToolResult
from channels.messages import STRIDE, Exchange, Outcome, Recollection, ToolUse
from harry.config.persona import Persona, load_persona
from harry.mind.prompt.parts import OPENING, SAID, Part, Section, escape_marks, join_messages, make_text_part, quote

MAX_PROMPT_CHARACTERS = 24_000
"""Characters of a prompt at most: some 6000 tokens."""
SMALL_PROMPT_CHARACTERS = 2_400
"""The same for a small model on two cores, which reads some 300 tokens in a second."""

MAX_RESULT_CHARACTERS = 600
"""Characters of a result that an earlier tool gave; when it was new it was told in full."""

INTERRUPTED = "[The user interrupted here. They did not hear the rest.]"
UNHEARD = "[The user went on before anything of this reply was heard.]"
BROKE_OFF = "[This reply broke off here by a fault. The rest was not heard.]"
FAILED = "[No reply could be given: a fault came between.]"

_MARGIN = 0.9
"""How much of the budget context and history may fill."""

_THOUGHTS = "Your last thoughts today, oldest first:"
_STATE = "What you have in mind:"
_MEMORIES = "What you remember that may bear on this, oldest first:"


def build_messages(
    recollection: Recollection,
    persona_name: str,
    user_name: str,
    now: datetime,
    *,
    persona: Persona | None = None,
    budget: int | None = None,
    small: bool = False,
) -> tuple[Message, ...]:
    """Build the messages; `budget` is in characters, and the utterance alone may exceed it. `now` is local time.

    `small` is for a tiny model: one sentence of persona, no context, a short history.
    """
    return join_messages(
        build_parts(recollection, persona_name, user_name, now, persona=persona, budget=budget, small=small)
    )


def build_parts(
    recollection: Recollection,
    persona_name: str,
    user_name: str,
    now: datetime,
    *,
    persona: Persona | None = None,
    budget: int | None = None,
    small: bool = False,
) -> list[Part]:
    """Build the parts, in order."""
    who = persona or load_persona()
    limit = budget if budget is not None else SMALL_PROMPT_CHARACTERS if small else MAX_PROMPT_CHARACTERS
    system = who.fill_names(who.small if small else who.about, name=persona_name, user=user_name)
    said = recollection.utterance
    utterance = Part(
        Section.UTTERANCE,
        Role.USER,
        (TextPart(said.text if small else escape_marks(said.text)), *(ImagePart(uri) for uri in said.pictures)),
        "what is to be answered",
    )
    room = int((limit - len(system) - len(utterance.text)) * _MARGIN)
    head = [make_text_part(Section.PERSONA, Role.SYSTEM, system, "who Harry is, and how he speaks")]
    context = [] if small else _context(recollection, now, room // 3)
    if who.reminder and not small:
        reminder = who.fill_names(who.reminder, name=persona_name, user=user_name)
        context.append(make_text_part(Section.REMINDER, Role.USER, reminder, "what the persona's author asks for"))
    room -= sum(len(part.text) + 1 for part in context) + (len(OPENING) + len(SAID) + 3 if context else 0)
    exchanges = [_exchanged(exchange, small=small) for exchange in recollection.history]
    history = [part for exchange in _fitting(exchanges, room) for part in exchange]
    return [*head, *history, *context, utterance]


def _exchanged(exchange: Exchange, *, small: bool) -> list[Part]:
    """Convert an exchange: what was said, and the part of the reply that was heard."""
    heard = exchange.heard.strip()
    if exchange.failed and not small:
        heard = f"{heard} {BROKE_OFF}" if heard else FAILED
    elif exchange.interrupted and small:
        # A tiny model repeats a note rather than read it.
        heard = f"{heard} \N{EM DASH}" if heard else ""
    elif exchange.interrupted:
        heard = f"{heard} {INTERRUPTED}" if heard else UNHEARD
    asked = exchange.said if small else escape_marks(exchange.said)
    said = [make_text_part(Section.HISTORY, Role.USER, asked, "said before")] if exchange.said.strip() else []
    if exchange.tools and not small:
        said += _used(exchange.tools)
    return said + ([make_text_part(Section.HISTORY, Role.ASSISTANT, heard, "heard before")] if heard else [])


def _used(tools: Sequence[ToolUse]) -> list[Part]:
    """Convert the tool calls of a reply and their results, in the roles of the protocol."""
    calls = tuple(ToolCall(use.id, use.name, use.arguments, use.extra) for use in tools)
    results = tuple(
        ToolResult(
            use.id,
            (use.result if use.outcome is Outcome.FINISHED else f"[{use.outcome}] {use.result}")[
                :MAX_RESULT_CHARACTERS
            ],
        )
        for use in tools
    )
    return [
        Part(Section.HISTORY, Role.ASSISTANT, calls, "tools called before"),
        Part(Section.HISTORY, Role.TOOL, results, "what came of them"),
    ]


def _fitting(history: Sequence[list[Part]], room: int) -> list[list[Part]]:
    """Drop the oldest exchanges, `STRIDE` at a time, until the rest fits; the last one is dropped alone."""
    sizes = [sum(len(part.text) for part in exchange) for exchange in history]
    kept, first = sum(sizes), 0
    while first < len(history) and kept > room:
        gone = min(STRIDE, max(1, len(history) - first - 1))
        kept -= sum(sizes[first : first + gone])
        first += gone
    return list(history[first:])


def _context(recollection: Recollection, now: datetime, room: int) -> list[Part]:
    """Build the context of the moment: thoughts, state of mind, time, memories; the newest of each that fit."""
    time = f"It is {now:%A, %d %B %Y, %H:%M}."
    remembered = _section(Section.MEMORIES, _MEMORIES, recollection.memories, room, "found for these words")
    room -= sum(len(part.text) for part in remembered) + len(time)
    state = [f"{name}: {text}" for name, text in recollection.state]
    minded = _section(Section.STATE, _STATE, state, room, "mood, goal and what is held in mind")
    room -= sum(len(part.text) for part in minded)
    thoughts = _section(Section.THOUGHTS, _THOUGHTS, recollection.thoughts, room, "today's stream of consciousness")
    return [*thoughts, *minded, make_text_part(Section.TIME, Role.USER, time, "the clock"), *remembered]


def _section(section: Section, title: str, texts: Sequence[str], room: int, why: str) -> list[Part]:
    kept: list[str] = []
    room -= len(title) + 1
    for text in reversed(texts):
        line = quote([text])
        room -= len(line) + 1
        if room < 0:
            break
        kept.insert(0, line)
    return [make_text_part(section, Role.USER, "\n".join([title, *kept]), why)] if kept else []
