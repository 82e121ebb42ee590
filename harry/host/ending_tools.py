"""Tools by which a mind ends a conversation or declines a task, for the session that they are offered to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harry.config.sections import Welfare
from harry.session.session import Session
from harry.tools.functions import make_offer, tool
from harry.tools.toolbox import Answer, Offer, ToolError
from harry.welfare.ending import (
    CLOSING,
    DECLINE_TOLD,
    DECLINED,
    END_TOLD,
    MAX_REASON_CHARACTERS,
    may_decline,
    may_end,
    write_down,
)

ENDING = frozenset(("end_conversation", "decline_task"))
"""The names of the tools that are made here."""

Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON_CHARACTERS)]


def ending_offers(wanted: Welfare, session: Session) -> list[Offer]:
    """Return those that the configuration allows; each use becomes an entry of the stream of consciousness."""

    async def end_conversation(reason: Reason) -> Answer:
        _refuse(may_end(session.conductor.history))
        session.think(write_down("ended the conversation", reason))
        # Once the last words are spoken he rests: a word, a button or a typed line wakes him.
        session.speech_input.rest()
        return Answer("The conversation is ended.", last_words=CLOSING)

    async def decline_task(reason: Reason) -> str:
        _refuse(may_decline(session.conductor.history))
        session.think(write_down("declined a task", reason))
        return DECLINED

    end_conversation.__doc__, decline_task.__doc__ = END_TOLD, DECLINE_TOLD
    if not wanted.enabled:
        return []
    return [
        make_offer(tool(function))
        for allowed, function in ((wanted.end_conversation, end_conversation), (wanted.decline_task, decline_task))
        if allowed
    ]


def _refuse(why: str) -> None:
    if why:
        raise ToolError(why)
