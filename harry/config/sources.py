"""Where settings come from: a TOML file, the environment and `--set`, each read into a layer that knows its origins.

A layer remembers for every key where it was written, so that a mistake is reported there and not "somewhere".
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from harry.errors import ConfigurationError

Place: TypeAlias = tuple[str, ...]
"""A dotted key, in parts."""

PREFIX = "HARRY_"
NOT_KEYS = frozenset({"HARRY_HOME", "HARRY_CONFIG"})
"""Variables that say where things are; everything else that begins with `HARRY_` is a key."""


@dataclass
class Layer:
    """One source's settings: nested `values`, and `origins`, which says where each key was written."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, str] = field(default_factory=dict)

    def put(self, place: Place, value: Any, origin: str) -> None:
        """Set a value, replacing what is in its way."""
        table = self.values
        for part in place[:-1]:
            inner = table.get(part)
            if not isinstance(inner, dict):
                inner = table[part] = {}
            table = inner
        table[place[-1]] = value
        self._note(place, value, origin)

    def _note(self, place: Place, value: Any, origin: str) -> None:
        self.origins[place] = origin
        if isinstance(value, dict):
            for key, inner in value.items():
                self._note((*place, key), inner, origin)


def describe_origin(place: Place, layers: Iterable[Layer]) -> str:
    """Return where a key, or else its table, was written. `layers` stand strongest first."""
    layers = list(layers)
    for end in range(len(place), 0, -1):
        for layer in layers:
            for written, origin in layer.origins.items():
                if written[:end] == place[:end]:
                    return origin
    return "the configuration"


def read_file(path: Path) -> Layer:
    """Read a TOML file. Raises `ConfigurationError` with the file and, for a mistake in it, the line."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path} is not UTF-8 text (byte {error.start}).", remedy="Save it as UTF-8."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(_syntax_sentence(path, text, str(error)), remedy="The file must be TOML.") from None
    layer = Layer()
    for key, value in values.items():
        layer.put((key,), value, str(path))
    return layer


def _syntax_sentence(path: Path, text: str, complaint: str) -> str:
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", complaint, re.DOTALL)
    if found is None:
        return f"{path}: {complaint}."
    line = found[2] or str(max(1, len(text.splitlines())))
    return f"{path}, line {line}: {found[1].rstrip('.')}."


# Kubernetes sets these for a Service named `harry`, or `harry-web`; container links set them for a container so called.
# They are told from settings by name and value together: none has the two underscores of a key, and each has a value
# that no setting has under such a name. `HARRY_PORT=8765`, a misspelt `HARRY_WEB__PORT`, is a mistake, and is told.
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_PROTOCOL = "tcp|udp|sctp"
_HOST = r"[0-9.]+|\[?[0-9a-fA-F:.]+\]?"
_OF_A_SERVICE = [
    (re.compile(rf"HARRY_(?:[A-Z0-9]+_)*{name}"), re.compile(value, re.DOTALL))
    for name, value in (
        (r"SERVICE_HOST", _HOST),
        (r"SERVICE_PORT(?:_[A-Z0-9]+)*", r"\d+"),
        (r"PORT(?:_\d+_(?:TCP|UDP|SCTP))?", rf"(?:{_PROTOCOL})://\S+"),
        (r"PORT_\d+_(?:TCP|UDP|SCTP)_PROTO", _PROTOCOL),
        (r"PORT_\d+_(?:TCP|UDP|SCTP)_(?:PORT|START|END)(?:_START|_END)?", rf"\d+|(?:{_PROTOCOL})://\S+"),
        (r"PORT_\d+_(?:TCP|UDP|SCTP)_ADDR", _HOST),
        (r"NAME", r"/\S+/\S+"),
        (r"ENV_[A-Za-z0-9]\w*", r".*"),
    )
]


def _of_a_service(name: str, value: str) -> bool:
    return any(named.fullmatch(name) and valued.fullmatch(value) for named, valued in _OF_A_SERVICE)


def is_key(name: str, value: str) -> bool:
    """Whether a variable sets a key of the configuration."""
    return name.startswith(PREFIX) and name not in NOT_KEYS and bool(value) and not _of_a_service(name, value)


def read_environment(environ: Mapping[str, str], engines: Callable[[], Iterable[str]]) -> Layer:
    """Read the `HARRY_...` variables; `__` stands between the parts of a key, and an empty variable counts as not set.

    `engines` tells the known names: a variable cannot hold a hyphen, so `OPENAI_CHAT` finds `openai-chat`.
    """
    hyphened: dict[str, str] = {}
    if any(name.startswith(f"{PREFIX}ENGINE__") for name in environ):
        hyphened = {name.replace("-", "_"): name for name in engines() if "-" in name}
    layer = Layer()
    for name, text in sorted(environ.items()):
        if not is_key(name, text):
            continue
        place = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if place[0] == "engine" and len(place) > 1:
            place = (place[0], hyphened.get(place[1], place[1]), *place[2:])
        layer.put(place, parse_toml_value(text), f"the variable {name}")
    return layer


def read_sets(sets: Iterable[str]) -> Layer:
    """Read the `--set KEY=VALUE` options; later ones win. Raises `ConfigurationError`."""
    layer = Layer()
    for text in sets:
        key, equals, value = text.partition("=")
        place = tuple(part.strip() for part in key.split("."))
        if not equals or not all(place):
            raise ConfigurationError(
                f"--set takes KEY=VALUE, not {key.strip()!r}.", remedy="For example: --set turn.endpoint_silence=0.6"
            )
        layer.put(place, parse_toml_value(value), f"--set {'.'.join(place)}")
    return layer


def parse_toml_value(text: str) -> Any:
    """Parse a text as a TOML value; return the text itself if it is not one."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if len(parsed) == 1 else text
