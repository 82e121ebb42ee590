"""What an error of an OpenAI-compatible server means, in a sentence for a person. Pure.

Nothing of the server's own message is ever shown: servers repeat keys and prompts in it. A short code may be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from harry.errors import EngineBusy, EngineError, EngineTimeout, EngineUnavailable
from harry.files.json_text import parse_json

MAX_WAIT_SECONDS = 3600.0
"""Seconds of a server's wish to be left alone that are believed."""

_CODE = re.compile(r"[a-z][a-z_]{2,40}")


def explain_refusal(status: int, body: bytes, *, host: str, model: str, after: float | None = None) -> EngineError:
    """Translate an HTTP status, or an error within a stream. `after` is the server's Retry-After in seconds."""
    said = _error(body)
    codes = [code for code in (said.get("code"), said.get("type")) if isinstance(code, str) and _CODE.fullmatch(code)]
    kind = _kind(status, codes, str(said.get("message") or "").lower())
    known = {
        "credit": EngineUnavailable(f"There is no credit left at {host}.", remedy="Add credit, or use another mind."),
        "rules": EngineError(f"{host} refuses to answer this.", remedy="Say it otherwise, or use another mind."),
        "key": EngineUnavailable(f"{host} does not accept the key.", remedy="Check the key, or make a new one."),
        "privacy": EngineUnavailable(
            f"Nobody at {host} serves the model {model!r} without keeping what is said.",
            remedy='Name another model, or allow it: data_collection = "allow" in the engine\'s provider table.',
        ),
        "model": EngineUnavailable(f"{host} does not know the model {model!r}.", remedy="Name another model."),
        "slow": EngineTimeout(f"{host} took too long."),
        "long": EngineError(f"The conversation has become too long for {model!r}."),
        "often": EngineBusy(f"{host} has been asked too often.", remedy="Wait a minute, then ask again.", after=after),
        "trouble": EngineBusy(f"{host} is in trouble (error {status}).", remedy="Ask again in a minute.", after=after),
    }
    code = f", {codes[0]}" if codes else ""
    return known.get(kind) or EngineError(f"{host} refused the question (error {status}{code}).")


def _kind(status: int, codes: list[str], message: str) -> str:
    """Tell the kinds of trouble apart; servers put several under one status."""
    if "insufficient_quota" in codes or "credit balance" in message:
        return "credit"
    if status == 403 and ("flagged" in message or "moderation" in message):
        return "rules"
    if "data policy" in message or "no endpoints found" in message:
        return "privacy"
    if "model_not_found" in codes or (status == 400 and "not a valid model" in message):
        return "model"
    named = {401: "key", 402: "credit", 403: "key", 404: "model", 408: "slow", 413: "long", 429: "often"}
    return named.get(status, "trouble" if status >= 500 else "")


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
    try:
        error = parse_json(body)["error"]
    except (ValueError, TypeError, KeyError):
        return {}
    return error if isinstance(error, dict) else {"message": str(error)}
