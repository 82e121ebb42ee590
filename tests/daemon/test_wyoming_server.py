"""Harry as a Wyoming service: asked by the library's own client in another process, and by clients that misbehave."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import trio
import trio.testing
from harry_wyoming.codec import MAX_HEAD_BYTES, EventReader, pack
from harry_wyoming.connection import Connection
from harry_wyoming.messages import Event
from harry_wyoming.requests import MAX_JSON_BYTES, Requests
from harry_wyoming.server import MAX_CONNECTIONS, AllowList
from structlog.testing import capture_logs

from actors.protocols import TextDelta
from harry.config.loading import Config, load_config
from harry.config.sections import User
from harry.daemon import wyoming_server
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import ConfigurationError, EngineUnavailable
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage, open_storage
from harry.memory.store.in_memory import InMemoryStore
from harry.testing.engines import ScriptedLanguageModel, ScriptedSettings, ScriptedVoice
from tests.support.virtual_session import FakeEar, FakeMind, says
from tests.support.wyoming_library import library_asks


@dataclass
class Service:
    host: Host
    port: int

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def ask(self, *events: Event | bytes, most: int = 1) -> list[Event]:
        """Send messages on a connection of their own; returns what comes, until `most` or the end."""
        reader = EventReader()
        answers: list[Event] = []
        async with await self.connect() as stream:
            for event in events:
                await stream.send_all(event if isinstance(event, bytes) else pack(event))
            with trio.fail_after(20):
                while len(answers) < most:
                    more = await stream.receive_some()
                    if not more:
                        break
                    answers += reader.feed(bytes(more))
        return answers

    async def converse(self, text: str, **context: str) -> str:
        [answer] = await self.ask(Event("transcript", {"text": text, "context": context}))
        return str(answer.data["text"])


@asynccontextmanager
async def served(
    *,
    ear: Any = None,
    voice: Any = None,
    mind: Any = None,
    store: Any = None,
    folder: Path | None = None,
    me: str = "owner",
) -> AsyncIterator[Service]:
    config = Config(user=User(name=me))
    engines = Engines(
        language_model=EnginePool("language_model", mind or ScriptedLanguageModel("scripted", ["one", "two", "three"])),
        speech_to_text=EnginePool("speech_to_text", ear) if ear is not None else None,
        text_to_speech=EnginePool("text_to_speech", voice) if voice is not None else None,
    )
    async with AsyncExitStack() as held:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        for listener in listeners:
            held.push_async_callback(listener.aclose)
        kept = Storage.of(store or InMemoryStore())
        if folder is not None:
            config = load_config(sets=[f"user.name={me}"], environ={"HARRY_HOME": str(folder)})
            kept = await held.enter_async_context(open_storage(config))
        host = await held.enter_async_context(hosting(config, engines, kept, most=2))
        await held.enter_async_context(wyoming_server.opened(config, host, listeners))
        yield Service(host, listeners[0].socket.getsockname()[1])


def heard(mind: FakeMind, number: int) -> list[str]:
    """What the mind was told of the conversation in a request, without the instructions."""
    return [
        "".join(getattr(part, "text", "") for part in message.parts) for message in mind.requests[number].messages[1:]
    ]


async def test_the_librarys_client_hears_speaks_and_converses_by_harry() -> None:
    mind = says("Once upon a time.")
    voice = ScriptedVoice("scripted", ScriptedSettings(rate=16_000))
    async with served(ear=FakeEar("good morning"), voice=voice, mind=mind) as service:
        came = await library_asks(service.port)
    assert came[0] == {"info": {"asr": ["harry"], "tts": ["harry"], "handle": ["harry"]}, "streams": True}
    assert came[1] == {"pong": "here"}
    assert came[2] == {"transcript": [{"text": "good morning", "language": "en"}]}
    spoken = 2 * round(2 * 0.25 * 24_000)
    for name, end in (("plain", []), ("streamed", ["synthesize-stopped"])):
        sound = next(each[name] for each in came if name in each)
        assert sound["types"] == [
            "audio-start",
            *["audio-chunk"] * (len(sound["types"]) - 2 - len(end)),
            "audio-stop",
            *end,
        ]
        assert sound["bytes"] == pytest.approx(spoken, abs=200)
        assert sound["rates"] == [24_000]
    talk = came[5:]
    assert talk[0] == {
        "type": "handled", "text": "That is 4.", "context": {"conversation_id": "c1", "device_id": "kitchen"},
    }  # fmt: skip
    assert [each["type"] for each in talk] == ["handled"] * 4 + ["not-handled"]
    assert talk[1]["text"] == "Once upon a time."
    assert heard(mind, 1)[:4] == ["What is two plus two?", "That is 4.", "Tell me a story.", "Once upon a time."]
    assert "Another one." in heard(mind, 1)[-1]
    # Another device has a conversation of its own, whatever it is called.
    assert len(heard(mind, 2)) == 1


async def test_each_device_is_a_user_of_its_own_and_none_is_the_owner() -> None:
    store = InMemoryStore()
    async with served(store=store) as service:
        await service.converse("Tell me one.", device_id="kitchen", conversation_id="a")
        await service.converse("Tell me two.", satellite_id="attic", conversation_id="b")
        await service.converse("Tell me three.")
        users = {
            user: [exchange.said for exchange in await store.history(user, limit=9)]
            for user in ("owner", "the device kitchen", "the device attic", "Home Assistant")
        }
    assert users == {
        "owner": [],
        "the device kitchen": ["Tell me one."],
        "the device attic": ["Tell me two."],
        "Home Assistant": ["Tell me three."],
    }


@pytest.mark.parametrize(("me", "device"), [("Home Assistant", ""), ("the device kitchen", "kitchen")])
async def test_no_device_is_the_owner_whatever_he_is_called(me: str, device: str) -> None:
    store = InMemoryStore()
    async with served(store=store, me=me) as service:
        await service.converse("Tell me one.", device_id=device)
        assert await store.history(me, limit=9) == []
        [kept] = await store.history(f"{me} (a device)", limit=9)
    assert kept.said == "Tell me one."


async def test_what_was_forgotten_is_no_part_of_a_conversation_any_more(tmp_path: Path) -> None:
    mind = says("Once upon a time.")
    async with served(mind=mind, folder=tmp_path) as service:
        for words in ("Remember that my locker code is seven.", "Tell me a story.", "Forget my locker code.", "Yes."):
            told = await service.converse(words, device_id="kitchen", conversation_id="a")
        assert told == "It is forgotten."
        await service.converse("Another one.", device_id="kitchen", conversation_id="a")
    before = " ".join(heard(mind, 1))
    assert "Once upon a time." in before
    assert "locker" not in before


async def test_what_could_not_ring_anywhere_is_not_said_to_be_set(tmp_path: Path) -> None:
    async with served(folder=tmp_path) as service:
        for words in ("Set a timer for five minutes.", "Wake me at seven.", "Remind me at six to call Anna."):
            told = await service.converse(words, device_id="kitchen")
            assert told == "Nothing that I set here would ring, so it is not set."
        assert service.host.reminding is not None
        assert await service.host.reminding.of("the device kitchen") == []


async def test_two_turns_of_one_conversation_at_once_are_both_remembered() -> None:
    both, came = trio.Event(), 0

    async def answer(request: Any, emit: Any) -> None:
        nonlocal came
        came += 1
        if came == 2:
            both.set()
        await both.wait()
        await emit(TextDelta("Hm."))

    mind = FakeMind(answer)
    async with served(mind=mind) as service:
        async with trio.open_nursery() as nursery:
            for words in ("Tell me one.", "Tell me two."):
                nursery.start_soon(partial(service.converse, words, conversation_id="a"))
        await service.converse("Tell me three.", conversation_id="a")
    assert sorted(heard(mind, 2)[:-1]) == ["Hm.", "Hm.", "Tell me one.", "Tell me two."]


async def test_a_conversation_without_a_name_is_not_remembered_as_one() -> None:
    mind = says("Hm.")
    async with served(mind=mind) as service:
        await service.converse("Tell me a story.", device_id="kitchen")
        await service.converse("Tell me another story.", device_id="kitchen")
    assert len(heard(mind, 1)) == 1


async def test_a_mind_that_fails_is_told_as_not_handled_and_the_next_turn_is_answered() -> None:
    answers = iter([EngineUnavailable("The server is away.", remedy="Start it."), None])

    async def answer(request: Any, emit: Any) -> None:
        if (error := next(answers)) is not None:
            raise error
        await emit(TextDelta("Here."))

    async with served(mind=FakeMind(answer)) as service:
        [failed] = await service.ask(Event("transcript", {"text": "Tell me.", "context": {"conversation_id": "c"}}))
        assert (failed.type, failed.data["text"]) == ("not-handled", "The server is away. Start it.")
        assert failed.data["context"] == {"conversation_id": "c"}
        assert await service.converse("Tell me.", conversation_id="c") == "Here."


async def test_without_an_ear_or_a_voice_neither_is_offered_and_asking_is_an_error() -> None:
    async with served() as service:
        [info] = await service.ask(Event("describe"))
        assert (info.data["asr"], info.data["tts"], len(info.data["handle"])) == ([], [], 1)
        form = {"rate": 16_000, "width": 2, "channels": 1}
        sound = [Event("transcribe"), Event("audio-start", form), Event("audio-chunk", form, bytes(99_000))]
        [error] = await service.ask(*sound, Event("audio-stop"), most=2)
        assert (error.type, "no ear" in error.data["text"]) == ("error", True)
        *_, error = await service.ask(Event("synthesize", {"text": "Hello."}), most=3)
        assert (error.type, "no voice" in error.data["text"]) == ("error", True)


@pytest.mark.parametrize(
    "events",
    [
        [Event("audio-stop")],
        [Event("audio-start", {"rate": 16_000})],
        [Event("audio-start", {"rate": 16_000, "width": 4, "channels": 1})],
        [Event("audio-start", {"rate": 1, "width": 2, "channels": 1})],
        [Event("audio-start", {"rate": 16_000.5, "width": 2, "channels": 1})],
        [Event("audio-chunk", {}, b"ab")],
        [Event("synthesize", {})],
        [Event("synthesize", {"text": 7})],
        [Event("synthesize", {"text": "x" * 20_000})],
        [Event("synthesize-chunk", {"text": "x"})],
        [Event("synthesize-start"), *[Event("synthesize-chunk", {"text": "x" * 6_000})] * 2],
        [Event("transcript", {})],
        [Event("transcript", {"text": ["a"]})],
        [Event("transcript", {"text": "x" * 20_000})],
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_an_error_that_ends_the_connection(events: Sequence[Event]) -> None:
    voice = ScriptedVoice("scripted", ScriptedSettings())
    async with served(ear=FakeEar(), voice=voice) as service:
        answers = await service.ask(*events, most=9)
        assert [answer.type for answer in answers] == ["error"]
        assert (await service.ask(Event("ping", {"text": "well"})))[0].data == {"text": "well"}


async def test_parts_of_a_text_without_a_word_take_no_memory() -> None:
    near, _ = trio.testing.memory_stream_pair()
    requests = Requests(Mock(), Connection(near))
    await requests.take(Event("synthesize-start"))
    for _ in range(100):
        assert await requests.take(Event("synthesize-chunk", {"text": ""}))
    assert requests._streamed == ""


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError])
async def test_a_mistake_of_harrys_own_is_not_told_as_the_clients(error: type[Exception]) -> None:
    async def answer(request: Any, emit: Any) -> None:
        raise error("a mistake")

    with capture_logs() as log:
        async with served(mind=FakeMind(answer)) as service:
            assert await service.ask(Event("transcript", {"text": "Tell me."})) == []
            assert (await service.ask(Event("ping", {"text": "well"})))[0].data == {"text": "well"}
    assert [each["event"] for each in log if each["log_level"] == "error"] == ["a Wyoming connection broke"]


async def test_an_error_reaches_a_client_that_goes_on_sending() -> None:
    form = {"rate": 16_000, "width": 2, "channels": 1}
    more = pack(Event("audio-chunk", form, bytes(8_000))) * 100
    async with served(ear=FakeEar()) as service:
        answers = await service.ask(Event("audio-start", {"rate": 1}), more, most=9)
    assert [answer.type for answer in answers] == ["error"]


@pytest.mark.parametrize(
    "context", [None, 7, "x", {"conversation_id": 7, "device_id": ["a"]}, {"device_id": "\n\0" * 500}]
)
async def test_any_context_is_borne(context: Any) -> None:
    async with served() as service:
        [answer] = await service.ask(Event("transcript", {"text": "Tell me.", "context": context}))
        assert answer.type == "handled"


@pytest.mark.parametrize(
    "wire",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * (MAX_HEAD_BYTES + 1),
        b'{"type": "a", "data_length": -1}\n',
        b'{"type": "transcript", "data_length": %d}\n' % (MAX_JSON_BYTES + 1),
    ],
)
async def test_what_is_no_message_ends_its_connection_alone(wire: bytes) -> None:
    async with served() as service:
        assert await service.ask(wire) == []
        assert (await service.ask(Event("ping", {"text": "well"})))[0].data == {"text": "well"}


async def test_stereo_and_sound_without_a_start_are_heard_and_a_second_utterance_too() -> None:
    lengths: list[int] = []

    class Ear(FakeEar):
        async def transcribe(self, samples: Any) -> str:
            lengths.append(len(samples))
            return "yes"

    form = {"rate": 48_000, "width": 2, "channels": 2}
    async with served(ear=Ear()) as service:
        utterance = [Event("audio-chunk", form, bytes(48_000 * 4)), Event("audio-stop")]
        answers = await service.ask(Event("transcribe"), *utterance, Event("transcribe"), *utterance, most=2)
    assert [answer.data["text"] for answer in answers] == ["yes", "yes"]
    assert lengths == pytest.approx([16_000, 16_000], abs=2)


async def test_a_client_that_leaves_takes_its_request_with_it() -> None:
    begun, ended = trio.Event(), trio.Event()

    async def answer(request: Any, emit: Any) -> None:
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    async with served(mind=FakeMind(answer)) as service:
        async with await service.connect() as stream:
            await stream.send_all(pack(Event("transcript", {"text": "Tell me."})))
            await begun.wait()
        with trio.fail_after(5):
            await ended.wait()


async def test_more_connections_than_may_be_are_closed_as_they_come() -> None:
    async with served() as service, AsyncExitStack() as held:
        for _ in range(MAX_CONNECTIONS):
            stream = await held.enter_async_context(await service.connect())
            await stream.send_all(pack(Event("ping")))
            assert await stream.receive_some()
        async with await service.connect() as stream:
            with trio.fail_after(5):
                assert not await stream.receive_some()


async def test_a_crash_within_a_connection_ends_it_alone() -> None:
    class Ear(FakeEar):
        async def transcribe(self, samples: Any) -> str:
            raise ZeroDivisionError

    form = {"rate": 16_000, "width": 2, "channels": 1}
    async with served(ear=Ear()) as service:
        assert await service.ask(Event("audio-chunk", form, bytes(64_000)), Event("audio-stop")) == []
        assert (await service.ask(Event("ping", {"text": "well"})))[0].data == {"text": "well"}


def test_this_computer_may_always_come_in_and_others_where_they_are_named() -> None:
    allowed = AllowList(["192.168.1.0/24", "fd00::/8"])
    assert all(
        peer in allowed for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "192.168.1.7", "::ffff:192.168.1.7")
    )
    assert all(peer in allowed for peer in ("fd12::1", "fd12::1%eth0"))
    assert all(peer not in allowed for peer in ("192.168.2.7", "8.8.8.8", "fe80::1%eth0", "", "host"))
    assert "192.168.1.7" not in AllowList([])


async def test_a_peer_that_is_not_named_is_let_go_before_a_word(monkeypatch) -> None:
    monkeypatch.setattr(AllowList, "__contains__", lambda self, peer: False)
    async with served() as service:
        assert await service.ask(b"") == []


async def test_the_port_is_taken_on_this_computer_alone_unless_others_are_named() -> None:
    for allow, addresses in (((), {"127.0.0.1"}), (("10.0.0.0/8",), {"0.0.0.0", "::"})):
        port = await _free_port()
        config = load_config(sets=[f"wyoming.port={port}", f"wyoming.allow={json.dumps(list(allow))}"], environ={})
        async with AsyncExitStack() as held:
            listeners = await wyoming_server.take_port(config, held)
            assert {listener.socket.getsockname()[0] for listener in listeners} <= addresses
            told = f"port {port}, for this computer "
            told += f"and, without a password, {allow[0]}." if allow else "alone."
            assert wyoming_server.describe(config, listeners) == told
            with pytest.raises(ConfigurationError, match=f"Port {port} cannot be taken"):
                await wyoming_server.take_port(config, held)


async def test_without_a_port_there_is_no_service() -> None:
    async with AsyncExitStack() as held:
        assert await wyoming_server.take_port(Config(), held) == []


async def _free_port() -> int:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        return int(listener.socket.getsockname()[1])
