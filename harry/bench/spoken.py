"""Wishes said aloud by several voices of this computer, and written down by the embedded ear.

The ear is given what it is given in a session: what the listener cuts out, by way of a transcriber.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
import trio

from actors.pcm import to_samples
from actors.protocols import SpeechToText
from actors.transcriber import Transcriber
from channels.clock import AudioClock
from channels.events import EventStream
from channels.messages import EAR_RATE, Chunk, Speech, Transcript
from channels.turn import new_id
from harry.bench.heard import Heard
from harry.engines.lease import EnginePool
from harry.hearing.moonshine import Moonshine, MoonshineSettings
from harry.voice.piper import Piper, PiperSettings

Sound = npt.NDArray[np.float32]

_PROGRAMS = {
    "flite": ["-voice", "slt", "--setf", "duration_stretch=1.2", "-o", "{path}", "-t", "{text}"],
    "espeak-ng": ["-v", "en-us", "-s", "140", "-w", "{path}", "--", "{text}"],
}
"""Other voices, where they are installed, as they say a text into a file: as slowly as people speak to a machine."""

_PATIENT = MoonshineSettings(deadline=120.0, again=60.0)
"""So that what is understood does not depend on how busy the computer is."""

_BEFORE = 0.8
"""Seconds of silence before the voice: what a session's listener reaches back by default."""


class Spoken:
    """Says texts and hears them. `voices` are the names of the voices there are."""

    def __init__(self) -> None:
        self._ear = EnginePool[SpeechToText]("speech_to_text", Moonshine.load("moonshine", _PATIENT))
        self._events = EventStream(AudioClock())
        piper = Piper.load("piper", PiperSettings())
        self._voices: dict[str, Callable[[str], Awaitable[Sound]]] = {"piper": partial(_piper, piper)}
        for name, words in _PROGRAMS.items():
            if program := shutil.which(name):
                self._voices[name] = partial(_program, [program, *words])
        self.voices = tuple(self._voices)

    async def hear(self, text: str, voice: str) -> Heard:
        """Return what the ear writes when a voice says the text."""
        sound = np.concatenate([np.zeros(round(_BEFORE * EAR_RATE), np.float32), await self._voices[voice](text)])
        pcm = (np.clip(sound, -1.0, 1.0) * 32767).astype(np.int16).tobytes()
        speech = Speech(new_id(), pcm, 0, _BEFORE, len(sound) / EAR_RATE, final=True)
        written = list[str]()
        over = trio.Event()

        def take(_: Speech, transcript: Transcript) -> None:
            written.append(transcript.text)
            over.set()

        transcriber = Transcriber(ear=self._ear.lease, events=self._events, on_transcript=take)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transcriber.run)
            transcriber.take(speech)
            await over.wait()
            nursery.cancel_scope.cancel()
        return Heard(speech.utterance, written[0], transcriber)


async def _piper(piper: Piper, text: str) -> Sound:
    parts: list[bytes] = []

    async def emit(chunk: Chunk) -> None:
        await trio.lowlevel.checkpoint()
        parts.append(chunk.pcm)

    await piper.speak(text, emit)
    return np.asarray(soxr.resample(to_samples(b"".join(parts)), piper.rate, EAR_RATE), np.float32)


async def _program(command: Sequence[str], text: str) -> Sound:
    def work() -> Sound:
        with tempfile.TemporaryDirectory(prefix="harry-bench-") as folder:
            path = Path(folder) / "said.wav"
            told = [word.replace("{path}", str(path)).replace("{text}", text) for word in command]
            subprocess.run(told, check=True, capture_output=True)  # noqa: S603  our own words
            with wave.open(str(path)) as file:
                sound = to_samples(file.readframes(file.getnframes()))
                return np.asarray(soxr.resample(sound, file.getframerate(), EAR_RATE), np.float32)

    return await trio.to_thread.run_sync(work)
