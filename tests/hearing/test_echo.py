"""Harry's own voice in the microphone: cancelled, told from a person's, and never mistaken for silence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.protocols import Samples
from channels.messages import EAR_RATE, FRAME_SAMPLES
from harry.bench.echo import MINUTE, listen, make_interruptions, make_monologue, measure_notice, rooms
from harry.bench.room import (
    RECORDINGS,
    Room,
    Voice,
    find_first_voiced,
    load_people,
    measure_sounding_rms,
    scale_to_voice_level,
)
from harry.hearing.echo.canceller import Duplex, EchoCanceller, EchoResult
from harry.hearing.echo.delay import DelayFinder
from harry.hearing.echo.evidence import BANDS, Equaliser
from harry.hearing.echo.filter import BLOCK, PathFilter
from harry.hearing.echo.history import History
from tests.support.recorded_speech import ON_CI, embedded

SECOND = EAR_RATE


def speech_like(seconds: float, seed: int = 1) -> Samples:
    """Noise with a voice's spectrum, in syllables with pauses: enough for a canceller, nothing for a listener."""
    dice = np.random.default_rng(seed)
    noise = dice.standard_normal(int(seconds * SECOND))
    dull = np.convolve(noise, 0.85 ** np.arange(40), "same")
    syllables = np.repeat(np.clip(dice.normal(0.5, 0.5, int(seconds * 5) + 1), 0.0, 1.0), SECOND // 5)[: len(dull)]
    sound = dull * np.convolve(syllables, np.hanning(800) / 400, "same")
    level: Samples = (0.4 * sound / np.abs(sound).max()).astype(np.float32)
    return level


def run(
    canceller: EchoCanceller, microphone: Samples, reference: Samples, size: int = FRAME_SAMPLES
) -> list[EchoResult]:
    whole = len(microphone) // size * size
    return [canceller.process(microphone[at : at + size], reference[at : at + size]) for at in range(0, whole, size)]


def power(samples: Samples) -> float:
    return float(np.square(samples).mean())


def left(heard: list[EchoResult], since: int) -> float:
    """Mean power of the residual, from a frame on, before the equaliser."""
    return float(np.mean([10 ** (each.residual_level / 10) for each in heard[since:]]))


# What goes through untouched


def test_while_harry_is_silent_the_microphone_passes_sample_for_sample_and_everything_is_near() -> None:
    canceller = EchoCanceller()
    microphone = speech_like(2)
    for number, heard in enumerate(run(canceller, microphone, np.zeros_like(microphone))):
        if number * FRAME_SAMPLES > SECOND:
            assert heard.near
            at = number * FRAME_SAMPLES
            assert np.array_equal(heard.samples, microphone[at : at + FRAME_SAMPLES])


def test_after_harry_has_spoken_the_microphone_passes_untouched_again() -> None:
    reference = np.concatenate((speech_like(4), np.zeros(2 * SECOND, np.float32)))
    microphone = Room().hear(reference)
    heard = run(EchoCanceller(), microphone, reference)
    at = (len(heard) - 1) * FRAME_SAMPLES
    assert heard[-1].near
    assert np.array_equal(heard[-1].samples, microphone[at : at + FRAME_SAMPLES])


def test_a_frame_of_another_size_than_its_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 256"):
        EchoCanceller().process(np.zeros(512, np.float32), np.zeros(256, np.float32))
    with pytest.raises(ValueError, match="multiples of 256"):
        EchoCanceller().process(np.zeros(300, np.float32), np.zeros(300, np.float32))


# Calibration


@pytest.mark.parametrize("drift", [-100.0, 0.0, 100.0])
@pytest.mark.parametrize("delay", [0.02, 0.13, 0.3])
def test_a_greeting_tells_delay_and_drift(delay: float, drift: float) -> None:
    reference = speech_like(6)
    canceller = EchoCanceller()
    run(canceller, Room(delay=delay, drift=drift).hear(reference), reference)
    known = canceller.read_calibration()
    assert known.duplex is Duplex.FULL
    assert known.delay == pytest.approx(delay - 6 * drift * 1e-6, abs=0.001)
    assert known.drift == pytest.approx(drift, abs=12)
    assert "ms" in canceller.describe()


def test_the_delay_is_known_within_a_second_of_speech() -> None:
    reference = speech_like(1)
    canceller = EchoCanceller()
    run(canceller, Room(delay=0.2).hear(reference), reference)
    assert canceller.duplex is Duplex.FULL


def test_the_loss_of_the_echo_is_told_in_decibels() -> None:
    reference = speech_like(8)
    louder, softer = EchoCanceller(), EchoCanceller()
    run(louder, Room(echo=0.0).hear(reference), reference)
    run(softer, Room(echo=-10.0).hear(reference), reference)
    one, other = louder.read_calibration().loss, softer.read_calibration().loss
    assert one is not None
    assert other is not None
    assert other - one == pytest.approx(10, abs=1)


def test_before_anything_was_spoken_nothing_is_claimed() -> None:
    known = EchoCanceller().read_calibration()
    assert (known.duplex, known.delay, known.drift) == (Duplex.LEARNING, None, None)


def test_with_headphones_everything_is_near_and_nothing_is_changed() -> None:
    reference = speech_like(12)
    noise = np.random.default_rng(77).standard_normal(len(reference)).astype(np.float32) * np.float32(1e-3)
    canceller = EchoCanceller()
    heard = run(canceller, noise, reference)
    assert canceller.duplex is Duplex.APART
    assert heard[-1].near
    assert not canceller.half_duplex


def test_an_echo_that_has_nothing_to_do_with_the_reference_means_half_duplex() -> None:
    reference, other = speech_like(25, seed=1), speech_like(25, seed=2)
    canceller = EchoCanceller()
    heard = run(canceller, Room().hear(other), reference)
    assert canceller.half_duplex
    assert not heard[-1].near
    assert "does not listen" in canceller.describe()


# Cancelling


def test_a_linear_echo_is_cancelled_by_25_db_in_spite_of_drift() -> None:
    reference = speech_like(10)
    microphone = Room(drift=100, drive=0.0, noise=-60).hear(reference)
    heard = run(EchoCanceller(), microphone, reference)
    since = 6 * SECOND // FRAME_SAMPLES
    assert left(heard, since) < power(microphone[since * FRAME_SAMPLES :]) * 10**-2.5


def test_frames_of_256_are_cancelled_like_frames_of_512() -> None:
    reference = speech_like(6)
    microphone = Room().hear(reference)
    large = run(EchoCanceller(), microphone, reference)
    small = run(EchoCanceller(), microphone, reference, size=256)
    assert len(small) // 2 == len(large)
    assert left(small, len(small) // 2) == pytest.approx(left(large, len(large) // 2), rel=0.3)


def test_when_the_delay_jumps_the_canceller_finds_it_again() -> None:
    reference = speech_like(16)
    room = Room(delay=0.1, drift=0)
    microphone = room.hear(reference)
    microphone[8 * SECOND :] = replace(room, delay=0.16).hear(reference)[8 * SECOND :]
    canceller = EchoCanceller()
    run(canceller, microphone, reference)
    assert canceller.read_calibration().delay == pytest.approx(0.16, abs=0.002)


def test_when_the_loudspeaker_is_moved_the_echo_is_learned_anew() -> None:
    reference = speech_like(16)
    microphone = Room(drift=0, moved=8.0, drive=0.0).hear(reference)
    heard = run(EchoCanceller(), microphone, reference)
    since = 12 * SECOND // FRAME_SAMPLES
    assert left(heard, since) < power(microphone[since * FRAME_SAMPLES :]) * 10**-1.5


def test_after_a_long_silence_of_harrys_a_drifting_echo_is_cancelled_at_once() -> None:
    reference = np.concatenate((speech_like(8), np.zeros(20 * SECOND, np.float32), speech_like(3, seed=3)))
    microphone = Room(drift=100, delay=0.2).hear(reference)
    heard = run(EchoCanceller(), microphone, reference)
    since = 28 * SECOND // FRAME_SAMPLES
    assert left(heard, since) < power(microphone[since * FRAME_SAMPLES :]) * 10**-1.2
    assert not any(each.near and each.predicted_level > -60 for each in heard[since:])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["silence", "noise", "clipping", "tone"]), min_size=1, max_size=12), st.integers(0, 99))
def test_whatever_comes_in_finite_sound_of_the_same_length_comes_out(kinds: list[str], seed: int) -> None:
    dice = np.random.default_rng(seed)
    sounds = {
        "silence": np.zeros(2560, np.float32),
        "noise": dice.standard_normal(2560).astype(np.float32) * np.float32(0.1),
        "clipping": np.sign(dice.standard_normal(2560)).astype(np.float32),
        "tone": np.sin(np.arange(2560) * 0.3).astype(np.float32),
    }
    reference = np.concatenate([sounds[kind] for kind in kinds])
    microphone = np.roll(reference, 700)[::-1].copy() if seed % 2 else np.roll(reference, 700)
    for heard in run(EchoCanceller(), microphone, reference):
        assert heard.samples.shape == (FRAME_SAMPLES,)
        assert np.isfinite(heard.samples).all()
        assert np.isfinite([heard.score, heard.predicted_level, heard.residual_level]).all()


# The parts


def test_the_filter_learns_a_path_and_unlearns_it() -> None:
    reference = speech_like(4)
    echo = np.concatenate((np.zeros(500, np.float32), reference[:-500])) * np.float32(0.5)
    path = PathFilter(4, 0.9995)
    blocks = [(echo[at : at + BLOCK], reference[at : at + BLOCK]) for at in range(0, len(echo) - BLOCK, BLOCK)]
    for microphone, played in blocks[:-60]:
        path.process(microphone, played)
    errors = [microphone - path.process(microphone, played) for microphone, played in blocks[-60:]]
    assert power(np.concatenate(errors)) < 0.01 * power(echo)
    path.forget()
    assert not path.weights.any()


def test_two_looks_agree_on_the_delay_and_one_says_nothing() -> None:
    reference = speech_like(3)
    microphone = np.concatenate((np.zeros(1234, np.float32), reference[:-1234]))
    finder = DelayFinder()
    window = DelayFinder.WINDOW
    assert finder.look(microphone[:window], reference[:window]) is None
    assert finder.look(microphone[2048 : 2048 + window], reference[2048 : 2048 + window]) == 1234


def test_unrelated_sounds_have_no_delay() -> None:
    finder = DelayFinder()
    window = DelayFinder.WINDOW
    found = [finder.look(speech_like(1.1, seed)[:window], speech_like(1.1, seed + 50)[:window]) for seed in range(6)]
    assert found == [None] * 6


@pytest.mark.parametrize("delay", [8.0, 8.25, 100.5, 3000.75])
def test_the_reference_is_read_late_by_fractions_of_a_sample(delay: float) -> None:
    history = History()
    tone = np.sin(np.arange(80_000) * 0.2).astype(np.float32)
    for at in range(0, len(tone), FRAME_SAMPLES):
        history.push(tone[at : at + FRAME_SAMPLES])
    wanted = np.sin((np.arange(len(tone) - BLOCK, len(tone)) - delay) * 0.2)
    assert np.allclose(history.read(BLOCK, BLOCK, delay), wanted, atol=0.01)


def test_the_equaliser_adds_no_delay_and_weakens_the_bands_it_is_told_to() -> None:
    equaliser = Equaliser()
    gains = np.full(BANDS, 1.0, np.float32)
    gains[BANDS // 2 :] = 0.05
    low, high = (np.sin(np.arange(40 * BLOCK) * 2 * np.pi * hz / EAR_RATE).astype(np.float32) for hz in (300, 5000))
    out = [
        np.concatenate([equaliser.apply(x[at : at + BLOCK], gains) for at in range(0, len(x), BLOCK)])
        for x in (low, high)
    ]
    assert power(out[0]) == pytest.approx(power(low), rel=0.2)
    assert power(out[1]) < 0.02 * power(high)
    shifts = [float(np.dot(out[0][BLOCK:-BLOCK], np.roll(low, shift)[BLOCK:-BLOCK])) for shift in range(-20, 21)]
    assert abs(int(np.argmax(shifts)) - 20) <= 8  # half a millisecond


# The room


def test_a_room_sounds_the_same_each_time_and_another_seed_differently() -> None:
    reference = speech_like(1)
    assert np.array_equal(Room(seed=3).hear(reference), Room(seed=3).hear(reference))
    assert not np.array_equal(Room(seed=3).hear(reference), Room(seed=4).hear(reference))


def test_echo_and_voice_are_equally_loud_at_0_db() -> None:
    reference = speech_like(4)
    assert measure_sounding_rms(Room(noise=-80).hear(reference)) == pytest.approx(
        measure_sounding_rms(scale_to_voice_level(reference)), rel=0.1
    )


def test_the_echo_comes_after_its_delay_and_a_voice_at_its_place() -> None:
    click = np.zeros(SECOND, np.float32)
    click[1000] = 0.9
    heard = Room(delay=0.1, drift=0, noise=-90, drive=0).hear(click)
    assert int(np.abs(heard).argmax()) == pytest.approx(1000 + 1600, abs=1)
    voice = Voice(4000, np.concatenate((np.zeros(1600, np.float32), np.full(3200, 0.5, np.float32))))
    heard = Room(noise=-90).hear(np.zeros(SECOND, np.float32), [voice])
    assert voice.onset == 5600
    assert 4000 + find_first_voiced(heard[4000:]) == voice.onset


# With real voices and the real detector


def voices() -> list[Samples]:
    found = load_people()
    if not found and not ON_CI:
        pytest.skip("pocketsphinx-testdata is not installed (make system-packages)")
    assert found, RECORDINGS
    return found


@pytest.mark.recordings
@pytest.mark.embedded
def test_a_reader_on_the_loudspeaker_causes_no_pause_and_people_over_it_are_heard() -> None:
    embedded("voice_activity", "silero")
    readers = [voice * np.float32(3) for voice in voices() if len(voice) > 3 * SECOND]
    others = [voice for voice in voices() if len(voice) <= 3 * SECOND]
    false, after = 0, []
    for room in rooms(2):
        reference = make_monologue(readers, room.seed, MINUTE // 2)
        false += len(listen(room.hear(reference), reference).pauses)
        over = make_interruptions(others, room.seed, MINUTE // 2)
        noticed = listen(room.hear(reference, over), reference)
        after += [measure_notice(each, noticed.pauses) for each in over]
    heard = [each for each in after if each is not None]
    assert false <= 1
    assert len(heard) >= 0.95 * len(after)
    assert float(np.median(heard)) <= 0.13
