"""Books and notes cut into passages that can be found: at paragraphs, each under the path of headings it stands below.

A passage has some 200 words. A paragraph that is longer is cut between sentences; the last sentence of a passage opens
the next, so that what runs over the cut is found from both sides. A note of up to 200 words stays whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PASSAGE_WORDS = 200
"""Words of a passage, about."""
MAX_PASSAGE_WORDS = 250
"""Words of a passage at most, unless one sentence has more."""

_HEADING = re.compile(r"(#{1,6})[ \t]+(.+?)[ \t#]*$")
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_SENTENCE = re.compile(r"(?<=[.!?\u2026\u3002])[\"'\u201d\u2019)\]]*\s+")
_PATH = " > "


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document and the headings above it, outermost first, joined by ` > `."""

    text: str
    heading: str = ""


def split_passages(document: str, *, markdown: bool = True) -> list[Passage]:
    """Split a document into passages. Plain text (`markdown` false) has no headings."""
    found: list[Passage] = []
    for heading, paragraphs in _sections(document, markdown=markdown):
        found += [Passage(text, heading) for text in _gathered(paragraphs)]
    return found


def _sections(document: str, *, markdown: bool) -> list[tuple[str, list[str]]]:
    sections: list[tuple[str, list[str]]] = [("", [])]
    path: list[str] = []
    lines: list[str] = []
    fenced = False

    def end_paragraph() -> None:
        if text := "\n".join(lines).strip():
            sections[-1][1].append(text)
        lines.clear()

    for line in document.splitlines():
        fenced ^= markdown and _FENCE.match(line) is not None
        heading = _HEADING.match(line) if markdown and not fenced else None
        if heading is not None:
            end_paragraph()
            path = [*path[: len(heading[1]) - 1], heading[2]]
            sections.append((_PATH.join(path), []))
        elif line.strip() or fenced:
            lines.append(line)
        else:
            end_paragraph()
    end_paragraph()
    return sections


def _gathered(paragraphs: list[str]) -> list[str]:
    """Join short paragraphs and cut long ones."""
    done: list[str] = []
    now: list[str] = []
    carried = 0  # pieces at the head of `now` that the passage before has already
    for paragraph in paragraphs:
        for piece, joint in _pieces(paragraph):
            size = sum(len(text.split()) for text in now)
            if len(now) > carried and size + len(piece.split()) > (
                MAX_PASSAGE_WORDS if joint == " " else PASSAGE_WORDS
            ):
                done.append("".join(now).strip())
                last = _SENTENCE.split(now[-1].strip())[-1]
                now = [last] if len(last.split()) < PASSAGE_WORDS // 4 else []
                carried = len(now)
            now.append(f"{joint}{piece}")
    if len(now) > carried:
        done.append("".join(now).strip())
    return done


def _pieces(paragraph: str) -> list[tuple[str, str]]:
    """Split a paragraph that is too long for one passage; return pairs (piece, joint before it)."""
    if len(paragraph.split()) <= MAX_PASSAGE_WORDS:
        return [(paragraph, "\n\n")]
    sentences = [piece for sentence in _SENTENCE.split(paragraph) for piece in _short(sentence)]
    return [(sentence, " " if number else "\n\n") for number, sentence in enumerate(sentences)]


def _short(sentence: str) -> list[str]:
    words = sentence.split()
    if len(words) <= MAX_PASSAGE_WORDS:
        return [sentence]
    return [" ".join(words[first : first + PASSAGE_WORDS]) for first in range(0, len(words), PASSAGE_WORDS)]
