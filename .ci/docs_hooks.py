"""What mkdocs does for `make docs` beyond the pages of docs/.

It adds README, CONTRIBUTING and the like, and a page for each file of code or examples that a page links to; and it
turns links accordingly. A link to what is not there ends the build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
HOME = "README.md"
PROJECT = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
FENCE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)

_origins: dict[str, str] = {}  # a page of the site -> its file in the repository


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not in docs/, and those that they link to in turn."""
    _origins.update({file.src_uri: f"docs/{file.src_uri}" for file in files.documentation_pages()})
    waiting = [HOME, *PROJECT, *_origins.values()]
    while waiting:
        origin = waiting.pop()
        place = _place(origin)
        text = _text(origin)
        if place not in _origins:
            files.append(File.generated(config, place, content=text))
            _origins[place] = origin
        prose = FENCE.sub("", text) if origin.endswith(".md") else ""
        for _, link, _ in LINK.findall(prose):
            target = _target(origin, link)
            if target and not target.startswith("docs/") and _place(target) not in _origins:
                waiting.append(target)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn the links of a page: what is a file of the repository becomes a page of the site."""
    origin = _origins[page.file.src_uri]
    here = posixpath.dirname(page.file.src_uri)

    def turn(found: re.Match[str]) -> str:
        target = _target(origin, found[2])
        if target is None:
            return found[0]
        anchor = found[2].partition("#")[2]
        link = posixpath.relpath(_place(target), here or ".") + (f"#{anchor}" if anchor else "")
        return f"{found[1]}{link}{found[3]}"

    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(turn, part) for part in parts)


def _target(origin: str, link: str) -> str | None:
    """Name the file of the repository that a link of a page leads to; None for an address or a place on the page."""
    path = link.partition("#")[0]
    if not path or "://" in link or link.startswith("mailto:") or not origin.endswith(".md"):
        return None
    target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
    if not (ROOT / target).exists():
        raise PluginError(f"{origin}: there is no {link}")
    return target


def _place(origin: str) -> str:
    """Name the page of the site for a file of the repository."""
    if origin == HOME:
        return "index.md"
    if origin in PROJECT:
        return f"project/{origin}"
    if origin.startswith("docs/"):
        return origin.removeprefix("docs/")
    return origin if origin.endswith(".md") else f"source/{origin}.md"


def _text(origin: str) -> str:
    """Read a page, or make one of a file or a folder."""
    path = ROOT / origin
    if origin.endswith(".md"):
        return path.read_text("utf-8")
    if path.is_dir():
        return f"# {origin}\n\n" + "".join(f"* `{entry.name}`\n" for entry in sorted(path.iterdir()))
    language = {".py": "python", ".toml": "toml", ".yaml": "yaml"}.get(path.suffix, "text")
    return f"# {origin}\n\n````{language}\n{path.read_text('utf-8')}\n````\n"
