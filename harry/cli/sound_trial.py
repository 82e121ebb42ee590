"""Trying a microphone and a loudspeaker before a conversation: how loud the room is heard, and a sentence spoken.

Shared by `harry setup` and `harry doctor --audio`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trio

from actors.protocols import TextToSpeech
from actors.speaker import convert_rate
from channels.clock import AudioClock
from channels.gate import Gate
from channels.messages import Chunk, Frame, Source, Utterance
from channels.turn import Turn, new_id
from harry.audio.choice import open_loudspeaker, open_microphone
from harry.cli.exit_codes import iter_leaf_exceptions
from harry.config.loading import Config
from harry.engines import registry
from harry.errors import HarryError

LONGEST = 60.0
"""Seconds after which a device that does not play is given up."""

SILENCE, QUIET, CLIPPED = -80.0, -45.0, -1.0
"""Decibels below full scale: nothing at all, too quiet to be understood, cut off at the top."""


@dataclass(frozen=True, slots=True)
class Level:
    """What a microphone gave: the loudest tenth of its frames and its loudest sample, in decibels below full scale."""

    voice: float
    peak: float
    frames: int

    def describe(self) -> str:
        """Say in a sentence how well somebody would be heard."""
        if not self.frames:
            return "The microphone gave no sound at all. Is it used by another program?"
        if self.peak <= SILENCE:
            return "The microphone gave nothing but silence. It may be muted, or switched off."
        if self.voice < QUIET:
            return f"That was very quiet ({self.voice:.0f} dB). Turn the microphone up, or come nearer."
        if self.peak >= CLIPPED:
            return f"That was too loud ({self.voice:.0f} dB, cut off at the top). Turn the microphone down a little."
        return f"Heard you well ({self.voice:.0f} dB)."


async def hear_level(requested: str | list[str], seconds: float) -> Level | None:
    """Listen for `seconds`; None where there is no microphone. `trouble_in` tells what it raises."""
    clock = AudioClock()
    microphone = (await open_microphone(requested, clock)).device
    if microphone is None:
        return None
    loudness: list[float] = []
    peak = 0.0

    def hear(frame: Frame) -> None:
        nonlocal peak
        samples = np.frombuffer(frame.pcm, np.int16).astype(np.float32) / 32_768
        if samples.size:
            loudness.append(float(np.sqrt(np.mean(samples * samples))))
            peak = max(peak, float(np.abs(samples).max()))

    async with trio.open_nursery() as nursery:
        clock.start()
        await nursery.start(microphone.capture, hear)
        await trio.sleep(seconds)
        nursery.cancel_scope.cancel()
    voice = float(np.quantile(loudness, 0.9)) if loudness else 0.0
    return Level(_decibels(voice), _decibels(peak), len(loudness))


async def say_sample(config: Config, requested: str | list[str], words: str) -> bool:
    """Speak words with the configured voice; False where there is no loudspeaker.

    Raises `HarryError` where device or voice fail, `trio.TooSlowError` where the device does not play, each of them
    also in a group: `trouble_in` tells them.
    """
    clock = AudioClock()
    voice = await load_voice(config)
    try:
        loudspeaker = (await open_loudspeaker(requested, clock, voice.rate)).device
        if loudspeaker is None:
            return False
        with trio.fail_after(LONGEST):
            gate = Gate(loudspeaker.rate)
            gate.attach(loudspeaker)
            async with trio.open_nursery() as nursery:
                clock.start()
                await nursery.start(loudspeaker.play, gate)
                await say_aloud(voice, gate, words)
                nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await voice.aclose()
    return True


async def load_voice(config: Config) -> TextToSpeech:
    """Load the first voice of the configuration. Raises `HarryError`."""
    name = config.chain("text_to_speech")[0]
    voice: TextToSpeech = await trio.to_thread.run_sync(
        registry.load_engine, "text_to_speech", name, config.engine_table(name)
    )
    return voice


async def say_aloud(voice: TextToSpeech, gate: Gate, *sentences: str) -> None:
    """Speak sentences through a gate that plays, and return when the last was heard."""
    slot = gate.admit(Turn(Utterance(new_id(), "", Source.PROACTIVE), "you", "trial", "you"))

    async def write(chunk: Chunk) -> None:
        fitted = await convert_rate(chunk, gate.rate)
        await slot.write(fitted.pcm, fitted.words)

    for words in sentences:
        await voice.speak(words, write)
    slot.finish()
    await slot.wait_played()


def trouble_in(error: Exception) -> HarryError:
    """Return what went wrong in a trial, out of its groups; raises what is no trouble of a device."""
    causes = list(iter_leaf_exceptions(error))
    if not all(isinstance(cause, HarryError | trio.TooSlowError) for cause in causes):
        raise error
    told = next((cause for cause in causes if isinstance(cause, HarryError)), None)
    return told or HarryError(f"The device did not play for {LONGEST:g} seconds.", remedy="Try another one.")


def _decibels(amplitude: float) -> float:
    return max(-90.0, 20 * float(np.log10(amplitude))) if amplitude > 0 else -90.0
