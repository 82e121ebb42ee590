"""A real Chromium, headless, whose microphone is a WAV file: it is driven from a thread, in real time."""

from __future__ import annotations

import asyncio
import os
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np
import pytest
import trio
from playwright.sync_api import Page, sync_playwright

from channels.messages import EAR_RATE
from tests.support.loopback_server import Away
from tests.support.paths import ROOT
from tests.support.recorded_speech import ON_CI

T = TypeVar("T")

CHROMIUM = Path("/usr/bin/chromium")
DEMO = ROOT / "harry" / "demo"

WITHIN = 20_000
"""Milliseconds that anything on the page may take to appear."""


def spoken(path: Path, *parts: float | str) -> Path:
    """Write a microphone's WAV: numbers are seconds of silence, names the recordings of the demonstration."""
    sound = []
    for part in parts:
        if isinstance(part, str):
            with wave.open(str(DEMO / f"{part}.wav")) as file:
                assert (file.getframerate(), file.getnchannels()) == (EAR_RATE, 1)
                sound.append(np.frombuffer(file.readframes(file.getnframes()), "<i2"))
        else:
            sound.append(np.zeros(round(part * EAR_RATE), "<i2"))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, EAR_RATE, 0, "NONE", ""))
        file.writeframes(np.concatenate(sound).tobytes())
    return path


@contextmanager
def chromium(microphone: Path | None = None, *, blocked: bool = False) -> Iterator[Any]:
    """Give the browser. Without a WAV file its microphone beeps; `blocked`: nobody allows it."""
    if not CHROMIUM.exists() and not ON_CI:
        pytest.skip("Chromium is not installed (make system-packages)")
    arguments = ["--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage", "--mute-audio"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    if not blocked:
        arguments += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    if microphone is not None:
        arguments.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    # trio-asyncio puts loops of its own in the place of asyncio's, under which Playwright's greenlets do not run.
    with patch("asyncio.new_event_loop", asyncio.SelectorEventLoop), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


async def visiting(
    door: Away,
    visit: Callable[[Page], T],
    *,
    microphone: Path | None = None,
    blocked: bool = False,
    address: str = "",
    **context: Any,
) -> T:
    """Open the page by the one-time address, and `visit` it. Whatever a script of the page throws fails the test."""
    address = address or await door.front.way_in()

    def drive() -> T:
        with chromium(microphone, blocked=blocked) as browser:
            page = browser.new_context(**context).new_page()
            page.set_default_timeout(WITHIN)
            broken: list[str] = []
            page.on("pageerror", lambda error: broken.append(str(error)))
            page.on("console", lambda told: broken.append(told.text) if "Content Security" in told.text else None)
            page.goto(address)
            seen = visit(page)
            assert not broken, broken
            return seen

    return await trio.to_thread.run_sync(drive)
