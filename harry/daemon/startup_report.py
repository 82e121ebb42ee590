"""The short account at start: what Harry hears, speaks and thinks with, what he fell back to, what he keeps and where.

Pure: the daemon gathers the facts, this says them. A person who has just started Harry for the first time reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StartupFacts:
    """What there is to tell. None: there is no such thing.

    `ear`, `voice` and `mind` describe engines, `microphone` and `loudspeaker` devices. `fallbacks` are whole sentences.
    `door` is the address that opens the page, once. `folder` is where the conversation is kept. `small_mind`: the mind
    can hardly hold a conversation; `better_minds` is then the sentence that names the ways to a better one.
    `real_microphone`: a person may be listening.
    """

    ear: str | None = None
    microphone: str | None = None
    voice: str | None = None
    loudspeaker: str | None = None
    mind: str | None = None
    fallbacks: tuple[str, ...] = field(default=())
    folder: Path | None = None
    small_mind: bool = False
    better_minds: str = ""
    real_microphone: bool = False
    name: str = "Harry"
    door: str = ""


def startup_report(facts: StartupFacts) -> list[str]:
    """Tell the facts, a line each, in the order in which a newcomer needs them."""
    lines = [
        _line("hears with", facts.ear, facts.microphone, "nothing; he reads what you type"),
        _line("speaks with", facts.voice, facts.loudspeaker, "nothing; he writes his answers here"),
        _line("thinks with", facts.mind, None, "nothing; he cannot answer"),
    ]
    lines += [f"{'fell back':<12} {sentence}" for sentence in facts.fallbacks]
    lines.append(f"{'keeps':<12} {_kept(facts)}")
    if facts.small_mind:
        lines.append(f"{'note':<12} {_small_mind(facts, 'His')}")
    if facts.door:
        lines.append(f"{'page':<12} {facts.door}")
    lines += _ways_in(facts)
    return lines


def greeting(facts: StartupFacts) -> str:
    """Word what Harry greets with aloud: fixed, so that it needs no mind."""
    words = f"Hello, I am {facts.name}. I am listening."
    if facts.small_mind:
        return f"{words} {_small_mind(facts, 'My')}"
    return words


def _hears(facts: StartupFacts) -> bool:
    return facts.ear is not None and facts.microphone is not None


def _line(does: str, engine: str | None, device: str | None, otherwise: str) -> str:
    needs_device = does != "thinks with"
    if engine is None or (needs_device and device is None):
        return f"{does:<12} {otherwise}"
    return f"{does:<12} {engine}{f', {device}' if device else ''}"


def _kept(facts: StartupFacts) -> str:
    if facts.folder is None:
        return "nothing: all is forgotten when Harry ends"
    return f"the conversation as it was heard, and his thoughts, in {facts.folder}; no sound is kept"


def _small_mind(facts: StartupFacts, whose: str) -> str:
    plainly = f"{whose} mind is a very small one, and can hardly hold a conversation."
    return f"{plainly} {facts.better_minds}".strip()


def _ways_in(facts: StartupFacts) -> list[str]:
    if _hears(facts):
        return [
            f"{'mute':<12} type /mute and press Enter; again to be heard",
            f'{"say":<12} "What can you do?", or type it here; speak while {facts.name} speaks, and he falls silent',
        ]
    return [f'{"type":<12} "What can you do?" and press Enter']
