"""A virtual sound card: a PulseAudio of the tests' own, whose microphone can be fed and whose loudspeaker recorded.

A test module that needs it says `pytest_plugins = ["tests.support.virtual_soundcard"]` and asks for the fixture
`soundcard`. It also imports the helpers below, before pytest meets the plug-in: hence PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import trio

Sound = npt.NDArray[np.float32]

RATE = 16_000
"""Hz of what the tests feed and record."""

_MODULES = """
load-module module-native-protocol-unix socket={folder}/native auth-anonymous=1
load-module module-null-sink sink_name=speaker rate=48000 sink_properties=device.description=Parlour
load-module module-null-sink sink_name=micfeed rate=48000 sink_properties=device.description=Attic
load-module module-remap-source source_name=mic master=micfeed.monitor source_properties=device.description=Bureau
set-default-sink speaker
set-default-source mic
"""

_OPTIONS = (
    *("--daemonize=no", "--disallow-exit", "--exit-idle-time=-1", "--realtime=no", "--high-priority=no"),
    *("--log-level=info", "--log-target=stderr"),
)

# PulseAudio is ALSA's default here, and so PortAudio's.
_ALSA = """
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
"""


@dataclass
class Card:
    """What a test does with the card. `environment` is what a program needs to find it."""

    environment: dict[str, str]
    daemon: subprocess.Popen[str] = field(repr=False)

    async def speak(self, sound: Sound) -> None:
        """Play mono sound at `RATE` in front of the microphone; returns when it is over."""
        command = ["pacat", "--device=micfeed", f"--rate={RATE}", "--channels=1", "--format=float32le", "--raw"]
        await trio.run_process([*command, "--latency-msec=50"], stdin=sound.astype("<f4").tobytes(), env=self._env())

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[Recording]:
        """Record the loudspeaker while the block lasts."""
        command = ["parec", "--device=speaker.monitor", f"--rate={RATE}", "--channels=1", "--format=float32le", "--raw"]
        async with trio.open_nursery() as nursery:
            run = partial(trio.run_process, stdout=subprocess.PIPE, check=False, env=self._env())
            process = await nursery.start(run, [*command, "--latency-msec=100"])
            recording = Recording(process.stdout)
            nursery.start_soon(recording.run)
            await recording.more(0.1)
            yield recording
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def looped(self, level: float | None) -> AsyncIterator[None]:
        """Let the microphone hear the loudspeaker: as it is after 100 ms, or through a room (`pulse_room`)."""
        if level is not None:
            async with trio.open_nursery() as nursery:
                command = [sys.executable, "-m", "tests.support.pulse_room", str(level)]
                run = partial(trio.run_process, check=False, env=self._env())
                await nursery.start(run, command)
                yield
                nursery.cancel_scope.cancel()
            return
        load = ["pactl", "load-module", "module-loopback", "source=speaker.monitor", "sink=micfeed", "latency_msec=100"]
        module = (await trio.run_process(load, capture_stdout=True, env=self._env())).stdout.decode().strip()
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                await trio.run_process(["pactl", "unload-module", module], check=False, env=self._env())

    def _env(self) -> dict[str, str]:
        return {**os.environ, **self.environment}


class Recording:
    """What the loudspeaker has played so far."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._data = bytearray()
        self._came = trio.Event()

    async def run(self) -> None:
        async with self._stream:
            async for data in self._stream:
                self._data += data
                self._came.set()
                self._came = trio.Event()

    async def more(self, seconds: float) -> None:
        """Wait until so much more has been recorded."""
        until = len(self._data) + int(seconds * RATE) * 4
        while len(self._data) < until:
            await self._came.wait()

    @property
    def sound(self) -> Sound:
        return np.frombuffer(bytes(self._data[: len(self._data) // 4 * 4]), dtype="<f4")


def babble(seed: int, seconds: float, rate: int = RATE) -> Sound:
    """Noise between 200 and 3000 Hz, where speech has most of its energy; a seed is one sound, at whatever rate."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(int(seconds * RATE)))
    frequencies = np.fft.rfftfreq(int(seconds * RATE), 1 / RATE)
    spectrum[(frequencies < 200) | (frequencies > 3000)] = 0
    sound = np.fft.irfft(spectrum, int(seconds * rate))
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def likeness(source: Sound, recording: Sound, piece: float = 0.25) -> npt.NDArray[np.float64]:
    """How well each piece of the source (seconds) is found anywhere in the recording: its best correlation, 0..1.

    By pieces, so that a hiccup of the machine that runs the tests costs the piece in which it fell, not all of them.
    """
    size = int(piece * RATE)
    padded = np.concatenate([recording, np.zeros(size)]).astype(np.float64)
    energy = np.cumsum(np.concatenate([[0.0], padded**2]))
    norms = np.sqrt(np.maximum(energy[size:] - energy[:-size], 1e-9))[: len(recording)]
    spectrum = np.fft.rfft(padded)
    best = []
    for at in range(0, len(source) - size + 1, size):
        part = source[at : at + size].astype(np.float64)
        scores = np.fft.irfft(spectrum * np.conj(np.fft.rfft(part, len(padded))), len(padded))[: len(norms)]
        best.append((scores / norms).max() / np.linalg.norm(part))
    return np.array(best)


def _missing() -> str:
    for program in ("pulseaudio", "pacat", "parec", "pactl"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if ctypes.util.find_library("portaudio") is None:
        return "libportaudio2 is not installed"
    return ""


@contextmanager
def a_card(folder: Path) -> Iterator[Card]:
    """Start a PulseAudio of our own in a folder of its own, and end it."""
    missing = _missing()
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"{missing}: make system-packages")
    assert not missing, f"{missing}, and under CI=true nothing is skipped"
    (folder / "runtime").mkdir(mode=0o700)
    (folder / "daemon.pa").write_text(_MODULES.format(folder=folder))
    (folder / "asound.conf").write_text(_ALSA)
    daemon = subprocess.Popen(
        ["pulseaudio", "-n", "-F", str(folder / "daemon.pa"), *_OPTIONS],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder / "runtime"), "HOME": str(folder)},
        stderr=subprocess.PIPE,
        text=True,
    )
    ready = threading.Event()
    said: list[str] = []

    def read() -> None:
        assert daemon.stderr is not None
        for line in daemon.stderr:
            said.append(line)
            if "startup complete" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(30), "PulseAudio did not start in time"
        assert daemon.poll() is None, "PulseAudio did not start: " + "".join(said[-5:])
        yield Card(
            {
                "PULSE_SERVER": f"unix:{folder}/native",
                "PULSE_COOKIE": str(folder / "cookie"),
                "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
                "SDL_AUDIODRIVER": "pulseaudio",
            },
            daemon,
        )
    finally:
        daemon.terminate()
        daemon.wait(10)
        reader.join(10)
        assert daemon.stderr is not None
        daemon.stderr.close()


@pytest.fixture(scope="session")
def soundcard_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Card]:
    """The card that all tests share."""
    with a_card(tmp_path_factory.mktemp("card")) as card:
        yield card


@pytest.fixture
def soundcard(soundcard_daemon: Card, monkeypatch: pytest.MonkeyPatch) -> Card:
    """The card, found by this process and its children."""
    for name, value in soundcard_daemon.environment.items():
        monkeypatch.setenv(name, value)
    return soundcard_daemon
