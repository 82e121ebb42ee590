"""What is packed: the wheel has every file that the packages read, and what Harry runs with has no builders' tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("channels", "actors", "harry", "plugins")


def build(to: Path) -> Path:
    """Build the wheel from a copy, so that nothing is left in the tree."""
    copy = to / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    subprocess.run([*command, "--wheel-dir", str(to), str(copy)], check=True, capture_output=True, timeout=100)
    return next(to.glob("harry_voice-*.whl"))


def test_the_wheel_has_every_file_of_the_packages(tmp_path: Path) -> None:
    wheel = build(tmp_path)
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = [path for package in PACKAGES for path in (tmp_path / "source" / package).rglob("*") if path.is_file()]
    there = {str(path.relative_to(tmp_path / "source")).removeprefix("plugins/") for path in files}
    assert there - packed == set()


def versions(file: str) -> dict[str, str]:
    text = (ROOT / "requirements" / file).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==(\S+)", text, re.MULTILINE))


def test_builders_use_the_versions_that_harry_runs_with() -> None:
    run, dev = versions("lock.txt"), versions("dev.txt")
    assert {name: (run[name], dev[name]) for name in run.keys() & dev.keys() if run[name] != dev[name]} == {}


def test_what_harry_runs_with_has_no_builders_tools() -> None:
    assert versions("lock.txt").keys() & {"pytest", "mypy", "ruff", "playwright", "matplotlib", "openai"} == set()


def test_no_lock_names_where_packages_were_fetched() -> None:
    for name in ("lock.txt", "dev.txt", "models.txt"):
        assert "://" not in (ROOT / "requirements" / name).read_text()


@pytest.mark.acceptance
def test_the_wheel_alone_in_a_clean_environment_answers(tmp_path: Path) -> None:
    """Without any extra: no ear, no voice, no model. Needs the package index."""
    wheel, venv = build(tmp_path), tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=200)
    subprocess.run([venv / "bin/pip", "install", "--quiet", str(wheel)], check=True, capture_output=True, timeout=900)
    home = {"HOME": str(tmp_path), "HARRY_HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}

    def harry(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [venv / "bin/harry", *words],
            check=False,
            env=home,
            cwd=tmp_path,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
        )

    asked = harry("ask", "What time is it?")
    assert asked.returncode == 0
    assert re.match(r"It is (\d+:\d\d [ap]\.m\.|\d+ [ap]\.m\.|noon|midnight)", asked.stdout)
    examined = harry("doctor")
    assert examined.returncode == 0, examined.stdout
    assert "none: only what needs no language model is answered." in examined.stdout
    ran = harry("run", "--until-quiet", "1", "--set", "web.port=0", typed="What is 12 times 12?\n")
    assert "That is 144." in ran.stdout
    assert ran.returncode == 0
    demo = harry("demo")
    assert demo.returncode == 2
    assert f"{venv}/bin/pip install" in demo.stderr
