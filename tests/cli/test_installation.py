"""Advice on what to install fits the way in which Harry himself was installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import trio

from harry import installation
from harry.cli import doctor_checks
from harry.engines import registry
from harry.host.engine_loading import Candidate, Chain


@pytest.fixture(autouse=True)
def _fresh() -> None:
    installation.how_to_install.cache_clear()


def test_in_a_clone_make_installs_everything() -> None:
    assert installation.how_to_install() == "Run `make setup`."
    assert installation.how_to_install(package="some-model") == "Run `make builders`."


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        ("", "pip install 'harry-voice[local]'"),
        ("file:///home/ada/my%20harry", "pip install '/home/ada/my harry[local]'"),
        ("file:///tmp/harry_voice-1.0-py3-none-any.whl", "pip install '/tmp/harry_voice-1.0-py3-none-any.whl[local]'"),
        ("git+https://example.org/harry.git", "pip install 'harry-voice[local] @ git+https://example.org/harry.git'"),
    ],
)
def test_elsewhere_pip_does_from_where_harry_came(monkeypatch: pytest.MonkeyPatch, origin: str, command: str) -> None:
    monkeypatch.setattr(installation, "_is_clone", lambda _: False)
    monkeypatch.setattr(installation, "_origin", lambda: origin)
    pip = f"{sys.prefix}/bin/pip" if sys.prefix != sys.base_prefix else "pip"
    assert installation.how_to_install() == f"Run: {command.replace('pip', pip, 1)}"
    assert installation.how_to_install(package="some-model") == f"Run: {pip} install some-model"


def test_what_installed_harry_installs_the_rest(tmp_path: Path) -> None:
    (tmp_path / "pipx_metadata.json").touch()
    assert installation._installer(tmp_path, package="", whole="harry[local]") == "pipx install --force 'harry[local]'"
    assert installation._installer(tmp_path, package="x", whole="") == "pipx runpip harry-voice install x"
    (tmp_path / "pipx_metadata.json").rename(tmp_path / "uv-receipt.toml")
    assert installation._installer(tmp_path, package="", whole="harry[local]").startswith("uv tool install --force ")


def test_a_mind_that_is_not_installed_is_not_said_to_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harry.mind.llamacpp.smollm2._PACKAGE", "no_such_package_anywhere")
    [finding, none] = trio.run(
        doctor_checks._chain, Chain("language_model", (Candidate("smollm2"),)), doctor_checks._look
    )
    assert finding.state == "warning"
    assert "not installed" in finding.found
    assert none.found == "There is none that can be used."


def test_a_mind_without_its_key_is_not_said_to_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    table = {"kind": "openai-chat", "base_url": "https://example.org/v1", "model": "m", "api_key_env": "SOME_KEY"}
    chain = Chain("language_model", (Candidate("far", table), Candidate("scripted")))
    far, near = trio.run(doctor_checks._chain, chain, doctor_checks._look)
    assert "SOME_KEY is not set" in far.found
    assert near.found == "scripted will be used."


def test_looking_at_an_engine_builds_nothing(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(100_000))
    registry.look("language_model", "gguf", {"path": str(tmp_path / "m.gguf")})
