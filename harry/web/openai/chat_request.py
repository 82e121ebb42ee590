"""What programs send to `/v1/chat/completions`, read and checked, in Harry's terms. Pure.

Sampling (`temperature` and its kin) is the business of the mind's own table in Harry's configuration, and is passed
over: clients send it unasked. What would change the shape of the answer is honoured or refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from actors.protocols import DEFAULT_MAX_TOKENS, ImagePart, Message, Role, TextPart, Tool, ToolCall, ToolResult
from harry.services.chat import Asked
from harry.services.plain_words import is_housekeeping
from harry.web.server.http import Refusal

MOST_MESSAGES = 2000
MOST_TOOLS = 128
MOST_TOKENS = 8192

Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


def _as_text(value: object) -> object:
    """Write as text what clients send as an object or a number."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, int | float) else value


def _limit(value: object) -> object:
    """Take what is no number of tokens, such as the -1 of many clients, for no limit."""
    return None if (isinstance(value, int | float) and value < 1) or value in ("", "inf") else value


def _content(value: object) -> object:
    """Take one part that stands alone for a list, and a number for text."""
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return [{"type": "text", "text": part} if isinstance(part, str) else part for part in value]
    return str(value) if isinstance(value, int | float) else value


def _url(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Limit = Annotated[int | None, BeforeValidator(_limit)]


class _Loose(BaseModel):
    """Passes over what it does not know; a null counts as left out."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else given


class _Function(_Loose):
    model_config = ConfigDict(extra="allow")

    name: Name
    arguments: Text = "{}"


class _Call(_Loose):
    """A call of the assistant's; what else stands in it belongs to the mind's server, and goes back there."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[Text, Field(max_length=200)] = ""
    type: Literal["function"] = "function"
    function: _Function

    def call(self) -> ToolCall:
        """Give it in Harry's terms."""
        added = dict(self.model_extra or {})
        added.pop("index", None)
        if self.function.model_extra:
            added["function"] = dict(self.function.model_extra)
        return ToolCall(self.id, self.function.name, self.function.arguments or "{}", added)


class _Url(_Loose):
    url: str


class _Part(_Loose):
    type: str = "text"
    text: Text | None = None
    image_url: Annotated[
        _Url | None, BeforeValidator(lambda value: {"url": value} if isinstance(value, str) else value)
    ] = None


class _Message(_Loose):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[str | list[_Part] | None, BeforeValidator(_content)] = None
    tool_calls: list[_Call] | None = None
    tool_call_id: Text | None = None


class _Described(_Loose):
    name: Name
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})


class _Tool(_Loose):
    type: Literal["function"] = "function"
    function: _Described


class _Schema(_Loose):
    schema_: dict[str, Any] = Field(alias="schema", default_factory=dict)


class _Format(_Loose):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _Schema | None = None


class _Streaming(_Loose):
    include_usage: bool = False


class Chat(_Loose):
    """The body of a request for a reply."""

    model: str = "harry"
    messages: list[_Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool = False
    stream_options: _Streaming | None = None
    max_tokens: Limit = None
    max_completion_tokens: Limit = None
    n: int | None = None
    stop: str | list[str] | None = None
    tools: list[_Tool] | None = Field(default=None, max_length=MOST_TOOLS)
    tool_choice: Any = "auto"
    response_format: _Format | None = None
    modalities: list[str] | None = None
    logprobs: bool | None = None
    store: bool | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts before which the reply ends."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(item for item in given if item)

    def asked(self, user: str) -> Asked:
        """In Harry's terms. Raises `Refusal`."""
        self._refuse()
        told = [_text(message) for message in self.messages if message.role in ("system", "developer")]
        said = [_message(message) for message in self.messages if message.role not in ("system", "developer")]
        if not any(message.role is Role.USER for message in said):
            raise Refusal(400, "invalid_value", "`messages` holds nothing that a user said.")
        newest = next(_text(message) for message in reversed(self.messages) if message.role == "user")
        return Asked(
            user=user,
            messages=tuple(said),
            told="\n\n".join(told),
            tools=() if self.tool_choice == "none" else tuple(map(_tool, self.tools or ())),
            schema=self._schema(),
            max_tokens=min(self.max_completion_tokens or self.max_tokens or DEFAULT_MAX_TOKENS, MOST_TOKENS),
            stops=self.stops,
            keep=self.store is not False and not is_housekeeping(newest),
            remember=self.store is not False,
            wishes=True,
        )

    def _refuse(self) -> None:
        if self.n not in (None, 1):
            raise Refusal(400, "unsupported_value", "`n`: Harry gives one answer.")
        if self.tool_choice not in (None, "auto", "none"):
            raise Refusal(400, "unsupported_value", "`tool_choice` is `auto` or `none`: nobody can make a mind call.")
        if self.modalities not in (None, ["text"]):
            raise Refusal(400, "unsupported_value", "`modalities`: text only; ask /v1/audio/speech for a voice.")
        if self.logprobs:
            raise Refusal(400, "unsupported_value", "`logprobs` are not known here.")
        if len(self.stops) > 16:
            raise Refusal(400, "invalid_value", "`stop` holds at most sixteen texts.")

    def _schema(self) -> Mapping[str, Any] | None:
        if self.response_format is None or self.response_format.type == "text":
            return None
        given = self.response_format.json_schema
        return given.schema_ if given is not None else {"type": "object"}


def read(body: object) -> Chat:
    """Check a request's body. Raises `Refusal` that names the first field which is wrong."""
    try:
        return Chat.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise Refusal(400, "invalid_value", f"`{where}`: {first['msg']}.") from None


def _text(message: _Message) -> str:
    if isinstance(message.content, list):
        return "".join(part.text or "" for part in message.content)
    return message.content or ""


def _message(message: _Message) -> Message:
    if message.role == "tool":
        if not message.tool_call_id:
            raise Refusal(400, "invalid_value", "A message in the role `tool` needs `tool_call_id`.")
        return Message(Role.TOOL, (ToolResult(message.tool_call_id, _text(message)),))
    if message.role == "assistant":
        calls = [call.call() for call in message.tool_calls or ()]
        said = _text(message)
        return Message(Role.ASSISTANT, (*([TextPart(said)] if said or not calls else []), *calls))
    if not isinstance(message.content, list):
        return Message(Role.USER, (TextPart(message.content or ""),))
    return Message(Role.USER, tuple(map(_part, message.content)))


def _part(part: _Part) -> TextPart | ImagePart:
    if part.type in ("text", "input_text"):
        return TextPart(part.text or "")
    if part.type == "image_url" and part.image_url is not None:
        if not part.image_url.url.startswith("data:image/"):
            raise Refusal(400, "unsupported_value", "A picture comes as a `data:image/...` URI; no address is fetched.")
        return ImagePart(part.image_url.url)
    raise Refusal(400, "unsupported_value", f"A part of the type `{part.type[:40]}` is not understood.")


def _tool(tool: _Tool) -> Tool:
    return Tool(tool.function.name, tool.function.description, tool.function.parameters)
