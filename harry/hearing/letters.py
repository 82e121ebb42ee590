"""How a name that no dictionary knows is probably said: English letter-to-sound rules, the longest spelling first.

The sounds are those of the CMU pronouncing dictionary (ARPAbet without stress). A name needs to be near enough to be
spotted, not to be said well, so a page of rules does.
"""

from __future__ import annotations

_RULES = {
    "tion": "SH AH N", "ough": "OW", "augh": "AO", "eigh": "EY", "igh": "AY", "tch": "CH", "sch": "SH",
    "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "gh": "G", "wh": "W", "ck": "K", "ng": "NG", "qu": "K W",
    "kn": "N", "wr": "R", "ai": "EY", "ay": "EY", "au": "AO", "aw": "AO", "ea": "IY", "ee": "IY", "ei": "AY",
    "eu": "Y UW", "ew": "UW", "ey": "IY", "ie": "IY", "oa": "OW", "oi": "OY", "oy": "OY", "oo": "UW", "ou": "AW",
    "ow": "OW", "ue": "UW", "ar": "AA R", "er": "ER", "ir": "ER", "or": "AO R", "ur": "ER",
    "ce": "S EH", "ci": "S IH", "cy": "S IY", "ge": "JH EH", "gi": "JH IH",
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH",
    "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH",
    "v": "V", "w": "W", "x": "K S", "y": "Y", "z": "Z",
}  # fmt: skip
_AT_THE_END = {"a": "AH", "e": "", "ie": "IY", "i": "IY", "o": "OW", "u": "UW", "y": "IY", "ce": "S", "ge": "JH"}
_MAX_SPELLING_LETTERS = max(map(len, _RULES))


def spell_sounds(name: str) -> str:
    """Spell the sounds of a lower-case name, such as "Z OW R B L AE K S"; "" where none of its letters is known."""
    said: list[str] = []
    at = 0
    while at < len(name):
        if at and name[at] == name[at - 1] and name[at] not in "aeiouy":
            at += 1  # a doubled consonant is said once
            continue
        longest = min(_MAX_SPELLING_LETTERS, len(name) - at)
        size = next((size for size in range(longest, 0, -1) if name[at : at + size] in _RULES), 0)
        if not size:
            at += 1
            continue
        spelling = name[at : at + size]
        ends = bool(said) and at + size == len(name)
        said += (_AT_THE_END.get(spelling, _RULES[spelling]) if ends else _RULES[spelling]).split()
        at += size
    return " ".join(said)
