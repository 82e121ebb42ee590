"""What is told at the start: what Harry hears, speaks and thinks with, what is missing, what is kept and where.

Pure: the daemon gathers the facts, this says them. A person who has just started Harry for the first time reads it.
What is said aloud is short, and nothing to be typed is in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from channels.turn import made_at
from harry.memory.store.records import local_day
from harry.mind.absent import DESCRIPTION as NO_MIND
from harry.terminal.layout import Line

EXAMPLE = "What can you do?"


@dataclass(frozen=True, slots=True)
class StartupFacts:
    """What there is to tell. None: there is no such thing.

    `ear`, `voice` and `mind` describe engines, `microphone` and `loudspeaker` devices; `wants_microphone` and
    `wants_loudspeaker` are False where the person chose to have none. `fallbacks` are whole sentences.
    `door` is the address that opens the page, once; `wyoming` says who may come in by that protocol. `folder` is
    where the conversation is kept. `small_mind`: the mind can hardly hold a conversation; `better_minds` is then the
    sentence that names the ways to a better one. `real_microphone`: a person may be listening. `greeting` is the
    persona's own.
    """

    ear: str | None = None
    microphone: str | None = None
    wants_microphone: bool = True
    voice: str | None = None
    loudspeaker: str | None = None
    wants_loudspeaker: bool = True
    mind: str | None = None
    fallbacks: tuple[str, ...] = field(default=())
    folder: Path | None = None
    small_mind: bool = False
    better_minds: str = ""
    real_microphone: bool = False
    name: str = "Harry"
    greeting: str = ""
    door: str = ""
    wyoming: str = ""


def startup_report(facts: StartupFacts) -> list[Line]:
    """Tell the facts, a line each, in the order in which a newcomer needs them."""
    lines = [*_sound(facts)]
    if facts.mind is None:
        lines.append(Line("none: only what needs no language model is answered.", "Mind (language model)"))
    else:
        lines.append(Line(f"{facts.mind}.", "Mind (language model)"))
    if facts.mind == NO_MIND and facts.better_minds:
        lines.append(Line(facts.better_minds))
    elif facts.small_mind:
        lines.append(Line(f"This mind is very small, and can hardly hold a conversation. {facts.better_minds}".strip()))
    lines += [Line(sentence, "Note") for sentence in _notes(facts.fallbacks)]
    lines.append(_kept(facts))
    if facts.door:
        lines.append(Line(facts.door, "Page in the browser", whole=True))
    if facts.wyoming:
        lines.append(Line(facts.wyoming, "Wyoming"))
    lines.append(_way_in(facts))
    return lines


def greeting(facts: StartupFacts) -> str:
    """Word what Harry greets with aloud: fixed, so that it needs no mind; short, and nothing technical.

    A persona's own words are said in its place.
    """
    words = facts.greeting or f"Hello, I am {facts.name}. I am listening."
    if facts.mind == NO_MIND:
        return words
    return f"{words} My mind is a very small one for now." if facts.small_mind else words


def is_greeting_due(last_turn: str | None, now: float) -> bool:
    """Say whether to greet aloud: once a day, before the day's first turn. `last_turn` is the newest turn's id."""
    if last_turn is None:
        return True
    at = made_at(last_turn)
    return at is None or local_day(at) != local_day(now)


def _sound(facts: StartupFacts) -> list[Line]:
    """Tell what is heard and spoken with; for the usual case of a computer without any, one line does."""
    hears, speaks = facts.microphone is not None, facts.loudspeaker is not None
    if not hears and not speaks:
        found = facts.wants_microphone or facts.wants_loudspeaker
        without = "No microphone or loudspeaker found" if found else "Without microphone and loudspeaker"
        return [Line(f"{without}: type, and read.")]
    lines = []
    if hears and facts.ear is not None:
        lines.append(Line(f"{facts.ear}, with {facts.microphone}.", "Ear (speech recognition)"))
    else:
        why = "There is no speech recognition" if hears else _missing("microphone", facts.wants_microphone)
        lines.append(Line(f"{why}: type what you want to say."))
    if speaks and facts.voice is not None:
        lines.append(Line(f"{facts.voice}, through {facts.loudspeaker}.", "Voice (speech synthesis)"))
    else:
        why = "There is no voice" if speaks else _missing("loudspeaker", facts.wants_loudspeaker)
        lines.append(Line(f"{why}: answers are written here."))
    return lines


def _missing(device: str, wanted: bool) -> str:
    return f"No {device} found" if wanted else f"Without a {device}"


_NOT_INSTALLED = re.compile(r"The engine '(.+)' needs a package that is not installed \(.+?\)\. (.+)")


def _notes(fallbacks: tuple[str, ...]) -> list[str]:
    """Tell engines that one command would install in one sentence."""
    missing: dict[str, list[str]] = {}
    others = []
    for sentence in fallbacks:
        if found := _NOT_INSTALLED.fullmatch(sentence):
            missing.setdefault(found[2], []).append(found[1])
        else:
            others.append(sentence)
    for remedy, names in missing.items():
        *most, last = sorted(names)
        listed = f"{', '.join(most)} and {last} are" if most else f"{last} is"
        others.append(f"{listed} not installed. {remedy}")
    return others


def _hears(facts: StartupFacts) -> bool:
    return facts.ear is not None and facts.microphone is not None


def _kept(facts: StartupFacts) -> Line:
    if facts.folder is None:
        return Line("Harry keeps nothing: everything is forgotten when he stops.")
    return Line(f"{facts.folder} (what was said and heard, and his thoughts; no sound).", "Kept in")


def _way_in(facts: StartupFacts) -> Line:
    if _hears(facts):
        return Line(
            f'Say or type "{EXAMPLE}". Speak while {facts.name} speaks, and he falls silent. '
            "/mute shuts the microphone, /quit ends."
        )
    return Line(f'Type "{EXAMPLE}" and press Enter. /quit ends.')
