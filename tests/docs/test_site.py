"""The documentation as a site: each page has its place, the reference is that of the code, every example is run."""

from __future__ import annotations

import importlib
import re
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import yaml
from trio.testing import MockClock

from harry.plugin import WorkerThreads
from harry.testing.engines import ScriptedLanguageModel
from tests.docs import peers, reference
from tests.docs.test_docs import PAGES, code, named
from tests.support.paths import ROOT
from tests.support.virtual_session import house

DOCS = ROOT / "docs"
[BLOCKING_WORK] = [block for block in code(DOCS / "plugins.md", "python") if "WorkerThreads(" in block]


@pytest.mark.parametrize("page", reference.PAGES)
def test_the_reference_is_what_the_code_says(page: str) -> None:
    assert (reference.FOLDER / f"{page}.md").read_text("utf-8") == reference.render(page)


def listed(navigation: Any) -> set[str]:
    """Every page that a navigation leads to."""
    if isinstance(navigation, str):
        return {navigation}
    parts = navigation.values() if isinstance(navigation, dict) else navigation
    return {page for part in parts for page in listed(part)}


def test_every_page_has_its_place_in_the_sites_navigation() -> None:
    navigation = listed(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"])
    there = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert navigation == there | {"index.md", "project/CONTRIBUTING.md", "project/CHANGELOG.md", "project/SECURITY.md"}


async def test_the_lines_about_work_that_blocks_do_what_is_said_of_them() -> None:
    emitted: list[int] = []

    async def emit(item: int) -> None:
        emitted.append(item)

    engine = SimpleNamespace(
        _model=SimpleNamespace(synthesise=str.upper, stop=lambda: None),
        _generate=lambda give: [give(1), give(2)],
    )
    function = f"async def run(self, name, text, emit):\n{textwrap.indent(BLOCKING_WORK, '    ')}    return pcm"
    names: dict[str, Any] = {"WorkerThreads": WorkerThreads}
    exec(function, names)
    assert await names["run"](engine, "slow", "words", emit) == "WORDS"
    assert emitted == [1, 2]


def test_every_example_in_python_is_run_by_a_test() -> None:
    """All of docs/migration.md are; elsewhere each stands in a file of `examples`, or is run here."""
    lines = {
        line.strip()
        for path in [*(ROOT / "examples").rglob("*.py"), DOCS / "events.md"]
        for line in path.read_text("utf-8").splitlines()
    }
    for page in PAGES:
        if page.name == "migration.md":
            continue
        for block in code(page, "python"):
            if block == BLOCKING_WORK:
                continue
            unknown = [line for line in block.splitlines() if line.strip() and line.strip() not in lines]
            if unknown:  # then it stands alone
                exec(compile(block, named(page), "exec"), {})


async def test_the_humming_voice_hums_every_word_and_no_more_when_it_is_cut(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "hum_voice"))
    voice = importlib.import_module("hum_voice").Hum.load("hum", None)
    async with house(mind=ScriptedLanguageModel("scripted", ["One two three four."]), voice=voice) as home:
        home.session.answer_typed("hello")
        await trio.sleep(0.6)  # each word takes a quarter of a second
        home.session.conductor.cut("barge_in")
        home.session.answer_typed("again")
        await trio.sleep(3)
        assert [event.fields["text"] for event in home.happened("heard")] == ["One two", "One two three four."]


def test_the_page_of_the_changes_has_its_sections_in_the_words_of_the_format() -> None:
    sections = re.findall(r"^### (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert set(sections) <= {"Added", "Changed", "Deprecated", "Fixed", "Removed", "Security"}


def test_what_people_are_shown_before_they_file_something_is_whole() -> None:
    for path in [*(ROOT / ".github").rglob("*.yml"), ROOT / ".pre-commit-config.yaml", ROOT / "mkdocs.yml"]:
        assert isinstance(yaml.safe_load(path.read_text("utf-8")), dict), path


def test_the_workflows_call_only_what_there_is() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values():
            for step in job["steps"]:
                command = step.get("run", "")
                assert set(re.findall(r"\bmake ([a-z-]+)", command)) <= targets
                assert all((ROOT / script).exists() for script in re.findall(r"(?:^|\s)(\.ci/[\w-]+)", command))


def test_the_version_is_written_down_in_one_place(tmp_path: Path) -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version
    copies = [
        named(path)
        for floor in ("channels", "actors", "harry")
        for path in (ROOT / floor).rglob("*.py")
        if f'"{version[1]}"' in path.read_text("utf-8")
    ]
    assert copies == []
    page = (DOCS / "install.md").read_text("utf-8") + (ROOT / "README.md").read_text("utf-8")
    assert set(re.findall(r"harry_voice-(.+?)-py3", page)) == {"VERSION"}


def test_the_readmes_rows_against_other_frameworks_are_those_of_the_benchmarks() -> None:
    assert f"{peers.BEGIN}{peers.table()}{peers.END}" in peers.README.read_text("utf-8")
