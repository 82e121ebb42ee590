"""How finished do these words sound: a number from 0 (more is surely to come) to 1, from the words alone.

Speech to text sets a full stop or a comma after almost anything, so the mark is one witness among others:

1. Where it has no words there is nothing to finish: `UNREAD`.
2. A last word that leads on ("and", "the", "to", "um", "my") is `OPEN`; not in phrases that may end so ("I think so"),
   nor where a clause with "what", "who", "than"... may end with it ("where do you come from", "than he was").
3. Nothing but words that lead up to something ("well", "the thing is", "in my opinion") is `OPEN`.
4. A clause that begins with "if", "when", "after"... and has no second clause yet is `OPEN`.
5. A list that has not come to its "and" is `LISTING`; so are digits in a row, but not a year.
6. Otherwise the mark decides: `MARKS`. A comma says less after a second clause or the last item of a list.
"""

from __future__ import annotations

import re

from actors.text.phrases import Phrases, split_words

UNREAD = 0.5
OPEN = 0.05
LISTING = 0.15
COMPLETE = 0.75
MARKS = {".": 0.85, "!": 0.85, "?": 0.85, ",": 0.35, ";": 0.3, ":": 0.1, "-": 0.15, "\u2026": 0.1}

_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_COMMAS = re.compile(r"[,;]+")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_DIGITS = re.compile(r"\d+")
_ITEM = 3
"""Words in an item of a list, at most."""
_NUMBER, _WHOLE_NUMBER = 3, 10
"""Figures in a row from which a number is being told, and from which it is likely to be whole."""
_LONG = 8
"""Words up to which a clause with a comma behind it may be the first of two."""


def estimate_finished(text: str, phrases: Phrases) -> float:
    """Return how finished the text sounds, from 0 to 1. Only its last sentence is judged."""
    sentence = _last_sentence(text)
    said = split_words(sentence)
    if not said:
        return UNREAD
    if _leads_on(sentence, said, phrases):
        return OPEN
    parts = [part for part in map(split_words, _COMMAS.split(sentence)) if part]
    if _one_clause_of_two(sentence, said, parts, phrases):
        return OPEN
    mark = "\u2026" if sentence.endswith("...") else sentence[-1:]
    figures = _figures(said, phrases)
    if figures >= _WHOLE_NUMBER:
        return COMPLETE
    if _listing(parts, mark) or figures >= _NUMBER or _enumerating(said, parts, phrases):
        return LISTING
    return _by_comma(parts) if mark == "," else MARKS.get(mark, UNREAD)


def _by_comma(parts: list[tuple[str, ...]]) -> float:
    if _came_to_and(parts) or len(parts[-1]) > (_LONG if len(parts) == 1 else _ITEM + 1):
        return COMPLETE
    return MARKS[","]


def _last_sentence(text: str) -> str:
    sentences = [part for part in _SENTENCES.split(text.strip()) if split_words(part)]
    return sentences[-1].strip() if sentences else ""


def _leads_on(sentence: str, said: tuple[str, ...], phrases: Phrases) -> bool:
    lists = phrases.endings
    if sentence.endswith((".", "!")) and phrases.agrees(sentence):
        return False  # "Okay." alone is an answer, "okay," leads up to one
    if said in lists["lead_in"] or all((word,) in lists["lead_in"] for word in said):
        return not sentence.endswith("?")
    if said == ("no",) or any(said[-length:] in lists["closed"] for length in range(2, 6)):
        return False
    if not any(said[-length:] in lists["open"] for length in range(1, 4)):
        # "In my opinion", "on the other hand": a few words and a comma that only lead up.
        return sentence.endswith(",") and len(said) <= _ITEM and (said[0],) in lists["open"]
    # "What I asked for", "than he was": such a clause may end with what would lead on anywhere else.
    inside = {(word,) for word in said[:-2]} & lists["wh"]
    return not (inside and (said[-1],) in lists["last_of_wh"] and not sentence.endswith(","))


def _one_clause_of_two(sentence: str, said: tuple[str, ...], parts: list[tuple[str, ...]], phrases: Phrases) -> bool:
    begins = any(said[:length] in phrases.endings["subordinate"] for length in range(1, 5))
    if not begins or (sentence.endswith("?") and (said[0],) in phrases.endings["question"]):
        return False
    return (len(parts) == 1 and len(said) <= 7) or (len(parts) > 1 and len(parts[-1]) < 2)


def _listing(parts: list[tuple[str, ...]], mark: str) -> bool:
    """Short items behind commas, and the last of them not behind an "and"."""
    if len(parts) < 2 or _came_to_and(parts) or mark == "?":
        return False
    items = [part for part in parts[1:] if len(part) <= _ITEM]
    return len(items) == len(parts) - 1 and (mark == "," or len(items) > 1)


def _came_to_and(parts: list[tuple[str, ...]]) -> bool:
    return len(parts) > 1 and bool({"and", "or"} & set(parts[-1][:-1]))


def _figures(said: tuple[str, ...], phrases: Phrases) -> int:
    """Return how many figures in a row stand at the end."""
    if _YEAR.fullmatch(said[-1]) and not any(map(str.isdigit, said[-2:-1])):
        return 0  # "in 1990": nothing is being counted up
    figures = 0
    for word in reversed(said):
        if _DIGITS.fullmatch(word):
            figures += len(word)
        elif (word,) in phrases.endings["numbers"]:
            figures += 1
        else:
            break
    return figures


def _enumerating(said: tuple[str, ...], parts: list[tuple[str, ...]], phrases: Phrases) -> bool:
    """Return whether "first..., then..." has not come to its "and"."""
    first = any(said[:length] in phrases.endings["enumerating"] for length in range(1, 4))
    return first and len(parts) > 1 and not any({"and", "finally"} & set(part[:-1]) for part in parts[1:])
