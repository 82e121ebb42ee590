"""Looks for an OpenAI-compatible server on this computer: Ollama, LM Studio or llama.cpp. Loopback only."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import trio

from harry.config.mind_presets import PORTS
from harry.errors import EngineError
from harry.files.json_text import parse_json
from harry.net.http_client import new_client, translate_errors

LOOK_EVERY = 15.0
"""Seconds between two looks for a server that is awaited."""

_NO_CHAT = re.compile(r"embed|rerank|whisper|\btts\b|bge-|minilm", re.IGNORECASE)
"""Names of models that do not converse."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that answered, and the models it can converse with."""

    name: str
    base_url: str
    models: tuple[str, ...]


async def find_local_server(deadline: float = 0.5, *, ports: Mapping[str, int] = PORTS) -> LocalServer | None:
    """Ask every port at once; the first of `ports` that answered within `deadline` seconds with a model, or None."""
    found = await find_local_servers(deadline, ports=ports)
    return next(iter(found.values()), None)


async def find_local_servers(deadline: float = 0.5, *, ports: Mapping[str, int] = PORTS) -> dict[str, LocalServer]:
    """Ask every port at once; those that answered within `deadline` seconds with a model, in the order of `ports`."""
    found: dict[str, LocalServer] = {}
    client = await trio.to_thread.run_sync(new_client, "http://127.0.0.1", {"Accept": "application/json"})
    async with client:
        with trio.move_on_after(deadline):
            async with trio.open_nursery() as nursery:

                async def ask(name: str, base_url: str) -> None:
                    try:
                        with translate_errors(base_url):
                            answer = await client.get(f"{base_url}/models")
                    except EngineError:
                        return
                    models = _models(answer.content) if answer.status_code == 200 else ()
                    if models:
                        found[name] = LocalServer(name, base_url, models)

                for name, port in ports.items():
                    nursery.start_soon(ask, name, f"http://127.0.0.1:{port}/v1")
    return {name: found[name] for name in ports if name in found}


class AwaitedServers:
    """Servers that a chain names and that did not answer when Harry started: they may be started later than he."""

    def __init__(self, names: Collection[str], *, every: float = LOOK_EVERY) -> None:
        self._ports = {name: PORTS[name] for name in names}
        self._every = every
        self._found: dict[str, LocalServer] = {}

    def table(self, name: str) -> dict[str, Any] | None:
        """Say where the server is and what it serves; None until it answers."""
        server = self._found.get(name)
        return None if server is None else {"base_url": server.base_url, "model": server.models[0]}

    async def run(self) -> None:
        """Look for them until all have answered. Nothing tells when another process starts, so it is asked."""
        while self._ports:
            await trio.sleep(self._every)
            self._found |= await find_local_servers(ports=self._ports)
            self._ports = {name: port for name, port in self._ports.items() if name not in self._found}


def _models(body: bytes) -> tuple[str, ...]:
    """Read the names of models from an answer; empty when it is not one."""
    try:
        entries: Any = parse_json(body)["data"]
        names = [str(entry["id"]) for entry in entries]
    except (ValueError, KeyError, TypeError):
        return ()
    return tuple(name for name in names if name and not _NO_CHAT.search(name))
