"""The kinds of wishes that a language's second reading knows, and the examples of each, as its two files hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml

from harry.reflexes.sentence_classes import NONE
from harry.reflexes.sentence_features import tokens_of

COMMON = 8
"""Kinds in whose examples a word stands that says nothing of the kind."""

_FOLDER = files("harry.reflexes") / "languages"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a class of sentences wishes for; see languages/second-en.yaml. `frame`: the words of its examples."""

    wish: str
    say: Sequence[str]
    changes: bool = False
    negated: bool = False
    most: int = 0
    sure: float = 0.0
    slack: int = 0
    to_end: bool = False
    named: Mapping[str, Sequence[str]] = field(default_factory=dict)
    beside: frozenset[str] = field(default_factory=frozenset)
    behind: frozenset[str] = field(default_factory=frozenset)
    needs: frozenset[str] = field(default_factory=frozenset)
    frame: frozenset[str] = field(default_factory=frozenset)


def kinds_of(
    told: Mapping[str, Any], examples: Mapping[str, Sequence[str]], marks: Mapping[str, str]
) -> tuple[dict[str, Kind], frozenset[str]]:
    """Return the kinds by the names of their classes, and the words that stand in examples of many of them."""
    frames = {
        name: frozenset(token for text in examples[name] for token in tokens_of(text, marks)) for name in told["kinds"]
    }
    counts = Counter(token for frame in frames.values() for token in frame)
    common = frozenset((*told["fillers"], *(token for token, count in counts.items() if count >= COMMON)))
    kinds = {
        name: Kind(
            **{**kind, **{key: frozenset(kind.get(key, ())) for key in ("beside", "behind", "needs")}},
            frame=frames[name] | common,
        )
        for name, kind in told["kinds"].items()
    }
    return kinds, common


def has_language(tag: str) -> bool:
    """Return whether there are both files of a language."""
    return all((_FOLDER / name).is_file() for name in (f"second-{tag}.yaml", f"examples-{tag}.txt"))


def read_language(tag: str) -> tuple[Mapping[str, Any], dict[str, list[str]]]:
    """Return what a language's two files hold: what its classes are, and the examples of each."""
    told = yaml.safe_load((_FOLDER / f"second-{tag}.yaml").read_text("utf-8"))
    return told, read_examples((_FOLDER / f"examples-{tag}.txt").read_text("utf-8"))


def read_examples(text: str) -> dict[str, list[str]]:
    """Return the example sentences by class: those below a line "= Class"."""
    found: dict[str, list[str]] = {}
    name = NONE
    for line in text.splitlines():
        if line.startswith("= "):
            name = line[2:].strip()
        elif line.strip():
            found.setdefault(name, []).append(line.strip())
    return found
