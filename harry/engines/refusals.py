"""What an error of an OpenAI-compatible server means, in a sentence for a person. Pure.

Nothing of the server's own message is ever shown: servers repeat keys and prompts in it. A short code may be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from harry.errors import EngineBusy, EngineError, EngineTimeout, EngineUnavailable
from harry.files.json_text import parse_json

MAX_WAIT_SECONDS = 3600.0
"""Seconds of a server's wish to be left alone that are believed."""

MAX_READ_CHARACTERS = 2_000
"""Characters of a server's message that are looked at."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a server is asked for, in the words of the sentences: what else may be used, what is at which `path`."""

    other: str = "mind"
    called: str = "chat"
    path: str = "/chat/completions"
    asked: str = "question"
    too_long: str = "The conversation has become too long"


CHAT = Service()
TRANSCRIPTION = Service("ear", "speech recognition", "/audio/transcriptions", "recording", "What was said is too long")
SPEECH = Service("voice", "voice", "/audio/speech", "text", "The text is too long")

_CODE = re.compile(r"[a-z][a-z_]{2,40}")


_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<")


def explain_refusal(
    status: int,
    body: bytes,
    *,
    host: str,
    model: str,
    after: float | None = None,
    base_url: str = "",
    location: str = "",
    service: Service = CHAT,
) -> EngineError:
    """Translate an HTTP status, or an error within a stream. `after` is the server's Retry-After in seconds.

    `location` is where the server says that it has moved.
    """
    said = _error(body)
    codes = [code for code in (said.get("code"), said.get("type")) if isinstance(code, str) and _CODE.fullmatch(code)]
    message = str(said.get("message") or said.get("detail") or said.get("msg") or "")[:MAX_READ_CHARACTERS].lower()
    if not said:
        message = body[:MAX_READ_CHARACTERS].decode("utf-8", "replace").lower()
    if 300 <= status < 400:
        return _explain_move(host, location, service)
    if _PAGE.match(body) and status not in (401, 404, 405, 429):
        return explain_web_page(host, status)
    kind = _kind(status, codes, message, is_told=bool(said))
    known = _sentences(status, host, model, after=after, base_url=base_url, service=service)
    code = f", {codes[0]}" if codes else ""
    return known.get(kind) or EngineError(f"{host} refused the {service.asked} (error {status}{code}).")


def _sentences(
    status: int, host: str, model: str, *, after: float | None, base_url: str, service: Service
) -> dict[str, EngineError]:
    """Return what each kind of trouble is called."""
    other = f"use another {service.other}"
    return {
        "credit": EngineUnavailable(f"There is no credit left at {host}.", remedy=f"Add credit, or {other}."),
        "rules": EngineError(f"{host} refuses to answer this.", remedy=f"Say it otherwise, or {other}."),
        "key": EngineUnavailable(f"{host} does not accept the key.", remedy="Check the key, or make a new one."),
        "no key": EngineUnavailable(f"{host} wants a key, and got none.", remedy="Set api_key_env or api_key."),
        "region": EngineUnavailable(f"{host} does not serve this country.", remedy=f"{other.capitalize()}."),
        "privacy": EngineUnavailable(
            f"Nobody at {host} serves the model {model!r} without keeping what is said.",
            remedy='Name another model, or allow it: data_collection = "allow" in the engine\'s provider table.',
        ),
        "model": EngineUnavailable(f"{host} does not know the model {model!r}.", remedy="Name another model."),
        "not fetched": EngineUnavailable(
            f"{host} does not have the model {model!r}.",
            remedy=f"Fetch it there (ollama pull {model}), or name another.",
        ),
        "not loaded": EngineUnavailable(f"{host} has no model loaded.", remedy="Load one there, then ask again."),
        "loading": EngineBusy(f"{host} is still loading its model.", remedy="Ask again in a minute.", after=after),
        "memory": EngineBusy(f"{host} has too little memory for the model.", remedy="Use a smaller model there."),
        "path": _explain_path(host, base_url, service),
        "proxy": EngineUnavailable(
            f"The proxy on the way to {host} wants a name and a password.", remedy="Set them in HTTPS_PROXY."
        ),
        "slow": EngineTimeout(f"{host} took too long."),
        "long": EngineError(f"{service.too_long} for {model!r}."),
        "often": EngineBusy(f"{host} has been asked too often.", remedy="Wait a minute, then ask again.", after=after),
        "trouble": EngineBusy(f"{host} is in trouble (error {status}).", remedy="Ask again in a minute.", after=after),
    }


def explain_web_page(host: str, status: int = 200) -> EngineError:
    """Return what it means that a page for people came in place of an answer."""
    behind = f" (error {status})" if status != 200 else ""
    return EngineUnavailable(
        f"A web page came from {host} in place of an answer{behind}.",
        remedy="Check that base_url is the server's API, ending in /v1 as a rule, and that no proxy, firewall or "
        "sign-in page stands between.",
    )


def find_error(body: Mapping[str, Any]) -> Any:
    """Return the error that an object of a stream tells, in whichever form; None where it tells none."""
    error = body.get("error")
    if error:
        return error
    if body.get("object") == "error" or body.get("type") == "error":
        return body
    choices = body.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and (choice.get("error") or choice.get("finish_reason") == "error"):
            return choice.get("error") or {"message": "error"}
    if choices is None and not {"usage", "timings"} & body.keys():
        told = next((body[key] for key in ("detail", "message", "errors", "msg") if body.get(key)), None)
        if told is not None and not (isinstance(told, dict) and "content" in told):
            return told if isinstance(told, dict) else {"message": str(told)}
    return None


def _explain_path(host: str, base_url: str, service: Service) -> EngineError:
    path = urlsplit(base_url).path.strip("/") if base_url else ""
    if not re.search(r"(?:^|/)v\d", path):
        return EngineUnavailable(
            f"{host} has no {service.called} at this address.",
            remedy="End base_url in /v1, as in http://127.0.0.1:11434/v1.",
        )
    return EngineUnavailable(
        f"{host} has no {service.called} at this address.",
        remedy=f"Check base_url: it ends before {service.path}, and the server must speak OpenAI's protocol.",
    )


def _explain_move(host: str, location: str, service: Service) -> EngineError:
    """Say where a server has moved, without a name, a password or a question in the address."""
    try:
        parts = urlsplit(location)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if not parts.hostname or re.search(r"log-?in|sign-?in|sso|auth|captive|portal", parts.path.lower()):
        return EngineUnavailable(
            f"{host} leads to another page.", remedy="Check base_url, and that no sign-in page stands between."
        )
    path = parts.path.removesuffix("/").removesuffix(service.path)
    return EngineUnavailable(
        f"{host} has moved.", remedy=f'Set base_url = "{parts.scheme or "https"}://{parts.hostname}{port}{path}".'
    )


def _kind(status: int, codes: list[str], message: str, *, is_told: bool) -> str:
    """Tell the kinds of trouble apart; servers put several under one status."""
    for kind, statuses, pattern in _KINDS:
        if (not statuses or status in statuses) and re.search(pattern, message):
            return kind
    if "insufficient_quota" in codes:
        return "credit"
    if "model_not_found" in codes:
        return "model"
    if status == 404 and (not is_told or message == "not found" or message.startswith("invalid url")):
        # A server that lacks the model says so; one that lacks the page says nothing of models.
        return "path"
    named = {
        401: "key", 402: "credit", 403: "key", 404: "model", 405: "path", 407: "proxy", 408: "slow", 413: "long",
        429: "often",
    }  # fmt: skip
    return named.get(status, "trouble" if status >= 500 else "")


_KINDS: tuple[tuple[str, tuple[int, ...], str], ...] = (
    ("credit", (), (r"credit balance|insufficient (?:credit|balance|funds|quota)|exceeded your current quota|billing"
        r"|requires more credits|out of credits|key limit exceeded|payment required")),
    ("region", (), (r"country, region|unsupported_country|not available in your (?:country|region)"
        r"|location is not supported")),
    ("rules", (400, 403, 451), r"flagged|moderation|content (?:management )?policy|content_filter|safety"),
    ("privacy", (), r"data policy|privacy|guardrail|zero data retention|\bzdr\b"),
    ("not loaded", (), (r"no models? (?:is |are )?(?:currently )?loaded|please load a model|model (?:is )?not loaded"
        r"|model unloaded|model has crashed")),
    ("loading", (), r"(?<!error )loading model|model is (?:currently |still )?loading|is being loaded|warming up"),
    ("memory", (), r"requires more (?:system )?memory|out of memory|cuda error|failed to allocate|insufficient memory"),
    ("not fetched", (404,), r"try pulling it|pull(?:ed)? (?:it )?first|not downloaded|model .{1,120} not found$"),
    ("model", (400, 404, 422), (r"not a valid model|model.{0,160}(?:does not exist|not found|unknown|not supported|"
        r"is not available|do(?:es)? not have access|decommissioned|deprecated)"
        r"|unknown model|invalid model|no such model|no endpoints found|no allowed providers")),
    ("long", (400, 413, 422, 500), (r"context (?:length|window|size)|maximum context|too many tokens|prompt is too long"
        r"|exceeds? the (?:available )?context")),
    ("no key", (400, 401, 403), (r"didn'?t provide an api key|no (?:auth )?credentials|missing (?:bearer|api[ _-]?key|"
        r"authentication|authorization)|no (?:cookie auth|api key)|api key (?:is )?(?:required|"
        r"missing)")),
    ("key", (400,), r"api key (?:not valid|expired|is invalid)|invalid api[ _-]key|api_key_invalid"),
    ("often", (503,), r"rate limit|too many requests|overloaded[^.\n]{0,80}quota"),
)  # fmt: skip
"""What servers say, by its kind: the statuses under which it counts (none: any), and the words, in small letters."""


def read_retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read in seconds how long a server wants to be left alone; None when it does not say."""
    milliseconds, wish = headers.get("retry-after-ms", ""), headers.get("retry-after", "").strip()
    try:
        if milliseconds:
            seconds = float(milliseconds) / 1000
        elif wish.replace(".", "", 1).isdigit():
            seconds = float(wish)
        elif wish:
            when = parsedate_to_datetime(wish)
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
            seconds = (when - (now or datetime.now(UTC))).total_seconds()
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_WAIT_SECONDS) if seconds == seconds else None  # noqa: PLR0124 (a NaN is no wish)


def _error(body: bytes) -> Mapping[str, Any]:
    """Return what an error's body tells; {} for what is no JSON, or tells nothing."""
    try:
        read = parse_json(body)
    except (ValueError, TypeError):
        return {}
    if isinstance(read, list) and read:
        read = read[0]
    if not isinstance(read, dict):
        return {"message": str(read)} if isinstance(read, str) else {}
    error = read.get("error", read)
    if isinstance(error, dict):
        return error if error is not read else {**read, "message": read.get("message") or _detail(read)}
    # Some tell the error's name here and its sentence beside it.
    told = read.get("message") or read.get("detail") or ""
    return {"message": f"{error} {told}".strip(), "code": error if isinstance(error, str) else None}


def _detail(read: Mapping[str, Any]) -> str:
    detail = read.get("detail") or read.get("msg") or read.get("errors") or ""
    return detail if isinstance(detail, str) else json.dumps(detail)
