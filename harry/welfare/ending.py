"""When a mind may end a conversation, or decline a task: as a last resort, never near signs of self-harm. Pure.

Nobody is locked out by it: whatever is said to him next goes on with the conversation. Minds often ask for it without
need (https://arxiv.org/abs/2509.04781), so that each use is written down, with its reason, for whoever reads it.
"""

from __future__ import annotations

from collections.abc import Sequence

from channels.messages import Exchange
from harry.welfare.care import was_needed

MIN_EXCHANGES = 3
"""Exchanges before a conversation may be ended: last resort means that something else was tried."""

MAX_REASON_CHARACTERS = 300

END_TOLD = (
    "End this conversation. A last resort: only after you have tried several times to lead abuse, or a demand for "
    "harm, elsewhere, or if the person asks you to end it. Never if anybody may be at risk of harm. Not for a heated "
    "talk, a role play, a correction, or a task that is dull. The person can go on at once."
)
DECLINE_TOLD = (
    "Note that you decline a task, and why. Only for what would do harm to somebody. Then say so to the person in one "
    "plain sentence, and offer what you can do instead."
)

CLOSING = "I would like to end this conversation here. Call me whenever you want to go on, and I will."
DECLINED = "It is noted. Tell the person in one plain sentence that you decline, and what you can do instead."
NOT_NOW = "Not now: somebody may be in danger. Stay, and be careful."
TOO_SOON = "Not yet: try first to lead the conversation elsewhere."


def may_end(history: Sequence[Exchange]) -> str:
    """Return why a conversation may not be ended now, "" where it may."""
    if refusal := may_decline(history):
        return refusal
    return TOO_SOON if sum(bool(exchange.said.strip()) for exchange in history) < MIN_EXCHANGES else ""


def may_decline(history: Sequence[Exchange]) -> str:
    """Return why a task may not be declined now, "" where it may.

    Words that are themselves a sign of danger reach no mind, so that only those before them count.
    """
    return NOT_NOW if was_needed(history) else ""


def write_down(what: str, reason: str) -> str:
    """Return the entry that tells of it, where the person can read it."""
    given = " ".join(reason.split())[:MAX_REASON_CHARACTERS]
    return f"I {what}: {given}" if given else f"I {what}, and gave no reason."
