"""All that is installed, fetched or shipped has its licence on the page of licences, and all but Piper is free."""

from __future__ import annotations

import re
import subprocess
import wave
from pathlib import Path

import pytest

from harry.models.catalogue import load_catalogue
from tests.docs import licences
from tests.support.paths import ROOT

TEXT = licences.PAGE.read_text("utf-8")


def test_the_table_of_packages_is_what_the_packages_state() -> None:
    assert f"|---|---|\n{licences.rows()}{licences.END}" in TEXT


def test_only_pipers_code_asks_something_of_those_who_pass_it_on() -> None:
    assert [name for name in licences.packages() if not licences.is_free(licences.licence(name))] == ["piper-tts"]


@pytest.mark.parametrize(
    ("stated", "free"),
    [
        ("MIT OR Apache-2.0", True),
        ("GPL-3.0-or-later", False),
        ("MIT AND GPL-2.0", False),
        ("", False),
        ("AGPL-3.0", False),
    ],
)
def test_a_licence_that_asks_something_would_be_noticed(stated: str, free: bool) -> None:
    assert licences.is_free(stated) is free


def test_every_model_that_can_be_fetched_and_every_recording_that_is_shipped_is_on_the_page() -> None:
    models = re.split(r"[|,]", TEXT.partition("## Models")[2].partition("**The packaged")[0])
    named = {part.strip() for part in models}
    assert set(load_catalogue()) <= named
    shipped = {str(path.relative_to(ROOT)) for path in (ROOT / "harry").rglob("*.wav")}
    assert shipped
    assert all(f"`{path}`" in TEXT for path in shipped)


def test_the_voice_whose_origin_is_clear_stands_first_among_the_voices() -> None:
    voices = [name for name, model in load_catalogue().items() if model.role == "text_to_speech"]
    assert voices[0] == "ljspeech"
    assert load_catalogue()["ljspeech"].licence == "public domain"


def test_nobody_speaks_in_the_demonstrations_recordings(tmp_path: Path) -> None:
    """They are what flite makes of the words, to the byte."""
    for name, words in (
        ("question", "Would you tell me a story about a lighthouse?"),
        ("interruption", "Wait, what happened to the keeper of the lighthouse?"),
    ):
        made = tmp_path / f"{name}.wav"
        try:
            subprocess.run(["flite", "-voice", "slt", "-t", words, "-o", str(made)], check=True, timeout=60)
        except FileNotFoundError:
            pytest.skip("flite is not installed")
        with wave.open(str(made)) as here, wave.open(str(ROOT / "harry" / "demo" / f"{name}.wav")) as shipped:
            assert here.readframes(10**7) == shipped.readframes(10**7)
