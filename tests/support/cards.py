"""Character cards of every version, in each of their carriers."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from typing import Any

TEXTS = {
    "name": "Mara",
    "description": "{{char}} keeps a lighthouse.\nShe is <BOT>, not {{User}}.",
    "personality": "Dry, patient.",
    "scenario": "A storm. <USER> is at the door.",
    "first_mes": "*She opens.* Come in, {{user}}.",
    "mes_example": "<START>\n{{user}}: Hello?\n{{char}}: Wipe your feet.",
}


def v1() -> dict[str, Any]:
    return dict(TEXTS)


def v2(**more: Any) -> dict[str, Any]:
    data = {
        **TEXTS, "creator_notes": "Notes \U0001f5fc \ud83d", "system_prompt": "{{original}} Talk like the sea.",
        "post_history_instructions": "Never hurry, {{char}}.", "alternate_greetings": ["Again?"], "tags": ["sea"],
        "creator": "somebody", "character_version": "1.2",
        "extensions": {"depth_prompt": {"depth": 4, "prompt": "x"}, "unheard_of": [1, 2.5, None, {"é": "\u2028"}]},
        "character_book": {"entries": [{"keys": ["lamp"], "content": "The lamp is green.", "extensions": {"a": 1}}]},
        "field_of_nobody": {"deep": [True]},
        **more,
    }  # fmt: skip
    return {"spec": "chara_card_v2", "spec_version": "2.0", "data": data, "beside": 1e3}


def v3(**more: Any) -> dict[str, Any]:
    data = {
        "nickname": "Old Mara",
        "assets": [{"type": "icon", "uri": "http://127.0.0.1:9/x.png", "name": "m", "ext": "png"}],
        "group_only_greetings": [], "creation_date": 1700000000, "source": ["there"], **more,
    }  # fmt: skip
    return {**v2(**data), "spec": "chara_card_v3", "spec_version": "3.0"}


def as_json(card: object) -> bytes:
    return json.dumps(card).encode()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def in_png(source: bytes, *, kind: bytes = b"tEXt", keyword: bytes = b"chara", packed: bool = True) -> bytes:
    return png(text_chunk(base64.b64encode(source), kind, keyword, packed=packed))


def text_chunk(text: bytes, kind: bytes = b"tEXt", keyword: bytes = b"chara", *, packed: bool = True) -> bytes:
    if kind == b"zTXt":
        return chunk(kind, keyword + b"\0\0" + zlib.compress(text))
    if kind == b"iTXt":
        body = zlib.compress(text) if packed else text
        return chunk(kind, keyword + b"\0" + bytes([packed, 0]) + b"en\0name\0" + body)
    return chunk(kind, keyword + b"\0" + text)


def png(*chunks: bytes, size: int = 1) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def in_zip(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()
