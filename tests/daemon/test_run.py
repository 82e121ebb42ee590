"""`harry run` as it is started: real processes, real time, recorded speech, scripted mind and voice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.recorded_speech import recording

pytestmark = [pytest.mark.embedded, pytest.mark.recordings]

HARRY = [sys.executable, "-m", "harry.cli.app"]
SCRIPTED = ["--set", "engines.language_model=scripted", "--set", "engines.text_to_speech=scripted"]
TONE, GAP = 0.2, 0.05
Sound = npt.NDArray[np.int16]


def silence(seconds: float) -> Sound:
    return np.zeros(round(16_000 * seconds), np.int16)


def speech(name: str) -> Sound:
    return (recording(name).samples() * 32767).astype(np.int16)


def write_wav(path: Path, *sounds: Sound) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.concatenate(sounds).tobytes())
    return path


def read_wav(path: Path) -> tuple[Sound, int]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()


def voiced(sound: Sound, rate: int) -> npt.NDArray[np.bool_]:
    """For each 10 ms whether its RMS is at least a tenth of the loudest."""
    block = rate // 100
    rms = np.sqrt(np.mean(sound[: len(sound) // block * block].reshape(-1, block).astype(float) ** 2, axis=1))
    return rms >= rms.max() / 10


def first_voiced(sound: Sound, rate: int) -> float:
    """When three voiced stretches of 10 ms follow one another for the first time, in seconds."""
    marks = voiced(sound, rate)
    runs = np.flatnonzero(marks[:-2] & marks[1:-1] & marks[2:])
    return float(runs[0]) / 100


def tones(sound: Sound, rate: int) -> list[tuple[float, float]]:
    """Stretches of sound, begin and end in seconds, to the sample."""
    loud = np.flatnonzero(np.abs(sound.astype(int)) > 0)
    if not loud.size:
        return []
    breaks = np.flatnonzero(np.diff(loud) > rate * GAP / 2)
    starts = loud[np.concatenate([[0], breaks + 1])]
    ends = loud[np.concatenate([breaks, [len(loud) - 1]])] + 1
    return list(zip(starts / rate, ends / rate, strict=True))


def harry(home: Path, *arguments: str, timeout: float = 60, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HARRY_HOME": str(home)}
    return subprocess.run(
        [*HARRY, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        check=False,
        **options,
    )


def converse(
    tmp_path: Path, microphone: Path, *more: str
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    events = tmp_path / "events.jsonl"
    done = harry(
        tmp_path / "home",
        *("run", "--mic", f"wav:{microphone}", "--speaker", f"wav:{tmp_path / 'out.wav'}"),
        *("--events", str(events), "--until-quiet", "1"),
        *more,
    )
    told = [json.loads(line) for line in events.read_text("utf-8").splitlines()] if events.exists() else []
    return done, told


def named(told: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [each for each in told if each["event"] == event and not each.get("partial")]


WORDS = [f"word{first}{second}" for first in "abcdef" for second in "abcdefghij"]
"""Each is said as it is written, with one tone."""


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], float]:
    """A question, a long scripted reply, and recorded speech over it."""
    folder = tmp_path_factory.mktemp("interrupted")
    question, over = speech("0880"), speech("0930")
    microphone = write_wav(folder / "you.wav", silence(0.5), question, silence(4), over, silence(2))
    replies = folder / "replies.txt"
    replies.write_text(" ".join(WORDS) + ".\nSecond reply.\n", "utf-8")
    done, told = converse(folder, microphone, *SCRIPTED, "--set", f"engine.scripted.replies={replies}")
    assert done.returncode == 0, done.stderr
    return folder, told, 0.5 + len(question) / 16_000 + 4 + first_voiced(over, 16_000)


def test_a_recorded_question_is_answered_and_a_recorded_voice_silences_the_answer(
    interrupted: tuple[Path, list[dict[str, Any]], float],
) -> None:
    _, told, _ = interrupted
    assert len(named(told, "transcript")) == 2
    [cut] = named(told, "interrupted")
    assert cut["stale_samples"] == 0
    assert len(named(told, "heard")) == 2
    assert {each["turn"] for each in named(told, "turn_ended")} == {each["turn"] for each in named(told, "heard")}


def test_what_was_heard_is_exactly_what_the_loudspeaker_file_holds(
    interrupted: tuple[Path, list[dict[str, Any]], float],
) -> None:
    folder, told, _ = interrupted
    sound, rate = read_wav(folder / "out.wav")
    cut = named(told, "interrupted")[0]
    first = [end - begin for begin, end in tones(sound, rate) if begin < cut["at"]]
    # The first sample of a sine is zero, and so no sound.
    whole = sum(length >= TONE - 1.5 / rate for length in first)
    heard = named(told, "heard")[0]["text"].split()
    assert heard == WORDS[:whole]


def test_the_loudspeaker_file_is_silent_from_the_cut_to_the_next_reply(
    interrupted: tuple[Path, list[dict[str, Any]], float],
) -> None:
    folder, told, began = interrupted
    sound, rate = read_wav(folder / "out.wav")
    cut, second = named(told, "interrupted")[0]["at"], named(told, "speaking_started")[1]["at"]
    assert began < cut
    between = sound[round((cut + 0.011) * rate) : round((second - 0.011) * rate)]
    assert not np.any(between)
    # He paused at the first voice, and was cut when it had become words.
    assert np.any(sound[round((cut - 0.9) * rate) : round(cut * rate)])


def test_both_files_lie_on_one_clock(interrupted: tuple[Path, list[dict[str, Any]], float]) -> None:
    folder, told, _ = interrupted
    sound, rate = read_wav(folder / "out.wav")
    starts = [begin for begin, _ in tones(sound, rate)]
    for spoke in named(told, "speaking_started"):
        assert min(abs(begin - spoke["at"]) for begin in starts) < 0.1


def test_the_conversation_is_kept_as_it_was_heard(interrupted: tuple[Path, list[dict[str, Any]], float]) -> None:
    folder, _, _ = interrupted
    kept = folder / "home" / "harry.sqlite3"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_silence_alone_ends_quietly_without_a_turn(tmp_path: Path) -> None:
    done, told = converse(tmp_path, write_wav(tmp_path / "in.wav", silence(2)), *SCRIPTED)
    assert done.returncode == 0
    assert [each["event"] for each in told] == ["ready"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["stopped", "interrupted"])
def test_a_stop_signal_ends_in_time_with_all_written(tmp_path: Path, number: signal.Signals) -> None:
    events = tmp_path / "events.jsonl"
    replies = tmp_path / "replies.txt"
    replies.write_text("word " * 200, "utf-8")
    process = subprocess.Popen(
        [*HARRY, "run", "--mic", "none", "--speaker", f"wav:{tmp_path / 'out.wav'}", "--events", str(events),
         *SCRIPTED, "--set", f"engine.scripted.replies={replies}"],
        env={**os.environ, "HARRY_HOME": str(tmp_path / "home")}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write("talk to me\n")
    process.stdin.flush()
    wait_for(events, "speaking_started", process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=5)
    assert process.returncode == 0, errors
    told = [json.loads(line) for line in events.read_text("utf-8").splitlines()]
    assert [each["event"] for each in told[-3:]] == ["interrupted", "heard", "turn_ended"], told
    assert told[-1]["reason"] == "shutdown"


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*HARRY, "run", "--mic", "none", "--speaker", "none", *SCRIPTED, "--events", str(tmp_path / "e.jsonl")],
        env={**os.environ, "HARRY_HOME": str(tmp_path / "home")}, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        wait_for(tmp_path / "e.jsonl", "ready", process)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) in (0, -signal.SIGTERM)


def test_the_end_of_standard_input_does_not_end_harry(tmp_path: Path) -> None:
    microphone = write_wav(tmp_path / "in.wav", silence(1.5))
    done, told = converse(tmp_path, microphone, *SCRIPTED)
    assert done.returncode == 0
    assert len(told) == 1, "he lived until the microphone had ended, though standard input was empty"


def wait_for(events: Path, name: str, process: subprocess.Popen[Any]) -> None:
    """Follow the event file until an event of that name is in it."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if events.exists() and f'"event": "{name}"' in events.read_text("utf-8"):
            return
        if process.poll() is not None:
            pytest.fail(f"harry ended with {process.returncode}")
        time.sleep(0.02)  # another process's file: nothing here can be awaited
    pytest.fail(f"no {name} within 30 seconds")
