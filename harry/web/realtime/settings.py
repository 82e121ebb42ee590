"""A Realtime session's settings: what a client may set, what is refused in a sentence, and what is told. Pure.

An update is taken whole or not at all. What Harry cannot honour is refused by an `error` event that names the field;
nothing is passed over in silence but what changes nothing here (tracing, metadata).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from actors.protocols import Tool

RATE = 24_000
"""Hz of the sound both ways, 16-bit mono."""

VOICES = frozenset(("harry", "alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"))
"""What may stand as `voice`: Harry has one, and clients have these names built in."""

EAGERNESS = {"low": 0.6, "medium": 0.4, "auto": 0.4, "high": 0.25}
"""Seconds of silence that end an utterance of which nothing else is known, by `semantic_vad`'s word for it."""

MOST_TOOLS = 128
LONGEST_INSTRUCTIONS = 32_000

_PCM = {"type": "audio/pcm", "rate": RATE}


class Wrong(Exception):  # noqa: N818  it becomes an `error` event and is raised nowhere else
    """What a client asked for cannot be. `param` names the field."""

    def __init__(self, message: str, param: str | None = None, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set. `detection` is None for push-to-talk."""

    model: str = "harry"
    instructions: str = ""
    modalities: tuple[str, ...] = ("audio",)
    voice: str = "harry"
    detection: Mapping[str, Any] | None = field(
        default_factory=lambda: {
            "type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True,
        }
    )  # fmt: skip
    transcription: Mapping[str, Any] = field(default_factory=lambda: {"model": "harry"})
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"

    @property
    def answers(self) -> bool:
        """Whether a response begins by itself when somebody has spoken."""
        return self.detection is not None and bool(self.detection.get("create_response", True))

    @property
    def offered(self) -> tuple[Tool, ...]:
        """The client's tools as they are offered now."""
        return self.tools if self.tool_choice == "auto" else ()

    @property
    def silence(self) -> float | None:
        """Seconds of silence that end an utterance; None: as Harry has it."""
        if self.detection is None:
            return None
        if self.detection["type"] == "server_vad":
            return float(self.detection["silence_duration_ms"]) / 1000
        return EAGERNESS[self.detection["eagerness"]]

    @property
    def threshold(self) -> float:
        """The probability from which a window holds a voice."""
        return float((self.detection or {}).get("threshold", 0.5))

    def told(self) -> dict[str, Any]:
        """As `session.created` and `session.updated` tell it."""
        return {
            "type": "realtime",
            "object": "realtime.session",
            "model": self.model,
            "output_modalities": list(self.modalities),
            "instructions": self.instructions,
            "tools": [tool_told(tool) for tool in self.tools],
            "tool_choice": self.tool_choice,
            "max_output_tokens": "inf",
            "truncation": "auto",
            "audio": {
                "input": {
                    "format": _PCM,
                    "transcription": dict(self.transcription),
                    "noise_reduction": None,
                    "turn_detection": dict(self.detection) if self.detection is not None else None,
                },
                "output": {"format": _PCM, "voice": self.voice, "speed": 1.0},
            },
        }

    def updated(self, asked: Mapping[str, Any]) -> Settings:
        """Return these settings with what a client asks for. Raises `Wrong`; then nothing has changed."""
        if asked.get("type", "realtime") != "realtime":
            raise Wrong("`session.type` is `realtime` here.", "session.type")
        made = self
        for key, value in asked.items():
            change = _CHANGES.get(key)
            if change is not None:
                made = change(made, value)
            elif key not in _HARMLESS:
                raise Wrong(f"`session.{key[:60]}` is not known here.", f"session.{key[:60]}", "unknown_parameter")
        return made


def tool_told(tool: Tool) -> dict[str, Any]:
    """Return a tool as the protocol describes it."""
    return {
        "type": "function", "name": tool.name, "description": tool.description, "parameters": dict(tool.parameters),
    }  # fmt: skip


_HARMLESS = frozenset(("type", "id", "object", "expires_at", "tracing", "truncation", "prompt", "include", "harry"))


def _text(value: Any, param: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise Wrong(f"`{param}` is a text of at most {most} characters.", param)
    return value


def _table(value: Any, param: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Wrong(f"`{param}` is an object.", param)
    return value


def _model(settings: Settings, value: Any) -> Settings:
    return replace(settings, model=_text(value, "session.model", 100))


def _instructions(settings: Settings, value: Any) -> Settings:
    return replace(settings, instructions=_text(value or "", "session.instructions", LONGEST_INSTRUCTIONS))


def _modalities(settings: Settings, value: Any) -> Settings:
    return replace(settings, modalities=modalities(value, "session.output_modalities"))


def modalities(value: Any, param: str) -> tuple[str, ...]:
    """Check `output_modalities`. Raises `Wrong`."""
    if value not in (["audio"], ["text"]):
        raise Wrong(f'`{param}` is ["audio"] or ["text"].', param)
    return tuple(value)


def _tools(settings: Settings, value: Any) -> Settings:
    if not isinstance(value, list) or len(value) > MOST_TOOLS:
        raise Wrong(f"`session.tools` is a list of at most {MOST_TOOLS}.", "session.tools")
    return replace(settings, tools=tuple(_tool(given, at) for at, given in enumerate(value)))


def _tool(value: Any, at: int) -> Tool:
    param = f"session.tools[{at}]"
    given = _table(value, param)
    name = given.get("name")
    if given.get("type") != "function":
        raise Wrong("Only tools of the type `function` are known here; MCP servers are set in Harry.", f"{param}.type")
    if not isinstance(name, str) or not 0 < len(name) <= 64 or not name.replace("_", "").replace("-", "").isalnum():
        raise Wrong("A tool's name is made of letters, digits, `_` and `-`.", f"{param}.name")
    parameters = given.get("parameters") or {"type": "object", "properties": {}}
    told = _text(given.get("description") or "", f"{param}.description", 10_000)
    return Tool(name, told, _table(parameters, f"{param}.parameters"), effect=True)


def _tool_choice(settings: Settings, value: Any) -> Settings:
    if value not in ("auto", "none"):
        raise Wrong("`tool_choice` is `auto` or `none`: nobody can make a mind call.", "session.tool_choice")
    return replace(settings, tool_choice=value)


def _tokens(settings: Settings, value: Any) -> Settings:
    if value not in ("inf", None):
        raise Wrong("`max_output_tokens` is `inf`: the mind's own table bounds a reply.", "session.max_output_tokens")
    return settings


def _audio(settings: Settings, value: Any) -> Settings:
    for way, table in _table(value, "session.audio").items():
        known = {"input": _INPUT, "output": _OUTPUT}.get(way)
        if known is None:
            raise Wrong(f"`session.audio.{way[:60]}` is not known here.", f"session.audio.{way[:60]}")
        for key, inner in _table(table or {}, f"session.audio.{way}").items():
            change = known.get(key)
            if change is None:
                raise Wrong(f"`session.audio.{way}.{key[:60]}` is not known here.", f"session.audio.{way}.{key[:60]}")
            settings = change(settings, inner)
    return settings


def _format(settings: Settings, value: Any) -> Settings:
    given = {"type": value} if isinstance(value, str) else _table(value or _PCM, "session.audio.format")
    if given.get("type") not in ("audio/pcm", "pcm16") or given.get("rate", RATE) != RATE:
        raise Wrong("Sound is 16-bit PCM at 24 kHz (`audio/pcm`, 24000) here.", "session.audio.format")
    return settings


def _noise(settings: Settings, value: Any) -> Settings:
    if value is not None:
        raise Wrong("`noise_reduction` is null: Harry does none.", "session.audio.input.noise_reduction")
    return settings


def _transcription(settings: Settings, value: Any) -> Settings:
    # What is heard is always transcribed: Harry answers words. So null changes nothing, and no model is loaded for it.
    given = dict(_table(value or {}, "session.audio.input.transcription"))
    language = given.get("language")
    if language not in (None, "", "en"):
        raise Wrong("Harry's ear knows English (`en`).", "session.audio.input.transcription.language")
    return replace(settings, transcription={"model": "harry", **({"language": language} if language else {})})


def _detection(settings: Settings, value: Any) -> Settings:
    param = "session.audio.input.turn_detection"
    if value is None:
        return replace(settings, detection=None)
    given = _table(value, param)
    if given.get("idle_timeout_ms") is not None:
        raise Wrong("Harry does not speak up after a silence.", f"{param}.idle_timeout_ms")
    kind = given.get("type", "server_vad")
    if kind == "semantic_vad":
        eagerness = given.get("eagerness") or "auto"
        if not isinstance(eagerness, str) or eagerness not in EAGERNESS:
            raise Wrong(f"`eagerness` is one of {', '.join(EAGERNESS)}.", f"{param}.eagerness")
        found: dict[str, Any] = {"type": kind, "eagerness": eagerness}
    elif kind == "server_vad":
        found = {
            "type": kind,
            "threshold": _number(given, "threshold", 0.5, (0.05, 0.95), param),
            "prefix_padding_ms": int(_number(given, "prefix_padding_ms", 300, (0, 2000), param)),
            "silence_duration_ms": int(_number(given, "silence_duration_ms", 500, (150, 5000), param)),
        }
    else:
        raise Wrong("`turn_detection.type` is `server_vad` or `semantic_vad`.", f"{param}.type")
    for switch in ("create_response", "interrupt_response"):
        wanted = given.get(switch)
        found[switch] = True if wanted is None else wanted
        if not isinstance(found[switch], bool):
            raise Wrong(f"`{switch}` is true or false.", f"{param}.{switch}")
    return replace(settings, detection=found)


def _number(given: Mapping[str, Any], name: str, usual: float, within: tuple[float, float], param: str) -> float:
    value = given.get(name)
    if value is None:
        return usual
    least, most = within
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Wrong(f"`{name}` is from {least:g} to {most:g}.", f"{param}.{name}")
    return float(value)


def _voice(settings: Settings, value: Any) -> Settings:
    if not isinstance(value, str) or value not in VOICES:
        raise Wrong("Harry has one voice, which is called `harry`.", "session.audio.output.voice")
    return replace(settings, voice=value)


def _speed(settings: Settings, value: Any) -> Settings:
    if value not in (None, 1, 1.0):
        raise Wrong("`speed` is 1: the voice's own table sets its pace.", "session.audio.output.speed")
    return settings


_INPUT = {
    "format": _format, "noise_reduction": _noise, "transcription": _transcription, "turn_detection": _detection,
}  # fmt: skip
_OUTPUT = {"format": _format, "voice": _voice, "speed": _speed}
_CHANGES = {
    "model": _model, "instructions": _instructions, "output_modalities": _modalities, "tools": _tools,
    "tool_choice": _tool_choice, "max_output_tokens": _tokens, "audio": _audio,
}  # fmt: skip
