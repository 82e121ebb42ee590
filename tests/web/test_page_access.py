"""The page on a phone, by keyboard, with a screen reader, enlarged, and in high contrast."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from harry.memory.store.database import Database
from tests.support.chromium import spoken, visiting
from tests.support.page_room import room
from tests.support.realtime_clients import harry

LONG = " ".join(f"word{number}" for number in range(60)) + "."

VIEWS = ("talk", "history", "memories", "thoughts", "status", "settings")

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}

TELL = "(event) => harry.link.on(event)"

LISTEN = """() => {
  // What a screen reader would say: each thing that comes into a live region which is not switched off.
  window.announced = [];
  const live = (node) => node.parentElement?.closest("[aria-live], [role=status], [role=alert], [role=log]");
  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      for (const node of type === "childList" ? addedNodes : [target]) {
        const region = live(node);
        if (region && region.ariaLive !== "off" && region.offsetParent !== null) announced.push(node.textContent);
      }
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""

FOCUS = "document.activeElement === document.body ? 'lost' : document.activeElement.id || 'somewhere'"


def ready(page: Page) -> None:
    page.wait_for_selector("[data-state=listening]")


def write(page: Page, text: str) -> None:
    page.fill("#words", text)
    page.press("#words", "Enter")


def box_of(page: Page, selector: str) -> Any:
    return page.locator(selector).bounding_box()


async def test_a_reply_is_announced_once_and_whole_and_what_is_said_has_its_speaker() -> None:
    def visit(page: Page) -> None:
        ready(page)
        page.evaluate(LISTEN)
        write(page, "Hello?")
        page.wait_for_selector("#announced:has-text('four.')", state="attached")
        write(page, "/mute")
        page.wait_for_selector("#announced:has-text('Muted.')", state="attached")
        assert page.evaluate("announced[0]") == "Harry: One and two and three and four."
        assert page.evaluate("announced.filter((each) => each.includes('three')).length") == 1
        told = page.locator("#log").aria_snapshot()
        assert "You:" in told
        assert "Harry:" in told

    async with harry(replies=["One and two and three and four."]) as door:
        await visiting(door, visit)


async def test_with_the_microphone_open_no_reply_is_announced_for_he_would_hear_it(tmp_path: Path) -> None:
    silence = spoken(tmp_path / "mic.wav", 60.0)

    def visit(page: Page) -> None:
        ready(page)
        page.evaluate(LISTEN)
        page.evaluate("document.getElementById('button').click()")  # as a screen reader presses it
        page.wait_for_selector("[data-microphone=open]")
        write(page, "Hello?")
        page.wait_for_selector(".harry .time")
        assert page.evaluate("announced") == []
        page.evaluate("document.getElementById('button').click()")
        page.wait_for_selector("[data-microphone=shut]")
        assert page.evaluate("announced[0]") == "The microphone is shut."

    async with harry(replies=["One and two."]) as door:
        await visiting(door, visit, microphone=silence)


async def test_the_focus_is_never_lost_when_what_had_it_goes(tmp_path: Path) -> None:
    due = datetime.fromtimestamp(time.time() + 90, UTC).isoformat()
    timer = {"id": "T", "kind": "timer", "name": "pasta", "text": "", "paused": False, "ringing": False, "due": due}
    store = await Database.open(tmp_path / "harry.sqlite3")

    def visit(page: Page) -> None:
        held: list[dict[str, Any]] = []

        def reminders(route: Any) -> None:
            if route.request.method != "GET":
                held.clear()
            route.fulfill(json={"reminders": held, "deleted": 1})

        def press(selector: str, gone: str = "") -> str:
            page.focus(selector)
            page.keyboard.press("Enter")
            page.wait_for_selector(gone or selector, state="hidden")
            return str(page.evaluate(FOCUS))

        ready(page)
        page.route("**/api/reminders**", reminders)
        write(page, "Talk.")
        page.wait_for_selector("[data-state=speaking]")
        assert press("#stop") == "log"
        page.evaluate(TELL, {"type": "harry.notice", "message": "A trouble."})
        assert press("#notices button") == "log"
        held[:] = [timer, {**timer, "id": "S", "name": "soup"}]
        page.evaluate(TELL, {**timer, "type": "harry.reminder", "state": "set", "here": True})
        page.focus("#timers button >> nth=1")
        page.evaluate(TELL, {**timer, "type": "harry.reminder", "state": "set", "here": True})
        page.wait_for_timeout(300)
        assert page.evaluate("document.activeElement.ariaLabel") == "Cancel: soup"
        page.click("#tab-status")
        assert press("#status dd button", "#status dd button") == "status"
        write(page, "Remember that the key is under the mat.")
        page.wait_for_selector(".harry >> nth=1")
        page.click("#tab-memories")
        page.focus("#memories .cards button")
        page.keyboard.press("Enter")
        assert press("#memories .cards button", "#memories .cards li") == "memories"

    async with harry(replies=[LONG], folder=tmp_path, store=store) as door:
        await visiting(door, visit, viewport={"width": 1280, "height": 800})
    await store.aclose()


async def test_the_space_bar_scrolls_a_view_and_opens_no_microphone() -> None:
    def visit(page: Page) -> None:
        ready(page)
        page.click("#tab-status")
        page.wait_for_selector("#status dl")
        page.focus("#status")
        page.evaluate(
            "document.getElementById('status').addEventListener('scroll', () => (document.title = 'scrolled'))"
        )
        page.keyboard.press("Space")
        expect(page).to_have_title("scrolled")
        assert page.get_attribute("body", "data-microphone") == "shut"

    async with harry() as door:
        await visiting(door, visit, viewport={"width": 360, "height": 300})


async def test_a_reply_of_which_nothing_sounded_is_struck_out_when_it_is_over() -> None:
    def visit(page: Page) -> None:
        ready(page)
        page.evaluate(TELL, {"type": "response.created", "response": {"id": "r"}})
        delta = {"type": "response.output_audio_transcript.delta", "response_id": "r", "delta": "Never heard."}
        page.evaluate(TELL, delta)
        page.wait_for_selector(".harry .unheard")
        page.evaluate(TELL, {"type": "harry.turn", "response_id": "r", "turn": "t", "timeline": {"committed": 1.0}})
        assert page.inner_text(".harry del") == "Never heard."
        assert page.locator(".harry .unheard").count() == 0

    async with harry() as door:
        await visiting(door, visit)


async def test_while_the_connection_is_lost_nothing_looks_as_if_he_heard() -> None:
    def visit(page: Page) -> None:
        ready(page)
        write(page, "Talk.")
        page.wait_for_selector("#stop:visible")
        page.evaluate("""() => {
          const { link } = harry;
          [link.on, link.send] = [() => {}, () => false];
          link.changed("lost", "The connection to Harry is lost.");
        }""")
        page.wait_for_selector("[data-state=lost]")
        assert page.is_hidden("#stop")
        assert "hears nothing" in page.inner_text("#button-hint")
        page.click("#notices button")
        page.click("#record")
        page.wait_for_selector("#notices:has-text('Nothing was sent')")

    async with harry(replies=[LONG]) as door:
        await visiting(door, visit)


@pytest.mark.parametrize(("width", "height"), [(740, 360), (390, 420), (360, 380), (320, 256)])
async def test_in_a_low_window_neither_the_conversation_nor_the_line_to_write_in_is_covered(
    width: int, height: int
) -> None:
    async with room(replies=["Yes."]) as here:

        def visit(page: Page) -> None:
            ready(page)
            page.wait_for_selector("#place:visible")
            write(page, "Hello?")
            page.wait_for_selector(".harry .time")
            page.evaluate(TELL, {"type": "harry.notice", "message": "Your pasta timer is up."})
            boxes = [box_of(page, each) for each in ("header", "#notices", "#log", "#desk", "nav")]
            for above, below in pairwise(boxes):
                assert above["y"] + above["height"] <= below["y"] + 1
            assert boxes[2]["height"] >= 60
            for each in ("#words", "#button", "#volume", "#record", "#tab-settings"):
                page.locator(each).scroll_into_view_if_needed()
                box = box_of(page, each)
                middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
                assert page.evaluate(
                    "([x, y, what]) => !!document.elementFromPoint(x, y)?.closest(what)", [*middle, each]
                )
            assert page.evaluate("document.documentElement.scrollWidth") <= width

        size = {"width": width, "height": height}
        await visiting(here.door, visit, viewport=size, screen=size, has_touch=True, is_mobile=True)


async def test_text_twice_as_large_is_nowhere_cut_off_at_the_side() -> None:
    async with room(replies=["Yes."]) as here:

        def visit(page: Page) -> None:
            ready(page)
            page.evaluate("document.documentElement.style.fontSize = '32px'")
            write(page, "Hello?")
            page.wait_for_selector(".harry .time")
            for view in VIEWS:
                page.click(f"#tab-{view}")
                page.wait_for_timeout(300)
                beyond = """[...document.querySelectorAll("body *")].filter((each) => each.offsetParent
                  && each.getBoundingClientRect().right > 361 && !each.closest("pre")).map((each) => each.outerHTML)"""
                assert page.evaluate(beyond) == [], view

        await visiting(here.door, visit, **PHONE)


async def test_on_a_phone_what_is_to_be_touched_is_large_enough() -> None:
    async with room(replies=["Yes."]) as here:

        def visit(page: Page) -> None:
            ready(page)
            write(page, "Hello?")
            page.wait_for_selector(".harry .time")
            page.evaluate(TELL, {"type": "harry.notice", "message": "A trouble."})
            small = """[...document.querySelectorAll("button, select, summary, a, #place span, [type=range]")]
              .filter((each) => each.offsetParent && !each.matches(".skip, .notes *"))
              .filter((each) => each.getBoundingClientRect().height < 43.5).map((each) => each.outerHTML)"""
            for view in VIEWS:
                page.click(f"#tab-{view}")
                page.wait_for_timeout(300)
                assert page.evaluate(small) == [], view

        await visiting(here.door, visit, **PHONE)


async def test_in_high_contrast_it_is_seen_whether_browser_or_room_is_chosen() -> None:
    async with room(replies=["Yes."]) as here:

        def visit(page: Page) -> None:
            ready(page)
            page.wait_for_selector("#place:visible")
            colours = (
                "[...document.querySelectorAll('#place span')].map((each) => getComputedStyle(each).backgroundColor)"
            )
            chosen, other = page.evaluate(colours)
            assert chosen != other

        await visiting(here.door, visit, forced_colors="active")
