"""Notices that a package was changed on disk after Harry loaded it: what is imported then would be half old, half new.

When an entry point is imported, the version of its package and the state of every file that was loaded from it are
noted. What is loaded later from the same package is held against them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path

from harry.errors import EngineUnavailable

State = tuple[int, int]
"""When a file was changed (nanoseconds), and its size in bytes."""


@dataclass(slots=True)
class _Loaded:
    """A package as it was loaded: its version, and its files."""

    version: str
    files: dict[Path, State] = field(default_factory=dict)


_loaded: dict[str, _Loaded] = {}


def note_loaded(point: EntryPoint) -> None:
    """Note what is loaded of an entry point's package; what was noted before stays as it was."""
    loaded = _loaded.setdefault(_package(point), _Loaded(_version(point)))
    for path in _files(point):
        if path not in loaded.files and (state := _state(path)) is not None:
            loaded.files[path] = state


def refuse_if_changed(point: EntryPoint) -> None:
    """Raise `EngineUnavailable` where the package of an entry point is not the one any more that was loaded."""
    loaded = _loaded.get(_package(point))
    if loaded is None:
        return
    if loaded.version != _version(point):
        what = f"{_package(point)} {loaded.version} is loaded, and {_version(point) or 'another'} is installed by now."
    elif any(_state(path) != state for path, state in loaded.files.items()):
        what = f"{_package(point)} was changed on disk after Harry had loaded it."
    else:
        return
    raise EngineUnavailable(what, remedy="Start Harry again to use it.")


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else _top(point)


def _version(point: EntryPoint) -> str:
    return point.dist.version if point.dist is not None else ""


def _top(point: EntryPoint) -> str:
    return point.module.partition(".")[0]


def _files(point: EntryPoint) -> list[Path]:
    """Return the files of all modules that are loaded of an entry point's top package."""
    top = _top(point)
    modules = [module for name, module in list(sys.modules.items()) if name == top or name.startswith(f"{top}.")]
    return [Path(file) for module in modules if (file := getattr(module, "__file__", None))]


def _state(path: Path) -> State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
