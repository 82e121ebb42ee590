"""A plug-in as pip would have installed it: a folder for the path, with modules, metadata and entry points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ENGINE = """
import trio
from harry.plugin import Chunk, EngineSettings, EngineUnavailable, TextDelta, Word

class Base:
    class Settings(EngineSettings):
        pass

    def __init__(self, name):
        self.name = name

    @classmethod
    def load(cls, name, settings):
        return cls(name)

    def describe(self):
        return "a stranger"

    async def aclose(self):
        await trio.lowlevel.checkpoint()
"""
"""The beginning of a module with an engine: what engines of every role have."""


def install(
    folder: Path,
    points: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str],
    *,
    package: str = "strange",
    version: str = "1.0",
    licence: str = "Zlib",
) -> Path:
    """Write the package; `points` are the entry points by group. What was installed under its name before is gone."""
    for old in folder.glob(f"{package}-*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    info = folder / f"{package}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {package}\nVersion: {version}\nLicense-Expression: {licence}\n"
    )
    (info / "entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in named.items())
            for group, named in points.items()
        )
    )
    for name, text in modules.items():
        (folder / name).write_text(text)
    return folder
