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
    CutShort,
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
from channels.messages import Exchange, Outcome, Recollection, Source, ToolUse, TurnRecord, Utterance
from channels.turn import new_id
from harry.engines.traits import read_traits
from harry.errors import StoreError
from harry.host.host import Host
from harry.memory.store.opening import NAMESPACE
from harry.memory.store.records import local_day
from harry.reflexes.without_a_mind import too_small
from harry.services.plain_words import is_plain, is_task
from harry.services.stop_texts import StopTexts
from harry.session.prompt import build_prompt, with_care
from harry.welfare.care import is_careful
from harry.welfare.farewell import PlainFarewell, is_goodbye

FROM_PROGRAM = "What the program that asks tells you:"

KEPT_WITHIN = 10.0
"""Seconds in which a whole answer is kept: longer than the store takes to fail, and then the disk beside it."""

GONE_WITHIN = 2.0
"""Seconds in which what was sent to a program that has gone is kept."""

Emit = Callable[[Delta], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation as a program sends it: `told` are its instructions, `messages` what was said, the newest last.

    The last message in the role `USER` is what is answered; behind it there may be calls of the program's `tools`, and
    what came of them. `keep`: the turn enters the user's history and memory. `remember`: what
    Harry remembers is told. `persona`: another name than the configured one. `wishes`: what needs no mind is
    answered and done as in any conversation; `rings`: timers and the like, too, because they can ring for the user.
    The reply ends before the first of `stops`. `person`: it is surely a person who talks, by a device of his.
    """

    user: str
    messages: tuple[Message, ...]
    told: str = ""
    tools: tuple[Tool, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 512
    stops: tuple[str, ...] = ()
    keep: bool = True
    remember: bool = True
    persona: str = ""
    wishes: bool = False
    rings: bool = True
    person: bool = False

    @property
    def wish(self) -> Utterance | None:
        """What may be answered without a mind: plain last words of a person's, and nothing else asked for with them."""
        newest = self.messages[-1]
        if not self.wishes or self.tools or self.schema is not None or newest.role is not Role.USER:
            return None
        pictures = tuple(part.uri for part in newest.parts if isinstance(part, ImagePart))
        text = _words(newest)
        return Utterance(new_id(), text, Source.REMOTE, pictures=pictures) if is_plain(text) else None

    @property
    def was_cared_for(self) -> bool:
        """Whether there were signs of self-harm before, as the program has the conversation."""
        return any(is_careful(_words(message)) for message in self.messages if message.role is Role.ASSISTANT)

    @property
    def last(self) -> str:
        """What Harry said last, as the program has it."""
        said = (_words(message) for message in reversed(self.messages) if message.role is Role.ASSISTANT)
        return next((words for words in said if words.strip()), "")


@dataclass(slots=True)
class Said:
    """What came of it so far."""

    text: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    usage: Usage | None = None
    cut_short: bool = False
    """Whether it ended at its limit of tokens."""
    turn: str = ""
    """The id under which it is in the store; empty where it is not, or not yet."""


class _Reply:
    """Hands a reply on, until one of the stop texts; `asking` is cancelled there."""

    def __init__(self, stops: Sequence[str], emit: Emit) -> None:
        self.said = Said()
        self.farewell: PlainFarewell | None = None
        """What a mind's reply to a goodbye is looked through by."""
        self.asking = trio.CancelScope()
        self._stops = StopTexts(stops)
        self._emit = emit

    async def take(self, delta: Delta) -> None:
        match delta:
            case TextDelta():
                text = self.farewell.feed(delta.text) if self.farewell is not None else delta.text
                await self._tell(self._stops.feed(text))
                if self._stops.met:
                    self.asking.cancel()
                return
            case ToolCall():
                self.said.calls.append(delta)
            case Usage():
                self.said.usage = delta
            case CutShort():
                self.said.cut_short = True
        await self._emit(delta)

    async def end(self) -> None:
        """Hand on what was held back because it might have become a stop text, or something that is left out."""
        if self.farewell is not None and not self._stops.met:
            await self._tell(self._stops.feed(self.farewell.end()))
        await self._tell(self._stops.end())

    async def _tell(self, text: str) -> None:
        if text:
            self.said.text.append(text)
            await self._emit(TextDelta(text))
        else:
            await trio.lowlevel.checkpoint()


async def answer(host: Host, asked: Asked, emit: Emit) -> Said:
    """Ask the mind; each delta goes to `emit`, which may wait.

    Raises what the mind raises, and `StoreError`.

    When it returns, the turn is kept. Cancelled, it keeps what was handed on until then.
    """
    wish = asked.wish
    # Only where a person's plain words are answered: what a program asks for, it gets as it is.
    goes = wish is not None and is_goodbye(wish.text)
    reply, began = _Reply(asked.stops, emit), time.time()
    finished = False
    try:
        words = await _without_a_mind(host, asked, wish)
        if words is not None:
            await reply.take(TextDelta(words))
        else:
            if goes and host.config.welfare.plain_farewells and not asked.was_cared_for:
                reply.farewell = PlainFarewell()
            recollection = await _recollected(host, asked)
            async with host.mind.lease() as mind:
                messages = _messages(host, mind, recollection, asked)
                request = Request(messages, max_tokens=asked.max_tokens, tools=asked.tools, schema=asked.schema)
                with reply.asking:
                    await mind.reply(request, reply.take)
        if asked.person and not goes:
            await host.recall_use(asked.user)
            if notice := host.notices.after(asked.user, "".join(reply.said.text)):
                await reply.take(TextDelta(f" {notice}"))
        await reply.end()
        finished = True
    finally:
        if asked.person:
            host.notices.note(asked.user, began, "".join(reply.said.text))
        if asked.keep and (finished or reply.said.text):
            turn = wish.id if wish is not None else new_id()
            if await _keep(host, _record(asked, reply.said, began, turn=turn, finished=finished), finished=finished):
                reply.said.turn = turn
    return reply.said


async def _without_a_mind(host: Host, asked: Asked, wish: Utterance | None) -> str | None:
    """Return what is answered in place of the mind, None where it is asked."""
    said = _words(asked.messages[_place(asked.messages)])
    # Who wants a schema filled, or a title, is a program that reads what people write; nobody talks with it there.
    talks = asked.schema is None and not is_task(said)
    careful = await host.care.answer(said) if talks else None
    if wish is None:
        return careful or too_small(read_traits(host.mind.engine))
    # Of such words a reflex does nothing, and lets go of what it had asked before.
    answered = await host.answer_alone(
        asked.user, asked.persona, wish, last=asked.last, keep=asked.keep, rings=asked.rings
    )
    return careful or answered


async def _keep(host: Host, record: TurnRecord, *, finished: bool) -> bool:
    """Keep a turn although the program may go meanwhile; tell whether it is in the store by now.

    Raises `StoreError` where a whole answer is not kept.
    """
    stored = False
    within = KEPT_WITHIN if finished else GONE_WITHIN
    with trio.CancelScope(shield=True, deadline=trio.current_time() + within) as keeping:
        stored = await host.keep([record])
    if finished and keeping.cancelled_caught:
        raise StoreError("The answer is not kept: the disk takes too long.")
    return stored


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
        memory = host.memory.of(config)
        memory.history = lambda: _exchanges(asked.messages[: _place(asked.messages)])
        memories = await memory.recall(asked.user, said.text)
    thoughts: tuple[str, ...] = ()
    if config.memory.thoughts:
        found = await host.store.thoughts(
            config.persona.name, local_day(time.time()), limit=config.memory.thoughts, user=asked.user
        )
        thoughts = tuple(str(message["text"]) for message in found)
    return Recollection(said, (), thoughts, tuple(memories))


def _exchanges(messages: Sequence[Message]) -> list[Exchange]:
    """Return what a program has of the conversation before, for what looks back at it."""
    spoken = [message for message in messages if message.role in (Role.USER, Role.ASSISTANT)]
    return [
        Exchange(str(at), _words(message), "", interrupted=False)
        if message.role is Role.USER
        else Exchange(str(at), "", _words(message), interrupted=False)
        for at, message in enumerate(spoken)
    ]


def _messages(host: Host, mind: LanguageModel, recollection: Recollection, asked: Asked) -> tuple[Message, ...]:
    """Harry's own prompt around the newest words, the program's conversation where his history would stand."""
    head, *_, newest = build_prompt(host.config_of(asked.user, asked.persona), asked.user, mind, recollection)
    if asked.told:
        head = Message(head.role, (*head.parts, TextPart(f"\n\n{FROM_PROGRAM}\n{asked.told}")))
    at = _place(asked.messages)
    if asked.was_cared_for:
        (head,) = with_care([head])
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
