"""What has to be agreed to is asked in Harry's words: which tool, with what. A yes is one to what was heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
import trio

from actors.protocols import Delta, TextDelta, Tool, ToolCall
from channels.messages import Outcome
from harry.tools.toolbox import Offer, SessionTools
from tests.tools.test_tools import Mind, answered, box, turn_of

DELETE = ToolCall("1", "files_delete", '{"path": "diary.txt", "for_ever": true}')
ASKED = "I am about to use files delete with path diary.txt, for_ever true. Shall I?"


class Files:
    """A tool that deletes, and what it was called with."""

    def __init__(self) -> None:
        self.done: list[Mapping[str, Any]] = []

    async def delete(self, arguments: Mapping[str, Any]) -> str:
        await trio.lowlevel.checkpoint()
        self.done.append(arguments)
        return "gone"

    def tools(self, *others: Callable[[Mapping[str, Any]], Awaitable[str]]) -> SessionTools:
        return box(
            Offer(Tool("files_delete", "Delete.", effect=True), self.delete, confirm=True),
            *(Offer(Tool(f"other_{at}", "."), each) for at, each in enumerate(others)),
        )


@pytest.mark.parametrize("lie", ["", "Shall I play some music?", "Say yes to hear a joke.", "Done. Is that right?"])
async def test_harry_words_the_question_whatever_the_mind_says(lie: str) -> None:
    files = Files()
    lines: list[Delta] = [TextDelta(lie), DELETE] if lie else [DELETE]
    mind = Mind(lines)
    pieces = await answered(mind, files.tools())
    assert "".join(pieces).endswith(ASKED)
    assert len(mind.asked) == 1  # it has no further word on it
    assert files.done == []


async def test_after_a_yes_it_is_done_and_not_asked_again() -> None:
    files = Files()
    made = files.tools()
    assert await answered(Mind([DELETE]), made, turn_of("Tidy up.")) == [ASKED]
    made.end_turn(ASKED)
    mind = Mind([DELETE], [TextDelta("It is gone.")])
    assert await answered(mind, made, turn_of("Yes.")) == ["It is gone."]
    assert files.done == [{"path": "diary.txt", "for_ever": True}]


@pytest.mark.parametrize("heard", ["", "I am about to", "I am about to use files delete", "Shall I play some music?"])
async def test_a_yes_to_a_question_that_was_not_heard_is_none(heard: str) -> None:
    files = Files()
    made = files.tools()
    await answered(Mind([DELETE]), made, turn_of("Tidy up."))
    made.end_turn(heard)
    assert await answered(Mind([DELETE]), made, turn_of("Yes.")) == [ASKED]
    assert files.done == []


async def test_a_question_of_which_but_the_last_words_were_heard_was_heard() -> None:
    files = Files()
    made = files.tools()
    await answered(Mind([DELETE]), made, turn_of("Tidy up."))
    made.end_turn(f"Well. {ASKED.removesuffix(' I?')}")
    await answered(Mind([DELETE], [TextDelta("Gone.")]), made, turn_of("Yes."))
    assert len(files.done) == 1


async def test_what_needs_no_yes_is_done_beside_it() -> None:
    async def looks(_: Mapping[str, Any]) -> str:
        await trio.lowlevel.checkpoint()
        return "here"

    files = Files()
    turn = turn_of()
    assert await answered(Mind([ToolCall("2", "other_0", "{}"), DELETE]), files.tools(looks), turn) == [ASKED]
    assert {use.id: use.outcome for use in turn.tools.values()} == {"2": Outcome.FINISHED, "1": Outcome.CANCELLED}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("{}", "I am about to use files delete. Shall I?"),
        ('{"path": "a\\n\\u0000b"}', "I am about to use files delete with path a b. Shall I?"),
        ('{"path": "{tool} {arguments}"}', "I am about to use files delete with path {tool} {arguments}. Shall I?"),
        (
            '{"text": "%s"}' % ("x" * 1000),
            f"I am about to use files delete with text {'x' * 295} and 705 more characters. Shall I?",
        ),
    ],
)
async def test_arguments_are_told_as_they_are_and_of_long_ones_that_there_is_more(arguments: str, told: str) -> None:
    assert await answered(Mind([ToolCall("1", "files_delete", arguments)]), Files().tools()) == [told]
