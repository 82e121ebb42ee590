"""Changing single keys of the user's TOML file, with his comments, his order and everything else as he wrote it.

The new text is tried as a whole before it takes the old one's place, so a mistake never reaches the file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from harry.config.loading import Config, load_config
from harry.errors import ConfigurationError, StoreError
from harry.files.atomic import write_file


def change_file(path: Path, changes: Mapping[str, object], environ: Mapping[str, str] = os.environ) -> Config:
    """Set dotted keys in a file (None takes a key out), and return the configuration as it is read from then on.

    Blocking. Raises `ConfigurationError`, and then nothing was changed.
    """
    try:
        text = changed(path.read_bytes().decode("utf-8-sig") if path.exists() else "", changes)
        config = _tried(text, path, environ)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text.encode())
    except (OSError, UnicodeError, StoreError) as error:
        raise ConfigurationError(f"{path} cannot be changed: {error}") from error
    return config


def changed(text: str, changes: Mapping[str, object]) -> str:
    """Give a TOML text with dotted keys set. Raises `ConfigurationError` for what is no TOML."""
    try:
        document = tomlkit.parse(text)
        for key, value in changes.items():
            _put(document, key.split("."), value)
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError) as error:
        raise ConfigurationError(f"The configuration file cannot be changed: {error}.") from error


def _put(document: Any, place: list[str], value: object) -> None:
    table = document
    for part in place[:-1]:
        if part not in table:
            if value is None:
                return
            table[part] = tomlkit.table()
        table = table[part]
    if value is not None:
        table[place[-1]] = value
    elif place[-1] in table:
        del table[place[-1]]


def _tried(text: str, path: Path, environ: Mapping[str, str]) -> Config:
    """Read a text as Harry will read the file; a mistake names the place the user knows."""
    with tempfile.TemporaryDirectory(prefix="harry-") as folder:
        beside = Path(folder) / path.name
        beside.write_text(text, "utf-8")
        try:
            return load_config(beside, environ=environ)
        except ConfigurationError as error:
            raise ConfigurationError(str(error).replace(str(beside), str(path))) from None
