"""Endpointing: when an utterance is over, by silence, by the words and by who speaks.

A scene is drawn one character a window of 32 ms: `#` a voice, `-` a doubtful window, `.` silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.text.phrases import load_phrases
from actors.turn_taking.endpointing import Endpointing, Sign
from actors.turn_taking.turn_completion import COMPLETE, LISTING, OPEN, UNREAD, estimate_finished

WINDOW = 0.032
PROBABILITY = {"#": 0.9, "-": 0.4, ".": 0.02}
ENGLISH = load_phrases("en")


@dataclass
class Scene:
    machine: Endpointing = field(default_factory=Endpointing)
    at: float = 0.0
    signs: list[tuple[float, Sign]] = field(default_factory=list)

    def play(self, windows: str) -> str:
        for sort in windows:
            start, self.at = self.at, self.at + WINDOW
            self.note(self.machine.hear(PROBABILITY[sort], start, self.at))
        return self.story()

    def words(self, text: str) -> None:
        self.note(self.machine.words(text, self.machine.voice_ended_at, self.at))

    def note(self, sign: Sign) -> None:
        if sign is not Sign.NONE:
            self.signs.append((self.at, sign))

    def story(self) -> str:
        return " ".join(sign for _, sign in self.signs)


def silence_needed(text: str | None, machine: Endpointing | None = None, model: float | None = None) -> float:
    """Seconds of silence after which a second of voice with these words is over."""
    scene = Scene(machine or Endpointing())
    scene.play("#" * 30 + "." * 5)
    if text is not None:
        scene.words(text)
    if model is not None:
        scene.note(scene.machine.weigh_turn_model(model, scene.machine.voice_ended_at, scene.at))
    scene.play("." * 100)
    return next(at for at, sign in scene.signs if sign is Sign.STOPPED) - scene.machine.voice_ended_at


@pytest.mark.parametrize(
    ("sentence", "windows", "story"),
    [
        ("a click is no speech", "#....", ""),
        ("two windows of voice are", "##", "started"),
        ("a doubtful window starts nothing", "-" * 20, ""),
        ("a silence is a pause first, and then the end", "#####" + "." * 20, "started paused stopped"),
        ("a short gap is nothing", "#####....####", "started"),
        ("whoever goes on after a pause is told of", "#####......####", "started paused resumed"),
        ("a doubtful window goes on with a voice", "#####" + "-" * 10 + "." * 4, "started"),
        ("but does not take a pause back", "#####......-......-..", "started paused stopped"),
        ("the next utterance is a new one", "####" + "." * 14 + "####", "started paused stopped started"),
    ],
)
def test_an_utterance_is_followed_from_its_start_to_its_end(sentence: str, windows: str, story: str) -> None:
    assert Scene().play(windows) == story, sentence


def test_it_began_with_its_first_window_and_ended_with_its_last_voice() -> None:
    scene = Scene()
    scene.play("..####" + "." * 20)
    assert scene.machine.began_at == pytest.approx(2 * WINDOW)
    assert scene.machine.voice_ended_at == pytest.approx(6 * WINDOW)


def test_a_guess_may_be_made_after_a_sixth_of_a_second() -> None:
    scene = Scene()
    scene.play("#" * 10 + "." * 20)
    paused = next(at for at, sign in scene.signs if sign is Sign.PAUSED)
    assert 0.15 <= paused - 10 * WINDOW <= 0.2


@pytest.mark.parametrize(
    ("text", "at_least", "at_most"),
    [
        ("What time is it?", 0.24, 0.30),
        ("Turn the lights off.", 0.24, 0.30),
        ("I need some milk and", 1.15, 1.25),
        ("So, um,", 1.15, 1.25),
        ("If it rains tomorrow,", 1.15, 1.25),
        ("We need milk, eggs,", 1.15, 1.25),
        ("Turn the lights off,", 0.5, 1.25),
        ("", 0.5, 1.1),
    ],
)
def test_the_silence_needed_is_short_after_a_finished_sentence_and_long_after_an_unfinished_one(
    text: str, at_least: float, at_most: float
) -> None:
    assert at_least <= silence_needed(text) <= at_most + WINDOW


def test_without_words_the_setting_holds_or_the_patience_of_whoever_reads_them() -> None:
    assert silence_needed(None) == pytest.approx(0.416)
    assert silence_needed(None, Endpointing(0.8)) == pytest.approx(0.8)
    assert silence_needed(None, Endpointing(patience=0.7)) == pytest.approx(0.704)


def test_the_setting_scales_all_of_it() -> None:
    assert silence_needed("What time is it?", Endpointing(0.8)) == pytest.approx(0.512)
    assert silence_needed("I need milk and", Endpointing(0.2)) == pytest.approx(0.608)


def test_words_that_come_when_the_silence_was_long_enough_end_it_at_once() -> None:
    scene = Scene(Endpointing(patience=1.0))
    scene.play("#" * 10 + "." * 12)
    assert scene.story() == "started paused"
    scene.words("What time is it?")
    assert scene.story() == "started paused stopped"


def test_words_of_an_earlier_pause_say_nothing_of_this_one() -> None:
    scene = Scene(Endpointing(patience=1.0))
    scene.play("#" * 10 + "." * 6)
    old = scene.machine.voice_ended_at
    scene.play("#" * 10 + "." * 12)
    scene.note(scene.machine.words("What time is it?", old, scene.at))
    assert scene.machine.needed == 1.0
    assert Sign.STOPPED not in [sign for _, sign in scene.signs]


def test_a_turn_model_is_heard_beside_the_words() -> None:
    alone = silence_needed("Can you remind me to call my sister?")
    assert silence_needed("Can you remind me to call my sister?", model=0.1) > alone + 0.2
    assert silence_needed("Turn the lights off,", model=0.9) < silence_needed("Turn the lights off,")
    assert silence_needed(None, model=0.95) < silence_needed(None, model=0.3)


def test_how_the_words_were_spoken_counts_beside_which_they_are() -> None:
    def likelihood(text: str, ear: float | None) -> float:
        machine = Endpointing(speaking=True)
        machine.words(text, 0.0, 0.0, ear)
        return machine.likelihood

    for text in ("And then the fish.", "I need milk and"):
        assert likelihood(text, 0.1) < likelihood(text, None) < likelihood(text, 0.9)
    assert likelihood("I need milk and", 0.8) < likelihood("And then the fish.", 0.2), "an open word weighs more"


def test_what_the_ear_told_of_one_pause_is_forgotten_at_the_next() -> None:
    scene = Scene()
    scene.play("#" * 20 + "." * 6)
    scene.machine.words("And then the fish.", scene.machine.voice_ended_at, scene.at, 0.05)
    unlikely = scene.machine.likelihood
    scene.play("#" * 10 + "." * 6)
    scene.machine.words("And then the fish.", scene.machine.voice_ended_at, scene.at)
    assert scene.machine.likelihood > unlikely


def test_whoever_pauses_long_is_waited_for_longer_within_bounds() -> None:
    slow, quick = Endpointing(), Endpointing()
    for _ in range(50):
        slow.learn_pause(1.5)
        quick.learn_pause(0.2)
    assert silence_needed("What time is it?", slow) == pytest.approx(0.416)
    assert silence_needed("I need milk and", slow) == pytest.approx(1.92)
    assert silence_needed("I need milk and", quick) == pytest.approx(0.96)
    assert silence_needed("What time is it?", quick) == pytest.approx(0.224)


def test_pauses_within_an_utterance_are_learned_from() -> None:
    scene = Scene(Endpointing(patience=3.0))
    scene.play(("####" + "." * 30) * 10 + "####")
    assert scene.machine.pause_usual == pytest.approx(0.9, abs=0.1)


def test_endless_speech_is_ended_at_a_pause_and_at_last_as_it_is() -> None:
    scene = Scene(Endpointing(patience=9.0, longest=30.0))
    scene.play("#" * 480 + "." * 6)
    assert scene.story() == "started stopped", "beyond 15 s of 30 any pause will do"
    scene = Scene(Endpointing(longest=30.0))
    scene.play("#" * 1000)
    assert [round(at) for at, sign in scene.signs if sign is Sign.STOPPED] == [30]


def test_letting_go_of_the_button_ends_it_at_once() -> None:
    machine = Endpointing()
    assert machine.release() is Sign.NONE
    scene = Scene(machine)
    scene.play("#" * 10)
    assert machine.release() is Sign.STOPPED
    assert not machine.speaking


@settings(max_examples=300, deadline=None)
@given(
    st.text("#-.", max_size=200),
    st.dictionaries(st.integers(0, 200), st.sampled_from(["", "and", "Yes.", "I think so,"]), max_size=8),
    st.sampled_from([0.016, 0.032]),
)
def test_whatever_is_heard_the_signs_come_in_order(windows: str, words: dict[int, str], window: float) -> None:
    machine = Endpointing()
    state, at = "quiet", 0.0
    for number, sort in enumerate(windows + "." * 150):
        start, at = at, at + window
        signs = [machine.hear(PROBABILITY[sort], start, at)]
        if number in words:
            signs.append(machine.words(words[number], machine.voice_ended_at, at))
        for sign in signs:
            if sign is Sign.STARTED:
                assert state == "quiet"
                state = "speaking"
            elif sign is Sign.PAUSED:
                assert state == "speaking"
                state = "paused"
            elif sign is Sign.RESUMED:
                assert state == "paused"
                state = "speaking"
            elif sign is Sign.STOPPED:
                assert state in {"speaking", "paused"}
                state = "quiet"
        assert 0.0 <= machine.likelihood <= 1.0
        assert 0.16 <= machine.needed <= 0.4 * 3 * 1.6
    assert state == "quiet"


# How finished words sound


@pytest.mark.parametrize(
    "text",
    [
        "I need milk and",
        "Tell me about the.",
        "So, um,",
        "Well,",
        "The thing is,",
        "If it rains tomorrow,",
        "When I was young,",
        "In my opinion,",
        "I'd like to",
        "Would it be possible to?",
        "She told me she would come at eight, but,",
        "My name is, uh,",
    ],
)
def test_these_lead_on(text: str) -> None:
    assert estimate_finished(text, ENGLISH) == OPEN


@pytest.mark.parametrize(
    "text",
    [
        "We need milk, eggs,",
        "He plays the piano, the guitar,",
        "It is five five five",
        "First the soup, then the fish.",
    ],
)
def test_these_count_something_up(text: str) -> None:
    assert estimate_finished(text, ENGLISH) == LISTING


@pytest.mark.parametrize(
    "text",
    [
        "What time is it?",
        "I think so.",
        "Where do you come from?",
        "That's not what I asked for.",
        "How are you?",
        "No.",
        "Yes, I do.",
        "We need milk, eggs, and bread.",
        "When does the train leave?",
        "If it rains tomorrow, we should stay at home.",
        "Is it true?",
        "My number is five five five two seven one nine three four zero.",
        "He might be more respectable than he was.",
    ],
)
def test_these_sound_finished(text: str) -> None:
    assert estimate_finished(text, ENGLISH) >= COMPLETE


def test_only_the_last_sentence_counts_and_no_words_say_nothing() -> None:
    assert estimate_finished("I need milk and. What time is it?", ENGLISH) >= COMPLETE
    assert estimate_finished("What time is it? I need milk and.", ENGLISH) == OPEN
    assert estimate_finished("...", ENGLISH) == UNREAD
    assert estimate_finished("", ENGLISH) == UNREAD


@given(st.text(max_size=2000))
def test_any_text_has_a_likelihood(text: str) -> None:
    assert 0.0 <= estimate_finished(text, ENGLISH) <= 1.0
