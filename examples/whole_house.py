"""A whole conversation with an interruption, in virtual time: every actor at work, no sound card, no model, a second.

`python examples/whole_house.py` prints what happened, and at which second. The engines are scripted: the ear hears the
next line in each utterance, the mind answers with the next line, the voice speaks each word as a tone of 0.2 s.
"""

import trio
from trio.testing import MockClock

from actors.thinker import Reflection
from channels.clock import AudioClock
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.hearing.energy import Energy, EnergySettings
from harry.host.conversation import ConversationDevices, ConversationServices, ConversationSettings, build_conversation
from harry.inner_life.state import StateOfMind
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.spill import MemorySpill
from harry.plugin import EngineError, Message, Role, TextPart
from harry.session.conductor import Identity
from harry.testing.engines import ScriptedLanguageModel, ScriptedSettings, ScriptedSpeechToText, ScriptedVoice
from harry.testing.loudspeaker import VirtualLoudspeaker
from harry.testing.microphone import SILENT_FRAME, VOICED_FRAME, HandFedMicrophone

ASKED = ["Tell me a story.", "What happened to the keeper?"]
ANSWERS = ["There was once a lighthouse at the end of a long spit of sand.", "He stayed and lit the lamp."]
FRAME = 0.032  # seconds
SHOWN = ("transcript", "turn_began", "speaking_started", "interrupted", "heard", "turn_ended", "soc")


class InnerLife:
    """Thinks one thing whenever it has been quiet for a while."""

    state = StateOfMind("you")
    run = staticmethod(trio.sleep_forever)

    def join(self, thinker, events, *, history, keeps, busy, write):
        async def reflect():
            return Reflection(thought=f"They asked {len(history())} things about a lighthouse.")

        return thinker(
            events=events,
            reflect=reflect,
            keep=lambda reflection: write(reflection.thought),
            may=keeps,
            busy=busy,
            failure=EngineError,
        )


async def main():
    clock, microphone = AudioClock(), HandFedMicrophone()
    engines = Engines(
        voice_activity=EnginePool("voice_activity", Energy("energy", EnergySettings())),
        speech_to_text=EnginePool("speech_to_text", ScriptedSpeechToText("scripted", ASKED)),
    )
    services = ConversationServices(
        engines=engines,
        mind=EnginePool("language_model", ScriptedLanguageModel("scripted", ANSWERS)),
        voice=EnginePool("text_to_speech", ScriptedVoice("scripted", ScriptedSettings())),
        store=InMemoryStore(),
        spill=MemorySpill(),
        prompt=lambda user, mind, recollection: (Message(Role.USER, (TextPart(recollection.utterance.text),)),),
        today=lambda: "2000-01-01",
        inner=InnerLife(),
    )
    devices = ConversationDevices(clock, microphone, VirtualLoudspeaker(clock, rate=24_000))
    session = build_conversation(Identity("you", "session", "harry"), ConversationSettings(), services, devices)
    happened = session.events.listen(1_000, lossless=True)

    async with trio.open_nursery() as nursery:
        await nursery.start(session.run)
        for frame, seconds in ((VOICED_FRAME, 1.0), (SILENT_FRAME, 2.5), (VOICED_FRAME, 1.0), (SILENT_FRAME, 30.0)):
            for _ in range(round(seconds / FRAME)):
                await trio.sleep(FRAME)
                await microphone.push(frame)
        nursery.cancel_scope.cancel()

    for event in happened.take_waiting():
        if event.event in SHOWN and not event.fields.get("partial"):
            told = event.fields.get("text") or event.fields.get("reason", "")
            print(f"{event.at:6.2f}  {event.event:16}  {told}".rstrip())


trio.run(main, clock=MockClock(autojump_threshold=0))
