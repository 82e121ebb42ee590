"""A persona: a folder with `persona.toml` and Markdown that says who answers, and how he thinks.

The default one ships with Harry. A folder of one's own may hold less: what it leaves out is taken from the default. In
place of Markdown it may hold a character card (`card`), as `harry persona import` makes it.
`{{char}}` and `{{user}}` stand for the names, in any case, as in character cards
(https://github.com/kwaroran/character-card-spec-v3).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harry.config.card_persona import describe, greet, remind
from harry.config.cards import MAX_CARD_BYTES, parse_card
from harry.config.sections import Persona as PersonaSection
from harry.errors import ConfigurationError

DEFAULT = Path(__file__).parents[1] / "personas" / "harry"

MAX_FILE_BYTES = 64_000
"""Bytes of one file: a prompt holds far less."""

_NAMES = re.compile(r"\{\{(char|user)\}\}", re.IGNORECASE)
_NOBODY = ("", "you")
"""User names that are no names."""

_KINDS = {
    "name": str, "about": list, "card": str, "memory": str, "thinking": str, "small": str, "replies": dict, "say": dict,
}  # fmt: skip

OWN, SHARED = "own", "shared"
"""What `memory` may be: whether the persona remembers by itself, or with Harry and all who share."""


@dataclass(frozen=True, slots=True)
class Persona:
    """The texts of a persona for the prompt. They hold `{{char}}` and `{{user}}`, which `fill_names` replaces.

    `replies` are the persona's own wordings of fixed sentences, by their names; `say` tells how words are said.
    `reminder` stands near the end of each prompt, `greeting` is said at the first start of a day; "" for none.
    """

    name: str
    about: str
    thinking: str
    small: str
    replies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    say: Mapping[str, str] = field(default_factory=dict)
    reminder: str = ""
    greeting: str = ""
    memory: str = SHARED

    def fill_names(self, text: str, *, name: str, user: str) -> str:
        """Replace `{{char}}` and `{{user}}` in a text by the names."""
        names = {"char": name, "user": "the user" if user in _NOBODY else user}
        return _NAMES.sub(lambda found: names[found[1].lower()], text).strip()


_known: dict[Path | None, Persona] = {}

MAX_KNOWN = 8
"""Personas that need not be read again."""


def load_persona(folder: Path | None = None) -> Persona:
    """Read a persona's folder, once; by default Harry's own. Raises `ConfigurationError`, naming the wrong file."""
    found = _known.get(folder)
    return found if found is not None else _keep(folder, read_persona(folder))


def _keep(folder: Path | None, persona: Persona) -> Persona:
    _known.pop(folder, None)
    while len(_known) >= MAX_KNOWN:
        _known.pop(next(iter(_known)), None)
    _known[folder] = persona
    return persona


def read_persona(folder: Path | None) -> Persona:
    """Read a persona's folder as it is now. Raises as `load_persona`."""
    default = _read(DEFAULT)
    if folder is None:
        return _made(default, {}, DEFAULT)
    if not folder.is_dir():
        raise ConfigurationError(
            f"persona.folder: {folder} is not a folder.", remedy="A persona is a folder with a persona.toml in it."
        )
    return _made(_read(folder), default, folder)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "persona.toml"
    try:
        settings = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {error}.", remedy="Correct the line.") from error
    unknown = sorted(settings.keys() - _KINDS.keys())
    if unknown:
        raise ConfigurationError(
            f"{path}: unknown key {unknown[0]!r}.", remedy=f"There are {', '.join(sorted(_KINDS))}."
        )
    _check(settings, path)
    if "about" in settings:
        settings["about"] = "\n\n".join(_text(folder / file).strip() for file in settings["about"])
    if "thinking" in settings:
        settings["thinking"] = _text(folder / settings["thinking"])
    if "card" in settings:
        settings |= _from_card(folder / settings.pop("card"), settings)
    return settings


def _check(settings: Mapping[str, Any], path: Path) -> None:
    for key, of in _KINDS.items():
        if not isinstance(settings.get(key, of()), of):
            raise ConfigurationError(f"{path}: {key} must be a {of.__name__}.")
    if settings.get("memory", SHARED) not in (OWN, SHARED):
        raise ConfigurationError(f'{path}: memory must be "{OWN}" or "{SHARED}".')
    files = [*settings.get("about", []), *(settings[key] for key in ("thinking", "card") if key in settings)]
    if not all(isinstance(file, str) and Path(file).name == file for file in files):
        raise ConfigurationError(f"{path}: about, card and thinking name files of this folder.")
    if "about" in settings and "card" in settings:
        raise ConfigurationError(f"{path}: who he is stands in about or in card, not in both.")


def _from_card(path: Path, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return what a card says in the terms of a persona's folder."""
    card = parse_card(_bytes(path, MAX_CARD_BYTES), str(path))
    manner = _text(DEFAULT / "manner.md")
    named = {} if "name" in settings else {"name": card.called}
    return {**named, "about": describe(card, manner), "reminder": remind(card), "greeting": greet(card)}


def _made(own: Mapping[str, Any], default: Mapping[str, Any], folder: Path) -> Persona:
    merged = {**default, **own}
    replies = {}
    for name, wordings in merged.get("replies", {}).items():
        given = [wordings] if isinstance(wordings, str) else wordings
        if not isinstance(given, list) or not given or not all(isinstance(wording, str) for wording in given):
            raise ConfigurationError(f"{folder / 'persona.toml'}: replies.{name} must be a text or a list of texts.")
        replies[name] = tuple(given)
    say = merged.get("say", {})
    if not all(word.strip() and isinstance(said, str) and said.strip() for word, said in say.items()):
        raise ConfigurationError(f'{folder / "persona.toml"}: say must hold texts, as "Siobhan" = "shivawn".')
    return Persona(
        merged["name"], merged["about"], merged["thinking"], merged["small"], replies, say,
        merged.get("reminder", ""), merged.get("greeting", ""), merged.get("memory", SHARED),
    )  # fmt: skip


def _text(path: Path) -> str:
    try:
        return _bytes(path, MAX_FILE_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text.", remedy="Save it as UTF-8.") from error


def _bytes(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    if len(raw) > most:
        raise ConfigurationError(f"{path} is longer than {most} bytes.", remedy="A persona fits on a few pages.")
    return raw


def load_configured_persona(section: PersonaSection) -> Persona:
    """Read the configured persona. Raises `ConfigurationError`."""
    return load_persona(_folder(section))


def read_configured_persona(section: PersonaSection) -> Persona:
    """Read the configured persona as it is on disk now. Raises `ConfigurationError`."""
    return read_persona(_folder(section))


def renew_persona(section: PersonaSection, persona: Persona) -> None:
    """Have everybody who asks for the configured persona from now on be given this one."""
    _keep(_folder(section), persona)


def _folder(section: PersonaSection) -> Path | None:
    return Path(section.folder).expanduser() if section.folder else None
