"""A reload: what is wrong changes nothing; what can hold at once holds, and of the rest nothing is claimed."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
import trustme
from trio.testing import wait_all_tasks_blocked

from channels.event_types import ErrorOccurred
from channels.signals import Latch, Signal
from harry import log_setup
from harry.config.loading import Config
from harry.config.persona import load_configured_persona, load_persona
from harry.daemon import reloading
from harry.daemon.looking_after import Reloadable, follow_config
from harry.daemon.reloading import Reloaded, Reloading
from harry.daemon.service_manager import ServiceManager
from harry.errors import ConfigurationError, HarryError
from harry.testing.engines import ScriptedVoice
from tests.support.page_room import Room, room


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    known = structlog.get_config()
    levels = {name: logging.getLogger(name).level for name in ("", "harry", "actors", "channels")}
    yield
    structlog.configure(**known)
    root = logging.getLogger()
    for handler in [each for each in root.handlers if getattr(each, "harrys", False)]:
        root.removeHandler(handler)
        handler.close()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@dataclass
class Harry:
    """A Harry whose configuration can be written anew: `write` by tables, read at the next reload."""

    here: Room
    reloading: Reloading
    written: Config
    before: list[Callable[[], None]] = field(default_factory=list)

    def write(self, **tables: Any) -> None:
        """Write tables over what is written."""
        values = {**self.written.model_dump(exclude_unset=True), **tables}
        config = Config.model_validate(values)
        config._data_folder = self.written.data_folder
        self.written = config

    async def reload(self, **tables: Any) -> Reloaded:
        self.write(**tables)
        return await self.reloading.reload()


@asynccontextmanager
async def harry(tmp_path: Path, **given: Any) -> AsyncIterator[Harry]:
    async with room(**given) as here:
        host = here.door.host
        host.config._data_folder = tmp_path

        def reread() -> Config:
            for act in made.before:
                act()
            return made.written

        reload = Reloading(reread, host, ServiceManager(), door=here.door.front)
        made = Harry(here, reload, host.config)
        follow_config(Reloadable(door=here.door.front), host)
        yield made


def keys(lines: list[tuple[str, str]]) -> list[str]:
    return [key for key, _ in lines]


async def test_where_nothing_has_changed_nothing_is_told(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        assert await it.reload() == Reloaded()


async def test_what_holds_at_once_holds_in_the_conversation_that_goes_on(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        done = await it.reload(
            turn={"attention_window": 7.0, "endpoint_silence": 0.9, "barge_in_voice": 0.5, "speculate": False},
            attention={"rest_after": 99.0},
            web={**it.written.web.model_dump(), "allowed_hosts": ["harry.example"], "connections_per_user": 3},
            thinker={"quiet_hours": "00:00-23:59"},
        )
        assert keys(done.now) == [
            "turn.attention_window", "attention.rest_after", "turn.endpoint_silence", "turn.barge_in_voice",
            "turn.speculate", "thinker.quiet_hours", "web.allowed_hosts", "web.connections_per_user",
        ]  # fmt: skip
        assert not done.next + done.restart + done.failed
        session, door = it.here.session, it.here.door
        assert (session.attention.window, session.attention.rest_after) == (7.0, 99.0)
        listener = session.speech_input.listener
        assert listener is not None
        assert (listener.endpointing.endpoint_silence, listener._floor.barge_in_voice) == (0.9, 0.5)
        assert session.dialogue.speculates is False
        assert door.host.announcers.quiet_for() > 0
        answer = await door.ask("GET", "/api/me", headers={"Host": "harry.example"})
        assert answer.status == 200
        assert door.front.door.limits._per_user == 3


async def test_a_conversation_to_come_has_it_and_one_that_goes_on_has_not(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        done = await it.reload(tools={"confirm": ["lights"]}, memory={"thoughts": 3})
        assert keys(done.next) == ["memory.thoughts", "tools.confirm"]
        settings = it.here.door.host.settings("owner")
        assert (settings.confirm, settings.turn_taking.thoughts) == (frozenset({"lights"}), 3)


async def test_what_needs_a_restart_is_told_each_time_and_does_not_hold_by_halves(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        host = it.here.door.host
        before = host.config
        done = await it.reload(
            persona={"name": "Mia"}, tools={"enabled": False}, local_only=True, audio={"microphone": "none"}
        )
        assert set(keys(done.restart)) == {"persona.name", "tools.enabled", "local_only", "audio.microphone"}
        assert not done.now
        assert host.config == before
        assert keys((await it.reload()).restart) == keys(done.restart)


async def test_what_cannot_be_read_changes_nothing_and_is_told(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        before = it.here.door.host.config

        def fail() -> None:
            raise ConfigurationError("Unknown key turn.talks (/etc/harry.toml).", remedy="Did you mean 'turn.talk'?")

        it.before.append(fail)
        with pytest.raises(ConfigurationError, match=r"turn\.talks"):
            await it.reload(turn={"attention_window": 7.0})
        assert it.here.door.host.config is before
        it.before.clear()
        assert keys((await it.reload()).now) == ["turn.attention_window"]


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"engines": {"text_to_speech": ["pipr"]}}, "pipr"),
        ({"engines": {"text_to_speech": ["scripted"]}, "engine": {"scripted": {"word_secondz": 1}}}, "word_secondz"),
        ({"engines": {"speech_to_text": ["scripted"]}, "engine": {"scripted": {"kind": "nothing"}}}, "nothing"),
        ({"actors": {"responder": "nobody"}}, "there is no responder 'nobody'"),
        ({"actors": {"listener": "nobody"}}, "there is no listener 'nobody'"),
        ({"attention": {"wake_phrase": "' '"}}, "wake phrase"),
    ],
)
async def test_what_only_a_start_would_find_wrong_changes_nothing_at_all(
    tmp_path: Path, tables: dict[str, Any], told: str
) -> None:
    async with harry(tmp_path) as it:
        before = it.here.door.host.config
        with pytest.raises(HarryError, match=told):
            await it.reload(turn={"attention_window": 7.0}, **tables)
        assert it.here.door.host.config is before
        assert it.here.session.attention.window != 7.0


async def test_an_engine_is_swapped_and_its_table_with_it(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        host = it.here.door.host
        voice = host.engines.text_to_speech
        assert voice is not None
        done = await it.reload(engines={"text_to_speech": ["other"]}, engine={"other": {"kind": "scripted"}})
        assert keys(done.now) == ["engines.text_to_speech", "engine.other"]
        assert voice.engine.name == "other"
        first = voice.engine
        done = await it.reload(engine={"other": {"kind": "scripted", "word_seconds": 0.5}})
        assert keys(done.now) == ["engine.other"]
        assert voice.engine is not first
        assert await it.reload() == Reloaded()


async def test_a_table_of_an_engine_that_nobody_uses_is_read_when_it_is_chosen(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        host = it.here.door.host
        done = await it.reload(engine={"other": {"kind": "scripted", "word_seconds": 0.5}})
        assert (keys(done.now), done.failed) == (["engine.other"], [])
        await host.swaps.swap("voice", "other")
        voice = host.engines.text_to_speech
        assert voice is not None
        assert isinstance(voice.engine, ScriptedVoice)
        assert voice.engine._tone == round(voice.engine.rate * 0.5)


async def test_an_engine_that_cannot_serve_is_told_the_rest_holds_and_it_is_tried_again(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        host = it.here.door.host
        voice = host.engines.text_to_speech
        assert voice is not None
        before = voice.engine
        missing = {"other": {"kind": "piper", "voice": str(tmp_path / "nowhere.onnx")}}
        for _ in range(2):
            done = await it.reload(
                engines={"text_to_speech": ["other"]}, engine=missing, turn={"attention_window": 7.0}
            )
            assert "engines.text_to_speech" in keys(done.failed)
            assert voice.engine is before
            assert it.here.session.attention.window == 7.0
        assert host.config.engines.text_to_speech == ["piper"]


async def test_what_stands_in_and_a_role_that_there_is_not_wait_for_a_restart(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        done = await it.reload(engines={"text_to_speech": ["piper", "silent"], "turn_detector": ["turn-words"]})
        assert set(keys(done.restart)) == {"engines.text_to_speech", "engines.turn_detector"}
        assert not done.now + done.failed


async def test_a_stage_of_the_turns_is_swapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swapped: list[tuple[str, str]] = []

    async def swap(role: str, name: str) -> str:
        swapped.append((role, name))
        await trio.lowlevel.checkpoint()
        return f"the {role} {name}"

    async with harry(tmp_path) as it:
        monkeypatch.setattr(it.here.door.host.swaps, "swap", swap)
        monkeypatch.setattr(reloading, "load_actors", lambda chosen: None)
        done = await it.reload(actors={"responder": "mine", "listener": "mine"})
        assert (keys(done.now), keys(done.restart)) == (["actors.responder"], ["actors.listener"])
        assert swapped == [("responder", "mine")]


async def test_a_reply_that_sounds_is_said_to_its_end(tmp_path: Path) -> None:
    async with harry(tmp_path, replies=["one two three four five six seven."]) as it:
        session = it.here.session
        told = session.events.listen()
        session.answer_typed("Count.")
        async for event in told:
            if event.event == "speaking_started":
                break
        done = await it.reload(
            engines={"text_to_speech": ["other"]}, engine={"other": {"kind": "scripted"}},
            turn={"attention_window": 7.0, "endpoint_silence": 1.0},
        )  # fmt: skip
        assert "engines.text_to_speech" in keys(done.now)
        with trio.fail_after(20):
            async for event in told:
                assert event.event != "interrupted"
                if event.event == "heard":
                    assert event.fields["text"] == "one two three four five six seven."
                    break


async def test_two_reloads_at_once_happen_one_after_the_other(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        running, most = 0, 0
        apply = it.reloading._apply

        async def slowly(*given: Any) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await wait_all_tasks_blocked()
            await apply(*given)
            running -= 1

        it.reloading._apply = slowly  # type: ignore[method-assign, assignment]
        it.write(turn={"attention_window": 7.0})
        found: list[list[str]] = []

        async def reload() -> None:
            found.append(keys((await it.reloading.reload()).now))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(reload)
        assert found == [["turn.attention_window"], [], []]
        assert most == 1


# The persona, the log, the certificate


async def test_who_he_is_holds_from_the_next_reply_on_and_a_mistake_in_it_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "persona"
    folder.mkdir()
    (folder / "persona.toml").write_text('about = ["me.md"]', "utf-8")
    (folder / "me.md").write_text("You are a lion.", "utf-8")
    async with harry(tmp_path) as it:
        host = it.here.door.host
        done = await it.reload(persona={"folder": str(folder)})
        assert keys(done.now) == ["persona.folder"]
        assert _about(host) == "You are a lion."
        (folder / "me.md").write_text("You are a tiger.", "utf-8")
        assert _about(host) == "You are a lion.", "until a reload"
        assert keys((await it.reload()).now) == ["persona.folder"]
        assert _about(host) == "You are a tiger."
        assert await it.reload() == Reloaded()
        (folder / "persona.toml").write_text("about = 5", "utf-8")
        with pytest.raises(ConfigurationError, match="about must be"):
            await it.reload()
        assert _about(host) == "You are a tiger."
    load_persona(folder)


async def test_one_with_memories_of_his_own_comes_and_goes_with_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "persona"
    folder.mkdir()
    (folder / "persona.toml").write_text('about = ["me.md"]\nmemory = "own"', "utf-8")
    (folder / "me.md").write_text("You are a lion.", "utf-8")
    async with harry(tmp_path) as it:
        config = it.here.door.host.config
        done = await it.reload(persona={"folder": str(folder)})
        assert keys(done.restart) == ["persona.folder"]
        assert it.here.door.host.config.persona == config.persona


def _about(host: Any) -> str:
    return load_configured_persona(host.config.persona).about


async def test_the_log_is_opened_anew(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        done = await it.reload(log={"level": "info", "file": True})
        assert keys(done.now) == ["log.level", "log.file"]
        file = tmp_path / log_setup.LOG_FILE
        structlog.get_logger("harry.test").info("something")
        assert "something" in file.read_text("utf-8")
        file.rename(tmp_path / "harry.log.old")
        await it.reload()
        structlog.get_logger("harry.test").info("more")
        assert "more" in file.read_text("utf-8")


async def test_a_log_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / log_setup.LOG_FILE).mkdir()
    async with harry(tmp_path) as it:
        with pytest.raises(HarryError, match="log file"):
            await it.reload(log={"file": True}, turn={"attention_window": 7.0})
        assert it.here.session.attention.window != 7.0


async def test_debug_outlasts_a_reload(tmp_path: Path) -> None:
    async with harry(tmp_path) as it:
        it.reloading._debug = True
        await it.reload(log={"level": "error"})
        assert logging.getLogger("harry").level == logging.DEBUG


async def test_a_certificate_that_was_renewed_is_shown_to_new_connections(tmp_path: Path) -> None:
    certificate = tmp_path / "door.pem"
    authority = trustme.CA()

    def issue() -> bytes:
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        return certificate.read_bytes()

    issue()
    async with harry(tmp_path, certificate=str(certificate)) as it:
        first = await _shown(it.here.door.port, authority)
        issue()
        assert await it.reload() == Reloaded()
        assert await _shown(it.here.door.port, authority) != first
        certificate.write_text("no certificate", "utf-8")
        with pytest.raises(ConfigurationError, match="certificate"):
            await it.reload()
        assert await _shown(it.here.door.port, authority)


async def _shown(port: int, authority: trustme.CA) -> bytes:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with trio.SSLStream(stream, context, server_hostname="localhost", https_compatible=True) as secure:
        await secure.do_handshake()
        shown = secure.getpeercert(binary_form=True)
    assert isinstance(shown, bytes)
    return shown


async def test_http_does_not_become_https_while_harry_runs(tmp_path: Path) -> None:
    certificate = tmp_path / "door.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    async with harry(tmp_path) as it:
        done = await it.reload(web={**it.written.web.model_dump(), "certificate": str(certificate)})
        assert keys(done.restart) == ["web.certificate"]
        assert (await it.here.door.ask("GET", "/api/me")).status == 200


# By a signal


async def test_a_signal_reloads_once_and_a_mistake_is_told_in_the_room(tmp_path: Path) -> None:
    async with harry(tmp_path) as it, trio.open_nursery() as nursery:
        wanted, told, applied = Latch(), it.here.session.events.listen(), Signal()
        it.here.door.host.config_followers.append(lambda config: applied.notify())
        nursery.start_soon(it.reloading.follow, wanted, it.here.session)
        it.write(turn={"attention_window": 7.0})
        wanted.set()
        with trio.fail_after(10):
            while it.here.door.host.config.turn.attention_window != 7.0:
                await applied.wait()

        def fail() -> None:
            raise ConfigurationError("Unknown key turn.talks (/etc/harry.toml).")

        it.before.append(fail)
        wanted.set()
        with trio.fail_after(10):
            async for event in told:
                if isinstance(event.what, ErrorOccurred):
                    assert "was not read again. Unknown key turn.talks" in event.what.message
                    break
        it.before.clear()
        it.write(turn={"attention_window": 8.0})
        wanted.set()
        with trio.fail_after(10):
            while it.here.door.host.config.turn.attention_window != 8.0:
                await applied.wait()
        nursery.cancel_scope.cancel()
