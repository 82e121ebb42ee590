"""What was understood: the name of a wish, and what stood in its slots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Wish:
    """A reflex that was recognised: its name, what stood in its slots, and the words as they were."""

    name: str
    slots: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
