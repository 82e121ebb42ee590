"""Keeps the client library of PulseAudio from leaving files in a home in which it has none.

Where no desktop set XDG_RUNTIME_DIR, whoever asks for sound devices through it finds `~/.config/pulse` made. A person
who has that folder has a sound server that is found by it, and is left as he is.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SAYS_WHERE = ("XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "PULSE_COOKIE")


@contextmanager
def home_left_alone() -> Iterator[None]:
    """While inside, give the library a folder for its files that is gone afterwards, unless it has one."""
    home = Path(os.environ.get("HOME") or "~").expanduser()
    if any(os.environ.get(name) for name in _SAYS_WHERE) or any(
        (home / known).exists() for known in (".config/pulse", ".pulse", ".pulse-cookie")
    ):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="harry-sound-", ignore_cleanup_errors=True) as folder:
        os.environ["PULSE_RUNTIME_PATH"] = folder
        os.environ["PULSE_COOKIE"] = str(Path(folder, "cookie"))
        try:
            yield
        finally:
            del os.environ["PULSE_RUNTIME_PATH"], os.environ["PULSE_COOKIE"]
