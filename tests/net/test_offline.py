"""Without any network, and where nothing may leave: Harry works, or says in one sentence why he cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KEY = "sk-or-v1-do-not-tell-anybody"
OFFLINE = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def harry(home: Path, *call: str, offline: bool, key: str = "") -> subprocess.CompletedProcess[str]:
    command = [*(OFFLINE if offline else []), sys.executable, "-m", "harry.cli.app", *call]
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env = {**kept, "HARRY_HOME": str(home), **({"OPENROUTER_API_KEY": key} if key else {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, check=False)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What was said on standard error: the log's lines left out, one sentence with its remedy."""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("harry: ")]
    assert KEY not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return line


@pytest.mark.parametrize("offline", [True, False], ids=["no-network", "local-only"])
class TestHere:
    def test_a_mind_on_this_computer_answers(self, tmp_path: Path, offline: bool) -> None:
        limits = [] if offline else ["--set", "local_only=true"]
        done = harry(tmp_path, "ask", "Hello", "--set", "engines.language_model=scripted", *limits, offline=offline)
        assert (done.returncode, done.stdout.strip()) == (0, "I heard you.")

    def test_a_chain_falls_to_what_is_here_although_there_is_a_key(self, tmp_path: Path, offline: bool) -> None:
        limits = [] if offline else ["--set", "local_only=true"]
        chain = 'engines.language_model=["openrouter", "scripted"]'
        done = harry(tmp_path, "ask", "Hello", "--set", chain, *limits, offline=offline, key=KEY)
        assert (done.returncode, done.stdout.strip()) == (0, "I heard you.")
        assert KEY not in done.stderr

    def test_a_mind_elsewhere_is_refused_in_one_sentence(self, tmp_path: Path, offline: bool) -> None:
        limits = [] if offline else ["--set", "local_only=true"]
        call = ["ask", "Hello", "--set", "engines.language_model=openrouter", *limits]
        done = harry(tmp_path, *call, offline=offline, key=KEY)
        assert done.returncode != 0
        said = sentence(done)
        assert "openrouter.ai" in said
        assert ("cannot be reached" if offline else "local_only is set") in said

    def test_a_model_is_not_fetched(self, tmp_path: Path, offline: bool) -> None:
        limits = [] if offline else ["--set", "local_only=true"]
        done = harry(tmp_path, "models", "pull", "qwen2.5-0.5b", *limits, offline=offline)
        assert done.returncode == 1
        assert "huggingface.co" in sentence(done)
        assert not list((tmp_path / "models").rglob("*.gguf"))
