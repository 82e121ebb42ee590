"""Live state, stream of consciousness, recent conversation and journal by their old names, and no old defect."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from channels.messages import Source, Thought, TurnRecord
from harry.compat import loaders_async as loaders
from harry.compat import services
from tests.support.compat_home import home  # noqa: F401  (a fixture)
from tests.support.redis_server import RedisServer, redis_server  # noqa: F401  (a fixture)

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(params=["sqlite", "redis"])
def stored(request, redis_server: RedisServer) -> str:  # noqa: F811
    """Run the test once without Redis and once with it."""
    if request.param == "redis":
        services.configure(redis_url=redis_server.url)
    return str(request.param)


def put(*records: Thought | TurnRecord) -> None:
    """Put records of another time where they are kept."""

    async def write(opened: services.Services) -> None:
        await opened.tables.write(records)

    services.portal.call_here(write)


def day(before: int = 0) -> str:
    return (datetime.now().astimezone().date() - timedelta(days=before)).isoformat()


# Live state


def test_appending_works_after_saving(stored):
    loaders.redis_save_sync("short_term", "first")
    loaders.redis_append_sync("short_term", "second")
    loaders.redis_append_sync("short_term", "third")
    assert loaders.redis_load_sync("short_term") == "first\nsecond\nthird"
    assert loaders.redis_entries_sync("short_term") == ["first", "second", "third"]
    loaders.redis_save_sync("short_term", "anew")
    assert loaders.redis_load_sync("short_term") == "anew"


def test_one_users_mood_is_not_anothers_and_none_is_everybodys(stored):
    loaders.redis_save_sync("mood", "calm", "Maggie")
    loaders.redis_save_sync("mood", "glad")
    assert loaders.redis_load_sync("mood", "Maggie") == "calm"
    assert loaders.redis_load_sync("mood") == "glad"
    assert loaders.redis_load_sync("mood", "you") == "glad", "what is nobody's is the configured user's"
    assert loaders.redis_load_sync("mood", "Leo") is None


def test_what_is_never_saved_is_none_and_what_is_deleted_is_gone(stored):
    assert loaders.redis_load_sync("mood") is None
    loaders.redis_save_sync("mood", "calm")
    loaders.redis_delete_sync("mood")
    assert loaders.redis_load_sync("mood") is None


def test_a_repeated_append_of_the_same_entry_is_one(stored):
    for _ in range(3):
        loaders.redis_append_sync("log", "x", entry="id")
    assert loaders.redis_entries_sync("log") == ["x"]


def test_what_is_written_reaches_redis_and_what_is_there_is_read(redis_server):  # noqa: F811
    services.configure(redis_url=redis_server.url)
    redis_server.ask("SET", "user:Maggie:mood", "calm")
    loaders.redis_save_sync("goal", "tea", "Maggie")
    services.close()  # the last writes are shared before the end
    assert redis_server.ask("GET", "user:Maggie:goal") == "tea"


def test_harry_goes_on_without_redis(redis_server):  # noqa: F811
    redis_server.kill()
    services.configure(redis_url=redis_server.url)
    loaders.redis_save_sync("mood", "calm")
    assert loaders.redis_load_sync("mood") == "calm"


# Stream of consciousness


def test_a_thought_is_kept_with_its_time_and_read_back():
    before = time.time()
    number = loaders.save_to_soc_sync("// Rain again.")
    loaders.save_to_soc_sync("Two\nlines")
    assert loaders.soc_today_sync() == "// Rain again.\nTwo\nlines"
    first, second = loaders.soc_entries_sync(day())
    assert (first["sequence"], first["text"], first["day"]) == (number, "// Rain again.", day())
    at = datetime.fromisoformat(first["at"])
    assert at.utcoffset() is not None, "a naive time"
    assert before - 1 < at.timestamp() < time.time() + 1
    assert second["at"] >= first["at"]


def test_yesterdays_stream_is_found_where_it_was_written(home):  # noqa: F811
    loaders.save_to_soc_sync("today")
    think(day(1), "yesterday")
    assert loaders.get_yesterday_soc_sync() == "yesterday"
    assert loaders.get_yesterday_soc_sync(day()) == "yesterday"
    assert loaders.full_soc_sync(day(1)) == "yesterday"
    assert loaders.get_yesterday_soc_sync(day(5)) == ""
    assert not any(each.is_dir() for each in home.iterdir()), "a folder named like a day"


def think(on: str, text: str) -> None:
    """Think something at noon of a day."""
    noon = datetime.fromisoformat(f"{on}T12:00").astimezone().timestamp()
    put(Thought("t", "you", "s", "harry", "Harry", noon, text))


def test_today_is_yesterday_while_today_is_empty():
    think(day(1), "yesterday")
    assert loaders.soc_today_sync() == "yesterday"
    loaders.save_to_soc_sync("today")
    assert loaders.soc_today_sync() == "today"


def test_personas_do_not_think_each_others_thoughts():
    loaders.save_to_soc_sync("mine")
    loaders.save_to_soc_sync("hers", "Rhoda")
    assert loaders.soc_today_sync() == "mine"
    assert loaders.soc_today_sync("Rhoda") == "hers"


def test_a_long_stream_is_cut_to_whole_thoughts_the_newest():
    for number in range(30):
        loaders.save_to_soc_sync(f"thought {number:02d}")
    told = loaders.soc_today_sync(characters=35).splitlines()
    assert told == ["thought 27", "thought 28", "thought 29"]


@pytest.mark.parametrize("word", ["yesterday", "2026-13-01", "../../etc"])
def test_what_is_no_day_is_refused(word):
    for ask in (loaders.full_soc_sync, loaders.get_yesterday_soc_sync, loaders.soc_entries_sync):
        with pytest.raises(ValueError, match=r".+"):
            ask(word)


# Conversation


def test_the_recent_conversation_is_a_line_for_each_and_one_users_alone():
    loaders.save_to_fleeting_convo_history_sync("Good evening", "Maggie", "Maggie")
    loaders.save_to_fleeting_convo_history_sync("Good evening, Maggie.", "Harry", "Maggie")
    loaders.save_to_fleeting_convo_history_sync("Hello both", "Leo", "Maggie")
    assert (
        loaders.fleeting_sync("Maggie")
        == "Maggie: Good evening\nHarry: Good evening, Maggie.\nMaggie: Leo: Hello both\n"
    )
    assert loaders.fleeting_sync("Leo") == ""
    assert loaders.fleeting_sync() == ""


def test_lines_said_at_once_are_all_kept():
    async def main() -> None:
        await asyncio.gather(*(loaders.save_to_fleeting_convo_history(f"{n}", "you") for n in range(40)))

    asyncio.run(main())
    assert len(loaders.fleeting_sync().splitlines()) == 40


def test_after_half_an_hour_the_conversation_is_dated_and_summarised():
    loaders.save_to_fleeting_convo_history_sync("Now", "you")
    assert loaders.rotate_conversation_sync() == [], "it goes on"
    hour_ago = time.time() - 3600
    said = "The tulips are red."
    for user in ("Maggie", "Leo"):
        put(TurnRecord(user, user, "s", "harry", Source.VOICE, hour_ago, hour_ago, said, "", "", False, "natural"))
    (rotated,) = loaders.rotate_conversation_sync("Maggie")
    assert (rotated["turns"], rotated["summary_text"]) == (1, said)
    assert loaders.fleeting_sync("Maggie") == ""
    loaders.save_to_fleeting_convo_history_sync("New", "Leo", "Leo")
    assert loaders.fleeting_sync("Leo") == "Leo: New\n", "what was over is still recent"


def test_the_budget_bounds_what_is_recalled():
    for number in range(50):
        loaders.save_to_fleeting_convo_history_sync(f"{number}", "you")
    assert loaders.fleeting_sync(budget=40).splitlines() == ["you: 47", "you: 48", "you: 49"]


# Journal


def test_a_journal_entry_is_found_where_it_was_written():
    written = loaders.save_journal_sync("A good day.", "calm", ["rain"], "Plant trees", date=day(1))
    assert written == {
        "uuid": written["uuid"], "date": day(1), "sentiment": "calm", "tags": ["rain"],
        "journal_entry": "A good day.", "long_term_goal": "Plant trees",
    }  # fmt: skip
    assert loaders.get_yesterday_journal_sync() == "A good day."
    assert loaders.get_yesterday_sentiment_sync() == "calm"
    assert loaders.get_yesterday_ltg_sync() == "Plant trees"
    assert loaders.journal_loader_sync() == {**written, "age": 1}
    assert loaders.get_yesterday_journal_sync("Maggie") == ""


def test_without_a_journal_there_is_an_empty_entry():
    found = loaders.journal_loader_sync()
    assert (found["journal_entry"], found["tags"], found["age"]) == ("", [], None)


def test_the_newest_entry_is_by_its_day_however_often_it_was_touched():
    loaders.save_journal_sync("of today")
    loaders.save_journal_sync("of long ago", date="2001-01-01")
    assert loaders.journal_loader_sync()["journal_entry"] == "of today"
    assert datetime.fromisoformat(loaders.journal_loader_sync()["date"]).replace(tzinfo=UTC)
