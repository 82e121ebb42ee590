"""The voices that `harry setup` offers: the one that came with Harry, those here, those that can be fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harry.cli.fetch_progress import pull_shown
from harry.config.loading import Config
from harry.models import catalogue
from harry.models.catalogue import Model

PACKAGED = "Joe: an American man's voice, which came with Harry."


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice. `file` is its ONNX file, None for the one that came with Harry; `megabytes` are to be fetched."""

    about: str
    file: Path | None
    name: str = ""
    model: Model | None = None
    here: bool = True
    megabytes: float = 0.0


def voices(config: Config) -> list[Voice] | None:
    """List the voices; None where an engine speaks that has its own."""
    if config.chain("text_to_speech")[0] != "piper":
        return None
    here = catalogue.list_installed(config.data_folder)
    known = [Voice(PACKAGED, None)]
    for name, model in catalogue.load_catalogue().items():
        if model.role == "text_to_speech":
            folder = catalogue.locate_model(config.data_folder, name)
            sound = next(file.name for file in model.files if file.name.endswith(".onnx"))
            about = f"{model.about} {model.licence}."
            known.append(Voice(about, folder / sound, name, model, name in here, model.size / 1e6))
    return known


async def fetch(config: Config, voice: Voice) -> bool:
    """Fetch a voice that is not here yet. Raises `HarryError`."""
    if not voice.here and voice.model is not None:
        await pull_shown(voice.model, catalogue.locate_model(config.data_folder, voice.name))
    return True
