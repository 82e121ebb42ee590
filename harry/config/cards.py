"""Character cards: V1, V2 and V3, as JSON, in a PNG, or in a `.charx`; read from a stranger's file within caps.

A card is checked, and kept as it was written: its JSON is never written anew, so all that is unknown here survives.
Nothing in it is followed or fetched. The formats: https://github.com/malfoyslastname/character-card-spec-v2 and
https://github.com/kwaroran/character-card-spec-v3.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from harry.errors import ConfigurationError
from harry.files.archives import ZIP, errors_of_archive, open_member
from harry.files.json_text import TooDeepError, parse_json
from harry.files.png_text import PNG, CutOffError, DamagedTextError, TextTooLargeError, read_texts

MAX_CARD_BYTES = 8_000_000
"""Bytes of a card's JSON."""

MAX_CARRIER_BYTES = 32_000_000
"""Bytes of the file that a card comes in."""

MAX_FIELD_CHARACTERS = 100_000
"""Characters of a text that could enter a prompt."""

KEYWORDS = (b"ccv3", b"chara")
"""The names of a card in a PNG, the preferred first."""

_TEXTS = {
    "name": "name",
    "nickname": "nickname",
    "description": "description",
    "personality": "personality",
    "scenario": "scenario",
    "first_mes": "first_message",
    "mes_example": "examples",
    "system_prompt": "system_prompt",
    "post_history_instructions": "post_history",
}
"""The texts of a card that are used, by what they are called here."""

_OTHERS: Mapping[str, type] = {
    "extensions": dict,
    "character_book": dict,
    "alternate_greetings": list,
    "tags": list,
    "assets": list,
}
"""What else has a kind that the specifications fix, and is only kept."""

_AGAIN = "Export it again from the program that made it."


@dataclass(frozen=True, slots=True)
class Card:
    """What a card says. `version` is 1, 2 or 3; `source` is its JSON, byte for byte, and `value` what that holds.

    `picture` is the PNG it came in; `notes` are sentences about it for a person.
    """

    version: int
    source: bytes
    value: Mapping[str, Any]
    name: str = ""
    nickname: str = ""
    description: str = ""
    personality: str = ""
    scenario: str = ""
    first_message: str = ""
    examples: str = ""
    system_prompt: str = ""
    post_history: str = ""
    has_book: bool = False
    carrier: str = "JSON"
    picture: bytes | None = None
    notes: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """The name that `{{char}}` stands for."""
        return " ".join((self.nickname.strip() or self.name.strip()).split())


def read_card(path: Path) -> Card:
    """Read the card in a file; blocking. Raises `ConfigurationError` with one sentence for whatever is wrong."""
    content = _content(path)
    if content.startswith(PNG):
        return parse_card(extract_card(content, str(path)), str(path), carrier="PNG", picture=content)
    if content.startswith(ZIP):
        return parse_card(_from_archive(path), str(path), carrier="charx")
    if len(content) > MAX_CARD_BYTES:
        _refuse(str(path), f"is larger than {MAX_CARD_BYTES // 1_000_000} MB.")
    return parse_card(content, str(path))


def extract_card(content: bytes, name: str, *, largest: int = MAX_CARD_BYTES) -> bytes:
    """Return the JSON of the card in a PNG, at most `largest` bytes of it. Raises `ConfigurationError`."""
    try:
        found = read_texts(content, KEYWORDS, largest=largest // 3 * 4 + 4)
    except TextTooLargeError:
        raise ConfigurationError(
            f"The card in {name} is larger than {largest // 1_000_000} MB.", remedy="Make its texts shorter."
        ) from None
    except CutOffError as error:
        raise ConfigurationError(
            f"{name} is a picture without a card: {error}.", remedy="Fetch the picture again from where it came."
        ) from None
    except DamagedTextError:
        raise _damaged(name) from None
    value = next((found[keyword] for keyword in KEYWORDS if keyword in found), None)
    if value is None:
        raise ConfigurationError(
            f"{name} is a picture without a card.", remedy="Choose the picture that holds the card."
        )
    try:
        return base64.b64decode(b"".join(value.split()), validate=True)
    except binascii.Error:
        raise _damaged(name) from None


def parse_card(source: bytes, name: str, *, carrier: str = "JSON", picture: bytes | None = None) -> Card:
    """Check a card's JSON. `name` says in a refusal where it is from. Raises `ConfigurationError`."""
    given = _json(source, name)
    if not isinstance(given, dict):
        _refuse(name, "holds no character card.")
    spec = given.get("spec")
    if spec is None:
        if "name" not in given or not given.keys() & {"description", "personality", "first_mes", "mes_example"}:
            _refuse(name, "holds no character card.", "Harry reads cards of the versions 1, 2 and 3.")
        version, data = 1, cast("Any", given)
    elif isinstance(spec, str) and spec.startswith("chara_card_v"):
        version, data = 2 if spec == "chara_card_v2" else 3, given.get("data")
    elif spec == "lorebook_v3":
        _refuse(name, "is a lorebook and no card.", "`harry lore import` reads it.")
    else:
        _refuse(name, "holds no character card.", "Harry reads cards of the versions 1, 2 and 3.")
    if not isinstance(data, dict):
        _refuse(name, "is a card without data.")
    for key, kind in _OTHERS.items():
        if data.get(key) is not None and not isinstance(data[key], kind):
            _refuse(name, f"is no card as it should be: {key} is not {'an object' if kind is dict else 'a list'}.")
    texts = {ours: _text(data, key, name) for key, ours in _TEXTS.items()}
    return Card(
        version, source, given, **texts, has_book=bool(data.get("character_book")), carrier=carrier, picture=picture,
        notes=_notes(given, spec),
    )  # fmt: skip


def _text(data: Mapping[str, Any], key: str, name: str) -> str:
    text = data.get(key)
    if text is None:
        return ""
    if not isinstance(text, str):
        _refuse(name, f"is no card as it should be: {key} is not a text.")
    if len(text) > MAX_FIELD_CHARACTERS:
        _refuse(name, f"has a {key} of more than {MAX_FIELD_CHARACTERS} characters.", "Make it shorter.")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _notes(given: Mapping[str, Any], spec: object) -> tuple[str, ...]:
    try:
        newer = float(given.get("spec_version") or 0) > 3
    except (TypeError, ValueError):
        newer = False
    if newer or spec not in (None, "chara_card_v2", "chara_card_v3"):
        return ("It was made for a newer specification; what that added is kept, but not used.",)
    return ()


def _json(source: bytes, name: str) -> Any:
    def no_constant(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number of JSON")

    try:
        return parse_json(source.decode("utf-8-sig"), parse_constant=no_constant)
    except UnicodeDecodeError:
        _refuse(name, "is not text in UTF-8.")
    except json.JSONDecodeError as error:
        _refuse(name, f"is not whole JSON: {error.msg}, line {error.lineno} column {error.colno}.")
    except TooDeepError:
        _refuse(name, "is nested too deeply to be a card.")
    except ValueError as error:
        _refuse(name, f"is not JSON that can be read: {str(error).partition(';')[0]}.")


def _content(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            _refuse(str(path), "is no plain file.", "Name the file of a card.")
        with path.open("rb") as file:
            content = file.read(MAX_CARRIER_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.", remedy="Name another file.") from error
    except ValueError as error:  # a name with a NUL
        raise ConfigurationError("This is no name of a file.", remedy="Name another file.") from error
    if len(content) > MAX_CARRIER_BYTES:
        _refuse(str(path), f"is larger than {MAX_CARRIER_BYTES // 1_000_000} MB.", "Make its picture smaller.")
    return content


def _from_archive(path: Path) -> bytes:
    with (
        open_member(path, lambda name: name == "card.json", largest=MAX_CARD_BYTES, what="card.json") as found,
        errors_of_archive(path),
    ):
        # What it says of its size may be wrong; what is read is counted.
        source = found[0][0].read(MAX_CARD_BYTES + 1)
    if len(source) > MAX_CARD_BYTES:
        _refuse(str(path), f"holds a card of more than {MAX_CARD_BYTES // 1_000_000} MB.")
    return source


def _damaged(name: str) -> ConfigurationError:
    return ConfigurationError(f"The card in {name} is damaged.", remedy="Fetch the picture again from where it came.")


def _refuse(name: str, why: str, remedy: str = _AGAIN) -> NoReturn:
    raise ConfigurationError(f"{name} {why}", remedy=remedy)
