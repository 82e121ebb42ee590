"""A plug-in that `harry new-plugin` began passes its own tests at once, and Harry finds and uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from harry.engines import registry
from harry.errors import ConfigurationError, HarryError
from harry.services.new_plugin import PLUGIN_ROLES, TOOLS, write_plugin
from tests.support.paths import ROOT
from tests.support.plugin_folder import install


def run_pytest(folder: Path, *more: str, path: Sequence[Path] = ()) -> str:
    """Run the tests of a folder, which have to pass; return what is said of them."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-v", "-p", "no:cacheprovider", *more], cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, *path)))},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass_at_once(tmp_path: Path) -> None:
    written = write_plugin("my-first", TOOLS, tmp_path)
    assert "2 passed" in run_pytest(written.folder)


def test_those_of_every_role_pass_at_once(tmp_path: Path) -> None:
    # One process for all of them: each takes longer to start than to be tried.
    folders = {role: write_plugin(f"my-{role.replace('_', '-')}", role, tmp_path).folder for role in PLUGIN_ROLES}
    told = run_pytest(tmp_path, "--rootdir", str(tmp_path), *map(str, folders.values()), path=list(folders.values()))
    for folder in folders.values():
        assert f"{folder.name}/tests/" in told
    assert "failed" not in told


@pytest.mark.parametrize("role", registry.ROLES)
def test_harry_loads_it(role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"made-{role.replace('_', '-')}"
    written = write_plugin(name, role, tmp_path)
    project = tomllib.loads((written.folder / "pyproject.toml").read_text("utf-8"))["project"]
    install(written.folder, project["entry-points"], {}, package=project["name"], version=project["version"])
    monkeypatch.syspath_prepend(str(written.folder))
    engine = registry.load_engine(role, name, {})
    assert engine.name == name
    assert written.choose.endswith(f"engines.{role}={name}")


def test_what_is_written_is_as_harry_s_own_code_is(tmp_path: Path) -> None:
    for role in PLUGIN_ROLES:
        write_plugin(f"styled-{role.replace('_', '-')}", role, tmp_path)
    done = subprocess.run(
        # Which imports are whose depends on where ruff is called.
        [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length=120", "--ignore=I001", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name", ["", "Voice", "my voice", "-voice", "voice-", "a--b", "1voice", "../voice", "vo_ice", "v" * 41, "füller"]
)
def test_a_name_that_is_none_is_refused_with_what_one_is(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="small letters"):
        write_plugin(name, "text_to_speech", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [("class", "word of Python's"), ("none", "word of Python's"), ("piper", "text to speech 'piper' already")],
)
def test_a_name_that_is_taken_is_refused(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=says):
        write_plugin(name, "text_to_speech", tmp_path)


def test_a_role_that_is_none_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no role 'voice'.*text_to_speech"):
        write_plugin("my-voice", "voice", tmp_path)


def test_a_role_may_be_written_as_a_person_writes_it(tmp_path: Path) -> None:
    assert write_plugin("my-voice", "text to speech", tmp_path).folder.is_dir()
    assert write_plugin("my-ear", "speech-to-text", tmp_path).folder.is_dir()


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "my-tool").mkdir()
    with pytest.raises(HarryError, match="is there already"):
        write_plugin("my-tool", TOOLS, tmp_path)
    assert list((tmp_path / "my-tool").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarryError, match="cannot be written: Not a directory"):
        write_plugin("my-tool", TOOLS, tmp_path / "file")
