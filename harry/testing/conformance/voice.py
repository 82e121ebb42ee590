"""What a voice has to do: words that add up to the text, ends inside their sound, and everything every engine does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, ClassVar

import trio

from channels.messages import SAMPLE_BYTES, Chunk, Word
from harry.testing.conformance.base import EmittingSuite, require

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it rests."

ODD_TEXTS = {
    "no text": "",
    "blanks": "   ",
    "a line's end": "\n",
    "marks": "?!... -- ,",
    "an emoji": "\U0001f600",
    "a word and an emoji": "Well \U0001f600 done.",
    "a foreign script": "Guten Tag, 你好, привет, שלום.",
    "a control character": "one\x00two\x07 three",
    "a very long word": "a" * 2_000,
    "many short words": "no " * 500,
    "blanks in a row": "  one   two  ",
    "line ends": "one\ntwo\r\nthree",
    "a text without spaces at its ends": "x",
    "a page": f"{SENTENCE} " * 30,
}


class VoiceSuite(EmittingSuite):
    """Derive from it, and name your class: `class TestMine(VoiceSuite): engine = Mine`.

    `sounds`: the voice makes sound; one that only tells words sets it to False.
    """

    role: ClassVar[str] = "text_to_speech"
    sounds: ClassVar[bool] = True

    async def emit_to(self, engine: Any, take: Callable[[Any], Awaitable[None]]) -> None:
        """Have a sentence spoken."""
        await engine.speak(SENTENCE, take)

    async def call(self, engine: Any) -> None:
        """Have a sentence spoken, and check it."""
        check_speech(engine, SENTENCE, await spoken(engine, SENTENCE), sounds=self.sounds)

    async def long_call(self, engine: Any) -> None:
        """Have a page spoken."""
        await engine.speak(f"{SENTENCE} " * 20, _drop)

    def odd_calls(self, engine: Any) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Go through texts that nobody would write."""
        for what, text in ODD_TEXTS.items():
            yield what, partial(self._say, engine, text)

    async def _say(self, engine: Any, text: str) -> None:
        check_speech(engine, text, await spoken(engine, text))

    def test_the_words_of_each_call_are_its_own(self) -> None:
        """Two texts that are spoken at the same time do not get each other's words."""

        async def scenario(engine: Any) -> None:
            texts = [f"This is sentence number {number}." for number in ("one", "two", "three", "four")]

            async with trio.open_nursery() as nursery:
                for text in texts:
                    nursery.start_soon(self._say, engine, text)

        self.run(scenario)


async def spoken(engine: Any, text: str) -> list[Chunk]:
    """Have a text spoken and return the chunks."""
    chunks: list[Chunk] = []

    async def take(chunk: Chunk) -> None:
        await trio.lowlevel.checkpoint()
        chunks.append(chunk)

    await engine.speak(text, take)
    return chunks


def check_speech(engine: Any, text: str, chunks: list[Chunk], *, sounds: bool = False) -> None:
    """Fail unless the chunks are those of a text."""
    words: list[str] = []
    samples = 0
    for chunk in chunks:
        require(isinstance(chunk, Chunk), f"it emitted {type(chunk).__name__}, not a Chunk.")
        require(isinstance(chunk.pcm, bytes), f"`pcm` is {type(chunk.pcm).__name__}, not bytes.")
        require(len(chunk.pcm) % SAMPLE_BYTES == 0, "`pcm` ends with half a sample.")
        require(chunk.rate == engine.rate, f"a chunk has {chunk.rate} Hz, the voice {engine.rate} Hz.")
        length = len(chunk.pcm) // SAMPLE_BYTES
        samples += length
        before = 0
        for word in chunk.words:
            require(isinstance(word, Word), f"among the words is {type(word).__name__}.")
            require(
                before <= word.end <= length,
                f"the word {word.text!r} ends at sample {word.end}, not between {before} and {length}.",
            )
            before = word.end
            words.append(word.text)
    told = "".join(words)
    require(
        "".join(told.split()) == "".join(text.split()),
        f"of the text {text[:60]!r}, the words make {told[:60]!r}: joined, they have to be the text.",
    )
    if sounds:
        require(samples, "it made no sound.")
        last = next(chunk for chunk in reversed(chunks) if chunk.words)
        require(last.words[-1].end > 0, "its last word has no time.")


async def _drop(_: Any) -> None:
    await trio.lowlevel.checkpoint()
