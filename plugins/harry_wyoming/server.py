"""Harry as a Wyoming service: his ear, his voice, and himself as a conversation agent, for Home Assistant above all.

Each connection is served by a task of its own, one request after the other; a client that leaves takes its request with
it. Home Assistant opens a new connection for each turn, and its context says which conversation and device it is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import trio

from harry.plugin import SAMPLE_BYTES, HarryError
from harry_wyoming.codec import WyomingFormatError
from harry_wyoming.connection import Connection
from harry_wyoming.messages import (
    AsrModel,
    AsrProgram,
    Attribution,
    AudioChunk,
    AudioStart,
    AudioStop,
    Error,
    Event,
    Handled,
    HandleModel,
    HandleProgram,
    Info,
    NotHandled,
    Ping,
    Pong,
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStopped,
    Transcript,
    TtsProgram,
    TtsVoice,
)

MAX_CONNECTIONS = 32
"""Connections at once; another one is closed as it comes."""

MAX_SOUND_BYTES = 16 << 20
"""Bytes of an utterance: more than five minutes at 24 kHz. What is beyond is not heard."""

MAX_WAITING = 8
"""Messages of a client that wait while one of its requests is served."""

MAX_TEXT_CHARACTERS = 10_000
"""Characters of a text to be answered, or spoken."""

IDLE_SECONDS = 300.0
"""Seconds in which a client says nothing, after which its connection is closed."""

SEND_WITHIN = 30.0
"""Seconds in which a client takes what it is sent."""

LINGER_SECONDS = 2.0
"""Seconds in which a client that was told an error closes the connection, before it is closed for him."""

_MADE_BY = Attribution(name="Harry", url="")


class Companion(Protocol):
    """What the clients reach: Harry's ear, voice and mind. What fails raises `harry.plugin.HarryError`."""

    name: str
    version: str
    language: str
    rate: int
    hears: bool
    speaks: bool

    async def hear(self, pcm: bytes, rate: int) -> str:
        """Return the words in mono 16-bit PCM at `rate` Hz."""
        ...

    async def speak(self, text: str, emit: Callable[[bytes], Awaitable[None]]) -> None:
        """Hand mono 16-bit PCM at the companion's `rate` to `emit` as it is made."""
        ...

    async def answer(self, text: str, *, device: str, conversation: str) -> str:
        """Return what is answered to words that came from a device, within a conversation of its."""
        ...


class AllowList:
    """Who may come in: this computer, and the networks that are named. There is no authentication in the protocol."""

    def __init__(self, named: Sequence[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(each, strict=False) for each in named)

    def __contains__(self, peer: object) -> bool:
        try:
            address = ipaddress.ip_address(str(peer).partition("%")[0])
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return plain.is_loopback or any(plain in network for network in self._networks)


class WyomingServer:
    """Serves one companion. `on_crash` is told what breaks a connection although it should not."""

    def __init__(
        self, companion: Companion, allowed: AllowList, on_crash: Callable[[BaseException], None] = lambda error: None
    ) -> None:
        self._companion = companion
        self._allowed = allowed
        self._on_crash = on_crash
        self._open = 0

    async def serve(self, listeners: Sequence[trio.SocketListener]) -> None:
        """Let in until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(trio.serve_listeners, self._let_in, list(listeners)))

    async def _let_in(self, stream: trio.SocketStream) -> None:
        try:
            peer = stream.socket.getpeername()[0]
        except OSError:
            return
        if peer not in self._allowed or self._open >= MAX_CONNECTIONS:
            await trio.aclose_forcefully(stream)
            return
        self._open += 1
        try:
            await self._converse(Connection(stream))
        except* (trio.BrokenResourceError, trio.ClosedResourceError, WyomingFormatError):
            pass  # The client has gone, or speaks another language: nobody is left to be told.
        except* Exception as errors:  # noqa: BLE001  told; one connection that breaks leaves the others alone
            self._on_crash(errors)
        finally:
            self._open -= 1
            await trio.aclose_forcefully(stream)

    async def _converse(self, connection: Connection) -> None:
        client = _Client(self._companion, connection)
        incoming, requests = trio.open_memory_channel[Event](MAX_WAITING)
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                # The end of the connection is noticed while a request is being served, and ends it.
                try:
                    while True:
                        with trio.move_on_after(IDLE_SECONDS) as waiting:
                            event = await connection.receive()
                        if client.busy and waiting.cancelled_caught:
                            continue
                        if waiting.cancelled_caught or event is None:
                            break
                        await incoming.send(event)
                finally:
                    nursery.cancel_scope.cancel()

            nursery.start_soon(read)
            async for request in requests:
                if not await client.take(request):
                    # Closed while something of the client's is unread, the error would never reach him.
                    await connection.send_eof()
                    with trio.move_on_after(LINGER_SECONDS):
                        async for _ in requests:
                            pass
                    break
            nursery.cancel_scope.cancel()


@dataclass(slots=True)
class _Sound:
    """An utterance as it comes in."""

    rate: int
    channels: int
    pcm: bytearray


class _Client:
    """One connection's requests. `busy`: one is being served."""

    def __init__(self, companion: Companion, connection: Connection) -> None:
        self.busy = False
        self._companion = companion
        self._connection = connection
        self._sound: _Sound | None = None
        self._streamed: list[str] | None = None
        self._handlers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "describe": self._describe,
            "ping": self._pong,
            "transcribe": self._transcribe,
            "audio-start": self._begin_sound,
            "audio-chunk": self._more_sound,
            "audio-stop": self._end_sound,
            "synthesize": self._synthesize,
            "synthesize-start": self._begin_text,
            "synthesize-chunk": self._more_text,
            "synthesize-stop": self._end_text,
            "transcript": self._handle,
        }

    async def take(self, event: Event) -> bool:
        """Serve a message; one that is not known is left alone, as the protocol asks.

        Returns whether the connection goes on: an error ends it, because some clients wait for nothing but an answer.
        """
        handler = self._handlers.get(event.type)
        if handler is None:
            return True
        self.busy = True
        try:
            await handler(event)
        except HarryError as error:
            await self._send(Error(text=str(error), code=type(error).__name__))
        except (KeyError, TypeError, ValueError) as error:
            await self._send(Error(text=f"This {event.type} cannot be read.", code=type(error).__name__))
        else:
            return True
        finally:
            self.busy = False
        return False

    async def _send(self, *messages: Any) -> None:
        with trio.move_on_after(SEND_WITHIN) as sending:
            await self._connection.send(*messages)
        if sending.cancelled_caught:
            raise trio.BrokenResourceError("the client takes nothing")

    async def _describe(self, _: Event) -> None:
        await self._send(describe(self._companion))

    async def _pong(self, event: Event) -> None:
        await self._send(Pong(text=Ping.from_event(event).text))

    # The ear

    async def _transcribe(self, _: Event) -> None:
        self._sound = None
        await trio.lowlevel.checkpoint()

    async def _begin_sound(self, event: Event) -> None:
        start = AudioStart.from_event(event)
        if start.width != SAMPLE_BYTES or not 1 <= start.channels <= 8 or not 4_000 <= start.rate <= 192_000:
            raise ValueError("sound of 16 bits was expected")
        self._sound = _Sound(start.rate, start.channels, bytearray())
        await trio.lowlevel.checkpoint()

    async def _more_sound(self, event: Event) -> None:
        if self._sound is None:
            await self._begin_sound(event)
        sound = self._sound
        if sound is not None and len(sound.pcm) < MAX_SOUND_BYTES:
            sound.pcm += event.payload or b""

    async def _end_sound(self, _: Event) -> None:
        sound, self._sound = self._sound, None
        if sound is None:
            raise ValueError("no sound came before its end")
        pcm = await trio.to_thread.run_sync(_to_mono, sound)
        text = await self._companion.hear(pcm, sound.rate)
        await self._send(Transcript(text=text, language=self._companion.language))

    # The voice

    async def _synthesize(self, event: Event) -> None:
        if self._streamed is not None:
            await trio.lowlevel.checkpoint()
            return  # It repeats what streams, for servers that cannot stream: it is not spoken twice.
        await self._speak(Synthesize.from_event(event).text)

    async def _begin_text(self, event: Event) -> None:
        SynthesizeStart.from_event(event)
        self._streamed = []
        await trio.lowlevel.checkpoint()

    async def _more_text(self, event: Event) -> None:
        if self._streamed is None:
            raise ValueError("a part of a text came before its start")
        text = SynthesizeChunk.from_event(event).text
        if not isinstance(text, str) or sum(map(len, self._streamed)) + len(text) > MAX_TEXT_CHARACTERS:
            raise ValueError("a text that is too long")
        self._streamed.append(text)
        await trio.lowlevel.checkpoint()

    async def _end_text(self, _: Event) -> None:
        parts, self._streamed = self._streamed or [], None
        await self._speak("".join(parts))
        await self._send(SynthesizeStopped())

    async def _speak(self, text: str) -> None:
        if not isinstance(text, str) or len(text) > MAX_TEXT_CHARACTERS:
            raise ValueError("a text that is too long")
        rate = self._companion.rate
        form = {"rate": rate, "width": SAMPLE_BYTES, "channels": 1}
        await self._send(AudioStart(**form))
        sent = 0

        async def emit(pcm: bytes) -> None:
            nonlocal sent
            # A tenth of a second in each message: loudspeakers begin with the first.
            size = rate // 10 * SAMPLE_BYTES
            for at in range(0, len(pcm), size):
                part = pcm[at : at + size]
                await self._send(AudioChunk(**form, audio=part, timestamp=1000 * sent // rate))
                sent += len(part) // SAMPLE_BYTES

        if text.strip():
            await self._companion.speak(text, emit)
        await self._send(AudioStop(timestamp=1000 * sent // rate))

    # Himself

    async def _handle(self, event: Event) -> None:
        said = Transcript.from_event(event)
        context = said.context if isinstance(said.context, dict) else {}
        if not isinstance(said.text, str) or len(said.text) > MAX_TEXT_CHARACTERS:
            raise ValueError("words that are too many")
        if not said.text.strip():
            await self._send(NotHandled(text="I heard nothing.", context=context or None))
            return
        try:
            text = await self._companion.answer(
                said.text,
                device=_name(context.get("device_id")) or _name(context.get("satellite_id")),
                conversation=_name(context.get("conversation_id")),
            )
        except HarryError as error:
            await self._send(NotHandled(text=str(error), context=context or None))
            return
        await self._send(Handled(text=text, context=context or None))


def _name(given: object) -> str:
    """Return a name that a client gives, "" for none; long ones are cut."""
    return "".join(filter(str.isprintable, given))[:100] if isinstance(given, str) else ""


def _to_mono(sound: _Sound) -> bytes:
    whole = len(sound.pcm) - len(sound.pcm) % (SAMPLE_BYTES * sound.channels)
    if sound.channels == 1:
        return bytes(sound.pcm[:whole])
    return memoryview(sound.pcm[:whole]).cast("h")[:: sound.channels].tobytes()


def describe(companion: Companion) -> Info:
    """Return what a companion offers."""
    languages = [companion.language]

    def named(what: str) -> dict[str, Any]:
        return {
            "name": companion.name.lower(),
            "attribution": _MADE_BY,
            "installed": True,
            "description": f"{companion.name}'s {what}",
            "version": companion.version,
        }

    ear = AsrProgram(**named("ear"), models=[AsrModel(**named("ear"), languages=languages)])
    voice = TtsProgram(
        **named("voice"),
        voices=[TtsVoice(**named("voice"), languages=languages)],
        supports_synthesize_streaming=True,
    )
    agent = HandleProgram(**named("conversation"), models=[HandleModel(**named("conversation"), languages=languages)])
    return Info(asr=[ear] if companion.hears else [], tts=[voice] if companion.speaks else [], handle=[agent])
