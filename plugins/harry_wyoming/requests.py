"""What a client of the service asks on one connection: to be heard, spoken to and answered by Harry.

Home Assistant opens a new connection for each turn, and its context says which conversation and device it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import trio

from harry.plugin import SAMPLE_BYTES, HarryError
from harry_wyoming.connection import Connection
from harry_wyoming.description import Offering, describe
from harry_wyoming.messages import (
    AudioChunk,
    AudioStart,
    AudioStop,
    Error,
    Event,
    Handled,
    NotHandled,
    Ping,
    Pong,
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStopped,
    Transcript,
)

MAX_SOUND_BYTES = 16 << 20
"""Bytes of an utterance: more than five minutes at 24 kHz. What is beyond is not heard."""

MAX_TEXT_CHARACTERS = 10_000
"""Characters of a text to be answered, or spoken."""

MAX_JSON_BYTES = 128 << 10
"""Bytes of a message's second part: a text of that length, each character written in its longest form."""

SEND_WITHIN = 30.0
"""Seconds in which a client takes what it is sent."""


class Companion(Offering, Protocol):
    """What the clients reach: Harry's ear, voice and mind. What fails raises `harry.plugin.HarryError`."""

    rate: int

    async def hear(self, pcm: bytes, rate: int) -> str:
        """Return the words in mono 16-bit PCM at `rate` Hz."""
        ...

    async def speak(self, text: str, emit: Callable[[bytes], Awaitable[None]]) -> None:
        """Hand mono 16-bit PCM at the companion's `rate` to `emit` as it is made."""
        ...

    async def answer(self, text: str, *, device: str, conversation: str) -> str:
        """Return what is answered to words that came from a device, within a conversation of its."""
        ...


class UnreadableError(HarryError):
    """A message of a known type does not hold what it should."""


@contextmanager
def _reading(event: Event) -> Iterator[None]:
    """Raise `UnreadableError` for what is wrong with a message. What fails later is no fault of the client's."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(f"This {event.type} cannot be read.") from error


@dataclass(slots=True)
class _Sound:
    """An utterance as it comes in."""

    rate: int
    channels: int
    pcm: bytearray


class Requests:
    """One connection's requests. `busy`: one is being served."""

    def __init__(self, companion: Companion, connection: Connection) -> None:
        self.busy = False
        self._companion = companion
        self._connection = connection
        self._sound: _Sound | None = None
        self._streamed: str | None = None
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
        with _reading(event):
            said = Ping.from_event(event).text
        await self._send(Pong(text=said))

    # The ear

    async def _transcribe(self, _: Event) -> None:
        self._sound = None
        await trio.lowlevel.checkpoint()

    async def _begin_sound(self, event: Event) -> None:
        with _reading(event):
            start = AudioStart.from_event(event)
            if not all(isinstance(given, int) for given in (start.width, start.channels, start.rate)):
                raise TypeError("whole numbers were expected")
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

    async def _end_sound(self, event: Event) -> None:
        sound, self._sound = self._sound, None
        with _reading(event):
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
        with _reading(event):
            text = _text(Synthesize.from_event(event).text)
        await self._speak(text)

    async def _begin_text(self, event: Event) -> None:
        with _reading(event):
            SynthesizeStart.from_event(event)
        self._streamed = ""
        await trio.lowlevel.checkpoint()

    async def _more_text(self, event: Event) -> None:
        with _reading(event):
            if self._streamed is None:
                raise ValueError("a part of a text came before its start")
            self._streamed = _text(self._streamed + SynthesizeChunk.from_event(event).text)
        await trio.lowlevel.checkpoint()

    async def _end_text(self, _: Event) -> None:
        text, self._streamed = self._streamed or "", None
        await self._speak(text)
        await self._send(SynthesizeStopped())

    async def _speak(self, text: str) -> None:
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
        with _reading(event):
            said = Transcript.from_event(event)
            words = _text(said.text)
        context = said.context if isinstance(said.context, dict) else {}
        if not words.strip():
            await self._send(NotHandled(text="I heard nothing.", context=context or None))
            return
        try:
            text = await self._companion.answer(
                words,
                device=_name(context.get("device_id")) or _name(context.get("satellite_id")),
                conversation=_name(context.get("conversation_id")),
            )
        except HarryError as error:
            await self._send(NotHandled(text=str(error), context=context or None))
            return
        await self._send(Handled(text=text, context=context or None))


def _text(given: object) -> str:
    """Return a text that a client gives. Raises `TypeError` for what is none, `ValueError` for one that is too long."""
    if not isinstance(given, str):
        raise TypeError("a text was expected")
    if len(given) > MAX_TEXT_CHARACTERS:
        raise ValueError("a text that is too long")
    return given


def _name(given: object) -> str:
    """Return a name that a client gives, "" for none; long ones are cut."""
    return "".join(filter(str.isprintable, given))[:100] if isinstance(given, str) else ""


def _to_mono(sound: _Sound) -> bytes:
    whole = len(sound.pcm) - len(sound.pcm) % (SAMPLE_BYTES * sound.channels)
    if sound.channels == 1:
        return bytes(sound.pcm[:whole])
    return memoryview(sound.pcm[:whole]).cast("h")[:: sound.channels].tobytes()
