"""The sections of the configuration about tools: which there are, what they may do unasked, where pictures lie."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from harry.config.sections import Section
from harry.redaction import ADDRESS, HIDDEN


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
