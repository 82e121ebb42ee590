"""Models come whole or not at all, whatever the server does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import h11
import pytest
import trio

from harry.errors import ConfigurationError, EngineBusy, EngineError, EngineUnavailable, StoreError
from harry.mind.selection import list_choices
from harry.models import catalogue, fetching
from harry.models.catalogue import HUB, Model, ModelFile, find_model, find_pulled_model, read_pins
from harry.models.fetching import pull
from harry.net import egress
from tests.support.chat_server import Client

WHOLE = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(WHOLE).hexdigest()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_PAUSE", 0.01)


class Hub:
    """Answers each question for a file by `answer(client, begin)`: `begin` is where it was asked to go on."""

    def __init__(self, answer: Callable[[Client, int], Awaitable[None]]) -> None:
        self.answer = answer
        self.asked: list[int] = []
        self.targets: list[bytes] = []
        self.url = ""

    async def serve(self, stream: trio.SocketStream) -> None:
        client = Client(stream)
        async with stream:
            head = await client.next_event()
            if isinstance(head, h11.Request):
                wish = dict(head.headers).get(b"range", b"bytes=0-").decode()
                begin = int(wish.removeprefix("bytes=").rstrip("-"))
                self.asked.append(begin)
                self.targets.append(head.target)
                await self.answer(client, begin)


@asynccontextmanager
async def hub(answer: Callable[[Client, int], Awaitable[None]]) -> AsyncIterator[Hub]:
    made = Hub(answer)
    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(
            partial(trio.serve_tcp, made.serve, 0, host="127.0.0.1")
        )
        made.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield made
        nursery.cancel_scope.cancel()


async def give(client: Client, begin: int, *, end: int | None = None, content: bytes = WHOLE) -> None:
    """Give a file from `begin` on; `end` cuts it there."""
    length = len(content) - begin
    headers = [("content-length", str(length))]
    if begin:
        headers.append(("content-range", f"bytes {begin}-{len(content) - 1}/{len(content)}"))
    await client.begin(206 if begin else 200, headers)
    await client.data(content[begin:end])
    if end is None or end >= len(content):
        await client.send(h11.EndOfMessage())


def model(url: str, *, size: int | None = len(WHOLE), sha256: str = DIGEST) -> Model:
    file = ModelFile(path=f"{url}/model.gguf", size=size, sha256=sha256)
    return Model(role="language_model", about="", licence="", memory=0, files=(file,))


def there(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


async def test_a_file_comes_whole_and_is_fetched_once(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    async with hub(give) as server:
        await pull(model(server.url), tmp_path, lambda *each: seen.append(each))
        await pull(model(server.url), tmp_path)
        assert server.asked == [0]
    assert (tmp_path / "model.gguf").read_bytes() == WHOLE
    assert read_pins(tmp_path) == {"model.gguf": DIGEST}
    assert seen[-1] == ("model.gguf", len(WHOLE), len(WHOLE))
    assert set(there(tmp_path)) == {"model.gguf", "pins.json"}


async def test_what_is_cut_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    async def cutting(client: Client, begin: int) -> None:
        await give(client, begin, end=begin + 400_000)

    async with hub(cutting) as server:
        await pull(model(server.url), tmp_path)
        assert server.asked == [0, 400_000, 800_000]
    assert (tmp_path / "model.gguf").read_bytes() == WHOLE


async def test_a_pull_that_was_ended_goes_on_the_next_time(tmp_path: Path) -> None:
    async def slow(client: Client, begin: int) -> None:
        if begin:
            await give(client, begin)
        else:
            await client.begin(200, [("content-length", str(len(WHOLE)))])
            await client.data(WHOLE[:300_000])
            await trio.sleep_forever()

    async with hub(slow) as server:
        with trio.CancelScope() as ended:
            await pull(
                model(server.url), tmp_path, lambda name, done, total: ended.cancel() if done >= 300_000 else None
            )
        assert not (tmp_path / "model.gguf").exists()
        await pull(model(server.url), tmp_path)
        assert server.asked[1] > 0
    assert (tmp_path / "model.gguf").read_bytes() == WHOLE


async def test_a_server_that_does_not_know_how_to_go_on_begins_anew(tmp_path: Path) -> None:
    async def ignoring(client: Client, begin: int) -> None:
        await give(client, 0, end=None if begin else 400_000)

    async with hub(ignoring) as server:
        await pull(model(server.url), tmp_path)
        assert server.asked == [0, 400_000]
    assert (tmp_path / "model.gguf").read_bytes() == WHOLE


async def test_a_server_that_goes_on_elsewhere_is_refused(tmp_path: Path) -> None:
    async def elsewhere(client: Client, begin: int) -> None:
        if not begin:
            await give(client, 0, end=400_000)
        else:
            rest = WHOLE[100:]
            await client.begin(
                206, [("content-length", str(len(rest))), ("content-range", f"bytes 100-9/{len(WHOLE)}")]
            )
            await client.data(rest)
            await client.send(h11.EndOfMessage())

    async with hub(elsewhere) as server:
        with pytest.raises(EngineError, match="does not go on where"):
            await pull(model(server.url), tmp_path)
    assert not (tmp_path / "model.gguf").exists()


async def test_other_bytes_are_not_kept(tmp_path: Path) -> None:
    async with hub(partial(give, content=WHOLE[::-1])) as server:
        with pytest.raises(EngineError, match="checksum is wrong"):
            await pull(model(server.url), tmp_path)
    assert not there(tmp_path)


@pytest.mark.parametrize("length", [10, len(WHOLE) + 5])
async def test_another_length_is_another_file(tmp_path: Path, length: int) -> None:
    content = (WHOLE + b"12345")[:length]
    async with hub(partial(give, content=content)) as server:
        with pytest.raises(EngineError, match="another file"):
            await pull(model(server.url), tmp_path)
    assert not (tmp_path / "model.gguf").exists()


async def test_a_stream_that_does_not_end_is_ended(tmp_path: Path) -> None:
    async def endless(client: Client, begin: int) -> None:
        await client.begin(200, [("transfer-encoding", "chunked")])
        while not client.gone.is_set():
            await client.data(WHOLE)

    async with hub(endless) as server:
        with trio.fail_after(20), pytest.raises(EngineError, match="sends more than"):
            await pull(model(server.url), tmp_path)
    assert not (tmp_path / "model.gguf").exists()
    assert not any(there(tmp_path).values())


async def test_redirects_are_followed_not_for_ever_and_not_into_the_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def round_and_round(client: Client, begin: int) -> None:
        await client.begin(302, [("location", "/again"), ("content-length", "0")])

    async def onward(client: Client, begin: int) -> None:
        if server.targets[-1] == b"/there?x=1":
            await give(client, begin)
        else:
            await client.begin(302, [("location", "/there?x=1"), ("content-length", "0")])

    async with hub(round_and_round) as server:
        with pytest.raises(EngineUnavailable, match="without end"):
            await pull(model(server.url), tmp_path)
    async with hub(onward) as server:
        await pull(model(server.url), tmp_path)
    assert (tmp_path / "model.gguf").read_bytes() == WHOLE

    async def out(client: Client, begin: int) -> None:
        await client.begin(302, [("location", "http://192.0.2.1/x"), ("content-length", "0")])

    egress.configure(local_only=True)
    try:
        async with hub(out) as server:
            with pytest.raises(egress.EgressRefused):
                await pull(model(server.url), tmp_path / "other")
    finally:
        egress.configure(local_only=False)


async def test_a_redirect_to_what_is_no_address_is_one_sentence(tmp_path: Path) -> None:
    async def astray(client: Client, begin: int) -> None:
        await client.begin(302, [("location", "http://[half"), ("content-length", "0")])

    async with hub(astray) as server:
        with pytest.raises(EngineUnavailable, match="no address"):
            await pull(model(server.url), tmp_path)


async def test_a_part_that_another_fetch_took_away_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = fetching._digest

    async def taken_away(path: Path) -> str:
        await trio.to_thread.run_sync(path.unlink)
        return await digest(path)

    monkeypatch.setattr(fetching, "_digest", taken_away)
    async with hub(give) as server:
        with pytest.raises(StoreError, match="No such file"):
            await pull(model(server.url), tmp_path)


@pytest.mark.parametrize(("status", "kind"), [(404, EngineUnavailable), (403, EngineUnavailable), (503, EngineBusy)])
async def test_a_server_without_the_file_is_one_sentence(tmp_path: Path, status: int, kind: type[EngineError]) -> None:
    async def refusing(client: Client, begin: int) -> None:
        await client.begin(status, [("content-length", "0")])

    async with hub(refusing) as server:
        with pytest.raises(kind, match=f"error {status}"):
            await pull(model(server.url), tmp_path)
        assert len(server.asked) <= fetching.ATTEMPTS


async def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harry.models.fetching.shutil.disk_usage", lambda folder: SimpleNamespace(free=1000))
    async with hub(give) as server:
        with pytest.raises(StoreError, match="are needed"):
            await pull(model(server.url), tmp_path)
    assert not there(tmp_path)


async def test_a_server_that_falls_silent_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(client: Client, begin: int) -> None:
        await client.begin(200, [("content-length", str(len(WHOLE)))])
        await trio.sleep_forever()

    monkeypatch.setattr(fetching, "SILENCE_SECONDS", 0.05)
    async with hub(silent) as server:
        with trio.fail_after(20), pytest.raises(EngineBusy, match="fell silent"):
            await pull(model(server.url), tmp_path)
        assert len(server.asked) == fetching.ATTEMPTS


async def test_a_file_that_nobody_vouches_for_is_pinned_when_it_first_comes(tmp_path: Path) -> None:
    async with hub(give) as server:
        await pull(model(server.url, size=None, sha256=""), tmp_path)
    (tmp_path / "model.gguf").unlink()
    async with hub(partial(give, content=WHOLE[::-1])) as server:
        with pytest.raises(EngineError, match="checksum is wrong"):
            await pull(model(server.url, size=None, sha256=""), tmp_path)


class TestCatalogue:
    def test_every_entry_is_pinned_and_says_what_it_is(self) -> None:
        known = catalogue.load_catalogue()
        assert sum(model.role == "language_model" for model in known.values()) == 4
        for model in known.values():
            assert model.licence
            assert model.memory
            assert all(len(file.sha256) == 64 for file in model.files)

    def test_the_address_is_the_hubs_plain_one_or_that_of_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _, model = find_model("qwen2.5-1.5b")
        rest = f"/{model.repo}/resolve/{model.revision}/{model.files[0].path}"
        assert model.url(model.files[0]) == HUB + rest
        monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
        assert model.url(model.files[0]) == f"https://mirror.example{rest}"

    @pytest.mark.parametrize(
        "name", ["qwen", "https://x/y.zip", "https://x/.gguf", "ftp://x/y.gguf", "https://x/..%2f.gguf"]
    )
    def test_what_is_no_model_is_told(self, name: str) -> None:
        with pytest.raises(ConfigurationError):
            find_model(name)

    async def test_a_pulled_mind_is_thought_with_until_it_is_removed(self, tmp_path: Path) -> None:
        name, _ = find_model("https://example.com/some/mine.gguf?download=true")
        folder = catalogue.locate_model(tmp_path, name)
        assert find_pulled_model(tmp_path) is None
        async with hub(give) as server:
            await pull(model(server.url), folder)
        assert find_pulled_model(tmp_path) == folder / "model.gguf"
        assert catalogue.list_installed(tmp_path) == ["mine"]
        choices = list_choices(None, {}, {}, None, pulled=find_pulled_model(tmp_path))
        assert (choices[0].name, choices[0].why) == ("gguf", "you pulled it")
        assert choices[0].table["path"] == folder / "model.gguf"
        (configured,) = list_choices(["gguf"], {}, {}, None, pulled=find_pulled_model(tmp_path))
        assert configured.table["path"] == folder / "model.gguf"
        assert catalogue.remove(tmp_path, "mine") > len(WHOLE)
        assert find_pulled_model(tmp_path) is None
        for wrong in ("mine", "../models", "."):
            with pytest.raises(ConfigurationError):
                catalogue.remove(tmp_path, wrong)


def test_damaged_pins_are_no_pins(tmp_path: Path) -> None:
    for content in ("", "[]", "{"):
        (tmp_path / "pins.json").write_text(content)
        assert read_pins(tmp_path) == {}
    (tmp_path / "pins.json").write_text(json.dumps({"a": "b"}))
    assert read_pins(tmp_path) == {"a": "b"}
