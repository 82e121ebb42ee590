"""What a voice says it has said is kept to what it was asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest

from actors.speaker import synthesise
from channels.messages import Chunk, Word

TEXT = " Well, then: it is nine o'clock.  "


class Voice:
    """Says each of the given words in a chunk of ten samples."""

    name = "voice"
    rate = 100

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words

    def describe(self) -> str:
        return self.name

    async def aclose(self) -> None:
        pass

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        for word in self.words:
            await emit(Chunk(bytes(20), 100, (Word(word, 10),)))


async def told(words: Sequence[str]) -> list[str]:
    said: list[str] = []

    async def take(chunk: Chunk) -> None:
        said.extend(word.text for word in chunk.words)

    await synthesise(Voice(words), TEXT, take)
    return said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([" Well,", " then:", " it is", " nine o'clock.  "], TEXT),
        (["Well,", "then:", "it", "is", "nine", "o'clock."], TEXT.rstrip()),
        (["Well", "then", "it"], TEXT),  # it leaves out marks: its words cannot be told from others
        (["I", "love", "you"], TEXT),
        (["Well,", "THEN:", "it"], TEXT),
        (["Well,", "then:", "it", "is", "nine", "o'clock.", "And", "more"], TEXT),
        ([TEXT * 2], TEXT),
        ([TEXT], TEXT),
        ([" "] * 5, " "),
        ([], ""),
    ],
    ids=["exact", "without blanks", "without marks", "other words", "other letters", "more than asked", "twice",
         "at once", "blanks", "none"],
)  # fmt: skip
async def test_what_was_said_is_a_beginning_of_what_was_to_be_said(words: list[str], expected: str) -> None:
    said = "".join(await told(words))
    assert TEXT.startswith(said)
    assert said.rstrip() == expected.rstrip()


async def test_a_voice_that_says_other_words_counts_as_heard_with_its_last_sample() -> None:
    chunks: list[Chunk] = []

    async def take(chunk: Chunk) -> None:
        chunks.append(chunk)

    await synthesise(Voice(["I", "love", "you"]), TEXT, take)
    assert [len(chunk.words) for chunk in chunks] == [0, 0, 0, 1]
    assert chunks[-1].words == (Word(TEXT, 0),)


async def test_a_voice_that_makes_no_sound_has_said_nothing_but_what_it_was_asked() -> None:
    class Mute(Voice):
        async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
            await emit(Chunk(b"", 100, (Word("something else", 0),)))

    said: list[Chunk] = []

    async def take(chunk: Chunk) -> None:
        said.append(chunk)

    await synthesise(Mute([]), TEXT, take)
    assert [word for chunk in said for word in chunk.words] == []
