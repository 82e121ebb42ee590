"""Moonshine's network as blocking calls: an encoder takes the sound in, a decoder spells the words token by token.

Of the package `moonshine-voice` only the model is used. Its library keeps all cores busy
for the whole of a decode, cannot be stopped, and does not say how sure it is; onnxruntime on one core is no slower.
The network is that of https://arxiv.org/abs/2410.15608.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime

from actors.protocols import Samples
from channels.messages import EAR_RATE
from harry.errors import EngineUnavailable
from harry.installation import how_to_install

FILES = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")
"""What a folder with a model holds."""

_START, _END = 1, 2
_TOKENS_A_SECOND = 6.5  # more is a loop (the paper, section 3.2)
_SPACE = "\u2581"
_STOPS = frozenset({b".", b"?", b"!"})


def find_packaged_model() -> Path:
    """Find the folder of the English model that comes with the package. Raises `EngineUnavailable`."""
    spec = find_spec("moonshine_voice")
    if spec is None or spec.origin is None:
        raise EngineUnavailable("The speech model is not installed.", remedy=how_to_install())
    return Path(spec.origin).parent / "assets" / "tiny-en"


class Stop:
    """Ends a decode that runs, from any thread and at once. Made for one decode."""

    def __init__(self) -> None:
        self.options = onnxruntime.RunOptions()

    def __call__(self) -> None:
        """End it."""
        self.options.terminate = True


class Spelled(NamedTuple):
    """What a decode gave: the words, each token's probability, and that of a full stop behind the last word."""

    text: str
    sure: list[float]
    stops: float


class Model:
    """One loaded model on one core. Its calls may come from several threads."""

    def __init__(self, folder: Path) -> None:
        """Load encoder, decoder and tokens. Raises what onnxruntime raises, `OSError` or `ValueError`."""
        self._encoder, self._decoder = (_session(folder / file) for file in FILES[:2])
        self._tokens = read_tokens((folder / FILES[2]).read_bytes())
        self._stops = [number for number, token in enumerate(self._tokens) if _bare(token) in _STOPS]
        # A key and a value for each layer, of the words so far and of the sound: (1, heads, length, width).
        self._memory = {
            given.name: (given.shape[1], given.shape[3])
            for given in self._decoder.get_inputs()
            if given.name.startswith("past_key_values.")
        }
        self._outputs = [output.name for output in self._decoder.get_outputs()]

    def read(self, samples: Samples, stop: Stop) -> Spelled:
        """Spell the words in `samples`, at `EAR_RATE`. What is stopped raises."""
        spelled, sure, stops = self._spell(np.ascontiguousarray(samples, np.float32)[np.newaxis], stop)
        said = b"".join(self._tokens[number] for number in spelled).decode(errors="replace")
        pointed = bool(spelled) and _bare(self._tokens[spelled[-1]]) in _STOPS | {b","}
        return Spelled(said.replace(_SPACE, " ").strip(), sure, stops[len(spelled) - 1 if pointed else -1])

    def _spell(self, sound: Samples, stop: Stop) -> tuple[list[int], list[float], list[float]]:
        mask = np.ones(sound.shape, np.int64)
        heard = self._encoder.run(None, {"input_values": sound, "attention_mask": mask}, stop.options)[0]
        known: dict[str, Any] = {"encoder_hidden_states": heard, "encoder_attention_mask": mask}
        memory = {
            name: np.zeros((1, heads, 0 if ".decoder." in name else heard.shape[1], width), np.float32)
            for name, (heads, width) in self._memory.items()
        }
        spelled, sure, stops, token = [], [], list[float](), _START
        for number in range(1 + int(sound.shape[1] / EAR_RATE * _TOKENS_A_SECOND)):
            known["input_ids"] = np.array([[token]], np.int64)
            known["use_cache_branch"] = np.array([number > 0])
            logits, *present = self._decoder.run(self._outputs, {**known, **memory}, stop.options)
            for name, kept in zip(self._outputs[1:], present, strict=True):
                if number == 0 or ".decoder." in name:  # what is known of the sound does not change any more
                    memory[name.replace("present", "past_key_values")] = kept
            likely = _probabilities(logits[0, -1])
            stops.append(float(likely[self._stops].sum()))
            token = int(likely.argmax())
            if token == _END:
                break
            spelled.append(token)
            sure.append(float(likely[token]))
        return spelled, sure, stops


def read_tokens(data: bytes) -> list[bytes]:
    """Read what each token spells: its length in one byte, or in two if the first is over 127, and its bytes."""
    found, at = [], 0
    while at < len(data):
        length = data[at]
        at += 1
        if length > 127:
            length += 128 * (data[at] - 1)
            at += 1
        if at + length > len(data):
            raise ValueError("a token is cut off")
        found.append(data[at : at + length])
        at += length
    return found


def _probabilities(logits: Samples) -> Samples:
    likely: Samples = np.exp(logits - logits.max())
    likely /= likely.sum()
    return likely


def _bare(token: bytes) -> bytes:
    return token.removeprefix(_SPACE.encode())


def _session(model: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what fails is raised, and what is stopped is no failure
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
