"""Posts webhooks in the background: a bounded queue for each receiver, bounded attempts, and a count of what was lost.

Nothing here waits where something happens: `put` returns at once, and what finds no room takes the place of the oldest.
A receiver that is away is tried again with longer and longer pauses; what it has missed by then is counted and told.
"""

from __future__ import annotations

import json
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
import trio

from actors.supervisor import describe_origin
from channels.signals import Signal
from harry.errors import EngineError
from harry.net import http_client
from harry.net.egress import EgressRefused, host_of
from harry.net.webhook_signature import sign

if TYPE_CHECKING:
    import httpx

MAX_WAITING = 100
"""Messages that wait for one receiver."""

ATTEMPTS = 6
"""Times that a message is sent, at most."""

PAUSES = (1.0, 3.0, 10.0, 30.0, 60.0)
"""Seconds between them, less some jitter."""

ANSWER_WITHIN = 10.0
"""Seconds for an attempt, from the name's look-up to the status."""

_AGAIN = frozenset({408, 409, 425, 429})
"""Statuses below 500 after which the same message may be taken later."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be told. `identity` is the same for every attempt, so that a receiver knows it again."""

    identity: str
    body: bytes

    @classmethod
    def of(cls, identity: str, content: Mapping[str, Any]) -> Message:
        """Make one of JSON's types."""
        return cls(identity, json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


@dataclass(slots=True)
class Receiver:
    """One address. `lost` counts what it will never get, `trouble` says why the last attempt failed, "" if none did."""

    name: str
    url: str
    secret: str = ""
    wall: Callable[[], float] = time.time
    sent: int = 0
    lost: int = 0
    trouble: str = ""
    _waiting: deque[Message] = field(default_factory=deque)
    _came: Signal = field(default_factory=Signal)
    _client: httpx.AsyncClient | None = None
    _client_for: str = ""

    @property
    def waiting(self) -> int:
        """How many messages wait, with the one that is being sent."""
        return len(self._waiting)

    def put(self, message: Message) -> None:
        """Have a message sent. Never waits: where there is no room, the oldest that waits is lost."""
        if len(self._waiting) >= MAX_WAITING:
            # The first one is being sent.
            del self._waiting[1]
            self.lost += 1
        self._waiting.append(message)
        self._came.notify()

    async def run(self) -> None:
        """Send what comes, in order, until cancelled."""
        try:
            while True:
                while not self._waiting:
                    await self._came.wait()
                await self._deliver(self._waiting[0])
                self._waiting.popleft()
        finally:
            if self._waiting:
                log.warning("webhooks were not sent before the end", name=self.name, count=len(self._waiting))
            with trio.move_on_after(1, shield=True):
                await self._let_go()

    async def _deliver(self, message: Message) -> None:
        """Send one message, again if need be, and count it as sent or lost."""
        for pause in (*PAUSES[: ATTEMPTS - 1], None):
            again = await self._attempt(message)
            if not self.trouble:
                self.sent += 1
                return
            if not again or pause is None:
                break
            await trio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not a secret
        self.lost += 1
        log.warning("a webhook was not delivered", name=self.name, host=host_of(self.url), cause=self.trouble)

    async def _attempt(self, message: Message) -> bool:
        """Send a message once; sets `trouble`. Returns whether another attempt may help."""
        again = True
        try:
            with trio.fail_after(ANSWER_WITHIN):
                status = await self._post(message)
        except trio.TooSlowError:
            self.trouble = f"{host_of(self.url)} does not answer within {ANSWER_WITHIN:g} seconds."
        except EgressRefused as error:
            self.trouble, again = str(error), False
        except EngineError as error:
            self.trouble = error.message
        except Exception as error:
            log.warning("a webhook broke", name=self.name, cause=describe_origin(error))
            log.debug("how it broke", exc_info=error)
            self.trouble, again = f"Sending to {host_of(self.url)} failed ({type(error).__name__}).", False
        else:
            good = 200 <= status < 300
            self.trouble = "" if good else f"{host_of(self.url)} answers with status {status}."
            again = status >= 500 or status in _AGAIN
        return again

    async def _post(self, message: Message) -> int:
        url, secret = self.url, self.secret  # a reload may change them meanwhile
        if self._client is None or self._client_for != url:
            await self._let_go()
            # It reads certificates, which takes a while.
            self._client = await trio.to_thread.run_sync(partial(http_client.new_client, url, {}))
            self._client_for = url
        headers = sign(secret, message.identity, int(self.wall()), message.body) if secret else {}
        with http_client.translate_errors(url):
            async with http_client.post(
                self._client, url, message.body, f"webhook {self.name}", headers=headers
            ) as response:
                return response.status_code

    async def _let_go(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
