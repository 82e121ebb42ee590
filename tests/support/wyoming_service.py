"""A program: a Wyoming service by the `wyoming` library's own server, on asyncio.

It prints its port, then what it sees. It has an ear that tells how much sound it got, and voices that say a tenth of a
second for each word; in a text with "forever" the last word never ends, and "Fail" is an error. It ends when its input
does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Info, TtsProgram, TtsVoice
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.tts import SynthesizeStopped

RATE = 22_050
FORM = {"rate": RATE, "width": 2, "channels": 1}
PART = b"\0\x20" * (RATE // 10)


def tell(**seen: Any) -> None:
    print(json.dumps(seen), flush=True)


def named(name: str) -> dict[str, Any]:
    by = Attribution(name="test", url="http://localhost")
    return {"name": name, "attribution": by, "installed": True, "description": "x" * 200, "version": "1.0"}


# Many models, so that what it says of itself is longer than a line may be.
MODELS = [AsrModel(**named(f"model-{number}"), languages=["en"]) for number in range(400)]
INFO = Info(
    asr=[AsrProgram(**named("listener"), models=MODELS), AsrProgram(**named("other"), models=[])],
    tts=[
        TtsProgram(**named("plain"), voices=[TtsVoice(**named("joe"), languages=["en"])]),
        TtsProgram(**named("streams"), voices=[], supports_synthesize_streaming=True),
    ],
)


class Handler(AsyncEventHandler):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.samples = 0
        self.text = ""

    async def handle_event(self, event: Event) -> bool:
        if event.type == "audio-chunk":
            self.samples += len(event.payload or b"") // 2
            return True
        tell(type=event.type, data=event.data)
        if event.type == "describe":
            await self.write_event(INFO.event())
        elif event.type == "audio-stop":
            await self.write_event(Transcript(text=f" I got {self.samples} samples. ").event())
        else:
            await self.synthesize(event)
        return True

    async def synthesize(self, event: Event) -> None:
        if event.type == "synthesize-chunk":
            self.text += event.data["text"]
        elif event.type == "synthesize":
            await self.speak(event.data["text"])
        elif event.type == "synthesize-stop":
            for part in self.text.split(","):
                await self.speak(part)
            await self.write_event(SynthesizeStopped().event())

    async def speak(self, text: str) -> None:
        if text.startswith("Fail"):
            await self.write_event(Error(text="secret words", code="voice-missing").event())
            return
        await self.write_event(AudioStart(**FORM).event())
        for _ in text.split():
            await self.write_event(AudioChunk(**FORM, audio=PART).event())
        while "forever" in text:
            await self.write_event(AudioChunk(**FORM, audio=PART).event())
            await asyncio.sleep(0.05)
        await self.write_event(AudioStop().event())

    async def run(self) -> None:
        try:
            await super().run()
        except ConnectionError:
            tell(type="broke off")


async def main() -> None:
    server: Any = AsyncTcpServer("127.0.0.1", 0)
    await server.start(Handler)
    tell(port=server._server.sockets[0].getsockname()[1])
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
