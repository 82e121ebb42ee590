"""The figures of turn-taking, with full counts and real parts where they are named. `make acceptance` prints them."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
import soxr
import trio
from trio.testing import MockClock

from actors.protocols import Delta, Request, Samples, TextDelta
from actors.turn_taking.attention import Attention, Meant
from actors.turn_taking.endpointing import Endpointing, Sign
from channels.clock import AudioClock
from channels.messages import EAR_RATE, FRAME_SAMPLES, Chunk, Word
from harry.audio.choice import open_loudspeaker, open_microphone
from harry.bench import overlaps
from harry.bench.echo import SAYINGS, load_harrys_voice
from harry.bench.figures import describe_surroundings, percentiles
from harry.bench.known_voice import KnownVoice, to_signs
from harry.bench.overlap_sounds import Voices, scale_to_peak
from harry.bench.room import VOICE_RMS, load_people, measure_sounding_rms
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.hearing.moonshine import Moonshine, MoonshineSettings
from harry.hearing.silero import Silero, SileroSettings
from harry.host.conversation import ConversationDevices, ConversationServices, ConversationSettings, build_conversation
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.spill import MemorySpill
from harry.session.conductor import Identity
from harry.testing.engines import ScriptedLanguageModel
from harry.testing.loudspeaker import VirtualLoudspeaker
from harry.voice.piper import Piper, PiperSettings
from tests.bench.test_overlaps import random_cuts
from tests.support import pulse_room
from tests.support.recorded_speech import plain, word_errors
from tests.support.virtual_session import FakeMind, house, prompt
from tests.support.virtual_soundcard import Card

pytest_plugins = ["tests.support.virtual_soundcard"]
pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(3600)]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Figures put in here are printed at the end of the test."""
    figures: dict[str, Any] = {}
    yield figures
    with capsys.disabled():
        print(f"\n{request.node.name}: {json.dumps({**figures, **describe_surroundings()})}")


# Assent, coughs, bangs; stop phrases and interruptions: real time, Silero, Moonshine.


@pytest.mark.embedded
def test_sixty_murmurs_coughs_and_bangs_end_at_most_three_replies(show: dict[str, Any]) -> None:
    show.update(overlaps.run(20))
    assert show["overlaps"] == 60
    assert show["replies_ended"] <= 3
    assert show["nothing_lost"]
    assert show["ended"] == show["stops"]
    assert show["end_of_stop_to_silence_ms"]["max"] <= 500
    assert show["interrupted"] == show["interruptions"]


# A stop phrase, with mind, voice and store hung: virtual time.


class HungVoice(KnownVoice):
    """Speaks for some seconds and then hangs where no cancellation reaches it for a while."""

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        pcm = (to_signs("padding").astype(np.int16) * 8000).tobytes() * 32
        try:
            await emit(Chunk(pcm, self.rate, (Word(text, len(pcm) // 2),)))
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(3)
        await trio.sleep_forever()


class HungStore(InMemoryStore):
    """Gives back, and never finishes keeping."""

    async def write(self, records: Any) -> list[int]:
        await trio.sleep_forever()
        return []


async def hung(request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
    await emit(TextDelta("Bobo dobanu fibabe gubalo kebavo. And"))
    await trio.sleep_forever()


class GrowingEar:
    """Knows the phrase once most of it was said; before, it takes its beginning for this or that."""

    name = "growing ear"

    def __init__(self, dice: random.Random, phrase: str, seconds: float) -> None:
        self._dice, self._phrase, self._seconds = dice, phrase, seconds

    def describe(self) -> str:
        return self.name

    async def transcribe(self, samples: Samples) -> str:
        await trio.sleep(self._dice.uniform(0.05, 0.25))
        voiced = np.count_nonzero(np.abs(samples) > 0.01) / EAR_RATE
        whole = voiced >= 0.85 * self._seconds
        return self._phrase if whole else self._dice.choice(["Mm.", "", "Uh", "Harry", "St. St. St. St"])

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def stopped_after(seed: int) -> tuple[float, str]:
    """Seconds from the end of a stop phrase to silence (less than 0: before it), and why the reply ended."""
    dice = random.Random(seed)
    seconds = dice.uniform(0.3, 1.0)
    ear = GrowingEar(dice, dice.choice(["Stop.", "Harry, stop.", "Be quiet.", "Wait."]), seconds)
    async with house(ear=ear, mind=FakeMind(hung), voice=HungVoice(), store=HungStore()) as made:
        turn = made.session.answer_typed("Tell me.")
        live = made.session.gate.live
        assert turn is not None
        assert live is not None
        await live.sounded.wait()
        await made.silence(dice.uniform(0.05, 3.0))
        assert any(any(pcm) for _, pcm in made.sounded[-3:]), "he is speaking"
        await made.voice(seconds)
        end = made.session.clock.now()
        await made.silence(2.0)
        told = [str(event.fields["reason"]) for event in made.happened("interrupted")]
        return made.loud_until() - end, told[0] if told else ""


def test_five_hundred_stop_phrases_silence_him_though_mind_voice_and_store_hang(show: dict[str, Any]) -> None:
    took = [trio.run(stopped_after, seed, clock=MockClock(autojump_threshold=0)) for seed in range(500)]
    after = [float(seconds) for seconds, _ in took]
    show["stops"] = len(took)
    show["within_500_ms"] = sum(seconds <= 0.5 for seconds in after)
    show["within_300_ms"] = sum(seconds <= 0.3 for seconds in after)
    show["end_of_phrase_to_silence_ms"] = percentiles(after)
    show["reasons"] = {reason: sum(each == reason for _, each in took) for reason in {each for _, each in took}}
    assert show["within_500_ms"] == 500
    assert "" not in show["reasons"]


# Heard text.


def test_two_hundred_interruptions_tell_exactly_what_sounded(show: dict[str, Any]) -> None:
    played = trio.run(random_cuts, 200, 7, clock=MockClock(autojump_threshold=0))
    right, cut = overlaps.count_heard_exactly(played)
    show.update(cuts=cut, exact=right, nothing_lost=overlaps.is_complete(played))
    assert (right, cut) == (200, 200)
    assert show["nothing_lost"]


async def piper_cuts(n: int) -> list[tuple[str, np.ndarray[tuple[int], np.dtype[np.float32]]]]:
    """Cut Piper `n` times at random instants; what was told as heard, and what sounded, at the ear's rate."""
    dice = random.Random(5)
    clock = AudioClock()
    piper = Piper.load("piper", PiperSettings())
    sounded: list[bytes] = []
    loudspeaker = VirtualLoudspeaker(clock, rate=piper.rate, on_sound=lambda at, pcm: sounded.append(pcm))
    session = build_conversation(
        Identity("you", "session", "harry"),
        ConversationSettings(),
        ConversationServices(
            engines=Engines(),
            mind=EnginePool("language_model", ScriptedLanguageModel("scripted", list(SAYINGS))),
            voice=EnginePool("text_to_speech", piper),
            store=InMemoryStore(),
            spill=MemorySpill(),
            prompt=prompt,
            today=lambda: "2000-01-01",
        ),
        ConversationDevices(clock=clock, microphone=None, loudspeaker=loudspeaker),
    )
    told: list[tuple[str, Any]] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(session.run)
        for _ in range(n):
            session.answer_typed("Tell me.")
            live = session.gate.live
            assert live is not None
            await live.sounded.wait()
            first = len(sounded)
            await trio.sleep(dice.uniform(1.0, 3.5))
            cut = session.conductor.cut("barge_in")
            await trio.sleep(0.05)
            pcm = np.frombuffer(b"".join(sounded[max(0, first - 2) :]), np.int16).astype(np.float32) / 32768
            told.append((cut.heard if cut else "", soxr.resample(pcm, piper.rate, EAR_RATE)))
        nursery.cancel_scope.cancel()
    return told


@pytest.mark.embedded
async def test_piper_cut_is_told_within_a_word_of_what_sounded(show: dict[str, Any]) -> None:
    ear = Moonshine.load("moonshine", MoonshineSettings())
    off, doubtful = [], []
    for heard, sound in await piper_cuts(30):
        sounded = (await ear.transcribe(np.concatenate([sound, np.zeros(EAR_RATE // 5, np.float32)]))).text
        # The ear errs too, by spelling most of all: how many words there are tells more than which.
        off.append(len(plain(sounded)) - len(plain(heard)))
        if abs(off[-1]) > 1:
            doubtful.append([heard, sounded, word_errors(plain(sounded), plain(heard))])
    await ear.aclose()
    show.update(cuts=len(off), within_a_word=sum(abs(each) <= 1 for each in off), words_off=off, doubtful=doubtful)
    # One word of every ten cuts is granted to the ear.
    assert show["within_a_word"] >= 0.9 * len(off)


# His own voice, through a real sound server.


@pytest.mark.embedded
@pytest.mark.soundcard
@pytest.mark.recordings
@pytest.mark.parametrize("room", [False, True], ids=["100 ms later", "drift, reverberation and distortion"])
async def test_his_own_voice_from_a_loudspeaker_seldom_pauses_him_and_people_are_heard(
    show: dict[str, Any], soundcard: Card, room: bool
) -> None:
    clock = AudioClock()
    microphone = (await open_microphone("default", clock)).device
    piper = Piper.load("piper", PiperSettings())
    loudspeaker = (await open_loudspeaker("default", clock, piper.rate)).device
    said = " ".join([" ".join(SAYINGS)] * 3)
    session = build_conversation(
        Identity("you", "session", "harry"),
        ConversationSettings(cancel_echo=True),
        ConversationServices(
            engines=Engines(
                voice_activity=EnginePool("voice_activity", Silero.load("silero", SileroSettings())),
                speech_to_text=EnginePool("speech_to_text", Moonshine.load("moonshine", MoonshineSettings())),
            ),
            mind=EnginePool("language_model", ScriptedLanguageModel("scripted", [said])),
            voice=EnginePool("text_to_speech", piper),
            store=InMemoryStore(),
            spill=MemorySpill(),
            prompt=prompt,
            today=lambda: "2000-01-01",
        ),
        ConversationDevices(clock=clock, microphone=microphone, loudspeaker=loudspeaker),
    )
    paused: list[float] = []
    pause = session.conductor.pause

    def noted() -> bool:
        paused.append(clock.now())
        return pause()

    session.conductor.pause = noted  # type: ignore[method-assign]
    told = session.events.listen(10_000, lossless=True)
    voice = await trio.to_thread.run_sync(load_harrys_voice)
    # In the room his voice is as loud as a person's.
    level = VOICE_RMS / measure_sounding_rms(pulse_room.way(voice[0])) if room else None
    async with soundcard.looped(level), trio.open_nursery() as nursery:
        await nursery.start(session.run)
        session.answer_typed("Tell me.")
        began = clock.now()
        while clock.now() < began + 120:
            await trio.sleep(1)
            if not session.conductor.busy:
                session.answer_typed("Tell me another.")
        alone = list(told.take_waiting())
        show["alone_s"] = round(clock.now() - began, 1)
        show["false_pauses"] = len(paused)
        show["false_pauses_at"] = [round(at - began, 1) for at in paused]
        show["false_cuts"] = [e.fields["reason"] for e in alone if e.event == "interrupted" if e.at > began]
        show["heard_himself_say"] = [
            e.fields["text"] for e in alone if e.event == "transcript" and e.at > began and not e.fields["partial"]
        ]
        noticed = []
        show["interruptions"] = show["cut"] = 0
        for sound in load_people()[:10]:
            if not session.conductor.busy:
                session.answer_typed("Tell me another.")
            live = session.gate.live
            if live is not None:
                # A turn that another one takes the place of in this moment never sounds.
                with trio.move_on_after(5):
                    await live.sounded.wait()
            await trio.sleep(1.5)
            before, since = len(paused), clock.now()
            told.take_waiting()
            await soundcard.speak(np.asarray(sound[: 3 * EAR_RATE], np.float32))
            show["interruptions"] += 1
            noticed += paused[before : before + 1]
            show["cut"] += any(e.event == "interrupted" and e.at > since for e in told.take_waiting())
            await trio.sleep(1)
        show["noticed"] = len(noticed)
        show["duplex"] = str(session.echo.canceller.describe()) if session.echo else ""
        nursery.cancel_scope.cancel()
    assert show["duplex"].startswith("echo after"), "without an echo there is nothing to be fooled by"
    assert show["false_pauses"] <= 2
    assert show["cut"] >= 0.95 * show["interruptions"]


# Speech that is not meant for him: the wording of two people who talk to one another.

TALK = (
    "Did you see the match last night?", "No, I fell asleep before it started.", "It was worth watching, honestly.",
    "Who won in the end?", "The other side did, in the last minute.", "That is so typical.", "Pass the salt, please.",
    "Here you are.", "Is there any bread left?", "There should be some in the kitchen.", "Okay.", "I will get it.",
    "What time is it?", "Almost half past seven.", "We should leave soon.", "Wait, where are my keys?",
    "On the table, next to the lamp.", "Thanks.", "Stop it, that tickles.", "Could you turn the light off?",
    "In a second.", "How was work?", "Long, and rather dull.", "You should take a day off.", "I know, I know.",
    "Tell me about the new office.", "It is bigger, but there are no windows.", "What is the weather tomorrow?",
    "Rain, I think.", "Play something quieter, will you?", "Sure.", "Set the table, dinner is nearly ready.",
    "Mhm.", "What do you want to drink?", "Water is fine.", "Can you call my mother back?", "I will do it later.",
    "Turn left here.", "No, the next one.", "You never listen.", "That is not true.", "Never mind.",
    "How do you spell that?", "With two letters at the end.", "Remind me to buy milk.", "We have plenty.",
    "The train leaves at nine.", "Then we have to hurry.", "Good night.", "Sleep well.",
)  # fmt: skip

NAMES = (
    "Harriet called this afternoon.", "What did Larry say?", "Barry is coming on Sunday.", "Mary and Gary broke up.",
    "Carry it upstairs, would you?", "Hurry up, we are late.", "I am sorry about that.", "Harold lives in Leeds now.",
    "Did you read the new book about Harry Potter?", "Prince Harry was on television again.", "Harry Styles sang it.",
    "That was very kind of Henry.", "They want to marry in June.", "The ferry was full.", "It is a hairy situation.",
    "Dirty Harry is on tonight.", "My uncle Harry said so.", "I told Harry about it.", "She met Terry at the fair.",
    "Merry Christmas.", "Jerry, can you come down?", "Kerry, where did you put it?", "Happy birthday.",
    "Every Tom, Dick and Harry has one.", "Ari is my cousin.", "Perry, wait for me.", "Hurray, it is Friday.",
    "The story is about a man called Harry.", "Harry's is the bar at the corner.", "Airy rooms are lovely.",
)  # fmt: skip


def minutes_of_talk(minutes: int, seed: int, share: float) -> list[tuple[float, str]]:
    """When each utterance of two people begins, in seconds, and its words; `share` of them hold a name or its like."""
    dice = random.Random(seed)
    at, made = 0.0, []
    while at < 60 * minutes:
        made.append((at, dice.choice(NAMES if dice.random() < share else TALK)))
        at += dice.uniform(1.5, 6.0)
    return made


def answered(talk: list[tuple[float, str]]) -> list[str]:
    """What Harry would answer of it. An answer opens the window again, and so may have others follow."""
    attention = Attention(("Harry",))
    attention.start(-31.0)
    found = []
    for at, text in talk:
        if attention.judge(text, at) is Meant.MEANT:
            found.append(text)
            attention.begin_turn(at)
            attention.end_turn(at + 4.0)
    return found


async def spoken_hour(minutes: int, seed: int) -> AsyncGenerator[tuple[float, Samples], None]:
    """Two people talk in a noisy room: what Harry takes for their utterances, and when each began, in seconds.

    The voices are those of several synthesisers, near and far; detector and endpointing are the real ones.
    """
    dice = np.random.default_rng(seed)
    voices, stream, machine = Voices(), Silero.load("silero", SileroSettings()).open_stream(), Endpointing()
    talk = minutes_of_talk(minutes, seed, 0.0)
    said: dict[tuple[str, int], Samples] = {}
    ahead, heard, at = np.zeros(0, np.float32), deque[Samples](maxlen=30 * EAR_RATE // FRAME_SAMPLES), 0
    for number, (begins, text) in enumerate(talk):
        who = number % 2 + int(dice.integers(3)) * 2
        if (text, who) not in said:
            said[text, who] = (await voices.say(text, who))[1]
        sound = scale_to_peak(said[text, who], float(dice.uniform(0.03, 0.5)))
        place = round(begins * EAR_RATE) - at
        ahead = np.pad(ahead, (0, max(0, place + len(sound) - len(ahead))))
        ahead[place : place + len(sound)] += sound
        upto = talk[number + 1][0] if number + 1 < len(talk) else begins + 10
        while at + FRAME_SAMPLES <= round(upto * EAR_RATE):
            window = np.pad(ahead[:FRAME_SAMPLES], (0, max(0, FRAME_SAMPLES - len(ahead))))
            window = (window + dice.standard_normal(FRAME_SAMPLES) * 0.003).astype(np.float32)
            ahead = ahead[FRAME_SAMPLES:]
            heard.append(window)
            start, at = at / EAR_RATE, at + FRAME_SAMPLES
            if machine.hear(stream.probability(window), start, at / EAR_RATE) is Sign.STOPPED:
                longest = round((at / EAR_RATE - machine.began_at + 0.8) * EAR_RATE)
                yield machine.began_at, np.concatenate(list(heard))[-longest:]


@pytest.mark.embedded
async def test_an_hour_of_two_voices_in_a_noisy_room_is_left_alone(show: dict[str, Any]) -> None:
    ear, attention = Moonshine.load("moonshine", MoonshineSettings()), Attention(("Harry",))
    attention.start(-31.0)
    utterances, taken = 0, list[str]()
    async with aclosing(spoken_hour(60, 5)) as hour:
        async for began, sound in hour:
            utterances += 1
            text = (await ear.transcribe(sound)).text
            if text and attention.judge(text, began) is Meant.MEANT:
                taken.append(text)
                attention.begin_turn(began)
                attention.end_turn(began + 4.0)
    show.update(utterances=utterances, answered=len(taken), taken=taken)
    assert utterances > 500
    assert len(taken) <= 1


def test_an_hour_of_talk_that_is_not_for_him_is_left_alone(show: dict[str, Any]) -> None:
    plain_talk = minutes_of_talk(60, 1, 0.0)
    show.update(utterances=len(plain_talk), answered=len(answered(plain_talk)))
    with_names = minutes_of_talk(20, 2, 0.3)
    said = [text for _, text in with_names if text in NAMES]
    taken = sorted({text for text in NAMES if answered([(0.0, text)])})
    show.update(
        with_names=len(with_names), of_them_names=len(said), answered_with_names=len(answered(with_names)), taken=taken
    )
    assert show["answered"] <= 1
    assert not taken
