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
from harry.audio.soundcard import DeviceInfo, SoundcardLoudspeaker, SoundcardMicrophone, in_thread
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


async def open_microphone(wanted: str | Sequence[str], clock: AudioClock) -> Choice[Microphone]:
    """Choose a microphone: `default`, `none`, `pygame`, `wav:PATH`, or a device's name or number.

    Raises `ConfigurationError` if a single one that was named cannot be used, or none of a list.
    """

    def wav(path: Path) -> Microphone:
        return WavMicrophone(path, clock)

    def of(device: DeviceInfo) -> Microphone:
        stream = portaudio.PortAudioInput(device) if device.system == "PortAudio" else sdl.SdlInput(device)
        return SoundcardMicrophone(stream, clock)

    return await _choose("microphone", wanted, wav, of)


async def open_loudspeaker(wanted: str | Sequence[str], clock: AudioClock, rate: int = 24_000) -> Choice[Loudspeaker]:
    """Choose a loudspeaker, as `open_microphone` does. A `wav:PATH` is made, or emptied, here, at `rate` Hz."""

    def wav(path: Path) -> Loudspeaker:
        return WavLoudspeaker(path, clock, rate)

    def of(device: DeviceInfo) -> Loudspeaker:
        stream = portaudio.PortAudioOutput(device) if device.system == "PortAudio" else sdl.SdlOutput(device)
        return SoundcardLoudspeaker(stream)

    return await _choose("loudspeaker", wanted, wav, of)


async def _choose(
    kind: portaudio.Kind, wanted: str | Sequence[str], wav: Callable[[Path], D], of: Callable[[DeviceInfo], D]
) -> Choice[D]:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    notes: list[str] = []
    for place, name in enumerate(names, 1):
        try:
            if name == "none":
                return Choice(None, notes)
            if name == "default":
                choice = await _default(kind, of, notes)
                if choice.device is None and place < len(names):
                    continue
                return choice
            if name.startswith(_WAV):
                # In trio's thread: it reads a header of some bytes, and so it serves under virtual time too.
                return Choice(wav(Path(name.removeprefix(_WAV))), notes)
            return Choice(await _in_thread(kind, partial(_named, kind, name, of)), notes)
        except DeviceError as error:
            if isinstance(wanted, str):
                raise ConfigurationError(error.message, remedy=error.remedy) from error
            notes.append(f"The {kind} {name!r} is not used: {error.message}")
    raise ConfigurationError(
        f"No {kind} of the list can be used. {' '.join(notes)}".strip(),
        remedy="Add 'default' or 'none' at the end of the list to start all the same.",
    )


async def _default(kind: portaudio.Kind, of: Callable[[DeviceInfo], D], notes: list[str]) -> Choice[D]:
    ways: tuple[tuple[str, Callable[[], list[DeviceInfo]], str], ...] = (
        ("PortAudio", partial(_portaudio_default, kind), "Harry turns to pygame"),
        ("pygame", partial(sdl.devices, kind), f"there is no {kind}"),
    )
    for system, devices, instead in ways:
        try:
            return Choice(await _in_thread(kind, partial(_first, kind, system, devices, of)), notes)
        except DeviceError as error:
            notes.append(f"{error.message.removesuffix('.')}, so {instead}. {_hint(error)}".strip())
    return Choice(None, notes)


def _first(
    kind: portaudio.Kind, system: str, devices: Callable[[], list[DeviceInfo]], of: Callable[[DeviceInfo], D]
) -> D:
    """Take a library's default device. Blocking."""
    found = next((device for device in devices() if device.default), None)
    if found is None:
        raise DeviceError(f"{system} finds no {kind}.")
    return of(found)


def _hint(error: DeviceError) -> str:
    """Of the remedies, only the one that a person with working sound can want: the better library."""
    return error.remedy.partition(";")[0] + "." if error.message.startswith("PortAudio is not") else ""


def _portaudio_default(kind: portaudio.Kind) -> list[DeviceInfo]:
    found = portaudio.devices(kind)
    return found if any(device.default for device in found) else portaudio.devices(kind, rescan=True)


def _named(kind: portaudio.Kind, name: str, of: Callable[[DeviceInfo], D]) -> D:
    """Find a device by name or number in PortAudio, then in SDL. Blocking."""
    if name == "pygame":
        return _first(kind, "pygame", partial(sdl.devices, kind), of)
    known: list[DeviceInfo] = []
    for look in (partial(portaudio.devices, rescan=True), sdl.devices):
        try:
            listed = look(kind)
        except DeviceError:
            # A library that is not there has no device of that name; the other may.
            continue
        match = _match(name, listed)
        if match is not None:
            return of(match)
        known += listed
    hint = suggest_name(name, sorted({*_WORDS, *(device.name for device in known)}))
    raise DeviceError(f"There is no {kind} {name!r}.", remedy=hint)


def _match(name: str, listed: list[DeviceInfo]) -> DeviceInfo | None:
    """The device of that number or whole name, else the only one whose name contains it, in any case of letters."""
    if name.isdecimal():
        return next((device for device in listed if device.index == int(name)), None)
    folded = name.casefold()
    whole = [device for device in listed if device.name.casefold() == folded]
    partly = [device for device in listed if folded and folded in device.name.casefold()]
    if not whole and len(partly) > 1:
        names = ", ".join(device.name for device in partly)
        raise DeviceError(f"{name!r} fits more than one device: {names}.", remedy="Give the whole name, or the number.")
    return next(iter(whole or partly), None)


async def _in_thread(kind: portaudio.Kind, work: Callable[[], D]) -> D:
    return await in_thread(f"Looking for a {kind}", work, deadline=_PROBING)


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What `describe_devices` found: the devices, and a sentence for each library that does not work here."""

    devices: list[DeviceInfo]
    problems: list[str]


async def describe_devices() -> DeviceReport:
    """All devices of PortAudio and of SDL, each with its name, rate and channels."""
    devices: list[DeviceInfo] = []
    problems: list[str] = []
    look: Callable[[Callable[[], list[DeviceInfo]]], Awaitable[list[DeviceInfo]]] = partial(
        in_thread, "Looking for devices", deadline=_PROBING
    )
    kinds: tuple[portaudio.Kind, ...] = ("microphone", "loudspeaker")
    for library in (portaudio.devices, sdl.devices):
        for kind in kinds:
            try:
                devices += await look(partial(library, kind))
            except DeviceError as error:
                if str(error) not in problems:
                    problems.append(str(error))
    return DeviceReport(devices, problems)
