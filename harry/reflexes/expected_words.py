"""Which words follow one another in wishes: an ear that looks for other words in a sound looks there first.

They come from the sentences of the grammar, all ways through each, and from the examples of the second reading. Numbers
are one mark, and so are units, days and the words of a moment; free words may be any.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any

import yaml
from hassil import Intents

from harry.reflexes.grammar import grammar_of
from harry.reflexes.sentence_classes import NONE
from harry.reflexes.wish_kinds import has_language, read_language
from harry.reflexes.word_pairs import ANY, ENDS, MOMENT, NUMBER, pairs_of_grammar, pairs_of_sentences

EXPECTED, FREE = 2.0, 0.5
"""Logarithms: how much likelier a word is that stands there in a wish, and one in the place of free words."""

SPAN = "#span"
_CACHED = 16_384


class WishWords:
    """One language's, as `actors.protocols.ExpectedWords` wants them."""

    def __init__(self, after: Mapping[str, Set[str]], marks: Mapping[str, Set[str]]) -> None:
        """Take what follows each word or mark, and the marks of each word that has any, itself among them."""
        self._after = after
        self._marks = marks
        self._members: dict[str, tuple[str, ...]] = {}
        for mark in {mark for of_word in marks.values() for mark in of_word if mark.startswith("#")}:
            self._members[mark] = tuple(word for word, of_word in marks.items() if mark in of_word)
        # What remembers holds the tables and not this: in a circle all would wait for a full collection, which is rare.
        self.follows: Callable[[str, str], float] = lru_cache(_CACHED)(partial(_follows, after, marks))
        self.begins: Callable[[str, str], float] = lru_cache(_CACHED)(partial(_begins, after, marks, self._members))

    def knowing(self, words: Collection[str]) -> WishWords:
        """Return the same, some words being expected where any may be: those of timers and lists that there are."""
        return WishWords(self._after, {**self._marks, **{word: _marks_of(word, self._marks) | {ANY} for word in words}})


def _follows(after: Mapping[str, Set[str]], marks: Mapping[str, Set[str]], before: str, word: str) -> float:
    """Return how much `word` is expected after another; "" is the beginning as `before`, and the end as `word`."""
    wanted = _marks_of(word, marks)
    free = False
    for mark in _marks_of(before, marks):
        words = after.get(mark, set())
        if not wanted.isdisjoint(words):
            return EXPECTED
        free = free or ANY in words
    return FREE if free else 0.0


def _begins(
    after: Mapping[str, Set[str]],
    marks: Mapping[str, Set[str]],
    members: Mapping[str, Sequence[str]],
    before: str,
    letters: str,
) -> float:
    """Return how much a word that begins with these letters is expected."""
    free = False
    for mark in _marks_of(before, marks):
        for word in after.get(mark, ()):
            if word.startswith(letters) or any(each.startswith(letters) for each in members.get(word, ())):
                return EXPECTED
            free = free or word == ANY
    return FREE if free else 0.0


def _marks_of(word: str, marks: Mapping[str, Set[str]]) -> Set[str]:
    if word.isdigit():
        return {word, NUMBER, MOMENT}
    return marks.get(word, {word})


def _learned(intents: Intents, sentences: Iterable[str], told: Mapping[str, Any], names: Sequence[str]) -> WishWords:
    """Learn from a grammar and from sentences; `told` is what the language's files say."""
    marks: dict[str, set[str]] = {}
    for mark, words in {**told["marks"], MOMENT: told["times"]}.items():
        for word in words:
            marks.setdefault(str(word), {str(word)}).add(mark)
    for mark in (NUMBER, "#day"):
        for word in told["marks"][mark]:
            marks[str(word)].add(MOMENT)
    after: dict[str, set[str]] = {}
    for first, second in [*pairs_of_grammar(intents), *pairs_of_sentences(sentences)]:
        after.setdefault(_marked(first), set()).add(_marked(second))
    # What stands around a wish: it begins and ends with that, too.
    around = [*told["around"], *(name.lower() for name in names)]
    after[ENDS].update(around)
    for word in around:
        after.setdefault(word, set()).update(after[ENDS], (ENDS,))
    for words in after.values():
        if ENDS in words:
            words.update(around)
    for mark, words in {NUMBER: told["number"], SPAN: told["span"], MOMENT: [MOMENT]}.items():
        after.setdefault(mark, set()).update(words)
    return WishWords(after, marks)


def _marked(word: str) -> str:
    return NUMBER if word.isdigit() else MOMENT if word == "moment" else SPAN if word == "seconds" else word


@lru_cache(maxsize=4)
def wish_words(language: str = "en", names: tuple[str, ...] = ()) -> WishWords | None:
    """Return the words of a language's wishes, to somebody of these names; None where it has no file. Takes a while."""
    tag = language.lower()[:2]
    file = files("harry.reflexes") / "languages" / f"expected-{tag}.yaml"
    if not has_language(tag) or not file.is_file():
        return None
    second, examples = read_language(tag)
    told = yaml.safe_load(file.read_text("utf-8"))
    sentences = [text for name, texts in examples.items() if name != NONE for text in texts]
    told = {**told, "marks": second["marks"]}
    return _learned(grammar_of(language).intents, [*sentences, *told["sentences"]], told, names)
