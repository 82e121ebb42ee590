"""What Harry can be told: the keys with their defaults and bounds, and how the sources are laid over one another.

Weakest first: the defaults here, the TOML file, the `HARRY_...` variables, `--set`. Every mistake is a
`ConfigurationError` that names the place it was written, the key, what was expected, and the nearest right name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_config_path, user_data_path
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from harry.errors import ConfigurationError
from harry.keys import mistake
from harry.layers import Layer, environment_layer, file_layer, origin_of, sets_layer
from harry.masking import is_secret
from harry.registry import ROLES, kinds, nearest
from harry.tool_settings import McpServer, Tools

Name = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A name in one line."""

_ONE_LINE: JsonDict = {"takes": "a text of 1 to 64 characters, in one line"}

ShortName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]

Chain = Annotated[
    list[Name],
    BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
    Field(min_length=1, max_length=16),
]
"""Engines of one role, the wanted first and what stands in for it after; a single name becomes a list of one."""


Device = Annotated[
    Name | Annotated[list[Name], Field(min_length=1, max_length=16)],
    BeforeValidator(lambda given: str(given) if type(given) is int else given),
]
"""A device, or several to be tried in this order. One may be named by its number, too."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=False)


class Audio(_Section):
    """Where sound comes from and goes to. A single name must exist; `default` and a list fall back."""

    microphone: Device = Field(
        default="default",
        description="What Harry hears with: `default`, `none`, `wav:PATH`, a device's name or number, or a list.",
    )
    loudspeaker: Device = Field(
        default="default",
        description="What Harry speaks with: as above, or `pygame`.",
    )
    echo: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether Harry's own voice is taken out of the microphone; `auto`: between two sound cards.",
    )


class Engines(_Section):
    """Which engines serve, the wanted first; each that follows stands in when those before it cannot."""

    voice_activity: Chain = Field(default=["silero", "energy"], description="Tells a voice from noise.")
    speech_to_text: Chain = Field(default=["moonshine"], description="Turns what is said into words.")
    turn_detector: Chain | None = Field(
        default=None, description="Judges whether a speaker has finished. Left out, his words and his pauses do."
    )
    language_model: Chain | None = Field(
        default=None, description="Thinks of a reply. Left out, Harry looks for the best mind there is."
    )
    text_to_speech: Chain = Field(default=["piper"], description="Speaks the reply.")


class Actors(_Section):
    """Who plays each part: `harry` is Harry's own; others come from plug-ins, by the entry points `harry.actors`."""

    recorder: ShortName = Field(default="harry", description="Takes in the microphone.", json_schema_extra=_ONE_LINE)
    listener: ShortName = Field(
        default="harry", description="Notices voices, and when one takes the floor.", json_schema_extra=_ONE_LINE
    )
    transcriber: ShortName = Field(
        default="harry", description="Has speech turned into words.", json_schema_extra=_ONE_LINE
    )
    retriever: ShortName = Field(
        default="harry", description="Brings what bears on an utterance.", json_schema_extra=_ONE_LINE
    )
    responder: ShortName = Field(
        default="harry", description="Asks the mind and hands on its reply.", json_schema_extra=_ONE_LINE
    )
    speaker: ShortName = Field(default="harry", description="Has the reply spoken.", json_schema_extra=_ONE_LINE)
    thinker: ShortName = Field(default="harry", description="Thinks between turns.", json_schema_extra=_ONE_LINE)
    soc_writer: ShortName = Field(
        default="harry", description="Writes turns and thoughts down.", json_schema_extra=_ONE_LINE
    )


class TurnTaking(_Section):
    """When somebody has finished, and when somebody interrupts. All in seconds."""

    endpoint_silence: float = Field(
        default=0.4,
        ge=0.1,
        le=5.0,
        description="Seconds of silence that end an utterance; fewer after a finished sentence.",
    )
    barge_in_voice: float = Field(
        default=0.25, ge=0.05, le=5.0, description="Seconds of voice over a reply after which Harry falls silent."
    )
    speculate: bool = Field(
        default=True, description="Whether Harry begins to think in a pause, before he knows that you have finished."
    )
    attention_window: float = Field(
        default=30.0,
        ge=0.0,
        le=86_400.0,
        description="Seconds after the start and after each turn in which speech is meant for Harry without his name.",
    )
    talk: Literal["open", "toggle"] = Field(
        default="open",
        description="`open`: the microphone is open; `toggle`: Enter opens it, and Enter ends what you say.",
    )
    pre_roll: float = Field(
        default=0.8, ge=0.0, le=3.0, description="Seconds of sound kept from before a voice was noticed."
    )


class Attention(_Section):
    """What wakes Harry beside his name."""

    wake_phrase: Annotated[str, StringConstraints(pattern=r"^[A-Za-z' -]{0,64}$")] = Field(
        default="",
        description="Words such as `hey Harry` that are heard without being transcribed; empty: his name is enough.",
        json_schema_extra={"takes": "words of the letters a to z"},
    )
    wake_threshold: float = Field(
        default=-15.0,
        ge=-50.0,
        le=0.0,
        description="A power of ten: lower hears the phrase more often, and more often where it was not said.",
    )
    rest_after: float = Field(
        default=600.0,
        ge=0.0,
        le=86_400.0,
        description="Seconds in which nothing was meant for Harry, after which he rests; 0: he never rests.",
    )


class Persona(_Section):
    """Who answers."""

    name: ShortName = Field(
        default="Harry",
        description="The name the companion goes by; left out, the one in the persona's folder.",
        json_schema_extra=_ONE_LINE,
    )
    folder: Annotated[str, StringConstraints(max_length=4096)] = Field(
        default="", description="A folder with a `persona.toml` and Markdown that says who he is; empty: Harry himself."
    )
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = Field(
        default="en",
        description="The language that is spoken, as a language tag.",
        json_schema_extra={"takes": 'a language tag such as "en"'},
    )


class User(_Section):
    """Who speaks with Harry."""

    name: ShortName = Field(
        default="you",
        description="Whose conversations these are; each name has a history of its own.",
        json_schema_extra=_ONE_LINE,
    )


class Memory(_Section):
    """What is kept, and how much of it enters a prompt."""

    store: Literal["sqlite", "memory"] = Field(
        default="sqlite", description="`sqlite` keeps on disk; `memory` forgets everything at the end."
    )
    history_turns: int = Field(
        default=20, ge=0, le=1000, description="Exchanges of the recent conversation that Harry recalls."
    )
    history_tokens: int = Field(
        default=8000,
        ge=0,
        le=100_000,
        description="Tokens of it at most, reckoned too high rather than too low: each byte counts as one.",
    )
    thoughts: int = Field(
        default=20, ge=0, le=1000, description="Entries of today's stream of consciousness that he recalls."
    )


TimeOfDay = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]
"""A local time such as 21:30, or nothing."""


class Thinker(_Section):
    """What Harry does of his own accord: thinking between turns, and his journal."""

    enabled: bool = Field(default=True, description="Whether Harry thinks for himself when nobody speaks.")
    a_day: int = Field(default=24, ge=0, le=1000, description="Thoughts a day, at most.")
    apart: float = Field(default=600.0, ge=0.0, le=86_400.0, description="Seconds between two thoughts, at least.")
    quiet_hours: Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$")] = (
        Field(
            default="23:00-07:00",
            description="Local time in which he does not think; empty: never.",
            json_schema_extra={"takes": 'two times such as "23:00-07:00"'},
        )
    )
    journal_at: TimeOfDay = Field(
        default="21:30",
        description="Local time from which he writes the day's journal; empty: the next morning.",
        json_schema_extra={"takes": 'a time such as "21:30"'},
    )


class Redis(_Section):
    """A Redis server that several Harrys share. Nothing is kept there alone."""

    url: str = Field(
        default="", description="Its address, such as `redis://localhost:6379/0`; empty: what is kept is not shared."
    )


class Web(_Section):
    """The door: one port for the page, for other programs and for the protocols they speak."""

    enabled: bool = Field(default=True, description="Whether `harry run` opens the door.")
    host: ShortName = Field(
        default="127.0.0.1",
        description="The address it listens at; `0.0.0.0` is every one of this computer.",
        json_schema_extra=_ONE_LINE,
    )
    port: int = Field(default=8765, ge=0, le=65_535, description="Its port; 0 takes any that is free.")
    auth: Literal["token", "none"] = Field(
        default="token", description="`token`: nobody comes in without one; `none`: whoever reaches the port is you."
    )
    allowed_hosts: list[ShortName] = Field(
        default=[],
        max_length=64,
        json_schema_extra={"takes": "a list of names"},
        description="Names by which the door is known beside `localhost` and its address, without a port.",
    )
    certificate: str = Field(default="", description="A file with a certificate and its chain, for TLS; empty: none.")
    certificate_key: str = Field(default="", description="The file with its key; empty: it is in the same file.")
    connections: int = Field(default=1024, ge=1, le=100_000, description="Connections at once.")
    connections_per_address: int = Field(
        default=256, ge=1, le=100_000, description="Connections at once from one address."
    )
    sessions: int = Field(
        default=32, ge=1, le=1000, description="Conversations at once, beside the one at this computer's microphone."
    )


class EngineBudget(_Section):
    """What one engine may take in a day."""

    money: float | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)


class Budget(_Section):
    """What minds elsewhere may take in a day, thoughts, guesses and summaries included."""

    money: float | None = Field(
        default=None, ge=0, description="In the provider's currency; left out, as much as there is."
    )
    tokens: int | None = Field(default=None, ge=0, description="Tokens, read and written; left out, any number.")
    engine: dict[str, EngineBudget] = Field(default_factory=dict, description="A table for each engine: the same keys.")


class Log(_Section):
    """What Harry notes about his own work. Never what was said."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="The least weight that is written."
    )
    file: bool = Field(default=False, description="Write to `harry.log` in the data folder instead of standard error.")


class Config(BaseSettings):
    """The whole configuration, frozen. Made by `load_config`; made directly, it reads neither file nor environment."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)  # type: ignore[assignment]  # pydantic-settings widens the type; its own keys are not needed

    local_only: bool = Field(
        default=False,
        description="Nothing leaves this computer: every address beyond it is refused, with a sentence.",
    )
    audio: Audio = Audio()
    engines: Engines = Engines()
    engine: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="A table for each engine; its `kind`, else its name, says which engine it sets.",
    )
    actors: Actors = Actors()
    turn: TurnTaking = TurnTaking()
    attention: Attention = Attention()
    persona: Persona = Persona()
    user: User = User()
    memory: Memory = Memory()
    thinker: Thinker = Thinker()
    redis: Redis = Redis()
    budget: Budget = Budget()
    web: Web = Web()
    tools: Tools = Tools()
    mcp: dict[str, McpServer] = Field(
        default_factory=dict,
        description="A table for each server of the Model Context Protocol; see docs/tools.md.",
    )
    log: Log = Log()

    _data_folder: Path = PrivateAttr(default_factory=lambda: user_data_path("harry"))
    _file: Path | None = PrivateAttr(default=None)

    @property
    def data_folder(self) -> Path:
        """Where everything is kept; absolute, and not made by reading the configuration."""
        return self._data_folder

    @property
    def file(self) -> Path | None:
        """The TOML file that was read, if any."""
        return self._file

    def chain(self, role: str) -> list[str]:
        """Name a role's engines, the wanted first. Empty where Harry chooses by himself."""
        names: list[str] | None = getattr(self.engines, role)
        return list(names or ())

    def named(self, role: str) -> bool:
        """Whether the user named exactly one engine for a role: then that one must serve, and nothing stands in."""
        return role in self.engines.model_fields_set and len(self.chain(role)) == 1

    def engine_table(self, name: str) -> dict[str, Any]:
        """Copy `[engine.NAME]`, with its secrets as they are: for the engine alone, never to be shown."""
        table: dict[str, Any] = _revealed(self.engine.get(name, {}))
        return table

    @field_validator("engine")
    @classmethod
    def _hide_secrets(cls, tables: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        hidden: dict[str, dict[str, Any]] = _hidden(tables)
        return hidden

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else: `load_config` reads the environment itself, to know the origins."""
        return (init_settings,)


def _hidden(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _hidden(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner, name) for inner in value]
    return SecretStr(value) if isinstance(value, str) and is_secret(name, value) else value


def _revealed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _revealed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_revealed(inner) for inner in value]
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `harry run` was told beside the configuration; None leaves it to the configuration.

    `until_quiet` is in seconds. `door`: whether the door is opened, if the configuration has one.
    """

    microphone: str | None = None
    loudspeaker: str | None = None
    events: Path | None = None
    until_quiet: float | None = None
    door: bool = False


def load_config(file: Path | None = None, sets: Iterable[str] = (), environ: Mapping[str, str] = os.environ) -> Config:
    """Lay all sources over one another. `file` must exist if it is given; Harry's own place for it need not.

    Raises `ConfigurationError`.
    """
    home = Path(environ["HARRY_HOME"]).expanduser().absolute() if environ.get("HARRY_HOME") else None
    path = _file_to_read(file, home, environ)
    # Strongest first, as pydantic-settings wants them.
    layers = [
        sets_layer(sets),
        environment_layer(environ, _known_engines),
        file_layer(path) if path is not None else Layer(),
    ]

    class Loaded(Config):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(InitSettingsSource(settings_cls, init_kwargs=layer.values) for layer in layers)

        def model_post_init(self, _context: object) -> None:
            self._data_folder = home or user_data_path("harry").absolute()
            self._file = path

    try:
        config = Loaded()
    except ValidationError as error:
        raise mistake(Config, error, layers) from None
    if config.engine:
        _check_tables(config, _known_engines(), layers)
    return _named_by_folder(config)


def _named_by_folder(config: Config) -> Config:
    """Take the persona's name from its folder where nobody set one. Raises `ConfigurationError`."""
    if not config.persona.folder:
        return config
    from harry.mind.persona import load_persona  # noqa: PLC0415  (most configurations name no folder)

    persona = load_persona(Path(config.persona.folder).expanduser())
    if "name" in config.persona.model_fields_set:
        return config
    return config.model_copy(update={"persona": config.persona.model_copy(update={"name": persona.name})})


def _file_to_read(file: Path | None, home: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = file or (Path(environ["HARRY_CONFIG"]) if environ.get("HARRY_CONFIG") else None)
    if named is not None:
        named = named.expanduser().absolute()
        if not named.exists():
            raise ConfigurationError(
                f"The configuration file {named} does not exist.", remedy="Leave it out, or name one that does."
            )
        return named
    usual = (home or user_config_path("harry").absolute()) / "harry.toml"
    return usual if usual.exists() else None


def _known_engines() -> list[str]:
    """Name every kind there is, and every engine of which something is known beforehand."""
    from harry.mind.choice import PRESETS  # noqa: PLC0415  (late: most commands need no table of an engine)

    return sorted({*PRESETS, *(kind for role in ROLES for kind in kinds(role))})


def _check_tables(config: Config, engines: list[str], layers: list[Layer]) -> None:
    """Refuse a table that nothing could ever use: neither its name nor its kind is known, and no chain names it."""
    named = {name for role in ROLES for name in config.chain(role)}
    for name, table in config.engine.items():
        kind = table.get("kind", name)
        if kind in engines or (name in named and "kind" not in table):
            continue
        place = ("engine", name, "kind") if "kind" in table else ("engine", name)
        what = f"Unknown kind {kind!r} in [engine.{name}]" if "kind" in table else f"Unknown engine [engine.{name}]"
        raise ConfigurationError(
            f"{what} ({origin_of(place, layers)}).",
            remedy=nearest(str(kind), engines if "kind" in table else sorted({*engines, *named})),
        )
