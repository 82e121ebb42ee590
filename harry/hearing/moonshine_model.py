"""Moonshine's network as blocking calls: an encoder takes the sound in, a decoder spells the words token by token.

Of the package `moonshine-voice` only the model is used. Its library keeps all cores busy
for the whole of a decode, cannot be stopped, and does not say how sure it is; onnxruntime on one core is no slower.
The network is that of https://arxiv.org/abs/2410.15608.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
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

START, END = 1, 2
"""The tokens before the first word and after the last."""

_TOKENS_A_SECOND = 6.5  # more is a loop (the paper, section 3.2)
_SPACE = "\u2581"
_OF_WORDS = ".decoder."
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
        spelled, sure, stops = self._spell(samples, stop)
        said = b"".join(self._tokens[number] for number in spelled).decode(errors="replace")
        pointed = bool(spelled) and _bare(self._tokens[spelled[-1]]) in _STOPS | {b","}
        return Spelled(said.replace(_SPACE, " ").strip(), sure, stops[len(spelled) - 1 if pointed else -1])

    def _spell(self, samples: Samples, stop: Stop) -> tuple[list[int], list[float], list[float]]:
        decoding = self.begin(samples, stop)
        spelled, sure, stops, token = [], [], list[float](), START
        for _ in range(decoding.most):
            likely = _probabilities(decoding.step([token])[0])
            stops.append(float(likely[self._stops].sum()))
            token = int(likely.argmax())
            if token == END:
                break
            spelled.append(token)
            sure.append(float(likely[token]))
        return spelled, sure, stops

    def begin(self, samples: Samples, stop: Stop) -> Decoding:
        """Take a sound in. What is stopped raises."""
        sound = np.ascontiguousarray(samples, np.float32)[np.newaxis]
        mask = np.ones(sound.shape, np.int64)
        heard = self._encoder.run(None, {"input_values": sound, "attention_mask": mask}, stop.options)[0]
        memory = {
            name: np.zeros((1, heads, 0 if _OF_WORDS in name else heard.shape[1], width), np.float32)
            for name, (heads, width) in self._memory.items()
        }
        run = partial(self._decoder.run, self._outputs, run_options=stop.options)
        return Decoding(run, self._outputs[1:], heard, mask, memory)

    def spelling(self, token: int) -> str:
        """Return what a token spells, with a space before it where it begins a word."""
        return self._tokens[token].decode(errors="replace").replace(_SPACE, " ")


class Decoding:
    """A sound that is being spelled, in one way or in several at once."""

    def __init__(
        self, run: Callable[..., Any], names: Sequence[str], heard: Samples, mask: Any, memory: dict[str, Any]
    ) -> None:
        self.most = 1 + int(mask.shape[1] / EAR_RATE * _TOKENS_A_SECOND)
        self._run = run
        self._names = names
        self._heard, self._mask, self._memory = heard, mask, memory
        self._sound = heard, mask  # for as many ways as were followed last
        self._begun = False

    def step(self, tokens: Sequence[int], continued: Sequence[int] | None = None) -> Samples:
        """Return how likely each next token is (logits, a row for each way), once `tokens` are added.

        `continued` says which way before each goes on with; None: each with itself.
        """
        many = len(tokens)
        if len(self._sound[0]) != many:
            self._sound = np.repeat(self._heard, many, 0), np.repeat(self._mask, many, 0)
        if continued is not None:
            self._memory = {name: kept[list(continued)] for name, kept in self._memory.items()}
        logits, *present = self._run(
            {
                "encoder_hidden_states": self._sound[0],
                "encoder_attention_mask": self._sound[1],
                "input_ids": np.array(tokens, np.int64)[:, np.newaxis],
                "use_cache_branch": np.array([self._begun]),
                **self._memory,
            }
        )
        for name, kept in zip(self._names, present, strict=True):
            if not self._begun or _OF_WORDS in name:  # what is known of the sound does not change any more
                self._memory[name.replace("present", "past_key_values")] = kept
        self._begun = True
        likely: Samples = logits[:, -1]
        return likely


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
