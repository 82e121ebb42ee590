"""Hearing, speaking, answering and thinking, one call at a time: under the names of the older functions.

They use the engines, the prompt and the memory that Harry himself uses. A conversation that is heard and interrupted
is Harry's own (`harry run`, or `/v1/realtime`); here each step is asked for by its own. Errors are Harry's, and say in
a sentence what to do; what was not done is never reported as done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import trio

from harry.compat.engine_services import EngineServices, engine_portal
from harry.compat.portal import make_synchronous, port
from harry.compat.recordings import Recordings
from harry.compat.replying import ReplyRequest, answer_user
from harry.compat.schemas import load_schema
from harry.compat.speaking import synthesize, transcribe
from harry.inner_life.service import asking, inner_life
from harry.memory.diary.stream import SocDays
from harry.memory.store.opening import NAMESPACE

_recordings = Recordings()

# Hearing and speaking


@port(engine_portal)
async def transcribe_audio(home: EngineServices, audio: bytes | str | os.PathLike[str] = "output.wav") -> str:
    """Write down what is said in a sound file (WAV, FLAC, Ogg, MP3), or in the bytes of one; "" where nothing is.

    At most half an hour. Raises `DeviceError` for what is no sound, `EngineError`.
    """
    return await transcribe(home, audio)


@port(engine_portal)
async def synthesize_speech(  # noqa: PLR0917  (as older programs call it)
    home: EngineServices,
    text: str,
    persona: str | None = None,
    play_locally: bool = False,
    chunk_callback: Callable[[bytes], object] | None = None,
    path: str | os.PathLike[str] | None = None,
) -> str:
    """Speak a text into a WAV file (mono, 16 bit, 24,000 Hz); returns its path.

    Without `path` it is one of the newest 20 in the folder `speech` of the data folder. `chunk_callback` is called with
    each portion as soon as it is made, as a WAV file of its own, in a thread that may take its time. `play_locally`: it
    is also played, and the call returns when it has sounded. `persona` has no other voice yet. Raises `EngineError`,
    `DeviceError`.
    """
    del persona
    target = Path(path) if path is not None else None
    return str(await synthesize(home, text, path=target, aloud=play_locally, tell=chunk_callback))


# Answering and thinking


@port(engine_portal)
async def generate_response(  # noqa: PLR0917  (as older programs call it)
    home: EngineServices,
    username: str | None = None,
    retry: bool = False,
    persona: str | None = None,
    type: str | Mapping[str, Any] = "default",  # noqa: A002  (as older programs call it)
    i_am_currently_reading: str | None = None,
    image: str | None = None,
    *,
    text: str | None = None,
) -> str:
    """Answer `text`, or else the newest words of the user's conversation that wait for an answer; returns the reply.

    The words and the reply enter the conversation. `retry`: the newest words are answered, though they were before.
    Where nothing was said yet, Harry begins. `type`: see `open_router_async.cohere_response`; the reply is the field
    `response`. `i_am_currently_reading` is told as a text that is being read, `image` (a `data:` URI) is shown.
    """
    schema = None if type == "default" else await trio.to_thread.run_sync(load_schema, home.folder, type)
    request = ReplyRequest(text, retry, schema, i_am_currently_reading, image)
    return await answer_user(home, home.config(username, persona), request)


@port(engine_portal)
async def generate_thought(home: EngineServices, username: str | None = None, persona: str | None = None) -> str | None:
    """Let Harry think about the conversation: the thought is in the stream of consciousness when it is returned.

    None where he finds nothing worth thinking. Raises `EngineUnavailable` where the mind is too small to think.
    """
    config = home.config(username, persona)
    life = await inner_life(config, home.tables, asking(home.host.mind), config.user.name)
    reflection = await life.think(await home.host.store.history(config.user.name, limit=config.memory.history_turns))
    await life.state.change(reflection)
    if not reflection.thought:
        return None
    await SocDays(home.tables, config.persona.name, user=config.user.name, namespace=NAMESPACE).append(
        reflection.thought
    )
    return reflection.thought


@port(engine_portal)
async def wakeup_ritual(home: EngineServices, username: str | None = None, persona: str | None = None) -> bool:
    """Do what the first start of a local day does (`harry.inner_life.daily`); False if it was done today already."""
    config = home.config(username, persona)
    life = await inner_life(config, home.tables, asking(home.host.mind), config.user.name)
    return await life.rituals.wake_up()


# Push to talk


def on_record_button_press(session_id: str = "") -> None:
    """Begin a recording; what was recorded under this name and not released is forgotten. Never waits."""
    _recordings.begin(session_id)


def on_record_audio(sound: bytes, session_id: str = "") -> bool:
    """Add to the recording the next bytes of a sound file. False: none was begun, or it is full (20 MB)."""
    return _recordings.add(session_id, sound)


@port(engine_portal)
async def on_record_button_release(
    home: EngineServices,
    session_id: str = "",
    username: str | None = None,
    persona: str | None = None,
    *,
    audio: bytes | None = None,
) -> dict[str, str] | None:
    """End the recording, or take `audio` for it: hear it, answer, speak.

    Gives `{"transcript", "response", "audio"}`, the last the path of a WAV file. None where nothing was recorded, or
    nothing was said in it. A recording that was begun more than five minutes ago is forgotten.
    """
    recorded = audio if audio is not None else _recordings.end(session_id)
    words = await transcribe(home, recorded) if recorded else ""
    if not words:
        return None
    response = await answer_user(home, home.config(username, persona), ReplyRequest(words))
    return {"transcript": words, "response": response, "audio": str(await synthesize(home, response))}


transcribe_audio_sync = make_synchronous(transcribe_audio)
synthesize_speech_sync = make_synchronous(synthesize_speech)
generate_response_sync = make_synchronous(generate_response)
generate_thought_sync = make_synchronous(generate_thought)
wakeup_ritual_sync = make_synchronous(wakeup_ritual)
on_record_button_release_sync = make_synchronous(on_record_button_release)
