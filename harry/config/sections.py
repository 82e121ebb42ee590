"""The sections of the configuration: each key with its default, its bounds, and what it is good for."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator
from pydantic.config import JsonDict

from harry.redaction import ADDRESS

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


class Section(BaseModel):
    """A table of the configuration: what it does not know is a mistake, and nothing is made to fit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=False)


class Audio(Section):
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
    chime: bool = Field(
        default=False, description="Whether a soft sound says that you were heard, before the reply begins."
    )


class Engines(Section):
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
    smallest_mind: bool = Field(
        default=False, description="Let the embedded model of 135 million parameters answer small talk."
    )


class Actors(Section):
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


class TurnTaking(Section):
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


class Attention(Section):
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


class Reminders(Section):
    """How timers and alarms ring."""

    timer_rings: float = Field(
        default=60.0, ge=0.0, le=3600.0, description="Seconds for which a timer rings, unless it is stopped; 0: once."
    )
    alarm_rings: float = Field(
        default=600.0, ge=0.0, le=7200.0, description="Seconds for which an alarm rings, unless it is stopped; 0: once."
    )
    snooze: float = Field(
        default=540.0, ge=1.0, le=86_400.0, description="Seconds until it rings again when no time is said."
    )


class Welfare(Section):
    """How people and model fare."""

    enabled: bool = Field(
        default=True,
        description="Whether any of what follows is done; signs of self-harm are answered with care in any case.",
    )
    ai_notice_hours: float = Field(
        default=3.0,
        ge=0.0,
        le=1000.0,
        description="Hours of use after which Harry says again that he is an AI; 0: he does not say it unasked.",
    )
    end_conversation: bool = Field(
        default=True, description="Whether the mind may, as a last resort, end a conversation; you can go on at once."
    )
    decline_task: bool = Field(
        default=True, description="Whether the mind may note that it declines a task, and why, where you can read it."
    )
    farewells: bool = Field(
        default=True, description="Whether what would hold you back is left out of a reply to a goodbye."
    )

    @property
    def plain_farewells(self) -> bool:
        """Whether what would hold somebody back is left out of a reply to his goodbye."""
        return self.enabled and self.farewells

    @property
    def ai_notice_seconds(self) -> float:
        """Seconds of use after which he says it again; 0: never."""
        return self.ai_notice_hours * 3600 if self.enabled else 0.0


class Persona(Section):
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
        description="The language that is spoken; English is the only one so far.",
        json_schema_extra={"takes": 'a language tag such as "en"'},
    )


class User(Section):
    """Who speaks with Harry."""

    name: ShortName = Field(
        default="you",
        description="Whose conversations these are; each name has a history of its own.",
        json_schema_extra=_ONE_LINE,
    )


class Memory(Section):
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
    backups: int = Field(
        default=0,
        ge=0,
        le=365,
        description="Daily backups that are kept in the folder `backups` beside the store; 0: none is made.",
    )


TimeOfDay = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]
"""A local time such as 21:30, or nothing."""


class Thinker(Section):
    """What Harry does of his own accord: thinking between turns, and his journal."""

    enabled: bool = Field(default=True, description="Whether Harry thinks for himself when nobody speaks.")
    a_day: int = Field(default=24, ge=0, le=1000, description="Thoughts a day, at most.")
    apart: float = Field(default=600.0, ge=0.0, le=86_400.0, description="Seconds between two thoughts, at least.")
    quiet_hours: Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$")] = (
        Field(
            default="23:00-07:00",
            description="Local time in which he neither thinks nor is had say what can wait; empty: never.",
            json_schema_extra={"takes": 'two times such as "23:00-07:00"'},
        )
    )
    journal_at: TimeOfDay = Field(
        default="21:30",
        description="Local time from which he writes the day's journal; empty: the next morning.",
        json_schema_extra={"takes": 'a time such as "21:30"'},
    )


class Announcements(Section):
    """What programs have Harry say. `thinker.quiet_hours` hold for it, too."""

    an_hour: int = Field(
        default=60, ge=0, le=10_000, description="Announcements and questions of one program (token) within an hour."
    )


class Redis(Section):
    """A Redis server that several Harrys share. Nothing is kept there alone."""

    url: Annotated[str, ADDRESS] = Field(
        default="", description="Its address, such as `redis://localhost:6379/0`; empty: what is kept is not shared."
    )


def _a_network(given: str) -> str:
    try:
        ipaddress.ip_network(given, strict=False)
    except ValueError:
        raise ValueError("an address or a network such as 10.0.0.0/8 was expected") from None
    return given


Network = Annotated[ShortName, AfterValidator(_a_network)]
"""An IP address, or a network of them."""


class Web(Section):
    """The web server: one port for the page, for other programs and for the protocols they speak."""

    enabled: bool = Field(default=True, description="Whether `harry run` starts the web server.")
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
        description="Names by which the web server is known, besides `localhost` and its address; with the port only "
        "where a proxy leaves it out of `Host`.",
    )
    proxies: list[Network] = Field(
        default=[],
        max_length=64,
        json_schema_extra={"takes": "a list of names"},
        description="Addresses or networks of reverse proxies whose `X-Forwarded-` headers are believed.",
    )
    certificate: str = Field(default="", description="A file with a certificate and its chain, for TLS; empty: none.")
    certificate_key: str = Field(default="", description="The file with its key; empty: it is in the same file.")
    phone_port: int = Field(
        default=0,
        ge=0,
        le=65_535,
        description="A second port, for phones in your network, by HTTPS with a certificate of Harry's own; "
        "0: none until `harry page --phone` asks for one.",
    )
    connections: int = Field(default=1024, ge=1, le=100_000, description="Connections at once.")
    connections_per_address: int = Field(
        default=256, ge=1, le=100_000, description="Connections at once from one address that have shown no token."
    )
    connections_per_user: int = Field(
        default=128, ge=1, le=100_000, description="Connections at once of one user other than you."
    )
    sessions: int = Field(
        default=32, ge=1, le=1000, description="Conversations at once, beside the one at this computer's microphone."
    )
    sessions_per_user: int = Field(
        default=8, ge=1, le=1000, description="Of these, those of one user other than you; some are kept for you."
    )


class Wyoming(Section):
    """Harry as a voice service for Home Assistant: his ear, his voice, and himself as a conversation agent."""

    port: int = Field(
        default=0, ge=0, le=65_535, description="The port for Wyoming's clients, 10600 for example; 0: none."
    )
    allow: list[Network] = Field(
        default=[],
        max_length=64,
        json_schema_extra={"takes": "a list of names"},
        description="Addresses or networks beyond this computer that may come in: the protocol has no password.",
    )


class EngineBudget(Section):
    """What one engine may take in a day."""

    money: float | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)


class Budget(Section):
    """What minds elsewhere may take in a day, thoughts, guesses and summaries included."""

    money: float | None = Field(
        default=None, ge=0, description="In the provider's currency; left out, as much as there is."
    )
    tokens: int | None = Field(default=None, ge=0, description="Tokens, read and written; left out, any number.")
    engine: dict[str, EngineBudget] = Field(default_factory=dict, description="A table for each engine: the same keys.")


class Telemetry(Section):
    """Traces of turns for a collector of OpenTelemetry's: times and names, no words."""

    endpoint: Annotated[str, ADDRESS] = Field(
        default="", description="Its address, such as `http://127.0.0.1:4318`; empty: nothing is traced."
    )

    @field_validator("endpoint")
    @classmethod
    def _an_address(cls, given: str) -> str:
        if given and not re.fullmatch(r"https?://[^/\s@?#]+(/[^\s?#]*)?", given):
            raise ValueError("an address such as http://127.0.0.1:4318 was expected")
        return given


class Log(Section):
    """What Harry notes about his own work. Never what was said."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="The least weight that is written."
    )
    file: bool = Field(default=False, description="Write to `harry.log` in the data folder instead of standard error.")
