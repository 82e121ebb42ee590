"""What leaves this computer: refused where nobody may, written down where it did."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import harry
from harry.memory.shared_state.redis_client import open_link
from harry.mind.openai.engine import OpenAIChat
from harry.net import egress
from harry.net.egress import EGRESS_FILE, EgressRefused, note, permit, read_notes
from harry.net.http_client import new_client, new_mcp_client
from tests.support.chat_server import KEY, Client, ask, serving, text

HERE = ["http://127.0.0.1:1/v1", "http://[::1]/v1", "https://localhost", "http://LocalHost:5/x", "unix:///run/redis",
        "http://127.255.0.9/", "redis://:secret@127.0.0.1:1/0"]  # fmt: skip
ELSEWHERE = ["https://openrouter.ai/api/v1", "http://192.168.0.5:11434/v1", "http://0.0.0.0/", "redis://host:6379/0",
             "http://localhost.example.com/", "nonsense", "http:///x"]  # fmt: skip
NOT_CERTAIN = ["http://a.localhost/", "http://localhost.localhost/", "http://evillocalhost/", "http://localhost./",
               "http://127.0.0.1./", "http://127.0.0.1.evil.example/", "http://127.0.0.1@evil.example/",
               "http://localhost:80@evil.example/", "http://evil.example\\@127.0.0.1/", "http://127.0.0.1\\@evil.example/",
               "http://127.1/", "http://2130706433/", "http://0177.0.0.1/", "http://0x7f000001/", "http://0/", "http://[::]/",
               "http://[::ffff:127.0.0.1]/", "http://[::ffff:8.8.8.8]/", "http://[::1%25eth0]/", "http://[fe80::1]/",
               "http://[::1", "http://localhost%2eevil.example/", "http://localhost%00.evil.example/", "http://loca\nlhost/",
               "http://\u24dbocalhost/", "http://\uff11\uff12\uff17.0.0.1/", " http://127.0.0.1/", "unix://evil.example/run/redis",
               "file://evil.example/x", "http://ip6-localhost/", "http://127.0.0.1,evil.example/", "unix://user@/run/x",
               ]  # fmt: skip


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


@pytest.mark.parametrize("url", NOT_CERTAIN)
def test_what_may_be_elsewhere_counts_as_elsewhere(url: str) -> None:
    egress.configure(local_only=True)
    with pytest.raises(EgressRefused):
        permit(url, "a test")


PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")


def unwatched() -> Callable[[bytes], None]:
    return lambda _: None


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/mcp", "http://192.168.0.5:9/mcp"])
@pytest.mark.parametrize("local_only", [True, False])
def test_no_client_uses_a_proxy_to_this_computer_or_under_local_only(
    url: str, local_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    egress.configure(local_only=local_only)
    allowed = not local_only and "192" in url
    assert new_client(url, {}).trust_env is allowed
    assert new_mcp_client(url, {}, 1, "a test", watch=unwatched).trust_env is allowed


async def test_what_the_mcp_sdk_asks_for_elsewhere_is_refused() -> None:
    egress.configure(local_only=True)
    async with new_mcp_client("http://127.0.0.1:9/mcp", {}, 1, "a test", watch=unwatched) as client:
        with pytest.raises(EgressRefused):
            await client.get("http://elsewhere.example/")


def test_clients_are_made_in_one_place_only() -> None:
    made = re.compile(r"httpx2?\.(Async)?Client\(|urllib\.request|import requests")
    root = Path(harry.__file__).parent
    found = {str(path.relative_to(root)) for path in root.rglob("*.py") if made.search(path.read_text("utf-8"))}
    # The last lends OpenTelemetry's exporter a session that asks for leave and is noted as all others.
    assert found == {"net/http_client.py", "bench/stores.py", "daemon/trace_export.py"}


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
