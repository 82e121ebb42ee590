"""What must never be shown: how a secret is recognised by its name or its look, and what is shown in its place.

The configuration, the log and `harry doctor` all ask here, so that one rule decides for all three.
"""

from __future__ import annotations

import re

MASK = "***"
"""What is shown instead of a secret."""

_NAMES = re.compile(r"key|token|secret|password|passphrase|authorization|cookie|credential", re.IGNORECASE)
_LOOKS = re.compile(r"\b(?:sk|pk|rk|gsk|hf|ghp|xai)[-_][A-Za-z0-9_\-]{8,}|(?<=bearer )\S+", re.IGNORECASE)


def is_secret(name: str, value: object) -> bool:
    """Whether a value of this name must not be shown. Numbers are shown: `max_tokens = 512` is no secret."""
    return isinstance(value, str | bytes) and bool(_NAMES.search(name))


def masked(text: str) -> str:
    """Mask everything in the text that looks like a secret."""
    return _LOOKS.sub(MASK, text)
