"""Writes the beginning of a plug-in: a package with an engine or a tool that works, and a test of what it has to do.

What is written lies beside this module, a file for each role, with `$name` and the like to be filled in.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from string import Template

from harry.engines.registry import ROLES
from harry.errors import ConfigurationError, HarryError

TOOLS = "tools"

PLUGIN_ROLES = (*ROLES, TOOLS)
"""What a plug-in can be begun for."""

_WHATS = {
    "voice_activity": "Voice activity",
    "speech_to_text": "Speech recognition",
    "turn_detector": "A turn detector",
    "language_model": "A language model",
    "text_to_speech": "A voice",
    TOOLS: "A tool",
}

_TEMPLATES = Path(__file__).parent / "templates"

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

MAX_NAME = 40
"""Characters."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the package's folder, and the command that chooses it once it is installed."""

    folder: Path
    choose: str


def write_plugin(name: str, role: str, into: Path) -> Written:
    """Write a package for a role into a new folder `name` in `into`.

    Raises `ConfigurationError` for a name or a role that will not do, `HarryError` where it cannot be written.
    """
    role = role.replace("-", "_").replace(" ", "_")
    if role not in PLUGIN_ROLES:
        raise ConfigurationError(f"There is no role {role!r}.", remedy=f"Roles: {', '.join(PLUGIN_ROLES)}.")
    _check_name(name, role)
    folder = into / name
    words = _words(name, role)
    try:
        folder.mkdir(parents=True)
        (folder / "tests").mkdir()
        for path, template in _files(role, words["module"]).items():
            text = Template((_TEMPLATES / f"{template}.txt").read_text("utf-8")).substitute(words)
            (folder / path).write_text(text, "utf-8")
    except FileExistsError as error:
        raise HarryError(f"{folder} is there already.", remedy="Choose another name or --into.") from error
    except OSError as error:
        raise HarryError(f"{folder} cannot be written: {error.strerror}.") from error
    return Written(folder, words["choose"])


def _words(name: str, role: str) -> dict[str, str]:
    """Return what is filled in."""
    module = f"harry_{name.replace('-', '_')}"
    subject = name.replace("-", "_") if role == TOOLS else "".join(part.title() for part in name.split("-"))
    return {
        "name": name,
        "point": name,
        "package": f"harry-{name}",
        "module": module,
        "subject": subject,
        "role": role,
        "group": f"harry.{role}",
        "what": f"{_WHATS[role]} ({name})",
        "choose": 'harry ask "How many words has: good day to you?"'
        if role == TOOLS
        else f"harry run --set engines.{role}={name}",
    }


def _files(role: str, module: str) -> dict[str, str]:
    """Return the files of a package, each with the template that it is made from."""
    return {
        "pyproject.toml": "pyproject",
        "README.md": "readme",
        f"{module}.py": role,
        f"tests/test_{module}.py": "test_tool" if role == TOOLS else "test_engine",
    }


def _check_name(name: str, role: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise ConfigurationError(
            f"{name!r} is no name for a plug-in.",
            remedy="It is made of small letters, digits and single hyphens, and begins with a letter: my-voice.",
        )
    if keyword.iskeyword(name) or keyword.iskeyword(name.title()) or name == "tool":
        raise ConfigurationError(f"{name!r} is a word of Python's own.", remedy="Choose another name.")
    if importlib.util.find_spec(f"harry_{name.replace('-', '_')}") is not None:
        raise ConfigurationError(f"A package harry-{name} is installed already.", remedy="Choose another name.")
    if any(point.name == name for point in entry_points(group=f"harry.{role}")):
        raise ConfigurationError(
            f"There is a {role.replace('_', ' ')} {name!r} already.", remedy="Choose another name."
        )
