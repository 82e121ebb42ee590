"""What a session's reflexes may see and move, gathered from the session and what all sessions share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import trio

from actors.text.phrases import load_phrases
from channels.messages import Utterance
from channels.turn import Turn
from harry.config.loading import Config
from harry.config.persona import load_configured_persona
from harry.engines.traits import read_traits
from harry.host.ending_tools import ENDING, ending_offers
from harry.host.shared import Shared
from harry.memory.longterm.forgetting import Forgotten
from harry.memory.store.opening import NAMESPACE, parse_day
from harry.reflexes.actions import reflexes
from harry.reflexes.context import ReflexContext, hear_nothing_else
from harry.reflexes.tools import OWN, offers_of
from harry.reflexes.without_a_mind import WithoutAMind
from harry.session.session import Session


def _tools(shared: Shared, session: Session | None) -> Sequence[str]:
    """Return what the mind may use besides Harry's own, each as its name and its description."""
    # A mind that cannot use tools is helped by none.
    if read_traits(shared.mind.engine).toolless or session is None:
        return ()
    tools = [offer.tool for name, offer in session.tools.offers.items() if name not in OWN | ENDING]
    return [f"{tool.name}: {tool.description}" for tool in tools]


def _minds(shared: Shared) -> Mapping[str, str]:
    """Return what Harry thinks, hears and speaks with, in words."""
    ear, voice = shared.engines.speech_to_text, shared.engines.text_to_speech
    return {
        "mind": shared.mind.engine.describe(),
        "ear": ear.engine.describe() if ear is not None else "nothing",
        "voice": voice.engine.describe() if voice is not None else "nothing",
    }


Answers = Callable[[Turn], Awaitable[str | None]]
"""Answers a turn before a language model is asked; None where that one has to."""

Forget = Callable[[str, str], Awaitable[Forgotten]]
"""Forgets an item of a user's for good, given the user and the item's id."""


def answers_of(shared: Shared, forget: Forget, config: Config, session: Session) -> Answers:
    """Return what answers a session's turns before a language model is asked."""
    body = _context(shared, forget, config, session)
    if config.tools.enabled:
        own = offers_of(body) if shared.reminding is not None else []
        for offer in (*own, *ending_offers(config.welfare, session)):
            if offer.tool.name not in config.tools.without:
                session.tools.offer(offer)
    return _answers(shared, config, body)


class ProgramAnswers:
    """The same for a program that keeps its conversation itself, as chat clients do: without a session."""

    def __init__(self, shared: Shared, forget: Forget, config: Config) -> None:
        self._last = ""
        self._keeps = True
        self._one_at_a_time = trio.Lock()
        self._user = config.user.name
        body = replace(_context(shared, forget, config, None), last_words=lambda: self._last, keeps=lambda: self._keeps)
        self._answers = _answers(shared, config, body)

    async def answer(self, said: Utterance, *, last: str, keep: bool) -> str | None:
        """Answer what was said, None where a language model has to.

        `last` is what Harry said before, as the program has it. `keep`: what is said may be remembered.
        """
        # The turn that the program has kept is named like its words.
        turn = Turn(said, self._user, "chat", NAMESPACE, id=said.id)
        turn.decided.set()
        async with self._one_at_a_time:  # one request's wish to be kept nowhere must not become another's
            self._last, self._keeps = last, keep
            try:
                return await self._answers(turn)
            finally:
                self._last = ""


def _answers(shared: Shared, config: Config, body: ReflexContext) -> Answers:
    reflex = reflexes(body, load_phrases(config.persona.language), config.persona.language)
    without = WithoutAMind((config.persona.name,), config.persona.language, talks=config.engines.smallest_mind)

    async def answer(turn: Turn) -> str | None:
        words = await reflex(turn)
        mind = shared.mind.engine
        traits = read_traits(mind)
        if words is not None or not traits.small:
            return words
        # Asked here: in the worker thread a chain of language models cannot tell which of them rests.
        in_trouble = getattr(mind, "trouble", None) is not None
        keeps = body.memory is not None and body.keeps() and shared.storage.trouble is None
        last = body.last_words()
        wording = partial(without.answer, turn.utterance, traits, in_trouble=in_trouble, keeps=keeps, last=last)
        return await trio.to_thread.run_sync(wording)

    return answer


def _context(shared: Shared, forget: Forget, config: Config, session: Session | None) -> ReflexContext:
    """Gather what the reflexes may see and move; without a session there is nothing to mute or to turn up."""

    async def thoughts() -> Sequence[str]:
        found = await shared.storage.store.thoughts(config.persona.name, parse_day("today"), user=config.user.name)
        return [str(thought["text"]) for thought in found]

    def mute(muted: bool) -> bool:
        if session is None or session.speech_input.recorder is None:
            return False
        session.speech_input.mute(muted)
        return True

    def volume(wanted: float | None) -> float | None:
        if session is None or not session.has_loudspeaker:
            return None
        if wanted is not None:
            session.volume(wanted)
        return session.gate.volume

    return ReflexContext(
        persona=config.persona.name,
        user=config.user.name,
        last_words=lambda: session.conductor.last_spoken if session is not None else "",
        mute=partial(mute, True),
        keeps=lambda: session is None or session.attention.is_recording,
        thoughts=thoughts,
        minds=partial(_minds, shared),
        forget=partial(forget, config.user.name),
        volume=volume,
        memory=shared.memory.memory if shared.memory is not None else None,
        reminding=shared.reminding,
        lists=shared.lists,
        has_capable_mind=lambda: not read_traits(shared.mind.engine).small,
        unmute=partial(mute, False),
        tools=partial(_tools, shared, session),
        replies=load_configured_persona(config.persona).replies,
        wall=shared.wall,
        session=session.identity.session if session is not None else "",
        hear_again=session.speech_input.hear_again if session is not None else hear_nothing_else,
    )
