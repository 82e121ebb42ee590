"""What leaves this computer: refused where nobody may, written down where it did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harry.memory.shared_state.redis_client import open_link
from harry.mind.openai.engine import OpenAIChat
from harry.net import egress
from harry.net.egress import EGRESS_FILE, EgressRefused, note, permit, read_notes
from tests.support.chat_server import KEY, Client, ask, serving, text

HERE = ["http://127.0.0.1:1/v1", "http://[::1]/v1", "https://localhost", "http://a.localhost:5/x", "unix:///run/redis"]
ELSEWHERE = ["https://openrouter.ai/api/v1", "http://192.168.0.5:11434/v1", "http://0.0.0.0/", "redis://host:6379/0",
             "http://localhost.example.com/", "nonsense", "http:///x"]  # fmt: skip


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    egress.configure(local_only=False)


@pytest.mark.parametrize("url", HERE)
def test_what_is_on_this_computer_may_be_asked_and_is_not_noted(url: str, tmp_path: Path) -> None:
    egress.configure(local_only=True, folder=tmp_path)
    permit(url, "a test")
    note(url, "a test")
    assert not list(read_notes(tmp_path))


@pytest.mark.parametrize("url", ELSEWHERE)
def test_everything_else_is_refused_in_one_sentence(url: str) -> None:
    permit(url, "a test")
    egress.configure(local_only=True)
    with pytest.raises(EgressRefused, match="is not on this computer, and local_only is set"):
        permit(url, "a test")


async def test_a_mind_or_a_redis_elsewhere_is_refused_before_anything_is_opened() -> None:
    egress.configure(local_only=True)
    settings = OpenAIChat.Settings(base_url="https://openrouter.ai/api/v1", model="m", api_key=KEY)
    with pytest.raises(EgressRefused, match=r"openrouter\.ai"):
        OpenAIChat.load("openrouter", settings)
    with pytest.raises(EgressRefused, match=r"redis\.example"):
        async with open_link("redis://user:secret@redis.example:6379/0"):
            pass


async def test_a_reply_from_elsewhere_is_noted_without_a_word_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(client: Client, asked: object) -> None:
        await client.begin()
        await client.say("A secret answer")
        await client.done()

    monkeypatch.setattr(egress, "is_loopback", lambda url: False)
    egress.configure(local_only=False, folder=tmp_path)
    async with serving(answer) as (server, mind):
        assert text(await ask(mind)) == "A secret answer"
    (line,) = read_notes(tmp_path)
    assert line["host"] == f"127.0.0.1:{server.port}"
    assert line["purpose"] == "reply"
    assert line["sent"] > 50
    assert line["received"] > 50
    assert not {"secret", "Hello", KEY} & set((tmp_path / EGRESS_FILE).read_text().split('"'))


def test_the_log_is_private_bounded_and_survives_a_line_cut_in_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "MAX_FILE_BYTES", 1000)
    egress.configure(local_only=False, folder=tmp_path)
    for number in range(100):
        note("https://example.com:8443/secret/path?key=1", f"call {number}", sent=number)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) < 1300
    assert (tmp_path / EGRESS_FILE).stat().st_mode & 0o777 == 0o600
    with (tmp_path / EGRESS_FILE).open("a") as file:
        file.write('{"at": "20')
    lines = list(read_notes(tmp_path))
    assert lines[-1]["sent"] == 99
    assert {line["host"] for line in lines} == {"example.com:8443"}
    assert "secret" not in json.dumps(lines)
