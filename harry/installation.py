"""How this Harry was installed, so that advice names a command that works for exactly this installation."""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

DISTRIBUTION = "harry-voice"


@lru_cache
def how_to_install(extra: str = "local", *, package: str = "") -> str:
    """Say how to install what an extra of Harry brings, or a `package` that no extra may bring; in a sentence.

    In a clone, make does; else whatever installed Harry does, the extra from where he himself came.
    """
    if _is_clone(Path(__file__).parents[1]):
        return "Run `make builders`." if package else "Run `make setup`."
    return f"Run: {_installer(Path(sys.prefix), package=package, whole=_requirement(extra, _origin()))}"


def _installer(prefix: Path, *, package: str, whole: str) -> str:
    """Write the command that adds `package`, or puts Harry with an extra (`whole`) in his place."""
    if (prefix / "pipx_metadata.json").is_file():
        return f"pipx runpip {DISTRIBUTION} install {package}" if package else f"pipx install --force '{whole}'"
    if (prefix / "uv-receipt.toml").is_file():
        added = f"uv pip install --python {prefix}/bin/python {package}"
        return added if package else f"uv tool install --force '{whole}'"
    pip = f"{prefix}/bin/pip" if sys.prefix != sys.base_prefix else "pip"
    return f"{pip} install {package}" if package else f"{pip} install '{whole}'"


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
