"""Harry's tree of errors. Each carries a sentence for a tired person and, where there is one, what to do now.

Third-party exceptions never leave the room that met them: the room maps them into this tree.
"""

from __future__ import annotations


class HarryError(Exception):
    """What happened and why, in a sentence; `remedy` is what to do now, in another."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ConfigurationError(HarryError):
    """A wrong call, key, value or name: the start stops, exit code 2."""

    exit_code = 2


class DeviceError(HarryError):
    """A microphone or loudspeaker that does not exist, cannot be opened, or went away."""


class EngineError(HarryError):
    """An engine failed at its work."""


class EngineUnavailable(EngineError):  # noqa: N818  it reads better than EngineUnavailableError
    """An engine cannot be used here: not installed, no model, no key, no server."""


class EngineBusy(EngineError):  # noqa: N818  as above
    """An engine that cannot answer at this moment but may soon; `after` is in seconds, None if nobody knows."""

    def __init__(self, message: str, *, remedy: str = "", after: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.after = after


class BudgetReached(EngineError):  # noqa: N818  as above
    """A reply might cost more than is left of today's budget; `first`: nobody was told so today."""

    def __init__(self, message: str, *, remedy: str = "", first: bool = True) -> None:
        super().__init__(message, remedy=remedy)
        self.first = first


class EngineTimeout(EngineError):  # noqa: N818  as above
    """An engine outlived its deadline; its instance is retired."""


class StoreError(HarryError):
    """The store could not keep or give back something."""


class StoreDamaged(StoreError):  # noqa: N818  as above
    """The store's file holds something that it cannot hold: a part of it was overwritten or lost."""


class TooManySessions(HarryError):  # noqa: N818  as above
    """There are as many conversations as there may be; one must end first."""


class TooMuchToSay(HarryError):  # noqa: N818  as above
    """A program has had as much said as it may for now; `after` is in seconds."""

    def __init__(self, message: str, *, remedy: str = "", after: float) -> None:
        super().__init__(message, remedy=remedy)
        self.after = after


class Unanswered(HarryError):  # noqa: N818  as above
    """Somebody was asked and gave no answer; exit code 3."""

    exit_code = 3


class FolderInUse(HarryError):  # noqa: N818  as above
    """Another `harry run` holds the data folder."""
