"""Which keys of the configuration hold while Harry runs, and from when; the rest hold after a restart.

The table below has every key once, with the reason in one sentence, which `harry reload` shows. What compares two
configurations and takes over the live part of one into the other is here, too; nothing is applied here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel

from harry.config.keys import list_keys
from harry.config.loading import Config
from harry.redaction import named_fields


class When(StrEnum):
    """From when a changed key holds."""

    NOW = "now"
    NEXT = "next"
    """In conversations that begin from now on."""

    RESTART = "restart"


class Effect(NamedTuple):
    """When a key holds, and why then."""

    when: When
    why: str


_BY_REASON: Mapping[Effect, tuple[str, ...]] = {
    # At once.
    Effect(When.NOW, "The log is opened anew."): ("log.level", "log.file"),
    Effect(When.NOW, "It is loaded and tried first, and serves from the next turn on."): (
        "engines.voice_activity", "engines.speech_to_text", "engines.turn_detector", "engines.language_model",
        "engines.text_to_speech", "actors.retriever", "actors.responder", "actors.speaker",
    ),
    Effect(When.NOW, "An engine that serves is loaded anew with its table; others read theirs when they are chosen."): (
        "engine",
    ),
    Effect(When.NOW, "Your conversations hold to it from their next word on."): (
        "turn.attention_window", "attention.rest_after",
    ),
    Effect(When.NOW, "The conversation at this computer's microphone holds to it from its next word on."): (
        "turn.endpoint_silence", "turn.barge_in_voice", "turn.speculate",
    ),
    Effect(When.NOW, "What rings from now on rings so."): (
        "reminders.timer_rings", "reminders.alarm_rings", "reminders.snooze",
    ),
    Effect(When.NOW, "The mind reads it from the next reply on; fixed replies and thoughts change with a restart."): (
        "persona.folder",
    ),
    Effect(When.NOW, "The next thought, the next announcement and tonight's journal hold to it."): (
        "thinker.enabled", "thinker.a_day", "thinker.apart", "thinker.quiet_hours", "thinker.journal_at",
        "announcements.an_hour",
    ),
    Effect(When.NOW, "The next use of an engine is held to it; what was spent today counts."): (
        "budget.money", "budget.tokens", "budget.engine",
    ),
    Effect(When.NOW, "The next request is checked by it."): ("web.allowed_hosts",),
    Effect(When.NOW, "The certificate is read again, and new connections are shown it."): (
        "web.certificate", "web.certificate_key",
    ),
    Effect(When.NOW, "The next one to come in is counted by it; nobody is sent away."): (
        "web.connections", "web.connections_per_address", "web.connections_per_user", "web.sessions_per_user",
    ),
    Effect(When.NOW, "The next request and the next event are treated by it."): ("webhooks.in", "webhooks.out"),
    # In conversations that begin from now on.
    Effect(When.NEXT, "A conversation is begun with it, and keeps it to its end."): (
        "turn.pre_roll", "memory.history_turns", "memory.history_tokens", "memory.thoughts", "tools.confirm",
    ),
    # After a restart.
    Effect(When.RESTART, "Processes that run already were told it when they began, and half of this would be none."): (
        "local_only",
    ),
    Effect(When.RESTART, "It is looked at only while he starts."): ("fetch", "setup"),
    Effect(When.RESTART, "Devices are opened when he starts."): (
        "audio.microphone", "audio.loudspeaker", "audio.echo", "audio.chime",
    ),
    Effect(When.RESTART, "What answers without a mind is put together when he starts."): ("engines.smallest_mind",),
    Effect(When.RESTART, "It lives as long as its conversation."): (
        "actors.recorder", "actors.listener", "actors.transcriber", "actors.thinker", "actors.soc_writer",
    ),
    Effect(When.RESTART, "The microphone is set up for it when he starts."): (
        "turn.talk", "attention.wake_phrase", "attention.wake_threshold",
    ),
    Effect(When.RESTART, "What is kept belongs to this name."): ("persona.name", "user.name"),
    Effect(When.RESTART, "Grammars and phrases are loaded for it when he starts."): ("persona.language",),
    Effect(When.RESTART, "The store is opened when he starts."): ("memory.store", "memory.backups", "redis.url"),
    Effect(When.RESTART, "The port is taken, and room for conversations set aside, when he starts."): (
        "web.enabled", "web.host", "web.port", "web.phone_port", "web.sessions", "wyoming.port", "wyoming.allow",
    ),
    Effect(When.RESTART, "What he may do and say by himself is settled when he starts."): (
        "welfare.enabled", "welfare.ai_notice_hours", "welfare.end_conversation", "welfare.decline_task",
        "welfare.farewells",
    ),
    Effect(When.RESTART, "What traces turns is started when he starts."): ("telemetry.endpoint",),
    Effect(When.RESTART, "Who is let in does not change under those who are in."): ("web.auth", "web.proxies"),
    Effect(When.RESTART, "Tools and their servers are started when he starts."): (
        "tools.enabled", "tools.without", "tools.guests", "tools.pictures", "mcp",
        "home_assistant.url", "home_assistant.token", "home_assistant.confirm",
    ),
}  # fmt: skip

EFFECTS: Mapping[str, Effect] = {key: effect for effect, keys in _BY_REASON.items() for key in keys}
"""Every key, and every kind of table that stands under a name of the user's (`engine` for `[engine.NAME]`)."""


def all_keys(model: type[BaseModel] = Config) -> list[str]:
    """List what `EFFECTS` has to hold: all keys, and all kinds of tables under names of the user's."""
    return [key.name for key in list_keys(model)] + [".".join(place) for place in _tables(model)]


def _tables(model: type[BaseModel], place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in named_fields(model).items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _tables(kind, (*place, name))
        elif getattr(kind, "__origin__", None) is dict:
            yield (*place, name)


def find_changes(before: Config, after: Config) -> list[str]:
    """List the keys in which two configurations differ; a table under a name of the user's is one, with its name."""
    changed = []
    for key in EFFECTS:
        old, new = read(before, key), read(after, key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            changed += [f"{key}.{name}" for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
        else:
            changed.append(key)
    return changed


def effect_of(key: str) -> Effect:
    """Return the effect of a key as `find_changes` names it. Raises `KeyError` for what is none."""
    return EFFECTS[_declared(key)]


def take_over(config: Config, other: Config, keys: list[str]) -> Config:
    """Return `config` with the values that these keys have in `other`."""
    for key in keys:
        config = _with(config, _declared(key), key, other)
    return config


def read(config: Config, key: str) -> Any:
    """Return the value of a key; of a kind of tables, all of them by their names."""
    value: Any = config
    for part in key.split("."):
        value = getattr(value, _attribute(value, part))
    return value


def _declared(key: str) -> str:
    """Return the key in the table of effects: for `engine.piper` that is `engine`."""
    if key in EFFECTS:
        return key
    return next(known for known in EFFECTS if key.startswith(f"{known}."))


def _with(config: Config, declared: str, key: str, other: Config) -> Config:
    value = read(other, declared)
    if key != declared:
        name = key.removeprefix(f"{declared}.")
        tables = {**read(config, declared), name: value.get(name)}
        value = {table: settings for table, settings in tables.items() if settings is not None}
    first, *rest = declared.split(".")
    if rest:
        section = getattr(config, first)
        value = section.model_copy(update={_attribute(section, rest[0]): value})
    return config.model_copy(update={first: value})


def _attribute(model: BaseModel, name: str) -> str:
    """Return how Python calls a setting: a word of its own it cannot use."""
    fields = type(model).model_fields
    return name if name in fields else next(known for known, field in fields.items() if field.alias == name)
