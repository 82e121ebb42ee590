"""A newcomer at a terminal is offered a mind, once, and only where it could be fetched and run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rich.console import Console

from harry.config.loading import Config, load_config
from harry.daemon import first_start
from harry.daemon.first_start import Wanted, fetch_wanted, offer_model
from harry.errors import EngineBusy
from harry.host.engine_loading import Candidate, Chain
from harry.models import fetching
from harry.models.catalogue import load_catalogue, offered
from harry.net.routes import has_default_route
from harry.services import model_offer

NOTHING = Chain("language_model", (Candidate("gguf", {}, "", lambda: None), Candidate("none")))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer on which the model could be fetched and would run."""
    monkeypatch.setenv("HARRY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(model_offer, "_fits", lambda folder, model: True)
    monkeypatch.setattr(model_offer, "has_default_route", lambda: True)
    return tmp_path / "home"


def config(*sets: str) -> Config:
    return load_config(sets=sets)


def test_one_model_is_offered_whose_licence_is_free_and_whose_checksum_and_choice_are_written_down() -> None:
    name, model = offered()
    assert [each for each, other in load_catalogue().items() if other.offered] == [name]
    assert model.licence in {"Apache-2.0", "MIT"}
    assert all(file.sha256 and file.size for file in model.files)
    assert model.why
    assert model.chosen_on


def test_it_is_offered_where_there_is_no_mind(home: Path) -> None:
    found = model_offer.to_offer(config(), NOTHING)
    assert found == offered()
    assert not home.exists(), "asking must leave nothing behind"


@pytest.mark.parametrize("setting", ["local_only=true", "fetch=no", "memory.store=memory"])
def test_it_is_not_offered_against_a_setting(home: Path, setting: str) -> None:
    assert model_offer.to_offer(config(setting), NOTHING) is None


def test_a_variable_keeps_it_from_being_offered(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARRY_FETCH", "no")
    assert model_offer.to_offer(config(), NOTHING) is None


def test_it_is_not_offered_beside_another_mind_nor_in_place_of_a_named_one(home: Path) -> None:
    for name in ("openai", "ollama", "gguf"):
        chain = Chain("language_model", (Candidate(name), Candidate("none")))
        assert model_offer.to_offer(config(), chain) is None
    assert model_offer.to_offer(config(), Chain("language_model", (Candidate("none"),), named=True)) is None


def test_it_is_not_offered_without_a_network_nor_on_a_computer_too_small(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_offer, "has_default_route", lambda: False)
    assert model_offer.to_offer(config(), NOTHING) is None
    monkeypatch.setattr(model_offer, "has_default_route", lambda: True)
    monkeypatch.setattr(model_offer, "_fits", lambda folder, model: False)
    assert model_offer.to_offer(config(), NOTHING) is None


V4 = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nlan0\t00{}\t010200C0\t0003\t0\t0\t0\t00000000\n"
V6 = "{} 00 {} 00 {} 00000400 00000003 00000000 {} {}\n"


def test_a_way_to_other_networks_is_read_from_the_kernels_tables(tmp_path: Path) -> None:
    v4, v6, zeros = tmp_path / "v4", tmp_path / "v6", "0" * 32
    assert has_default_route(v4, v6), "a system without tables is not shut out"
    v4.write_text(V4.format("0200C0"))
    assert not has_default_route(v4, v6)
    v6.write_text(V6.format(zeros, zeros, "fd" + "0" * 30, "00200200", "lo"))
    assert not has_default_route(v4, v6)
    v6.write_text(V6.format(zeros, zeros, "fd" + "0" * 30, "00000003", "lan0"))
    assert has_default_route(v4, v6)
    v6.unlink()
    v4.write_text(V4.format("000000"))
    assert has_default_route(v4, v6)


class Person:
    """Types one answer, and sees what is written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: str | None) -> None:
        self.asked: list[str] = []
        self.console = Console(force_terminal=True, record=True, width=300, file=(Path("/dev/null")).open("w"))  # noqa: SIM115

        async def ask(question: str) -> str | None:
            self.asked.append(question)
            return answer

        monkeypatch.setattr(first_start, "ask", ask)
        monkeypatch.setattr(os, "isatty", lambda _: True)

    async def is_offered(self) -> Wanted | None:
        found = await offer_model(config(), NOTHING, self.console)
        self.console.file.close()
        return found


@pytest.mark.parametrize("answer", ["", "y", "Yes"])
async def test_enter_and_yes_fetch_it(home: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    person = Person(monkeypatch, answer)
    wanted = await person.is_offered()
    assert wanted is not None
    assert person.asked == [f"Fetch {wanted.name} now, 1.1 GB? [Y/n] "]


async def test_no_is_remembered(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await Person(monkeypatch, "n").is_offered() is None
    again = Person(monkeypatch, "y")
    assert await again.is_offered() is None
    assert again.asked == []


@pytest.mark.parametrize("answer", [None, "what time is it?"])
async def test_any_other_answer_is_not_now(home: Path, monkeypatch: pytest.MonkeyPatch, answer: str | None) -> None:
    assert await Person(monkeypatch, answer).is_offered() is None
    again = Person(monkeypatch, "y")
    assert await again.is_offered() is not None


async def test_without_a_terminal_nobody_is_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person(monkeypatch, "y")
    monkeypatch.setattr(os, "isatty", lambda _: False)
    assert await person.is_offered() is None
    assert person.asked == []


class Shown:
    """What stands in the terminal."""

    def __init__(self) -> None:
        self.status: list[str] = []
        self.lines: list[str] = []
        self.under_way = self.status.append
        self.print = self.lines.append


async def test_how_far_it_is_stands_in_the_status_line_and_its_end_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pull(model: object, folder: Path, progress: object) -> None:
        progress("m.gguf", 553_704_736, 1_107_409_472)  # type: ignore[operator]

    monkeypatch.setattr(fetching, "pull", pull)
    shown, (name, model) = Shown(), offered()
    await fetch_wanted(config(), Wanted(name, model), shown)  # type: ignore[arg-type]
    assert shown.status == [f"fetching {name}", f"fetching {name}: 50 % of 1.1 GB", ""]
    assert shown.lines == [f"{name} is here: Harry thinks with it from his next answer on."]


async def test_a_download_that_fails_is_told_in_a_line_with_how_to_go_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pull(model: object, folder: Path, progress: object) -> None:
        raise EngineBusy("The hub does not answer.")

    monkeypatch.setattr(fetching, "pull", pull)
    shown, (name, model) = Shown(), offered()
    await fetch_wanted(config(), Wanted(name, model), shown)  # type: ignore[arg-type]
    assert shown.lines == [f"{name} was not fetched. The hub does not answer. To go on: harry models pull {name}"]
    assert shown.status[-1] == ""
