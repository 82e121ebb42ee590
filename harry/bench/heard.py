"""What an ear wrote down of a wish that was spoken."""

from __future__ import annotations

from dataclasses import dataclass

from actors.transcriber import Transcriber


@dataclass(frozen=True, slots=True)
class Heard:
    """What the ear wrote, by the id of its utterance; the transcriber can be asked to hear it again."""

    utterance: str
    text: str
    transcriber: Transcriber
