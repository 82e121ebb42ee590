"""Talks with Harry by the official `openai` SDK, while `harry run` runs; HARRY_TOKEN is what `harry token` printed."""

import asyncio
import os

from openai import AsyncOpenAI

harry = AsyncOpenAI(base_url=os.environ.get("HARRY", "http://127.0.0.1:8765/v1"), api_key=os.environ["HARRY_TOKEN"])


async def main() -> None:
    """Ask by chat, then by the Realtime protocol."""
    reply = await harry.chat.completions.create(model="harry", messages=[{"role": "user", "content": "Good morning!"}])
    print(reply.choices[0].message.content)

    async with harry.realtime.connect(model="harry") as conversation:
        await conversation.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What do you see?"}]}
        )
        await conversation.response.create()
        async for event in conversation:  # his voice comes as response.output_audio.delta, PCM16 at 24 kHz
            if event.type == "response.output_audio_transcript.delta":
                print(event.delta, end="", flush=True)
            elif event.type == "response.done":
                break


asyncio.run(main())
