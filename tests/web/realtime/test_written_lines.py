"""A line that is written while Harry speaks: it takes the floor on the page, and waits where the protocol says so."""

from __future__ import annotations

from typing import Any

from tests.support.realtime_clients import LONG, harry
from tests.web.realtime.test_resume import Line, line

STORY = " ".join([LONG] * 5)


async def _speaking(client: Line) -> None:
    await client.until("session.created")
    await client.say("Tell me a story.")
    await client.send("response.create")
    await client.until("response.output_audio.delta")


async def _write(client: Line, text: str) -> None:
    """Write without knowing that Harry answers something: nothing is cancelled before."""
    await client.say(text)
    await client.send("response.create")


async def _end(client: Line) -> tuple[str, str]:
    done = (await client.until("response.done"))["response"]
    return done["status"], (done["status_details"] or {}).get("reason", "")


async def test_a_line_on_the_page_takes_the_floor_from_an_answer_it_knew_nothing_of() -> None:
    async with harry(replies=[STORY, "An old man."]) as door, line(door, "&harry=1") as page:
        await _speaking(page)
        await _write(page, "And who is the keeper?")
        assert await _end(page) == ("cancelled", "turn_detected")
        assert (await page.until("harry.turn"))["reason"] == "superseded"  # History: it gave way to what came after
        assert (await page.until("response.output_audio_transcript.done"))["transcript"] == "An old man."


async def test_stop_on_the_page_silences_harry_and_is_not_answered() -> None:
    async with harry(replies=[STORY, "Never said.", "An old man."]) as door, line(door, "&harry=1") as page:
        await _speaking(page)
        await _write(page, "Stop.")
        assert await _end(page) == ("cancelled", "client_cancelled")
        assert (await page.until("harry.turn"))["reason"] == "stop"
        [session] = door.host.sessions.values()
        assert not session.conductor.busy


async def test_other_clients_are_told_of_the_response_and_their_line_waits_for_the_next() -> None:
    async with harry(replies=[STORY, "An old man."]) as door, line(door) as client:
        await _speaking(client)
        await _write(client, "And who is the keeper?")
        error: dict[str, Any] = (await client.until("error"))["error"]
        assert error["code"] == "conversation_already_has_active_response"
        await client.send("response.cancel")
        await client.until("response.done")
        await client.send("response.create")
        assert (await client.until("response.output_audio_transcript.done"))["transcript"] == "An old man."
        [session] = door.host.sessions.values()
        await session.conductor.wait_quiet()
        assert session.conductor.history[-1].said == "And who is the keeper?"
