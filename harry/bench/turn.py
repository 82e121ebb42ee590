"""How much time Harry himself takes: from the decision that an utterance is over to the first sample at the gate.

The engines are scripted and answer without delay, so what is measured is the house: transcriber, conductor, retriever,
responder, speaker and the hops between them, on the real clock, in a whole session.
"""

from __future__ import annotations

import time
from typing import Any

import trio

from actors.protocols import LanguageModel, Message, Role, TextPart, TextToSpeech
from channels.clock import AudioClock
from channels.messages import Recollection, Speech
from harry.bench.figures import percentiles
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.hearing.energy import Energy, EnergySettings
from harry.host.conversation import ConversationDevices, ConversationServices, ConversationSettings, build_conversation
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.spill import MemorySpill
from harry.session.conductor import Identity
from harry.session.session import Session, TurnTakingSettings
from harry.testing.engines import ScriptedLanguageModel, ScriptedSettings, ScriptedSpeechToText, ScriptedVoice
from harry.testing.loudspeaker import VirtualLoudspeaker
from harry.testing.microphone import SILENT_FRAME, VOICED_FRAME, HandFedMicrophone


def _prompt(user: str, mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
    return (Message(Role.USER, (TextPart(recollection.utterance.text),)),)


def _open_session(microphone: HandFedMicrophone) -> Session:
    clock = AudioClock()
    clock.start()
    voice: EnginePool[TextToSpeech] = EnginePool(
        "text_to_speech", ScriptedVoice("scripted", ScriptedSettings(rate=16_000))
    )
    mind: EnginePool[LanguageModel] = EnginePool(
        "language_model", ScriptedLanguageModel("scripted", ["Well, I heard you, and this is my answer."])
    )
    return build_conversation(
        Identity("user", "bench", "user"),
        ConversationSettings(turn_taking=TurnTakingSettings(attention_window=86_400.0)),
        ConversationServices(
            engines=Engines(
                voice_activity=EnginePool("voice_activity", Energy("energy", EnergySettings())),
                speech_to_text=EnginePool("speech_to_text", ScriptedSpeechToText("scripted", ["What do you hear?"])),
            ),
            mind=mind,
            voice=voice,
            store=InMemoryStore(),
            spill=MemorySpill(),
            prompt=_prompt,
            today=lambda: "2000-01-01",
        ),
        ConversationDevices(clock=clock, microphone=microphone, loudspeaker=VirtualLoudspeaker(clock)),
    )


async def _measure(n: int) -> list[float]:
    microphone = HandFedMicrophone()
    session = _open_session(microphone)
    decided: list[float] = []
    took: list[float] = []
    if session.speech_input.listener is None or session.speech_input.transcriber is None:
        raise RuntimeError("the bench's session has no ears")
    take = session.speech_input.transcriber.take

    def noted(speech: Speech) -> None:
        if speech.final:
            decided.append(time.perf_counter())
        take(speech)

    session.speech_input.listener.hand_over = noted
    async with trio.open_nursery() as nursery:
        await nursery.start(session.run)
        for number in range(n):
            await microphone.push(VOICED_FRAME, 20)
            while len(decided) == number:
                await microphone.push(SILENT_FRAME)
            with trio.fail_after(5):
                while session.gate.live is None:
                    await trio.lowlevel.checkpoint()
                await session.gate.live.arrived.wait()
            took.append(time.perf_counter() - decided[number])
            session.conductor.cut("bench")
            await session.conductor.wait_quiet()
        nursery.cancel_scope.cancel()
    return took


def run(n: int) -> dict[str, Any]:
    """Take `n` turns."""
    return {"turns": n, "end_of_speech_to_gate_ms": percentiles(trio.run(_measure, n))}
