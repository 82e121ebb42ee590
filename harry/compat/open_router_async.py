"""Asking a mind, and pictures for it: under the names of the older functions, with whatever mind Harry is set up with.

No address is written down here: the mind is the chain of `[engines] language_model`, which may be OpenRouter's. Its
errors are `harry.errors.EngineError`, each a sentence that says what to do.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from actors.protocols import Delta, ImagePart, Message, Request, Role, TextDelta, TextPart
from harry import images as pictures
from harry.compat.engine_services import EngineServices, engine_portal
from harry.compat.portal import Portal, make_synchronous, port
from harry.compat.schemas import load_schema
from harry.compat.services import configuration, portals
from harry.mind.partial_json import ReplyReader

MAX_REPLY_CHARACTERS = 64_000
"""Characters of a reply that are read."""

TOKENS = 800


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    config = await trio.to_thread.run_sync(configuration)
    yield Path(config.tools.pictures or config.data_folder / "pictures")


_pictures = Portal(_folder)  # a picture can be shown where there is no mind
portals.append(_pictures)


@port(engine_portal)
async def cohere_response(
    home: EngineServices,
    prompt: str,
    type: str | Mapping[str, Any] = "default",  # noqa: A002  (as older programs call it)
    image: str | None = None,
) -> str | tuple[str, dict[str, Any]]:
    """Ask the mind one thing; nothing else is told to it, and nothing is kept.

    `type`: "default" gives the text. The name of a schema (see `schemas`), or a JSON schema itself, gives
    `(text, data)`: the object, and its field `response`, or else the whole of it, as text. `image` is a `data:` URI.
    """
    parts: list[TextPart | ImagePart] = [TextPart(prompt)]
    if image is not None:
        parts.append(ImagePart(await trio.to_thread.run_sync(pictures.sanitize, image)))
    schema = None if type == "default" else await trio.to_thread.run_sync(load_schema, home.folder, type)
    text = await _ask(home, Request((Message(Role.USER, tuple(parts)),), max_tokens=TOKENS, schema=schema))
    if schema is None:
        return text
    reader = ReplyReader()
    reader.feed(text)
    data = dict(reader.end())
    spoken = data.get("response")
    return (spoken if isinstance(spoken, str) else json.dumps(data, ensure_ascii=False)), data


@port(engine_portal)
async def plain_cohere(home: EngineServices, prompt: str) -> str:
    """Ask the mind one thing and get its text; nothing else is told to it, and nothing is kept."""
    return await _ask(home, Request((Message(Role.USER, (TextPart(prompt),)),), max_tokens=TOKENS))


@port(_pictures)
async def get_image(folder: Path, path: str | os.PathLike[str] | None = None) -> str:
    """Give the newest picture of `tools.pictures`, or the one at `path`, as a `data:` URI of a JPEG that minds take.

    Raises `PictureError` where there is none, or it is none.
    """
    return await trio.to_thread.run_sync(_load_picture, folder, Path(path) if path is not None else None)


@port(_pictures)
async def convert_image(_: Path, image: bytes | str | os.PathLike[str]) -> str:
    """Make of a picture's bytes, file or `data:` URI the base64 of a JPEG: upright, no larger than minds need."""
    return base64.b64encode(await trio.to_thread.run_sync(_convert, image)).decode("ascii")


def _load_picture(folder: Path, path: Path | None) -> str:
    return pictures.to_uri(pictures.convert(pictures.read(path or pictures.find_newest(folder))))


def _convert(image: bytes | str | os.PathLike[str]) -> bytes:
    if isinstance(image, str) and image.startswith("data:"):
        image = pictures.from_uri(image)
    return pictures.convert(image if isinstance(image, bytes) else pictures.read(Path(image)))


async def _ask(home: EngineServices, request: Request) -> str:
    said: list[str] = []

    async def take(delta: Delta) -> None:
        if isinstance(delta, TextDelta):
            said.append(delta.text)
        if sum(map(len, said)) > MAX_REPLY_CHARACTERS:
            enough.cancel()
        await trio.lowlevel.checkpoint()

    async with home.host.mind.lease() as mind:
        with trio.CancelScope() as enough:
            await mind.reply(request, take)
    return "".join(said)[:MAX_REPLY_CHARACTERS]


cohere_response_sync = make_synchronous(cohere_response)
plain_cohere_sync = make_synchronous(plain_cohere)
get_image_sync = make_synchronous(get_image)
convert_image_sync = make_synchronous(convert_image)
