"""`harry doctor --audio`: Harry says a few sentences and listens to himself, to learn how well he can be interrupted.

What he finds out is what he would find out by himself while he greets: the delay and the loudness of his echo, and
whether he can take it away or has to be deaf while he speaks.
"""

from __future__ import annotations

import trio

from actors.protocols import Loudspeaker, Microphone, TextToSpeech
from channels.clock import AudioClock
from channels.gate import Gate
from channels.messages import Frame
from harry.audio.choice import open_loudspeaker, open_microphone
from harry.cli.sound_trial import LONGEST, load_voice, say_aloud, trouble_in
from harry.config.loading import Config
from harry.errors import HarryError
from harry.hearing.echo.canceller import Duplex
from harry.session.echo_path import EchoPath

WORDS = (
    "I am listening to my own voice, to learn how this room sounds. ",
    "Please say nothing for some seconds, while I count to seven. ",
    "One, two, three, four, five, six, seven. Thank you, that was all.",
)


async def listen_to_oneself(config: Config) -> tuple[str, str, str]:
    """Speak and listen. Returns the state (`ok`, `warning`, `problem`), what was found, and what to do."""
    clock = AudioClock()
    try:
        microphone = (await open_microphone(config.audio.microphone, clock)).device
        loudspeaker = (await open_loudspeaker(config.audio.loudspeaker, clock)).device
        if microphone is None or loudspeaker is None:
            return "warning", "Harry needs a microphone and a loudspeaker for this.", "Connect them, or name them."
        voice = await load_voice(config)
        with trio.fail_after(LONGEST):
            echo = await _speak(voice, microphone, loudspeaker, clock)
    except (HarryError, trio.TooSlowError, ExceptionGroup) as error:
        trouble = trouble_in(error)
        return "problem", trouble.message, trouble.remedy
    found = echo.canceller.describe()
    if echo.canceller.duplex is Duplex.HALF:
        return "warning", found, "Turn the loudspeaker down, move the microphone away, or use headphones."
    return "ok", found, ""


async def _speak(voice: TextToSpeech, microphone: Microphone, loudspeaker: Loudspeaker, clock: AudioClock) -> EchoPath:
    gate = Gate(loudspeaker.rate)
    gate.attach(loudspeaker)
    echo = EchoPath(gate, clock, loudspeaker.pending)

    def hear(frame: Frame) -> None:
        echo.clean(frame)

    async with trio.open_nursery() as nursery:
        clock.start()
        await nursery.start(loudspeaker.play, gate)
        await nursery.start(microphone.capture, hear)
        await say_aloud(voice, gate, *WORDS)
        nursery.cancel_scope.cancel()
    await voice.aclose()
    return echo
