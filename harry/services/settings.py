"""The few keys of the configuration that may be changed from elsewhere, and how: checked, into the file, some at once.

Nothing here is a secret, opens anything to a network, or can keep Harry from starting. Only his owner may change them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import trio

from harry.audio.listing import devices_of
from harry.config.editing import change_file
from harry.config.loading import Config, load_config, usual_file
from harry.config.mind_presets import PRESETS
from harry.engines.registry import shown_table
from harry.errors import ConfigurationError
from harry.host.host import Host
from harry.redaction import shown_settings


@dataclass(frozen=True, slots=True)
class Changeable:
    """A key that may be changed.

    `kind` says how it is asked for: `text`, `number`, `switch` or `choice`. `live`: it holds at once, not only after a
    restart. `span` bounds a number that only its engine would check.
    """

    key: str
    title: str
    kind: str
    hint: str
    live: bool = False
    span: tuple[float, float] | None = None


CHANGEABLE = (
    Changeable("persona.name", "Name", "text", "What the companion is called."),
    Changeable(
        "turn.attention_window",
        "Attention window",
        "number",
        "For so many seconds after each reply, everything you say counts as addressed to him. After that, begin with "
        "his name.",
        live=True,
    ),
    Changeable(
        "attention.wake_phrase",
        "Wake phrase (wake word)",
        "text",
        "Such as `hey Harry`. Empty: his name is enough.",
    ),
    Changeable(
        "engine.piper.length_scale",
        "Length of speech",
        "number",
        "1 is the voice as it is; 1.2 is slower, 0.8 faster.",
        span=(0.3, 3.0),
    ),
    Changeable("audio.microphone", "Microphone", "choice", "What he hears with at this computer."),
    Changeable("audio.loudspeaker", "Loudspeaker", "choice", "What he speaks with at this computer."),
    Changeable(
        "audio.chime", "Chime", "switch", "A soft sound at this computer says that you were heard, before he answers."
    ),
    Changeable(
        "thinker.enabled",
        "Thinks between turns",
        "switch",
        "He writes thoughts of his own when nobody speaks.",
        live=True,
    ),
    Changeable(
        "thinker.quiet_hours",
        "Quiet hours",
        "text",
        "Such as `23:00-07:00`: he does not think then. Empty: none.",
        live=True,
    ),
)
"""All of them, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A changeable key as it is: `value` holds now, `written` from the next start on; `choices` for a choice."""

    what: Changeable
    value: Any
    written: Any
    choices: tuple[str, ...] = ()


def file_of(host: Host) -> Path:
    """Name the file that changes go into; it need not exist yet."""
    return host.config.file or usual_file()


def shown(config: Config) -> dict[str, Any]:
    """Copy the whole configuration as it may be shown. Blocking: it looks at the classes of the engines it names."""
    values = config.model_dump(mode="json")
    tables = {
        name: shown_table(str(table.get("kind") or PRESETS.get(name, {}).get("kind", name)), table)
        for name, table in values.pop("engine").items()
    }
    return {**shown_settings(Config, values), "engine": tables}


async def settings(host: Host) -> list[Setting]:
    """Give the changeable keys. A file that has a mistake by now is passed over: nothing is `written` then."""

    def read() -> list[Setting]:
        path = file_of(host)
        try:
            written = load_config(path if path.exists() else None)
        except ConfigurationError:
            written = host.config
        return [_setting(key, _value(host.config, key.key), _value(written, key.key)) for key in CHANGEABLE]

    return await trio.to_thread.run_sync(read)


def _setting(what: Changeable, value: Any, written: Any) -> Setting:
    if what.kind != "choice":
        return Setting(what, value, written)
    now, later = _shown(value), _shown(written)
    return Setting(what, now, later, tuple(dict.fromkeys([*_devices(what.key), now, later])))


def _devices(key: str) -> list[str]:
    """Name the devices that may be chosen; blocking."""
    kind: Literal["microphone", "loudspeaker"] = "microphone" if key == "audio.microphone" else "loudspeaker"
    return ["default", "none", *(device.name for device in devices_of(kind))]


def _shown(device: str | list[str]) -> str:
    """Show a device, or those of a list that are fallen back on."""
    return device if isinstance(device, str) else ", ".join(device)


async def change(host: Host, changes: Mapping[str, object]) -> list[str]:
    """Write keys into the file; None sets one back. Returns the keys that hold only after a restart.

    Raises `ConfigurationError` for a key that may not be changed or a value that it does not take.
    """
    known = {setting.key: setting for setting in CHANGEABLE}
    for key, value in changes.items():
        if key not in known:
            raise ConfigurationError(f"{key} cannot be changed here.", remedy=f"Change it in {file_of(host)}.")
        _check(known[key], value)
        if known[key].kind == "choice" and value is not None:
            await trio.to_thread.run_sync(_check_device, known[key], value)
    cleaned = {key: _cleaned(known[key], value) for key, value in changes.items()}
    read = await trio.to_thread.run_sync(partial(change_file, file_of(host), cleaned))
    for key in cleaned:
        if known[key].live:
            _hold(host, key, _value(read, key))
    return [key for key in cleaned if not known[key].live]


def _cleaned(what: Changeable, value: object) -> object:
    """Write every number as the configuration wants it, with a point."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if what.kind == "number" and is_number else value  # type: ignore[arg-type]  # a number


def _check(what: Changeable, value: object) -> None:
    """Refuse what the configuration itself would not see, and what would win over the file."""
    variable = f"HARRY_{what.key.upper().replace('.', '__')}"
    if os.environ.get(variable):
        raise ConfigurationError(f"{what.title} is set by the variable {variable}, which wins over the file.")
    if value is not None and what.span is not None:
        low, high = what.span
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ConfigurationError(f"{what.title} takes a number from {low:g} to {high:g}.")


def _check_device(what: Changeable, value: object) -> None:
    """Refuse a device that is not there: Harry would not start with it."""
    if value not in _devices(what.key):
        raise ConfigurationError(f"{what.title}: there is no {value} at this computer now.")


def _value(config: Config, key: str) -> Any:
    first, *rest = key.split(".")
    if first == "engine":
        return config.engine_table(rest[0]).get(rest[1])
    return getattr(getattr(config, first), rest[0])


def _hold(host: Host, key: str, value: Any) -> None:
    """Have a key hold from now on, in the conversations that run and in those to come."""
    section, name = key.split(".")
    table = getattr(host.config, section).model_copy(update={name: value})
    host.hold_to(host.config.model_copy(update={section: table}))
