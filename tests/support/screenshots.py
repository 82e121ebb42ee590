"""`python -m tests.support.screenshots` takes the pictures of the page for the docs: narrow, wide, light, dark."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import trio
from playwright.sync_api import Page

from channels.messages import Thought
from channels.turn import new_id
from harry.config.loading import Config
from harry.memory.store.items import Item
from harry.memory.store.opening import NAMESPACE, open_store
from tests.support.chromium import visiting
from tests.support.paths import ROOT
from tests.support.realtime_clients import harry
from tests.web.test_page import WINDOWS

IMAGES = ROOT / "docs" / "images"

REPLIES = [
    "You wanted to bake the plum cake that Anna likes. Last time it stayed wet in the middle, so give it longer.",
    "It is the one at the end of the pier. The keeper's daughter lives there, and on Sundays she shows people around.",
    "She opens at two, and the last boat goes back at half past five.",
]
ASKED = ["What did I want to bake on Sunday?", "Tell me about the old lighthouse.", "When does she open on Sundays?"]
THOUGHTS = [
    "A grey morning. Yesterday ended with the plum cake; I should ask how it went.",
    "She sounds tired today. Short answers, then.",
    "The lighthouse comes back again and again. I would like to know why.",
]


async def _fill(door, store) -> None:
    month = 86_400 * 21.0
    now = time.time()
    texts = [
        ("I want to bake the plum cake that Anna likes, on Sunday.", month),
        ("Last time the plum cake was still wet in the middle.", month + 60),
        ("Anna moved to the house by the pier in spring.", 3 * month),
    ]
    items = [Item(new_id(), text, "owner", "memory", "owner", now - ago, source="told") for text, ago in texts]
    await door.host.memory.memory.upsert(items)
    door.host.memory.memory.notice()
    times = [now - 9000 + 3000 * at for at in range(len(THOUGHTS))]
    thoughts = zip(THOUGHTS, times, strict=True)
    await store.write([Thought(new_id(), "owner", "s", NAMESPACE, "Harry", at, text) for text, at in thoughts])


def _talk(page: Page) -> None:
    page.wait_for_selector("[data-state=listening]")
    for number, words in enumerate(ASKED):
        page.fill("#words", words)
        page.keyboard.press("Enter")
        page.wait_for_selector(f".harry >> nth={number}")
        if number == 1:
            page.wait_for_selector("[data-state=speaking]")
            page.wait_for_timeout(4500)
            page.keyboard.press("Escape")
        elif number == 0:
            page.wait_for_selector(".harry p:not(.unheard) >> nth=0", timeout=30_000)
    page.wait_for_selector("[data-state=speaking]")
    page.wait_for_timeout(700)


async def _take(window: str, colours: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Config()
        config._data_folder = Path(folder)
        store = await open_store(config)
        async with harry(replies=REPLIES, folder=Path(folder), store=store) as door:
            await _fill(door, store)

            def visit(page: Page) -> None:
                _talk(page)
                if window == "wide":
                    page.click("#tab-history" if colours == "dark" else "#tab-status")
                page.wait_for_timeout(300)
                page.screenshot(path=str(IMAGES / f"page-{window}-{colours}.png"))

            await visiting(door, visit, viewport=WINDOWS[window], color_scheme=colours, device_scale_factor=1)
        await store.aclose()


async def main() -> None:
    for window in WINDOWS:
        for colours in ("light", "dark"):
            await _take(window, colours)


if __name__ == "__main__":
    trio.run(main)
