"""What Home Assistant's sentences add to Harry's own: those for the time, the date, lists, volume and "never mind".

Only what Harry can do by himself is taken from `home-assistant-intents` (Apache-2.0). Its delayed commands and its free
broadcast stay out, for they would take talk for a command.
"""

from __future__ import annotations

import functools
from typing import Any

from hassil import Intents, recognize_best

_NAMES = {
    "HassGetCurrentTime": "Time", "HassGetCurrentDate": "Date", "HassNevermind": "NeverMind",
    "HassSetVolume": "SetVolume",
    "HassShoppingListAddItem": "AddToList", "HassShoppingListCompleteItem": "RemoveFromList",
    "HassListAddItem": "AddToList", "HassListRemoveItem": "RemoveFromList", "HassListCompleteItem": "RemoveFromList",
}  # fmt: skip
"""Harry's wishes by the names of Home Assistant's."""

_WITHOUT = ("area", "floor", "zone")
"""Places of a house: there is one Harry, and he is in none of them."""


@functools.cache
def _intents(language: str) -> Intents | None:
    from home_assistant_intents import get_intents  # noqa: PLC0415  it reads a file of every language it knows

    data = get_intents(language)
    if data is None:
        return None
    kept: dict[str, Any] = {}
    for name in _NAMES:
        blocks = []
        for block in data["intents"].get(name, {}).get("data", []):
            # A list is one only where it is called so: "put the kettle on the stove" is about none.
            worded = [sentence.replace("{name} [list]", "{name} list") for sentence in block["sentences"]]
            sentences = [sentence for sentence in worded if not any(f"{{{place}" in sentence for place in _WITHOUT)]
            if sentences and ("list" in name.lower() or not any("{name}" in sentence for sentence in sentences)):
                blocks.append({"sentences": sentences})
        if blocks:
            kept[name] = {"data": blocks}
    # Every list that a sentence may name has to be there, or matching fails: those of a house are any words.
    free = {"name": {"wildcard": True}, "area": {"wildcard": True}, "floor": {"wildcard": True}}
    return Intents.from_dict(
        {
            "language": language,
            "intents": kept,
            "lists": {**free, **data["lists"]},
            "expansion_rules": data["expansion_rules"],
            "skip_words": data.get("skip_words", []),
        }
    )


def match(said: str, language: str = "en") -> tuple[str, dict[str, Any]] | None:
    """Return the name of Harry's wish that the words are, and its slots; None where they are none."""
    intents = _intents(language)
    found = recognize_best(said, intents) if intents is not None else None
    if found is None:
        return None
    values = {name: entity.value for name, entity in found.entities.items()}
    slots = {"items": values.get("item", ""), "list": values.get("name", ""), "percent": values.get("volume_level")}
    return _NAMES[found.intent.name], {name: value for name, value in slots.items() if value not in ("", None)}
