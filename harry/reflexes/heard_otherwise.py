"""Spoken words that wish for nothing may have been others: those in the same sound that are a wish, if there are any.

An ear writes "Kerry had long till New Year's Day" for "Harry, how long till New Year's Day", and "I'm throw a coin" for
"um, throw a coin". So it is asked for other words in the same sound, those of wishes first. They are a wish only if all
of them match, as always, and if they sound nearly as likely as what was heard; more so if they change something.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Sequence

import structlog
import trio

from actors.protocols import ExpectedWords, OtherReading
from actors.supervisor import describe_origin
from harry.reflexes.expected_words import wish_words
from harry.reflexes.grammar import UNCLEAR
from harry.reflexes.wishes import Wish

LOSS, LOSS_TO_CHANGE = 6.0, 4.5
"""How much less likely than the likeliest words others may sound (logarithms): for an answer, and for a change."""

QUESTIONS = 3
"""Readings at most that memory is asked about."""

WITHIN = 5.0
"""Seconds that it may take, whatever the ear and the memory do: somebody waits for an answer."""

_HESITATION = re.compile(
    r"^(?:(?:i'm|i am|am|um|em|un|ut|uh|ah|oh|on|out|or|and|but|a)[\s,.]+"
    r"|(?:i|how|out)[\s,.]+(?=(?:can|could|would|will|what|what's|which|when|how|where|who)\b))(?=\S+\s+\S)",
    re.IGNORECASE,
)
"""How an ear writes "um" and "uh" before a wish of two words or more. "I set a timer" only tells, and is not meant."""

HearOtherwise = Callable[[ExpectedWords], Awaitable[Sequence[OtherReading]]]

log = structlog.get_logger(__name__)


def without_hesitation(heard: str) -> str:
    """Return what an ear wrote without a first word that may have been an "um"."""
    return _HESITATION.sub("", heard, count=1)


class HeardOtherwise:
    """A session's.

    `understand` gives the wish of words, in milliseconds; `changes` tells if one changes something; `known` gives the
    words of what wishes may be about, such as the names of timers that run. `remembered` gives what memory answers to a
    question, None where it knows no answer.
    """

    def __init__(
        self,
        *,
        understand: Callable[[str], Wish | None],
        changes: Callable[[Wish], bool],
        remembered: Callable[[str], Awaitable[str | None]],
        known: Callable[[], Awaitable[Collection[str]]],
        names: tuple[str, ...],
        language: str,
    ) -> None:
        self._understand = understand
        self._changes = changes
        self._remembered = remembered
        self._known = known
        self._names = names
        self._language = language

    async def wish(self, text: str, again: HearOtherwise) -> Wish | None:
        """Return the wish that other words in the same sound are, None for none; one that lacks nothing is better."""
        heard = await trio.to_thread.run_sync(self._first, [OtherReading(text, 0.0)])
        if heard is not None and not heard.name.endswith(UNCLEAR):
            return heard
        with trio.move_on_after(WITHIN):
            readings = await self._readings(again)
            found = await trio.to_thread.run_sync(self._first, readings) or heard
            for reading in readings[:QUESTIONS] if found is None else ():
                words = await self._remembered(reading.text)
                if words is not None:
                    return Wish("Told", {"words": words}, reading.text)
            return found
        return heard

    async def _readings(self, again: HearOtherwise) -> Sequence[OtherReading]:
        """Return the words that may have been said by their sound, the best first."""
        expected = await trio.to_thread.run_sync(wish_words, self._language, self._names)
        if expected is None:
            return ()
        try:
            known = await self._known()
            found = await again(await trio.to_thread.run_sync(expected.knowing, known))
            return [reading for reading in found if reading.loss <= LOSS]
        except Exception as error:  # noqa: BLE001  an ear may come from anybody, and the words that were heard are there
            log.warning("the ear could not listen again", cause=describe_origin(error))
            return ()

    def _first(self, readings: Sequence[OtherReading]) -> Wish | None:
        unclear = None
        for reading in readings:
            for text in dict.fromkeys((reading.text, without_hesitation(reading.text))):
                wish = self._understand(text)
                if wish is None or (reading.loss > LOSS_TO_CHANGE and self._changes(wish)):
                    continue
                if not wish.name.endswith(UNCLEAR):
                    return wish
                unclear = unclear or wish
        return unclear
