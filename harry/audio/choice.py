"""Which microphone and which loudspeaker: what the user named, or the best there is, with a word on each step down.

`default` is PortAudio's, then pygame's, then none. A single name that does not serve stops the start; a list falls
back in its order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from actors.protocols import Loudspeaker, Microphone
from channels.clock import AudioClock
from harry.audio import portaudio, sdl
from harry.audio.soundcard import DeviceInfo, SoundcardLoudspeaker, SoundcardMicrophone, run_in_thread
from harry.audio.wav import WavLoudspeaker, WavMicrophone
from harry.engines.registry import suggest_name
from harry.errors import ConfigurationError, DeviceError

D = TypeVar("D", Microphone, Loudspeaker)

_PROBING = 15.0
"""Seconds that looking for devices may take: some sound systems start when they are first asked."""

_WAV = "wav:"
_WORDS = ("default", "none", "pygame", "wav:PATH")


@dataclass(slots=True)
class Choice(Generic[D]):
    """What was chosen; None for no device. `notes` says, a sentence each, what was fallen back from and why."""

    device: D | None
    notes: list[str] = field(default_factory=list)


async def open_microphone(requested: str | Sequence[str], clock: AudioClock) -> Choice[Microphone]:
    """Choose a microphone: `default`, `none`, `pygame`, `wav:PATH`, or a device's name or number.

    Raises `ConfigurationError` if a single one that was named cannot be used, or none of a list.
    """

    def open_wav(path: Path) -> Microphone:
        return WavMicrophone(path, clock)

    def open_device(device: DeviceInfo) -> Microphone:
        stream = portaudio.PortAudioInput(device) if device.system == "PortAudio" else sdl.SdlInput(device)
        return SoundcardMicrophone(stream, clock)

    return await _choose("microphone", requested, open_wav, open_device)


async def open_loudspeaker(
    requested: str | Sequence[str], clock: AudioClock, rate: int = 24_000
) -> Choice[Loudspeaker]:
    """Choose a loudspeaker, as `open_microphone` does. A `wav:PATH` is made, or emptied, here, at `rate` Hz."""

    def open_wav(path: Path) -> Loudspeaker:
        return WavLoudspeaker(path, clock, rate)

    def open_device(device: DeviceInfo) -> Loudspeaker:
        stream = portaudio.PortAudioOutput(device) if device.system == "PortAudio" else sdl.SdlOutput(device)
        return SoundcardLoudspeaker(stream)

    return await _choose("loudspeaker", requested, open_wav, open_device)


async def _choose(
    kind: portaudio.Kind,
    requested: str | Sequence[str],
    open_wav: Callable[[Path], D],
    open_device: Callable[[DeviceInfo], D],
) -> Choice[D]:
    names = [requested] if isinstance(requested, str) else list(requested)
    notes: list[str] = []
    for place, name in enumerate(names, 1):
        try:
            if name == "none":
                return Choice(None, notes)
            if name == "default":
                choice = await _choose_default(kind, open_device, notes)
                if choice.device is None and place < len(names):
                    continue
                return choice
            if name.startswith(_WAV):
                # In trio's thread: it reads a header of some bytes, and so it serves under virtual time too.
                return Choice(open_wav(Path(name.removeprefix(_WAV))), notes)
            return Choice(await _run_in_thread(kind, partial(_find_named, kind, name, open_device)), notes)
        except DeviceError as error:
            if isinstance(requested, str):
                raise ConfigurationError(error.message, remedy=error.remedy) from error
            notes.append(f"The {kind} {name!r} is not used: {error.message}")
    raise ConfigurationError(
        f"No {kind} of the list can be used. {' '.join(notes)}".strip(),
        remedy="Add 'default' or 'none' at the end of the list to start all the same.",
    )


async def _choose_default(kind: portaudio.Kind, open_device: Callable[[DeviceInfo], D], notes: list[str]) -> Choice[D]:
    ways: tuple[tuple[str, Callable[[], list[DeviceInfo]], str], ...] = (
        ("PortAudio", partial(_portaudio_default, kind), "Harry turns to pygame"),
        ("pygame", partial(sdl.list_devices, kind), f"there is no {kind}"),
    )
    for system, devices, instead in ways:
        try:
            return Choice(await _run_in_thread(kind, partial(_find_default, kind, system, devices, open_device)), notes)
        except DeviceError as error:
            notes.append(f"{error.message.removesuffix('.')}, so {instead}. {_hint(error)}".strip())
    return Choice(None, notes)


def _find_default(
    kind: portaudio.Kind, system: str, devices: Callable[[], list[DeviceInfo]], open_device: Callable[[DeviceInfo], D]
) -> D:
    """Take a library's default device. Blocking."""
    found = next((device for device in devices() if device.default), None)
    if found is None:
        raise DeviceError(f"{system} finds no {kind}.")
    return open_device(found)


def _hint(error: DeviceError) -> str:
    """Return the one remedy that a person with working sound can want: the better library."""
    return error.remedy.partition(";")[0] + "." if error.message.startswith("PortAudio is not") else ""


def _portaudio_default(kind: portaudio.Kind) -> list[DeviceInfo]:
    found = portaudio.list_devices(kind)
    return found if any(device.default for device in found) else portaudio.list_devices(kind, rescan=True)


def _find_named(kind: portaudio.Kind, name: str, open_device: Callable[[DeviceInfo], D]) -> D:
    """Find a device by name or number in PortAudio, then in SDL. Blocking."""
    if name == "pygame":
        return _find_default(kind, "pygame", partial(sdl.list_devices, kind), open_device)
    known: list[DeviceInfo] = []
    for look in (partial(portaudio.list_devices, rescan=True), sdl.list_devices):
        try:
            listed = look(kind)
        except DeviceError:
            # A library that is not there has no device of that name; the other may.
            continue
        match = _match(name, listed)
        if match is not None:
            return open_device(match)
        known += listed
    hint = suggest_name(name, sorted({*_WORDS, *(device.name for device in known)}))
    raise DeviceError(f"There is no {kind} {name!r}.", remedy=hint)


def _match(name: str, listed: list[DeviceInfo]) -> DeviceInfo | None:
    """Find the device of that number or whole name, else the only one whose name contains it, in any letter case."""
    if name.isdecimal():
        return next((device for device in listed if device.index == int(name)), None)
    folded = name.casefold()
    whole = [device for device in listed if device.name.casefold() == folded]
    partly = [device for device in listed if folded and folded in device.name.casefold()]
    if not whole and len(partly) > 1:
        names = ", ".join(device.name for device in partly)
        raise DeviceError(f"{name!r} fits more than one device: {names}.", remedy="Give the whole name, or the number.")
    return next(iter(whole or partly), None)


async def _run_in_thread(kind: portaudio.Kind, work: Callable[[], D]) -> D:
    return await run_in_thread(f"Looking for a {kind}", work, deadline=_PROBING)


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What `describe_devices` found: the devices, and a sentence for each library that does not work here."""

    devices: list[DeviceInfo]
    problems: list[str]


async def describe_devices() -> DeviceReport:
    """Return all devices of PortAudio and of SDL, each with its name, rate and channels."""
    devices: list[DeviceInfo] = []
    problems: list[str] = []
    look: Callable[[Callable[[], list[DeviceInfo]]], Awaitable[list[DeviceInfo]]] = partial(
        run_in_thread, "Looking for devices", deadline=_PROBING
    )
    kinds: tuple[portaudio.Kind, ...] = ("microphone", "loudspeaker")
    for library in (portaudio.list_devices, sdl.list_devices):
        for kind in kinds:
            try:
                devices += await look(partial(library, kind))
            except DeviceError as error:
                if str(error) not in problems:
                    problems.append(str(error))
    return DeviceReport(devices, problems)
