"""A private golden set: a conversation made up for the purpose, and questions with the turns that answer them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harry.memory.store.items import Item
from tests.support.paths import DATA

FOLDER = DATA / "memory"
NAMES = {"N": "Nora", "T": "Tom"}


@dataclass(frozen=True)
class Question:
    """`evidence` holds the ids of the turns that answer it; none: the answer was never given."""

    category: str
    text: str
    evidence: frozenset[str]


def conversation(namespace: str = "golden") -> list[Item]:
    """The turns, half a minute apart, sessions numbered from 1 and turns within them."""
    items: list[Item] = []
    session = turn = 0
    began = datetime.fromtimestamp(0, tz=UTC)
    for line in (FOLDER / "conversation.txt").read_text("utf-8").splitlines():
        if line.startswith("== "):
            session, turn, began = session + 1, 0, datetime.fromisoformat(f"{line[3:]}+00:00")
        elif not line.startswith("#"):
            turn += 1
            name, _, text = line.partition(": ")
            at = (began + timedelta(seconds=30 * turn)).timestamp()
            items.append(Item(f"s{session}.{turn}", text, namespace, "memory", NAMES[name], at))
    return items


def questions() -> list[Question]:
    """All questions, those without an answer included."""
    found = []
    for line in (FOLDER / "questions.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            category, text, evidence = line.split("|")
            found.append(Question(category, text, frozenset(evidence.split())))
    return found


def recall(question: Question, found: list[str], count: int) -> float:
    """Share of a question's evidence among the first `count`."""
    return len(question.evidence & set(found[:count])) / len(question.evidence)
