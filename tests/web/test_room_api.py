"""The room's Harry from elsewhere, the history by days, settings that may be changed, and forgetting everything."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, NoReturn

import pytest
import trio
import trio.testing

from actors.thinker import Reflection
from channels.event_types import Degraded, ErrorOccurred
from channels.messages import Source, Thought, TurnRecord
from harry.audio.soundcard import DeviceInfo
from harry.config.editing import change_file, changed
from harry.config.loading import Config, load_config
from harry.errors import ConfigurationError
from harry.inner_life.state import StateOfMind
from harry.memory.diary.journal import Journal
from harry.memory.store.database import Database
from harry.memory.store.items import Item
from harry.memory.store.records import local_day
from harry.web.api import schemas
from tests.support.loopback_server import Answer, Away, away
from tests.support.page_room import room

NOON = time.mktime((2026, 3, 4, 12, 0, 0, 0, 0, -1))
DAY = 86_400.0


async def post(door: Away, path: str, body: Any = None, *, user: str = "owner") -> Answer:
    token = door.front.tokens.new(user)
    return await door.ask("POST", path, token=token, body=b"" if body is None else json.dumps(body).encode())


def turn(user: str, number: int, at: float, said: str, heard: str, *, amends: str | None = None) -> TurnRecord:
    return TurnRecord(
        turn=f"{user}-{number}", user=user, session="s", namespace="harry", source=Source.TYPED, started_at=at,
        ended_at=at + 1, said=said, spoken=heard, heard=heard, interrupted=False, reason="finished", amends=amends,
    )  # fmt: skip


@asynccontextmanager
async def kept(tmp_path: Path) -> AsyncIterator[Away]:
    store = await Database.open(tmp_path / "harry.sqlite3")
    await store.write(
        [
            turn("owner", 0, NOON - DAY, "Where is the 100% wool?", "In the *chest*."),
            turn("owner", 1, NOON, "And the", "The"),
            turn("owner", 2, NOON + 1, "And the scarf?", "Behind the door.", amends="owner-1"),
            turn("ben", 0, NOON, "the otter is hidden", "ah"),
        ]
    )
    async with away(tmp_path, store=store) as door:
        yield door
    await store.aclose()


# The room


async def test_the_owner_mutes_unmutes_and_turns_down_the_room():
    async with room() as here:
        told = here.session.events.listen()
        assert (await post(here.door, "/api/room/mute")).json()["state"] == "muted"
        assert here.session.speech_input.recorder.muted
        assert (await post(here.door, "/api/room/unmute")).json()["state"] == "listening"
        assert not here.session.speech_input.recorder.muted
        assert (await post(here.door, "/api/room/volume", {"volume": 0.5})).json()["volume"] == 0.5
        assert here.session.gate.volume == 0.5
        assert (await post(here.door, "/api/room/off-the-record", {"off": True})).json()["off_the_record"] is True
        assert not here.session.attention.is_recording
        events = [each.event for each in told.take_waiting()]
        assert events == ["muted", "muted", "volume", "off_the_record"]


async def test_what_is_written_to_the_room_is_answered_there_and_stop_silences_it():
    async with room() as here:
        told = here.session.events.listen()
        assert (await post(here.door, "/api/room/say", {"text": "Talk."})).status == 200
        with trio.fail_after(20):
            async for event in told:
                if event.event == "speaking_started":
                    break
            assert (await post(here.door, "/api/room/stop")).json()["state"] in ("listening", "hearing")
            async for event in told:
                if event.event == "interrupted":
                    break
        assert event.fields["reason"] == "stop"


async def test_the_room_is_nobody_s_but_its_owner_s():
    async with room() as here:
        assert (await here.door.ask("GET", "/api/room")).json()["session"] is None
        for what in ("mute", "unmute", "stop"):
            assert (await post(here.door, f"/api/room/{what}", user="ann")).status == 403
            assert (await here.door.ask("POST", f"/api/room/{what}", token="")).status == 401
        cookie = {"Cookie": f"harry-{here.door.port}={here.door.front.tokens.new('owner')}"}
        forged = await here.door.ask("POST", "/api/room/mute", token="", headers=cookie)
        assert (forged.status, here.session.speech_input.muted) == (403, False)


@pytest.mark.parametrize("body", [{"volume": 9}, {"volume": -1}, {"volume": "loud"}, {"loud": 1}, [], None])
async def test_a_volume_that_is_none_is_refused(body: Any):
    async with room() as here:
        assert (await post(here.door, "/api/room/volume", body)).status == 400
        assert here.session.gate.volume == 1.0


async def test_where_there_is_no_room_it_is_said():
    async with away() as door:
        assert (await post(door, "/api/room/mute")).status == 404
        owner = door.front.tokens.new("owner")
        assert (await door.ask("GET", "/api/room", token=owner)).json()["session"] is None


async def test_the_status_tells_the_last_trouble_of_one_s_own_conversations():
    async with room() as here:
        here.session.events.publish(ErrorOccurred(message="The kettle is cold."))
        here.session.events.publish(Degraded(message="It is warm.", over=True))
        await trio.testing.wait_all_tasks_blocked()
        owner = here.door.front.tokens.new("owner")
        told = schemas.Status.model_validate_json((await here.door.ask("GET", "/api/status", token=owner)).body)
        assert told.last_error.message == "The kettle is cold."
        assert (await here.door.ask("GET", "/api/status")).json()["last_error"] is None


@pytest.mark.parametrize("words", ["/unmute", "unmute", "Unmute yourself.", "Harry, turn the microphone on, please."])
async def test_a_typed_line_opens_the_microphone_without_a_mind(words: str):
    async with room() as here:
        here.session.speech_input.mute(True)
        here.session.dialogue.answer_typed(words)
        assert not here.session.speech_input.muted


@pytest.mark.parametrize("words", ["Can you unmute the television?", "What does unmute mean?", "mute swans are white"])
async def test_a_sentence_about_muting_changes_nothing(words: str):
    async with room() as here:
        here.session.speech_input.mute(True)
        here.session.dialogue.answer_typed(words)
        assert here.session.speech_input.muted


# History


async def test_days_and_searches_show_one_s_own_turns_once(tmp_path: Path):
    async with kept(tmp_path) as door:
        owner = door.front.tokens.new("owner")

        async def said(query: str) -> list[str]:
            answer = await door.ask("GET", f"/api/turns?{query}", token=owner)
            return [each["said"] for each in schemas.Turns.model_validate_json(answer.body).model_dump()["turns"]]

        days = (await door.ask("GET", "/api/days", token=owner)).json()["days"]
        assert [each["day"] for each in days] == ["2026-03-04", "2026-03-03"]
        assert await said("") == ["And the scarf?", "Where is the 100% wool?"]
        assert await said("day=2026-03-03") == ["Where is the 100% wool?"]
        assert await said("query=DOOR") == ["And the scarf?"]
        assert await said("query=100%25") == ["Where is the 100% wool?"]
        assert await said("query=%25") == ["Where is the 100% wool?"]
        assert await said("query=otter") == []


async def test_the_conversation_can_be_taken_away_as_markdown(tmp_path: Path):
    async with kept(tmp_path) as door:
        owner = door.front.tokens.new("owner")
        whole = await door.ask("GET", "/api/history.md", token=owner)
        assert whole.header("content-type") == "text/markdown; charset=utf-8"
        assert whole.header("content-disposition") == 'attachment; filename="harry.md"'
        text = whole.body.decode()
        assert "## Tuesday, 3 March 2026" in text
        assert "**12:00, you:** Where is the 100% wool?" in text
        assert "**Harry:** In the \\*chest\\*." in text
        assert text.index("wool") < text.index("scarf")
        assert "otter" not in text
        one = await door.ask("GET", "/api/history.md?day=2026-03-04", token=owner)
        assert "wool" not in one.body.decode()
        assert (await door.ask("GET", "/api/history.md?day=someday", token=owner)).status == 400


async def test_a_day_is_forgotten_to_the_last_byte_and_the_other_days_stay(tmp_path: Path):
    async with kept(tmp_path) as door:
        await door.host.store.write([turn("owner", 3, NOON + DAY, "And the hat?", "It hangs.")])
        thoughts = [
            Thought(f"t-{n}", "owner", "s", "harry", "Harry", at, text)
            for n, (at, text) in enumerate(((NOON, "He is hunting scarves."), (NOON + DAY, "He likes hats.")))
        ]
        await door.host.store.write(thoughts)
        await door.host.memory.memory.upsert(
            [Item("told", "the scarf is crimson", "owner", source="told", derived_from=("owner-2/said",))]
        )
        assert door.host.database is not None
        diary = Journal(door.host.database, "Harry", "owner")
        await diary.write("A day of searching.", day="2026-03-04", derived_from=("owner-2/said",))
        await diary.write("A day with a hat.", day="2026-03-05")
        owner = door.front.tokens.new("owner")
        done = await door.ask("DELETE", "/api/days/2026-03-04", token=owner)
        assert schemas.DayForgotten.model_validate_json(done.body).model_dump() == {
            "turns": 2, "thoughts": 1, "journals": 1, "memories": 1,
            "told": "2 turns, 1 thought, 1 journal entry and 1 memory made of them",
        }  # fmt: skip
        days = (await door.ask("GET", "/api/days", token=owner)).json()["days"]
        assert [each["day"] for each in days] == ["2026-03-05", "2026-03-03"]
        assert (await diary.read("2026-03-05")) is not None
        assert (await diary.read("2026-03-04")) is None
        bens = (await door.ask("GET", "/api/turns", token=door.front.tokens.new("ben"))).json()["turns"]
        assert [each["said"] for each in bens] == ["the otter is hidden"]
        files = sorted(tmp_path.glob("harry.sqlite3*"))  # noqa: ASYNC240  a small folder
        written = b"".join([await trio.Path(file).read_bytes() for file in files])
        for gone in (b"scarf", b"Behind the door", b"scarves", b"crimson", b"searching"):
            assert gone not in written, gone
        assert b"And the hat?" in written
        again = await door.ask("DELETE", "/api/days/2026-03-04", token=owner)
        assert again.json()["told"] == "nothing"


async def test_a_conversation_that_goes_on_forgets_the_day_too(tmp_path: Path):
    store = await Database.open(tmp_path / "harry.sqlite3")
    before = time.time() - 1
    await store.write([turn("owner", 0, before, "The parrot sings.", "Does it?")])
    async with away(tmp_path, store=store) as door, door.host.open(user="owner") as session:
        assert [each.said for each in session.conductor.history] == ["The parrot sings."]
        owner = door.front.tokens.new("owner")
        assert (await door.ask("DELETE", f"/api/days/{local_day(before)}", token=owner)).json()["turns"] == 1
        assert not session.conductor.history
    await store.aclose()


async def test_what_amends_a_turn_of_a_forgotten_day_after_midnight_goes_with_it(tmp_path: Path):
    midnight = time.mktime((2026, 3, 5, 0, 0, 0, 0, 0, -1))
    async with kept(tmp_path) as door:
        await door.host.store.write(
            [
                turn("owner", 5, midnight - 1, "Hide the", "Where"),
                turn("owner", 6, midnight + 1, "Hide the pearls now", "Done.", amends="owner-5"),
            ]
        )
        owner = door.front.tokens.new("owner")
        assert (await door.ask("DELETE", "/api/days/2026-03-04", token=owner)).status == 200
        days = (await door.ask("GET", "/api/days", token=owner)).json()["days"]
        assert [each["day"] for each in days] == ["2026-03-03"]
        assert (await door.ask("DELETE", "/api/days/someday", token=owner)).status == 400


# Memories


async def test_what_was_told_stands_apart_from_what_was_said_newest_first(tmp_path: Path):
    async with kept(tmp_path) as door:
        told = [Item(f"told-{n}", f"fact {n}", "owner", "memory", "owner", NOON + n, source="told") for n in range(2)]
        await door.host.memory.memory.upsert(told)
        owner = door.front.tokens.new("owner")

        async def texts(query: str) -> list[str]:
            found = (await door.ask("GET", f"/api/memories?order=newest&{query}", token=owner)).json()["memories"]
            return [each["text"] for each in found]

        assert await texts("origin=told") == ["fact 1", "fact 0"]
        said = await texts("kind=memory&origin=said")
        assert "fact 0" not in said
        assert said[0] == "Behind the door."
        assert not any("otter" in each for each in await texts(""))


async def test_everything_is_forgotten_only_when_that_is_typed_and_then_all_of_it(tmp_path: Path):
    async with kept(tmp_path) as door, door.host.open(user="owner") as session:
        assert len(session.conductor.history) == 2
        for wrong in ({"confirm": "yes"}, {"confirm": ""}, {}, None):
            assert (await post(door, "/api/forget-everything", wrong)).status == 400
        owner = door.front.tokens.new("owner")
        assert (await door.ask("GET", "/api/turns", token=owner)).json()["turns"]
        done = await post(door, "/api/forget-everything", {"confirm": "Forget everything"})
        assert schemas.Forgotten.model_validate_json(done.body).deleted >= 3
        assert (await door.ask("GET", "/api/turns", token=owner)).json()["turns"] == []
        assert (await door.ask("GET", "/api/memories", token=owner)).json()["memories"] == []
        assert not session.conductor.history
        assert (await door.ask("GET", "/api/turns", token=door.front.tokens.new("ben"))).json()["turns"]


async def test_what_harry_has_in_mind_is_forgotten_with_everything(tmp_path: Path):
    class Mindful:
        """Has a state of mind, and does not think."""

        def __init__(self) -> None:
            self.state = StateOfMind("owner")

        def join(self, *_: Any, **__: Any) -> Any:
            return self

        async def run(self) -> NoReturn:
            await trio.sleep_forever()

    inner = Mindful()
    await inner.state.change(Reflection(goal="to find the scarf behind the door"))
    async with kept(tmp_path) as door, door.host.open(user="owner", inner=inner):
        assert inner.state.told()
        await post(door, "/api/forget-everything", {"confirm": "forget everything"})
        assert inner.state.told() == ()


# Settings

FILE = """# my Harry
[turn]
attention_window = 20.0  # long enough for me

[engine.openrouter]
api_key = "sk-secret"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path))
    return tmp_path / "harry.toml"


@pytest.fixture
def written(file: Path) -> Path:
    file.write_text(FILE)
    return file


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_a_setting_is_written_among_the_comments_and_holds(written: Path):
    async with room() as here:
        answer = await post(
            here.door, "/api/settings", {"changes": {"turn.attention_window": 45, "persona.name": "Mia"}}
        )
        assert answer.json() == {"file": str(written), "after_restart": ["persona.name"]}
        text = text_of(written)
        assert "attention_window = 45.0" in text
        assert "# long enough for me" in text
        assert text.startswith("# my Harry\n")
        assert 'api_key = "sk-secret"' in text
        assert load_config(written).persona.name == "Mia"
        assert here.session.attention.window == 45.0
        owner = here.door.front.tokens.new("owner")
        told = schemas.Settings.model_validate_json((await here.door.ask("GET", "/api/settings", token=owner)).body)
        name = next(each for each in told.changeable if each.key == "persona.name")
        assert (name.value, name.written, told.file) == ("Harry", "Mia", str(written))


@pytest.mark.parametrize(
    "changes",
    [
        {"persona.name": ""},
        {"turn.attention_window": -1},
        {"turn.attention_window": "long"},
        {"turn.attention_window": True},
        {"thinker.quiet_hours": "at night"},
        {"attention.wake_phrase": "hé 7"},
        {"engine.piper.length_scale": 9},
        {"engine.openrouter.api_key": "x"},
        {"web.host": "0.0.0.0"},
        {"web.auth": "none"},
        {"local_only": False},
        {},
    ],
)
async def test_a_wrong_or_forbidden_setting_leaves_the_file_as_it_was(changes: dict[str, Any], written: Path):
    async with away() as door:
        assert (await post(door, "/api/settings", {"changes": changes})).status == 400
    assert text_of(written) == FILE


async def test_only_the_owner_reads_or_changes_settings(file: Path):
    async with away() as door:
        assert (await post(door, "/api/settings", {"changes": {"persona.name": "Eve"}}, user="ann")).status == 403
        assert (await door.ask("GET", "/api/settings")).status == 403
    assert text_of(file) == ""


async def test_a_variable_that_would_win_over_the_file_is_told(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HARRY_PERSONA__NAME", "Ada")
    async with away() as door:
        answer = await post(door, "/api/settings", {"changes": {"persona.name": "Mia"}})
        assert answer.status == 400
        assert "HARRY_PERSONA__NAME" in answer.json()["error"]["message"]
    assert text_of(file) == ""


async def test_microphone_and_loudspeaker_are_chosen_of_those_there_are(file: Path, monkeypatch: pytest.MonkeyPatch):
    def devices_of(kind: Literal["microphone", "loudspeaker"]) -> list[DeviceInfo]:
        return [DeviceInfo(kind, "PortAudio", 0, f"USB {kind}", 48_000, 1, default=True)]

    monkeypatch.setattr("harry.services.settings.devices_of", devices_of)
    async with away() as door:
        owner = door.front.tokens.new("owner")

        async def told() -> dict[str, Any]:
            answer = (await door.ask("GET", "/api/settings", token=owner)).json()
            return next(each for each in answer["changeable"] if each["key"] == "audio.microphone")

        assert (await told())["choices"] == ["default", "none", "USB microphone"]
        answer = await post(door, "/api/settings", {"changes": {"audio.microphone": "USB microphone"}})
        assert answer.json()["after_restart"] == ["audio.microphone"]
        assert ((await told())["value"], (await told())["written"]) == ("default", "USB microphone")
        assert load_config(file).audio.microphone == "USB microphone"
        gone = await post(door, "/api/settings", {"changes": {"audio.loudspeaker": "USB microphone"}})
        assert (gone.status, load_config(file).audio.loudspeaker) == (400, "default")


def test_a_file_is_begun_and_a_key_is_taken_out_again(tmp_path: Path):
    path = tmp_path / "harry.toml"
    config: Config = change_file(path, {"persona.name": "Mia", "turn.attention_window": 3.0}, {})
    assert (config.persona.name, load_config(path, environ={}).turn.attention_window) == ("Mia", 3.0)
    change_file(path, {"persona.name": None}, {})
    assert load_config(path, environ={}).persona.name == "Harry"


def test_a_file_keeps_the_ends_of_its_lines(tmp_path: Path):
    path = tmp_path / "harry.toml"
    path.write_bytes(b"# mine\r\n[turn]\r\nattention_window = 20.0\r\n")
    change_file(path, {"turn.attention_window": 30.0}, {})
    assert path.read_bytes() == b"# mine\r\n[turn]\r\nattention_window = 30.0\r\n"


def test_keys_are_found_in_dotted_and_inline_tables():
    assert changed("turn = { attention_window = 1.0 }\n", {"turn.attention_window": 2.0}) == (
        "turn = { attention_window = 2.0 }\n"
    )
    assert changed("turn.attention_window = 1.0 # x\n", {"turn.attention_window": 2.0}) == (
        "turn.attention_window = 2.0 # x\n"
    )


def test_a_broken_file_is_left_alone(tmp_path: Path):
    path = tmp_path / "harry.toml"
    path.write_text("[turn\n")
    with pytest.raises(ConfigurationError):
        change_file(path, {"persona.name": "Mia"}, {})
    assert path.read_text() == "[turn\n"
