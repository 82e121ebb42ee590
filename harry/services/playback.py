"""Sound by a loudspeaker outside of any session: for programs that let Harry say something and wait until he has."""

from __future__ import annotations

import trio

from actors.protocols import Loudspeaker
from actors.speaker import convert_rate
from channels.clock import AudioClock
from channels.gate import Gate
from channels.messages import SAMPLE_BYTES, Chunk, Source, Utterance
from channels.turn import Turn, new_id


async def play(loudspeaker: Loudspeaker, clock: AudioClock, pcm: bytes, rate: int) -> None:
    """Play mono 16-bit PCM at `rate` Hz by a loudspeaker that nobody else plays on, until its last sample has sounded.

    Raises `DeviceError`. Cancelled, it is silent at once.
    """
    gate = Gate(loudspeaker.rate)
    gate.attach(loudspeaker)
    portion = rate // 10 * SAMPLE_BYTES
    async with trio.open_nursery() as nursery:
        clock.start()
        await nursery.start(loudspeaker.play, gate)
        slot = gate.admit(Turn(Utterance(new_id(), "", Source.PROACTIVE), "harry", "playback", "harry"))
        for start in range(0, len(pcm), portion):
            fitted = await convert_rate(Chunk(pcm[start : start + portion], rate), gate.rate)
            await slot.write(fitted.pcm, fitted.words)
        slot.finish()
        await slot.wait_played()
        nursery.cancel_scope.cancel()
