"""What must never be shown: how a secret is recognised by its name or its look, and what is shown in its place.

The configuration, the log and `harry doctor` all ask here, so that one rule decides for all three.
"""

from __future__ import annotations

import re
from typing import Any

MASK = "***"
"""What is shown instead of a secret."""

_NAMES = re.compile(
    r"key|token|secret|passw|pwd|passphrase|authorization|cookie|credential|bearer|\bdsn\b", re.IGNORECASE
)
_LOOKS = re.compile(r"\b(?:sk|pk|rk|gsk|hf|ghp|xai)[-_][A-Za-z0-9_\-]{8,}|(?<=bearer )\S+", re.IGNORECASE)


_PLACES = frozenset({"headers", "env", "args", "extra"})
"""Tables and lists that hold whatever another program wants, secrets among it: nothing of them is shown."""

_USERINFO = re.compile(r"(?<=://)\S*@")  # to the last @: a password may hold any character
_QUERY = re.compile(r"(?<=://)([^\s?#]*)[?#]\S*")


def is_secret(name: str, value: object) -> bool:
    """Whether a value of this name must not be shown. Numbers are shown: `max_tokens = 512` is no secret."""
    return isinstance(value, str | bytes) and bool(_NAMES.search(name))


def masked(text: str) -> str:
    """Mask everything in the text that looks like a secret."""
    return _LOOKS.sub(MASK, text)


def masked_address(text: str) -> str:
    """Mask what an address may carry for its server alone: user and password, query and fragment."""
    return _QUERY.sub(rf"\1?{MASK}", _USERINFO.sub(f"{MASK}@", text))


def without_secrets(value: Any, name: str = "", *, hidden: bool = False) -> Any:
    """Copy a configuration as it may be shown: secrets are known by their place first, then by name and look."""
    hidden = hidden or name in _PLACES
    if isinstance(value, dict):
        # A table that is named like a secret holds some, whatever they are called.
        hidden = hidden or bool(name and _NAMES.search(name))
        return {key: without_secrets(inner, str(key), hidden=hidden) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_secrets(inner, name, hidden=hidden) for inner in value]
    if value is None or value == "" or isinstance(value, bool):
        return value
    if hidden or is_secret(name, value):
        return MASK
    return masked(masked_address(value)) if isinstance(value, str) else value
