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
    r"^(?:(?:sorry to (?:bother|trouble|disturb|interrupt) you(?:,? but)?|hey|hi|hiya|hello|ok|okay|so|well|and"
    r"|now|oh dear|oh|wait|hang on|(?:i'm|we're) (?:back|home|here)(?: now| again)?"
    r"|right|alright|all right|listen|please|pls|plz|"
    r"good (?:day|morning|evening|afternoon)|excuse me|sorry|actually|hey there|one more thing|by the way|just|"
    r"quick question|if you don't mind|"
    r"when you (?:can|get a chance|have a (?:moment|minute|second)))[,.!:\s]+)+(?=\S)",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[,.\s]+(?:(?:and )?(?:please|pls|plz|thanks(?: a lot| so much| in advance)?|thx|ta"
    r"|thank you(?: very much| so much)?|cheers|for me|for us|would you|will you|could you|can you|go"
    r"|if you (?:can|could|would|will|don't mind|please|like)|if you'd be so kind|would you mind|"
    r"if (?:that's|it's) (?:ok|okay|possible|all right)"
    r"|when you can|my friend|mate|buddy|dear|darling|love|then|man|will ya|would ya|"
    r"do you know|i wonder|real quick|quickly|right away|at once|you know))[\s.!?]*$",
    re.IGNORECASE,
)
_SAID_TO_SOMEBODY = re.compile(r",? (?:love|dear|darling|mate|pal|honey),(?= )", re.IGNORECASE)
_DEAR = r"(?:,? (?:love|dear|darling|my (?:dear|love|friend)|mate|pal|honey|sweetie|old (?:chap|boy|friend)))"
_MIDDLE = re.compile(r",?\s+(?:please|pls|plz|kindly),?(?=\s)", re.IGNORECASE)
_DO = (
    r"add|put|set|start|make|create|take|remove|delete|erase|cancel|stop|pause|resume|continue|unpause|turn|switch"
    r"|flip|toss|roll|throw|spell|repeat|say|tell|read|hear|mute|forget|wipe|clear|convert|write|note|cross|tick|pick"
    r"|wake|be woken|have|see|add|snooze|speak|lower|raise|get|go|listen|let|keep"
)
"""Verbs with which a wish begins, after "I'd like to", "let's" and "you can"."""

_ASKING = re.compile(
    r"^(?:(?:can|could|would|will|won't|can't) (?:you|we) (?:please |kindly |maybe |perhaps |quickly |just "
    r"|possibly |be so kind as to |be so kind and |be an? (?:dear|darling|love|angel|star|pal) and |"
    r"also |now |help me )*(?!help|remember|mind )"
    r"|would you mind (?:please )?(?=\w+ing\b)"
    r"|is it possible (?:for you )?to |(?:is there )?any chance (?:that )?you (?:can|could) |do me a favou?r and "
    r"|be so kind (?:as to|and) |be an? (?:dear|darling|love|angel|star|pal) and "
    r"|i'd appreciate it if you (?:would|could) |i'd be glad if you (?:would|could) "
    rf"|(?:i|we)(?:'d like| would like| want| need|'d love) to (?:please )?(?=(?:{_DO})\b)|let's (?=(?:{_DO})\b)"
    rf"|you (?:can|may|could|should|might) (?:now |also |please |then |just )*(?=(?:{_DO})\b)"
    r"|do you (?:happen to |still )?(?:know|remember|recall) (?=how|what|when|which|where|who|if |whether )|"
    r"do you think you (?:can|could) |are you able to |(?:can|could|may) i (?:please )?(?:get|have|ask you to"
    r"|ask you|ask) (?!help)|"
    r"(?:i|we) (?:want|need|would like|'d like) you to (?:please )?(?!remember)"
    r"|(?:i|we)'d (?:like|love) you to (?:please )?(?!remember)|"
    r"(?:i'd|i would) (?:like|love) to know (?=how|what|when|which|where|who|the|today)|(?:i )?(?:want|need) to know "
    r"(?=how|what|when|which|where|who|the|today)|"
    r"i(?:'m| am| was)? ?(?:wonder(?:ing)?|curious)(?: about)? (?:if you (?:can|could) )?(?=\w)|any idea (?=how"
    r"|what|when|which)|"
    r"(?:please )?(?:say|tell (?:me|us)|let (?:me|us) know|remind me) (?=how|what|when|which|is |the |today"
    r"|if |whether |on )|"
    r"(?:please )?tell (?:me|us) (?=today|days )|"
    r"(?:please )?go ahead and |"
    r"i(?:'d like| would like| need| want) (?=(?:the (?:time|date|week number)|today's date)\b)|please )",
    re.IGNORECASE,
)
_PLEASE_YOU = re.compile(rf"^((?:\w+,? )?please,? )you (?=(?:{_DO}|remind)\b)", re.IGNORECASE)
_GERUND = re.compile(
    r"^(?:(giv|mak|tak|writ)|(\w+?)(?:(?:(?<=t)t|(?<=p)p|(?<=n)n|(?<=m)m|(?<=cancel)l))?)ing\b", re.IGNORECASE
)
_NOUN = r"(?:what|which) (?:day of the (?:week|month)|day|date|week|weekday|month|year)|how many \w+"
_INDIRECT = (
    (re.compile(r"^(what|how) (.+?) will be\b(.*)$", re.IGNORECASE), r"\1 will \2 be\3"),
    (re.compile(rf"^({_NOUN}) (.+?) (is|are|was)\b(.*)$", re.IGNORECASE), r"\1 \3 \2\4"),
    (re.compile(r"^(what|when|who|how) (.+?) (is|are|was)\b(.*)$", re.IGNORECASE), r"\1 \3 \2\4"),
    (re.compile(r"^(?:if|whether) (it|\d+|the .+?|today|tomorrow) (is|will|are)\b(.*)$", re.IGNORECASE), r"\2 \1\3"),
)  # fmt: skip
_BEFORE_THE_WISH = re.compile(
    r"(?:.*(?<!\b[ap]\.m)[.!?]\s+(?=\S)|"
    r"(?:i|i'm|i've|we|we've|we're|my|it's|sorry)\b(?![^,]*\b(?:said|says|say|told|tell|asked|thought|heard|wrote|read)\b)"
    rf"[^,]{{0,40}},\s+(?:so |and |please )*(?=(?:{_DO}|what|what's|how|which|when|can|could|would|don't|quit)\b))",
    re.DOTALL | re.IGNORECASE,
)
"""An earlier sentence, or a few words on why: "I'm cooking. Set a timer", "I've lost track, what's the date?"."""

_NOT_LAST = (
    "to", "and", "not", "never", "you", "that", "if", "when", "me", "just", "who", "or", "can", "could",
    "will", "would", "should", "must", "always", "they", "we", "i", "then", "about", "of", "how", "out",
    "know", "don't", "what", "let's", "sure",
)  # fmt: skip
"""Words after which a sentence goes on: "I'm trying to set a timer"."""

_RUN_TOGETHER = re.compile(
    r"(?:(?:hey|um|er|so|well|right|oh) )*"
    r"(?:i'm|i am|i've|i have|i wasn't|i was|we're|we are|we've|(?:my|the) \w+(?:'s| is| are))\b[^,.;!?]{3,50}?"
    + "".join(rf"(?<! {word})" for word in _NOT_LAST)
    + r" (?=(?:how do you spell|how many|how much|how long is|what time is it|what's the time|what day is"
    r"|set (?:a|an|my|the)|remind me|wake me|repeat (?:that|it|your|what)|roll (?:a|the|two)|flip a|toss a"
    r"|(?:add|put) \w+ .*\blist|(?:pause|cancel|stop|resume) (?:the|my|that) (?:\w+ )?(?:timer|alarm))\b)",
    re.IGNORECASE,
)
"""The same run together, as hearing writes it: "I'm doing my homework how do you spell rhythm"."""

LONGEST = 200
"""Characters of an utterance in which an earlier sentence is looked for."""

_MOST = 9
"""Readings of an utterance that are tried at most."""


def readings(text: str, names: Sequence[str] = (), *, depth: int = 1) -> list[str]:
    """Return the words as they may have been meant, from as they are to the barest; each once, none empty.

    The last are those of what stands behind an earlier sentence, where `depth` is not 0.
    """
    # Between numbers a star is no emphasis.
    times = _TIMES.sub(lambda found: " to the power of " if "**" in found[0] else " times ", text)
    said = _QUOTES.sub("", times.replace("\u2019", "'")).strip()
    single = _SINGLE.match(said)
    said = (single[1] + single[2] if single else said).strip()
    said = _SAID_TO_SOMEBODY.sub(",", _PLEASE_YOU.sub(r"\1", re.sub(r"\s+", " ", said)))
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
        found.append(_MIDDLE.sub("", found[-1]))
        if start != said:
            found.append(found[-1].replace(",", ""))
    # What is longer is no wish with a word before it, and the search would take its time.
    last = calm
    if depth and len(calm) <= LONGEST:
        last = _BEFORE_THE_WISH.sub("", calm, count=1)
        last = _RUN_TOGETHER.sub("", calm, count=1) if last == calm else last
    if last != calm:
        found = [*found[: _MOST - 4], *readings(last, names, depth=0)[-4:]]
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
                rf"^(?:(?:hey|hi|ok|okay|hello|um|so)[,\s]+)?{called}{_DEAR}?[,.!:\s]+(?=\S)",
                "",
                said,
                flags=re.IGNORECASE,
            )
            said = re.sub(rf"(?<=\S)[,\s]+{called}[\s.!?]*$", "", said, flags=re.IGNORECASE)
        said = _TAIL.sub("", _HEAD.sub("", said) if heads else said) or before
        if said == before:
            break
    return said
