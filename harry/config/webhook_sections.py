"""The sections of the configuration about webhooks: what other programs may have said, and who is told what happens."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from harry.config.sections import Section
from harry.redaction import ADDRESS

MIN_SECRET_CHARACTERS = 16
"""A shorter secret could be guessed."""

EventName = Literal["turn_ended", "reminder_due", "wake", "mute"]


def _long_enough(secret: SecretStr) -> SecretStr:
    if 0 < len(secret.get_secret_value().strip()) < MIN_SECRET_CHARACTERS:
        raise ValueError("too short")
    return secret


def _there(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("empty")  # with an empty key anybody can sign
    return secret


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]

_SECRET_TAKES = f"a text of at least {MIN_SECRET_CHARACTERS} characters (openssl rand -hex 32 makes one)"


def _web_address(given: str) -> str:
    if not re.fullmatch(r"https?://[^/\s?#]+([/?][^\s#]*)?", given):
        raise ValueError("an address was expected")
    return given


class WebhookIn(Section):
    """A program that may have something said, by `POST /api/events/NAME`."""

    secret: Annotated[Secret, AfterValidator(_there)] = Field(
        json_schema_extra={"takes": _SECRET_TAKES}, description="What the program signs its requests with."
    )
    say: Annotated[str, Field(max_length=2000)] = Field(
        default="", description="What is said, with `{field}` for fields of the body; empty: the body's `text`."
    )
    tell: Annotated[str, Field(max_length=2000)] = Field(
        default="", description="In place of `say`: what has happened, with fields; the mind words it."
    )
    urgency: Literal["now", "normal", "low"] = Field(
        default="normal", description="How long a gap it waits for; `low` waits for the quiet hours to end."
    )


class WebhookOut(Section):
    """A server that is told of what happens, as JSON by POST."""

    url: Annotated[str, ADDRESS, AfterValidator(_web_address)] = Field(
        json_schema_extra={"takes": "an address such as https://example.org/hook"}, description="Where it is."
    )
    events: list[EventName] = Field(
        min_length=1,
        json_schema_extra={"takes": 'a list of "turn_ended", "reminder_due", "wake" and "mute"'},
        description="What it is told of.",
    )
    secret: Secret = Field(
        default=SecretStr(""),
        json_schema_extra={"takes": _SECRET_TAKES},
        description="What requests are signed with; empty: they are not signed.",
    )
    words: bool = Field(
        default=False, description="Whether it is told what was said, heard and is to be reminded of, too."
    )


class Webhooks(Section):
    """Other programs that may have something said, and those that are told of what happens."""

    # `in` is a word of Python's: the field has another name there, and there alone.
    model_config = ConfigDict(serialize_by_alias=True)

    incoming: dict[str, WebhookIn] = Field(
        default_factory=dict, alias="in", description="A table for each program that may have something said."
    )
    out: dict[str, WebhookOut] = Field(
        default_factory=dict, description="A table for each server that is told of what happens."
    )
