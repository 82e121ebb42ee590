"""The tools that all sessions share: plug-ins' functions, MCP servers, and the newest picture, for a host's life."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from actors.protocols import Tool
from harry import images as pictures
from harry.config.loading import Config
from harry.tools.functions import load_plugin_tools
from harry.tools.toolbox import Answer, Offer

if TYPE_CHECKING:
    from harry.tools.mcp_servers import Server


class Toolkit:
    """`servers` are the configured MCP servers; `without` names tools that nobody is offered.

    All of them act on the owner's things, with the owner's rights, so other users are offered those in `guests` alone:
    names of tools, or of servers for all that they have.
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        servers: Sequence[Server],
        without: frozenset[str],
        guests: frozenset[str] = frozenset(),
    ) -> None:
        self.servers = tuple(servers)
        self._offers = tuple(offers)
        self._without = without
        self._guests = guests

    def offers(self, *, owner: bool) -> list[Offer]:
        """List what there is now for the owner, or for somebody else."""
        every = [("", offer) for offer in self._offers]
        every += [(server.name, offer) for server in self.servers for offer in server.offers]
        return [
            offer
            for server, offer in every
            if offer.tool.name not in self._without
            and (owner or offer.tool.name in self._guests or (server and server in self._guests))
        ]


@asynccontextmanager
async def toolkit(config: Config) -> AsyncIterator[Toolkit]:
    """Hold the shared tools for the length of the block; servers are started and kept going meanwhile."""
    if not config.tools.enabled:
        yield Toolkit((), (), frozenset())
        return
    offers = await trio.to_thread.run_sync(load_plugin_tools)
    if config.tools.pictures:
        offers.append(_looking(config.tools.pictures))
    servers = []
    if configured := config.mcp_servers:
        from harry.tools.mcp_servers import Server  # noqa: PLC0415  the SDK takes half a second to import

        servers = [Server(name, settings) for name, settings in configured.items()]
    async with trio.open_nursery() as nursery:
        for server in servers:
            nursery.start_soon(server.run)
        yield Toolkit(offers, servers, frozenset(config.tools.without), frozenset(config.tools.guests))
        nursery.cancel_scope.cancel()


def _looking(named: str) -> Offer:
    folder = Path(named).expanduser()

    async def look(_: Mapping[str, Any]) -> Answer:
        path = await trio.to_thread.run_sync(pictures.find_newest, folder, abandon_on_cancel=True)
        return await trio.to_thread.run_sync(partial(_seen, path), abandon_on_cancel=True)

    return Offer(Tool("get_image", "Look: the newest picture of the user's folder of pictures."), look)


def _seen(path: Path) -> Answer:
    return Answer(f"The picture {path.name}.", (pictures.to_uri(pictures.convert(pictures.read(path))),))
