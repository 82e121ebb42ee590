"""What an ear and a voice of the same kind of server have in common: connections, the budget, and their end."""

from __future__ import annotations

from typing import ClassVar

from harry.plugin import EngineTraits, HttpServer, HttpSettings, Meter, check_server


class HttpAudioEngine:
    """An engine behind a server of OpenAI's audio API, shared by all sessions."""

    PURPOSE: ClassVar[str]
    """What is asked of the server, as the log of what leaves this computer calls it."""

    def __init__(self, name: str, server: HttpServer) -> None:
        self.name = name
        self.traits = EngineTraits(local=server.local)
        self._server = server

    @classmethod
    def check_available(cls, name: str, settings: HttpSettings) -> None:
        """Raise `EngineUnavailable` if the key is missing, or `local_only` forbids the address; asks nobody."""
        check_server(name, settings, cls.PURPOSE)

    @property
    def meter(self) -> Meter | None:
        """What is asked before each use."""
        return self._server.meter

    @meter.setter
    def meter(self, meter: Meter | None) -> None:
        self._server.meter = meter

    async def aclose(self) -> None:
        """Close every connection."""
        await self._server.aclose()
