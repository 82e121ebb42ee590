"""The bench of stores tells what it measured, and of what is scripted that it is."""

from __future__ import annotations

import json

import pytest

from harry.bench import stores


@pytest.fixture
def quick(monkeypatch):
    for name, value in (("ROUNDS", 1), ("DELAY", 0.02), ("TOKEN", 0.002), ("SENTENCE", 0.02)):
        monkeypatch.setattr(stores, name, value)


def test_every_comparison_has_both_times_and_the_script_beside(quick):
    figures = stores.run(20)
    assert json.loads(json.dumps(figures)) == figures
    for kind in ("redis", "files", "http"):
        both = figures[kind]["one_after_another_ms"], figures[kind]["together_ms"]
        assert min(both) > 0
        assert figures[kind]["times_faster"] == pytest.approx(both[0] / both[1], rel=0.1)
    assert figures["http"]["scripted"] == {"answer_seconds": 0.02}
    assert figures["turn"]["scripted"]["services"] == stores.SERVICES
    assert figures["files"]["synced"]


def test_a_server_of_set_delay_is_asked_at_once_not_one_after_another(quick):
    figures = stores.run(20)
    assert figures["http"]["one_after_another_ms"] >= 20 * stores.TASKS
    assert figures["turn"]["first_sound_together_ms"] < figures["turn"]["together_ms"]
    least = 1000 * (stores.SERVICES * stores.DELAY + stores.TOKENS * stores.TOKEN + 4 * stores.SENTENCE)
    assert figures["turn"]["one_after_another_ms"] >= least


def test_a_machine_without_redis_is_told_so(quick, monkeypatch):
    monkeypatch.setattr(stores.shutil, "which", lambda _: None)
    assert "no redis-server" in stores.run(16)["redis"]["skipped"]
