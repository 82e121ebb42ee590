"""Which models can be fetched by name, where they lie once they are, and which of them Harry thinks with."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from harry.engines.registry import suggest_name
from harry.errors import ConfigurationError

FOLDER = "models"
"""Where models lie, in the data folder; each in a folder of its own name."""

PINS = "pins.json"
"""Beside a model's files: what their sha256 was when they were fetched."""

HUB = "https://huggingface.co"


class ModelFile(BaseModel):
    """A file of a model. `path` is its place in the repository, or a whole address; `size` is in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    size: int | None = None
    sha256: str = ""

    @property
    def name(self) -> str:
        """Its name on disk."""
        return urlsplit(self.path).path.rsplit("/", 1)[-1]


class Model(BaseModel):
    """A model that can be fetched. `memory` is in megabytes.

    `offered`: it is the one that a newcomer is asked about; `why`, and since when (`chosen_on`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str
    about: str
    licence: str
    memory: int
    repo: str = ""
    revision: str = "main"
    files: tuple[ModelFile, ...]
    offered: bool = False
    why: str = ""
    chosen_on: date | None = None

    @property
    def size(self) -> int:
        """The bytes that are fetched, as far as they are known."""
        return sum(file.size or 0 for file in self.files)

    def url(self, file: ModelFile) -> str:
        """Return the plain address of a file; `HF_ENDPOINT` names another hub."""
        if "://" in file.path:
            return file.path
        hub = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or HUB
        return f"{hub}/{self.repo}/resolve/{self.revision}/{file.path}"


@lru_cache(maxsize=1)
def load_catalogue() -> Mapping[str, Model]:
    """Return the models that are known, by name."""
    text = (files("harry.models") / "catalogue.toml").read_text("utf-8")
    return {name: Model.model_validate(table) for name, table in tomllib.loads(text).items()}


def offered() -> tuple[str, Model]:
    """Find the model that a newcomer is asked about."""
    return next((name, model) for name, model in load_catalogue().items() if model.offered)


def find_model(name: str) -> tuple[str, Model]:
    """Find the model that a name, or the address of a GGUF file, means. Raises `ConfigurationError`."""
    known = load_catalogue()
    if name in known:
        return name, known[name]
    if "://" not in name:
        raise ConfigurationError(f"There is no model {name!r}.", remedy=suggest_name(name, list(known)))
    file = ModelFile(path=name)
    if not name.startswith(("https://", "http://")) or not re.fullmatch(r"[\w-][\w.-]*\.gguf", file.name):
        raise ConfigurationError(
            "That is not the address of a GGUF file.", remedy="It begins with https:// and ends with .gguf."
        )
    about = "Fetched from an address."
    model = Model(role="language_model", about=about, licence="see where it comes from", memory=0, files=(file,))
    return file.name.removesuffix(".gguf"), model


def locate_model(data_folder: Path, name: str) -> Path:
    """Return the folder of a model, which need not exist."""
    return data_folder / FOLDER / name


def read_pins(folder: Path) -> dict[str, str]:
    """Return the sha256 of a model's files, as they were first fetched."""
    try:
        kept = json.loads((folder / PINS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(digest) for name, digest in kept.items()} if isinstance(kept, dict) else {}


def list_installed(data_folder: Path) -> list[str]:
    """Return the names of the complete models on this computer, the newest first."""
    there: list[tuple[float, str]] = []
    with suppress(OSError):
        for folder in (data_folder / FOLDER).iterdir():
            kept = read_pins(folder)
            if kept and all((folder / name).is_file() for name in kept):
                there.append((-(folder / PINS).stat().st_mtime, folder.name))
    return [name for _, name in sorted(there)]


def find_pulled_model(data_folder: Path) -> Path | None:
    """Return the GGUF file that was fetched last, if any: Harry thinks with it where nothing else is named."""
    for name in list_installed(data_folder):
        folder = locate_model(data_folder, name)
        for file in read_pins(folder):
            if file.endswith(".gguf"):
                return folder / file
    return None


def remove(data_folder: Path, name: str) -> int:
    """Delete a model; return the bytes that are free again. Raises `ConfigurationError` if it is not there."""
    folder = locate_model(data_folder, name)
    if Path(name).name != name or not folder.is_dir():
        raise ConfigurationError(
            f"There is no model {name!r} here.", remedy=suggest_name(name, list_installed(data_folder))
        )
    size = sum(file.stat().st_size for file in folder.iterdir())
    shutil.rmtree(folder)
    return size


def explain_use(name: str, model: Model, folder: Path) -> str:
    """Return a sentence on how to make Harry use a model that was fetched."""
    if model.role == "language_model":
        return f"Harry thinks with {name} from his next answer on, unless something better answers or is named."
    voice = next(file.name for file in model.files if file.name.endswith(".onnx"))
    return f"To hear it: --set engine.piper.voice={folder / voice}"
