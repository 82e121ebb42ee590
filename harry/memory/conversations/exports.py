"""The files in which other programs hand out conversations, read as a stream: whose words, when, in which conversation.

OpenAI's and Anthropic's `conversations.json`, SillyTavern's chats, and what `harry export --format jsonl` writes. What
cannot be read is left out, one conversation or line at a time, and told with its place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, BinaryIO, TypeAlias

from harry.files.json_stream import read_array
from harry.files.json_text import TooDeepError, parse_json
from harry.memory.conversations.imported import MAX_TEXT_CHARACTERS, PastConversation, PastTurn
from harry.memory.text.surrogates import repair_surrogates

MAX_LINE_BYTES = 8_000_000
"""Bytes of a line of JSON Lines."""

MAX_NAME_CHARACTERS = 100
MAX_TOLD = 1000
"""What is left out and told one by one; the rest is counted."""

HARRY_VERSION = 1
"""The version of Harry's own lines that is written and read."""

_LATEST = 4_102_444_800.0  # seconds: the year 2100, after which no conversation was held
_MILLISECONDS = 1e11  # seconds since the epoch are smaller than this, milliseconds larger


@dataclass(slots=True)
class ReadReport:
    """What was passed over while a file was read: places with their reasons, and how many in all."""

    wrong: list[tuple[str, str]] = field(default_factory=list)
    left_out: int = 0

    def leave_out(self, place: str, why: str) -> None:
        """Note what was left out."""
        self.left_out += 1
        if len(self.wrong) < MAX_TOLD:
            self.wrong.append((place, why))


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `mine`: it is the person's. `at` is seconds since the epoch, None where it is not known."""

    key: str
    mine: bool
    speaker: str
    text: str
    at: float | None


Read: TypeAlias = Callable[[BinaryIO, ReadReport, float], Iterator[tuple[int, PastConversation]]]
"""Reads a stream: (bytes read so far, conversation). The last parameter is the time of what has none."""


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format. `origin` is where its conversations were held, as it is told."""

    name: str
    origin: str
    read: Read
    about: str


class UnknownVersionError(ValueError):
    """The file is of a version that is not known here."""


def to_turns(messages: Sequence[Message], otherwise: float) -> tuple[PastTurn, ...]:
    """Join messages to turns: what the person said, with all that the same one answered to it."""
    turns: list[PastTurn] = []
    answers: list[list[str]] = []
    at, last_mine = otherwise, False
    for message in messages:
        text = message.text[:MAX_TEXT_CHARACTERS]
        if not text.strip():
            continue
        at = message.at if message.at is not None else at
        last = turns[-1] if turns else None
        if message.mine:
            turns.append(PastTurn(message.key, at, at, text, "", message.speaker, ""))
            answers.append([])
        elif last is not None and (last_mine or last.answerer == message.speaker):
            turns[-1] = replace(last, ended_at=max(at, last.started_at), answerer=message.speaker)
            answers[-1].append(text)
        else:
            turns.append(PastTurn(message.key, at, at, "", "", "", message.speaker))
            answers.append([text])
        last_mine = message.mine
    return tuple(
        replace(turn, heard="\n\n".join(parts)[:MAX_TEXT_CHARACTERS])
        for turn, parts in zip(turns, answers, strict=True)
    )


# OpenAI


def read_openai(file: BinaryIO, report: ReadReport, otherwise: float) -> Iterator[tuple[int, PastConversation]]:
    """Read ChatGPT's `conversations.json`: of each conversation the branch that was shown last."""
    yield from _conversations(file, report, otherwise, _of_openai)


def _of_openai(given: Mapping[str, Any], otherwise: float) -> PastConversation:
    mapping = given.get("mapping")
    if not isinstance(mapping, dict):
        raise ValueError("it has no mapping")  # noqa: TRY004  (wrong is what the file says)
    began = read_moment(given.get("create_time")) or otherwise
    branch: list[Message] = []
    node, seen = _newest_leaf(given, mapping), set[str]()
    while isinstance(node, str) and node in mapping and node not in seen:
        seen.add(node)
        here = mapping[node]
        if not isinstance(here, dict):
            raise ValueError("a message is no object")  # noqa: TRY004  (as above)
        message = _message_of_openai(node, here.get("message"))
        if message is not None:
            branch.append(message)
        node = here.get("parent")
    return PastConversation(_name(given.get("title")), to_turns(branch[::-1], began))


def _newest_leaf(given: Mapping[str, Any], mapping: Mapping[str, Any]) -> Any:
    current = given.get("current_node")
    if isinstance(current, str) and current in mapping:
        return current
    leaves = [
        (read_moment((node.get("message") or {}).get("create_time")) or 0.0, number, name)
        for number, (name, node) in enumerate(mapping.items())
        if isinstance(node, dict) and isinstance(node.get("message") or {}, dict) and not node.get("children")
    ]
    return max(leaves)[2] if leaves else None


def _message_of_openai(node: str, message: Any) -> Message | None:
    if not isinstance(message, dict):
        return None
    author, content = message.get("author"), message.get("content")
    if not isinstance(author, dict) or not isinstance(content, dict):
        return None
    role = author.get("role")
    hidden = isinstance(message.get("metadata"), dict) and message["metadata"].get(
        "is_visually_hidden_from_conversation"
    )
    if role not in ("user", "assistant") or hidden or message.get("recipient", "all") not in ("all", None):
        return None
    if content.get("content_type") not in ("text", "multimodal_text", None) or not isinstance(
        content.get("parts"), list
    ):
        return None
    texts = [part if isinstance(part, str) else _transcript(part) for part in content["parts"]]
    return Message(
        node,
        role == "user",
        "" if role == "user" else "ChatGPT",
        _joined(texts),
        read_moment(message.get("create_time")),
    )


def _transcript(part: Any) -> str:
    """Return the words of a spoken part; pictures and files have none."""
    text = part.get("text") if isinstance(part, dict) and part.get("content_type") == "audio_transcription" else ""
    return text if isinstance(text, str) else ""


# Anthropic


def read_anthropic(file: BinaryIO, report: ReadReport, otherwise: float) -> Iterator[tuple[int, PastConversation]]:
    """Read Claude's `conversations.json`."""
    yield from _conversations(file, report, otherwise, _of_anthropic)


def _of_anthropic(given: Mapping[str, Any], otherwise: float) -> PastConversation:
    messages = given.get("chat_messages")
    if not isinstance(messages, list):
        raise ValueError("it has no chat_messages")  # noqa: TRY004  (as above)
    conversation = given.get("uuid") if isinstance(given.get("uuid"), str) else ""
    found = []
    for number, message in enumerate(messages):
        if not isinstance(message, dict):
            raise ValueError("a message is no object")  # noqa: TRY004  (as above)
        if message.get("sender") not in ("human", "assistant"):
            continue
        mine = message["sender"] == "human"
        key = message.get("uuid") if isinstance(message.get("uuid"), str) else f"{conversation}/{number}"
        found.append(
            Message(
                str(key), mine, "" if mine else "Claude", _text_of_anthropic(message),
                read_moment(message.get("created_at")),
            )
        )  # fmt: skip
    began = read_moment(given.get("created_at")) or otherwise
    return PastConversation(_name(given.get("name")), to_turns(found, began))


def _text_of_anthropic(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        blocks = [block for block in content if isinstance(block, dict) and block.get("type", "text") == "text"]
        text = _joined([block.get("text") for block in blocks])
        if text:
            return text
    return _joined([message.get("text")])


# SillyTavern


def read_sillytavern(file: BinaryIO, report: ReadReport, otherwise: float) -> Iterator[tuple[int, PastConversation]]:
    """Read a chat of SillyTavern, which is one conversation: a head, then a line for each message."""
    head: Mapping[str, Any] = {}
    messages: list[Message] = []
    times: dict[str, int] = {}
    passed = 0
    for number, at, line in _lines(file, report):
        passed = at
        if number == 1 and "mes" not in line:
            head = line
            continue
        text, name = line.get("mes"), line.get("name")
        if not isinstance(text, str) or not isinstance(name, str):
            report.leave_out(f"line {number}", "it is no message")
            continue
        if line.get("is_system") is True:
            continue
        mine = line.get("is_user") is True
        # It has no id. What is said twice within its minute is told apart by its count.
        key = "\0".join((_name(head.get("character_name")), str(line.get("send_date")), name, text))
        times[key] = times.get(key, 0) + 1
        moment = read_moment(line.get("send_date"))
        messages.append(Message(f"{key}\0{times[key]}", mine, _name(name), text, moment))
    began = read_moment(head.get("create_date")) or otherwise
    if messages:
        yield passed, PastConversation(_name(head.get("character_name")), to_turns(messages, began))


# Harry


def read_harry(file: BinaryIO, report: ReadReport, otherwise: float) -> Iterator[tuple[int, PastConversation]]:
    """Read what `harry export --format jsonl` wrote: a head with the version, then a line for each turn."""
    turns: list[PastTurn] = []
    conversation, passed = "", 0
    for number, at, line in _lines(file, report):
        passed = at
        if number == 1:
            if line.get("harry") != "turns" or line.get("version") != HARRY_VERSION:
                raise UnknownVersionError
            continue
        try:
            turn = _turn_of_harry(line, otherwise)
        except ValueError as error:
            report.leave_out(f"line {number}", str(error))
            continue
        whole = str(line.get("conversation") or "")
        if turns and (whole != conversation or len(turns) == 500):
            yield passed, PastConversation("", tuple(turns))
            turns = []
        conversation = whole
        turns.append(turn)
    if turns:
        yield passed, PastConversation("", tuple(turns))


def _turn_of_harry(line: Mapping[str, Any], otherwise: float) -> PastTurn:
    texts = [line.get(key, "") for key in ("id", "said", "heard", "speaker", "answerer")]
    if not all(isinstance(text, str) for text in texts) or not texts[0]:
        raise ValueError("it is no turn")
    identity, said, heard, speaker, answerer = texts
    said, heard = said[:MAX_TEXT_CHARACTERS], heard[:MAX_TEXT_CHARACTERS]
    began = read_moment(line.get("started_at"))
    ended = read_moment(line.get("ended_at"))
    at = began if began is not None else otherwise
    return PastTurn(
        identity, at, max(ended if ended is not None else at, at), said, heard, _name(speaker), _name(answerer)
    )


FORMATS: Mapping[str, ExportFormat] = {
    known.name: known
    for known in (
        ExportFormat("openai", "ChatGPT", read_openai, "OpenAI's conversations.json, or the zip it comes in"),
        ExportFormat("anthropic", "Claude", read_anthropic, "Anthropic's conversations.json, or the zip it comes in"),
        ExportFormat("sillytavern", "SillyTavern", read_sillytavern, "a chat of SillyTavern (.jsonl)"),
        ExportFormat("harry", "Harry", read_harry, "what `harry export --format jsonl` wrote"),
    )
}


def recognise(beginning: str) -> str:
    """Name the format of a text by how it begins, "" for none that is known."""
    if beginning.startswith("["):
        # The keys of the first conversation may stand far behind a long text; they stand there as keys.
        at = {name: beginning.find(f'"{key}"') for name, key in (("openai", "mapping"), ("anthropic", "chat_messages"))}
        found = [name for name, place in at.items() if place >= 0]
        return min(found, key=lambda name: at[name]) if found else ""
    line, _, _ = beginning.partition("\n")
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(head, dict):
        return ""
    if "harry" in head:
        return "harry"
    return "sillytavern" if head.keys() & {"user_name", "character_name", "chat_metadata", "mes"} else ""


def read_moment(value: Any) -> float | None:
    """Read a time: seconds or milliseconds since the epoch, ISO 8601, or one of SillyTavern's; None for no time.

    A time without a zone is local; one that no conversation can have is none.
    """
    at: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        at = _counted_moment(float(value)) if abs(value) < 1e18 else None
    elif isinstance(value, str) and 0 < len(value) <= 60:
        at = _written_moment(value.strip())
    return at if at is not None and math.isfinite(at) and 0 < at < _LATEST else None


def _counted_moment(at: float) -> float:
    return at / 1000 if at >= _MILLISECONDS else at


_OLD_SILLYTAVERN = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})\s*@(\d{1,2})h\s*(\d{1,2})m\s*(\d{1,2})s(?:\s*(\d{1,3})ms)?")
_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
)}  # fmt: skip
_IN_WORDS = re.compile(
    r"([A-Za-z]{3})[a-z]*\.? (\d{1,2}), (\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))? ?([ap]m)?", re.IGNORECASE
)


def _written_moment(text: str) -> float | None:
    if text.isascii() and text.isdecimal():
        return _counted_moment(float(text))
    try:
        if found := _OLD_SILLYTAVERN.fullmatch(text):
            year, month, day, hour, minute, second, thousandths = (int(part or 0) for part in found.groups())
            return datetime(year, month, day, hour, minute, second, thousandths * 1000).astimezone().timestamp()
        if found := _IN_WORDS.fullmatch(text):
            name, *numbers, half = found.groups()
            day, year, hour, minute, second = (int(part or 0) for part in numbers)
            if half:
                hour = hour % 12 + 12 * (half.lower() == "pm")
            return datetime(year, _MONTHS[name.lower()], day, hour, minute, second).astimezone().timestamp()
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, KeyError, OverflowError, OSError):
        return None


def _conversations(
    file: BinaryIO,
    report: ReadReport,
    otherwise: float,
    convert: Callable[[Mapping[str, Any], float], PastConversation],
) -> Iterator[tuple[int, PastConversation]]:
    for number, (passed, given) in enumerate(read_array(file), 1):
        try:
            conversation = convert(given, otherwise)
        except ValueError as error:
            report.leave_out(f"conversation {number}", str(error))
            continue
        if conversation.turns:
            yield passed, conversation


def _lines(file: BinaryIO, report: ReadReport) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Yield (number, bytes read so far, object) of each line; a line that is none is left out."""
    number = passed = 0
    while raw := file.readline(MAX_LINE_BYTES):
        number += 1
        passed += len(raw)
        if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
            report.leave_out(f"line {number}", f"it is longer than {MAX_LINE_BYTES} bytes")
            while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                passed += len(rest)
            continue
        try:
            line = parse_json(raw.decode("utf-8-sig"), parse_constant=lambda _: None) if raw.strip() else None
        except UnicodeDecodeError:
            report.leave_out(f"line {number}", "it is not text in UTF-8")
        except TooDeepError as error:
            report.leave_out(f"line {number}", str(error))
        except ValueError:
            report.leave_out(f"line {number}", "it is not a whole JSON object")
        else:
            if isinstance(line, dict):
                yield number, passed, line
            elif line is not None:
                report.leave_out(f"line {number}", "it is not a JSON object")


def _joined(texts: Sequence[Any]) -> str:
    return "\n".join(text.strip() for text in texts if isinstance(text, str) and text.strip())


def _name(value: Any) -> str:
    """Return a name or title in one line, "" for what is none."""
    return " ".join(repair_surrogates(value).split())[:MAX_NAME_CHARACTERS] if isinstance(value, str) else ""
