"""A Piper voice as blocking calls: text to phonemes (espeak-ng), phonemes to sound and their lengths (onnxruntime).

Piper's own loader neither bounds the threads nor passes the switch that stops a run, so the session is made here. The
model file stays as it is; the durations are made an output of the copy in memory.
"""

from __future__ import annotations

import functools
import json
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import structlog
from piper import PiperConfig, PiperVoice
from piper.const import BOS, PAD

from actors.protocols import Samples
from harry.voice.word_times import SOUNDLESS, spread_ends

_log = structlog.get_logger(__name__)

_WORDS_REMEMBERED = 4096


class Run:
    """The switch that stops one or more calls of `PiperModel.say`."""

    def __init__(self) -> None:
        self.options = onnxruntime.RunOptions()

    def stop(self) -> None:
        """End what runs with this, and whatever would start with it. From any thread."""
        self.options.terminate = True


class Utterance(NamedTuple):
    """Sound in -1..1 (shape (n,)), the phonemes in it, and the sample at which each of them ends."""

    samples: Samples
    phonemes: list[str]
    ends: list[int]


class PiperModel:
    """One loaded voice. `rate` is in Hz, `language` a tag such as "en-us"."""

    def __init__(self, model: Path, config: Path, *, threads: int) -> None:
        """Load; blocks one to two seconds. For a damaged file it raises whatever the libraries raise."""
        settings = PiperConfig.from_dict(json.loads(config.read_text(encoding="utf-8")))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A waiting thread must not burn the processor that the language model needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(_with_durations(model), options, providers=["CPUExecutionProvider"])
        self._voice = PiperVoice(session=session, config=settings)
        self.rate = int(settings.sample_rate)
        self.language = str(settings.espeak_voice)
        self.word_phonemes = functools.lru_cache(_WORDS_REMEMBERED)(self._word_phonemes)

    def phonemes(self, text: str) -> list[str]:
        """How the voice says `text`, as one sentence. Phonemes that the model does not know are left out."""
        known = self._voice.config.phoneme_id_map
        # Two brackets would switch Piper to phonemes written by hand.
        said = self._voice.phonemize(text.replace("[[", "[ ["))
        joined: list[str] = []
        for part in said:
            if joined:
                # espeak takes the point of an abbreviation for the end of a sentence; the text was cut there already.
                if joined[-1] == ".":
                    joined.pop()
                joined.append(" ")
            joined.extend(phoneme for phoneme in part if phoneme in known)
        return joined

    def _word_phonemes(self, word: str) -> tuple[str, ...]:
        return tuple(self.phonemes(word))

    def say(self, phonemes: list[str], length_scale: float | None, run: Run) -> Utterance:
        """Make the sound. `run.stop()` in another thread ends it with an exception within some 20 ms."""
        config = self._voice.config
        ids = self._voice.phonemes_to_ids(phonemes)
        scales = [config.noise_scale, length_scale or config.length_scale, config.noise_w_scale]
        feed: dict[str, Any] = {
            "input": np.array([ids], dtype=np.int64),
            "input_lengths": np.array([len(ids)], dtype=np.int64),
            "scales": np.array(scales, dtype=np.float32),
        }
        if config.num_speakers > 1:
            feed["sid"] = np.array([config.default_speaker_id], dtype=np.int64)
        sound, *durations = self._voice.session.run(None, feed, run.options)
        samples = np.asarray(sound, dtype=np.float32).reshape(-1)
        if durations:
            ends = self._ends(phonemes, np.asarray(durations[0]).reshape(-1) * config.hop_length)
        else:
            ends = spread_ends(len(phonemes), len(samples))
        return Utterance(samples, phonemes, [min(end, len(samples)) for end in ends])

    def _ends(self, phonemes: list[str], lengths: Any) -> list[int]:
        """Add up the lengths of the ids that stand for each phoneme, with the padding after it."""
        ids = self._voice.config.phoneme_id_map
        counts = [len(ids[phoneme]) + len(ids[PAD]) for phoneme in chain([BOS], phonemes)]
        after = np.append(0, np.cumsum(lengths)).astype(np.int64)
        places = np.cumsum(counts)
        return [int(after[min(place, len(after) - 1)]) for place in places[1:]]


def is_speakable(phonemes: list[str]) -> bool:
    """Return whether there is anything to be heard in them."""
    return any(phoneme not in SOUNDLESS for phoneme in phonemes)


def _with_durations(model: Path) -> bytes | str:
    """Read the model and make its phonemes' durations a second output; as it is without the package `onnx`."""
    try:
        import onnx  # noqa: PLC0415  (an extra of Piper's: without it word times are estimates)
        from piper.patch_voice_with_alignment import add_alignment_output  # noqa: PLC0415
    except ImportError:
        _log.warning("piper: word times are estimated", reason="the package onnx is not installed")
        return str(model)
    graph = onnx.load(str(model))
    try:
        add_alignment_output(graph)
    except ValueError as error:
        # Either the file has the output already, or it has no durations at all.
        if len(graph.graph.output) < 2:
            _log.warning("piper: word times are estimated", reason=str(error))
    serialised: bytes = graph.SerializeToString()
    return serialised
