"""A thin binding of libmoonshine's C functions that takes NumPy's memory as it is.

The package's own wrapper copies each sample into a Python list, which held the GIL, and so the sound card, for
16-44 ms an utterance. Calls through ctypes release it for the whole decode.
"""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path

import moonshine_voice
import numpy as np
from moonshine_voice.moonshine_api import TranscriberOptionC, TranscriptC
from moonshine_voice.transcriber import MOONSHINE_HEADER_VERSION

from actors.protocols import Samples
from channels.messages import EAR_RATE
from harry.errors import EngineError

_FLOATS = ctypes.POINTER(ctypes.c_float)
_TRANSCRIPT = ctypes.POINTER(TranscriptC)

_OPTIONS = {
    b"vad_threshold": b"0",  # its own voice activity detector made the word error rate five times as high
    b"identify_speakers": b"false",
}


def packaged_model() -> Path:
    """Find the folder of the English model that comes with the package."""
    return Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(Path(moonshine_voice.__file__).with_name("libmoonshine.so")))
    library.moonshine_load_transcriber_from_files.restype = ctypes.c_int32
    library.moonshine_load_transcriber_from_files.argtypes = [
        ctypes.c_char_p,
        ctypes.c_uint32,
        ctypes.POINTER(TranscriberOptionC),
        ctypes.c_uint64,
        ctypes.c_int32,
    ]
    library.moonshine_transcribe_without_streaming.restype = ctypes.c_int32
    library.moonshine_transcribe_without_streaming.argtypes = [
        ctypes.c_int32,
        _FLOATS,
        ctypes.c_uint64,
        ctypes.c_int32,
        ctypes.c_uint32,
        ctypes.POINTER(_TRANSCRIPT),
    ]
    library.moonshine_free_transcriber.restype = None
    library.moonshine_free_transcriber.argtypes = [ctypes.c_int32]
    library.moonshine_error_to_string.restype = ctypes.c_char_p
    library.moonshine_error_to_string.argtypes = [ctypes.c_int32]
    return library


class Transcriber:
    """One loaded model. Its calls block and take turns."""

    def __init__(self, model: Path, architecture: int) -> None:
        """Load `model`, a folder with encoder, decoder and tokenizer. Raises `OSError` or `EngineError`."""
        self._library = _library()
        self._busy = threading.Lock()
        self._closed = False
        options = (TranscriberOptionC * len(_OPTIONS))(*_OPTIONS.items())
        handle = self._library.moonshine_load_transcriber_from_files(
            str(model).encode(), architecture, options, len(_OPTIONS), MOONSHINE_HEADER_VERSION
        )
        self._handle: int | None = self._checked(handle)

    def _checked(self, answer: int) -> int:
        if answer < 0:
            reason = self._library.moonshine_error_to_string(answer)
            raise EngineError(f"Moonshine: {reason.decode(errors='replace') if reason else 'unknown error'}.")
        return answer

    def transcribe(self, samples: Samples) -> str:
        """Decode the words in `samples`, at `EAR_RATE`. Raises `EngineError`."""
        whole = np.ascontiguousarray(samples, dtype=np.float32)
        transcript = _TRANSCRIPT()
        try:
            with self._busy:
                if self._handle is None or self._closed:
                    raise EngineError("Moonshine has been closed.")
                self._checked(
                    self._library.moonshine_transcribe_without_streaming(
                        self._handle,
                        whole.ctypes.data_as(_FLOATS),
                        len(whole),
                        EAR_RATE,
                        0,
                        ctypes.byref(transcript),
                    )
                )
                # The transcript is the library's own memory until the next call.
                return _text(transcript)
        finally:
            if self._closed:
                self.close()

    def close(self) -> None:
        """Free the model: now, or when the decode that still runs has ended. Never waits."""
        self._closed = True
        if self._busy.acquire(blocking=False):
            try:
                if self._handle is not None:
                    self._library.moonshine_free_transcriber(self._handle)
                    self._handle = None
            finally:
                self._busy.release()


def _text(transcript: ctypes._Pointer[TranscriptC]) -> str:
    if not transcript:
        return ""
    lines = [transcript.contents.lines[number] for number in range(transcript.contents.line_count)]
    return " ".join(ctypes.string_at(line.text).decode(errors="replace").strip() for line in lines if line.text)
