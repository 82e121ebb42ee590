"""What the host asks of the turns that are kept: which of them were deleted, and how long somebody has used Harry."""

from __future__ import annotations

import json
from collections.abc import Collection

import structlog

from harry.errors import StoreError
from harry.memory.store.database import Database
from harry.welfare.ai_notice import MAX_TURNS, AINotices, Used, tells

log = structlog.get_logger(__name__)


async def find_deleted(database: Database | None, turns: Collection[str]) -> set[str]:
    """Tell which turns, all of them kept once, hold no words any more: another process may have deleted them.

    Raises `StoreError`.
    """
    if database is None or not turns:
        return set()
    query = "SELECT id FROM turn WHERE id IN (SELECT value FROM json_each(?)) AND (said != '' OR heard != '')"
    rows = await database.read(lambda connection: connection.execute(query, (json.dumps(list(turns)),)).fetchall())
    return set(turns).difference(identity for (identity,) in rows)


async def recall_use(database: Database | None, notices: AINotices, user: str) -> None:
    """Read how long a user has used Harry since he said that he is an AI, unless that is known."""
    if database is None or notices.knows(user):
        return
    query = "SELECT started_at, heard FROM turn WHERE user = ? AND source != 'proactive' ORDER BY seq DESC LIMIT ?"
    try:
        rows = await database.read(lambda connection: connection.execute(query, (user, MAX_TURNS)).fetchall())
    except StoreError as error:
        log.warning("it is not known when somebody was told that Harry is an AI", cause=str(error))
        return
    if not notices.knows(user):
        notices.recall(user, (Used(at, tells(heard)) for at, heard in rows))
