"""SDL's devices, by way of pygame, whose wheel carries SDL: sound on a machine where PortAudio is not installed.

`pygame._sdl2.audio.AudioDevice` calls back in SDL's thread, for recording and for playing alike. A device that is
unplugged goes on calling, with silence: SDL tells it only to programs that have a window.
"""

from __future__ import annotations

import ctypes
import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from channels.messages import EAR_RATE, FRAME_SAMPLES
from harry.audio.resampling import Layout
from harry.audio.soundcard import DeviceInfo
from harry.errors import DeviceError

_lock = threading.RLock()
_open: set[Any] = set()

_VOICE_RATE = 24_000
_VOICE_CHUNK = 1024
"""Samples in a buffer: 43 ms. SDL holds two of them; with 21 ms the sound broke up on a busy machine."""

Kind = Literal["microphone", "loudspeaker"]


def _library() -> Any:
    """Import pygame's bindings to SDL's sound, and start SDL's sound."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        with warnings.catch_warnings():
            # pygame imports pkg_resources, which warns each program that it is on its way out.
            warnings.simplefilter("ignore")
            import pygame  # noqa: PLC0415  (late: it takes a quarter of a second, and may be broken)
            from pygame._sdl2 import audio, sdl2  # noqa: PLC0415
    except ImportError as error:
        raise DeviceError(f"pygame cannot be loaded: {error}.", remedy="Install it: pip install pygame.") from error
    try:
        sdl2.init_subsystem(sdl2.INIT_AUDIO)
    except (pygame.error, sdl2.error) as error:
        raise DeviceError(f"SDL finds no sound system: {str(error).rstrip('.')}.") from error
    return audio


class _AudioSpec(ctypes.Structure):
    """SDL_AudioSpec of SDL 2."""

    _fields_ = (
        ("rate", ctypes.c_int),
        ("format", ctypes.c_uint16),
        ("channels", ctypes.c_uint8),
        ("silence", ctypes.c_uint8),
        ("samples", ctypes.c_uint16),
        ("padding", ctypes.c_uint16),
        ("size", ctypes.c_uint32),
        ("callback", ctypes.c_void_p),
        ("userdata", ctypes.c_void_p),
    )


def _sdl() -> ctypes.CDLL | None:
    """Find the SDL that pygame has loaded, for what pygame does not hand on; None where it cannot be found."""
    try:
        loaded = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libSDL2-2" in line}
        return ctypes.CDLL(min(loaded))
    except (OSError, ValueError):
        return None


def _default(kind: Kind) -> tuple[str, int, int] | None:
    """Name, rate and channels of the system's default device; None where SDL does not tell.

    pygame opens devices by name only, and does not say which of them is the default.
    """
    sdl = _sdl()
    if sdl is None or not hasattr(sdl, "SDL_GetDefaultAudioInfo"):
        return None
    name, spec = ctypes.c_char_p(), _AudioSpec()
    failed = sdl.SDL_GetDefaultAudioInfo(ctypes.byref(name), ctypes.byref(spec), int(kind == "microphone"))
    if failed or not name.value:
        return None
    return name.value.decode(errors="replace"), spec.rate, spec.channels


def _names(kind: Kind) -> list[str]:
    """Names of all devices. Where there are none, SDL starts over: a sound server may have started meanwhile."""
    audio = _library()

    def listed() -> list[str]:
        try:
            return list(audio.get_audio_device_names(kind == "microphone"))
        except audio.error:
            # SDL found no sound system when it began, so there are no devices either.
            return []

    sdl = _sdl()
    if not listed() and not _open and sdl is not None:
        sdl.SDL_AudioQuit()
        sdl.SDL_AudioInit(None)
    return listed()


def list_devices(kind: Kind) -> list[DeviceInfo]:
    """List what SDL finds now; blocking. Raises `DeviceError` if pygame or its sound does not work."""
    with _lock:
        names = _names(kind)
        default = _default(kind)
        # Where SDL does not tell, the first that records the room rather than the loudspeaker.
        chosen = default[0] if default else next((name for name in names if "monitor" not in name.lower()), "")
        first = names.index(chosen) if chosen in names else 0
        # Rate and channels are known of the default only; SDL converts anyway.
        known = {first: default[1:]} if default else {}
        return [
            DeviceInfo(kind, "pygame", index, name, *known.get(index, (48_000, 2)), index == first)
            for index, name in enumerate(names)
        ]


def _close(device: Any) -> None:
    """Close a device without holding the interpreter's lock meanwhile.

    pygame holds it while SDL waits for the end of its thread, which may be waiting for that very lock to call back:
    then nothing in the process goes on.
    """
    sdl = _sdl()
    if sdl is not None:
        sdl.SDL_CloseAudioDevice(ctypes.c_uint32(device.deviceid))
    # SDL knows it no more by now; pygame notes that.
    device.close()


class _SdlStream:
    """A device by its name. SDL converts rate and channels itself, so what Harry asks for is what it gets."""

    kind: Kind
    chunk: int
    layout: Layout

    def __init__(self, device: DeviceInfo) -> None:
        self.description = f"{device.name} (pygame)"
        self._name = device.name
        self._device: Any = None
        self._open(lambda _device, _data: None)
        self.stop()

    def _open(self, callback: Callable[[Any, Any], None]) -> None:
        with _lock:
            audio = _library()
            try:
                self._device = audio.AudioDevice(
                    self._name,
                    self.kind == "microphone",
                    self.layout.rate,
                    audio.AUDIO_S16,
                    self.layout.channels,
                    self.chunk,
                    0,
                    callback,
                )
            except audio.error as error:
                raise DeviceError(
                    f"The {self.kind} {self._name} cannot be opened: {str(error).rstrip('.')}.",
                    remedy="Close the programs that may hold it, or name another device.",
                ) from error
            _open.add(self._device)

    def stop(self) -> None:
        """See `harry.audio.soundcard.Stream`."""
        with _lock:
            device, self._device = self._device, None
            if device is not None:
                _open.discard(device)
                _close(device)


class SdlInput(_SdlStream):
    """A microphone, see `harry.audio.soundcard.InputStream`."""

    kind = "microphone"
    chunk = FRAME_SAMPLES
    layout = Layout(EAR_RATE, 1, "int16")

    def start(self, receive: Callable[[bytes], None], gone: Callable[[], None]) -> None:
        """Open it; `receive` gets a copy of each buffer of a frame's length. `gone` is never called."""
        self._open(lambda _device, data: receive(bytes(data)))
        self._device.pause(0)


class SdlOutput(_SdlStream):
    """A loudspeaker, see `harry.audio.soundcard.OutputStream`."""

    kind = "loudspeaker"
    chunk = _VOICE_CHUNK
    layout = Layout(_VOICE_RATE, 1, "int16")

    def start(self, fill: Callable[[memoryview], None], gone: Callable[[], None]) -> None:
        """Open it; `fill` gets each buffer of `chunk` samples. `gone` is never called."""
        self._open(lambda _device, data: fill(memoryview(data)))
        self._device.pause(0)

    def latency(self) -> int:
        """Estimate it, for SDL does not tell: two buffers, and what the system behind it holds."""
        return 2 * self.chunk
