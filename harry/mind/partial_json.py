"""Reads a reply that is one JSON object while it is still being written, so that speech begins before the JSON ends.

Pure, and forgiving as minds are careless: fences and prose around it, fields in any order, commas left out, quotes of
the wrong kind, broken escapes, an end that never comes. A reply that is no JSON at all is spoken as it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

MAX_OBJECT_CHARACTERS = 256_000
"""Characters of an object that are read; what comes after is passed over."""

MAX_DEPTH = 32
"""How deep objects and lists may lie in one another; what lies deeper is passed over."""

_HEAD = re.compile(r"\s*(?:`{1,3}[\w-]*\s*)?(?:\[\s*)?")
_INLINE = re.compile(r"""\{\s*["'}]""")
_FENCE = re.compile(r"\s*`{3}[\w-]*\s*$|^\s*`{3}[\w-]*\s*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_LOST = "\N{REPLACEMENT CHARACTER}"

_Container: TypeAlias = "dict[str, Any] | list[Any]"


class ReplyReader:
    """Reads one reply. What grows in the field named `spoken_field`, at the top, is handed on as it comes."""

    def __init__(self, spoken_field: str = "response") -> None:
        self.spoken = ""
        """All that was handed on."""
        self.complete = False
        """Whether the object came to its end."""
        self._field = spoken_field
        self._head: str | None = ""
        self._plain = False
        self._object: _Object | None = None

    @property
    def speaking(self) -> bool:
        """Whether the spoken field has begun and not ended, or the reply is plain text."""
        return self._plain or (self._object is not None and self._object.speaking)

    @property
    def plain(self) -> bool:
        """Whether the reply is no JSON, and spoken as it stands."""
        return self._plain

    def feed(self, text: str) -> str:
        """Take in more of the reply; return the part to speak."""
        if self._head is not None:
            text = self._begin(self._head + text)
        if self._plain:
            text = self._aside(text)
        elif self._object is not None:
            text = self._object.feed(text)
            self.complete = self._object.done
        self.spoken += text
        return text

    def end(self) -> Mapping[str, Any]:
        """Finish the reply; return the complete fields, and the spoken one as far as it came."""
        if self._object is None:
            rest = _FENCE.sub("", self._head or "")
            self.spoken += rest
            return {self._field: self.spoken} if self.spoken.strip() else {}
        fields = dict(self._object.top)
        if self.spoken and not isinstance(fields.get(self._field), str):
            fields[self._field] = self.spoken
        return fields

    def _begin(self, so_far: str) -> str:
        """Find out what kind of reply it is; return the text to read as that kind, "" while that is not known."""
        found = _HEAD.match(so_far)
        rest = so_far[found.end() :] if found else so_far
        if not rest:
            self._head = so_far
            return ""
        self._head = None
        if rest.startswith("{"):
            self._object = _Object(self._field)
            return rest
        self._plain = True
        return _FENCE.sub("", so_far)

    def _aside(self, text: str) -> str:
        """Speak plain text, up to an object that begins in it after all."""
        found = _INLINE.search(text)
        if found is None:
            return text
        self._plain, self._object = False, _Object(self._field)
        return text[: found.start()] + self._object.feed(text[found.start() :])


class _Object:
    """A JSON object, character by character. `top` holds what came whole."""

    def __init__(self, spoken_field: str) -> None:
        self.top: dict[str, Any] = {}
        self.done = False
        self._field = spoken_field
        self._stack: list[_Container] = []
        self._keys: list[str] = []
        self._step = self._value
        self._text: list[str] = []
        self._quote = ""
        self._hex = ""
        self._high = ""
        self._is_key = False
        self._read = 0
        self._too_deep = 0
        self._said = False
        self._out: list[str] = []

    @property
    def speaking(self) -> bool:
        return bool(self._quote) and self._speaks

    @property
    def _speaks(self) -> bool:
        """Whether the string that is being read is the one to be spoken."""
        return not self._is_key and len(self._stack) == 1 and self._keys[-1:] == [self._field] and not self._said

    def feed(self, text: str) -> str:
        for character in text:
            self._read += 1
            if self.done or self._read > MAX_OBJECT_CHARACTERS:
                break
            # A step that ends a bare word leaves the character that ended it to the next step.
            while not self._step(character):
                pass
        out, self._out = self._out, []
        return "".join(out)

    # Each step takes a character; False: it is the next step's.

    def _value(self, character: str) -> bool:
        if character.isspace() or character in ",:":
            return True
        if character in "{[":
            self._open({} if character == "{" else [])
        elif character in "}]":
            self._close()
        elif character in "\"'":
            self._begin_string(character, key=False)
        else:
            self._text, self._step = [character], self._bare
        return True

    def _key(self, character: str) -> bool:
        if character.isspace() or character in ",:":
            return True
        if character in "}]":
            self._close()
        elif character in "\"'":
            self._begin_string(character, key=True)
        elif character in "{[":
            # A value without a key.
            self._keys[-1:] = [""]
            self._open({} if character == "{" else [])
        else:
            self._text, self._step = [character], self._bare_key
        return True

    def _bare_key(self, character: str) -> bool:
        if character in ":}" or character.isspace():
            self._named("".join(self._text))
            return character != "}"
        self._text.append(character)
        return True

    def _bare(self, character: str) -> bool:
        if character not in ",}]\n":
            self._text.append(character)
            return True
        self._keep(_bare_value("".join(self._text).strip()))
        return False

    def _string(self, character: str) -> bool:
        if character == "\\":
            self._step = self._escape
        elif character == self._quote:
            self._end_string()
        else:
            self._add(character)
        return True

    def _escape(self, character: str) -> bool:
        self._step = self._string
        if character == "u":
            self._hex, self._step = "", self._unicode
        else:
            self._add(_ESCAPES.get(character, character))
        return True

    def _unicode(self, character: str) -> bool:
        if character not in "0123456789abcdefABCDEF":
            self._add(_LOST)
            self._step = self._string
            return False
        self._hex += character
        if len(self._hex) == 4:
            self._step = self._string
            self._surrogate(int(self._hex, 16))
        return True

    def _surrogate(self, code: int) -> None:
        if 0xD800 <= code < 0xDC00:
            self._flush_high()
            self._high = chr(code)
        elif 0xDC00 <= code < 0xE000:
            pair, self._high = self._high, ""
            self._add(chr(0x10000 + ((ord(pair) - 0xD800) << 10) + (code - 0xDC00)) if pair else _LOST)
        else:
            self._add(chr(code))

    def _flush_high(self) -> None:
        if self._high:
            self._high = ""
            self._add(_LOST)

    def _add(self, character: str) -> None:
        if self._high:
            self._flush_high()
        if "\ud800" <= character <= "\udfff":
            character = _LOST
        self._text.append(character)
        if self._speaks:
            self._out.append(character)

    def _begin_string(self, quote: str, *, key: bool) -> None:
        self._quote, self._is_key, self._text, self._step = quote, key, [], self._string

    def _end_string(self) -> None:
        self._flush_high()
        spoke = self._speaks
        self._quote = ""
        if self._is_key:
            self._is_key = False
            self._named("".join(self._text))
        else:
            self._keep("".join(self._text))
        self._said = self._said or spoke

    def _named(self, key: str) -> None:
        self._keys[-1:] = [key]
        self._step = self._value

    def _open(self, container: _Container) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._too_deep += 1
            self._step = self._value
            return
        self._stack.append(container)
        self._keys.append("")
        if len(self._stack) == 1 and isinstance(container, dict):
            self.top = container
        self._step = self._key if isinstance(container, dict) else self._value

    def _close(self) -> None:
        if self._too_deep:
            self._too_deep -= 1
            return
        closed = self._stack.pop()
        self._keys.pop()
        if self._stack:
            self._keep(closed)
        else:
            self.done = True

    def _keep(self, value: Any) -> None:
        within = self._stack[-1]
        if self._too_deep:
            self._step = self._value
        elif isinstance(within, list):
            within.append(value)
            self._step = self._value
        else:
            # The words that were spoken are the ones that count, should the field come twice.
            within.setdefault(self._keys[-1], value) if self._keys[-1] == self._field else within.update(
                {self._keys[-1]: value}
            )
            self._step = self._key


def _bare_value(word: str) -> Any:
    """Read a word without quotes: a number, a literal, else a text."""
    if word in _WORDS:
        return _WORDS[word]
    try:
        return json.loads(word)
    except (ValueError, RecursionError):
        return word
