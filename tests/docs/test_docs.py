"""The documentation says what is so: events, links, commands, the examples, and the program that checks Harry."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import shlex
import subprocess
import sys
import tomllib
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
import typer
from trio.testing import MockClock

from channels.event_types import BY_NAME
from channels.messages import Chunk
from harry.cli import app as cli
from harry.engines import registry
from harry.errors import EngineUnavailable
from harry.testing.engines import ScriptedLanguageModel
from tests.support.paths import ROOT
from tests.support.virtual_session import RATE, house

EVENTS = ROOT / "docs" / "events.md"
MORSE = ROOT / "examples" / "morse_voice"
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(
    [*(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
COMMON = {"at", "event", "turn"}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


# Events


def declared() -> dict[str, list[str]]:
    """Return the fields that each event has beyond those they share, in their order on the wire."""
    return {
        name: [each.name for each in dataclasses.fields(kind) if each.name not in COMMON]
        for name, kind in BY_NAME.items()
    }


def published() -> set[str]:
    """Return the events, as their classes are called, that Harry's code makes."""
    return {
        node.func.id
        for floor in ("channels", "actors", "harry")
        for path in (ROOT / floor).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    } & {kind.__name__ for kind in BY_NAME.values()}


def documented() -> dict[str, str]:
    """The section of each event."""
    text = EVENTS.read_text("utf-8").partition("## The events\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### `(\w+)`\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def fields(section: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_the_events_page_names_just_the_events_that_there_are_and_each_is_published() -> None:
    assert set(documented()) == set(BY_NAME)
    assert published() == {kind.__name__ for kind in BY_NAME.values()}


def test_the_page_of_the_door_names_just_the_realtime_events_that_harry_sends_beyond_the_protocol() -> None:
    sent = {
        name
        for path in (ROOT / "harry" / "web" / "realtime").glob("*.py")
        for name in re.findall(r'put_own\(\s*"(harry\.\w+)"', path.read_text("utf-8"))
    }
    rows = re.findall(r"^\| `(harry\.\w+)` \|", (ROOT / "docs" / "web.md").read_text("utf-8"), re.MULTILINE)
    assert len(sent) >= 10
    assert sorted(rows) == sorted(sent)


def test_each_event_is_documented_with_just_the_fields_it_has_in_their_order() -> None:
    assert {event: fields(section) for event, section in documented().items()} == declared()


def test_the_page_says_of_just_the_fields_that_may_be_left_out_that_they_may_be_missing() -> None:
    sometimes = {
        (name, each.name)
        for name, kind in BY_NAME.items()
        for each in dataclasses.fields(kind)
        if each.name not in COMMON and each.default is not dataclasses.MISSING
    }
    told = {
        (name, row)
        for name, section in documented().items()
        for row in re.findall(r"^\| `(\w+)` \|.*\b(?:missing)\b", section, re.MULTILINE)
    }
    assert told == sometimes


@pytest.mark.parametrize("event", documented())
def test_the_example_of_an_event_is_a_line_as_harry_writes_it(event: str) -> None:
    [example] = re.findall(r"^```json\n(.*?)\n```", documented()[event], re.MULTILINE | re.DOTALL)
    line = json.loads(example)
    assert list(line)[:3] == ["at", "event", "turn"]
    assert line["event"] == event
    assert [each for each in fields(documented()[event]) if each in line] == list(line)[3:]
    # What is left out may only be what the page says is sometimes missing.
    missing = set(fields(documented()[event])) - set(line)
    assert all(re.search(rf"^\| `{name}` \|.*missing", documented()[event], re.MULTILINE) for name in missing)


async def test_the_program_on_the_events_page_finds_heard_to_agree_with_what_sounded(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    mind = ScriptedLanguageModel("scripted", ["One two three four five six seven eight.", "Nine ten."])
    async with house(mind=mind) as home:
        home.session.answer_typed("go on")
        await trio.sleep(1.0)  # in the fourth word's tone
        home.session.conductor.cut("barge_in")
        await trio.sleep(0.5)
        home.session.answer_typed("and then?")
        await trio.sleep(3)
        told = home.happened()
        sounded = list(home.sounded)
    sound = np.zeros(RATE * 6, np.int16)
    for at, pcm in sounded:
        block = np.frombuffer(pcm, np.int16)
        sound[round(at * RATE) :][: len(block)] = block
    with wave.open(str(tmp_path / "harry.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    lines = [json.dumps(each.to_dict()) for each in told]
    (tmp_path / "events.jsonl").write_text("\n".join(lines), "utf-8")

    def check() -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", code(EVENTS, "python")[0], "harry.wav", "events.jsonl"]
        return subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    agreed = check()
    assert agreed.returncode == 0, agreed.stderr
    assert agreed.stdout.splitlines() == [
        "4 words sounded, 4 were told as heard: One two three four",
        "2 words sounded, 2 were told as heard: Nine ten.",
    ]
    (tmp_path / "events.jsonl").write_text("\n".join(lines).replace("three four", "three four five"), "utf-8")
    assert "AssertionError" in check().stderr


# Links


def links(page: Path) -> Iterator[str]:
    yield from re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_place_that_only_its_author_has(page: Path) -> None:
    assert not re.search(r"/(root|home|work|tmp)/", page.read_text("utf-8"))


# Commands


def shown(page: Path) -> list[list[str]]:
    """Every call of `harry` on a page, in a block or between backticks, as words after `harry`."""
    text = "\n".join(code(page, "sh")).replace("\\\n", " ")
    quoted = re.findall(r"`([^`\n]+)`", prose(page))
    calls = []
    for line in [*text.splitlines(), *quoted]:
        for part in re.split(r"\s\|\s", line):
            if not re.match(r"\s*([A-Z_]+=\S*\s+)*(\.venv/bin/)?harry\b", part):
                continue
            words = shlex.split(part, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words = words[1:]
            if words and words[0] in ("harry", ".venv/bin/harry"):
                calls.append(words[1:])
    return calls


def command(words: list[str]) -> Any:
    """The command that words lead to. Every option among them must be one of its, or of a command on the way."""
    found: Any = typer.main.get_command(cli.app)
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("--"):
            # What some groups do when nothing else is said.
            found = getattr(found, "commands", {}).get(getattr(found, "default", None), found)
            known = {each for parameter in found.params for each in parameter.opts} | {"--help"}
            assert name in known, f"{found.name} has no option {name}"
        else:
            found = getattr(found, "commands", {}).get(word, found)
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_that_is_shown_exists(page: Path) -> None:
    for words in shown(page):
        first = next((word for word in words if re.fullmatch(r"[a-z]+", word)), None)
        assert first is None or command(words).name != "harry", f"there is no command {first!r}"


def test_a_command_or_an_option_that_does_not_exist_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="no option --loud"):
        command(["run", "--loud"])
    assert command(["sing"]).name == "harry"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_make_target_that_is_shown_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    text = "\n".join([*code(page, "sh"), *re.findall(r"`([^`\n]+)`", prose(page))])
    assert set(re.findall(r"(?:^|\s)make ([a-z-]+)", text, re.MULTILINE)) <= targets


# The example voice


@pytest.fixture
def morse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example, as installed: its module and its entry points are on the path."""
    project = tomllib.loads((MORSE / "pyproject.toml").read_text("utf-8"))["project"]
    info = tmp_path / "harry_morse_voice-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    [(group, points)] = project["entry-points"].items()
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(MORSE))


@pytest.mark.usefixtures("morse")
@pytest.mark.parametrize("text", ["Hi", " Hi, you there. ", "Été 42!", "..."])
async def test_the_example_voice_speaks_every_word_in_order(text: str) -> None:
    chunks: list[Chunk] = []

    async def emit(chunk: Chunk) -> None:
        chunks.append(chunk)

    voice: Any = registry.load_engine("text_to_speech", "morse", {"dot": 0.01})
    await voice.speak(text, emit)
    assert "".join(word.text for chunk in chunks for word in chunk.words) == text
    assert all(word.end <= chunk.samples and chunk.rate == voice.rate for chunk in chunks for word in chunk.words)


@pytest.mark.usefixtures("morse")
async def test_harry_converses_with_the_example_voice(autojump_clock: MockClock) -> None:
    voice = registry.load_engine("text_to_speech", "morse", {})
    async with house(mind=ScriptedLanguageModel("scripted", ["Sos sos."]), voice=voice) as home:
        home.session.answer_typed("who is there?")
        await trio.sleep(1.9)  # the first word takes 27 dots and a gap, 2.04 s
        home.session.conductor.cut("barge_in")
        home.session.answer_typed("once more")
        await trio.sleep(10)
        assert [each.fields["text"] for each in home.happened("heard")] == ["Sos", "Sos sos."]
        assert [each.fields["reason"] for each in home.happened("turn_ended")] == ["barge_in", "finished"]


@pytest.mark.usefixtures("morse")
def test_the_example_voice_says_what_is_wrong_with_its_settings() -> None:
    with pytest.raises(EngineUnavailable, match=r"engine\.morse\.pitch from 50 to 4000"):
        registry.load_engine("text_to_speech", "morse", {"pitch": 5.0})


@pytest.mark.parametrize(("page", "example"), [
    ("docs/plugins.md", "morse_voice/morse_voice.py"),
    ("docs/plugins.md", "tea_memory/tea_memory.py"),
    ("README.md", "tea_memory/tea_memory.py"),
    ("README.md", "openai_sdk/converse.py"),
])  # fmt: skip
def test_what_the_pages_show_of_the_examples_stands_in_them(page: str, example: str) -> None:
    source = (ROOT / "examples" / example).read_text("utf-8")
    written = {line.strip() for line in source.splitlines()}
    begun = re.compile(
        {
            "m": r"^(class Morse|    (async )?def (load|speak)\b)",
            "t": r"^async def retrieve\b",
            "o": r"^(harry = AsyncOpenAI|    async with harry)",
        }[example[0]],
        re.MULTILINE,
    )
    blocks = [block for block in code(ROOT / page, "python") if begun.search(block)]
    assert blocks
    for block in blocks:
        assert [line for line in block.splitlines() if line.strip() and line.strip() not in written] == []
