"""Bad input as a person meets it: `harry run` and `harry ask` as processes, each ending in one sentence and a code.

Scripted engines, real time, recorded nothing: a second of tone stands for a voice. What a device, a store or an engine
does with bad input by itself is held by its own tests.
"""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trio.testing import MockClock

from channels.clock import AudioClock
from channels.gate import Gate
from harry.audio.wav import WavLoudspeaker
from harry.errors import DeviceError

HARRY = [sys.executable, "-m", "harry.cli.app"]
SCRIPTED = [
    *("--set", "engines.language_model=scripted", "--set", "engines.text_to_speech=scripted"),
    *("--set", "engines.speech_to_text=scripted", "--set", "engines.voice_activity=energy"),
]
QUIET = ["--until-quiet", "0.3"]
SILENT = ["--mic", "none", "--speaker", "none"]
PATIENCE = 30
"""Seconds after which a process counts as stuck."""

Run = subprocess.CompletedProcess[str]


def harry(home: Path, *arguments: str, **options: Any) -> Run:
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    environment = {**os.environ, "HARRY_HOME": str(home)}
    return subprocess.run([*HARRY, *arguments], env=environment, text=True, timeout=PATIENCE, check=False, **options)


def run(home: Path, *arguments: str, **options: Any) -> Run:
    return harry(home, "run", *QUIET, *SCRIPTED, *arguments, **options)


def said(done: Run) -> str:
    """The one sentence on standard error, beside the lines of the log. Fails on a traceback."""
    lines = done.stderr.splitlines()
    assert not any("Traceback" in line or line.startswith("  ") for line in lines), done.stderr
    sentences = [line for line in lines if line.startswith("harry: ")]
    assert len(sentences) <= 1, done.stderr
    return sentences[0].removeprefix("harry: ") if sentences else ""


def tone(seconds: float, rate: int = 16_000) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * 400 * np.arange(round(seconds * rate)) / rate)


def utterance(rate: int = 16_000) -> np.ndarray:
    silence = np.zeros(rate // 5)
    return np.concatenate([silence, tone(0.5, rate), silence, silence, silence, silence])


def write_wav(path: Path, sound: np.ndarray, rate: int = 16_000, channels: int = 1, width: int = 2) -> Path:
    scaled = (sound * 127 + 128).astype(np.uint8) if width == 1 else (sound * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.repeat(scaled, channels).tobytes())
    return path


def events_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@contextmanager
def background(home: Path, *arguments: str, stdin: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """A Harry that runs until he is told to stop, and is killed if he does not."""
    process = subprocess.Popen(
        [*HARRY, "run", *SCRIPTED, *arguments], env={**os.environ, "HARRY_HOME": str(home)}, text=True,
        stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for what another process does; nothing of it can be awaited."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


# WAV files


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: no such file or directory."),
        (b"", "is empty."),
        (b"Dear diary, ", "is not a WAV file."),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "breaks off before its sound begins."),
    ],
    ids=["missing", "empty", "text", "half a header"],
)
def test_a_microphone_file_that_cannot_be_read_stops_the_start(
    content: bytes | None, says: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "in.wav").write_bytes(content)
    done = run(tmp_path / "home", "--mic", f"wav:{tmp_path / 'in.wav'}", "--speaker", "none")
    assert done.returncode == 2
    assert says in said(done)


@pytest.mark.parametrize(
    ("rate", "channels", "width"), [(16_000, 1, 1), (44_100, 2, 2), (8_000, 1, 2)], ids=["8 bit", "stereo", "8 kHz"]
)
def test_a_microphone_file_of_any_form_is_heard(rate: int, channels: int, width: int, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "in.wav", utterance(rate), rate, channels, width)
    done = run(tmp_path / "home", "--mic", f"wav:{path}", "--speaker", "none", "--events", str(tmp_path / "e"))
    assert (done.returncode, said(done)) == (0, "")
    [stopped] = [each for each in events_of(tmp_path / "e") if each["event"] == "speech_stopped"]
    assert stopped["at"] == pytest.approx(0.7, abs=0.1)


def test_a_truncated_microphone_file_is_heard_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "in.wav", utterance())
    path.write_bytes(path.read_bytes()[: 44 + 2 * 16_000 * 6 // 10])
    done = run(tmp_path / "home", "--mic", f"wav:{path}", "--speaker", "none", "--events", str(tmp_path / "e"))
    assert (done.returncode, said(done)) == (0, "")
    assert [each["event"] for each in events_of(tmp_path / "e")].count("turn_ended") == 1


def test_a_microphone_file_without_a_sample_ends_quietly(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "in.wav", np.zeros(0))
    done = run(tmp_path / "home", "--mic", f"wav:{path}", "--speaker", "none", "--events", str(tmp_path / "e"))
    assert (done.returncode, said(done)) == (0, "")
    assert [each["event"] for each in events_of(tmp_path / "e")] == ["ready"]


def test_without_a_microphone_harry_reads_and_ends_when_nothing_is_left_to_say(tmp_path: Path) -> None:
    done = harry(
        tmp_path / "home", "run", *SILENT, *QUIET, *SCRIPTED, "--events", str(tmp_path / "e"),
        stdin=None, input="hello\n",
    )  # fmt: skip
    assert (done.returncode, said(done)) == (0, "")
    assert "I heard you." in done.stdout


@pytest.mark.parametrize("way", ["the same path", "a link", "a hard link"])
def test_one_file_cannot_be_microphone_and_loudspeaker_and_stays_as_it_was(way: str, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "both.wav", utterance())
    other = path if way == "the same path" else tmp_path / "other.wav"
    if way == "a link":
        other.symlink_to(path)
    elif way == "a hard link":
        other.hardlink_to(path)
    before = path.read_bytes()
    done = run(tmp_path / "home", "--mic", f"wav:{path}", "--speaker", f"wav:{other}")
    assert done.returncode == 2
    assert "cannot be both the microphone and the loudspeaker" in said(done)
    assert path.read_bytes() == before


def test_the_event_file_cannot_be_the_recording(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "in.wav", utterance())
    before = path.read_bytes()
    done = run(tmp_path / "home", "--mic", f"wav:{path}", "--speaker", "none", "--events", str(path))
    assert done.returncode == 2
    assert "cannot be both the microphone and the event file" in said(done)
    assert path.read_bytes() == before


# Names that do not exist, files that are broken


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--mic", "the moon", "--speaker", "none", *SCRIPTED], "There is no microphone 'the moon'."),
        (["run", "--mic", "none", "--speaker", "the moon", *SCRIPTED], "There is no loudspeaker 'the moon'."),
        (["run", *SILENT, "--set", "engines.language_model=oracle"], "'oracle'"),
        (["run", *SILENT, "--set", "enginez.language_model=scripted"], "enginez"),
        (["run", *SILENT, "--set", "engine.scripted.replys=x", *SCRIPTED], "Did you mean 'replies'?"),
        (["soc", "2026-02-30"], "2026-02-30"),
        (["ask", "hello", "--set", "engines.language_model=oracle"], "'oracle'"),
    ],
    ids=["microphone", "loudspeaker", "engine", "section", "key", "date", "engine of ask"],
)
def test_a_name_that_does_not_exist_stops_the_start(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = harry(tmp_path / "home", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.embedded
@pytest.mark.parametrize("content", [None, b"", b"\x08\x07" * 5000], ids=["missing", "empty", "corrupt"])
@pytest.mark.parametrize(
    ("role", "engine", "key"),
    [
        ("speech_to_text", "moonshine", "model"),
        ("text_to_speech", "piper", "voice"),
        ("voice_activity", "silero", "model"),
        ("language_model", "gguf", "path"),
    ],
)
def test_a_named_engine_whose_model_is_missing_or_corrupt_stops_the_start(
    role: str, engine: str, key: str, content: bytes | None, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    if content is not None and role == "speech_to_text":
        model.mkdir()
        for name in ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"):
            (model / name).write_bytes(content)
    elif content is not None:
        model.write_bytes(content)
        (tmp_path / "model.json").write_bytes(content)
    done = run(
        tmp_path / "home", *SILENT, "--set", f"engines.{role}={engine}", "--set", f"engine.{engine}.{key}={model}"
    )
    assert done.returncode == 2, done.stderr
    assert str(model) in said(done) or "cannot be loaded" in said(done)


def test_a_file_of_replies_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    done = run(tmp_path / "home", *SILENT, "--set", f"engine.scripted.replies={tmp_path}")
    assert done.returncode == 2
    assert str(tmp_path) in said(done)


def test_an_ear_that_cannot_serve_keeps_no_run_waiting_for_the_end_of_a_recording(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "in.wav", utterance())
    done = run(
        tmp_path / "home", "--mic", f"wav:{path}", "--speaker", "none",
        "--set", 'engines.speech_to_text=["moonshine", "moonshine"]', "--set", f"engine.moonshine.model={tmp_path}",
    )  # fmt: skip
    assert (done.returncode, said(done)) == (0, "")
    assert "There is no speech recognition: type what you want to say." in done.stdout


# Replies


@pytest.mark.parametrize("reply", ["word", "word " * 20_000], ids=["a word", "100 kB"])
def test_ask_prints_a_reply_of_any_length(reply: str, tmp_path: Path) -> None:
    (tmp_path / "replies").write_text(reply, "utf-8")
    done = harry(
        tmp_path / "home", "ask", "talk to me",
        "--set", "engines.language_model=scripted", "--set", f"engine.scripted.replies={tmp_path / 'replies'}",
    )  # fmt: skip
    assert (done.returncode, said(done)) == (0, "")
    assert done.stdout.split() == reply.split()


def test_a_reply_without_words_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "replies").write_text("", "utf-8")
    done = harry(
        tmp_path / "home", "ask", "talk to me",
        "--set", "engines.language_model=scripted", "--set", f"engine.scripted.replies={tmp_path / 'replies'}",
    )  # fmt: skip
    assert done.returncode == 1
    assert "another mind" in said(done)


# Where things are written


BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Makes of root a user whom the modes of files bind like everybody else."""


@pytest.mark.parametrize("before", [False, True], ids=["nothing in it yet", "used before"])
def test_in_a_read_only_folder_harry_converses_and_says_that_nothing_is_kept(
    before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.HARRY", [*BOUND, *HARRY])
    home = tmp_path / "home"
    home.mkdir()
    if before:
        assert run(home, *SILENT).returncode == 0
        for file in home.iterdir():
            file.chmod(0o400)
    home.chmod(0o500)
    held = sorted(home.iterdir())
    try:
        done = run(home, *SILENT, stdin=None, input="hello\n")
        assert (done.returncode, said(done)) == (0, ""), done.stderr
        assert "I heard you." in done.stdout
        assert "nothing is kept" in done.stdout
        asked = harry(home, "ask", "hello", *SCRIPTED[:2])
        # The answer is given, and not acknowledged.
        assert (asked.returncode, asked.stdout.strip()) == (1, "I heard you."), asked.stderr
        assert "The answer is not kept" in asked.stderr
        assert "crashed" not in asked.stderr
        assert sorted(home.iterdir()) == held
    finally:
        home.chmod(0o700)


@pytest.mark.parametrize(
    ("where", "says"),
    [("missing/e", "No such file or directory"), (".", "Is a directory"), ("pipe", "No such device or address")],
)
def test_an_event_path_that_cannot_be_written_stops_the_start(where: str, says: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = run(tmp_path / "home", *SILENT, "--events", str(tmp_path / where))
    assert done.returncode == 2
    assert says in said(done)


def test_events_can_be_read_from_a_named_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()), daemon=True)
    keeper = os.open(tmp_path / "pipe", os.O_RDWR)  # so that the reader is there before the writer
    reader.start()
    try:
        done = run(tmp_path / "home", *SILENT, "--events", str(tmp_path / "pipe"))
    finally:
        os.close(keeper)
    reader.join(PATIENCE)
    assert done.returncode == 0
    assert [json.loads(line)["event"] for line in read[0].splitlines()] == ["ready"]


def test_a_disk_that_is_full_for_the_event_file_is_told_and_the_conversation_goes_on(tmp_path: Path) -> None:
    done = run(tmp_path / "home", *SILENT, "--events", "/dev/full", stdin=None, input="hello\n")
    assert (done.returncode, said(done)) == (0, "")
    assert "I heard you." in done.stdout
    assert done.stderr.count("No space left on device") == 1
    with sqlite3.connect(tmp_path / "home" / "harry.sqlite3") as kept:
        assert kept.execute("SELECT count(*) FROM turn").fetchone() == (1,)


class FullDisk(io.RawIOBase):
    """A file to which nothing can be added any more."""

    def seek(self, *where: int) -> int:
        return 0

    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_disk_that_is_full_for_the_loudspeaker_file_is_told_in_a_sentence(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    clock = AudioClock()
    clock.start()
    loudspeaker = WavLoudspeaker(tmp_path / "out.wav", clock, 8000)
    loudspeaker._writer._file = FullDisk()  # type: ignore[assignment]
    with pytest.raises(DeviceError, match="cannot be written: no space left on device"):
        await loudspeaker.play(Gate(8000))


# Standard input and output


def test_a_closed_standard_input_is_no_trouble(tmp_path: Path) -> None:
    done = run(tmp_path / "home", *SILENT, stdin=None, preexec_fn=lambda: os.close(0))
    assert (done.returncode, said(done)) == (0, "")


def test_a_closed_standard_output_is_no_trouble(tmp_path: Path) -> None:
    done = run(tmp_path / "home", *SILENT, stdout=None, preexec_fn=lambda: os.close(1))
    assert (done.returncode, said(done)) == (0, "")


def test_a_closed_standard_error_is_no_trouble(tmp_path: Path) -> None:
    done = run(tmp_path / "home", *SILENT, stderr=None, preexec_fn=lambda: os.close(2))
    assert done.returncode == 0
    assert "Mind (language model): scripted replies." in done.stdout


def test_a_reader_that_has_gone_does_not_end_harry(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run(tmp_path / "home", *SILENT, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


# Two at once, and the end


def test_a_second_harry_on_one_folder_is_refused_and_leaves_the_events_of_the_first(tmp_path: Path) -> None:
    events = tmp_path / "events"
    with background(tmp_path / "home", *SILENT, "--events", str(events)) as first:
        until(lambda: events.exists() and bool(events.read_text()), first)
        before = events.read_text()
        second = run(tmp_path / "home", *SILENT, "--events", str(events))
        assert second.returncode == 1
        assert said(second).startswith(f"Another Harry (process {first.pid}) uses {tmp_path / 'home'}.")
        assert events.read_text() == before
        first.terminate()
        assert first.wait(5) == 0


def test_a_signal_while_the_engines_are_loaded_ends_harry_at_once(tmp_path: Path) -> None:
    """A moment after the folder was locked, when the engines are being loaded or have just been."""
    home = tmp_path / "home"
    with background(home, *SILENT) as process:
        until(lambda: any(home.glob("*.sqlite3")) if home.exists() else False, process)
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_nothing_that_was_acknowledged_is_lost_by_a_stop(tmp_path: Path) -> None:
    events = tmp_path / "events"
    with background(tmp_path / "home", *SILENT, "--events", str(events)) as process:
        assert process.stdin is not None
        process.stdin.write("hello\n" * 20)
        process.stdin.flush()
        until(lambda: events.exists() and '"turn_ended"' in events.read_text(), process)
        process.terminate()
        assert process.wait(5) == 0
    told = events_of(events)
    acknowledged = {each["turn"] for each in told if each["event"] == "turn_ended"}
    with sqlite3.connect(tmp_path / "home" / "harry.sqlite3") as kept:
        assert acknowledged <= {turn for (turn,) in kept.execute("SELECT id FROM turn")}
    assert len(acknowledged) == len([each for each in told if each["event"] == "turn_ended"]) > 0
