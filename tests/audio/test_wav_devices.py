"""WAV files as microphone and loudspeaker: paced by one clock, aligned to the sample, robust against bad files."""

from __future__ import annotations

import itertools
import struct
import tracemalloc
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from channels.clock import AudioClock
from channels.gate import Gate, Slot
from channels.messages import FRAME_SAMPLES, Frame, Source, Utterance
from channels.turn import Turn
from harry.audio.resampling import Layout, Reblocker, Resampler
from harry.audio.wav import WavLoudspeaker, WavMicrophone
from harry.errors import DeviceError

RATE = 24_000
BLOCK = RATE // 100


def pcm_of(samples: npt.ArrayLike) -> bytes:
    return np.asarray(samples).astype("<i2").tobytes()


def write_wav(
    path: Path, data: bytes, *, rate: int = 16_000, channels: int = 1, width: int = 2, form: int = 1, promise: int = 0
) -> Path:
    frame = channels * width
    head = struct.pack("<HHIIHH", form, channels, rate, rate * frame, frame, 8 * width)
    if form == 0xFFFE:
        head += struct.pack("<HHI", 22, 8 * width, 0) + struct.pack("<H", 1) + b"\x00\x00\x00\x00\x10\x00" + bytes(8)
    fmt = struct.pack("<4sI", b"fmt ", len(head)) + head
    note = struct.pack("<4sI", b"LIST", 3) + b"odd\x00"  # chunks nobody asked for, of odd size, stand before the sound
    body = b"WAVE" + fmt + note + struct.pack("<4sI", b"data", len(data) + promise) + data
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
    return path


def read_wav(path: Path) -> npt.NDArray[np.int16]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def started() -> AudioClock:
    clock = AudioClock()
    clock.start()
    return clock


def a_turn() -> Turn:
    return Turn(Utterance("u", "", Source.TYPED), "user", "session", "default")


async def hear_for(microphone: WavMicrophone, clock: AudioClock, until: float) -> list[tuple[float, Frame]]:
    heard: list[tuple[float, Frame]] = []
    with trio.move_on_at(clock.to_trio_time(until)):
        await microphone.capture(lambda frame: heard.append((clock.now(), frame)))
    return heard


def sound_of(heard: list[tuple[float, Frame]]) -> npt.NDArray[np.int16]:
    return np.frombuffer(b"".join(frame.pcm for _, frame in heard), dtype="<i2")


# The microphone


async def test_a_frame_is_heard_when_its_last_sample_has_elapsed(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    samples = np.arange(3 * FRAME_SAMPLES)
    clock = started()
    microphone = WavMicrophone(write_wav(tmp_path / "in.wav", pcm_of(samples)), clock)
    heard = await hear_for(microphone, clock, 0.2)
    assert [at for at, _ in heard] == pytest.approx([0.032 * k for k in range(1, 7)])
    assert [frame.start for _, frame in heard] == [FRAME_SAMPLES * k for k in range(6)]
    assert (sound_of(heard)[: len(samples)] == samples).all()
    assert not sound_of(heard)[len(samples) :].any()


async def test_the_end_is_told_once_and_silence_follows(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    clock = started()
    microphone = WavMicrophone(write_wav(tmp_path / "in.wav", pcm_of(np.ones(700))), clock)
    ended_at: list[float] = []

    async def note_the_end() -> None:
        await microphone.ended.wait()
        ended_at.append(clock.now())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(note_the_end)
        heard = await hear_for(microphone, clock, 3600.01)
    assert ended_at == pytest.approx([0.064])
    assert len(heard) == 112_500
    assert sound_of(heard).sum() == 700


async def test_a_stalled_microphone_catches_up_without_a_gap(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    clock = started()
    samples = np.arange(31 * FRAME_SAMPLES)
    microphone = WavMicrophone(write_wav(tmp_path / "in.wav", pcm_of(samples)), clock)
    await trio.sleep(0.5)  # the session was busy when its clock began
    heard = await hear_for(microphone, clock, 0.6)
    assert [frame.start for _, frame in heard] == [FRAME_SAMPLES * k for k in range(18)]
    assert [at for at, _ in heard[:15]] == pytest.approx([0.5] * 15)
    assert heard[15][0] == pytest.approx(0.512)
    assert (sound_of(heard) == samples[: 18 * FRAME_SAMPLES]).all()


async def test_a_capture_that_was_ended_goes_on_where_it_was(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    clock = started()
    samples = np.arange(20 * FRAME_SAMPLES)
    microphone = WavMicrophone(write_wav(tmp_path / "in.wav", pcm_of(samples)), clock)
    heard = await hear_for(microphone, clock, 0.1)
    heard += await hear_for(microphone, clock, 0.65)
    assert (sound_of(heard) == samples).all()


def sine(rate: int, seconds: float = 0.5) -> npt.NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
async def test_any_rate_is_heard_in_step(rate: int, tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    clock = started()
    microphone = WavMicrophone(write_wav(tmp_path / "in.wav", pcm_of(sine(rate) * 32767), rate=rate), clock)
    sound = sound_of(await hear_for(microphone, clock, 0.65)) / 32768
    assert np.abs(sound[200:7800] - sine(16_000)[200:7800]).max() < 0.01
    assert np.abs(sound[8200:]).max() < 0.01


def packed(sound: npt.NDArray[np.float64], width: int, form: int) -> bytes:
    if form == 3:
        return sound.astype(f"<f{width}").tobytes()
    if width == 1:
        return (sound * 127 + 128).astype(np.uint8).tobytes()
    if width == 3:
        return (sound * (1 << 31)).astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    return (sound * ((1 << 8 * width - 1) - 1)).astype(f"<i{width}").tobytes()


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(("width", "form"), [(1, 1), (2, 1), (3, 1), (4, 1), (2, 0xFFFE), (3, 0xFFFE), (4, 3), (8, 3)])
async def test_any_sample_format_and_channel_count_is_heard(
    width: int, form: int, channels: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    clock = started()
    loud = np.outer(sine(16_000), np.arange(1, channels + 1) / channels)  # each channel at a level of its own
    path = write_wav(tmp_path / "in.wav", packed(loud.ravel(), width, form), width=width, form=form, channels=channels)
    sound = sound_of(await hear_for(WavMicrophone(path, clock), clock, 0.5)) / 32768
    assert np.abs(sound - loud.mean(axis=1)[: len(sound)]).max() < 2 / (128 if width == 1 else 1 << 14)


async def test_what_is_not_a_number_is_silence(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    clock = started()
    data = np.array([np.nan, np.inf, -np.inf, 0.5] * 128, dtype="<f4").tobytes()
    path = write_wav(tmp_path / "in.wav", data, width=4, form=3)
    sound = sound_of(await hear_for(WavMicrophone(path, clock), clock, 0.04))
    assert sound[:4].tolist() == [0, 32767, -32768, 16384]


async def test_a_truncated_file_is_played_as_far_as_it_goes(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    clock = started()
    path = write_wav(tmp_path / "in.wav", pcm_of(np.ones(1000)) + b"\x01", promise=1_000_000)
    microphone = WavMicrophone(path, clock)
    heard = await hear_for(microphone, clock, 0.2)
    assert sound_of(heard).sum() == 1000
    assert microphone.ended.is_set()


async def test_a_file_without_samples_is_silence_that_has_ended(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    clock = started()
    microphone = WavMicrophone(write_wav(tmp_path / "in.wav", b""), clock)
    heard = await hear_for(microphone, clock, 0.04)
    assert microphone.ended.is_set()
    assert [frame.pcm for _, frame in heard] == [bytes(1024)]


def nothing(path: Path) -> None:
    pass


def an_empty_file(path: Path) -> None:
    path.write_bytes(b"")


def a_text(path: Path) -> None:
    path.write_text("Dear diary")


def a_folder(path: Path) -> None:
    path.mkdir()


def half_a_header(path: Path) -> None:
    write_wav(path, bytes(100))
    path.write_bytes(path.read_bytes()[:30])


def no_data_chunk(path: Path) -> None:
    write_wav(path, b"")
    path.write_bytes(path.read_bytes()[:-8])


def a_compressed_file(path: Path) -> None:
    write_wav(path, bytes(100), form=0x55)


def a_rate_beyond_reason(path: Path) -> None:
    write_wav(path, bytes(100), rate=4_000)


def no_channels(path: Path) -> None:
    write_wav(path, bytes(100), channels=0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (nothing, "cannot be read: no such file or directory."),
        (an_empty_file, "is empty."),
        (a_text, "is not a WAV file."),
        (a_folder, "is not a file"),
        (half_a_header, "breaks off before its sound begins."),
        (no_data_chunk, "breaks off before its sound begins."),
        (a_compressed_file, "is of a kind Harry cannot read (format 85, 16 bits)."),
        (a_rate_beyond_reason, "at 4000 Hz; Harry reads"),
        (no_channels, "has 0 channels"),
    ],
)
async def test_a_bad_file_is_refused_in_one_sentence(make: Callable[[Path], None], says: str, tmp_path: Path) -> None:
    make(tmp_path / "in.wav")
    with pytest.raises(DeviceError) as refusal:
        WavMicrophone(tmp_path / "in.wav", AudioClock())
    assert says in refusal.value.message
    assert str(tmp_path / "in.wav") in refusal.value.message


async def test_a_long_recording_is_not_held_in_memory(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    path = write_wav(tmp_path / "in.wav", b"", rate=48_000, channels=2)
    with path.open("r+b") as file:  # ten minutes of silence, sparse on the disk
        file.truncate(path.stat().st_size + 600 * 48_000 * 4)
        file.seek(path.stat().st_size - 600 * 48_000 * 4 - 4)
        file.write(struct.pack("<I", 600 * 48_000 * 4))
    clock = started()
    microphone = WavMicrophone(path, clock)
    tracemalloc.start()
    try:
        with trio.move_on_at(clock.to_trio_time(20)):
            await microphone.capture(lambda frame: None)
        assert not microphone.ended.is_set()
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


# The loudspeaker


async def speak(slot: Slot, pcm: bytes) -> None:
    await slot.write(pcm)
    slot.finish()


async def test_the_loudspeaker_file_is_the_clock(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    clock = started()
    loudspeaker = WavLoudspeaker(tmp_path / "out.wav", clock)
    gate = Gate(loudspeaker.rate)
    gate.attach(loudspeaker)
    said = np.arange(1, 3001)
    async with trio.open_nursery() as nursery:
        await nursery.start(loudspeaker.play, gate)
        await trio.sleep_until(clock.to_trio_time(1.234))
        slot = gate.admit(a_turn())
        await speak(slot, pcm_of(said))
        assert await slot.wait_played()
        # It began with the block of 1.240 s, lasted 125 ms, and was over at the end of its last block.
        assert clock.now() == pytest.approx(1.370)
        await trio.sleep_until(clock.to_trio_time(2.0001))
        nursery.cancel_scope.cancel()
    sound = read_wav(tmp_path / "out.wav")
    assert len(sound) == 48_002
    assert (sound[29_760:32_760] == said).all()
    assert not sound[:29_760].any()
    assert not sound[32_760:].any()


async def test_both_files_run_in_step_to_the_sample(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    """What is heard is repeated at once, behind 10 ms of silence: all of it stands in the other file 50 ms later."""
    spoken = np.random.default_rng(7).integers(-9_000, 9_000, 48_000)
    clock = started()
    microphone = WavMicrophone(write_wav(tmp_path / "in.wav", pcm_of(spoken)), clock)
    loudspeaker = WavLoudspeaker(tmp_path / "out.wav", clock, rate=16_000)
    gate = Gate(16_000)
    gate.attach(loudspeaker)
    slot = gate.admit(a_turn())
    mouth, ear = trio.open_memory_channel[Frame](8)

    async def repeat() -> None:
        await ear.receive()
        await slot.write(bytes(160 * 2) + pcm_of(spoken[:FRAME_SAMPLES]))
        async for frame in ear:
            await slot.write(frame.pcm)

    async with trio.open_nursery() as nursery:
        await nursery.start(loudspeaker.play, gate)
        nursery.start_soon(repeat)
        await nursery.start(microphone.capture, mouth.send_nowait)
        await trio.sleep_until(clock.to_trio_time(3))
        nursery.cancel_scope.cancel()
    # The first frame had elapsed at 32 ms; the pull after it is that of 40 ms, and the silence takes 10 more.
    played = read_wav(tmp_path / "out.wav")
    assert not played[:800].any()
    assert (played[800:] == spoken[: 48_000 - 800]).all()


@pytest.mark.parametrize(("at", "kept"), [(0.1000, 0), (0.1025, 60), (0.10377, 90), (0.10999, 239)])
async def test_a_flush_blanks_what_has_not_sounded(
    at: float, kept: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    clock = started()
    loudspeaker = WavLoudspeaker(tmp_path / "out.wav", clock)
    gate = Gate(RATE)
    gate.attach(loudspeaker)
    slot = gate.admit(a_turn())
    said = np.arange(1, 4801)
    async with trio.open_nursery() as nursery:
        await nursery.start(loudspeaker.play, gate)
        await slot.write(pcm_of(said))
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep_until(clock.to_trio_time(at))
        await trio.testing.wait_all_tasks_blocked()
        assert loudspeaker.pending() == BLOCK - kept
        assert gate.close(slot) == 0
        assert loudspeaker.pending() == 0
        assert loudspeaker.flush() == 0
        await trio.sleep_until(clock.to_trio_time(0.3))
        nursery.cancel_scope.cancel()
    sound = read_wav(tmp_path / "out.wav")
    heard = np.flatnonzero(sound)
    assert len(heard) == slot.samples_heard
    assert heard[-1] + 1 == 10 * BLOCK + kept
    assert (sound[heard] == said[: len(heard)]).all()


async def test_pausing_in_the_middle_of_a_block_loses_no_sample(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    clock = started()
    loudspeaker = WavLoudspeaker(tmp_path / "out.wav", clock)
    gate = Gate(RATE)
    gate.attach(loudspeaker)
    slot = gate.admit(a_turn())
    said = np.arange(1, 4801)
    async with trio.open_nursery() as nursery:
        await nursery.start(loudspeaker.play, gate)
        await slot.write(pcm_of(said))
        for at in (0.0533, 0.1234, 0.1801):
            await trio.sleep_until(clock.to_trio_time(at))
            gate.pause(slot)
            await trio.sleep(0.0071)
            gate.resume(slot)
        await trio.sleep_until(clock.to_trio_time(0.5))
        nursery.cancel_scope.cancel()
    sound = read_wav(tmp_path / "out.wav")
    assert (sound[sound != 0] == said).all()
    assert len(sound) == 12_000


async def test_a_stalled_loudspeaker_stays_in_step(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    clock = started()
    loudspeaker = WavLoudspeaker(tmp_path / "out.wav", clock)
    gate = Gate(RATE)
    await trio.sleep(0.5)
    pulls: list[tuple[float, int]] = []
    pull = gate.pull
    gate.pull = lambda into: (pulls.append((clock.now(), len(into))), pull(into))[1]  # type: ignore[method-assign]
    with trio.move_on_at(clock.to_trio_time(0.6)):
        await loudspeaker.play(gate)
    assert [at for at, _ in pulls[:51]] == pytest.approx([0.5] * 51)
    assert [at for at, _ in pulls[51:60]] == pytest.approx([0.51 + 0.01 * k for k in range(9)])
    assert len(read_wav(tmp_path / "out.wav")) == 14_400


async def test_what_the_last_block_held_was_not_heard(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    clock = started()
    loudspeaker = WavLoudspeaker(tmp_path / "out.wav", clock)
    gate = Gate(RATE)
    gate.attach(loudspeaker)
    slot = gate.admit(a_turn())
    await slot.write(pcm_of(np.ones(4800)))
    with trio.move_on_at(clock.to_trio_time(0.0525)):
        await loudspeaker.play(gate)
    assert loudspeaker.pending() == 180
    await trio.sleep(1)
    gate.close(slot)
    assert slot.samples_heard == 1260 == read_wav(tmp_path / "out.wav").sum()


async def test_the_file_is_valid_while_it_is_written(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    clock = started()
    loudspeaker = WavLoudspeaker(tmp_path / "out.wav", clock)
    assert len(read_wav(tmp_path / "out.wav")) == 0
    async with trio.open_nursery() as nursery:
        await nursery.start(loudspeaker.play, Gate(RATE))
        for second in range(1, 4):
            await trio.sleep_until(clock.to_trio_time(second + 0.5))
            assert len(read_wav(tmp_path / "out.wav")) == second * RATE
        nursery.cancel_scope.cancel()
    assert len(read_wav(tmp_path / "out.wav")) == 84_000


async def test_playing_again_goes_on_in_the_same_file(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    clock = started()
    loudspeaker = WavLoudspeaker(tmp_path / "out.wav", clock)
    gate = Gate(RATE)
    with trio.move_on_at(clock.to_trio_time(0.1234)):
        await loudspeaker.play(gate)
    await trio.sleep_until(clock.to_trio_time(2))
    slot = gate.admit(a_turn())
    with trio.move_on_at(clock.to_trio_time(2.5)):
        async with trio.open_nursery() as nursery:
            await nursery.start(loudspeaker.play, gate)
            await trio.testing.wait_all_tasks_blocked()
            await slot.write(pcm_of(np.ones(240)))
    sound = read_wav(tmp_path / "out.wav")
    assert len(sound) == 60_000
    assert sound.sum() == 240
    assert np.flatnonzero(sound)[0] >= 48_000


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
async def test_any_loudspeaker_rate_keeps_the_clock(
    rate: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    clock = started()
    loudspeaker = WavLoudspeaker(tmp_path / "out.wav", clock, rate)
    with trio.move_on_at(clock.to_trio_time(10)):
        await loudspeaker.play(Gate(rate))
    assert len(read_wav(tmp_path / "out.wav")) == 10 * rate


@pytest.mark.parametrize(
    ("path", "says"),
    [("missing/out.wav", "cannot be written: no such file or directory."), ("folder", "is not a file")],
)
async def test_an_output_that_cannot_be_made_is_refused(path: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DeviceError) as refusal:
        WavLoudspeaker(tmp_path / path, AudioClock())
    assert says in refusal.value.message


async def test_a_full_disk_is_told_in_a_sentence(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = started()
    (tmp_path / "out.wav").symlink_to("/dev/full")
    monkeypatch.setattr(Path, "is_file", lambda self: True)
    with pytest.raises(DeviceError, match="cannot be written: no space left on device"):
        WavLoudspeaker(tmp_path / "out.wav", clock)


# Samples and rates


async def test_silence_of_eight_bits_is_silence(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    clock = started()
    path = write_wav(tmp_path / "in.wav", bytes([128]) * 1024, width=1)
    assert not sound_of(await hear_for(WavMicrophone(path, clock), clock, 0.05)).any()


@pytest.mark.parametrize(("source", "target"), [(22_050, 24_000), (24_000, 22_050), (16_000, 48_000), (24_000, 24_000)])
def test_resampling_in_pieces_keeps_length_and_sound(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    pcm = pcm_of(sine(source) * 32767)
    pieces = [pcm[at : at + 1000] for at in range(0, len(pcm), 1000)]
    out = b"".join(resampler.push(piece, last=piece is pieces[-1]) for piece in pieces)
    sound = np.frombuffer(out, "<i2") / 32768
    wanted = sine(target)
    assert abs(len(sound) - len(wanted)) <= 1
    assert np.abs(sound[200:-200] - wanted[200 : len(sound) - 200]).max() < 0.01


@given(
    cuts=st.lists(st.integers(0, 5000), max_size=12),
    rate=st.sampled_from([8_000, 16_000, 44_100]),
    channels=st.integers(1, 3),
)
def test_buffers_of_any_size_make_the_same_frames(cuts: list[int], rate: int, channels: int) -> None:
    data = np.random.default_rng(1).integers(-9000, 9000, 2500 * channels).astype("<i2").tobytes()
    whole = Reblocker(Layout(rate, channels, "int16")).push(data, last=True)
    reblocker = Reblocker(Layout(rate, channels, "int16"))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    frames = [frame for a, b in itertools.pairwise(edges) for frame in reblocker.push(data[a:b])]
    frames += reblocker.push(b"", last=True)
    assert b"".join(frames) == b"".join(whole)
    assert {len(frame) for frame in frames} == {FRAME_SAMPLES * 2}
