"""A turn that rings: its sound, its sentence, and the sound again and again until it is cut or its time is over.

All of it goes through the turn's slot like any speech, so whatever cuts Harry cuts a ring. The sentence counts as heard
once: what is repeated of it carries no words.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import structlog
import trio

from actors.protocols import TextToSpeech
from actors.speaker import convert_rate, synthesise
from actors.supervisor import describe_origin
from actors.text.segmentation import Wording
from channels.gate import Slot
from channels.messages import Chunk, Ring
from harry.audio.ring_sound import ring_sound, silence
from harry.engines.deadline import ProgressDeadline
from harry.engines.lease import EnginePool
from harry.voice.spoken_voice import SpokenVoice

PAUSE = 0.5
"""Seconds of silence between two soundings."""

SENTENCE_EVERY = 4
"""After so many soundings the sentence is said again."""

VOICE_WITHIN = 10.0
"""Seconds for which a ring waits for a sign of the voice; then it rings without, or with what there is."""

MAX_SENTENCE = 30
"""Seconds of a sentence that are kept to be repeated."""

log = structlog.get_logger(__name__)


async def ring_out(
    words: str,
    ring: Ring,
    *,
    voice: EnginePool[TextToSpeech],
    slot: Slot,
    rate: int,
    on_piece: Callable[[str], None],
    spoken: Callable[[TextToSpeech], TextToSpeech] = SpokenVoice,
) -> None:
    """Ring until the slot is closed or `ring.seconds` have passed. A voice without sound only shows the words.

    A voice that fails, hangs or is out of use does not keep a timer from ringing: the sound rings alone. `spoken` makes
    a voice say in words what is written.
    """
    sentence = await _synthesized(words, voice, rate, on_piece, spoken)
    if sentence and not any(chunk.pcm for chunk in sentence):
        await _write(slot, sentence)
        return
    sound, pause = ring_sound(ring.kind, rate), silence(PAUSE, rate)
    until = trio.current_time() + ring.seconds
    if not await slot.write(sound) or not await _write(slot, sentence):
        return
    again = [Chunk(chunk.pcm, chunk.rate) for chunk in sentence]
    soundings = 1
    while trio.current_time() < until and await slot.write(pause):
        if soundings % SENTENCE_EVERY == 0 and not await _write(slot, again):
            return
        if not await slot.write(sound):
            return
        soundings += 1


async def _synthesized(
    words: str,
    voices: EnginePool[TextToSpeech],
    rate: int,
    on_piece: Callable[[str], None],
    spoken: Callable[[TextToSpeech], TextToSpeech],
) -> list[Chunk]:
    chunks: list[Chunk] = []

    async def take(chunk: Chunk) -> None:
        patience.renew()
        if sum(each.samples for each in chunks) < MAX_SENTENCE * rate:
            chunks.append(await convert_rate(chunk, rate))

    wording = Wording()
    try:
        with ProgressDeadline("The voice", between_signs=VOICE_WITHIN, total=inf) as patience:
            async with voices.lease() as leased:
                voice = spoken(leased)
                for text in [*wording.feed(words), *wording.end()]:
                    on_piece(text)
                    await synthesise(voice, text, take)
    except Exception as error:  # noqa: BLE001  a voice may come from anybody
        log.warning("a timer rings without its sentence", cause=describe_origin(error))
    return chunks


async def _write(slot: Slot, chunks: list[Chunk]) -> bool:
    for chunk in chunks:
        if not await slot.write(chunk.pcm, chunk.words):
            return False
    return not slot.closed
