"""The shapes that a structured reply may be asked for: JSON schemas in files, by name.

`schemas/NAME.yaml` or `NAME.json` in the data folder. The reply's field `response` is what is meant to be spoken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harry.errors import ConfigurationError

MAX_FILE_BYTES = 256 * 1024
"""Bytes of a file that are read."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")


def load_schema(folder: Path, requested: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Find a schema by name, or take the one that was given. Raises `ConfigurationError`. Reads a file."""
    if not isinstance(requested, str):
        return requested
    where = folder / "schemas"
    if not _NAME.fullmatch(requested):
        raise ConfigurationError(f"{requested[:80]!r} is no name of a schema.", remedy=f"Schemas are files in {where}.")
    for ending in ("yaml", "yml", "json"):
        path = where / f"{requested}.{ending}"
        try:
            with path.open("rb") as file:
                read = yaml.safe_load(file.read(MAX_FILE_BYTES))  # JSON is YAML
        except FileNotFoundError:
            continue
        except (OSError, yaml.YAMLError, UnicodeError, RecursionError) as error:
            raise ConfigurationError(f"The schema {path} cannot be read.", remedy="Mend the file.") from error
        if not isinstance(read, dict):
            raise ConfigurationError(f"The schema {path} is no object.", remedy="Write a JSON schema.")
        return read
    raise ConfigurationError(
        f"There is no schema {requested!r}.", remedy=f"Write {where / requested}.yaml, a JSON schema."
    )
