"""A program: the `wyoming` library's own client, on asyncio, asks PORT all that Home Assistant asks of a service.

It prints what came, a line of JSON each.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice

PORT = int(sys.argv[1])
FORM = {"rate": 16_000, "width": 2, "channels": 1}
SOUND = [AudioChunk(**FORM, audio=b"\1\2" * 1024) for _ in range(16)]
VOICE = SynthesizeVoice(name="harry")


def tell(**came: Any) -> None:
    print(json.dumps(came), flush=True)


async def asked(*events: Any, until: str) -> list[Event]:
    """Ask on a connection of its own, as Home Assistant does; returns what came, until a type or an error."""
    answers: list[Event] = []
    async with AsyncTcpClient("127.0.0.1", PORT, connect_timeout=5, read_timeout=30) as client:
        for event in events:
            await client.write_event(event if isinstance(event, Event) else event.event())
        while not answers or answers[-1].type not in (until, "not-handled", "error"):
            answer = await client.read_event()
            if answer is None:
                break
            answers.append(answer)
    return answers


async def converse(text: str, **context: str) -> None:
    [answer] = await asked(Transcript(text=text, language="en", context=context), until="handled")
    tell(type=answer.type, text=answer.data.get("text"), context=answer.data.get("context"))


def sound(answers: list[Event]) -> dict[str, Any]:
    return {
        "types": [event.type for event in answers],
        "bytes": sum(len(event.payload or b"") for event in answers),
        "rates": sorted({event.data["rate"] for event in answers if event.type == "audio-chunk"}),
    }


async def main() -> None:
    [answer] = await asked(Describe(), until="info")
    info = Info.from_event(answer)
    programs = {role: [program.name for program in getattr(info, role)] for role in ("asr", "tts", "handle")}
    tell(info=programs, streams=info.tts[0].supports_synthesize_streaming)
    [pong] = await asked(Event("no-such-event", {"a": 1}), Ping(text="here"), until="pong")
    tell(pong=pong.data["text"])
    words = await asked(Transcribe(language="en"), AudioStart(**FORM), *SOUND, AudioStop(), until="transcript")
    tell(transcript=[event.data for event in words])
    tell(plain=sound(await asked(Synthesize(text="One two.", voice=VOICE), until="audio-stop")))
    streamed = [
        SynthesizeStart(voice=VOICE), SynthesizeChunk(text="One "), SynthesizeChunk(text="two."),
        Synthesize(text="One two.", voice=VOICE), SynthesizeStop(),
    ]  # fmt: skip
    tell(streamed=sound(await asked(*streamed, until="synthesize-stopped")))
    await converse("What is two plus two?", conversation_id="c1", device_id="kitchen")
    await converse("Tell me a story.", conversation_id="c1", device_id="kitchen")
    await converse("Another one.", conversation_id="c1", device_id="kitchen")
    await converse("And here?", conversation_id="c1", satellite_id="attic")
    await converse("  ", conversation_id="c2")


if __name__ == "__main__":
    asyncio.run(main())
