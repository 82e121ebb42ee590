"""The sections of the configuration about tools: which there are, what they may do unasked, where pictures lie."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator

from harry.config.sections import Section
from harry.redaction import ADDRESS, HIDDEN

MCP_PATH = "/api/mcp"
"""Where Home Assistant's server of the Model Context Protocol is."""

HOUSE = "home_assistant"
"""The name of that server: its tools' names begin with it."""


class Tools(Section):
    """What a mind may do besides talking."""

    enabled: bool = Field(default=True, description="Whether minds that can use tools are offered any.")
    confirm: list[str] = Field(
        default=[],
        max_length=256,
        json_schema_extra={"takes": "a list of names"},
        description='Tools that need your yes each time; `["*"]`: all that have an effect.',
    )
    without: list[str] = Field(
        default=[],
        max_length=256,
        json_schema_extra={"takes": "a list of names"},
        description="Tools that are not offered.",
    )
    guests: list[str] = Field(
        default=[],
        max_length=256,
        json_schema_extra={"takes": "a list of names"},
        description="Tools, or whole MCP servers, that users other than you are offered, too.",
    )
    pictures: str = Field(
        default="", description="A folder; its newest picture is what Harry sees when he looks. Empty: he has no eyes."
    )


class HomeAssistant(Section):
    """A house whose tools Harry is given, by the server of the Model Context Protocol that Home Assistant has."""

    url: Annotated[str, ADDRESS] = Field(
        default="", description="Where it is, such as `http://homeassistant.local:8123`; empty: there is none."
    )
    token: SecretStr = Field(default=SecretStr(""), description="A long-lived access token of Home Assistant's.")
    confirm: bool = Field(default=False, description="Whether each of its tools needs your yes.")

    @field_validator("url")
    @classmethod
    def _an_address(cls, given: str) -> str:
        if given and not re.fullmatch(r"https?://[^/\s@?#]+(/[^\s@?#]*)?", given):
            raise ValueError("an address such as http://homeassistant.local:8123 was expected")
        return given.rstrip("/")

    def mcp_server(self) -> McpServer:
        """Return the server as `[mcp.NAME]` would have it."""
        address = self.url if self.url.endswith(MCP_PATH) else f"{self.url}{MCP_PATH}"
        headers = {"Authorization": f"Bearer {self.token.get_secret_value().strip()}"}
        return McpServer(url=address, headers=headers, confirm=self.confirm)


class McpServer(Section):
    """A server of the Model Context Protocol: a command that is started, or an address."""

    command: str = ""
    args: Annotated[list[str], HIDDEN] = Field(default=[], max_length=256)
    env: Annotated[dict[str, str], HIDDEN] = Field(default_factory=dict)
    url: Annotated[str, ADDRESS] = ""
    headers: Annotated[dict[str, str], HIDDEN] = Field(default_factory=dict)
    deadline: float = Field(default=20.0, gt=0, le=600)
    effect: bool | None = None
    confirm: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> McpServer:
        if bool(self.command) == bool(self.url):
            raise ValueError("name either a `command` or a `url`")
        return self
