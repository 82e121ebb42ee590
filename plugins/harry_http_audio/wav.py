"""What stands around the samples: the head of a WAV file to be sent, and whatever comes before raw sound. Pure."""

from __future__ import annotations

import re
import struct
from array import array

from harry.plugin import EAR_RATE, EngineError

MAX_HEAD_BYTES = 1 << 16
"""Bytes before the samples of a WAV file that are read."""

_UNKNOWN_LENGTHS = (0, 0x7FFFFFFF, 0xFFFFFFFF)
"""What stands in place of a length by those who write a WAV file as it is made."""

_PACKED = ((b"ID3", "MP3"), (b"OggS", "Ogg"), (b"fLaC", "FLAC"))
_OTHER_SOUND = "{host} sends {kind} in place of raw sound."


def pack_wav(pcm: bytes, rate: int = EAR_RATE) -> bytes:
    """Return mono 16-bit PCM as a WAV file."""
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    head = struct.pack("<4sI4s4sI16s4sI", b"RIFF", 36 + len(pcm), b"WAVE", b"fmt ", 16, form, b"data", len(pcm))
    return head + pcm


class SoundReader:
    """Reads a body of raw 16-bit PCM, or of a WAV file, piece by piece. `kind` is its content type.

    The rate is that of the file, else of the content type (`audio/pcm;rate=16000`), else the one given, in Hz.
    """

    def __init__(self, host: str, kind: str, rate: int) -> None:
        told = re.search(r"\brate=\"?(\d{4,6})", kind)
        self.rate = int(told[1]) if told else rate
        self._host = host
        self._says_mp3 = "mpeg" in kind or "mp3" in kind
        self._head: bytearray | None = bytearray()
        self._channels = 1
        self._left: int | None = None
        self._part = b""

    def feed(self, more: bytes) -> bytes:
        """Take in more; return mono PCM in whole samples. Raises `EngineError` for what is no such sound."""
        if self._head is not None:
            self._head += more
            more = self._begin(bytes(self._head))
            if self._head is not None:
                return b""
        if self._left is not None:
            # Behind the samples of a WAV file its title may stand, which is no sound.
            more = more[: self._left]
            self._left -= len(more)
        whole = self._part + more
        size = 2 * self._channels
        cut = len(whole) - len(whole) % size
        self._part = whole[cut:]
        return whole[:cut] if self._channels == 1 else array("h", whole[:cut])[:: self._channels].tobytes()

    def end(self) -> bytes:
        """Return what a body that was too short to tell held. Raises as `feed`."""
        if not self._head:
            return b""
        rest, self._head = bytes(self._head), None
        if rest.startswith(b"RIFF"):
            raise EngineError(f"{self._host} sent the head of a WAV file and no sound.")
        return rest[: len(rest) - len(rest) % 2]

    def _begin(self, head: bytes) -> bytes:
        """Return what follows whatever stands before the samples; `_head` is None once that is known."""
        if len(head) < 12:
            return b""
        for sign, kind in _PACKED:
            if head.startswith(sign):
                raise self._other(kind)
        # A frame of MP3 begins with eleven ones, which raw sound may do, too: so its kind must say so as well.
        if self._says_mp3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
            raise self._other("MP3")
        if not (head.startswith(b"RIFF") and head[8:12] == b"WAVE"):
            self._head = None
            return head
        at = self._find_samples(head)
        if at is None:
            if len(head) > MAX_HEAD_BYTES:
                raise EngineError(f"{self._host} sent a WAV file without sound.")
            return b""
        self._head = None
        return head[at:]

    def _find_samples(self, head: bytes) -> int | None:
        """Read the parts of a WAV file until the samples; return where they begin, None where that has not come."""
        at, known = 12, False
        while at + 8 <= len(head):
            name, size = struct.unpack_from("<4sI", head, at)
            if name == b"data":
                if not known:
                    raise EngineError(f"{self._host} sent a WAV file that does not say how it sounds.")
                self._left = None if size in _UNKNOWN_LENGTHS else size
                return at + 8
            if name == b"fmt " and at + 24 <= len(head):
                self._form(head[at + 8 : at + 24])
                known = True
            at += 8 + size + size % 2
        return None

    def _form(self, form: bytes) -> None:
        coding, channels, rate, _, _, bits = struct.unpack("<HHIIHH", form)
        if coding not in (1, 0xFFFE) or bits != 16 or not 1 <= channels <= 8:
            raise self._other(f"a WAV file of {bits} bits and {channels} channels (coding {coding})")
        self._channels, self.rate = channels, rate

    def _other(self, kind: str) -> EngineError:
        return EngineError(
            _OTHER_SOUND.format(host=self._host, kind=kind),
            remedy='Set response_format = "wav" (or "pcm") in the engine\'s table, as the server can.',
        )
