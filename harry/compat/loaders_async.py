"""Loading and saving: live state, files, the stream of consciousness, the recent conversation, the journal.

Where a user may be named (`username`) and is not, it is the configured one; a persona likewise. Times are local and say
their offset. Every function raises `harry.errors.StoreError` where nothing can be kept or read, and `ValueError` for
what never can be.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from channels.messages import Exchange, Source, TurnRecord
from channels.turn import new_id
from harry.compat.portal import make_synchronous, port
from harry.compat.services import Services, file_portal, portal
from harry.files.async_files import Files
from harry.memory.diary.journal import JournalEntry
from harry.memory.diary.stream import Entry
from harry.memory.store.opening import NAMESPACE

BUDGET = 2000
"""Tokens of recent conversation that `fleeting` gives (see `harry.memory.conversations.window`)."""

# Live state


@port(portal)
async def redis_save(services: Services, variable: str, value: str, username: str | None = None) -> None:
    """Let a variable hold this one text, of at most a million characters. On disk on return, shared a moment later.

    In Redis, where there is one, it is the string `user:{username}:{variable}`.
    """
    await services.live.save(services.user(username), variable, value)


@port(portal)
async def redis_load(services: Services, variable: str, username: str | None = None) -> str | None:
    r"""Read a variable; what was appended is joined by "\n". None where it holds nothing."""
    return await services.live.load(services.user(username), variable)


@port(portal)
async def redis_append(
    services: Services, variable: str, value: str, username: str | None = None, *, entry: str | None = None
) -> None:
    """Add a text to a variable, also to one that was saved. Of more than 1000 texts the oldest goes.

    The same `entry`, an id of the caller's own, changes nothing while its text is held: so a call can be repeated.
    """
    await services.live.append(services.user(username), variable, value, entry=entry)


@port(portal)
async def redis_entries(services: Services, variable: str, username: str | None = None) -> list[str]:
    """Read the texts of a variable one by one, oldest first."""
    return await services.live.entries(services.user(username), variable)


@port(portal)
async def redis_delete(services: Services, variable: str, username: str | None = None) -> None:
    """Take a variable away, in Redis too."""
    await services.live.delete(services.user(username), variable)


# Files


@port(file_portal)
async def save_json(files: Files, filepath: str | os.PathLike[str], data: Any) -> None:
    """Write JSON: UTF-8, keys sorted, two spaces deep; whole at every moment, synced on return.

    Raises `TypeError` or `ValueError` for what is no JSON; the old file stands then, as it does when the disk is full.
    """
    await files.save_json(filepath, data)


@port(file_portal)
async def load_json(files: Files, filepath: str | os.PathLike[str]) -> Any:
    """Read JSON. `StoreError` tells the line at which it is damaged."""
    return await files.load_json(filepath)


@port(file_portal)
async def save_file(files: Files, filepath: str | os.PathLike[str], content: str) -> None:
    """Write a text: UTF-8, line ends as they are; whole at every moment, synced on return."""
    await files.save_text(filepath, content)


@port(file_portal)
async def open_file(files: Files, filepath: str | os.PathLike[str]) -> str:
    """Read a text in UTF-8, with or without a mark, or else in Windows-1252; at most 256 MB."""
    return await files.load_text(filepath)


# Stream of consciousness


@port(portal)
async def save_to_soc(services: Services, text: str, persona: str | None = None) -> int:
    """Append a thought to the persona's stream of today; returns its number, once it is on disk."""
    number = await services.soc(persona).append(text)
    services.kept()
    return number


@port(portal)
async def soc_today(services: Services, persona: str | None = None, *, characters: int = 3000) -> str:
    """Read today's stream, yesterday's while today has none: a line for each thought, the newest that have room."""
    return _thoughts(await services.soc(persona).read_today(), characters)


@port(portal)
async def full_soc(
    services: Services, today: str | None = None, person: str | None = None, *, characters: int = 7800
) -> str:
    """Read the stream of a local day (YYYY-MM-DD, else today): a line for each thought, the newest that have room."""
    return _thoughts(await services.soc(person).read_day(_day(today)), characters)


@port(portal)
async def get_yesterday_soc(
    services: Services, date: str | None = None, persona: str | None = None, *, characters: int = 7800
) -> str:
    """Read the stream of the local day before `date` (YYYY-MM-DD, else today); "" where there is none."""
    return _thoughts(await services.soc(persona).read_day(_day(date, before=1)), characters)


@port(portal)
async def soc_entries(
    services: Services, first: str, last: str | None = None, persona: str | None = None
) -> list[dict[str, Any]]:
    """Read the thoughts of a local day or a stretch of days as `{"sequence", "day", "at", "text"}`, oldest first.

    `at` is ISO 8601 with its offset. The newest 10,000 at most.
    """
    entries = await services.soc(persona).read_range(first, last or first)
    return [
        {"sequence": entry.sequence, "day": entry.day, "at": _iso(entry.at), "text": entry.text} for entry in entries
    ]


# Conversation


@port(portal)
async def save_to_fleeting_convo_history(
    services: Services, text: str, speaker: str, username: str | None = None
) -> None:
    """Keep what somebody said in the user's conversation: `speaker` is the persona's name or anybody else's.

    After half an hour of silence, or on a new local day, what was said before becomes a dated conversation first.
    """
    user = services.user(username)
    await services.rotation.rotate(user)
    now = time.time()
    by_harry = speaker.casefold() == services.persona(None).casefold()
    named = text if by_harry or speaker.casefold() == user.casefold() else f"{speaker}: {text}"
    said, heard = ("", text) if by_harry else (named, "")
    turn = TurnRecord(
        new_id(now), user, services.session, NAMESPACE, Source.REMOTE, now, now, said, heard, heard, False, "compat"
    )
    await services.tables.write([turn])
    services.kept()


@port(portal)
async def fleeting(services: Services, username: str | None = None, *, budget: int = BUDGET) -> str:
    """Read the user's recent conversation, a line `speaker: text` for each, the newest that fit into `budget` tokens.

    It is this user's alone; "" where nothing was said since the last conversation was over.
    """
    user = services.user(username)
    exchanges = await services.rotation.recall_recent(user, budget=budget)
    return "".join(_lines(exchange, user, services.persona(None)) for exchange in exchanges)


@port(portal)
async def rotate_conversation(services: Services, username: str | None = None) -> list[dict[str, Any]]:
    """Make what is over a dated conversation; gives each as `{"conversation_date", "conversation_number", ...}`."""
    return [
        {
            "conversation_date": conversation.day,
            "conversation_number": conversation.number,
            "conversation_id": conversation.id,
            "turns": conversation.turns,
            "summary_text": conversation.summary or "",
        }
        for conversation in await services.rotation.rotate(services.user(username))
    ]


# Journal


@port(portal)
async def save_journal(  # noqa: PLR0917  (as older programs call it)
    services: Services,
    journal_entry: str,
    sentiment: str = "",
    tags: Sequence[str] = (),
    long_term_goal: str = "",
    date: str | None = None,
    username: str | None = None,
) -> dict[str, Any]:
    """Keep the entry of a local day (YYYY-MM-DD, else today); another one of the same day takes its place."""
    journal = services.journal(None, username)
    day = _day(date) if date else None
    kept = await journal.write(journal_entry, sentiment=sentiment, tags=tags, long_term_goal=long_term_goal, day=day)
    services.embed_soon(kept.user)
    return _journal(kept)


@port(portal)
async def journal_loader(services: Services, username: str | None = None) -> dict[str, Any]:
    """Read the newest entry, with `age`, how many local days ago it was; an empty one where there is none."""
    newest = await services.journal(None, username).read_newest()
    if newest is None:
        return {**_journal(JournalEntry("", "", "", "", 0.0, "")), "age": None}
    today = datetime.now().astimezone().date()
    return {**_journal(newest), "age": (today - date.fromisoformat(newest.day)).days}


@port(portal)
async def get_yesterday_journal(services: Services, username: str | None = None, *, characters: int = 800) -> str:
    """Read the beginning of yesterday's entry; "" where there is none."""
    entry = await services.journal(None, username).read_yesterday()
    return entry.text[:characters] if entry else ""


@port(portal)
async def get_yesterday_sentiment(services: Services, username: str | None = None) -> str:
    """Read the sentiment of yesterday's entry; "" where there is none."""
    entry = await services.journal(None, username).read_yesterday()
    return entry.sentiment if entry else ""


@port(portal)
async def get_yesterday_ltg(services: Services, username: str | None = None) -> str:
    """Read the long-term goal of yesterday's entry; "" where there is none."""
    entry = await services.journal(None, username).read_yesterday()
    return entry.long_term_goal if entry else ""


def _thoughts(entries: list[Entry], characters: int) -> str:
    """Give whole thoughts, the newest that have room, a line for each."""
    texts: list[str] = []
    for entry in reversed(entries):
        characters -= len(entry.text) + 1
        if characters < 0:
            break
        texts.append(entry.text)
    return "\n".join(reversed(texts))


def _lines(exchange: Exchange, user: str, persona: str) -> str:
    said = f"{user}: {exchange.said}\n" if exchange.said.strip() else ""
    return said + (f"{persona}: {exchange.heard.strip()}\n" if exchange.heard.strip() else "")


def _journal(entry: JournalEntry) -> dict[str, Any]:
    return {
        "uuid": entry.id,
        "date": entry.day,
        "sentiment": entry.sentiment,
        "tags": list(entry.tags),
        "journal_entry": entry.text,
        "long_term_goal": entry.long_term_goal,
    }


def _day(day: str | None, *, before: int = 0) -> str:
    """Name a local day, `before` days earlier. Raises `ValueError` for what is no day."""
    on = date.fromisoformat(day) if day else datetime.now().astimezone().date()
    return (on - timedelta(days=before)).isoformat()


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).astimezone().isoformat()


redis_save_sync = make_synchronous(redis_save)
redis_load_sync = make_synchronous(redis_load)
redis_append_sync = make_synchronous(redis_append)
redis_entries_sync = make_synchronous(redis_entries)
redis_delete_sync = make_synchronous(redis_delete)
save_json_sync = make_synchronous(save_json)
load_json_sync = make_synchronous(load_json)
save_file_sync = make_synchronous(save_file)
open_file_sync = make_synchronous(open_file)
save_to_soc_sync = make_synchronous(save_to_soc)
soc_today_sync = make_synchronous(soc_today)
full_soc_sync = make_synchronous(full_soc)
get_yesterday_soc_sync = make_synchronous(get_yesterday_soc)
soc_entries_sync = make_synchronous(soc_entries)
save_to_fleeting_convo_history_sync = make_synchronous(save_to_fleeting_convo_history)
fleeting_sync = make_synchronous(fleeting)
rotate_conversation_sync = make_synchronous(rotate_conversation)
save_journal_sync = make_synchronous(save_journal)
journal_loader_sync = make_synchronous(journal_loader)
get_yesterday_journal_sync = make_synchronous(get_yesterday_journal)
get_yesterday_sentiment_sync = make_synchronous(get_yesterday_sentiment)
get_yesterday_ltg_sync = make_synchronous(get_yesterday_ltg)
