"""What a session's reflexes may see and move, gathered from the session and what all sessions share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from actors.text.phrases import load_phrases
from channels.messages import Utterance
from channels.turn import Turn
from harry.config.loading import Config
from harry.config.persona import load_configured_persona
from harry.engines.traits import read_traits
from harry.memory.longterm.forgetting import Forgotten
from harry.memory.store.opening import NAMESPACE, parse_day
from harry.reflexes.actions import ReflexContext, reflexes
from harry.reflexes.tools import OWN, offers_of
from harry.reflexes.without_a_mind import WithoutAMind
from harry.session.session import Session

if TYPE_CHECKING:
    from harry.host.host import Host


def _tools(host: Host, session: Session | None) -> Sequence[str]:
    """Return what the mind may use besides Harry's own, each as its name and its description."""
    # A mind that cannot use tools is helped by none.
    if read_traits(host.mind.engine).toolless or session is None:
        return ()
    tools = [offer.tool for name, offer in session.tools.offers.items() if name not in OWN]
    return [f"{tool.name}: {tool.description}" for tool in tools]


def _has_capable_mind(host: Host) -> bool:
    """Return whether the mind can be trusted with what was told."""
    return not read_traits(host.mind.engine).small


def _minds(host: Host) -> Mapping[str, str]:
    """Return what Harry thinks, hears and speaks with, in words."""
    ear, voice = host.engines.speech_to_text, host.engines.text_to_speech
    return {
        "mind": host.mind.engine.describe(),
        "ear": ear.engine.describe() if ear is not None else "nothing",
        "voice": voice.engine.describe() if voice is not None else "nothing",
    }


Answers = Callable[[Turn], Awaitable[str | None]]
"""Answers a turn before a language model is asked; None where that one has to."""


def answers_of(host: Host, config: Config, session: Session) -> Answers:
    """Return what answers a session's turns before a language model is asked."""
    body = _context(host, config, session)
    if config.tools.enabled and host.reminding is not None:
        for offer in offers_of(body):
            if offer.tool.name not in config.tools.without:
                session.tools.offer(offer)
    return _answers(host, config, body)


class ProgramAnswers:
    """The same for a program that keeps its conversation itself, as chat clients do: without a session."""

    def __init__(self, host: Host, config: Config) -> None:
        self._last = ""
        self._user = config.user.name
        self._answers = _answers(host, config, _context(host, config, None, lambda: self._last))

    async def answer(self, said: Utterance) -> str | None:
        """Answer what was said, None where a language model has to."""
        # The turn that the program has kept is named like its words.
        turn = Turn(said, self._user, "chat", NAMESPACE, id=said.id)
        turn.decided.set()
        words = await self._answers(turn)
        self._last = words or self._last
        return words

    def forget(self, forgotten: Forgotten) -> None:
        """Have nothing to repeat that tells what was forgotten."""
        if forgotten.told_in(self._last):
            self._last = ""


def _answers(host: Host, config: Config, body: ReflexContext) -> Answers:
    reflex = reflexes(body, load_phrases(config.persona.language), config.persona.language)
    without = WithoutAMind(
        lambda: read_traits(host.mind.engine),
        (config.persona.name,),
        config.persona.language,
        talks=config.engines.smallest_mind,
    )

    async def answer(turn: Turn) -> str | None:
        words = await reflex(turn)
        return words if words is not None else without.answer(turn.utterance)

    return answer


def _context(host: Host, config: Config, session: Session | None, last_words: Callable[[], str] = str) -> ReflexContext:
    """Gather what the reflexes may see and move; without a session there is nothing to mute or to turn up."""

    async def thoughts() -> Sequence[str]:
        found = await host.store.thoughts(config.persona.name, parse_day("today"), user=config.user.name)
        return [str(each["text"]) for each in found]

    def mute(muted: bool) -> bool:
        if session is None or session.speech_input.recorder is None:
            return False
        session.speech_input.mute(muted)
        return True

    def volume(wanted: float | None) -> float:
        if session is None:
            return 1.0
        if wanted is not None:
            session.volume(wanted)
        return session.gate.volume

    return ReflexContext(
        persona=config.persona.name,
        user=config.user.name,
        last_words=last_words if session is None else lambda: session.conductor.last_spoken,
        mute=partial(mute, True),
        keeps=lambda: session is None or session.attention.is_recording,
        thoughts=thoughts,
        minds=partial(_minds, host),
        forget=partial(host.forget, config.user.name),
        volume=volume,
        memory=host.memory.memory if host.memory is not None else None,
        reminding=host.reminding,
        lists=host.lists,
        has_capable_mind=partial(_has_capable_mind, host),
        unmute=partial(mute, False),
        tools=partial(_tools, host, session),
        replies=load_configured_persona(config.persona).replies,
        wall=host.wall,
        session=session.identity.session if session is not None else "",
    )
