"""How this Harry was installed, so that advice names a command that works for exactly this installation."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

DISTRIBUTION = "harry-voice"


@lru_cache
def how_to_install(extra: str = "local", *, package: str = "") -> str:
    """Say how to install what an extra of Harry brings, or a `package` that no extra may bring; in a sentence.

    In a clone, `make setup` installs everything; else pip does, the extra from where Harry himself came.
    """
    if _is_clone(Path(__file__).parents[1]):
        return "Run `make setup`."
    wanted = package or f"'{_requirement(extra, _origin())}'"
    return f"Run: pip install {wanted}"


def _is_clone(folder: Path) -> bool:
    return (folder / "Makefile").is_file() and (folder / "pyproject.toml").is_file()


def _origin() -> str:
    """Read where pip took Harry from (PEP 610); "" if from an index, or if nobody wrote it down."""
    try:
        written = distribution(DISTRIBUTION).read_text("direct_url.json")
        told = json.loads(written) if written else {}
    except (PackageNotFoundError, ValueError):
        return ""
    url = str(told.get("url", ""))
    vcs = told.get("vcs_info", {}).get("vcs")
    return f"{vcs}+{url}" if vcs else url


def _requirement(extra: str, origin: str) -> str:
    """Write what pip is to install: a path, an address, or the name alone."""
    if origin.startswith("file://"):
        return f"{unquote(urlsplit(origin).path)}[{extra}]"
    return f"{DISTRIBUTION}[{extra}] @ {origin}" if origin else f"{DISTRIBUTION}[{extra}]"
