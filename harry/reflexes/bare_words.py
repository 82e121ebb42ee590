"""What surrounds a wish is taken away: the ear's quotation marks, names, politeness, hesitations, false starts. Pure.

"Um, what's, what's the time, please, Harry?" is "what's the time". The words are not judged here: every reading is
tried.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_QUOTES = re.compile(r"[\"\u201c\u201d\u201e\u00ab\u00bb*_`]+")
_TIMES = re.compile(r"(?<=[\d)])\s*\*{1,2}\s*(?=[-\d(.])")
_SINGLE = re.compile(r"^['\u2018](.*)['\u2019]([.!?]?)$", re.DOTALL)
_CLOCK = re.compile(r"(?<=\d)[:.](?=\d\d\b)")
_DAYTIME = re.compile(r"\b([ap])\.\s?m\b\.?", re.IGNORECASE)
_HESITATION = re.compile(
    r"(?:^|(?<=[\s,.]))(?:u+h+m*|u+m+|e+r+m*|h+m+|m+h*m+|a+h+|e+h+|huh|oh)(?=[\s,.!?\u2026]|$)[,.\u2026]*\s*"
    r"|,\s*(?:like|you know|i mean|well|let me think|let me see|let's see),|\u2026|\.{3}",
    re.IGNORECASE,
)
_REPEATED = re.compile(
    r"\b(?!(?:one|two|three|four|five|six|seven|eight|nine|ten|very|bye|night|no|yes|knock|dice)\b)"
    r"([a-z'][\w']*(?:\s+[\w']+){0,3}?)(?:[\s,.\u2026-]+\1\b)+",
    re.IGNORECASE,
)
_HEAD = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|so|well|and|now|oh|right|alright|all right|listen|please|"
    r"good morning|good evening|good afternoon|excuse me|sorry|actually|hey there|quick question|just)"
    r"[,.!:\s]+)+(?=\S)",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[,.\s]+(?:(?:and )?(?:please|thanks(?: a lot| so much| in advance)?|thank you(?: very much| so much)?|cheers|"
    r"now please|for me|would you|will you|could you|can you|if you (?:can|could|would|will|don't mind|please|like)|"
    r"if (?:that's|it's) (?:ok|okay|possible|all right)|when you can|my friend|mate|buddy|dear|darling|then|man|"
    r"do you know|i wonder|real quick|quickly|you know|again please))[\s.!?]*$",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"^(?:(?:can|could|would|will|won't|can't) (?:you|we) (?:please |kindly |maybe |perhaps |quickly |just "
    r"|possibly |"
    r"also |now |help me )*(?!help|remember|mind )|would you mind (?:please )?(?=\w+ing\b)"
    r"|do you (?:happen to )?know (?=how|what|when|which|if |whether )|"
    r"do you think you (?:can|could) |are you able to |(?:can|could|may) i (?:please )?(?:get|have|ask you to"
    r"|ask you|ask) (?!help)|"
    r"(?:i|we) (?:want|need|would like|'d like) you to (?:please )?(?!remember)"
    r"|i'd like you to (?:please )?(?!remember)|"
    r"(?:i'd|i would) (?:like|love) to know (?=how|what|when|which|the)|(?:i )?(?:want|need) to know (?=how"
    r"|what|when|which|the)|"
    r"i(?:'m| am| was)? ?(?:wonder(?:ing)?|curious)(?: about)? (?:if you (?:can|could) )?(?=\w)|any idea (?=how"
    r"|what|when|which)|"
    r"(?:please )?(?:tell (?:me|us)|let me know|remind me) (?=how|what|when|which|is |the |if |whether )"
    r"|(?:please )?go ahead and |"
    r"i need (?=the (?:time|date)\b)|please )",
    re.IGNORECASE,
)
_GERUND = re.compile(r"^(?:(giv|mak|tak|writ)|(\w+?)(?:(?:(?<=t)t|(?<=p)p|(?<=n)n|(?<=m)m))?)ing\b", re.IGNORECASE)
_NOUN = r"(?:what|which) (?:day|date|week|weekday|month|year)|how many \w+"
_INDIRECT = (
    (re.compile(r"^(what|how) (.+?) will be\b(.*)$", re.IGNORECASE), r"\1 will \2 be\3"),
    (re.compile(rf"^({_NOUN}) (.+?) (is|are|was)\b(.*)$", re.IGNORECASE), r"\1 \3 \2\4"),
    (re.compile(r"^(what|when|who|how) (.+?) (is|are|was)\b(.*)$", re.IGNORECASE), r"\1 \3 \2\4"),
    (re.compile(r"^(?:if|whether) (it|\d+|the .+?|today|tomorrow) (is|will|are)\b(.*)$", re.IGNORECASE), r"\2 \1\3"),
)  # fmt: skip
_MOST = 8
"""Readings of an utterance that are tried at most."""


def readings(text: str, names: Sequence[str] = ()) -> list[str]:
    """Return the words as they may have been meant, from as they are to the barest; each once, none empty."""
    # Between numbers a star is no emphasis.
    times = _TIMES.sub(lambda found: " to the power of " if "**" in found[0] else " times ", text)
    said = _QUOTES.sub("", times.replace("\u2019", "'")).strip()
    single = _SINGLE.match(said)
    said = (single[1] + single[2] if single else said).strip()
    said = re.sub(r"\s+", " ", said)
    calm = _REPEATED.sub(r"\1", re.sub(r"\s+", " ", _HESITATION.sub(" ", said)).strip(" ,"))
    found = []
    for start in dict.fromkeys((calm, said)):
        polite = _peeled(start, names, heads=False)
        bare = _peeled(polite, names)
        found += [start, polite, bare]
        asked = bare
        while (barer := _ASKING.sub("", asked, count=1)) != asked:
            if re.match(r"would you mind", asked, re.IGNORECASE):
                barer = _GERUND.sub(lambda verb: f"{verb[1]}e" if verb[1] else verb[2], barer)
            asked = barer
            found.append(asked)
        if asked != bare:
            found += [form.sub(question, asked) for form, question in _INDIRECT if form.match(asked)][:1]
        if start != said:
            found.append(found[-1].replace(",", ""))
    kept = dict.fromkeys(reading.strip(" ,") for reading in found)
    return [reading for reading in kept if re.search(r"\w", reading)][:_MOST]


def on_the_clock(said: str) -> str:
    """Return the words as a grammar of spoken times has them: "6:30 p.m." as "6 30 pm"."""
    return _DAYTIME.sub(r"\1m", _CLOCK.sub(" ", said))


def _peeled(said: str, names: Sequence[str], *, heads: bool = True) -> str:
    """Take names and politeness from both ends, as often as they come; without `heads` no words from the beginning."""
    for _ in range(4):
        before = said
        for name in names:
            called = re.escape(name)
            said = re.sub(
                rf"^(?:(?:hey|hi|ok|okay|hello)[,\s]+)?{called}[,.!:\s]+(?=\S)", "", said, flags=re.IGNORECASE
            )
            said = re.sub(rf"(?<=\S)[,\s]+{called}[\s.!?]*$", "", said, flags=re.IGNORECASE)
        said = _TAIL.sub("", _HEAD.sub("", said) if heads else said) or before
        if said == before:
            break
    return said
