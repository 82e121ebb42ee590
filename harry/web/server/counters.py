"""What is counted at the door, for whoever watches over Harry. Labels come from the code alone, so they are bounded."""

from __future__ import annotations

from collections import Counter


class Counters:
    """Counts since the start."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        self.refusals: Counter[str] = Counter()
        self.failures = 0
        self.turned_away = 0

    def answered(self, pattern: str, status: int) -> None:
        """Count an answer of a route."""
        self.answers[pattern, status] += 1

    def refused(self, code: str) -> None:
        """Count a refusal by its reason."""
        self.refusals[code] += 1
