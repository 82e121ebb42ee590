"""What must never be shown: how a secret is recognised by its place, name or look, and what is shown in its place.

The configuration, the log and `harry doctor` all ask here, so that one rule decides for all three. A setting whose
value may be one is marked where it is declared, `Annotated[str, HIDDEN]` or `Annotated[str, ADDRESS]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

MASK = "***"
"""What is shown instead of a secret."""

_NAMES = re.compile(
    r"key|token|secret|passw|pwd|passphrase|authorization|cookie|credential|bearer|\bdsn\b", re.IGNORECASE
)
_LOOKS = re.compile(r"\b(?:sk|pk|rk|gsk|hf|ghp|xai)[-_][A-Za-z0-9_\-]{8,}|(?<=bearer )\S+", re.IGNORECASE)


class Mark(Enum):
    """What a setting may hold, as its declaration says."""

    HIDDEN = "hidden"
    ADDRESS = "address"


HIDDEN = Mark.HIDDEN
"""Whatever another program wants, secrets among it: nothing of it is shown."""

ADDRESS = Mark.ADDRESS
"""An address, of which user, password and query are for its server alone."""

_PLACES = frozenset({"headers", "env", "args", "extra"})
"""How such settings are called everywhere: in tables that nobody declared, too."""

_USERINFO = re.compile(r"(?<=://)\S*@")  # to the last @: a password may hold any character
_QUERY = re.compile(r"(?<=://)([^\s?#]*)[?#]\S*")


def is_secret(name: str, value: object) -> bool:
    """Whether a value of this name must not be shown. Numbers are shown: `max_tokens = 512` is no secret."""
    return isinstance(value, str | bytes) and bool(_NAMES.search(name))


def masked(text: str) -> str:
    """Mask everything in the text that looks like a secret, and what addresses carry for their servers alone."""
    return masked_address(_LOOKS.sub(MASK, text))


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
    return masked(value) if isinstance(value, str) else value


def shown_settings(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Copy settings as they may be shown, by the marks of the model that declares them, and as `without_secrets`."""
    fields = named_fields(model)
    return {
        name: _shown(fields[name], name, value) if name in fields else without_secrets(value, name, hidden=True)
        for name, value in values.items()
    }


def named_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's settings by the names that they have in a configuration."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _shown(field: FieldInfo, name: str, value: Any) -> Any:
    inner = next((kind for kind in _kinds(field.annotation) if issubclass(kind, BaseModel)), None)
    if inner is not None and isinstance(value, Mapping):
        if get_origin(field.annotation) is dict:
            return {key: shown_settings(inner, table) for key, table in value.items()}
        return shown_settings(inner, value)
    if ADDRESS in field.metadata and isinstance(value, str) and "://" not in value:
        value = masked_address(f"://{value}").removeprefix("://")  # one whose scheme was forgotten
    secret = SecretStr in _kinds(field.annotation)
    return without_secrets(value, name, hidden=secret or HIDDEN in field.metadata)


def _kinds(annotation: Any) -> list[type]:
    """List the classes that an annotation names."""
    parts = get_args(annotation)
    return [kind for part in parts for kind in _kinds(part)] or ([annotation] if isinstance(annotation, type) else [])
