"""Fixed phrases: what stops Harry, what lets him go on, what only says that somebody listens, and who is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.text.phrases import Stop, asks, load_phrases, tokenize
from actors.turn_taking.echo_words import find_unexplained
from actors.turn_taking.name_matching import encode_sound, is_addressed

ENGLISH = load_phrases("en")
NAMES = ("Harry",)


@pytest.mark.parametrize(
    "text",
    [
        "Stop.",
        "STOP!",
        "stop",
        "Harry, stop.",
        "Harry stop",
        "Stop, Harry!",
        "Hey Harry, be quiet please.",
        "Please stop talking.",
        "No, stop.",
        "Stop, stop, stop!",
        "Stoooop",
        "Wait.",
        "Wait a minute.",
        "Hold on.",
        "That's enough, thank you.",
        "That\u2019s enough.",
        "Shh.",
        "Okay, stop now, please, Harry.",
    ],
)
def test_these_stop_harry_and_leave_nothing_to_answer(text: str) -> None:
    assert ENGLISH.find_stop(text, NAMES) == Stop("")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Wait, what about Paris?", "what about Paris?"),
        ("Stop. What time is it?", "What time is it?"),
        ("No, stop, tell me about cats instead.", "tell me about cats instead."),
        ("Harry stop tell me more", "tell me more"),
        ("Hold on - is that true?", "is that true?"),
        ("Be quiet, Harry, and listen to me.", "and listen to me."),
    ],
)
def test_these_stop_him_and_the_rest_is_to_be_answered(text: str, rest: str) -> None:
    assert ENGLISH.find_stop(text, NAMES) == Stop(rest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "Stop signs are red.",
        "Wait for me.",
        "Stopwatch",
        "How do I stop it?",
        "Silence is golden.",
        "Harry",
        "Enough about him tell me more",
        "Don't stop.",
        "Quiet evenings are the best",
        "Please",
        "Yeah",
    ],
)
def test_these_stop_nobody(text: str) -> None:
    assert ENGLISH.find_stop(text, NAMES) is None


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Go on.", True),
        ("Harry, please go on.", True),
        ("Okay, continue.", True),
        ("Keep going!", True),
        ("Go on holiday", False),
        ("Continue with the second one", False),
        ("", False),
    ],
)
def test_he_is_asked_to_say_the_rest(text: str, asked: bool) -> None:
    assert ENGLISH.asks_to_go_on(text, NAMES) is asked


@pytest.mark.parametrize(
    "text",
    [
        "Mm-hmm.",
        "mhm",
        "Mmm",
        "Mmhmm",
        "uh-huh",
        "Uh huh.",
        "uhhuh",
        "Yeah.",
        "Yeahhh",
        "Yeah, right.",
        "Right",
        "OK",
        "O.K.",
        "Okay, I see.",
        "Hmm.",
        "Oh, really?",
        "Sure, sure.",
        "Got it",
        "That\u2019s right.",
        "Um, yeah.",
        "Aha",
        "Ah",
        "All right.",
    ],
)
def test_these_only_say_that_somebody_listens(text: str) -> None:
    assert ENGLISH.is_backchannel(text)
    assert not ENGLISH.is_hesitation(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Um",
        "Yeah but no",
        "Right now",
        "What?",
        "No.",
        "Okay Harry",
        "I see a ship",
        "Stop.",
        "Really cold",
        "Yes I do want it",
    ],
)
def test_these_say_more_than_that_or_nothing(text: str) -> None:
    assert not ENGLISH.is_backchannel(text)


def test_a_hesitation_is_no_assent() -> None:
    assert ENGLISH.is_hesitation("Um, uh.")
    assert not ENGLISH.is_hesitation("Um, yes.")


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("Harry, off the record.", True),
        ("This is off the record", True),
        ("Back on the record, please.", False),
        ("He said it off the record", None),
        ("Hello", None),
    ],
)
def test_the_record_is_left_and_taken_up_again(text: str, wish: bool | None) -> None:
    assert ENGLISH.asks_off_the_record(text, NAMES) is wish


@pytest.mark.parametrize(
    ("text", "question"), [("Shall I go on?", True), ("Do you? I do.", False), ('"Why?"', True), ("", False)]
)
def test_whether_he_asked(text: str, question: bool) -> None:
    assert asks(text) is question


# The name


@pytest.mark.parametrize(
    "text",
    [
        "Harry, what time is it?",
        "Harry.",
        "Harry what's the weather",
        "Hey Harry what's up",
        "Hey Hairy what time is it",
        "Hari, turn it off",
        "Okay, so Harry, can you help?",
        "What time is it, Harry?",
        "What time is it Harry?",
        "Tell me, Harry, what time is it?",
        "Good morning, Harry!",
        "HARRY!",
        "Thank you, Hary.",
    ],
)
def test_harry_is_called(text: str) -> None:
    assert is_addressed(text, NAMES, ENGLISH)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Harry is late again.",
        "Harry and Sally came",
        "I met Harry yesterday.",
        "Did you see Harry",
        "Harry Potter is a book",
        "Hurry up!",
        "Hurry!",
        "We should hurry.",
        "He was hairy.",
        "Harvey, come here",
        "Larry, what time is it?",
        "Hey Henry",
        "Mary, where are you?",
        "Hello there",
        "Her, not him",
        "Here, take it",
        "Sorry, I did not hear",
        "A hero, indeed",
        "Carry on",
        "It's Harry's dog",
        "Terry, sherry?",
    ],
)
def test_nobody_calls_harry(text: str) -> None:
    assert not is_addressed(text, NAMES, ENGLISH)


def test_any_name_of_any_length_may_be_given() -> None:
    assert is_addressed("Computer, lights on", ("Computer",), ENGLISH)
    assert is_addressed("Hey Mister Data, report", ("Mister Data",), ENGLISH)
    assert is_addressed("Ada, hello", ("Ada",), ENGLISH)
    assert not is_addressed("Add a line", ("Ada",), ENGLISH)
    assert not is_addressed("Hello", ("",), ENGLISH)


def test_talk_full_of_words_like_the_name_holds_no_call() -> None:
    talk = (
        "I told him that the harbour was closed. She heard her mother. Harriet came, and Barry too. Are we in a hurry? "
        "Hurray! Here, have a cherry. The hairy dog is theirs. Hi, Larry. Well, Mary, carry it. Hey, Gary! Oh, horror. "
        "Hardly, Harlan."
    )
    assert not any(
        is_addressed(f"{sentence.strip()}.", NAMES, ENGLISH) for sentence in talk.replace("!", ".").split(".")
    )


@pytest.mark.parametrize(
    ("one", "other"), [("harry", "hairy"), ("harry", "hari"), ("catherine", "kathryn"), ("sean", "shawn")]
)
def test_names_that_sound_alike_have_one_key_where_the_spelling_tells(one: str, other: str) -> None:
    assert (encode_sound(one) == encode_sound(other)) is (one != "sean"), "Irish spelling is beyond it"


# Echo


@pytest.mark.parametrize(
    ("heard", "saying", "rest"),
    [
        ("the weather in Paris", "Well, the weather in Paris is sunny today.", ""),
        ("whether in parish is sunny", "Well, the weather in Paris is sunny today.", "whether"),
        ("weather in Paris is sunny stop", "Well, the weather in Paris is sunny today.", "stop"),
        ("Tell me about the weather in Rome", "Well, the weather in Paris is sunny today.", None),
        ("What time is it?", "Well, the weather in Paris is sunny today.", None),
        ("", "Well.", None),
        ("Well", "", None),
        ("no", "There is no weather.", ""),
    ],
)
def test_harrys_own_words_are_known_again(heard: str, saying: str, rest: str | None) -> None:
    assert find_unexplained(heard, saying) == rest


# Bounds


@given(st.text(max_size=2000), st.text(max_size=2000))
def test_any_text_whatever_is_taken(text: str, other: str) -> None:
    stop = ENGLISH.find_stop(text, (other,))
    assert stop is None or text.endswith(stop.rest) or stop.rest in text
    ENGLISH.asks_to_go_on(text)
    ENGLISH.asks_off_the_record(text)
    assert not (ENGLISH.is_backchannel(text) and ENGLISH.is_hesitation(text))
    is_addressed(text, (other, "Harry"), ENGLISH)
    rest = find_unexplained(text, other)
    assert rest is None or set(rest.split()) <= {token.word for token in tokenize(text)}


def test_only_the_beginning_of_an_endless_text_is_looked_at() -> None:
    assert ENGLISH.is_backchannel("yeah " * 10_000)
    assert len(tokenize("a " * 10_000)) == 300


def test_a_language_without_phrases_of_its_own_gets_the_english_ones() -> None:
    assert load_phrases("xx").is_backchannel("yeah")
    assert load_phrases("en-GB").is_backchannel("yeah")
    assert load_phrases("../en").is_backchannel("yeah")
