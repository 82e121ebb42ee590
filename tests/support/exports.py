"""Exports of other programs, small and whole."""

from __future__ import annotations

import json
from typing import Any

AT = 1_678_838_400.0  # 2023-03-15 00:00 UTC


def openai(conversations: int = 2, *, first: int = 0, messages: int = 4, at: float = AT) -> list[dict[str, Any]]:
    """Return ChatGPT's conversations, a day apart; in each a regenerated answer that was not shown."""
    return [_of_openai(number, messages, at + number * 86_400) for number in range(first, first + conversations)]


def _of_openai(number: int, messages: int, at: float) -> dict[str, Any]:
    mapping: dict[str, Any] = {
        "root": {"id": "root", "message": None, "parent": None, "children": []},
        "sys": {
            "id": "sys", "parent": "root", "children": [],
            "message": {
                "author": {"role": "system"}, "create_time": None, "recipient": "all",
                "content": {"content_type": "text", "parts": [""]},
                "metadata": {"is_visually_hidden_from_conversation": True},
            },
        },
    }  # fmt: skip
    parent = "sys"
    for place in range(messages):
        node = f"n{number}-{place}"
        role = "user" if place % 2 == 0 else "assistant"
        text = (
            f"Question {place} of talk {number} about marmalade." if role == "user" else f"Answer {place} of {number}."
        )
        mapping[node] = {
            "id": node, "parent": parent, "children": [],
            "message": {
                "id": node, "author": {"role": role}, "create_time": at + place * 60, "recipient": "all",
                "content": {"content_type": "text", "parts": [text]}, "metadata": {},
            },
        }  # fmt: skip
        mapping[parent]["children"].append(node)
        parent = node
    mapping["other"] = {
        "id": "other", "parent": "sys", "children": [],
        "message": {
            "author": {"role": "assistant"}, "create_time": at, "recipient": "all",
            "content": {"content_type": "text", "parts": ["Never shown."]},
        },
    }  # fmt: skip
    return {
        "title": f"Talk {number}", "create_time": at, "update_time": at, "conversation_id": f"c{number}",
        "mapping": mapping, "current_node": parent,
    }  # fmt: skip


def anthropic() -> list[dict[str, Any]]:
    return [
        {
            "uuid": "a1", "name": "On ships", "created_at": "2024-05-01T10:00:00.000000Z", "account": {"uuid": "x"},
            "chat_messages": [
                {
                    "uuid": "m1", "sender": "human", "created_at": "2024-05-01T10:00:05Z", "text": "old",
                    "content": [{"type": "text", "text": "My sister Ada lives in Oslo."}],
                },
                {
                    "uuid": "m2", "sender": "assistant", "created_at": "2024-05-01T10:00:09Z", "text": "Lovely city.",
                    "content": [{"type": "tool_use", "text": "no"}],
                },
            ],
        },
        {"uuid": "empty", "name": "", "created_at": "2024-05-02T10:00:00Z", "chat_messages": []},
    ]  # fmt: skip


SILLYTAVERN = [
    {"user_name": "Ann", "character_name": "Mara", "create_date": "2023-6-19 @14h 20m 36s 123ms", "chat_metadata": {}},
    {"name": "Mara", "is_user": False, "send_date": "June 19, 2023 2:20pm", "mes": "Come in, Ann."},
    {"name": "Ann", "is_user": True, "send_date": "June 19, 2023 2:21pm", "mes": "Yes."},
    {"name": "Mara", "is_user": False, "send_date": "June 19, 2023 2:21pm", "mes": "Wipe your feet."},
    {"name": "Ann", "is_user": True, "send_date": "June 19, 2023 2:21pm", "mes": "Yes."},
    {"name": "Note", "is_user": False, "is_system": True, "send_date": "June 19, 2023 2:22pm", "mes": "A system note."},
    {"name": "Nell", "is_user": False, "send_date": 1687177380000, "mes": "Who is there?"},
]


def lines(objects: list[Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)
