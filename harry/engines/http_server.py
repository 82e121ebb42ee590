"""A server that an engine asks by HTTP: its address and key, what may be sent, tries, and its failures in words.

Minds, ears and voices elsewhere have all of this in common. Nothing is asked while an engine is loaded.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

import structlog
import trio
from pydantic import Field, SecretStr, field_validator

from harry.engines.deadline import ProgressDeadline
from harry.engines.refusals import Service, explain_refusal, read_retry_after
from harry.engines.registry import EngineSettings
from harry.engines.spending import Meter
from harry.errors import EngineBusy, EngineUnavailable
from harry.net.egress import host_of, is_loopback, permit
from harry.net.http_client import new_client, post, read_beginning, translate_errors
from harry.redaction import ADDRESS, HIDDEN

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

FIRST_PAUSE = 0.3
"""Seconds before a second try, at most; each further one waits up to three times as long as the one before."""

_MAX_REFUSAL_BYTES = 1 << 16

log = structlog.get_logger(__name__)


class HttpSettings(EngineSettings):
    """What is set of every engine that asks a server by HTTP."""

    base_url: Annotated[str, ADDRESS]
    api_key: SecretStr | None = None
    api_key_env: str | None = None
    retries: int = Field(2, ge=0, le=5)
    headers: Annotated[Mapping[str, str], HIDDEN] = Field(default_factory=dict, repr=False)

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, given: str) -> str:
        if "@" in given:
            raise ValueError(
                "an address such as https://openrouter.ai/api/v1 was expected, without a name or a password: "
                "a key goes into api_key_env, anything else into a header"
            )
        if not re.fullmatch(r"https?://[^/\s@]+(/[^\s@]*)?", given):
            raise ValueError("an address such as https://openrouter.ai/api/v1 was expected")
        return given.rstrip("/")


class HttpServer:
    """The server of one engine. `meter`, where there is one, is asked before anything that costs."""

    def __init__(
        self,
        name: str,
        settings: HttpSettings,
        client: httpx.AsyncClient,
        *,
        purpose: str,
        model: str,
        service: Service,
    ) -> None:
        self.host = host_of(settings.base_url)
        self.local = is_loopback(settings.base_url)
        self.meter: Meter | None = None
        self._name = name
        self._settings = settings
        self._client = client
        self._purpose = purpose
        self._model = model
        self._service = service

    @classmethod
    def open(cls, name: str, settings: HttpSettings, *, purpose: str, model: str, service: Service) -> Self:
        """Prepare the connections; blocks for some 50 ms. `purpose` is what the egress log says.

        Raises `EngineUnavailable` when the key is missing, or the server is elsewhere and `local_only` is set.
        """
        permit(settings.base_url, purpose)
        headers = {"Accept-Encoding": "identity", **read_headers(name, settings)}
        client = new_client(settings.base_url, headers)
        return cls(name, settings, client, purpose=purpose, model=model, service=service)

    def spending(self, *, tokens: int, money: float) -> AbstractAsyncContextManager[None]:
        """Charge the block to the budget. Raises `BudgetReached` where it might take more than is left."""
        if self.meter is None:
            return nullcontext()
        return self.meter.charging(self._name, tokens=tokens, money=money, local=self.local)

    @asynccontextmanager
    async def post(
        self, path: str, body: Mapping[str, Any] | bytes, kind: str = "application/json"
    ) -> AsyncIterator[httpx.Response]:
        """Ask once; the block reads the answer, and the connection is closed where it is left early.

        Raises `EngineBusy`, `EngineUnavailable` (no connection, key, credit or model), else `EngineError`.
        """
        url = f"{self._settings.base_url}{path}"
        with translate_errors(url):
            async with post(self._client, url, body, self._purpose, kind=kind) as response:
                if response.status_code != 200:
                    said = await read_beginning(response, _MAX_REFUSAL_BYTES)
                    raise self.refused(response.status_code, said, response.headers)
                yield response

    def refused(self, status: int, said: bytes, headers: Mapping[str, str]) -> Exception:
        """Return what an answer that is an error means."""
        log.warning("a server refused", engine=self._name, host=self.host, status=status)
        return explain_refusal(
            status,
            said,
            host=self.host,
            model=self._model,
            after=read_retry_after(headers),
            base_url=self._settings.base_url,
            location=headers.get("location", ""),
            service=self._service,
        )

    async def retry(
        self, attempt: Callable[[], Awaitable[T]], patience: ProgressDeadline, *, begun: Callable[[], bool] = bool
    ) -> T:
        """Make an attempt, again where the server is busy, as long as nothing has `begun` to be handed on."""
        tries = 0
        while True:
            try:
                return await attempt()
            except EngineBusy as error:
                pause = max(random.uniform(0.5, 1) * FIRST_PAUSE * 3**tries, error.after or 0.0)  # noqa: S311  no secret
                if tries == self._settings.retries or begun() or pause > patience.left:
                    raise
                tries += 1
                log.info("asking a busy server again", engine=self._name, seconds=round(pause, 2), cause=str(error))
                await trio.sleep(pause)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def check_server(name: str, settings: HttpSettings, purpose: str) -> None:
    """Raise `EngineUnavailable` if the key is missing, or `local_only` forbids the address; asks nobody."""
    permit(settings.base_url, purpose)
    read_key(name, settings)


def read_headers(name: str, settings: HttpSettings) -> dict[str, str]:
    """Return the headers that are set, and the one with the key. Raises `EngineUnavailable`."""
    headers = dict(settings.headers)
    for header, value in headers.items():
        check_no_placeholder(name, f"The header {header}", value)
    key = read_key(name, settings)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise EngineUnavailable(
            f"The key or a header of {name} has characters that cannot be sent.", remedy="Copy it again."
        )
    return headers


def read_key(name: str, settings: HttpSettings) -> str:
    """Return the key, "" for none. Raises `EngineUnavailable` if the variable that should hold it is not set."""
    if settings.api_key is not None:
        given = settings.api_key.get_secret_value().strip()
        check_no_placeholder(name, "The key", given)
        return given
    if settings.api_key_env is None:
        return ""
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key:
        raise EngineUnavailable(
            f"{name} needs a key, and the variable {settings.api_key_env} is not set.",
            remedy=f"Set it: export {settings.api_key_env}=...",
        )
    return key


_VARIABLE = re.compile(
    r"(?:Bearer )?(?:\$\{?(?P<shell>\w+)(?::[-?][^}]*)?\}?|%(?P<windows>\w+)%|\{\{\s*(?P<braces>[\w. ]+?)\s*\}\})"
)
_PLACEHOLDER = re.compile(
    r"(?:Bearer )?(?:<[^<>]+>|(?:sk-)?(?:\.{3,}|x{4,}|\*{4,}|\u2026+)|(?:your|my)[-_ ].*key.*)", re.IGNORECASE
)


def check_no_placeholder(name: str, what: str, given: str) -> None:
    """Raise `EngineUnavailable` where a variable's name, or words for a key, stand in a key's place."""
    variable = _VARIABLE.fullmatch(given.strip())
    if variable is not None:
        found = next(filter(None, variable.groupdict().values()))
        raise EngineUnavailable(
            f"{what} of {name} is the name of a variable, {found}, and not its value: nothing is filled in here.",
            remedy=f'Write api_key_env = "{found}" in the place of api_key.'
            if what == "The key"
            else "Write the value.",
        )
    if _PLACEHOLDER.fullmatch(given.strip()):
        raise EngineUnavailable(f"{what} of {name} is still the example's.", remedy="Put your own in its place.")
