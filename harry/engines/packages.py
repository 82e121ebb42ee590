"""The package that an entry point comes from, and who is to blame when a stranger's code breaks.

Whatever a plug-in raises while it is imported or built becomes one `EngineUnavailable` that names the plug-in, its
package with its version, and the reason, so that a chain can go on to the next engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution

from harry.errors import EngineUnavailable, HarryError
from harry.installation import DISTRIBUTION, how_to_install

MAX_REASON_CHARACTERS = 300
"""Of what a stranger's exception says."""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package: its name, its version, and its licence as it states it, "" where it states none."""

    name: str
    version: str
    licence: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def package_of(point: EntryPoint) -> Package | None:
    """Return the package that an entry point comes from; None where nobody wrote it down."""
    return None if point.dist is None else _described(point.dist)


def find_package(name: str) -> Package | None:
    """Return an installed package by its name; None if it is not installed."""
    try:
        return _described(distribution(name))
    except PackageNotFoundError:
        return None


def is_built_in(point: EntryPoint) -> bool:
    """Return whether an entry point is Harry's own."""
    return point.dist is not None and point.dist.name == DISTRIBUTION


def credit(point: EntryPoint) -> str:
    """Name the package of a plug-in for a sentence, such as " (package strange 1.0)"; "" for Harry's own."""
    package = package_of(point)
    return "" if package is None or is_built_in(point) else f" (package {package})"


@contextmanager
def blamed(what: str, point: EntryPoint) -> Iterator[None]:
    """Raise `EngineUnavailable` where the block, which runs what `point` names, raises anything but a `HarryError`.

    `what` names it for a person, such as "The engine 'piper'".
    """
    try:
        yield
    except HarryError:
        raise
    except ImportError as error:
        raise _not_importable(what, point, error) from error
    except (Exception, SystemExit) as error:
        # What was raised may hold anything, also many lines.
        said = " ".join(str(error).split())[:MAX_REASON_CHARACTERS]
        reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
        raise broken(what, point, reason) from error


def broken(what: str, point: EntryPoint, reason: str) -> EngineUnavailable:
    """Word the trouble of a plug-in that does not do what its contract says."""
    return EngineUnavailable(
        f"{what} broke while it was loaded: {reason.rstrip('.')}{credit(point)}.",
        remedy=f"That is a mistake in {_kind(what)}: choose another, or tell its author.",
    )


def _kind(what: str) -> str:
    """Return "the engine" of "The engine 'x'"."""
    return what.partition(" '")[0].lower()


def _not_importable(what: str, point: EntryPoint, error: ImportError) -> EngineUnavailable:
    missing = isinstance(error, ModuleNotFoundError) and error.name
    if missing and f"{point.module}.".startswith(f"{missing}."):
        return broken(what, point, f"there is no module {missing!r}")
    remedy = (
        how_to_install(*point.extras) if is_built_in(point) else f"Install it with pip, for instance{credit(point)}."
    )
    if missing:
        return EngineUnavailable(f"{what} needs a package that is not installed ({missing}).", remedy=remedy)
    if is_built_in(point):
        return EngineUnavailable(f"{what} cannot be imported: {error}.", remedy=remedy)
    return broken(what, point, str(error))


def _described(found: Distribution) -> Package:
    return Package(found.name, found.version, _licence(found))


def _licence(found: Distribution) -> str:
    """Return the licence that a package states: its expression, else its short text, else its classifiers."""
    told = found.metadata
    for field in ("License-Expression", "License"):
        text = str((told.get_all(field) or [""])[0]).strip()
        if text and text.upper() != "UNKNOWN" and "\n" not in text and len(text) <= 80:
            return text
    classifiers = [line for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    return ", ".join(re.sub(r"^License :: (OSI Approved :: )?", "", line) for line in classifiers)
