"""The page day by day, in a real browser: the room beside it, mute and stop, timers, history, settings, forgetting."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from channels.messages import Source, TurnRecord
from harry.config.loading import load_config
from harry.host import startup
from harry.host.engine_loading import Candidate, Chain
from harry.memory.store.database import Database
from harry.mind.absent import Absent
from harry.models import fetching
from harry.services import model_offer
from tests.support.chromium import visiting
from tests.support.page_room import room
from tests.support.realtime_clients import harry

LONG = " ".join(f"word{number}" for number in range(40)) + "."


def ready(page):
    page.wait_for_selector("[data-state=listening]")


def write(page, text):
    page.fill("#words", text)
    page.keyboard.press("Enter")


async def test_two_windows_see_the_room_and_mute_unmute_and_stop_it():
    async with room(replies=[LONG], heard=["Is anybody in the room?"]) as here:
        second = await here.door.front.way_in()

        def visit(page):
            other = page.context.new_page()
            other.goto(second)
            for each in (page, other):
                ready(each)
                each.wait_for_selector("#place:visible")
            trio.from_thread.run(lambda: here.say(1.2, then_quiet=1.5))
            for each in (page, other):
                each.wait_for_selector(".you:has-text('Is anybody in the room?'):has-text('· in the room')")
                each.wait_for_selector(".harry:has-text('word0'):has-text('in the room')")
            page.check("#place [value=room]", force=True)
            page.wait_for_selector("[data-place=room][data-state=speaking]")
            page.click("#stop")
            for each in (page, other):
                each.wait_for_selector(".harry del")
            page.wait_for_selector("[data-state=listening][data-microphone=open]")
            page.click("#button:has-text('Mute the room')")
            page.wait_for_selector("[data-state=muted]")
            assert here.session.speech_input.recorder.muted
            other.check("#place [value=room]", force=True)
            other.wait_for_selector("[data-state=muted]")
            assert other.inner_text("#state") == "Muted"
            write(other, "/unmute")
            for each in (page, other):
                each.wait_for_selector("[data-state=listening][data-microphone=open]")
            assert not here.session.speech_input.recorder.muted
            write(page, "And what is written here?")
            for each in (page, other):
                each.wait_for_selector(".you:has-text('And what is written here?')")
                assert each.locator(".you:has-text('And what is written here?')").count() == 1
            assert other.locator(".you:has-text('/unmute')").count() == 0

        await visiting(here.door, visit)


async def test_muted_and_off_the_record_are_shown_and_taken_back_by_words_and_by_buttons():
    async with harry(replies=["Yes."]) as door:

        def visit(page):
            ready(page)
            for words, undo in (
                ("Mute yourself.", lambda: page.click("#button:has-text('Unmute')")),
                ("/mute", lambda: write(page, "unmute")),
            ):
                write(page, words)
                page.wait_for_selector("[data-state=muted]")
                assert page.inner_text("#state") == "Muted"
                assert "hears nothing" in page.inner_text("#button-hint")
                undo()
                page.wait_for_selector("[data-state=listening]")
            write(page, "Off the record.")
            page.wait_for_selector("#off:visible")
            page.click("#record:has-text('Back on the record')")
            page.wait_for_selector("#off", state="hidden")
            page.click("#record:has-text('Go off the record')")
            page.wait_for_selector("#off:visible")
            write(page, "/quit")
            page.wait_for_selector(".mark:has-text('There are /mute')")
            said = page.locator(".you").all_inner_texts()
            assert not any(each.startswith(("/", "unmute")) for each in said)

        await visiting(door, visit)


async def test_a_first_visit_shows_what_to_say_and_a_second_what_was_said(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HARRY_HOME", str(tmp_path))
    store = await Database.open(tmp_path / "harry.sqlite3")
    async with harry(replies=["Yes, the lighthouse."], folder=tmp_path, store=store) as door:

        def visit(page):
            ready(page)
            page.click(".chip:has-text('What time is it?')")
            page.wait_for_selector(".you:has-text('What time is it?')")
            page.wait_for_selector(".harry p:not(.unheard)")
            write(page, "Remember that my sister comes on Friday.")
            page.wait_for_selector(".harry >> nth=1")
            page.click("#tab-memories")
            page.wait_for_selector("#memories .cards:has-text('my sister comes on Friday')")
            write(page, "Is there a lighthouse?")
            page.wait_for_selector(".harry:has-text('Yes, the lighthouse.') .time")
            assert "answered in" in page.inner_text(".harry:has-text('Yes, the lighthouse.') .time")
            page.reload()
            ready(page)
            page.wait_for_selector("#log .day:has-text('Today')")
            assert page.locator("#log .you").count() == 3
            page.click("#tab-history")
            page.fill("#history input", "lighthouse")
            page.keyboard.press("Enter")
            expect(page.locator("#history .cards > li:not(.day)")).to_have_count(1)
            assert page.locator("#history .bars li").count() >= 1
            assert page.get_attribute("#history a", "href") == "api/history.md?query=lighthouse"
            page.click("#tab-settings")
            page.fill("#set-turn-attention_window", "12")
            page.keyboard.press("Enter")
            page.wait_for_selector("#settings:has-text('Saved; it holds now.')")
            assert str(tmp_path / "harry.toml") in page.inner_text("#settings")
            page.click("#tab-memories")
            page.click("#memories summary")
            assert page.is_disabled("#memories .button.danger")
            page.fill("#sure", "forget everything")
            page.keyboard.press("Enter")
            page.wait_for_selector("#memories :text('Everything is forgotten.')")
            page.wait_for_selector(".welcome")
            assert page.locator("#log .you").count() == 0

        await visiting(door, visit, viewport={"width": 1280, "height": 800})
    assert load_config(tmp_path / "harry.toml").turn.attention_window == 12.0
    assert await store.history("owner", limit=10) == []
    await store.aclose()


TIMER = {
    "id": "T", "kind": "timer", "name": "pasta", "text": "", "left": 90.0, "length": 540.0, "paused": False,
    "ringing": False, "days": "", "words": "Your pasta timer is up.",
}  # fmt: skip


async def test_a_timer_is_shown_rings_with_a_notification_and_is_stopped():
    held: list[dict[str, Any]] = [{**TIMER, "due": datetime.fromtimestamp(time.time() + 90, UTC).isoformat()}]
    asked: list[tuple[str, str]] = []

    def reminders(route):
        asked.append((route.request.method, route.request.url.partition("/api/")[2]))
        if route.request.method != "GET":
            held.clear()
        route.fulfill(json={"reminders": held, "deleted": 1})

    async with harry(replies=["Yes."]) as door:

        def visit(page):
            ready(page)
            page.evaluate("""() => {
              window.notified = [];
              window.Notification = class {
                static permission = "granted";
                constructor(_, { body }) { notified.push(body); }
              };
            }""")
            page.route("**/api/reminders**", reminders)
            tell = "(event) => harry.link.on(event)"
            page.evaluate(tell, {**TIMER, "type": "harry.reminder", "state": "set", "here": True})
            page.wait_for_selector("#timers:has-text('pasta')")
            assert page.inner_text("#timers time").startswith("1:")
            ringing = {**TIMER, "event": "reminder", "state": "ringing", "here": False, "turn": None}
            for _ in range(2):  # it is told in each of the user's conversations
                page.evaluate(tell, {"type": "harry.elsewhere", "session": "s", "place": "room", "event": ringing})
            page.wait_for_selector("#notices:has-text('Your pasta timer is up.')")
            assert page.evaluate("notified") == ["Your pasta timer is up."]
            page.click("#notices :text('Stop')")
            page.wait_for_selector("#notices p", state="detached")
            page.wait_for_selector("#timers", state="hidden")
            assert ("POST", "reminders/T/stop") in asked

        await visiting(door, visit)


async def test_the_list_follows_one_s_own_words_and_says_when_others_come_below():
    async with harry(replies=["Yes."]) as door:

        def visit(page):
            ready(page)
            tell = "(event) => harry.link.on(event)"
            for number in range(30):
                said = {"type": "harry.transcript", "utterance": f"u{number}", "text": f"line {number}"}
                page.evaluate(tell, {**said, "partial": False, "meant": True})
            at_end = """() => {
              const log = document.getElementById("log");
              return log.scrollHeight - log.scrollTop - log.clientHeight < 2;
            }"""
            assert page.evaluate(at_end)
            page.evaluate("document.getElementById('log').scrollTop = 0")
            page.wait_for_timeout(100)
            page.evaluate(tell, {**said, "utterance": "more", "partial": False, "meant": True})
            page.click("#newer")
            assert page.evaluate(at_end)
            assert page.is_hidden("#newer")
            page.evaluate("document.getElementById('log').scrollTop = 0")
            write(page, "Mine.")
            page.wait_for_selector(".you:has-text('Mine.')")
            assert page.evaluate(at_end)
            # An utterance that goes on takes the place of its first half, and of the answer that nobody heard.
            page.evaluate(tell, {**said, "utterance": "a", "text": "Wait, what", "partial": False, "meant": True})
            page.evaluate(tell, {"type": "response.created", "response": {"id": "r"}})
            delta = {"type": "response.output_audio_transcript.delta", "response_id": "r", "delta": "Nothing heard."}
            page.evaluate(tell, delta)
            page.evaluate(tell, {**said, "utterance": "b", "text": "happened?", "partial": False, "meant": True})
            whole = {"utterance": "b", "text": "Wait, what happened?", "partial": False, "meant": True, "amends": "a"}
            page.evaluate(tell, {"type": "harry.transcript", **whole})
            assert page.locator(".you:has-text('Wait, what')").count() == 1
            assert page.locator(".harry:has-text('Nothing heard.')").count() == 0

        await visiting(door, visit)


async def test_at_no_width_is_anything_cut_or_under_a_notice():
    async with room(replies=["Yes."]) as here:

        def visit(page):
            ready(page)
            page.wait_for_selector("#place:visible")
            page.evaluate("(event) => harry.link.on(event)", {"type": "harry.notice", "message": "A trouble. " * 9})
            page.evaluate("(event) => harry.link.on(event)", {"type": "harry.off_the_record", "off": True})
            page.wait_for_selector("#notices p")
            for width in (320, 390, 768, 1280, 1920):
                page.set_viewport_size({"width": width, "height": 700})
                over = page.locator("#notices").bounding_box()
                for tab in page.locator("[role=tab]:visible").all():
                    box = tab.bounding_box()
                    assert box["x"] >= 0
                    assert box["x"] + box["width"] <= width
                    assert tab.evaluate("(each) => each.scrollWidth <= each.clientWidth")
                    assert box["y"] >= over["y"] + over["height"] or box["y"] + box["height"] <= over["y"]
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                place = page.locator("#place").bounding_box()
                assert place["x"] + place["width"] <= width
            return Axe().run(page).response["violations"]

        found = await visiting(here.door, visit, reduced_motion="reduce")
    assert not found, [(each["id"], [node["html"][:160] for node in each["nodes"]]) for each in found]


async def test_a_mind_is_offered_fetched_with_its_progress_and_told_to_be_there(
    tmp_path: Path, monkeypatch: Any
) -> None:
    nothing = Chain("language_model", (Candidate("gguf", {}, "", lambda: None), Candidate("none")))
    goes_on = trio.Event()

    async def chains(config: object) -> list[Chain]:
        await trio.lowlevel.checkpoint()
        return [nothing]

    async def pull(model: Any, folder: Path, progress: Any) -> None:
        progress("m.gguf", model.size // 2, model.size)
        await goes_on.wait()

    monkeypatch.setattr(model_offer, "_fits", lambda folder, model: True)
    monkeypatch.setattr(model_offer, "has_default_route", lambda: True)
    monkeypatch.setattr(startup, "chains", chains)
    monkeypatch.setattr(fetching, "pull", pull)
    token = trio.lowlevel.current_trio_token()

    def visit(page):
        ready(page)
        page.click("#notices >> text=Fetch it")
        page.wait_for_selector("#notices:has-text('50 % of 1.1 GB')")
        token.run_sync_soon(goes_on.set)
        page.wait_for_selector("#notices:has-text('is here')")

    async with harry(mind=Absent("none"), folder=tmp_path) as door:
        await visiting(door, visit)


async def test_a_day_is_deleted_after_a_question_and_what_is_gone_is_told(tmp_path: Path) -> None:
    store = await Database.open(tmp_path / "harry.sqlite3")
    noon = time.mktime((2026, 3, 4, 12, 0, 0, 0, 0, -1))
    turns = [
        TurnRecord(
            turn=f"owner-{n}", user="owner", session="s", namespace="harry", source=Source.TYPED, started_at=at,
            ended_at=at + 1, said=said, spoken="Yes.", heard="Yes.", interrupted=False, reason="finished", amends=None,
        )
        for n, (at, said) in enumerate(((noon, "Is it raining?"), (noon + 86_400, "Is it dry?")))
    ]  # fmt: skip
    await store.write(turns)

    def visit(page):
        ready(page)
        page.click("#tab-history")
        page.select_option("#history select", value="2026-03-04")
        page.click("#history >> text=Delete this day")
        page.click("#history >> text=Keep it")
        assert page.locator("#history >> text=Is it raining?").count() == 1
        page.click("#history >> text=Delete this day")
        page.click("#history >> text=Delete it for good")
        page.wait_for_selector("#history [role=status]:has-text('1 turn')")
        expect(page.locator("#history h4")).to_have_text(["Is it dry?"])

    async with harry(folder=tmp_path, store=store) as door:
        await visiting(door, visit)
    await store.aclose()
