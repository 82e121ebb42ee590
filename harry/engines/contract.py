"""What an engine of each role has to have, checked by name as soon as it is loaded.

An engine that lacks a method would fail in the middle of a conversation; found here, the next of its chain serves.
What it does is held by `harry.testing.conformance`.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

METHODS = {
    "voice_activity": "open_stream",
    "speech_to_text": "transcribe",
    "turn_detector": "likelihood",
    "language_model": "reply",
    "text_to_speech": "speak",
}
"""What an engine of each role does; see `actors.protocols`."""

ALWAYS = ("describe", "aclose")
"""What every engine does besides."""


def find_fault_in_class(role: str, found: Any) -> str:
    """Say what is wrong with what an entry point names, as far as that is known before it is loaded; "" if nothing.

    What has none of an engine's methods may be a factory, whose engines are looked at once they are made.
    """
    settings = getattr(found, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        return "its `Settings` is no subclass of EngineSettings"
    if not callable(getattr(found, "load", None)):
        return "it has no `load(name, settings)`"
    if isinstance(found, type):
        missing = _missing(role, found)
        if 0 < len(missing) < len(ALWAYS) + 1:
            return f"it has no method `{missing[0]}`"
    return ""


def find_fault(role: str, engine: Any) -> str:
    """Say what an engine that was loaded lacks; "" if it has all that its role needs."""
    missing = _missing(role, engine)
    if missing:
        return f"what its `load` returned has no method `{missing[0]}`"
    if not isinstance(getattr(engine, "name", None), str):
        return "its `name` is no text"
    if role == "text_to_speech":
        rate = getattr(engine, "rate", None)
        if not isinstance(rate, int) or isinstance(rate, bool) or rate <= 0:
            return "its `rate` is no number of samples a second"
    return ""


def _missing(role: str, has: Any) -> list[str]:
    return [name for name in (METHODS[role], *ALWAYS) if not callable(getattr(has, name, None))]
