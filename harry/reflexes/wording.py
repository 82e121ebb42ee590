"""Somebody's words, said back to him: "my sister" becomes "your sister", "you are" becomes "I am"; sentences end."""

from __future__ import annotations

import re

_TWO_STOPS = re.compile(r"(?<!\.)\.\.(?!\.)|(?<=[!?])\.(?=\s|$)")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_OTHER = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "i'm": "you're", "i've": "you've",
    "i'll": "you'll", "i'd": "you'd", "we": "you", "us": "you", "our": "your", "ours": "yours",
    "ourselves": "yourselves", "we're": "you're", "we've": "you've", "we'll": "you'll", "we'd": "you'd",
    "your": "my", "yours": "mine", "you're": "I'm", "you've": "I've", "you'll": "I'll", "you'd": "I'd",
    "yourself": "myself",
}  # fmt: skip
_VERBS = {("you", "am"): "are", ("you", "was"): "were", ("I", "are"): "am", ("I", "were"): "was"}
_BETWEEN = frozenset(("also", "always", "still", "now", "really", "just", "never", "not"))
_BEFORE_A_SUBJECT = frozenset((
    "that", "and", "but", "or", "because", "if", "when", "while", "as", "since", "so", "what", "how", "where", "who",
    "which", "why", "than", "though", "although", "before", "after", "until", "whether", "are", "were", "do", "did",
    "can", "could", "will", "would", "should", "have", "think", "hope", "know", "say", "said",
))  # fmt: skip
"""After these "you" is a subject, and becomes "I"; elsewhere it becomes "me"."""


def second_person(text: str) -> str:
    """Return somebody's words as they are said to him: "I'm off to my aunt" is "you're off to your aunt"."""
    plain = text.replace("\u2019", "'")
    found = list(_WORD.finditer(plain))
    said = [_turned(word[0], found[at - 1][0].lower() if at else "") for at, word in enumerate(found)]
    for at, word in enumerate(said):
        subject = at - 2 if at > 1 and said[at - 1].lower() in _BETWEEN else at - 1
        for place in (subject, at + 1):
            if 0 <= place < len(said) and said[place].lower() != found[place][0].lower():
                said[at] = _VERBS.get((said[place], word.lower()), said[at])
    made, end = [], 0
    for match, turned in zip(found, said, strict=True):
        made += [plain[end : match.start()], turned]
        end = match.end()
    return "".join([*made, plain[end:]])


def _turned(word: str, before: str) -> str:
    if word.lower() == "you":
        return "I" if not before or before in _BEFORE_A_SUBJECT else "me"
    return _OTHER.get(word.lower(), word)


def sentence(text: str) -> str:
    """Return the text with a full stop at its end, if it has no mark there."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def tidy(text: str) -> str:
    """Return the text without a second full stop behind "7 p.m." or "the cake!"."""
    return _TWO_STOPS.sub(lambda found: found[0][1:], text)
