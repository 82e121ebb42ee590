"""`harry memory ...` as a person and a script use it: what goes in, what comes out, and what is said of bad input."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.main import get_command

from harry.bench import memory as bench
from harry.cli.app import app
from harry.cli.options import Call
from harry.config.loading import Config, load_config
from harry.errors import ConfigurationError
from harry.memory.longterm.importing import ImportReport, parse_time, read_lines, serialize_item
from harry.memory.search import embedding
from harry.memory.store.items import Item, clean
from harry.memory.store.opening import STORE_FILE
from harry.services import memory as remembering

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path / "home"))
    # Meaning is tested with the dense index; without the model each command starts at once.
    monkeypatch.setattr(embedding, "find_spec", lambda _: None)
    return tmp_path / "home"


@pytest.fixture
def harry(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        try:
            get_command(app)([str(each) for each in arguments], obj=Call(), prog_name="harry")
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        except ConfigurationError as error:
            code = error.exit_code
            print(f"harry: {error}", file=sys.stderr)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def written(path: Path, *lines: Any) -> Path:
    path.write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in lines), "utf-8")
    return path


def line(identity: Any, text: str, **more: Any) -> dict[str, Any]:
    return {"id": identity, "text": text, "speaker": "Ann", "time": "2023-05-08T13:56:00", "namespace": "u", **more}


def hits(out: str) -> list[list[str]]:
    return [[hit["id"] for hit in json.loads(each)["hits"]] for each in out.splitlines()]


# In and out


def test_what_is_imported_is_found_in_the_order_that_was_asked(harry, tmp_path):
    file = written(
        tmp_path / "m.jsonl", line("a", "A kitten came."), line("b", "It rained."), line("c", "Tea for two.")
    )
    assert harry("memory", "import", file)[:2] == (0, "3 taken in, 0 left out.\n")
    asked = written(tmp_path / "q.jsonl", *({"query": each, "namespace": "u"} for each in ("tea", "kitten", "rain")))
    code, out, _ = harry("memory", "search", "--queries", asked, "--k", "1", "--json")
    assert code == 0
    assert hits(out) == [["c"], ["a"], ["b"]]
    first = json.loads(out.splitlines()[0])
    assert first["query"] == "tea"
    assert set(first["hits"][0]) == {"id", "score", "text"}
    assert first["hits"][0]["text"] == "Tea for two."


def test_one_question_is_answered_in_lines_or_in_json(harry, tmp_path):
    harry("memory", "import", written(tmp_path / "m.jsonl", line("a", "A kitten\x1b[2J came.")))
    assert hits(harry("memory", "search", "kitten", "--namespace", "u", "--json")[1]) == [["a"]]
    shown = harry("memory", "search", "kitten", "--namespace", "u")[1]
    assert "[8 May 2023] Ann: A kitten" in shown
    assert "\x1b" not in shown


def test_another_namespace_knows_nothing(harry, tmp_path):
    harry("memory", "import", written(tmp_path / "m.jsonl", line("a", "A kitten came.")))
    for namespace in ("v", "U", "u ", "%", "*", "u' OR '1'='1"):
        assert hits(harry("memory", "search", "kitten", "--namespace", namespace, "--json")[1]) == [[]]
        assert harry("memory", "show", "a", "--namespace", namespace)[0] == 2
        assert harry("memory", "delete", "a", "--namespace", namespace)[0] == 2
    assert harry("memory", "show", "a", "--namespace", "u")[0] == 0


def test_what_is_added_is_shown_replaced_and_deleted(harry):
    code, out, _ = harry("memory", "add", "The rent is 800.", "--namespace", "u", "--id", "old", "--speaker", "Ann")
    assert (code, out) == (0, "old\n")
    harry("memory", "add", "The rent is 900.", "--namespace", "u", "--id", "new", "--supersedes", "old")
    assert hits(harry("memory", "search", "rent", "--namespace", "u", "--json")[1]) == [["new"]]
    shown = json.loads(harry("memory", "show", "old", "--namespace", "u", "--json")[1])
    assert shown["text"] == "The rent is 800."
    assert "valid_to" in shown
    assert harry("memory", "delete", "new", "--namespace", "u")[1] == "1 deleted.\n"
    assert harry("memory", "show", "new", "--namespace", "u")[0] == 2


def test_a_day_that_is_none_or_empty_is_said(harry):
    harry("memory", "add", "words", "--namespace", "u")
    assert harry("memory", "forget-day", "2026-03-04", "--yes") == (0, "Nothing is kept of 2026-03-04.\n", "")
    code, _, error = harry("memory", "forget-day", "someday", "--yes")
    assert (code, "is not a day" in error) == (2, True)


def test_an_added_memory_without_an_id_gets_one(harry):
    identity = harry("memory", "add", "words", "--namespace", "u")[1].strip()
    assert harry("memory", "show", identity, "--namespace", "u")[0] == 0


def test_an_export_can_be_imported_and_is_the_same(harry, tmp_path):
    lines = [line(n, f"text {n}", kind=kind) for n, kind in enumerate(("memory", "note", "soc", "test"))]
    harry(
        "memory", "import", written(tmp_path / "m.jsonl", *lines, line("d", "derived", derived_from=["0"], heading="H"))
    )
    out = harry("memory", "export", "--namespace", "u")[1]
    assert len(out.splitlines()) == 5
    (tmp_path / "again.jsonl").write_text(out.replace('"u"', '"v"'), "utf-8")
    harry("memory", "import", tmp_path / "again.jsonl")
    assert harry("memory", "export", "--namespace", "v")[1] == out.replace('"u"', '"v"')
    assert harry("memory", "export", "--namespace", "u", "--kind", "note")[1].count("\n") == 1


def test_a_book_is_taken_in_by_passages_under_their_headings(harry, tmp_path):
    book = tmp_path / "tea.md"
    book.write_text("# Tea\n\n## Green\n\nIt comes from Japan.\n\n## Black\n\nIt comes from Assam.", "utf-8")
    assert harry("memory", "import", book, "--kind", "book", "--namespace", "u")[1] == "2 taken in, 0 left out.\n"
    shown = harry("memory", "search", "Assam", "--namespace", "u", "--kind", "book", "--k", "1")[1]
    assert "Tea > Black: It comes from Assam." in shown
    assert hits(harry("memory", "search", "Assam", "--namespace", "u", "--kind", "memory", "--json")[1]) == [[]]


def test_numbers_of_items_are_told_for_each_namespace_and_kind(harry, tmp_path):
    harry("memory", "import", written(tmp_path / "m.jsonl", line("a", "x"), line("b", "y", namespace="v", kind="note")))
    told = [json.loads(each) for each in harry("memory", "stats", "--json")[1].splitlines()]
    assert [(each["namespace"], each["kind"], each["items"]) for each in told] == [("u", "memory", 1), ("v", "note", 1)]
    assert "v: 1 of kind note" in harry("memory", "stats", "--namespace", "v")[1]


def test_erase_tells_what_is_gone_and_backup_and_restore_bring_it_back(harry, tmp_path, home):
    harry("memory", "import", written(tmp_path / "m.jsonl", line("a", "A kitten came.")))
    assert harry("backup", tmp_path / "b")[0] == 0
    gone = json.loads(harry("erase", "--user", "u", "--json")[1])
    assert gone["rows"] == {"item": 1}
    assert gone["backups"] == [str(tmp_path / "b")]
    assert "Delete that file" in harry("erase", "--user", "u")[1]
    assert harry("memory", "show", "a", "--namespace", "u")[0] == 2
    assert harry("restore", tmp_path / "b")[0] == 0
    assert harry("memory", "show", "a", "--namespace", "u")[0] == 0


def test_erasing_somebody_who_is_not_known_says_so_and_who_is(harry):
    harry("memory", "add", "A kitten came.", "--namespace", "ann")
    for user in ("anne", "Ann", "", "*"):
        code, out, err = harry("erase", "--user", user)
        assert (code, out) == (2, "")
        assert f"Nothing is kept of anybody named {user!r}. Somebody is kept here: 'ann'." in err
    assert harry("erase", "--user", "ann")[0] == 0
    assert harry("erase", "--user", "ann")[2].endswith("Nobody is.\n")


def test_looking_makes_no_store(harry, home):
    for command in (("memory", "search", "x"), ("memory", "export"), ("erase", "--user", "u")):
        code, _, err = harry(*command)
        assert code == 2
        assert "Nothing is kept" in err
    for command in (("memory", "stats"), ("memory",)):
        assert harry(*command)[:2] == (0, "Nothing is remembered yet.\n")
    assert not (home / STORE_FILE).exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("search",),
        ("search", "x", "--queries", "y"),
        ("search", "x", "--kind", "dream"),
        ("search", "x", "--k", "0"),
        ("add", " "),
        ("add", "x", "--time", "someday"),
        ("add", "x", "--kind", "dream"),
        ("import", "/no/such/file"),
        ("import", "/"),
        ("search", "--queries", "/no/such/file"),
    ],
)
def test_a_wrong_call_ends_with_two_and_a_sentence(harry, arguments):
    harry("memory", "add", "so that there is a store")
    code, out, err = harry("memory", *arguments)
    assert (code, out) == (2, "")
    assert len(err.split()) > 3


def test_a_store_that_keeps_nothing_is_told(harry, tmp_path):
    code, _, err = harry("memory", "add", "x", "--set", "memory.store=memory")
    assert code == 2
    assert "sqlite" in err


# Bad input


def test_a_line_that_is_wrong_is_told_by_its_number_and_the_others_are_taken(harry, tmp_path):
    file = written(
        tmp_path / "m.jsonl",
        line("a", "A kitten came."),
        '{"id": "b", "te',
        "[1, 2]",
        line("c", "No kind", kind="dream"),
        line("d", "No time", time="yesterday"),
        {"id": "e"},
        line("f", "A second kitten", speaker=5),
        "[" * 100_000,
        "",
        line("g", "A third kitten."),
    )
    code, out, err = harry("memory", "import", file)
    assert (code, out) == (1, "2 taken in, 7 left out.\n")
    for number, why in ((2, "whole JSON"), (3, "object"), (4, "dream"), (5, "yesterday"), (6, "text"), (7, "speaker")):
        assert f"Line {number} of {file} was left out" in err
        assert why in err
    assert sorted(hits(harry("memory", "search", "kitten", "--namespace", "u", "--json")[1])[0]) == ["a", "g"]


def test_windows_text_is_read_as_such_and_told(harry, tmp_path):
    file = tmp_path / "m.jsonl"
    file.write_bytes('{"id": "a", "text": "Das Café … „schön“", "namespace": "u"}\n'.encode("cp1252"))
    code, _, err = harry("memory", "import", file)
    assert code == 0
    assert "Windows-1252" in err
    assert json.loads(harry("memory", "show", "a", "--namespace", "u", "--json")[1])["text"] == "Das Café … „schön“"


def test_a_byte_order_mark_and_windows_line_ends_are_no_trouble(harry, tmp_path):
    file = tmp_path / "m.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(line("a", "kitten")).encode() + b"\r\n\r\n")
    assert harry("memory", "import", file)[:2] == (0, "1 taken in, 0 left out.\n")


def test_ids_of_any_form_are_taken_and_given_back(harry, tmp_path):
    ids = ["", " ", "a/b", "../x", "\u732b", "'", '"', "--k", "\U0001f600", "a\x00b", "x" * 4000, "null"]
    lines = [line(each, f"kitten {number}") for number, each in enumerate([*ids, 7, 7.5, True, None, ["a", 1]])]
    assert harry("memory", "import", written(tmp_path / "m.jsonl", *lines))[0] == 0
    found = hits(harry("memory", "search", "kitten", "--namespace", "u", "--k", "50", "--json")[1])[0]
    assert {*ids[1:], "7", "7.5", "true", '["a", 1]'} <= set(found)
    assert len(found) == len(lines), "an item without an id was lost"


def test_of_lines_with_one_id_the_last_counts_and_that_is_told(harry, tmp_path):
    file = written(
        tmp_path / "m.jsonl", line("a", "A kitten."), line("a", "A puppy."), line("a", "Mine", namespace="v")
    )
    code, _, err = harry("memory", "import", file)
    assert code == 0
    assert "1 lines had an id" in err
    assert json.loads(harry("memory", "show", "a", "--namespace", "u", "--json")[1])["text"] == "A puppy."


def test_a_file_may_be_read_again(harry, tmp_path):
    file = written(tmp_path / "m.jsonl", line("a", "A kitten."), {"text": "without an id"})
    harry("memory", "import", file)
    before = harry("memory", "stats", "--json")[1]
    harry("memory", "import", file)
    assert harry("memory", "stats", "--json")[1] == before


def test_a_memory_of_a_megabyte_is_imported_and_found(harry, tmp_path):
    text = "kitten " + "many words " * 100_000
    assert harry("memory", "import", written(tmp_path / "m.jsonl", line("a", text), line("b", "x")))[0] == 0
    assert hits(harry("memory", "search", "kitten", "--namespace", "u", "--k", "1", "--json")[1]) == [["a"]]
    assert json.loads(harry("memory", "show", "a", "--namespace", "u", "--json")[1])["text"] == text


def test_a_line_of_the_questions_that_is_wrong_is_named(harry, tmp_path):
    harry("memory", "add", "x")
    for wrong in ('{"query": 5}', '{"quer', "[]", '{"query": "x", "namespace": 5}'):
        code, _, err = harry("memory", "search", "--queries", written(tmp_path / "q", '{"query": "x"}', "", wrong))
        assert code == 2
        assert "Line 3" in err


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(raw):
    report = ImportReport()
    found = list(read_lines(io.BytesIO(raw), report, namespace="u"))
    assert len(found) == report.taken


@settings(max_examples=50)
@given(
    st.builds(
        Item,
        st.text(min_size=1),
        st.text().filter(str.strip),
        st.text(min_size=1),
        st.sampled_from(["memory", "note"]),
        st.text(),
        st.none() | st.floats(-1e12, 1e12),
        st.text(),
        st.text(),
        st.none() | st.text(min_size=1),
        st.lists(st.text(min_size=1), max_size=3).map(tuple),
    )
)
def test_what_is_written_as_a_line_is_read_as_the_same_item(item):
    item = clean(item)
    report = ImportReport()
    raw = (json.dumps(serialize_item(item)) + "\n").encode()
    assert [each for _, each in read_lines(io.BytesIO(raw), report, namespace="x")] == [item]


def test_a_time_without_a_zone_is_local_and_one_with_a_zone_is_not():
    west = timezone(timedelta(hours=-5))
    assert parse_time("2023-05-08T13:56:00", west) == datetime(2023, 5, 8, 18, 56, tzinfo=UTC).timestamp()
    assert parse_time("2023-05-08T13:56:00Z", west) == datetime(2023, 5, 8, 13, 56, tzinfo=UTC).timestamp()
    assert parse_time("2023-05-08", west) == datetime(2023, 5, 8, 5, tzinfo=UTC).timestamp()
    assert parse_time(1683550560) == 1683550560.0
    assert parse_time(None) is None
    assert parse_time("") is None


@pytest.mark.parametrize("wrong", ["soon", "2023-13-01", True, [], float("inf"), "9" * 400, 10**400])
def test_what_is_no_time_is_refused(wrong):
    with pytest.raises(ValueError, match="time"):
        parse_time(wrong)


# Beside others, and without the model


def test_without_the_model_words_alone_find_and_that_is_said(harry):
    harry("memory", "add", "A kitten.", "--namespace", "u")
    code, out, err = harry("memory", "search", "kitten", "--namespace", "u", "--json")
    assert (code, len(hits(out)[0])) == (0, 1)
    assert "words alone" in err
    assert "make setup" in err


def test_commands_of_several_processes_write_into_one_store(tmp_path):
    environment = {**os.environ, "HARRY_HOME": str(tmp_path / "home")}
    files = [
        written(tmp_path / f"{name}.jsonl", *(line(f"{name}{n}", f"kitten {n}", namespace=name) for n in range(200)))
        for name in "abc"
    ]
    script = (
        "import harry.memory.search.embedding as e; e.find_spec = lambda _: None; "
        "from harry.cli.app import main; main()"
    )
    command = [sys.executable, "-c", script, "memory", "import"]
    running = [subprocess.Popen([*command, file], env=environment, stdout=subprocess.PIPE) for file in files]
    assert [each.communicate(timeout=60)[0] for each in running] == [b"200 taken in, 0 left out.\n"] * 3

    async def counted() -> list[int]:
        config: Config = load_config(None, [], environment)
        return [row["items"] for row in await remembering.stats(config, None)]

    assert trio.run(counted) == [200, 200, 200]


def test_help_does_not_load_what_it_does_not_need():
    code = "import sys, harry.cli.memory; assert not {'numpy', 'trio', 'onnxruntime'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_bench_measures_what_it_says(monkeypatch):
    monkeypatch.setattr(embedding, "find_spec", lambda _: None)
    monkeypatch.setattr(bench, "_QUESTIONS", 12)
    figures = bench.run(300)
    assert figures["rows"] == 300
    assert figures["questions"] == 12
    assert {"p50", "p95"} <= set(figures["cpu_ms"]) & set(figures["wall_ms"])
    assert figures["by"] == "words"
