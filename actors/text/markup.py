"""What a reply was written with, taken away: markdown, stage directions, emoji, reasoning and addresses, as it streams.

Text goes in however the tokens cut it and comes out plain, the same for every cutting: each rule waits until what it
has seen can no longer mean anything else. No rule looks further than `_FAR` characters, so the memory is bounded.
What comes out still holds the four marks of `actors.text.characters`, which `actors.text.segmentation`
understands and keeps.
"""

# ruff: noqa: RUF001 - typographic quotes are what the text is searched for

from __future__ import annotations

import re
from collections.abc import Callable

from actors.text.characters import CLEAN, COMMA, GAP, NEW_LINE, NUMBER_DOT
from actors.text.stage_directions import ACTS, follows_subject, is_direction, looks_like_act

_TARGET = "\ue003"
_FAR = 300
_WAIT = -1


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_REASONING = _words("analysis reasoning reflection scratchpad think thinking thought thoughts")
_TAGS = _REASONING | _words(
    """a b blockquote br code del details div em h1 h2 h3 h4 h5 h6 hr i img kbd li mark ol p pre s small span strong sub
    summary sup table tbody td th thead tr u ul"""
)
_LINES = _words("br div hr li p tr")
_SCHEMES = ("https://", "http://", "www.")

_PLAIN = re.compile(r"[^\W_]+")
_RULE = re.compile(r"[-=*_:| ]{1,300}")
_AUTHORITY = re.compile(r"[^\s/?#<>\"()\[\]`|\\\ue000-\ue003]{0,300}")
_URL_END = re.compile(r"[\s<>\"`\ue000-\ue003]")
_URL_MARKS = ".,;:!?'\")]*_|"
_ASIDE = re.compile(r"[A-Za-z]?[a-z'’-]*(?: [a-z'’-]*){0,2}")
_TAG_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9]{0,12})")
_TAG_BODY = re.compile(r"(?: {1,8}[\w:-]{0,30}(?: ?=[^<>\n\ue003]{0,250})?)?/?")
_TOKEN = re.compile(r"<\|[\w./-]{0,40}(\|>)?")


class Markup:
    """One reply's way from markup to plain text.

    One class, because all rules read and move the same place in one text, and each may hand over to another.
    """

    def __init__(self) -> None:
        self._text = ""
        self._ending = False
        self._out: list[str] = []
        self._mode = self._prose
        self._prev = NEW_LINE  # the character before, as it was written
        self._line = ""  # the end of what was written, to know the last word
        self._last = ""  # the last visible character that is to be spoken
        self._line_start = True
        self._bullet = False
        self._fresh = True  # nothing of this line has been spoken yet
        self._fence = ""
        self._tag = ""
        self._depth = 0
        self._skipped = 0
        self._rules: dict[str, Callable[[int], int]] = {
            "*": self._stars,
            "_": self._stars,
            "(": self._aside,
            "[": self._bracket,
            "]": self._nothing,
            "!": self._image,
            "`": self._ticks,
            "<": self._angle,
            "|": self._pipe,
            "\\": self._backslash,
            "~": self._tilde,
            "•": self._nothing,
            GAP: self._gap,
            _TARGET: self._open_target,
        }

    def feed(self, delta: str) -> str:
        """Take in more of the reply; returns what has become certain."""
        self._text += delta.translate(CLEAN)
        at = 0
        while at < len(self._text):
            after = self._mode(at)
            if after == _WAIT:
                break
            at = after
        self._text = self._text[at:]
        out = "".join(self._out)
        self._out.clear()
        return out

    def end(self) -> str:
        """Take the reply as over; returns what was still in question."""
        self._ending = True
        return self.feed("")

    # What the rules share.

    def _write(self, text: str) -> None:
        self._out.append(text)
        self._line = (self._line + text)[-32:]
        self._prev = text[-1]
        visible = text.strip().rstrip("\"'”’)")
        if visible:
            self._last = visible[-1]
            self._fresh = False

    def _drop(self) -> None:
        self._out.append(GAP)

    def _at(self, at: int) -> str | None:
        """Look at a character: "" past the end of the reply, None while it is not known."""
        if at < len(self._text):
            return self._text[at]
        return "" if self._ending else None

    def _run_of(self, char: str, at: int) -> int | None:
        """Return where a run of one character ends; None while that is not known."""
        end = at
        while end < len(self._text) and self._text[end] == char and end - at < _FAR:
            end += 1
        return None if end == len(self._text) and not self._ending and end - at < _FAR else end

    def _put_back(self, inner: str, rest: int) -> int:
        """Go on with `inner`, then with the text from `rest`."""
        self._text = inner + self._text[rest:]
        return 0

    @property
    def _sentence_start(self) -> bool:
        return self._fresh or self._last in ("", ".", "!", "?", "…")

    # Modes: each takes the place it stands at and returns where to go on, or _WAIT.

    def _prose(self, at: int) -> int:
        char = self._text[at]
        if self._line_start and char not in f" {NEW_LINE}{GAP}":
            opened = self._open_line(at, char)
            if opened is not None:
                return opened
            self._line_start = False
        plain = _PLAIN.match(self._text, at)
        if plain is not None:
            if not self._prev.isalnum():
                beginning = self._text[at : at + 8].lower()
                for scheme in _SCHEMES:
                    if beginning.startswith(scheme):
                        self._mode = self._host
                        return at + (0 if scheme == "www." else len(scheme))
                    if scheme.startswith(beginning) and not self._ending:
                        return _WAIT
            self._write(plain.group())
            return plain.end()
        rule = self._rules.get(char)
        if rule is not None:
            return rule(at)
        self._write(char)
        if char == NEW_LINE:
            self._line_start = self._fresh = True
            self._bullet = False
        return at + 1

    def _host(self, at: int) -> int:
        found = _AUTHORITY.match(self._text, at)
        end = found.end() if found is not None else at
        if end == len(self._text) and not self._ending and end - at < _FAR:
            return _WAIT
        self._mode = self._prose
        authority = self._text[at:end]
        if self._text[end : end + 1] in ("/", "?", "#") and end - at < _FAR:
            self._mode = self._address
        else:
            authority = authority.rstrip(".,;:!?'*_")
        host = authority.rpartition("@")[2].partition(":")[0].removeprefix("www.")
        host = "".join(char for char in host if char.isalnum() or char in ".-")
        if host:
            self._write(host)
        after = at + len(authority)
        if self._mode == self._prose and self._text[after : after + 1] == ">":
            after += 1
        return after

    def _address(self, at: int) -> int:
        end = _URL_END.search(self._text, at)
        stop = end.start() if end is not None else len(self._text)
        marks = stop
        while marks > at and self._text[marks - 1] in _URL_MARKS and stop - marks < 8:
            marks -= 1
        if end is None and not self._ending:
            return marks if marks > at else _WAIT
        self._mode = self._prose
        self._prev = "/"
        if end is not None and end.group() == ">" and marks == stop:
            return stop + 1
        return marks

    def _target(self, at: int) -> int:
        char = self._text[at]
        self._depth += (char == "(") - (char == ")")
        self._skipped += 1
        if self._depth == 0 or char == NEW_LINE or self._skipped > 2000:
            self._mode = self._prose
            self._prev = ")"
            return at if char == NEW_LINE else at + 1
        return at + 1

    def _code(self, at: int) -> int:
        found = self._text.find(self._fence, at)
        if found < 0:
            kept = 0 if self._ending else len(self._fence) - 1
            return max(len(self._text) - kept, at) if len(self._text) - kept > at else _WAIT
        end = self._run_of(self._fence[0], found)
        if end is None:
            return found if found > at else _WAIT
        self._mode = self._prose
        self._drop()
        return end

    def _reasoning(self, at: int) -> int:
        closing = f"</{self._tag}>"
        found = self._text.lower().find(closing, at)
        if found >= 0:
            self._mode = self._prose
            self._drop()
            return found + len(closing)
        kept = 0 if self._ending else len(closing) - 1
        return len(self._text) - kept if len(self._text) - kept > at else _WAIT

    # At the beginning of a line.

    def _open_line(self, at: int, char: str) -> int | None:  # noqa: PLR0911 - one return for each kind of line
        if char == ">":
            return at + 1
        if char == "#":
            end = self._run_of(char, at)
            if end is None:
                return _WAIT
            if end - at > 6 or self._at(end) not in (" ", NEW_LINE, ""):
                return None
            self._line_start = False
            return end
        if char == "~":
            end = self._run_of(char, at)
            return _WAIT if end is None else self._open_code(at, end) if end - at > 2 else None
        if char.isdecimal():
            return self._numbered(at)
        if char in "+•":
            following = self._at(at + 1)
            return _WAIT if following is None else self._item(at) if following in (" ", NEW_LINE, "") else None
        rule = _RULE.match(self._text, at)
        return None if rule is None else self._ruled(at, rule.end())

    def _ruled(self, at: int, end: int) -> int | None:
        """Drop a line of dashes, stars or pipes alone; one that goes on may be an item or a row."""
        following = self._at(end)
        if following is None and end - at < _FAR:
            return _WAIT
        if following in (NEW_LINE, ""):
            return end
        if self._text[at] in "-*" and self._text[at + 1] == " ":
            return self._item(at)
        if self._text[at] == "|":
            self._line_start = False
            return at + 1
        return None

    def _item(self, at: int) -> int:
        self._bullet = True
        return at + 1

    def _numbered(self, at: int) -> int | None:
        end = at
        while end < len(self._text) and self._text[end].isdecimal() and end - at < 4:
            end += 1
        mark, following = self._at(end), self._at(end + 1)
        if end - at > 3 or mark not in (None, ".", ")"):
            return None
        if mark is None or following is None:
            return _WAIT
        if following != " ":
            return None
        self._line_start = False
        self._write(self._text[at:end] + NUMBER_DOT)
        self._last = "."
        return end + 1

    # Within a line: each returns where to go on, or _WAIT.

    def _stars(self, at: int) -> int:
        char, before = self._text[at], self._prev
        end = self._run_of(char, at)
        if end is None:
            return _WAIT
        following = self._at(end)
        if following is None:
            return _WAIT
        if end - at == 1 and following.strip() and not before.isalnum():
            directed = self._direction(at, char)
            if directed is not None:
                return directed
        if char == "_" and before.isalnum() and following.isalnum():
            self._write(" ")
        elif char == "*" and end - at == 1:
            tight = before.isdigit() and following.isdigit()
            if tight or (before == " " and following == " " and self._last.isdigit()):
                self._write(" times ")
        self._prev = char
        return end

    def _direction(self, at: int, marker: str) -> int | None:  # noqa: PLR0911 - one return for each way out
        """Return where a stage direction wrapped in `marker` ends; None if these are ordinary words.

        An act ("smiles") is one at the beginning of a sentence, after a mark, and where the sentence is over with it.
        Other words are one only at the beginning of a sentence: if they begin like an act and go on so, or if they
        stand alone between sentences, without a capital.
        """
        segment = self._text[at + 1 : at + 82]
        stop = re.search(f"[{marker}\n]", segment)
        phrase = segment[: stop.start()] if stop is not None else segment
        words = phrase.replace(GAP, " ").split()
        begins, bounded = self._sentence_start, " " in phrase or stop is not None
        if not begins and bounded and (not words or words[0].lower().rstrip(".!,") not in ACTS):
            return None
        if stop is None:
            return _WAIT if len(segment) < 81 and not self._ending else None
        end = at + 1 + stop.end()
        first, second = self._at(end), self._at(end + 1)
        if first is None or (first == " " and second is None):
            return _WAIT
        if stop.group() == NEW_LINE or not words or first == marker or first.isalnum():
            return None
        ends = first in ("", NEW_LINE) or (first == " " and (second or "").isupper())
        alone = first in ("", NEW_LINE, GAP) or (first == " " and not (second or "").islower())
        if not is_direction(words, alone=alone, in_list=self._bullet):
            return None
        # In mid sentence an act is a direction after a mark, or where the sentence is over with it.
        if not begins and self._last.isalnum() and (not ends or follows_subject(self._line)):
            return None
        self._drop()
        self._prev = marker
        # The mark of a direction goes with it, or it would stand before the next sentence by itself.
        return end + 1 if begins and first and first in ".,;:!?" else end

    def _aside(self, at: int) -> int:
        segment = self._text[at + 1 : at + 42]
        stop = segment.find(")")
        body = segment[:stop] if stop >= 0 else segment
        if _ASIDE.fullmatch(body) and stop != 0:
            if stop < 0 and len(segment) < 41 and not self._ending:
                return _WAIT
            opening = body.partition(" ")[0]
            if stop > 0 and (
                opening.lower() in ACTS or (self._sentence_start and body.islower() and looks_like_act(opening))
            ):
                self._drop()
                self._prev = ")"
                return at + stop + 2
        self._write("(")
        return at + 1

    def _close_of_bracket(self, at: int) -> int | None:
        """Return where the bracket opened at `at` closes; 0 if it does not; None while that is not known."""
        depth = 0
        for place in range(at, min(len(self._text), at + _FAR)):
            char = self._text[place]
            depth += (char == "[") - (char == "]")
            if depth == 0:
                return place
            if char == NEW_LINE:
                return 0
        return None if len(self._text) - at < _FAR and not self._ending else 0

    def _bracket(self, at: int) -> int:
        close = self._close_of_bracket(at)
        if close is None:
            return _WAIT
        if close == 0:
            return at + 1
        following = self._at(close + 1)
        if following is None:
            return _WAIT
        inner = self._text[at + 1 : close]
        if following == "(":
            return self._put_back(inner + _TARGET, close + 2)
        words = inner.split()
        act = words and (words[0].lower() in ACTS or (inner.islower() and len(words) < 5 and looks_like_act(words[0])))
        note = inner.rstrip().endswith((".", "!", "?"))
        if not words or act or note or inner in ("x", "X") or inner.isdecimal() or inner.startswith("^"):
            self._drop()
            return close + 1
        return self._put_back(inner, close + 1)

    def _image(self, at: int) -> int:
        following = self._at(at + 1)
        if following is None:
            return _WAIT
        close = self._close_of_bracket(at + 1) if following == "[" else 0
        after = self._at(close + 1) if close else ""
        if close is None or after is None:
            return _WAIT
        if after != "(":
            self._write("!")
            return at + 1
        self._drop()
        return self._put_back(_TARGET, close + 2)

    def _open_target(self, at: int) -> int:
        self._mode, self._depth, self._skipped = self._target, 1, 0
        return at + 1

    def _open_code(self, at: int, end: int) -> int:
        self._fence, self._mode, self._line_start = self._text[at:end], self._code, False
        return end

    def _ticks(self, at: int) -> int:
        end = self._run_of("`", at)
        if end is None:
            return _WAIT
        return self._open_code(at, end) if end - at > 2 else end

    def _angle(self, at: int) -> int:
        following = self._at(at + 1)
        if following == "|":
            return self._token(at)
        name = _TAG_NAME.match(self._text, at)
        after = name.end() if name is not None else at + 1
        if self._at(after) is None or (following == "/" and self._at(at + 2) is None):
            return _WAIT
        tag = name.group(1).lower() if name is not None else ""
        if tag.startswith("http"):
            return at + 1
        closed = self._tag_end(after) if tag in _TAGS else 0
        if closed is None:
            return _WAIT
        if closed == 0:
            self._write("<")
            return at + 1
        if tag in _REASONING and following != "/":
            self._tag, self._mode = tag, self._reasoning
        self._out.append(NEW_LINE if tag in _LINES else GAP)
        return closed

    def _tag_end(self, after: int) -> int | None:
        """Return where the tag closes whose name ended at `after`; 0 if it is none; None while that is not known."""
        body = _TAG_BODY.match(self._text, after)
        end = body.end() if body is not None else after
        closing = self._at(end)
        if closing is None:
            return None if end - after < _FAR else 0
        return end + 1 if closing == ">" else 0

    def _token(self, at: int) -> int:
        """Drop a model's own token, as `<|im_end|>`."""
        found = _TOKEN.match(self._text, at)
        end = found.end() if found is not None else at + 1
        if found is not None and found.group(1):
            self._drop()
            return end
        # One more character decides, unless it is the bar of a closing that is still to come.
        beyond = self._at(end)
        if beyond is None or (beyond == "|" and self._at(end + 1) is None):
            return _WAIT
        return at + 1

    def _pipe(self, at: int) -> int:
        end = at + 1
        while end < len(self._text) and self._text[end] == " " and end - at < 16:
            end += 1
        following = self._at(end)
        if following is None:
            return _WAIT
        if following not in (NEW_LINE, "", "|") and not self._fresh and self._last not in ",;:.!?":
            self._out.append(COMMA)
            self._last = ","
        self._prev = "|"
        return at + 1

    def _backslash(self, at: int) -> int:
        following = self._at(at + 1)
        if following is None:
            return _WAIT
        if not following or following.isalnum() or following.isspace() or following in (GAP, _TARGET):
            return at + 1
        if following not in "*_`~|[]\\":
            self._write(following)
        return at + 2

    def _tilde(self, at: int) -> int:
        end = self._run_of("~", at)
        following = None if end is None else self._at(end)
        if end is None or following is None:
            return _WAIT
        if end - at == 1 and following.isdigit():
            self._write("about ")
        return end

    def _nothing(self, at: int) -> int:
        self._prev = self._text[at]
        return at + 1

    def _gap(self, at: int) -> int:
        self._drop()
        return at + 1
