"""PortAudio's devices, by way of sounddevice: the only module that imports it, and late.

On Linux the wheel brings no PortAudio of its own, so the import itself may fail. PortAudio is not thread-safe: one
lock stands before all its calls but the callbacks.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Literal

from channels.messages import EAR_RATE
from harry.audio.resampling import Layout
from harry.audio.soundcard import DeviceInfo
from harry.errors import DeviceError

_lock = threading.RLock()
_open: set[Any] = set()

_VOICE_RATE = 24_000
_LATENCY = 0.12
"""Seconds that PortAudio holds. A callback needs the interpreter, which busy threads withheld for 39 ms (p99); and on
PulseAudio 60 ms ended in a storm of underruns, 120 ms in none."""

Kind = Literal["microphone", "loudspeaker"]


def _library(*, rescan: bool = False) -> Any:
    """Import sounddevice. `rescan` looks for devices afresh, which PortAudio can do only while none is open.

    A scan opens every device there is, up to a second on some machines, so it is repeated only where one is missed.
    """
    try:
        import sounddevice as sd  # noqa: PLC0415  (late: without PortAudio the import fails)
    except (ImportError, OSError) as error:
        raise DeviceError(
            "PortAudio is not installed.",
            remedy="Install it for the best sound (Debian, Ubuntu: apt-get install libportaudio2); "
            "until then pygame is used instead.",
        ) from error
    _hush()
    if rescan and not _open:
        # sounddevice offers no public way, and names these two for it in its documentation.
        sd._terminate()  # noqa: SLF001
        sd._initialize()  # noqa: SLF001
    return sd


_Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)
_say_nothing = _Handler(lambda *_arguments: None)  # ALSA keeps only its address, so it lives as long as the process


@cache
def _hush() -> None:
    """Keep ALSA from writing on the terminal: each underrun is a line there, in the midst of Harry's own."""
    # No ALSA, no lines: PortAudio serves other systems too.
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_say_nothing)


@contextmanager
def _explain_errors(sd: Any, doing: str) -> Iterator[None]:
    """Turn PortAudio's errors into one sentence that begins with `doing`."""
    try:
        yield
    except (sd.PortAudioError, ValueError) as error:
        reason = str(error.args[0]).partition(" [")[0] if error.args else type(error).__name__
        raise DeviceError(f"{doing}: {reason}.") from error


def list_devices(kind: Kind, *, rescan: bool = False) -> list[DeviceInfo]:
    """List what PortAudio found at first, or (`rescan`) finds now; blocking. Raises `DeviceError` without PortAudio."""
    with _lock:
        sd = _library(rescan=rescan)
        side = "input" if kind == "microphone" else "output"
        try:
            default = sd.query_devices(kind=side)["index"]
        except sd.PortAudioError:
            default = -1
        with _explain_errors(sd, "PortAudio cannot list its devices"):
            return [
                DeviceInfo(
                    kind,
                    "PortAudio",
                    device["index"],
                    device["name"],
                    int(device["default_samplerate"]),
                    device[f"max_{side}_channels"],
                    device["index"] == default,
                )
                for device in sd.query_devices()
                if device[f"max_{side}_channels"] > 0
            ]


class _PortAudioStream:
    """A device by its name: its index may change while Harry runs. Making one asks what it accepts; blocking."""

    kind: Kind
    wanted_rate: int

    def __init__(self, device: DeviceInfo) -> None:
        self.description = f"{device.name} (PortAudio)"
        self._name = device.name
        self._stream: Any = None
        self._stopping = False
        self._failed = False
        self.layout = self._accepted(device)

    def _accepted(self, device: DeviceInfo) -> Layout:
        """Take the first it accepts: one channel at Harry's rate, at its own, then its own channels."""
        with _lock:
            sd = _library()
            check = sd.check_input_settings if self.kind == "microphone" else sd.check_output_settings
            refused = ""
            for rate, channels in (
                (self.wanted_rate, 1),
                (device.rate, 1),
                (device.rate, min(2, device.channels)),
                (device.rate, device.channels),
            ):
                try:
                    with _explain_errors(sd, f"The {self.kind} {device.name} cannot be opened"):
                        check(device=device.index, channels=channels, samplerate=rate, dtype="int16")
                    return Layout(rate, channels, "int16")
                except DeviceError as error:
                    refused = refused or error.message
            raise DeviceError(refused, remedy="Close the programs that may hold it, or name another device.")

    def _listed(self, *, rescan: bool) -> list[DeviceInfo]:
        return [device for device in list_devices(self.kind, rescan=rescan) if device.name == self._name]

    def _start(self, factory: str, callback: Callable[..., None], gone: Callable[[], None], **options: Any) -> None:
        with _lock:
            sd = _library()
            found = self._listed(rescan=self._failed) or self._listed(rescan=True)
            self._failed = True
            if not found:
                raise DeviceError(f"The {self.kind} {self._name} is gone.", remedy="Plug it in, or name another.")
            self._stopping = False

            def finished() -> None:
                if not self._stopping:
                    self._failed = True
                    gone()

            with _explain_errors(sd, f"The {self.kind} {self._name} cannot be opened"):
                stream = getattr(sd, factory)(
                    device=found[0].index,
                    samplerate=self.layout.rate,
                    channels=self.layout.channels,
                    dtype="int16",
                    callback=callback,
                    finished_callback=finished,
                    **options,
                )
                self._stream = stream
                _open.add(stream)
                stream.start()
            self._failed = False

    def stop(self) -> None:
        """See `harry.audio.soundcard.Stream`."""
        self._stopping = True
        with _lock:
            stream, self._stream = self._stream, None
            if stream is not None:
                _open.discard(stream)
                # Aborted, not stopped: what it holds need not sound to its end, and errors no longer matter to anyone.
                stream.abort(ignore_errors=True)
                stream.close(ignore_errors=True)


class PortAudioInput(_PortAudioStream):
    """A microphone, see `harry.audio.soundcard.InputStream`."""

    kind = "microphone"
    wanted_rate = EAR_RATE

    def start(self, receive: Callable[[bytes], None], gone: Callable[[], None]) -> None:
        """Open it; `receive` gets a copy of each buffer of about 10 ms."""

        def callback(data: Any, _frames: int, _time: Any, _status: Any) -> None:
            receive(bytes(data))

        self._start("RawInputStream", callback, gone, blocksize=self.layout.rate // 100)


class PortAudioOutput(_PortAudioStream):
    """A loudspeaker, see `harry.audio.soundcard.OutputStream`."""

    kind = "loudspeaker"
    wanted_rate = _VOICE_RATE

    def start(self, fill: Callable[[memoryview], None], gone: Callable[[], None]) -> None:
        """Open it; `fill` gets each buffer of about 10 ms."""

        def callback(data: Any, _frames: int, _time: Any, _status: Any) -> None:
            fill(memoryview(data))

        self._start("RawOutputStream", callback, gone, blocksize=self.layout.rate // 100, latency=_LATENCY)

    def latency(self) -> int:
        """Say what PortAudio reports."""
        return int(self._stream.latency * self.layout.rate)
