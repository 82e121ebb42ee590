"""A voice that is given what is written, says it in words, and tells what was heard as it was written.

It stands before whatever voice there is. A voice of a language that Harry has no words for is given the text as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, runtime_checkable

from actors.protocols import TextToSpeech
from actors.text.spoken_form import SpokenForm, SpokenForms
from channels.messages import Chunk, Word

_NEAR = 12
"""Characters within which a word that a voice tells is looked for: some voices leave out spaces and marks."""


@runtime_checkable
class _Speaks(Protocol):
    @property
    def language(self) -> str: ...


class SpokenVoice:
    """A voice for one reply, whose pieces come in order. `pronunciations` are those of the persona."""

    def __init__(
        self, voice: TextToSpeech, language: str = "en", pronunciations: Mapping[str, str] | None = None
    ) -> None:
        self._voice = voice
        self._forms = SpokenForms(voice.language if isinstance(voice, _Speaks) else language, pronunciations)
        self.name = voice.name
        self.rate = voice.rate
        self.describe = voice.describe
        self.aclose = voice.aclose

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """See `actors.protocols.TextToSpeech`; the words of the chunks are those of `text`, as it is written."""
        form = self._forms.next(text)
        if form.spoken == form.written:
            await self._voice.speak(text, emit)
            return
        words = _WrittenWords(form)

        async def told(chunk: Chunk) -> None:
            await emit(Chunk(chunk.pcm, chunk.rate, tuple(map(words.written, chunk.words))))

        if any(map(str.isalnum, form.spoken)):
            await self._voice.speak(form.spoken, told)
        if words.rest:
            await emit(Chunk(b"", self.rate, (Word(words.rest, 0),)))


class _WrittenWords:
    """Turns the words of a spoken form, as they come, into those of the written one."""

    def __init__(self, form: SpokenForm) -> None:
        self._form = form
        self._said = self._told = 0

    @property
    def rest(self) -> str:
        """What of the written text has not been told yet."""
        return self._form.written[self._told :]

    def written(self, word: Word) -> Word:
        """Return what of the written text has been said with this word: nothing, while something is half said."""
        self._said = self._after(word.text.strip())
        until = max(self._told, self._form.written_until(self._said))
        text, self._told = self._form.written[self._told : until], until
        return Word(text, word.end)

    def _after(self, word: str) -> int:
        """Return the place behind the next word in the spoken form; only spaces and marks are passed over for it.

        A word that stands elsewhere, or is written otherwise, counts for as many letters as it has: never for more.
        """
        spoken, at = self._form.spoken, self._said
        place = spoken.find(word, at, at + _NEAR + len(word))
        if place >= 0 and not any(map(str.isalnum, spoken[at:place])):
            return place + len(word)
        begun = at
        while begun and spoken[begun - 1].isalnum():
            begun -= 1
        if spoken.startswith(word, begun):
            # What came in between was no word of the form, and counted for the beginning of this one.
            return max(at, begun + len(word))
        letters = sum(map(str.isalnum, word))
        while letters and at < len(spoken):
            letters -= spoken[at].isalnum()
            at += 1
        return at
