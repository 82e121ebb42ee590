"""Answers for programs that keep a conversation themselves and send the whole of it each time, as chat clients do.

Nothing sounds here and nobody is interrupted, so there is no session: the mind is leased, told who Harry is, what he
remembers on the newest words and what the program says, and asked once. The turn is kept as any other is.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import trio

from actors.protocols import (
    Delta,
    ImagePart,
    LanguageModel,
    Message,
    Request,
    Role,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    Usage,
)
from channels.messages import Outcome, Recollection, Source, ToolUse, TurnRecord, Utterance
from channels.turn import new_id
from harry.host.host import Host
from harry.memory.store.opening import NAMESPACE
from harry.memory.store.records import local_day
from harry.services.plain_words import is_plain
from harry.session.prompt import build_prompt

FROM_PROGRAM = "What the program that asks tells you:"

Emit = Callable[[Delta], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation as a program sends it: `told` are its instructions, `messages` what was said, the newest last.

    The last message in the role `USER` is what is answered; behind it there may be calls of the program's `tools`, and
    what came of them. `keep`: the turn enters the user's history and memory. `remember`: what
    Harry remembers is told. `persona`: another name than the configured one. `wishes`: what needs no mind is
    answered and done as in any conversation.
    """

    user: str
    messages: tuple[Message, ...]
    told: str = ""
    tools: tuple[Tool, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 512
    keep: bool = True
    remember: bool = True
    persona: str = ""
    wishes: bool = False

    @property
    def wish(self) -> Utterance | None:
        """What may be answered without a mind: plain last words of a person's, and nothing else asked for with them."""
        newest = self.messages[-1]
        if not self.wishes or self.tools or self.schema is not None or newest.role is not Role.USER:
            return None
        pictures = tuple(part.uri for part in newest.parts if isinstance(part, ImagePart))
        text = _words(newest)
        return Utterance(new_id(), text, Source.REMOTE, pictures=pictures) if is_plain(text) else None


@dataclass(slots=True)
class Said:
    """What came of it so far."""

    text: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    usage: Usage | None = None


async def answer(host: Host, asked: Asked, emit: Emit, enough: Callable[[], bool] = lambda: False) -> Said:
    """Ask the mind; each delta goes to `emit`, which may wait, until `enough` says so.

    Raises what the mind raises, and `StoreError`.

    When it returns, the turn is kept. Cancelled, it keeps what was handed on until then.
    """
    said, began = Said(), time.time()

    async def taken(delta: Delta) -> None:
        match delta:
            case TextDelta():
                said.text.append(delta.text)
            case ToolCall():
                said.calls.append(delta)
            case Usage():
                said.usage = delta
        await emit(delta)
        if enough():
            asking.cancel()

    finished = False
    wish = asked.wish
    asking = trio.CancelScope()
    try:
        words = None
        if wish is not None:
            words = await host.answer_alone(asked.user, asked.persona, wish, keep=asked.keep)
        if words is not None:
            await taken(TextDelta(words))
            finished = True
            return said
        recollection = await _recollected(host, asked)
        async with host.mind.lease() as mind:
            messages = _messages(host, mind, recollection, asked)
            request = Request(messages, max_tokens=asked.max_tokens, tools=asked.tools, schema=asked.schema)
            with asking:
                await mind.reply(request, taken)
        finished = True
    finally:
        if asked.keep and (finished or said.text):
            # Whoever goes has still heard what was sent: it is kept, at the cost of a commit.
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 2):
                turn = wish.id if wish is not None else new_id()
                await host.keep([_record(asked, said, began, turn=turn, finished=finished)])
    return said


def _place(messages: Sequence[Message]) -> int:
    """Where the words stand that are answered: the last message of the user's."""
    return max((at for at, message in enumerate(messages) if message.role is Role.USER), default=-1)


def _words(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, TextPart))


async def _recollected(host: Host, asked: Asked) -> Recollection:
    newest = asked.messages[_place(asked.messages)]
    pictures = tuple(part.uri for part in newest.parts if isinstance(part, ImagePart))
    said = Utterance(new_id(), _words(newest), Source.REMOTE, pictures=pictures)
    config = host.config_of(asked.user, asked.persona)
    memories: Sequence[str] = ()
    if asked.remember and host.memory is not None:
        memories = await host.memory.of(config).recall(asked.user, said.text)
    thoughts: tuple[str, ...] = ()
    if config.memory.thoughts:
        found = await host.store.thoughts(
            config.persona.name, local_day(time.time()), limit=config.memory.thoughts, user=asked.user
        )
        thoughts = tuple(str(message["text"]) for message in found)
    return Recollection(said, (), thoughts, tuple(memories))


def _messages(host: Host, mind: LanguageModel, recollection: Recollection, asked: Asked) -> tuple[Message, ...]:
    """Harry's own prompt around the newest words, the program's conversation where his history would stand."""
    head, *_, newest = build_prompt(host.config_of(asked.user, asked.persona), asked.user, mind, recollection)
    if asked.told:
        head = Message(head.role, (*head.parts, TextPart(f"\n\n{FROM_PROGRAM}\n{asked.told}")))
    at = _place(asked.messages)
    return (head, *asked.messages[:at], newest, *asked.messages[at + 1 :])


def _record(asked: Asked, said: Said, began: float, *, turn: str, finished: bool) -> TurnRecord:
    text = "".join(said.text)
    calls = tuple(
        ToolUse(call.id, call.name, call.arguments, Outcome.UNKNOWN, "The program was asked to do it.")
        for call in said.calls
    )
    return TurnRecord(
        turn=turn,
        user=asked.user,
        session="chat",
        namespace=NAMESPACE,
        source=Source.REMOTE,
        started_at=began,
        ended_at=time.time(),
        said=_words(asked.messages[_place(asked.messages)]),
        spoken=text,
        heard=text,
        interrupted=not finished,
        reason="finished" if finished else "superseded",
        tools=calls,
    )
