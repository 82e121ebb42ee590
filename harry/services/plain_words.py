"""Tells what a person said to a chat client from what the client asks on its own account. Pure.

Chat clients ask for titles, tags, follow-up questions and summaries through the same door as people do, and give the
whole conversation with it (https://docs.openwebui.com/getting-started/env-configuration, the task prompts). Such a
request sets no timer, and is no turn of anybody's conversation.
"""

from __future__ import annotations

import re

MAX_CHARACTERS = 500
"""What is longer is no plain wish."""

_MARKED = (
    r"</?(?:chat_history|conversation|context|type|text)\b|### ?(?:task|guidelines|output|chat history)"
    r"|\b(?:json format|\"(?:title|tags|follow_ups|queries)\")|\{\{\w+\}\}|<START>"
)
_MARKS = re.compile(_MARKED, re.IGNORECASE)
_TASK = re.compile(
    rf"^\s*(?:#{{1,6}}\s|<\w|\[|\{{|\*\*|task:|instructions?:|system:|you are an? )|{_MARKED}", re.IGNORECASE
)
_HOUSEKEEPING = re.compile(
    r"^\W*(?:please )?(?:generate|create|write|suggest|provide|give|come up with|produce|return|make)\b.{0,60}"
    r"\b(?:title|tags?|follow-?ups?|summary|headline|caption|search quer(?:y|ies)|image prompt|emoji)\b.{0,80}"
    r"\b(?:conversation|chat|dialogue|discussion|message|history|query|above|following)\b"
    r"|^\W*(?:please )?summari[sz]e (?:the|this|our) (?:conversation|chat|dialogue|discussion|story|roleplay|above)"
    r"|^\W*(?:continue|impersonate|write)\b.{0,40}\b(?:\{\{user\}\}|the (?:user|roleplay|scene))",
    re.IGNORECASE | re.DOTALL,
)


def is_housekeeping(text: str) -> bool:
    """Return whether a client asks this on its own account: for a title, tags, follow-ups or a summary."""
    return bool(_TASK.search(text) or _HOUSEKEEPING.search(text))


def is_task(text: str) -> bool:
    """Return whether a client asks this for sure, and not a person whose words only begin as a client's may."""
    return bool(
        _MARKS.search(text) or _HOUSEKEEPING.search(text) or (len(text) > MAX_CHARACTERS and _TASK.search(text))
    )


def is_plain(text: str) -> bool:
    """Return whether a person may have said this to Harry, so that it may be a wish."""
    words = text.strip()
    return bool(words) and len(words) <= MAX_CHARACTERS and words.count("\n") <= 1 and not is_housekeeping(words)
