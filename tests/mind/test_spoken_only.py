"""What is not meant for ears, in the marks of many model families: never spoken, however the reply is cut to pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harry.mind.reasoning_filter import MAX_LIKELY_CHARACTERS, ThoughtFilter

REPLY = "The sea is wide."
DRESSED = [
    f"<think>Be brief.</think>{REPLY}",
    f"<THOUGHTS>\nBe brief.\n</THOUGHTS>\n\n{REPLY}",
    f"<seed:think>Be brief.</seed:think>{REPLY}",
    f"[THINK]Be brief.[/THINK]{REPLY}",
    f"\u25c1think\u25b7Be brief.\u25c1/think\u25b7{REPLY}",
    f"<|begin_of_thought|>Be brief.<|end_of_thought|><|begin_of_solution|>{REPLY}<|end_of_solution|>",
    f"<|channel|>analysis<|message|>Be brief.<|end|><|start|>assistant<|channel|>final<|message|>{REPLY}<|return|>",
    f"<|channel|>commentary to=functions.x <|constrain|>json<|message|>{{}}<|call|><|channel|>final<|message|>{REPLY}",
    f"analysisBe brief.assistantfinal{REPLY}",
    f"The user wants to hear of the sea. Be brief.\n\nSo: the sea.\n</think>\n\n{REPLY}",
    f"Okay, I should say little.\n</think>{REPLY}",
    f"Hmm, the user asks twice.</think>\n{REPLY}",
    f"{REPLY}<|im_end|>",
    f"{REPLY}</s><|endoftext|>",
    f'{REPLY}<tool_call>{{"name": "x", "arguments": {{}}}}</tool_call>',
    f'{REPLY}[TOOL_CALLS][{{"name": "x"}}]',
    f"{REPLY}<|tool_calls_section_begin|>x<|tool_calls_section_end|>",
    f"{REPLY}<function=x>{{}}</function>",
]


def filtered(text: str, size: int = 10_000) -> str:
    thoughts = ThoughtFilter()
    return "".join([*(thoughts.feed(text[at : at + size]) for at in range(0, len(text), size)), thoughts.end()])


@pytest.mark.parametrize("size", [1, 3, 5, 10_000])
@pytest.mark.parametrize("text", DRESSED)
def test_only_the_reply_is_left(text: str, size: int) -> None:
    assert filtered(text, size) == REPLY


@pytest.mark.parametrize(
    "text",
    [
        "Well, a [bear] has <b> and < and \u25c1 in it: analysis is fun.",
        "I should be glad to. Let us go.",
        "The user guide is on the table.",
        "analysis of Mozart",
        "I think so.",
        "Hmm",
        "a < b <|",
    ],
)
@pytest.mark.parametrize("size", [1, 4, 10_000])
def test_a_plain_reply_is_said_whole(text: str, size: int) -> None:
    assert filtered(text, size) == text


def test_a_plain_reply_is_handed_on_as_it_comes() -> None:
    thoughts = ThoughtFilter()
    assert [thoughts.feed(piece) for piece in ("Once", " upon", " a", " time")] == ["Once", " upon", " a", " time"]


@pytest.mark.parametrize(
    "text", ["The user manual is in the drawer.", "So, my task list for today.", "User guides help."]
)
def test_a_reply_about_users_and_tasks_does_not_wait(text: str) -> None:
    assert ThoughtFilter().feed(text) == text


@pytest.mark.parametrize("text", ["The user wants tea.", "Okay, so the user just said hi.", "The user's wish: tea."])
def test_a_thought_about_the_user_waits_for_its_end(text: str) -> None:
    assert ThoughtFilter().feed(text) == ""


def test_what_may_be_a_reply_after_all_does_not_wait_for_ever() -> None:
    thoughts = ThoughtFilter()
    assert thoughts.feed("I must tell you of ") == ""
    assert "".join(thoughts.feed("the sea, ") for _ in range(MAX_LIKELY_CHARACTERS // 8)).startswith("I must tell you")


def test_calls_that_were_written_as_text_are_gathered() -> None:
    thoughts = ThoughtFilter()
    thoughts.feed('<tool_call>{"name": "x"}</tool_call> and <tool_call>{"name": "y"}')
    thoughts.end()
    assert ['"x"' in thoughts.calls[0], '"y"' in thoughts.calls[1]] == [True, True]


@pytest.mark.parametrize("tag", ["</reason>", "</analysis>", "</Thought>", "[/THINK]"])
def test_a_closing_mark_in_the_middle_of_what_is_said_is_a_word_of_it(tag: str) -> None:
    thoughts = ThoughtFilter()
    said = [thoughts.feed(piece) for piece in ("You close ", f"the part with {tag} and", " go on.")]
    assert "".join([*said, thoughts.end()]) == f"You close the part with {tag} and go on."
    assert not thoughts.lost_opening


@pytest.mark.parametrize("mark", ["\n</think>\n\n", "\n\n </think>\n"])
@pytest.mark.parametrize("size", [1, 6])
def test_a_thought_that_was_long_in_the_open_is_still_known_by_its_end(mark: str, size: int) -> None:
    thoughts = ThoughtFilter()
    whole = f"Greet her warmly, in few words.{mark}Hello."
    said = "".join([*(thoughts.feed(whole[at : at + size]) for at in range(0, len(whole), size)), thoughts.end()])
    assert thoughts.lost_opening
    assert "</think>" not in said


@given(st.text("<>/|[]thinkchanel assistantfinal\u25c1\u25b7 ", max_size=80), st.integers(1, 9))
def test_the_pieces_change_nothing(text: str, size: int) -> None:
    assert filtered(text, size) == filtered(text, 1)
