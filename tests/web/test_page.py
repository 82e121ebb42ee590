"""The page in a real browser: what is said, heard, interrupted and shown."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from harry.engines import registry
from harry.web.page import assets
from tests.support.chromium import spoken, visiting
from tests.support.realtime_clients import harry

LONG = " ".join(f"word{first}{second}" for first in "abcd" for second in "abcdefghij") + "."

WINDOWS = {"narrow": {"width": 390, "height": 844}, "wide": {"width": 1280, "height": 800}}

TAP = """() => {
  window.played = [];
  harry.loudspeaker.tap = (data) => window.played.push(data.flushed != null ? "flush" : [data.item, ...data.tap]);
}"""
"""Notes each block that the audio thread plays and each flush, in their order."""


def ready(page):
    page.wait_for_selector("[data-state=listening]")


def write(page, text):
    page.fill("#words", text)
    page.keyboard.press("Enter")


async def test_what_is_written_is_answered_aloud_and_shown_as_it_was_heard():
    def visit(page):
        page.evaluate(TAP)
        ready(page)
        write(page, "Hello?")
        page.wait_for_selector("[data-state=speaking]")
        page.wait_for_selector(".harry p:not(.unheard):has-text('Two and three.')")
        assert page.inner_text(".you p") == "Hello?"
        assert page.locator(".harry del").count() == 0
        played = [block for block in page.evaluate("played") if block != "flush"]
        assert len({block[0] for block in played}) == 1
        assert any(abs(sample) > 0.01 for block in played for sample in block[1:])

    async with harry(replies=["Two and three."]) as door:
        await visiting(door, visit)


async def test_a_spoken_interruption_silences_the_page_and_strikes_out_what_was_not_heard(tmp_path):
    microphone = spoken(tmp_path / "mic.wav", 1.0, "question", 5.0, "interruption", 30.0)

    def visit(page):
        page.evaluate(TAP)
        ready(page)
        page.click("#button")
        page.wait_for_selector("[data-microphone=open]")
        page.wait_for_selector("[data-state=speaking]")
        page.wait_for_selector(".harry del")
        page.wait_for_selector(".harry >> nth=1")
        struck = page.locator(".harry").first
        heard = struck.locator("p").first.evaluate("(p) => p.firstChild.data").split()
        unheard = struck.locator("del").inner_text().split()
        assert (heard + unheard) == LONG.split()[: len(heard) + len(unheard)]
        assert heard
        assert unheard
        return page.evaluate("played.map((block) => (block === 'flush' ? block : block[0]))")

    said = ["Tell me a long story and", "But what happened to the keeper and"]  # pauses within do not end it
    async with harry(
        replies=[LONG, LONG], heard=said, senses=registry.load_engine("voice_activity", "silero", {})
    ) as door:
        played = await visiting(door, visit, microphone=microphone)
    first = played[0]
    assert first != "flush"
    last_flush = max(at for at, block in enumerate(played) if block == "flush" and first in played[:at])
    assert first not in played[last_flush:], "no sample of a turn that was flushed for good"


async def test_escape_stops_him_and_a_written_line_takes_the_floor():
    def visit(page):
        ready(page)
        write(page, "Talk.")
        page.wait_for_selector("[data-state=speaking]")
        page.keyboard.press("Escape")
        page.wait_for_selector(".harry del")
        page.wait_for_selector("[data-state=listening]")
        write(page, "Again.")
        page.wait_for_selector("[data-state=speaking]")
        write(page, "And something else.")
        page.wait_for_selector(".harry del >> nth=1")

    async with harry(replies=[LONG]) as door:
        await visiting(door, visit)


async def test_holding_the_button_talks_and_letting_go_ends_the_utterance(tmp_path):
    microphone = spoken(tmp_path / "mic.wav", 0.2, "question", 30.0)

    def visit(page):
        ready(page)
        page.hover("#button")
        page.mouse.down()
        page.wait_for_selector("[data-state=hearing]")
        page.mouse.up()
        page.wait_for_selector("[data-microphone=shut]")
        page.wait_for_selector(".you p:has-text('Is the kettle on?')")
        page.wait_for_selector(".harry p:not(.unheard)")

    silero = registry.load_engine("voice_activity", "silero", {})
    async with harry(replies=["Yes."], heard=["Is the kettle on?"], senses=silero) as door:
        await visiting(door, visit, microphone=microphone)


async def test_the_keyboard_alone_is_enough():
    def visit(page):
        ready(page)
        page.focus("#log")
        page.keyboard.press("Space")
        page.wait_for_selector("#button:has-text('Mute')")
        page.keyboard.press("Space")
        page.wait_for_selector("#button:has-text('Open the microphone')")
        page.focus("#tab-history")
        page.keyboard.press("ArrowRight")
        assert page.locator("#memories").is_visible()
        page.keyboard.press("End")
        assert page.locator("#settings").is_visible()
        assert page.evaluate("document.activeElement.id") == "tab-settings"

    async with harry() as door:
        await visiting(door, visit)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_axe_finds_no_violation_in_any_view(window, colours):
    def visit(page):
        ready(page)
        write(page, "Talk.")
        page.wait_for_selector("[data-state=speaking]")
        page.keyboard.press("Escape")
        page.wait_for_selector(".harry del")
        found = []
        for tab in ("talk", "history", "memories", "thoughts", "status", "settings"):
            if page.locator(f"#tab-{tab}").is_visible():
                page.click(f"#tab-{tab}")
                page.wait_for_timeout(50)
            violations = Axe().run(page).response["violations"]
            found += [(tab, each["id"], [node["html"][:160] for node in each["nodes"]]) for each in violations]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{tab} is too wide"
        return found

    async with harry(replies=[LONG]) as door:
        found = await visiting(door, visit, viewport=WINDOWS[window], color_scheme=colours, reduced_motion="reduce")
    assert not found, found


async def test_a_blocked_microphone_is_said_and_writing_still_works():
    def visit(page):
        ready(page)
        page.click("#button")
        page.wait_for_selector("#notices :text-matches('microphone')")
        told = page.inner_text("#notices")
        assert re.search("blocked the microphone|There is no microphone", told)
        assert "You can write meanwhile." in told
        write(page, "Hello?")
        page.wait_for_selector(".harry p:not(.unheard)")

    async with harry(replies=["Yes."]) as door:
        await visiting(door, visit, blocked=True, permissions=[])


async def test_a_lost_connection_is_said_and_taken_up_again():
    def visit(page):
        ready(page)
        word = page.evaluate("harry.link.word")
        page.context.set_offline(True)
        page.evaluate("harry.link.socket.close(4000)")
        page.wait_for_selector("[data-state=lost]")
        assert "lost" in page.inner_text("#notices")
        write(page, "Are you there?")
        assert page.locator(".you").count() == 0, "what was not sent is not shown as said"
        page.context.set_offline(False)
        ready(page)
        assert page.inner_text("#notices") == ""
        write(page, "Hello?")
        page.wait_for_selector(".harry p:not(.unheard)")
        return word

    async with harry(replies=["Yes."]) as door:
        assert await visiting(door, visit)


async def test_a_browser_that_is_not_let_in_is_told_what_to_do():
    def visit(page):
        page.context.clear_cookies()
        page.goto(page.url)
        assert page.locator("code").all_inner_texts() == ["harry token page"]
        assert "`" not in page.inner_text("body")
        assert page.evaluate("getComputedStyle(document.querySelector('main')).borderRadius") != "0px"

    async with harry() as door:
        await visiting(door, visit)


async def test_the_first_paint_is_quick_and_the_page_small():
    def visit(page):
        ready(page)
        return page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")

    async with harry() as door:
        painted = await visiting(door, visit)
    assert painted < 5000, "milliseconds; a second on a machine that does nothing else"
    assert sum(len(each.body) for name, each in assets().items() if name.endswith((".js", ".css"))) <= 105_000


async def test_files_are_sent_again_only_when_they_changed():
    async with harry() as door:
        first = await door.ask("GET", "/page/style.css")
        assert (first.status, first.header("content-type")) == (200, "text/css; charset=utf-8")
        again = await door.ask("GET", "/page/style.css", headers={"If-None-Match": first.header("etag")})
        assert (again.status, again.body) == (304, b"")
        assert (await door.ask("GET", "/page/style.css", token="")).status == 401
        assert (await door.ask("GET", "/page/..%2f__init__.py")).status == 404
