"""Harry as a Wyoming service, by the configuration: what its clients reach of the host, and the port.

Home Assistant keeps no conversation: it sends the newest words and names the conversation and the device. What was said
before is kept here for a while; each device is a user of its own, with a memory of its own, and none is the owner.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from types import ModuleType

import structlog
import trio

from actors.protocols import Delta, Message, Role, TextPart
from actors.supervisor import describe_origin
from channels.messages import Exchange
from harry.config.loading import Config
from harry.config.persona import load_configured_persona
from harry.errors import ConfigurationError, EngineUnavailable, StoreError
from harry.host.host import Host
from harry.installation import DISTRIBUTION, how_to_install
from harry.services.chat import Asked, answer
from harry.services.speech import RATE, voice
from harry.services.transcription import understood

MAX_CONVERSATIONS = 64
"""Conversations that are known; the one that was silent longest is forgotten first."""

MAX_EXCHANGES = 20
"""Exchanges of one that are told to the mind again."""

LOOK_WITHIN = 1.0
"""Seconds that the look at what was deleted may take; then the answer goes on without it."""

_NOBODY = "Home Assistant"
"""Whose words are those that come from no device."""

log = structlog.get_logger(__name__)


class HostCompanion:
    """Harry for Wyoming's clients; see `harry_wyoming.server.Companion`."""

    rate = RATE

    def __init__(self, host: Host) -> None:
        self.name = host.config.persona.name
        self.version = version(DISTRIBUTION)
        self.language = host.config.persona.language
        self._host = host
        self._said: OrderedDict[tuple[str, str], tuple[Exchange, ...]] = OrderedDict()

    @property
    def hears(self) -> bool:
        """Whether there is an ear."""
        return self._host.engines.speech_to_text is not None

    @property
    def speaks(self) -> bool:
        """Whether there is a voice."""
        return self._host.engines.text_to_speech is not None

    async def hear(self, pcm: bytes, rate: int) -> str:
        """Return the words in mono 16-bit PCM at `rate` Hz. Raises `EngineError`."""
        ear = self._host.engines.speech_to_text
        if ear is None:
            raise EngineUnavailable("Harry has no ear here.", remedy="Set engines.speech_to_text.")
        return (await understood(ear, pcm, rate)).text

    async def speak(self, text: str, emit: Callable[[bytes], Awaitable[None]]) -> None:
        """Speak a text: mono 16-bit PCM at `rate` Hz goes to `emit` as it is made. Raises `EngineError`."""
        shelf = self._host.engines.text_to_speech
        if shelf is None:
            raise EngineUnavailable("Harry has no voice here.", remedy="Set engines.text_to_speech.")
        await voice(shelf, text, emit, load_configured_persona(self._host.config.persona).say)

    async def answer(self, text: str, *, device: str, conversation: str) -> str:
        """Answer words within a conversation of a device's. Raises `HarryError`."""
        user, said = self._user(device), Message(Role.USER, (TextPart(text),))
        before = await self._recall((user, conversation)) if conversation else ()
        # Nothing rings at a device, which cannot be called: what would have to is not set.
        asked = Asked(user, (*_messages(before), said), wishes=True, rings=False, person=True)
        answered = await answer(self._host, asked, _wait)
        reply = "".join(answered.text)
        if conversation:
            self._remember((user, conversation), Exchange(answered.turn, text, reply, interrupted=False))
        return reply

    def _user(self, device: str) -> str:
        """Return whose words come from a device: never the owner's, whatever he or the device is called."""
        user = f"the device {device}" if device else _NOBODY
        return f"{user} (a device)" if user == self._host.config.user.name else user

    async def _recall(self, conversation: tuple[str, str]) -> tuple[Exchange, ...]:
        """Return what was said before in a conversation, without what was deleted since."""
        turns = {each.turn for each in self._said.get(conversation, ()) if each.turn}
        gone: set[str] = set()
        try:
            with trio.move_on_after(LOOK_WITHIN):
                gone = await self._host.find_deleted(turns)
        except StoreError as error:
            log.warning("it is not known whether something was deleted", cause=str(error))
        left = tuple(each for each in self._said.get(conversation, ()) if each.turn not in gone)
        if left:
            self._said[conversation] = left
            self._said.move_to_end(conversation)  # The newest last, also where the answer fails.
        else:
            self._said.pop(conversation, None)
        return left

    def _remember(self, conversation: tuple[str, str], exchange: Exchange) -> None:
        self._said[conversation] = (*self._said.get(conversation, ()), exchange)[-MAX_EXCHANGES:]
        self._said.move_to_end(conversation)
        while len(self._said) > MAX_CONVERSATIONS:
            self._said.popitem(last=False)


def _messages(exchanges: Sequence[Exchange]) -> list[Message]:
    return [
        Message(role, (TextPart(words),))
        for each in exchanges
        for role, words in ((Role.USER, each.said), (Role.ASSISTANT, each.heard))
    ]


async def _wait(_: Delta) -> None:
    await trio.lowlevel.checkpoint()


async def take_port(config: Config, held: AsyncExitStack) -> list[trio.SocketListener]:
    """Take the port for as long as `held` is; none where it is not wanted. Raises `ConfigurationError`."""
    port = config.wyoming.port
    if not port:
        return []
    _library()  # What is missing is told before anything is loaded.
    try:
        listeners = await trio.open_tcp_listeners(port, host=None if config.wyoming.allow else "127.0.0.1")
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} cannot be taken for Wyoming, perhaps because another Harry has it.",
            remedy="Set wyoming.port to another, or to 0.",
        ) from error
    for listener in listeners:
        held.push_async_callback(listener.aclose)
    return listeners


def describe(config: Config, listeners: list[trio.SocketListener]) -> str:
    """Say who may come in and where, "" where nobody may."""
    if not listeners:
        return ""
    port, allowed = listeners[0].socket.getsockname()[1], config.wyoming.allow
    who = f"this computer and, without a password, {', '.join(allowed)}" if allowed else "this computer alone"
    return f"port {port}, for {who}."


@asynccontextmanager
async def opened(config: Config, host: Host, listeners: list[trio.SocketListener]) -> AsyncIterator[None]:
    """Serve Wyoming's clients at `listeners` for the length of the block; without any, do nothing."""
    if not listeners:
        yield
        return
    library = _library()
    served = library.WyomingServer(HostCompanion(host), library.AllowList(config.wyoming.allow), _tell_crash)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(served.serve, listeners)
        yield
        nursery.cancel_scope.cancel()


def _tell_crash(error: BaseException) -> None:
    log.error("a Wyoming connection broke", cause=describe_origin(error))
    log.debug("how it broke", exc_info=error)


def _library() -> ModuleType:
    """Return the server of the plug-in, which needs the package `wyoming`."""
    try:
        from harry_wyoming import server  # noqa: PLC0415 - an extra that only those need who set a port
    except ImportError as error:
        raise ConfigurationError(
            f"wyoming.port needs a package that is not installed ({error.name or error}).",
            remedy=f"{how_to_install('wyoming')} Or set wyoming.port = 0.",
        ) from error
    return server
