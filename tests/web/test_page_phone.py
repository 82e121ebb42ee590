"""The page in a browser as a phone has it: by HTTPS, with the screen kept on, and notifications while it is hidden."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.chromium import spoken, visiting
from tests.support.realtime_clients import harry

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""

SCREEN = """(refused) => {
  window.asked = 0;
  const request = async () => {
    asked += 1;
    if (refused) throw new DOMException("battery", "NotAllowedError");
    return (window.screenLock = { released: false, release: async () => (screenLock.released = true) });
  };
  Object.defineProperty(navigator, "wakeLock", { value: { request }, configurable: true });
}"""

NOTIFIED = """() => {
  window.notified = [];
  window.Notification = class {
    static permission = "granted";
    constructor(_, { body }) { notified.push(body); }
  };
}"""

ON_A_PHONE = """() => {
  window.Notification = class {
    static permission = "granted";
    constructor() { throw new TypeError("Illegal constructor"); }
  };
}"""


SHOWN = """async () => {
  for (;;) {
    const worker = await navigator.serviceWorker.getRegistration("page/");
    const shown = (await worker?.getNotifications()) ?? [];
    if (shown.length) return shown.map(({ body }) => body);
    await new Promise((done) => setTimeout(done, 20));
  }
}"""
"""What the worker of notifications shows, as soon as it shows something."""


def ready(page: Page) -> None:
    page.wait_for_selector("[data-state=listening]")


def write(page: Page, text: str) -> None:
    page.fill("#words", text)
    page.press("#words", "Enter")


def until(page: Page, condition: str) -> None:
    """Wait for something that no selector tells."""
    page.evaluate(f"async () => {{ while (!({condition})) await new Promise((done) => setTimeout(done, 20)); }}")


def answered(page: Page, times: int) -> None:
    page.wait_for_selector(f".harry .time >> nth={times - 1}")


async def test_the_screen_stays_on_while_the_microphone_is_open_also_after_the_page_was_hidden(tmp_path: Path) -> None:
    def visit(page: Page) -> None:
        ready(page)
        page.evaluate(SCREEN, False)
        assert page.evaluate("asked") == 0
        page.click("#button")
        until(page, "asked === 1")
        page.evaluate("screenLock.released = true")  # so the browser does when the page is hidden
        page.evaluate(HIDE, True)
        assert page.evaluate("asked") == 1
        page.evaluate(HIDE, False)
        until(page, "asked === 2")
        page.click("#button")
        page.wait_for_selector("[data-microphone=shut]")
        until(page, "screenLock.released")
        page.evaluate(HIDE, False)
        assert page.evaluate("asked") == 2

    async with harry(replies=["Yes."]) as door:
        await visiting(door, visit, microphone=spoken(tmp_path / "mic.wav", 60.0))


@pytest.mark.parametrize("missing", ["null", "undefined"])
async def test_a_browser_that_cannot_or_will_not_keep_the_screen_on_is_no_trouble(tmp_path: Path, missing: str) -> None:
    def visit(page: Page) -> None:
        ready(page)
        if missing == "null":
            page.evaluate(SCREEN, True)
        else:
            page.evaluate("Object.defineProperty(navigator, 'wakeLock', { value: undefined })")
        page.click("#button")
        page.wait_for_selector("[data-microphone=open]")
        page.click("#button")
        page.wait_for_selector("[data-microphone=shut]")
        assert page.locator("#notices p").count() == 0

    async with harry(replies=["Yes."]) as door:
        await visiting(door, visit, microphone=spoken(tmp_path / "mic.wav", 60.0))


async def test_what_he_says_is_a_notification_where_the_page_is_hidden_and_only_there(tmp_path: Path) -> None:
    def visit(page: Page) -> None:
        ready(page)
        page.evaluate(NOTIFIED)
        write(page, "One?")
        answered(page, 1)
        assert page.evaluate("notified") == []
        page.evaluate(HIDE, True)
        write(page, "Two?")
        until(page, "notified.length === 1")
        assert page.evaluate("notified") == ["The kettle is on."]
        answered(page, 2)
        page.click("#button")  # who talks to him hears him
        page.wait_for_selector("[data-microphone=open]")
        write(page, "Three?")
        answered(page, 3)
        assert page.evaluate("notified.length") == 1

    async with harry(replies=["The kettle is on."]) as door:
        await visiting(door, visit, microphone=spoken(tmp_path / "mic.wav", 60.0))


async def test_nothing_is_notified_before_somebody_has_allowed_it() -> None:
    def visit(page: Page) -> None:
        ready(page)
        page.evaluate(NOTIFIED)
        page.evaluate("Notification.permission = 'default'")
        page.evaluate(HIDE, True)
        write(page, "Hello?")
        answered(page, 1)
        assert page.evaluate("notified") == []

    async with harry(replies=["The kettle is on."]) as door:
        await visiting(door, visit)


async def test_where_a_page_may_not_notify_by_itself_its_worker_does() -> None:
    def visit(page: Page) -> list[Any]:
        ready(page)
        page.evaluate(ON_A_PHONE)
        page.evaluate(HIDE, True)
        write(page, "Hello?")
        return list(page.evaluate(SHOWN))

    async with harry(replies=["The kettle is on."]) as door:
        assert await visiting(door, visit, permissions=["notifications"]) == ["The kettle is on."]


async def test_a_phone_converses_by_https_with_its_microphone_open(tmp_path: Path) -> None:
    microphone = spoken(tmp_path / "mic.wav", 1.0, "question", 30.0)

    def visit(page: Page) -> None:
        ready(page)
        assert page.url.startswith("https://")
        assert page.evaluate("isSecureContext")
        page.click("#button")
        page.wait_for_selector("[data-microphone=open]")
        write(page, "Hello?")
        answered(page, 1)

    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    async with harry(replies=["Yes."], folder=tmp_path, phone_port=port) as door:
        way = await door.front.phone.way_in("owner")
        address = f"https://127.0.0.1:{port}/enter{way.page.partition('/enter')[2]}"
        await visiting(door, visit, microphone=microphone, address=address, ignore_https_errors=True)
