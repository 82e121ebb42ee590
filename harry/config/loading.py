"""The whole configuration: the sections of `harry.config.sections`, and how the sources are merged.

Weakest first: the defaults here, the TOML file, the `HARRY_...` variables, `--set`. Every mistake is a
`ConfigurationError` that names the place it was written, the key, what was expected, and the nearest right name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_config_path, user_data_path
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from harry.config.keys import explain_first_mistake
from harry.config.mind_presets import PRESETS
from harry.config.persona import OWN, load_configured_persona, read_configured_persona
from harry.config.sections import (
    Actors,
    Announcements,
    Attention,
    Audio,
    Budget,
    Engines,
    Log,
    Memory,
    Persona,
    Redis,
    Reminders,
    Telemetry,
    Thinker,
    TurnTaking,
    User,
    Web,
    Welfare,
    Wyoming,
)
from harry.config.sources import Layer, describe_origin, read_environment, read_file, read_sets
from harry.config.tool_sections import HOUSE, HomeAssistant, McpServer, Tools
from harry.config.webhook_sections import Webhooks
from harry.engines.http_server import check_no_placeholder
from harry.engines.registry import ROLES, list_kinds, suggest_name
from harry.errors import ConfigurationError, EngineUnavailable
from harry.net.egress import is_loopback
from harry.redaction import is_secret

PERSONAS, MEMORIES = "personas", "memories"
"""Folders of the data folder: the personas that were imported, and the memories of those that have one of their own."""


class Config(BaseSettings):
    """The whole configuration, frozen. Made by `load_config`; made directly, it reads neither file nor environment."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)  # type: ignore[assignment]  # pydantic-settings widens the type; its own keys are not needed

    local_only: bool = Field(
        default=False,
        description="Nothing leaves this computer: every address beyond it is refused, with a sentence.",
    )
    fetch: Literal["ask", "no"] = Field(
        default="ask",
        description="`ask`: at a terminal Harry offers once to fetch a language model; `no`: he does not.",
    )
    setup: Literal["ask", "no"] = Field(
        default="ask",
        description="`ask`: a first start at a terminal offers the questions of `harry setup`; `no`: it does not.",
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
    reminders: Reminders = Reminders()
    persona: Persona = Persona()
    welfare: Welfare = Welfare()
    user: User = User()
    memory: Memory = Memory()
    thinker: Thinker = Thinker()
    announcements: Announcements = Announcements()
    redis: Redis = Redis()
    budget: Budget = Budget()
    web: Web = Web()
    wyoming: Wyoming = Wyoming()
    tools: Tools = Tools()
    mcp: dict[str, McpServer] = Field(
        default_factory=dict,
        description="A table for each server of the Model Context Protocol; see docs/tools.md.",
    )
    home_assistant: HomeAssistant = HomeAssistant()
    webhooks: Webhooks = Webhooks()
    telemetry: Telemetry = Telemetry()
    log: Log = Log()

    _data_folder: Path = PrivateAttr(default_factory=lambda: user_data_path("harry"))
    _file: Path | None = PrivateAttr(default=None)

    @property
    def data_folder(self) -> Path:
        """Where everything is kept; absolute, and not made by reading the configuration."""
        return self._data_folder

    @property
    def memory_folder(self) -> Path:
        """Where the store lies: the data folder, or a folder of the persona's where it has a memory of its own."""
        if not self.persona.folder or load_configured_persona(self.persona).memory != OWN:
            return self._data_folder
        folder = Path(self.persona.folder).expanduser().absolute()
        return self._data_folder / MEMORIES / name_memory(folder, self._data_folder)

    @property
    def file(self) -> Path | None:
        """The TOML file that was read, if any."""
        return self._file

    @property
    def mcp_servers(self) -> dict[str, McpServer]:
        """Every server of the Model Context Protocol by its name, Home Assistant's among them."""
        house = {HOUSE: self.home_assistant.mcp_server()} if self.home_assistant.url else {}
        return {**house, **self.mcp}

    def chain(self, role: str) -> list[str]:
        """Return the names of a role's engines, the preferred first; empty where Harry chooses."""
        names: list[str] | None = getattr(self.engines, role)
        return list(names or ())

    def named(self, role: str) -> bool:
        """Return whether the user named exactly one engine for a role, so that no other may stand in."""
        return role in self.engines.model_fields_set and len(self.chain(role)) == 1

    def engine_table(self, name: str) -> dict[str, Any]:
        """Return a copy of `[engine.NAME]` with its secrets readable; for the engine alone, never to be shown."""
        table: dict[str, Any] = _revealed(self.engine.get(name, {}))
        return table

    def with_engine_table(self, name: str, table: Mapping[str, Any]) -> Config:
        """Return this configuration with another `[engine.NAME]`."""
        return self.model_copy(update={"engine": {**self.engine, name: _hidden(dict(table))}})

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
        """Use the given values alone: `load_config` reads the environment itself, to know the origins."""
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
    """Options of `harry run`; None leaves a choice to the configuration.

    `until_quiet` is in seconds. `door`: whether the door is opened, if the configuration has one. `debug`: all is
    logged, whatever the configuration says.
    """

    microphone: str | None = None
    loudspeaker: str | None = None
    events: Path | None = None
    until_quiet: float | None = None
    door: bool = False
    debug: bool = False


def find_data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Name the folder in which everything is kept; no configuration is read for it, so none need be right."""
    home = environ.get("HARRY_HOME")
    return Path(home).expanduser().absolute() if home else user_data_path("harry").absolute()


def load_config(file: Path | None = None, sets: Iterable[str] = (), environ: Mapping[str, str] = os.environ) -> Config:
    """Merge all sources. `file` must exist if it is given; the default file need not.

    Raises `ConfigurationError`.
    """
    path = _file_to_read(file, environ)
    # Strongest first, as pydantic-settings wants them.
    layers = [
        read_sets(sets),
        read_environment(environ, _known_engines),
        read_file(path) if path is not None else Layer(),
    ]

    class Loaded(Config):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(InitSettingsSource(settings_cls, init_kwargs=layer.values) for layer in layers)

        def model_post_init(self, _context: object) -> None:
            self._data_folder = find_data_folder(environ)
            self._file = path

    try:
        config = Loaded()
    except ValidationError as error:
        raise explain_first_mistake(Config, error, layers) from None
    if config.engine:
        _check_tables(config, _known_engines(), layers)
    _refuse_what_does_nothing(config, layers)
    return _named_by_folder(config)


def _named_by_folder(config: Config) -> Config:
    """Take the persona's name from its folder where nobody set one. Raises `ConfigurationError`."""
    if not config.persona.folder:
        return config
    persona = read_configured_persona(config.persona)
    if "name" in config.persona.model_fields_set:
        return config
    return config.model_copy(update={"persona": config.persona.model_copy(update={"name": persona.name})})


def name_memory(folder: Path, data_folder: Path) -> str:
    """Name the folder of the memory that belongs to a persona's folder."""
    if folder.parent == data_folder / PERSONAS:
        return folder.name
    return f"{folder.name}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"


def _file_to_read(file: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = file or (Path(environ["HARRY_CONFIG"]) if environ.get("HARRY_CONFIG") else None)
    if named is not None:
        named = named.expanduser().absolute()
        if not _exists(named):
            raise ConfigurationError(
                f"The configuration file {named} does not exist.", remedy="Leave it out, or name one that does."
            )
        return named
    usual = usual_file(environ)
    return usual if _exists(usual) else None


def _exists(path: Path) -> bool:
    """Whether there is such a file. Raises `ConfigurationError` where that cannot be found out."""
    try:
        return path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise ConfigurationError(
            f"{path} cannot be looked for: {error.strerror}.",
            remedy="Name another file, or set HARRY_HOME to another folder.",
        ) from None


def usual_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Name the place of Harry's own file, which need not exist."""
    home = Path(environ["HARRY_HOME"]).expanduser().absolute() if environ.get("HARRY_HOME") else None
    return (home or user_config_path("harry").absolute()) / "harry.toml"


def _known_engines() -> list[str]:
    """Return every kind of engine and every name with a preset."""
    return sorted({*PRESETS, *(kind for role in ROLES for kind in list_kinds(role))})


def _refuse_what_does_nothing(config: Config, layers: list[Layer]) -> None:
    """Refuse settings that would be taken without a word and change nothing."""
    language = config.persona.language
    if language.partition("-")[0] != "en":
        raise ConfigurationError(
            f"persona.language ({describe_origin(('persona', 'language'), layers)}) is {language!r}, "
            "but Harry speaks only English so far.",
            remedy='Leave it out, or set it to "en".',
        )
    if config.web.certificate_key and not config.web.certificate:
        origin = describe_origin(("web", "certificate_key"), layers)
        raise ConfigurationError(
            f"web.certificate_key ({origin}) is set, but web.certificate is not.",
            remedy="Set both, or neither.",
        )
    if config.home_assistant != HomeAssistant():
        _check_house(config, layers)
    _check_webhooks(config, layers)
    if config.budget.engine:
        minds = {*_known_engines(), *config.engine, *config.chain("language_model")}
        for name in config.budget.engine:
            if name not in minds:
                raise ConfigurationError(
                    f"Unknown engine {name!r} in budget.engine"
                    f" ({describe_origin(('budget', 'engine', name), layers)}).",
                    remedy=suggest_name(name, sorted(minds)),
                )


def _check_house(config: Config, layers: list[Layer]) -> None:
    """Refuse a house without a token, or a token without a house, and two servers of one name."""
    house = config.home_assistant
    if bool(house.url) != bool(house.token.get_secret_value().strip()):
        given, missing = ("url", "token") if house.url else ("token", "url")
        raise ConfigurationError(
            f"home_assistant.{given} ({describe_origin(('home_assistant', given), layers)}) is set, "
            f"but home_assistant.{missing} is not.",
            remedy="Set both, or neither. A token is made in Home Assistant, in your profile under Security.",
        )
    try:
        check_no_placeholder("home_assistant", "The token", house.token.get_secret_value())
    except EngineUnavailable as error:
        raise ConfigurationError(error.message, remedy=error.remedy) from None
    if HOUSE in config.mcp:
        raise ConfigurationError(
            f"[mcp.{HOUSE}] ({describe_origin(('mcp', HOUSE), layers)}) has the name of the house's own server.",
            remedy="Give it another name.",
        )


def _check_webhooks(config: Config, layers: list[Layer]) -> None:
    """Refuse what nobody could ask for, two wordings of one event, and an address that nothing may be sent to."""
    if config.webhooks.incoming and not config.web.enabled:
        raise ConfigurationError(
            f"webhooks.in ({describe_origin(('webhooks', 'in'), layers)}) needs the web server, "
            "and web.enabled is false.",
            remedy="Take the tables out, or set web.enabled = true.",
        )
    for name, hook in config.webhooks.incoming.items():
        if hook.say and hook.tell:
            raise ConfigurationError(
                f"webhooks.in.{name} ({describe_origin(('webhooks', 'in', name), layers)}) has both `say` and `tell`.",
                remedy="`say` is said as it is, `tell` is worded by the mind: leave one of them out.",
            )
    for name, target in config.webhooks.out.items():
        if config.local_only and not is_loopback(target.url):
            raise ConfigurationError(
                f"webhooks.out.{name}.url ({describe_origin(('webhooks', 'out', name, 'url'), layers)}) is not on this "
                "computer, and local_only is set.",
                remedy="Take the table out, or set local_only = false.",
            )


def _check_tables(config: Config, engines: list[str], layers: list[Layer]) -> None:
    """Raise `ConfigurationError` for a table whose name and kind are unknown and which no chain names."""
    named = {name for role in ROLES for name in config.chain(role)}
    for name, table in config.engine.items():
        kind = table.get("kind", name)
        if kind in engines or (name in named and "kind" not in table):
            continue
        place = ("engine", name, "kind") if "kind" in table else ("engine", name)
        what = f"Unknown kind {kind!r} in [engine.{name}]" if "kind" in table else f"Unknown engine [engine.{name}]"
        raise ConfigurationError(
            f"{what} ({describe_origin(place, layers)}).",
            remedy=suggest_name(str(kind), engines if "kind" in table else sorted({*engines, *named})),
        )
