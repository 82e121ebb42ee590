"""`harry import` and `harry export`: a past that is brought along, found, taken out again, and handed out."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio

from channels.messages import Source, TurnRecord
from channels.turn import new_id
from harry.memory.conversations.exports import Message, to_turns
from harry.memory.conversations.imported import MAX_TEXT_CHARACTERS
from harry.memory.conversations.recent import recall_earlier
from harry.memory.conversations.rotation import Rotation
from harry.memory.store.database import Database
from harry.memory.store.opening import NAMESPACE
from harry.memory.store.salvage import salvage
from tests.support import cards, exports
from tests.support.shell import Shell


@pytest.fixture
def harry(tmp_path, monkeypatch, capsys) -> Shell:
    # By words alone: what is found by meaning is tested with the memory.
    monkeypatch.setattr("harry.memory.search.embedding.Embedder.load", _no_embedder)
    return Shell(tmp_path / "home", monkeypatch, capsys)


def _no_embedder() -> None:
    from harry.errors import EngineUnavailable  # noqa: PLC0415  (only here)

    raise EngineUnavailable("Not in this test.")


def written(harry: Shell, content: bytes | object, name: str = "conversations.json") -> Path:
    path = harry.home.parent / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def imported(harry: Shell, *arguments: object) -> dict[str, Any]:
    return dict(json.loads(harry.well("import", *arguments, "--json")))


def rows(harry: Shell, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(harry.home / "harry.sqlite3")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


EVERYTHING = ("turn", "item", "conversation", "derivation", "vec")


def counts(harry: Shell) -> dict[str, int]:
    return {table: rows(harry, f"SELECT count(*) FROM {table}")[0][0] for table in EVERYTHING}


# What is read


def test_openais_export_is_kept_as_of_its_dates(harry):
    report = imported(harry, written(harry, exports.openai()))
    assert (report["format"], report["conversations"], report["turns"], report["new"]) == ("openai", 2, 4, 4)
    kept = rows(harry, "SELECT id, started_at, ended_at, said, heard, source FROM turn ORDER BY seq")
    assert [(at, ended) for _, at, ended, *_ in kept] == [
        (exports.AT + day * 86_400 + place * 60, exports.AT + day * 86_400 + place * 60 + 60)
        for day in (0, 1)
        for place in (0, 2)
    ]
    assert kept[0][3:] == ("Question 0 of talk 0 about marmalade.", "Answer 1 of 0.", "imported")
    assert "Never shown." not in str(kept)
    assert {speaker for (speaker,) in rows(harry, "SELECT DISTINCT speaker FROM item")} == {"you", "ChatGPT"}
    days = rows(harry, "SELECT day, turns, summary FROM conversation ORDER BY seq")
    assert [turns for _, turns, _ in days] == [2, 2]
    assert days[0][0] == datetime.fromtimestamp(exports.AT, tz=UTC).astimezone().date().isoformat()
    assert days[0][2].startswith("With ChatGPT, imported. Talk 0: ")


def test_the_branch_without_a_current_node_is_the_newest(harry):
    talk = exports.openai(1)[0]
    del talk["current_node"]
    assert imported(harry, written(harry, [talk]))["turns"] == 2


def test_links_that_run_in_a_circle_end(harry):
    talk = exports.openai(1)[0]
    talk["mapping"]["root"]["parent"] = talk["current_node"]
    assert imported(harry, written(harry, [talk]))["turns"] == 2


def test_anthropics_export_is_read_from_its_zip(harry):
    content = cards.in_zip({"users.json": b"[]", "conversations.json": json.dumps(exports.anthropic()).encode()})
    report = imported(harry, written(harry, content, "data.zip"))
    assert (report["format"], report["turns"]) == ("anthropic", 1)
    assert rows(harry, "SELECT said, heard, started_at FROM turn") == [
        ("My sister Ada lives in Oslo.", "Lovely city.", 1714557605.0)
    ]


def test_a_chat_of_sillytavern_keeps_its_speakers_and_its_times(harry):
    report = imported(harry, written(harry, exports.lines(exports.SILLYTAVERN), "Mara.jsonl"))
    assert (report["format"], report["turns"]) == ("sillytavern", 3)
    kept = rows(harry, "SELECT speaker, text FROM item ORDER BY seq")
    assert kept == [
        ("Mara", "Come in, Ann."), ("Ann", "Yes."), ("Mara", "Wipe your feet."), ("Ann", "Yes."),
        ("Nell", "Who is there?"),
    ]  # fmt: skip
    first = datetime.fromtimestamp(rows(harry, "SELECT started_at FROM turn ORDER BY seq")[0][0]).astimezone()
    assert f"{first:%Y-%m-%d %H:%M}" == "2023-06-19 14:20"


def test_each_format_is_recognised_and_an_unknown_one_refused(harry):
    assert "of no format that Harry knows" in harry.refused("import", written(harry, [{"a": 1}]))
    assert "of no format" in harry.refused("import", written(harry, b"Dear diary"))
    assert "no format 'x'" in harry.refused("import", written(harry, []), "--format", "x")


# Again, and out again


def test_importing_twice_adds_nothing(harry):
    path = written(harry, exports.openai())
    imported(harry, path)
    before = counts(harry)
    again = imported(harry, path)
    assert (again["new"], again["again"], again["id"]) == (0, 4, None)
    zipped = written(harry, cards.in_zip({"conversations.json": path.read_bytes()}), "again.zip")
    assert imported(harry, zipped)["new"] == 0
    assert counts(harry) == before
    assert len(harry.well("import", "list").splitlines()) == 1


def test_a_later_export_adds_what_is_new(harry):
    imported(harry, written(harry, exports.openai(2)))
    assert imported(harry, written(harry, exports.openai(3, messages=6)))["new"] == 5
    assert counts(harry)["turn"] == 9


def test_a_dry_run_keeps_nothing(harry):
    report = imported(harry, written(harry, exports.openai()), "--dry-run")
    assert (report["turns"], report["new"], report["id"]) == (4, 4, None)
    assert not (harry.home / "harry.sqlite3").exists()
    imported(harry, written(harry, exports.openai(1)))
    assert imported(harry, written(harry, exports.openai(2)), "--dry-run")["new"] == 2


def test_an_import_is_undone_whole_and_nothing_else(harry):
    harry.well("memory", "add", "The anchor is in the shed.")
    before = counts(harry)
    first = imported(harry, written(harry, exports.openai()))
    second = imported(harry, written(harry, exports.anthropic(), "claude.json"))
    assert "Gone for good: 4 turns of conversations.json." in harry.well("import", "undo", first["id"], "--yes")
    assert [json.loads(line)["id"] for line in harry.well("import", "list", "--json").splitlines()] == [second["id"]]
    for path in harry.home.glob("harry.sqlite3*"):
        assert b"marmalade" not in path.read_bytes()
    harry.well("import", "undo", second["id"].lower(), "--yes")
    assert counts(harry) == before
    assert "no import" in harry.refused("import", "undo", first["id"])
    assert imported(harry, written(harry, exports.openai()))["new"] == 4


def test_what_memory_made_of_an_import_goes_with_it(harry):
    report = imported(harry, written(harry, exports.openai()))
    (turn,) = rows(harry, "SELECT id FROM turn LIMIT 1")[0]
    line = {"id": "made", "text": "They like marmalade.", "kind": "note", "derived_from": [f"{turn}/said"]}
    harry.well("memory", "import", written(harry, exports.lines([line]), "made.jsonl"))
    harry.well("import", "undo", report["id"], "--yes")
    assert rows(harry, "SELECT id FROM item") == []


def test_an_undo_that_was_cut_short_is_finished_by_the_next(harry, monkeypatch):
    report = imported(harry, written(harry, exports.openai(6)))
    from harry.services import past  # noqa: PLC0415  (only here)

    real, done = past.undo_some, []

    def break_off(*arguments: Any) -> int:
        if done:
            raise RuntimeError("killed")
        done.append(True)
        return real(*arguments[:3], 5)

    monkeypatch.setattr(past, "undo_some", break_off)
    harry("import", "undo", report["id"], "--yes")
    assert counts(harry)["turn"] == 7
    monkeypatch.setattr(past, "undo_some", real)
    harry.well("import", "undo", report["id"], "--yes")
    assert set(counts(harry).values()) == {0}


# Found, and told apart from what Harry heard himself


def test_what_was_imported_is_found_and_marked(harry):
    imported(harry, written(harry, exports.anthropic()))
    found = harry.well("memory", "search", "where does my sister live")
    assert "My sister Ada lives in Oslo." in found
    assert "(imported: Claude: On ships)" in found.splitlines()[0]


def test_a_question_is_answered_from_what_was_imported_and_says_so(harry):
    imported(harry, written(harry, exports.anthropic()))
    said = harry.well("ask", "Where does my sister live?")
    assert "Oslo" in said
    assert "imported" in said
    assert "told me" not in said


def test_what_harry_was_told_later_counts_more_than_an_older_import(harry):
    harry.well("ask", "My sister Ada lives in Bergen now.")
    imported(harry, written(harry, exports.anthropic()))
    assert "Bergen" in harry.well("ask", "Where does my sister live?")


def test_a_past_is_never_the_recent_conversation(harry):
    async def look() -> None:
        database = await Database.open(harry.home / "harry.sqlite3")
        try:
            rotation = Rotation(database)
            now = 1_900_000_000.0
            assert await rotation.recall_recent("you") == []
            assert await database.history("you", limit=5) == []
            turn = TurnRecord(
                new_id(now),
                "you",
                "s",
                NAMESPACE,
                Source.TYPED,
                now,
                now + 1,
                "Hello.",
                "Hi.",
                "Hi.",
                False,
                "finished",
            )
            await database.write([turn])
            assert [exchange.said for exchange in await rotation.recall_recent("you")] == ["Hello."]
            for made in await Rotation(database, wall=lambda: now + 10_000).rotate("you"):
                assert made.first == made.last > 0
            told = list((await recall_earlier(rotation, "you", wall=lambda: now)).values())
            assert "Hello" in told[-1]
        finally:
            await database.aclose()

    imported(harry, written(harry, exports.openai()))
    trio.run(look)


def test_a_past_without_dates_has_that_of_its_file(harry):
    talks = exports.anthropic() * 3
    for number, talk in enumerate(talks := json.loads(json.dumps(talks))):
        talk["created_at"] = None
        for message in talk["chat_messages"]:
            message |= {"created_at": "soon", "uuid": f"{number}{message['uuid']}"}
    path = written(harry, talks)
    assert imported(harry, path)["new"] == 3
    times = {path.stat().st_mtime}
    os.utime(path, (1e9, 1e9))
    assert imported(harry, path)["new"] == 0, "of another date, the file holds the same"
    assert {at for (at,) in rows(harry, "SELECT started_at FROM turn")} == times
    assert len({seq for (seq,) in rows(harry, "SELECT seq FROM turn")}) == 3


@pytest.mark.parametrize("moment", [-1e300, 1e300, -5, 0, "never", 1e18, True, [], "9999-12-31T23:59:59", "1969-01-01"])
def test_a_time_that_no_conversation_can_have_is_none(harry, moment):
    talk = exports.openai(1)[0]
    talk["create_time"] = moment
    for node in talk["mapping"].values():
        if node["message"]:
            node["message"]["create_time"] = moment
    path = written(harry, [talk])
    assert imported(harry, path)["new"] == 2
    assert {at for (at,) in rows(harry, "SELECT started_at FROM turn")} == {path.stat().st_mtime}


def test_a_salvaged_store_has_its_past(harry):
    imported(harry, written(harry, exports.openai()))
    harry.well("memory", "add", "The anchor is in the shed.")
    before = counts(harry)
    salvage(harry.home / "harry.sqlite3")
    assert counts(harry) == before


# Hostile and broken


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


WHOLE = json.dumps(exports.openai(20)).encode()
REFUSED = {
    "cut in half": (half(WHOLE), "cut off"),
    "cut behind an element": (WHOLE[: WHOLE.index(b'}, {"title": "Talk 1"') + 1], "cut off"),
    "zip cut in half": (half(cards.in_zip({"conversations.json": WHOLE})), "damaged"),
    "a zip bomb": (cards.in_zip({"conversations.json": b"[" + b" " * 60_000_000}), "packed so tightly"),
    "a zip of something else": (cards.in_zip({"../../conversations.json": WHOLE}), "holds no conversations.json"),
    "deep": (b'[{"mapping": ' + b"[" * 5000 + b"]" * 5000 + b"}]", "nested too deeply"),
    "not UTF-8": (b'[{"mapping": {}, "title": "\xff"}]', "not text in UTF-8"),
    "numbers alone": (b'[1, 2, "mapping"]', ""),
    "an unknown version of Harry's": (b'{"harry": "turns", "version": 99}\n', "version that is not known"),
    "an unknown version of OpenAI's": (b'[{"mapping": 1}, {"mapping": [2]}]', "no conversation that can be read"),
    "nothing": (b"", "of no format"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_of_a_file_that_is_refused_nothing_is_kept(harry, what):
    content, why = REFUSED[what]
    assert why in harry.refused("import", written(harry, content, "conversations.data"))
    assert not (harry.home / "harry.sqlite3").exists()


def test_a_conversation_that_cannot_be_read_is_left_out_alone_and_told(harry):
    talks = [exports.openai(1)[0], {"mapping": 5}, {"mapping": {"a": 1}, "current_node": "a"}]
    code, out, err = harry("import", written(harry, talks))
    assert code == 1
    assert "Taken in: 2." in out
    assert "Conversation 2 of" in err
    assert "Conversation 3 of" in err


def test_lines_that_are_no_messages_are_left_out_and_told(harry):
    content = exports.lines(exports.SILLYTAVERN) + b'{"name": 5, "mes": "x"}\n[1]\n{"mes": \n\xff\n'
    code, out, err = harry("import", written(harry, content, "Mara.jsonl"))
    assert code == 1
    assert "Taken in: 3." in out
    assert err.count("was left out") == 4


def test_a_text_cannot_steer_the_terminal_nor_break_the_store(harry):
    talk = exports.openai(1)[0]
    node = talk["mapping"]["n0-0"]["message"]
    node["content"]["parts"] = ["\ud800 \x1b[2J marmalade \u0000"]
    talk["title"] = "\x1b]0;x\x07" * 500
    imported(harry, written(harry, [talk]))
    assert "\x1b" not in harry.well("memory", "search", "marmalade")


def test_memory_does_not_grow_with_the_file(harry, tmp_path):
    import tracemalloc  # noqa: PLC0415  (only here)

    from harry.files.json_stream import read_array  # noqa: PLC0415  (only here)

    path = tmp_path / "large.json"
    element = json.dumps({"text": "x" * 10_000})
    with path.open("w") as file:
        file.write("[" + ",\n".join([element] * 4000) + "]")
    tracemalloc.start()
    try:
        with path.open("rb") as opened:
            assert sum(1 for _ in read_array(opened)) == 4000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 40_000_000
    assert most < 12_000_000


# Taken away


def test_what_is_exported_is_read_back_elsewhere_with_dates_and_speakers(harry, tmp_path, monkeypatch):
    harry.well("ask", "Hello.")
    imported(harry, written(harry, exports.anthropic()))
    out = tmp_path / "mine.jsonl"
    harry.well("export", "--format", "jsonl", "--out", out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines[0] == {"harry": "turns", "version": 1}
    assert [(line["said"], line["answerer"]) for line in lines[1:]] == [
        ("My sister Ada lives in Oslo.", "Claude"), ("Hello.", "Harry"),
    ]  # fmt: skip
    assert imported(harry, out)["new"] == 0
    monkeypatch.setenv("HARRY_HOME", str(tmp_path / "elsewhere"))
    report = imported(harry, out)
    assert (report["format"], report["new"]) == ("harry", 2)
    assert [json.loads(line)["started_at"] for line in harry.well("export", "--format", "jsonl").splitlines()[1:]] == [
        line["started_at"] for line in lines[1:]
    ]
    assert imported(harry, out)["new"] == 0


def test_markdown_names_who_answered(harry):
    imported(harry, written(harry, exports.lines(exports.SILLYTAVERN), "Mara.jsonl"))
    told = harry.well("export")
    assert told.startswith("# Conversations with Harry\n\n## Monday, 19 June 2023\n\n**14:20, Mara:** Come in, Ann.\n")
    assert "**14:21, Ann:** Yes." in told


def test_one_conversation_is_taken_out_by_its_id(harry):
    imported(harry, written(harry, exports.openai()))
    lines = [json.loads(line) for line in harry.well("export", "--format", "jsonl").splitlines()[1:]]
    assert {line["conversation"] for line in lines} == {lines[0]["id"], lines[2]["id"]}
    told = harry.well("export", "--conversation", lines[2]["id"])
    assert "talk 1" in told
    assert "talk 0" not in told
    assert "no conversation" in harry.refused("export", "--conversation", "x")


def test_a_title_that_tells_what_was_forgotten_goes_from_the_rest_of_its_conversation(harry):
    talk = exports.openai(1)
    talk[0]["title"] = "The locker code is 4711"
    mapping = talk[0]["mapping"]
    mapping["n0-0"]["message"]["content"]["parts"] = ["My locker code is 4711."]
    imported(harry, written(harry, talk))
    told = rows(harry, "SELECT id FROM item WHERE text = 'My locker code is 4711.'")[0][0]
    harry.well("memory", "delete", told)
    assert {heading for (heading,) in rows(harry, "SELECT heading FROM item")} == {"ChatGPT"}


def test_many_answers_in_a_row_are_joined_in_a_moment():
    at = time.process_time()
    [turn] = to_turns(
        [Message("k", True, "", "Go on.", None), *[Message("m", False, "x", "a" * 300, None)] * 20_000], 1.0
    )
    assert len(turn.heard) == MAX_TEXT_CHARACTERS
    assert time.process_time() - at < 5, "seconds; joined one by one it takes half a minute"
