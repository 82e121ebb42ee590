"""Sound to words and words to sound, for the functions that older programs know: files in, files out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import trio

from channels.clock import AudioClock
from channels.turn import new_id
from harry.audio.choice import open_loudspeaker
from harry.audio.files import encode
from harry.compat.engine_services import EngineServices
from harry.errors import DeviceError, EngineUnavailable
from harry.services.playback import play
from harry.services.speech import RATE, voice
from harry.services.transcription import transcribed

MAX_SPEECH_FILES = 20
"""Files of speech that are kept when nobody says where to write one; the oldest goes."""

MAX_SOUND_BYTES = 256 * 1024 * 1024
"""Bytes of a sound file that are read."""


async def transcribe(home: EngineServices, audio: bytes | str | os.PathLike[str]) -> str:
    """Hear a file, or its bytes. Raises `DeviceError`, `EngineError`."""
    ear = home.host.engines.speech_to_text
    if ear is None:
        raise EngineUnavailable("There is no ear to hear with.", remedy="`harry doctor` says what is missing.")
    if not isinstance(audio, bytes):
        audio = await trio.to_thread.run_sync(_read, Path(audio))
    return (await transcribed(ear, audio)).text


async def synthesize(
    home: EngineServices,
    text: str,
    *,
    path: Path | None = None,
    aloud: bool = False,
    tell: Callable[[bytes], object] | None = None,
) -> Path:
    """Speak into a WAV file; each portion is told as a WAV file of its own. Raises `DeviceError`, `EngineError`."""
    shelf = home.host.engines.text_to_speech
    if shelf is None:
        raise EngineUnavailable("There is no voice to speak with.", remedy="`harry doctor` says what is missing.")
    sound = bytearray()

    async def take(pcm: bytes) -> None:
        sound.extend(pcm)
        if tell is not None and pcm:
            await trio.to_thread.run_sync(lambda: tell(encode(pcm, RATE, "wav")))

    await voice(shelf, text, take)
    path = await trio.to_thread.run_sync(_write, path, home.folder / "speech", bytes(sound))
    if aloud:
        clock = AudioClock()
        opened = await open_loudspeaker(home.host.config.audio.loudspeaker, clock, RATE)
        if opened.device is None:
            raise DeviceError("There is no loudspeaker to play with.", remedy=" ".join(opened.notes))
        await play(opened.device, clock, bytes(sound), RATE)
    return path


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SOUND_BYTES)
    except OSError as error:
        raise DeviceError(f"{path} cannot be read: {error.strerror}.", remedy="Name a sound file.") from error


def _write(path: Path | None, folder: Path, pcm: bytes) -> Path:
    try:
        if path is None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for old in sorted(folder.glob("speech-*.wav"))[: 1 - MAX_SPEECH_FILES]:
                old.unlink(missing_ok=True)
            path = folder / f"speech-{new_id()}.wav"
        path.write_bytes(encode(pcm, RATE, "wav"))
    except OSError as error:
        raise DeviceError(f"{path or folder} cannot be written: {error.strerror}.") from error
    return path
