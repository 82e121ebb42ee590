"""Half a minute with Harry, without a microphone.

A recorded question goes through the whole house in real time, is answered into a WAV file and interrupted half-way; a
picture shows who spoke when. Nothing is kept.
"""

# ruff: noqa: PLC0415  # what only the demonstration needs is imported when it runs

from __future__ import annotations

import json
import wave
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from channels.messages import EAR_RATE
from harry.config.loading import Config, RunOptions
from harry.engines import registry
from harry.errors import ConfigurationError, EngineError

QUESTION_AT = 1.0
INTERRUPTION_AT = 10.0
"""Seconds at which the two recordings begin; in between Harry hears silence."""

LISTENED = 15.0
"""Seconds of microphone in all."""

TOKEN_DELAY = 0.04
"""Seconds from one word of a written reply to the next, as a language model on two cores takes."""

Sound = npt.NDArray[np.int16]


def run(config: Config, out: Path) -> int:
    """Hold the demonstration and write it into the folder `out`. Returns the exit code."""
    from harry.daemon import run as daemon
    from harry.demo.timeline import draw

    _refuse_without(config)
    try:
        out.mkdir(parents=True, exist_ok=True)
        microphone, loudspeaker, events = out / "you.wav", out / "harry.wav", out / "events.jsonl"
        write_wav(microphone, load_conversation_half(), EAR_RATE)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {out} cannot be written: {error.strerror}.", remedy="Name another one with --out."
        ) from error
    print(f"You will hear nothing: the conversation takes about half a minute and goes into {out}.")
    if "language_model" not in config.engines.model_fields_set:
        print("What Harry says is written beforehand: this shows how he hears, speaks and falls silent.")
    code = daemon.run(settled(config), RunOptions(f"wav:{microphone}", f"wav:{loudspeaker}", events, 1.0))
    happened = [json.loads(line) for line in events.read_text("utf-8").splitlines()]
    you, harry = read_wav(microphone), read_wav(loudspeaker)
    write_stereo(out / "conversation.wav", you, harry)
    draw(out / "timeline.png", you, harry, happened)
    print(summarize(happened, harry, out))
    return code


def settled(config: Config) -> Config:
    """Keep nothing, and have the replies read from a file unless the configuration names a language model."""
    changes: dict[str, object] = {"memory": config.memory.model_copy(update={"store": "memory"})}
    if "language_model" not in config.engines.model_fields_set:
        replies = {"replies": str(files("harry.demo").joinpath("replies.txt")), "token_delay": TOKEN_DELAY}
        changes["engine"] = {**config.engine, "scripted": {**replies, **config.engine.get("scripted", {})}}
        changes["engines"] = config.engines.model_copy(update={"language_model": ["scripted"]})
    return config.model_copy(update=changes)


def _refuse_without(config: Config) -> None:
    """Raise `ConfigurationError` where there is no ear to hear the question, or no voice to answer with."""
    for role, what in (("speech_to_text", "an ear"), ("text_to_speech", "a voice")):
        troubles = []
        for name in config.chain(role):
            try:
                registry.look(role, name, config.engine_table(name))
            except EngineError as error:
                troubles.append(error)
            else:
                break
        else:
            raise ConfigurationError(f"The demonstration needs {what}.", remedy=troubles[0].remedy)


def load_conversation_half() -> Sound:
    """Load the person's half: both recordings at their places, at `EAR_RATE`, shape (samples,)."""
    sound = np.zeros(round(LISTENED * EAR_RATE), np.int16)
    for name, at in (("question.wav", QUESTION_AT), ("interruption.wav", INTERRUPTION_AT)):
        with files("harry.demo").joinpath(name).open("rb") as file, wave.open(file) as recording:
            samples = np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
        start = round(at * EAR_RATE)
        sound[start : start + len(samples)] = samples[: len(sound) - start]
    return sound


def summarize(happened: list[dict[str, Any]], harry: tuple[Sound, int], out: Path) -> str:
    """Say what there is to look at, and the times that matter. `harry` is what the loudspeaker played, and its rate."""
    from harry.demo.timeline import find_silence

    lines = ["", f"{out / 'timeline.png'}       who spoke when", f"{out / 'conversation.wav'}   you left, Harry right"]
    asked = next((event["at"] for event in happened if event["event"] == "speech_stopped"), None)
    spoke = next((event["at"] for event in happened if event["event"] == "speaking_started"), None)
    cut = next((event for event in happened if event["event"] == "interrupted"), None)
    if asked is not None and spoke is not None:
        lines.append(f"From the end of the question to the first sound: {spoke - asked:.2f} s.")
    if cut is not None:
        voice = max(
            event["at"] for event in happened if event["event"] == "speech_started" and event["at"] <= cut["at"]
        )
        lines.append(
            f"From the first voice over him to his silence: {find_silence(*harry, cut['at']) - voice:.2f} s; "
            f"samples that sounded after it: {cut['stale_samples']}."
        )
    return "\n".join(lines)


def read_wav(path: Path) -> tuple[Sound, int]:
    """Read the samples of a mono 16-bit file, shape (samples,), and its rate in Hz."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()


def write_wav(path: Path, samples: npt.NDArray[np.int16], rate: int) -> None:
    """Write samples, shape (samples,) or (samples, channels), as a 16-bit WAV file at `rate` Hz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def write_stereo(path: Path, you: tuple[Sound, int], harry: tuple[Sound, int]) -> None:
    """Lay both halves side by side, at Harry's rate."""
    import soxr

    mine, rate = harry
    yours = np.asarray(soxr.resample(you[0], you[1], rate), np.int16)
    both = np.zeros((max(len(mine), len(yours)), 2), np.int16)
    both[: len(yours), 0], both[: len(mine), 1] = yours, mine
    write_wav(path, both, rate)
