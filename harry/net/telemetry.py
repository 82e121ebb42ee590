"""What the libraries would report about Harry's users is switched off here, before any of them is imported.

onnxruntime 1.29 and later sends telemetry unless the environment forbids it: it looks up its maker's host within
seconds and keeps a device number, the processor's name and the path of the interpreter in the user's cache. Harry's
package calls `switch_off` as it is imported; child processes inherit the environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",
    "ORT_TELEMETRY_DISABLED": "1",  # the name in some versions
}
"""Variables that must be set before the libraries that read them are loaded."""

_FOLDER = Path("Microsoft", "DeveloperTools", ".onnxruntime")  # within the user's cache
_DATABASE = "onnxruntime.db"
_FILES = ("deviceid", "deviceid.lock", *(f"{_DATABASE}{suffix}" for suffix in ("", "-journal", "-wal", "-shm")))


def switch_off() -> None:
    """Forbid telemetry for this process and its children. Called again, it changes nothing."""
    os.environ.update(SWITCHES)
    # A program that uses Harry as a library may have loaded it before: then it is told directly, which is the most
    # that can be done.
    loaded = sys.modules.get("onnxruntime")
    if loaded is not None and hasattr(loaded, "disable_telemetry_events"):
        loaded.disable_telemetry_events()


def remove_traces(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Delete what onnxruntime's telemetry left in the user's cache, and return the deleted files.

    Only files that bear its names are touched, and folders only if that leaves them empty. What cannot be deleted
    stays.
    """
    cache = Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".cache")
    folder = cache / _FOLDER
    removed: list[Path] = []
    for name in _FILES:
        with suppress(OSError):
            (folder / name).unlink()
            removed.append(folder / name)
    if removed:
        # An error: it is not empty, so something else is in it.
        with suppress(OSError):
            for empty in (folder, folder.parent, folder.parent.parent):
                empty.rmdir()
    return removed
