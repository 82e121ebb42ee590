"""Speech to text by Moonshine (https://github.com/moonshine-ai/moonshine), on this machine, in English.

Its decode cannot be stopped: whoever cancels leaves at once, and the thread ends with its block of at most 15 s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from actors.protocols import Samples
from channels.messages import EAR_RATE
from harry.errors import EngineError, EngineUnavailable
from harry.hearing.blocks import LONGEST, believed, blocks, loudest
from harry.hearing.moonshine_library import Transcriber, packaged_model
from harry.offload import Offload
from harry.registry import EngineSettings

_ARCHITECTURES = {"tiny": 0, "base": 1}
_FILES = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")
_SHORTEST = EAR_RATE // 10


class MoonshineSettings(EngineSettings):
    """`model` is a folder with another Moonshine model; `deadline` is in seconds for a block of at most 15 s.

    Sound whose loudest 10 ms stay under `floor` (dBFS) is silence: it holds no words and is not decoded.
    """

    model: Path | None = None
    architecture: Literal["tiny", "base"] = "tiny"
    deadline: float = Field(10.0, gt=0.0)
    floor: float = Field(-55.0, le=0.0)


class Moonshine:
    """The ear's model, with one thread."""

    Settings = MoonshineSettings

    def __init__(self, name: str, settings: MoonshineSettings, transcriber: Transcriber) -> None:
        self.name = name
        self._floor = settings.floor
        self._transcriber = transcriber
        self._offload = Offload(name, deadline=settings.deadline)

    @staticmethod
    def load(name: str, settings: MoonshineSettings) -> Moonshine:
        """Read the model; blocks about 0.5 s. Raises `EngineUnavailable` when it is missing or damaged."""
        folder = packaged_model() if settings.model is None else settings.model
        remedy = f"Correct engine.{name}.model." if settings.model else "Run `make setup` again to install the model."
        missing = [file for file in _FILES if not (folder / file).is_file()]
        if missing:
            raise EngineUnavailable(f"The speech model in {folder} lacks {', '.join(missing)}.", remedy=remedy)
        try:
            transcriber = Transcriber(folder, _ARCHITECTURES[settings.architecture])
        except (EngineError, OSError) as error:
            raise EngineUnavailable(f"The speech model in {folder} cannot be read.", remedy=remedy) from error
        return Moonshine(name, settings, transcriber)

    @property
    def retired(self) -> bool:
        """Whether a call outlived its deadline, so that a fresh instance should take this one's place."""
        return self._offload.retired

    async def transcribe(self, samples: Samples) -> str:
        """Hear the words in `samples` (shape (n,), float32, 16 kHz); "" for silence or under 0.1 s.

        Raises `EngineTimeout` past the deadline, `EngineError` if the library failed.
        """
        cut = [samples] if len(samples) <= LONGEST else await self._offload.run(blocks, samples)
        texts = [await self._offload.run(self._decode, block) for block in cut]
        return " ".join(text for text in texts if text)

    def _decode(self, block: Samples) -> str:
        if len(block) < _SHORTEST or loudest(block) < self._floor:
            return ""
        return believed(self._transcriber.transcribe(block))

    def describe(self) -> str:
        """One line for the account."""
        return "Moonshine tiny (embedded)"

    async def aclose(self) -> None:
        """Free the model, at the latest when the last decode has ended."""
        self._transcriber.close()
