"""The floor: what Harry does when a voice is heard while it is his turn, as a table of small scenes.

A scene is drawn one character a window of 32 ms: `.` silence, `+` a mere sign, `#` a voice, `e` a voice that the echo
estimate explains. `words` are partials, by the window after which they arrive; they hold all the voice before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.protocols import Samples
from actors.turn_taking.floor import Decision, Floor, HarrySide, State
from channels.messages import EAR_RATE, FRAME_SAMPLES
from tests.support.recorded_speech import embedded, recordings

WINDOW = FRAME_SAMPLES / EAR_RATE
PROBABILITY = {".": 0.02, "+": 0.3, "#": 0.95, "e": 0.95}
SPEAKING = HarrySide(has_floor=True)
QUIET = HarrySide(has_floor=False)
ENDS = {Decision.RESUME, Decision.CUT, Decision.STOP}


@dataclass
class Scene:
    """Plays windows into a floor and remembers what was decided, by the number of the window."""

    floor: Floor = field(default_factory=Floor)
    harry: HarrySide = SPEAKING
    at: int = 0
    voiced_until: float = 0.0
    decided: list[tuple[int, Decision]] = field(default_factory=list)

    def window(self, sort: str, window: float = WINDOW) -> None:
        start, end = self.at * window, (self.at + 1) * window
        if PROBABILITY[sort] >= 0.35:
            self.voiced_until = end
        self.at += 1
        self._note(self.floor.window(PROBABILITY[sort], start, end, self.harry, near=sort != "e"))

    def words(self, text: str, until: float | None = None, *, sure: float = 1.0) -> None:
        heard_until = self.voiced_until if until is None else until
        self._note(self.floor.words(text, heard_until, self.at * WINDOW, self.harry, sure))

    def play(self, windows: str, words: dict[int, str] | None = None) -> str:
        for sort in windows:
            self.window(sort)
            if words and self.at in words:
                self.words(words[self.at])
        return self.story()

    def story(self) -> str:
        return " ".join(decision for _, decision in self.decided if decision is not Decision.LISTEN)

    def when(self, decision: Decision) -> int:
        return next(at for at, each in self.decided if each is decision)

    def _note(self, decisions: tuple[Decision, ...]) -> None:
        self.decided += [(self.at, decision) for decision in decisions]
        if Decision.CUT in decisions or Decision.STOP in decisions:
            self.harry = QUIET


@pytest.mark.parametrize(
    ("sentence", "windows", "words", "story"),
    [
        ("silence leaves Harry alone", "." * 40, {}, ""),
        ("a mere sign ducks him until it has been gone for a moment", "..+" + "." * 10, {}, "duck unduck"),
        ("a sign that stays is no voice: he does not whisper for ever", "+" * 60, {}, "duck unduck"),
        ("a sign that the echo explains is none", "eeeeeeeeeeeeee", {}, ""),
        ("a voice pauses him, and one that soon ends resumes", "..####" + "." * 10, {}, "duck pause unduck resume"),
        (
            "words cut once there is a quarter of a second of voice",
            "#" * 12,
            {10: "What about"},
            "duck pause cut unduck",
        ),
        ("words of a shorter voice cut nothing yet", "#" * 5 + "." * 10, {5: "What"}, "duck pause unduck resume"),
        ("a stop phrase stops him however short", "#" * 5 + "..", {6: "Stop!"}, "duck pause stop unduck"),
        ("a stop phrase with his name stops him", "#" * 9 + "..", {9: "Harry, be quiet."}, "duck pause stop unduck"),
        ("a stop phrase before more words stops him", "#" * 9, {9: "Wait, what is"}, "duck pause stop unduck"),
        ("a voice that goes on cuts without any words", "#" * 30, {}, "duck pause cut unduck"),
        ("a cough has no words and resumes", "#" * 9 + "." * 12, {12: ""}, "duck pause unduck resume"),
        ("a murmur of assent resumes", "#" * 9 + "." * 12, {12: "Mm-hmm."}, "duck pause unduck resume"),
        (
            "assent that runs on is excused, not cut",
            "#" * 34 + "." * 9,
            {12: "Yeah", 20: "Yeah, right", 28: "Yeah, right, yeah"},
            "duck pause unduck resume",
        ),
        (
            "assent that turns into words cuts",
            "#" * 40,
            {14: "Yeah", 20: "Yeah", 26: "Yeah but tell me"},
            "duck pause unduck resume cut",
        ),
        ("a hesitation is waited for", "#" * 9 + "." * 12, {12: "Um"}, "duck pause unduck resume"),
        (
            "an ear that hangs: a short voice resumes when the time is up",
            "#" * 11 + "." * 20,
            {},
            "duck pause unduck resume",
        ),
        ("two bangs with a breath between are one voice", "##..." * 4 + "." * 10, {}, "duck pause unduck resume"),
        (
            "an excused voice goes on for too long without any words: it cuts",
            "#" * 60,
            {18: "Yeah"},
            "duck pause unduck resume cut",
        ),
    ],
)
def test_harry_yields_to_a_voice_as_people_do(sentence: str, windows: str, words: dict[int, str], story: str) -> None:
    assert Scene().play(windows, words) == story, sentence


def test_a_murmur_read_long_ago_does_not_excuse_what_followed_it() -> None:
    scene = Scene()
    scene.play("#" * 8)
    scene.words("Yeah")
    assert scene.play("#" * 20) == "duck pause cut unduck"


def test_assent_that_is_read_again_and_again_is_excused_for_as_long_as_it_lasts() -> None:
    partials = dict.fromkeys(range(14, 90, 8), "Yeah, right")
    assert Scene().play("#" * 90, partials) == "duck pause unduck resume"


def test_a_voice_long_enough_for_words_is_waited_for_after_it_has_ended() -> None:
    scene = Scene()
    scene.play("#" * 9 + "." * 9)
    assert scene.floor.state is State.PAUSED
    scene.words("What is that?")
    assert scene.story() == "duck pause cut unduck"


def test_words_of_a_voice_that_has_cut_leave_the_next_turn_alone() -> None:
    scene = Scene()
    scene.play("#" * 14 + "." * 10, {10: "What about"})
    scene.harry = SPEAKING
    scene.words("What about Paris?")
    assert scene.story() == "duck pause cut unduck"


def test_he_falls_silent_at_the_second_window_of_a_voice() -> None:
    scene = Scene()
    scene.play("....####")
    assert (scene.when(Decision.DUCK), scene.when(Decision.PAUSE)) == (5, 6)


def test_a_strong_window_after_a_sign_is_enough() -> None:
    scene = Scene()
    scene.play("..+#")
    assert scene.when(Decision.PAUSE) == 4


def test_a_murmur_resumes_as_soon_as_its_words_are_known_and_the_voice_has_ended() -> None:
    scene = Scene()
    scene.play("#" * 9 + "." * 4)
    assert scene.floor.state is State.PAUSED
    scene.words("Mhm.")
    assert scene.story() == "duck pause", 'the first sound of "Wait" is read as a murmur too'
    scene.play("." * 3)
    assert scene.story() == "duck pause", "the gap after a first word is no end"
    scene.play("." * 3)
    assert scene.story() == "duck pause unduck resume"
    assert scene.floor.excused


def test_more_words_than_anybody_says_in_the_time_are_not_believed() -> None:
    scene = Scene()
    scene.play("#" * 9)
    scene.words("And may, and may, and")
    assert scene.story() == "duck pause"
    scene.play("." * 2)
    scene.words("Mhm.")
    scene.play("." * 8)
    assert scene.story() == "duck pause unduck resume"


def test_many_words_are_believed_once_there_was_time_for_them() -> None:
    scene = Scene()
    scene.play("#" * 9)
    scene.words("No, no, no, no")
    scene.play("#" * 6)
    assert scene.floor.state is State.PAUSED
    scene.words("No, no, no, no")
    assert scene.story() == "duck pause cut unduck"


def test_words_the_ear_is_not_sure_of_do_not_cut_and_are_a_murmur_once_the_voice_has_ended() -> None:
    scene = Scene()
    scene.play("#" * 9)
    scene.words("The future", sure=0.3)
    assert scene.story() == "duck pause"
    assert not scene.floor.excused, "more may come"
    scene.play("." * 8)
    scene.words("The future", sure=0.3)
    assert scene.floor.excused, "nobody answers a hum"
    scene.play("." * 8)
    assert scene.story() == "duck pause unduck resume"


def test_an_echo_that_the_ear_is_not_sure_of_does_not_let_him_go_on() -> None:
    scene = Scene(harry=HarrySide(has_floor=True, saying="An amiable man."))
    scene.play("#" * 9)
    scene.words("Am I?", sure=0.3)
    assert scene.story() == "duck pause"
    scene.words("Am I?", sure=0.8)
    assert scene.story() == "duck pause unduck resume"


def test_a_voice_that_goes_on_cuts_however_unsure_its_words_are() -> None:
    scene = Scene()
    for _ in range(30):
        scene.window("#")
        scene.words("The future", sure=0.2)
    assert scene.story() == "duck pause cut unduck"


def test_neither_a_stop_phrase_nor_an_answer_needs_an_ear_that_is_sure() -> None:
    scene = Scene()
    scene.play("#" * 9)
    scene.words("Stop.", sure=0.1)
    assert scene.story() == "duck pause stop unduck"
    asked = Scene(harry=HarrySide(has_floor=True, asked=True))
    asked.play("#" * 9 + "." * 3)
    asked.words("Yeah.", sure=0.1)
    assert asked.story() == "duck pause cut unduck"
    assert not asked.floor.excused


def test_words_that_do_not_hold_all_of_the_voice_excuse_nothing() -> None:
    scene = Scene()
    scene.play("#" * 14 + "...")
    scene.words("Right", until=8 * WINDOW)
    assert scene.floor.state is State.PAUSED
    scene.words("Right now I want")
    assert scene.story() == "duck pause cut unduck"


def test_after_a_question_yeah_is_an_answer() -> None:
    scene = Scene(harry=HarrySide(has_floor=True, asked=True))
    assert scene.play("#" * 9 + "." * 5, {11: "Yeah."}) == "duck pause cut unduck"
    assert not scene.floor.excused


def test_an_excused_voice_neither_ducks_nor_pauses_until_it_has_ended() -> None:
    scene = Scene()
    scene.play("#" * 9 + "...", {12: "Mhm."})
    told = len(scene.decided)
    scene.play("##..##..", {17: "Mhm. Mhm."})
    assert [each for _, each in scene.decided[told:] if each is not Decision.LISTEN] == []
    scene.play("." * 7 + "###")
    assert scene.story().endswith("resume duck pause"), "the next voice is a new one"
    assert not scene.floor.excused


def test_his_own_words_are_an_echo_and_resume_at_once() -> None:
    scene = Scene(harry=HarrySide(has_floor=True, saying="It is twelve minutes past four in the afternoon."))
    assert scene.play("#" * 14, {12: "twelve minutes passed for"}) == "duck pause unduck resume"
    assert scene.floor.excused


def test_a_stop_phrase_among_his_own_words_is_heard() -> None:
    scene = Scene(harry=HarrySide(has_floor=True, saying="It is twelve minutes past four in the afternoon."))
    assert scene.play("#" * 14, {12: "twelve minutes past four stop"}) == "duck pause stop unduck"


def test_words_that_come_too_late_still_cut() -> None:
    scene = Scene()
    assert scene.play("#" * 11 + "." * 20) == "duck pause unduck resume"
    scene.words("What time is it?")
    assert scene.story() == "duck pause unduck resume cut"


def test_words_of_a_voice_that_was_over_before_harry_began_cut_nothing() -> None:
    scene = Scene(harry=QUIET)
    scene.play("#" * 30 + "." * 10)
    scene.harry = SPEAKING
    scene.words("What time is it?")
    scene.play("." * 10)
    assert scene.story() == ""
    assert not scene.floor.excused


def test_an_answer_given_while_harry_is_silent_is_never_excused() -> None:
    scene = Scene(harry=QUIET)
    scene.play("#" * 12 + "." * 10, {14: "Yeah."})
    assert not scene.floor.excused


def test_a_voice_that_runs_when_harry_gets_the_floor_pauses_him() -> None:
    scene = Scene(harry=QUIET)
    scene.play("#" * 12)
    scene.harry = SPEAKING
    scene.play("##")
    assert scene.story() == "pause"


def test_when_harry_loses_the_floor_by_other_hands_the_duck_is_lifted_and_nothing_is_decided() -> None:
    scene = Scene()
    scene.play("###")
    scene.harry = QUIET
    scene.play("#" * 40, {20: "Stop."})
    assert scene.story() == "duck pause unduck"
    assert scene.floor.state is State.CLEAR


def test_a_voice_that_has_cut_does_not_pause_the_next_turn() -> None:
    scene = Scene()
    scene.play("#" * 12, {10: "What about"})
    scene.harry = SPEAKING
    scene.play("#" * 20)
    assert scene.story() == "duck pause cut unduck"


def test_a_pause_is_decided_by_the_clock_when_the_microphone_is_gone() -> None:
    scene = Scene()
    scene.play("###")
    deadline = scene.floor.deadline
    assert deadline is not None
    assert deadline > scene.at * WINDOW + 0.6, "a window that is a little late is waited for"
    assert scene.floor.tick(deadline - 0.01, SPEAKING) == ()
    assert scene.floor.tick(deadline, SPEAKING) == (Decision.UNDUCK, Decision.RESUME)
    assert scene.floor.deadline is None


def test_partials_are_asked_for_at_a_bounded_rate_and_at_the_first_breath() -> None:
    scene = Scene()
    scene.play("#" * 5 + "...")
    assert [at for at, each in scene.decided if each is Decision.LISTEN] == [7], "64 ms after the voice"
    scene = Scene()
    scene.play("#" * 20)
    asked = [at for at, each in scene.decided if each is Decision.LISTEN]
    assert asked[0] == 8, "at a quarter of a second of voice"
    assert all(later - sooner >= 4 for sooner, later in pairwise(asked))


windows = st.lists(st.sampled_from(".+#e"), max_size=120).map("".join)
partials = st.dictionaries(
    st.integers(1, 120),
    st.sampled_from(["", "Yeah.", "Mhm", "um", "Stop.", "What about", "the time is", "Wait, no"]),
    max_size=12,
)


@settings(max_examples=400, deadline=None)
@given(windows, partials, st.integers(0, 400), st.booleans(), st.sampled_from([0.016, 0.032]))
def test_whatever_is_heard_every_pause_is_decided_once_and_in_time(
    windows: str, words: dict[int, str], lag: int, asked: bool, window: float
) -> None:
    harry = HarrySide(has_floor=True, asked=asked, saying="the time is now")
    scene = Scene(harry=harry)
    paused_at: float | None = None
    ducked = False
    told = 0
    for sort in windows + "." * 60:
        excused_before = scene.floor.state is State.EXCUSED
        scene.window(sort, window)
        if scene.at in words:
            scene.words(words[scene.at], until=max(0.0, scene.voiced_until - lag / 1000))
        for _, decision in scene.decided[told:]:
            if decision is Decision.DUCK:
                assert not ducked
                assert not excused_before
                ducked = True
            elif decision is Decision.UNDUCK:
                assert ducked
                ducked = False
            elif decision is Decision.PAUSE:
                assert paused_at is None
                paused_at = scene.at * window
            elif decision is Decision.RESUME or (decision in ENDS and paused_at is not None):
                assert paused_at is not None
                assert scene.at * window - paused_at <= 0.6 + window
                paused_at = None
        told = len(scene.decided)
        if scene.harry is QUIET:
            scene.harry = harry  # the next turn
    assert paused_at is None
    assert not ducked


# Human recordings, real Silero


def first_voiced(samples: Samples) -> float:
    """Where the voice begins: RMS of 10 ms at least a tenth of the loudest, three in a row. In seconds."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    loudness = np.sqrt(np.square(frames).mean(axis=1))
    voiced = loudness >= loudness.max() / 10
    return float(np.flatnonzero(voiced[:-2] & voiced[1:-1] & voiced[2:])[0] * 0.01)


def pause_delays(hop: int, phases: int, seed: int = 1) -> tuple[list[float], list[float]]:
    """Seconds from the first voiced 10 ms to duck and to pause, each recording begun at random phases of a window.

    `hop` is 512, or 256 for two streams in turn. A decision falls at the end of the window that brought it.
    """
    silero = embedded("voice_activity", "silero")
    detector = silero.load("silero", silero.Settings(prepared=0))
    dice = np.random.default_rng(seed)
    ducks, pauses = [], []
    for each in recordings():
        voice = each.samples()
        onset = first_voiced(voice)
        for _ in range(phases):
            lead = dice.standard_normal(EAR_RATE + int(dice.integers(FRAME_SAMPLES))).astype(np.float32) * 0.0005
            sound = np.concatenate([lead, voice[: int((onset + 1.0) * EAR_RATE)]])
            begins = len(lead) / EAR_RATE + onset
            streams = [detector.open_stream() for _ in range(FRAME_SAMPLES // hop)]
            floor = Floor(decide_within=9.0)
            decided: dict[Decision, float] = {}
            for number, at in enumerate(range(0, len(sound) - FRAME_SAMPLES, hop)):
                end = (at + FRAME_SAMPLES) / EAR_RATE
                probability = streams[number % len(streams)].probability(sound[at : at + FRAME_SAMPLES])
                for decision in floor.window(probability, end - hop / EAR_RATE, end, SPEAKING):
                    # What the recording's own noise does before its voice is judged elsewhere.
                    if end > begins - 0.05:
                        decided.setdefault(decision, end - begins)
            pauses.append(decided.get(Decision.PAUSE, 0.0 if floor.state is State.PAUSED else 9.0))
            ducks.append(decided.get(Decision.DUCK, 0.0))
    return ducks, pauses


@pytest.mark.embedded
@pytest.mark.recordings
@pytest.mark.parametrize("hop", [512, 256])
def test_people_silence_harry_within_a_tenth_of_a_second(hop: int, capsys: pytest.CaptureFixture[str]) -> None:
    ducks, pauses = pause_delays(hop, phases=4)
    p50, p95 = np.percentile(pauses, [50, 95]) * 1000
    with capsys.disabled():
        print(
            f"\nfirst voiced 10 ms -> pause, a window every {hop / 16:.0f} ms, {len(pauses)} onsets: p50 {p50:.0f} ms, "
            f"p95 {p95:.0f} ms; to duck p50 {np.percentile(ducks, 50) * 1000:.0f} ms"
        )
    assert p50 <= 130
    assert p95 <= 220
