"""The account at start, and the greeting: what a newcomer is told."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harry.daemon.startup_report import Facts, account, greeting

WHOLE = Facts(
    ear="Moonshine tiny",
    microphone="Built-in Microphone (PortAudio)",
    voice="Piper Joe",
    loudspeaker="Speakers (PortAudio)",
    mind="gpt at openrouter.ai",
    folder=Path("/home/ada/.local/share/harry"),
    real_microphone=True,
)
SMALL = Facts(
    ear="Moonshine tiny",
    microphone="Mic",
    mind="SmolLM2",
    small_mind=True,
    better_minds="There are three ways: a, b, c.",
)


def told(facts: Facts, about: str) -> str:
    return next((line for line in account(facts) if line.startswith(about)), "")


def test_the_account_names_what_harry_hears_speaks_and_thinks_with() -> None:
    assert told(WHOLE, "hears with").endswith("Moonshine tiny, Built-in Microphone (PortAudio)")
    assert told(WHOLE, "speaks with").endswith("Piper Joe, Speakers (PortAudio)")
    assert told(WHOLE, "thinks with").endswith("gpt at openrouter.ai")


def test_the_account_says_what_is_kept_where_how_to_mute_and_what_to_say() -> None:
    assert "/home/ada/.local/share/harry" in told(WHOLE, "keeps")
    assert "/mute" in told(WHOLE, "mute")
    assert told(WHOLE, "say")


def test_the_account_is_short() -> None:
    assert len(account(WHOLE)) <= 7


def test_the_account_gives_each_fallback_a_line() -> None:
    facts = Facts(mind="m", fallbacks=("PortAudio is not installed, so pygame is used.", "The key is missing."))
    assert [line.split(maxsplit=2)[2] for line in account(facts) if line.startswith("fell back")] == list(
        facts.fallbacks
    )


def test_without_ears_harry_says_that_he_reads_and_not_how_to_mute() -> None:
    for facts in (Facts(mind="m"), Facts(mind="m", ear="Moonshine tiny"), Facts(mind="m", microphone="Mic")):
        assert "he reads what you type" in told(facts, "hears with")
        assert not told(facts, "mute")
        assert told(facts, "type")


def test_where_nothing_is_kept_the_account_says_so() -> None:
    assert "nothing" in told(Facts(mind="m"), "keeps")


def test_a_small_mind_is_owned_up_to_with_the_ways_to_a_better_one() -> None:
    for words in (told(SMALL, "note"), greeting(SMALL)):
        assert "can hardly hold a conversation" in words
        assert "There are three ways: a, b, c." in words
    assert "hardly" not in " ".join([*account(WHOLE), greeting(WHOLE)])


def test_the_greeting_is_fixed_and_bears_the_name() -> None:
    assert greeting(WHOLE) == "Hello, I am Harry. I am listening."
    assert "I am Ada." in greeting(Facts(name="Ada"))


@given(st.builds(Facts, fallbacks=st.lists(st.text(max_size=50), max_size=3).map(tuple)))
def test_whatever_the_facts_there_is_an_account(facts: Facts) -> None:
    told_of = [line.split()[0] for line in account(facts)]
    assert told_of.count("fell") == len(facts.fallbacks)
    assert {"hears", "speaks", "thinks", "keeps"} <= set(told_of)
