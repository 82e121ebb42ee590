"""A voice is given words to say, and its words come back as they were written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st

from actors.text.spoken_form import SpokenForms
from channels.messages import Chunk, Word
from harry.voice.spoken_voice import SpokenVoice, _WrittenWords


class Voice:
    """Notes what it is given, and takes ten samples for a word. `bare`: its words come without their spaces."""

    name, rate = "noting", 100

    def __init__(self, *, bare: bool = False) -> None:
        self.given: list[str] = []
        self.bare = bare

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        self.given.append(text)
        for place, word in enumerate(text.split()):
            await emit(Chunk(bytes(20), self.rate, (Word(word if self.bare or not place else f" {word}", 10),)))

    def describe(self) -> str:
        return "noting"

    async def aclose(self) -> None: ...


async def _spoken(voice: Voice, *pieces: str) -> list[str]:
    words: list[str] = []

    async def take(chunk: Chunk) -> None:
        words.extend(word.text for word in chunk.words)

    spoken = SpokenVoice(voice)
    for piece in pieces:
        await spoken.speak(piece, take)
    return words


async def test_the_words_of_a_voice_come_back_as_they_were_written() -> None:
    voice = Voice()
    words = await _spoken(voice, "Pay $5.99", " on Dec. 25.")
    assert voice.given == ["Pay five dollars and ninety nine cents", " on December twenty fifth."]
    assert "".join(words) == "Pay $5.99 on Dec. 25."
    assert words[:7] == ["Pay", " ", "", "", "", "", "$5.99"]


async def test_a_voice_that_leaves_out_spaces_is_understood() -> None:
    assert "".join(await _spoken(Voice(bare=True), "It is 5 km to go.")) == "It is 5 km to go."


@given(
    st.lists(st.sampled_from(["costs", "$5", "a", "an", "and", "10%", "dime.", "I", "II", "7:05", "-"]), max_size=8),
    st.lists(
        st.sampled_from(["a", "five", "twenty-five", " and", "d", ",", " ", "dollars", "seven oh", "s "]), max_size=8
    ),
)
def test_what_is_told_is_never_ahead_of_the_sound(text: list[str], sounds: list[str]) -> None:
    form = SpokenForms().next(" ".join(text))
    words = _WrittenWords(form)
    sounded, told = 0, ""
    for sound in sounds:
        sounded += sum(map(str.isalnum, sound))
        told += words.written(Word(sound, 10)).text
        assert form.written.startswith(told)
        heard = next(end for end in range(len(form.spoken) + 1) if form.written_until(end) >= len(told))
        assert sum(map(str.isalnum, form.spoken[:heard])) <= sounded


def test_a_word_is_not_looked_for_within_another() -> None:
    words = _WrittenWords(SpokenForms().next("It costs $5 a day."))
    told = [words.written(Word(word, 10)).text for word in ("It", " costs", " a", " five", " dollars", " a", " day.")]
    assert told == ["It", " costs", " ", "", "$5", " a", " day."]


async def test_what_cannot_be_said_is_shown_without_a_sound() -> None:
    voice = Voice()
    assert "".join(await _spoken(voice, "In Japan:", " 東京")) == "In Japan: 東京"
    assert voice.given == ["In Japan:"]
