"""Reflexes at work in a session: what was wished for is done at once, without a mind, and answered in plain words.

Whatever changes something waits until it is sure that the words were said to Harry, as a tool does. What fails is said.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from random import SystemRandom

import structlog
import trio

from actors.text.phrases import Phrases
from channels.messages import Source
from channels.turn import Turn
from harry.errors import HarryError
from harry.reflexes.context import ReflexContext, words_kept
from harry.reflexes.grammar import LONGEST, UNCLEAR, Grammar, Wish, grammar_of
from harry.reflexes.heard_otherwise import HeardOtherwise, HearOtherwise, without_hesitation
from harry.reflexes.lists import ListReflexes
from harry.reflexes.memory_answers import MemoryAnswer, MemoryAnswers
from harry.reflexes.memory_wishes import MemoryWishes
from harry.reflexes.second_reading import LONGEST as LONGEST_READ_AGAIN
from harry.reflexes.second_reading import second_reading_of
from harry.reflexes.several import Several, several
from harry.reflexes.small_talk import small_talk_of
from harry.reflexes.timers import SHARED as TIMERS_SHARED
from harry.reflexes.timers import Timers
from harry.reflexes.times import told_date, told_time
from harry.reflexes.understanding import understand
from harry.reflexes.volume import VolumeWishes
from harry.reflexes.wording import sentence, tidy
from harry.welfare.crisis import look_for_danger

READ = 12
"""Thoughts that are read aloud at most, the newest."""

SHARED = frozenset(
    (
        "Repeat", "Time", "Date", *TIMERS_SHARED, "Recall", "Thoughts", "WhoAreYou", "WhichModel", "Abilities", "Told",
        "AreYouAnAI", "Languages", "TellVolume", "Here", "ReadList", "IsOnList", "WhichLists", "MakeList",
    )
)  # fmt: skip
"""Reflexes that change nothing: they may be answered on a guess."""

_APART = re.compile(r"_|-|(?<=[a-z])(?=[A-Z])")

log = structlog.get_logger(__name__)


class Reflexes:
    """A session's. `answer(turn)` gives the words of a reflex, or None where the mind has to answer."""

    def __init__(self, body: ReflexContext, phrases: Phrases, language: str = "en") -> None:
        self._body = body
        self._phrases = phrases
        self._language = language
        self._grammar: Grammar | None = None
        self._random = SystemRandom()
        self._lists = ListReflexes(body.lists, body.user, self._reply, body.wall)
        self._memory_answers = MemoryAnswers(body.memory, body.user, self._reply, self._is_wish)
        self._memory_wishes = MemoryWishes(body, self._reply, self._is_wish)
        self._timers = Timers(body, self._reply)
        self._heard_otherwise = HeardOtherwise(
            understand=self._understand_heard,
            changes=lambda wish: wish.name not in SHARED and wish.name not in self._beyond(),
            remembered=self._remembered,
            known=partial(words_kept, body),
            names=(body.persona,),
            language=language,
        )
        body.understand = self._match
        self._does = {
            "Repeat": self._repeat, "Mute": self._mute,
            "Time": self._time, "Date": self._date, "Thoughts": self._thoughts, "WhichModel": self._model,
            "Told": self._told_plainly,
            **VolumeWishes(body, self._reply).does, **self._timers.does, **self._memory_wishes.does,
        }  # fmt: skip

    async def answer(self, turn: Turn) -> str | None:
        """Return what a reflex answers to a turn, once it is done; None where the mind has to answer. Never raises."""
        said = turn.utterance
        if said.pictures:
            return None
        return await self.answer_words(
            said.text,
            turn=turn.id,
            by_person=said.source is not Source.PROACTIVE,
            sure=turn.decided.wait,
            final=lambda: turn.committed,
            again=partial(self._body.hear_again, said.id, said.text) if said.source is Source.VOICE else None,
        )

    async def answer_words(
        self,
        text: str,
        *,
        turn: str = "",
        by_person: bool = True,
        sure: Callable[[], Awaitable[object]] = trio.lowlevel.checkpoint,
        final: Callable[[], bool] = lambda: True,
        again: HearOtherwise | None = None,
    ) -> str | None:
        """Do what the words wish for, and return what to say; None where they wish for nothing that is done here.

        The one entry, whatever way the words came. `sure` returns once they were surely said to Harry: what changes
        something waits for it. `final` tells whether they can still be taken back; `turn` is the id under which they
        are kept, or ""; `again` hears other words in what was spoken. What fails is told.
        """
        try:
            self._memory_wishes.begin(turn)
            if by_person and await look_for_danger(text) is not None:
                # Whatever else stands there, this is not answered by a reflex, and answers nothing that one has asked.
                await sure()
                self._memory_wishes.drop_question()
                self._timers.drop_question()
                return None
            answered = await self._asked(text, sure, final) if by_person else None
            if answered is not None:
                return answered
            found = await trio.to_thread.run_sync(several, text, self._match)
            if found is not None:
                return await self._in_order(found, sure, turn)
            return await self._one(text, sure, turn, again)
        except Exception as error:  # noqa: BLE001  a mistake in a reflex must not take the conversation away
            return self._trouble(error)

    def _trouble(self, error: Exception) -> str:
        """Log what prevented a reflex, and return what to say of it."""
        if isinstance(error, HarryError):
            log.warning("a reflex failed", cause=str(error))
            return self._reply("Trouble", why=str(error))
        # The text of the error may hold what was said, so only its kind and its place are told.
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error("a reflex is broken", error=type(error).__name__, at=f"{Path(place.filename).name}:{place.lineno}")
        return self._reply("Trouble", why="there is a mistake in me. It stands in the log.")

    async def _one(
        self, text: str, sure: Callable[[], Awaitable[object]], turn: str, again: HearOtherwise | None = None
    ) -> str | None:
        """Do the one wish that the words are, or answer them from memory."""
        wish = await trio.to_thread.run_sync(self._match, text)
        likely = wish is None
        if wish is None or wish.name in self._beyond():
            # What he cannot find out, such as where a parcel is, he may have been told.
            told = await self._from_memory(text, spoken=again is not None)
            is_told = told is not None and told.known
            if wish is None and not is_told:
                wish = await self._read_again(text, again)
            if wish is None or is_told:
                return told.words if told is not None else None
        elif wish.name.endswith(UNCLEAR):
            # Before he asks back: what is missing may stand in the words after all.
            clearer = await self._read_again(text, again)
            wish, likely = (clearer, True) if clearer is not None else (wish, False)
        if not await self._is_his(wish):
            return None
        if likely or wish.name not in SHARED:
            await sure()
        self._memory_wishes.begin(turn)
        return await self._done(wish)

    async def _in_order(self, found: Several, sure: Callable[[], Awaitable[object]], turn: str) -> str | None:
        """Do several wishes, one after the other; None, and nothing is done, where a part of it is the mind's."""
        if (found.rest and self._body.has_capable_mind()) or not all(
            [await self._is_his(each) for each in found.wishes]
        ):
            return None
        await sure()
        self._memory_wishes.begin(turn)
        told = []
        for wish in found.wishes:
            try:
                told.append(await self._done(wish) or "")
            except Exception as error:  # noqa: BLE001  what was done before it is told all the same
                told.append(self._trouble(error))
            if self._timers.asked or self._memory_wishes.asked:
                # The next words answer what he asks; what comes after it is not done, and he does not say it is.
                return " ".join(told).strip()
        if found.rest:
            talk = small_talk_of(self._language).reply(found.rest, (self._body.persona,))
            told.append(talk or await self._one(found.rest, sure, turn) or self._reply("Rest"))
        return " ".join(told).strip() or None

    async def _is_his(self, wish: Wish) -> bool:
        """Whether Harry does this himself, and it can be meant at the moment."""
        return not self._has_tool(wish.name) and await self._timers.applies(wish)

    async def _asked(self, text: str, sure: Callable[[], Awaitable[object]], final: Callable[[], bool]) -> str | None:
        """Do what the words say as an answer to what Harry asked or lets ring, or shut; None where they answer nothing.

        Only the very next words answer, and they must come from a person.
        """
        if self._memory_wishes.asked:
            agreed = self._phrases.agrees(text, (self._body.persona,))
            if agreed is not None:
                await sure()
                return await self._memory_wishes.settle(agreed=agreed)
        if self._timers.stopped_by(text):
            await sure()
            return await self._timers.stop_ringing()
        if self._timers.asked:
            await sure()
            self._memory_wishes.drop_question()
            return await self._timers.answered(text)
        if final():
            self._memory_wishes.drop_question()
        if self._phrases.mute_wish(text, (self._body.persona,)) is False:
            await sure()
            return self._reply("Unmute" if self._body.unmute() else "Mute.none")
        return None

    async def _done(self, wish: Wish) -> str | None:
        if self._lists.does(wish.name):
            return await self._lists.answer(wish)
        does = self._does.get(wish.name)
        return await does(wish) if does is not None else self._reply(wish.name, name=self._body.persona)

    def _match(self, text: str) -> Wish | None:
        if self._grammar is None:
            self._grammar = grammar_of(self._language)
        return understand(text, (self._body.persona,), self._grammar, self._now(), self._random)

    async def _read_again(self, text: str, again: HearOtherwise | None) -> Wish | None:
        """Return what words look like in which nothing was found, where no capable mind could make sense of them.

        If they look like nothing, and were spoken, other words are looked for in their sound.
        """
        names = (self._body.persona,)
        if self._body.has_capable_mind() or small_talk_of(self._language).kind(text, names) is not None:
            return None
        wish = await trio.to_thread.run_sync(self._likely, text)
        if wish is not None or again is None or len(text) > LONGEST_READ_AGAIN:
            return wish
        return await self._heard_otherwise.wish(text, again)

    def _likely(self, text: str) -> Wish | None:
        reading = second_reading_of(self._language)
        return reading.read(text, (self._body.persona,), self._match, self._now()) if reading is not None else None

    def _understand_heard(self, text: str) -> Wish | None:
        wish = self._match(text)
        return wish if wish is not None else self._likely(text)

    async def _from_memory(self, text: str, *, spoken: bool) -> MemoryAnswer | None:
        """Return what memory answers to a question that nothing else here does, where no capable mind could."""
        if len(text) > LONGEST or self._body.has_capable_mind() or not self._language.lower().startswith("en"):
            return None
        answer, names = None, (self._body.persona,)
        for words in dict.fromkeys((text, without_hesitation(text) if spoken else text)):
            answer = await self._memory_answers.answer(words, names, self._now()) or answer
            if answer is not None and answer.known:
                break
        return answer

    async def _remembered(self, text: str) -> str | None:
        told = await self._from_memory(text, spoken=True)
        return told.words if told is not None and told.known else None

    def _is_wish(self, text: str) -> bool:
        return self._match(text) is not None

    def _beyond(self) -> Mapping[str, Sequence[str]]:
        """Return what is beyond Harry himself, with the stems that stand in the names of tools for it."""
        return self._grammar.needs if self._grammar is not None else {}

    def _has_tool(self, name: str) -> bool:
        """Whether there is a tool for what is beyond Harry himself."""
        stems = self._beyond().get(name, ())
        if not stems:
            return False
        begins = re.compile(rf"\b(?:{'|'.join(map(re.escape, stems))})", re.IGNORECASE)
        # Names such as get_forecast and getWeather are words, too.
        return any(begins.search(_APART.sub(" ", tool)) for tool in self._body.tools())

    def _reply(self, name: str, /, **told: object) -> str:
        """Return the persona's words for this, else the language's."""
        wordings = self._wordings(name)
        words = wordings[int(self._body.wall()) % len(wordings)]
        for key, value in told.items():
            words = words.replace(f"{{{key}}}", str(value))
        return tidy(words)

    def _wordings(self, name: str) -> Sequence[str]:
        self._grammar = self._grammar or grammar_of(self._language)
        return self._body.replies.get(name) or (self._grammar.replies[name],)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._body.wall()).astimezone()

    # Without a store.

    async def _told_plainly(self, wish: Wish) -> str:
        await trio.lowlevel.checkpoint()
        return str(wish.slots["words"])

    async def _repeat(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        words = self._body.last_words().strip()
        return self._reply("Repeat", text=words) if words else self._reply("Repeat.nothing")

    async def _mute(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        return self._reply("Mute" if self._body.mute() else "Mute.none")

    async def _time(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        return self._reply("Time", time=told_time(self._now()))

    async def _date(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        return self._reply("Date", date=told_date(self._now()))

    async def _model(self, _: Wish) -> str:
        await trio.lowlevel.checkpoint()
        return self._reply("WhichModel", **self._body.minds())

    async def _thoughts(self, _: Wish) -> str:
        thoughts = list(await self._body.thoughts())[-READ:]
        return (
            self._reply("Thoughts", list=" ".join(map(sentence, thoughts)))
            if thoughts
            else self._reply("Thoughts.none")
        )


def reflexes(body: ReflexContext, phrases: Phrases, language: str) -> Callable[[Turn], Awaitable[str | None]]:
    """Return what a session's pipeline asks before it asks the mind."""
    return Reflexes(body, phrases, language).answer
