"""Choosing devices: the default steps down with a word on each step; what was named is taken, or refused."""

from __future__ import annotations

import ctypes.util
import sys
from pathlib import Path

import pytest

from channels.clock import AudioClock
from harry.audio import choice, portaudio, sdl
from harry.audio.choice import describe_devices, open_loudspeaker, open_microphone
from harry.audio.soundcard import DeviceInfo
from harry.audio.wav import WavLoudspeaker, WavMicrophone
from harry.errors import ConfigurationError, DeviceError
from tests.audio.test_wav_devices import write_wav
from tests.support.virtual_soundcard import Card

pytest_plugins = ["tests.support.virtual_soundcard"]

CLOCK = AudioClock()


@pytest.fixture
def without_portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    """What sounddevice's Linux wheel meets on a machine that has no libportaudio2."""
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)


@pytest.fixture
def without_pygame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)


def device(name: str, index: int = 0, system: str = "PortAudio", *, default: bool = False) -> DeviceInfo:
    return DeviceInfo("microphone", system, index, name, 48_000, 2, default)  # type: ignore[arg-type]


class Opened:
    """Stands for any device: it remembers which one it was made for."""

    def __init__(self, device: DeviceInfo) -> None:
        self.description = f"{device.name} ({device.system})"
        self.layout = None


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four devices of PortAudio's, one more of SDL's."""
    ours = [device("Built-in", 0, default=True), device("USB headset", 1), device("USB camera", 2), device("7", 3)]
    theirs = [device("Built-in", 0, "pygame", default=True), device("Old card", 1, "pygame")]
    monkeypatch.setattr(portaudio, "list_devices", lambda kind, rescan=False: ours)
    monkeypatch.setattr(sdl, "list_devices", lambda kind: theirs)
    monkeypatch.setattr(portaudio, "PortAudioInput", Opened)
    monkeypatch.setattr(sdl, "SdlInput", Opened)


async def test_none_is_no_device() -> None:
    for chosen in (await open_microphone("none", CLOCK), await open_loudspeaker("none", CLOCK)):
        assert chosen.device is None
        assert chosen.notes == []


@pytest.mark.usefixtures("without_portaudio", "without_pygame")
async def test_without_any_sound_the_default_is_none_and_says_why() -> None:
    chosen = await open_microphone("default", CLOCK)
    assert chosen.device is None
    assert chosen.notes[0] == (
        "PortAudio is not installed, so Harry turns to pygame. "
        "Install it for the best sound (Debian, Ubuntu: apt-get install libportaudio2)."
    )
    assert chosen.notes[1].startswith("pygame cannot be loaded")
    assert chosen.notes[1].endswith("so there is no microphone.")
    assert (await open_loudspeaker("default", CLOCK)).notes[1].endswith("so there is no loudspeaker.")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("default", "Built-in (PortAudio)"),
        ("pygame", "Built-in (pygame)"),
        ("usb HEADSET", "USB headset (PortAudio)"),
        ("camera", "USB camera (PortAudio)"),
        ("2", "USB camera (PortAudio)"),
        ("old", "Old card (pygame)"),
    ],
)
@pytest.mark.usefixtures("listed")
async def test_a_device_is_found_by_name_part_of_it_or_number(name: str, found: str) -> None:
    chosen = await open_microphone(name, CLOCK)
    assert chosen.device is not None
    assert chosen.device.description == found
    assert chosen.notes == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("USB hedset", "There is no microphone 'USB hedset'. Did you mean 'USB headset'?"),
        ("defualt", "There is no microphone 'defualt'. Did you mean 'default'?"),
        ("17", "There is no microphone '17'."),
        ("usb", "'usb' fits more than one device: USB headset, USB camera. Give the whole name, or the number."),
        ("", "There is no microphone ''."),
        ("theremin", "Built-in, Old card, USB camera, USB headset, default, none, pygame, wav:PATH."),
    ],
)
@pytest.mark.usefixtures("listed")
async def test_a_name_that_does_not_exist_stops_the_start(name: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        await open_microphone(name, CLOCK)
    assert says in str(refusal.value)
    assert refusal.value.exit_code == 2


@pytest.mark.usefixtures("without_pygame")
async def test_pygame_that_is_missing_stops_the_start_when_it_was_named() -> None:
    with pytest.raises(ConfigurationError, match="pygame cannot be loaded"):
        await open_loudspeaker("pygame", CLOCK)


async def test_wav_files_are_devices(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", bytes(100))
    microphone = await open_microphone(f"wav:{tmp_path / 'in.wav'}", CLOCK)
    loudspeaker = await open_loudspeaker(f"wav:{tmp_path / 'out.wav'}", CLOCK)
    assert isinstance(microphone.device, WavMicrophone)
    assert isinstance(loudspeaker.device, WavLoudspeaker)
    assert microphone.notes == loudspeaker.notes == []


async def test_a_wav_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.wav cannot be read: no such file or directory\."):
        await open_microphone(f"wav:{tmp_path / 'missing.wav'}", CLOCK)
    with pytest.raises(ConfigurationError, match=r"out\.wav cannot be written: no such file or directory\."):
        await open_loudspeaker(f"wav:{tmp_path / 'missing' / 'out.wav'}", CLOCK)
    with pytest.raises(ConfigurationError):
        await open_microphone("wav:", CLOCK)


@pytest.mark.usefixtures("listed")
async def test_a_list_falls_back_in_its_order(tmp_path: Path) -> None:
    chosen = await open_microphone([f"wav:{tmp_path / 'missing.wav'}", "theremin", "headset", "default"], CLOCK)
    assert chosen.device is not None
    assert chosen.device.description == "USB headset (PortAudio)"
    assert len(chosen.notes) == 2
    assert "missing.wav cannot be read" in chosen.notes[0]
    assert chosen.notes[1] == "The microphone 'theremin' is not used: There is no microphone 'theremin'."


@pytest.mark.usefixtures("without_portaudio", "without_pygame")
async def test_a_list_goes_on_behind_a_default_that_finds_nothing(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", bytes(100))
    chosen = await open_microphone(["default", f"wav:{tmp_path / 'in.wav'}"], CLOCK)
    assert isinstance(chosen.device, WavMicrophone)
    assert len(chosen.notes) == 2
    assert (await open_microphone(["theremin", "none"], CLOCK)).device is None


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("names", [[], ["theremin"], ["theremin", "ondes"]])
async def test_a_list_of_which_nothing_serves_stops_the_start(names: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"No microphone of the list can be used\..*Add 'default' or 'none'"):
        await open_microphone(names, CLOCK)


async def test_a_search_that_hangs_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading  # noqa: PLC0415

    release = threading.Event()
    monkeypatch.setattr(choice, "_PROBING", 0.05)
    monkeypatch.setattr(portaudio, "list_devices", lambda kind, rescan=False: release.wait(10))
    try:
        with pytest.raises(ConfigurationError, match="did not answer within"):
            await open_microphone("theremin", CLOCK)
    finally:
        release.set()


@pytest.mark.usefixtures("without_portaudio", "without_pygame")
async def test_a_report_says_what_does_not_work() -> None:
    report = await describe_devices()
    assert report.devices == []
    assert len(report.problems) == 2
    assert "libportaudio2" in report.problems[0]


# On the virtual card


@pytest.mark.soundcard
async def test_devices_of_the_card_are_listed(soundcard: Card) -> None:
    await open_microphone("pulse", CLOCK)  # looked for by name, so PortAudio scans afresh
    report = await describe_devices()
    assert report.problems == []
    found = {(device.kind, device.system, device.name): device for device in report.devices}
    assert found["microphone", "PortAudio", "default"].default
    assert found["loudspeaker", "PortAudio", "pulse"].rate >= 8_000
    assert found["microphone", "pygame", "Bureau"].default
    assert found["loudspeaker", "pygame", "Parlour"].default
    assert not found["loudspeaker", "pygame", "Attic"].default
    assert found["loudspeaker", "pygame", "Parlour"].rate == 48_000


@pytest.mark.soundcard
@pytest.mark.usefixtures("without_portaudio")
async def test_without_portaudio_the_default_is_pygame(soundcard: Card) -> None:
    microphone = await open_microphone("default", CLOCK)
    loudspeaker = await open_loudspeaker("default", CLOCK)
    assert microphone.device is not None
    assert microphone.device.description == "Bureau (pygame)"
    assert loudspeaker.device is not None
    assert loudspeaker.device.description == "Parlour (pygame)"
    assert [note.partition(",")[0] for note in microphone.notes + loudspeaker.notes] == [
        "PortAudio is not installed"
    ] * 2


@pytest.mark.soundcard
async def test_a_sound_server_that_starts_late_is_found(soundcard: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setenv("SDL_AUDIODRIVER", "dsp")  # of which no machine has any left
        library = sdl._sdl()
        assert library is not None
        library.SDL_AudioQuit()
        library.SDL_AudioInit(None)
        assert [each.name for each in sdl.list_devices("microphone")] == []
    assert [each.name for each in sdl.list_devices("microphone")] == ["Bureau"]


@pytest.mark.soundcard
async def test_a_device_of_sdl_is_found_by_name(soundcard: Card) -> None:
    chosen = await open_loudspeaker("attic", CLOCK)
    assert chosen.device is not None
    assert chosen.device.description == "Attic (pygame)"


@pytest.mark.soundcard
async def test_a_device_that_was_unplugged_is_refused(soundcard: Card) -> None:
    with pytest.raises(DeviceError, match="cannot be opened"):
        sdl.SdlInput(device("Gone", 0, "pygame"))
    stream = portaudio.PortAudioInput(portaudio.list_devices("microphone", rescan=True)[0])
    stream._name = "Gone"
    with pytest.raises(DeviceError, match="The microphone Gone is gone"):
        stream.start(lambda data: None, lambda: None)
