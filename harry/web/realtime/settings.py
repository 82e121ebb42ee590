"""A Realtime session's settings: what a client may set, what is refused in a sentence, and what is told. Pure.

An update takes what it can, field by field: clients send what the service knows, and end at an error. What Harry has
no use for (noise reduction, a speed, a limit, another voice) is passed over, and `session.updated` tells what holds.
Refused, by an `error` event that names the field, is only what would break the conversation: sound of another form,
a language that Harry does not hear, instructions or tools that are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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

    def updated(self, asked: Mapping[str, Any]) -> tuple[Settings, list[Wrong]]:
        """Return these settings with what a client asks for, as far as it can be, and what cannot."""
        if asked.get("type", "realtime") not in ("realtime", None):
            return self, [Wrong("`session.type` is `realtime` here.", "session.type")]
        made, wrongs = self, []
        for change, value in _changes(asked):
            try:
                made = change(made, value)
            except PartlyWrong as wrong:
                made = wrong.made
                wrongs += wrong.wrongs
            except Wrong as wrong:
                wrongs.append(wrong)
        return made, wrongs


class PartlyWrong(Exception):  # noqa: N818  as `Wrong`
    """A part of a field cannot be; `made` are the settings with the rest."""

    def __init__(self, made: Settings, wrongs: list[Wrong]) -> None:
        super().__init__()
        self.made = made
        self.wrongs = wrongs


def tool_told(tool: Tool) -> dict[str, Any]:
    """Return a tool as the protocol describes it."""
    return {
        "type": "function", "name": tool.name, "description": tool.description, "parameters": dict(tool.parameters),
    }  # fmt: skip


def _text(value: Any, param: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise Wrong(f"`{param}` is a text of at most {most} characters.", param)
    return value


def _table(value: Any, param: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Wrong(f"`{param}` is an object.", param)
    return value


def _model(settings: Settings, value: Any) -> Settings:
    return replace(settings, model=_text(value, "session.model", 100)) if value else settings


def _instructions(settings: Settings, value: Any) -> Settings:
    return replace(settings, instructions=_text(value or "", "session.instructions", LONGEST_INSTRUCTIONS))


def _modalities(settings: Settings, value: Any) -> Settings:
    return replace(settings, modalities=modalities(value, "session.output_modalities") or settings.modalities)


def modalities(value: Any, param: str) -> tuple[str, ...] | None:
    """Read `output_modalities`: with sound among them a reply is spoken; None where nothing is said. Raises `Wrong`."""
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(kind in ("audio", "text") for kind in value):
        raise Wrong(f'`{param}` is ["audio"] or ["text"].', param)
    return ("audio",) if "audio" in value else ("text",)


def _tools(settings: Settings, value: Any) -> Settings:
    if not isinstance(value, list):
        if value is None:
            return replace(settings, tools=())
        raise Wrong("`session.tools` is a list.", "session.tools")
    taken: dict[str, Tool] = {}
    wrongs = []
    if len(value) > MOST_TOOLS:
        wrongs.append(Wrong(f"Of `session.tools` the first {MOST_TOOLS} are offered.", "session.tools"))
    for at, given in enumerate(value[:MOST_TOOLS]):
        try:
            tool = _tool(given, at)
        except Wrong as wrong:
            wrongs.append(wrong)
        else:
            taken[tool.name] = tool
    made = replace(settings, tools=tuple(taken.values()))
    if wrongs:
        raise PartlyWrong(made, wrongs)
    return made


def _tool(value: Any, at: int) -> Tool:
    param = f"session.tools[{at}]"
    given = _table(value, param)
    if isinstance(given.get("function"), dict):
        given = {**given, **given["function"]}  # as it is described to chat completions
    name = given.get("name")
    if given.get("type", "function") != "function":
        raise Wrong("Only tools of the type `function` are known here; MCP servers are set in Harry.", f"{param}.type")
    if not isinstance(name, str) or not 0 < len(name) <= 64 or not name.replace("_", "").replace("-", "").isalnum():
        raise Wrong("A tool's name is made of letters, digits, `_` and `-`.", f"{param}.name")
    parameters = given.get("parameters") or {"type": "object", "properties": {}}
    told = _text(given.get("description") or "", f"{param}.description", 10_000)
    return Tool(name, told, _table(parameters, f"{param}.parameters"), effect=True)


def _tool_choice(settings: Settings, value: Any) -> Settings:
    # Nobody can make a mind call, or keep it to one tool: what holds then is `auto`, and is told so.
    return replace(settings, tool_choice="none" if value == "none" else "auto")


def _format(settings: Settings, value: Any) -> Settings:
    given = {"type": value} if isinstance(value, str) else _table(value or _PCM, "session.audio.format")
    if given.get("type") not in ("audio/pcm", "pcm16") or given.get("rate", RATE) != RATE:
        raise Wrong("Sound is 16-bit PCM at 24 kHz (`audio/pcm`, 24000) here.", "session.audio.format")
    return settings


def _transcription(settings: Settings, value: Any) -> Settings:
    # What is heard is always transcribed: Harry answers words. So null changes nothing, and no model is loaded for it.
    given = value if isinstance(value, dict) else {}
    language = given.get("language")
    if not isinstance(language, str) or not language.strip():
        return replace(settings, transcription={"model": "harry"})
    if language.strip().lower().replace("_", "-").partition("-")[0] not in ("en", "eng", "english", "auto"):
        raise Wrong("Harry's ear knows English (`en`).", "session.audio.input.transcription.language")
    return replace(settings, transcription={"model": "harry", "language": "en"})


def _detection(settings: Settings, value: Any) -> Settings:
    param = "session.audio.input.turn_detection"
    if value is None:
        return replace(settings, detection=None)
    given = _table(value, param)
    kind = given.get("type") or "server_vad"
    if kind == "none":
        return replace(settings, detection=None)
    if kind == "semantic_vad":
        eagerness = given.get("eagerness")
        found: dict[str, Any] = {
            "type": kind, "eagerness": eagerness if isinstance(eagerness, str) and eagerness in EAGERNESS else "auto",
        }  # fmt: skip
    elif kind == "server_vad":
        found = {
            "type": kind,
            "threshold": _number(given, "threshold", 0.5, (0.05, 0.95)),
            "prefix_padding_ms": int(_number(given, "prefix_padding_ms", 300, (0, 2000))),
            "silence_duration_ms": int(_number(given, "silence_duration_ms", 500, (150, 5000))),
        }
    else:
        raise Wrong("`turn_detection.type` is `server_vad` or `semantic_vad`.", f"{param}.type")
    for switch in ("create_response", "interrupt_response"):
        wanted = given.get(switch)
        found[switch] = wanted if isinstance(wanted, bool) else True
    return replace(settings, detection=found)


def _number(given: Mapping[str, Any], name: str, usual: float, within: tuple[float, float]) -> float:
    """Return a number as near to what is asked for as can be."""
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  (a NaN)
        return usual
    return float(min(max(value, within[0]), within[1]))


def _voice(settings: Settings, value: Any) -> Settings:
    # Harry has one voice. What clients have built in is echoed, so that they find what they set.
    return replace(settings, voice=value if isinstance(value, str) and value in VOICES else "harry")


_Change = Callable[[Settings, Any], Settings]

_INPUT: dict[str, _Change] = {"format": _format, "transcription": _transcription, "turn_detection": _detection}
_OUTPUT: dict[str, _Change] = {"format": _format, "voice": _voice}
_CHANGES: dict[str, _Change] = {
    "instructions": _instructions, "tools": _tools, "tool_choice": _tool_choice, "model": _model,
    "output_modalities": _modalities, "modalities": _modalities, "voice": _voice, "input_audio_format": _format,
    "output_audio_format": _format, "input_audio_transcription": _transcription, "turn_detection": _detection,
}  # fmt: skip
"""What can be set, instructions and tools first; the later ones are how the protocol named things before."""


def _changes(asked: Mapping[str, Any]) -> Iterator[tuple[_Change, Any]]:
    """Give what an update wants changed, field by field; what is not known here changes nothing."""
    for name, change in _CHANGES.items():
        if name in asked:
            yield change, asked[name]
    audio = asked.get("audio")
    for way, known in (("input", _INPUT), ("output", _OUTPUT)):
        table = audio.get(way) if isinstance(audio, dict) else None
        for name, change in known.items():
            if isinstance(table, dict) and name in table:
                yield change, table[name]
