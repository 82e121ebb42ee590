"""Which entries fire on what was said, and which of those have room.

In order: (1) a disabled entry or one without content never fires; (2) decorators that say never, always, not yet or no
more are obeyed; (3) an excluded key keeps an entry out; (4) a constant one fires; (5) else a key must stand in one of
the newest texts, or, in a book that scans recursively, in the content of an entry that fired, at most two steps from
the texts; (6) secondary and additional keys must be there too; (7) the least worthy gives way when there is too much.
Constant entries have a budget of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from harry.memory.lore.matching import MAX_SEARCHED_CHARACTERS, Hits
from harry.memory.lore.model import Count, Reason, Verdict
from harry.memory.lore.normalization import find_original_place
from harry.memory.lore.patterns import Pattern, Trials
from harry.memory.lore.rules import AND_ALL, NOT_ALL, NOT_ANY, Keys, LoreIndex, Rule

MAX_RECURSION_STEPS = 2
"""Steps that lead from the texts through contents to further entries, at most."""

CONSTANT_BUDGET_TOKENS = 1_200
"""Tokens of constant entries, which stand in every prompt."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What an entry may ask about besides the texts. `replies`: Harry's so far in this conversation; None: unknown.

    `fired_before` are the numbers of entries that joined an earlier prompt of it.
    """

    replies: int | None = None
    fired_before: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens that entries may fill, as `count` counts them; constant entries have `constant_tokens` of their own."""

    tokens: int
    count: Count
    constant_tokens: int = CONSTANT_BUDGET_TOKENS


class Found(NamedTuple):
    """Where one of an entry's keys stands: in a text (0: the newest), or in the content of an entry that fired."""

    key: int | Pattern
    place: int
    text: int = 0
    content: Rule | None = None


Answer: TypeAlias = tuple[bool, Reason, str | Found]
"""Whether an entry fires, why, and what there is to say or where its key was found."""

Answers: TypeAlias = dict[int, tuple[Rule, Answer]]


@dataclass(slots=True)
class Evidence:
    """What there is to look at: texts, the newest first, with the keys found in each, and the contents that fired."""

    index: LoreIndex
    texts: Sequence[str]
    hits: Sequence[Hits]
    trials: Trials
    contents: list[Rule] = field(default_factory=list)

    def find(self, keys: Keys, rule: Rule) -> Found | None:
        """Look for any of the keys, as far back as the rule looks."""
        for number in range(min(rule.depth, len(self.texts))):
            hits = self.hits[number]
            known = [key for key in keys.numbers if key in hits]
            if known:
                key = min(known, key=hits.__getitem__)
                return Found(key, hits[key], number)
            if keys.patterns:
                tried = self.trials.find_first(keys.patterns, self.texts[number])
                if tried:
                    return Found(tried[0], tried[1], number)
        return self._in_contents(keys)

    def _in_contents(self, keys: Keys) -> Found | None:
        for other in self.contents:
            hits = self.index.find_in_content(other)
            known = [key for key in keys.numbers if key in hits]
            if known:
                return Found(known[0], hits[known[0]], content=other)
            tried = self.trials.find_first(keys.patterns, other.text) if keys.patterns else None
            if tried:
                return Found(tried[0], tried[1], content=other)
        return None

    def describe(self, found: Found, rule: Rule, *, exactly: bool) -> str:
        """Describe where a key was found; `exactly` adds the character."""
        if found.content is not None:
            where = f"in the content of {found.content.entry.title[:40]!r}"
        elif found.text == 0:
            where = "in the newest text"
        else:
            where = f"in the text {found.text} before the newest"
        if isinstance(found.key, Pattern):
            said = f"pattern {found.key.source[:60]!r} matches {where}"
        else:
            said = f"key {_written(found.key, rule)[:60]!r} found {where}"
        return f"{said} at character {self._character(found) + 1}" if exactly else said

    def _character(self, found: Found) -> int:
        if isinstance(found.key, Pattern):
            return found.place
        text = found.content.text if found.content is not None else self.texts[found.text]
        before = max(0, len(text) - MAX_SEARCHED_CHARACTERS)
        return before + find_original_place(text[before:], found.place, exact=self.index.keys.is_exact(found.key))


def _written(number: int, rule: Rule) -> str:
    for written, sort in (
        (rule.entry.keys, rule.keys),
        (rule.entry.secondary_keys, rule.secondary),
        (rule.asks.additional_keys, rule.additional),
        (rule.asks.exclude_keys, rule.excluded),
    ):
        if number in sort.written:
            return written[sort.written.index(number)]
    return "?"


def judge(
    index: LoreIndex,
    texts: Sequence[str],
    hits: Sequence[Hits],
    *,
    budget: Budget,
    moment: Moment | None = None,
    trials: Trials | None = None,
    explain: bool = False,
    plain: bool = False,
) -> list[Verdict]:
    """Return the entries that fire, in the prompt's order; with `explain`, all others after them, each with its reason.

    `texts` and their `hits` stand newest first. `trials` bounds the time for all patterns; `explain` also says at which
    character a key was found. `plain` asks no entry that only a pattern could call up. Blocking.
    """
    moment = moment or Moment()
    evidence = Evidence(index, texts, hits, trials or Trials())
    answers: Answers = {}
    always = index.plainly_always if plain else index.always
    asked = index.rules if explain else _in_order(index.find_rules(hits), always)
    new = _decide(asked, evidence, moment, answers)
    for _ in range(MAX_RECURSION_STEPS if index.recursive else 0):
        # What has just fired is looked into, and only that: each content speaks once.
        evidence.contents.extend(new)
        spoken_of = index.find_rules(index.find_in_content(rule) for rule in new)
        waiting = index.rules if explain else _in_order(spoken_of, always)
        new = _decide([rule for rule in waiting if _may_yet_fire(rule, answers)], evidence, moment, answers)
        if not new:
            break
    kept, left_out = _settle([rule for rule, answer in answers.values() if answer[0]], budget)

    def verdict(rule: Rule, tokens: int = 0, left: int | None = None) -> Verdict:
        fires, reason, why = answers[rule.place][1]
        said = why if isinstance(why, str) else evidence.describe(why, rule, exactly=explain)
        if left is not None:
            fires, reason, said = False, Reason.OVER_BUDGET, f"{said}, but it needs {tokens} tokens and {left} are left"
        return Verdict(rule.entry, rule.book.name, fires, reason, said, rule.text, tokens, rule.asks.depth)

    verdicts = [verdict(rule, tokens) for rule, tokens in kept]
    if explain:
        dropped = {rule.place: verdict(rule, tokens, left) for rule, tokens, left in left_out}
        quiet = {place: verdict(rule) for place, (rule, answer) in answers.items() if not answer[0]}
        verdicts += [other for _, other in sorted({**dropped, **quiet}.items())]
    return verdicts


def _in_order(first: Sequence[Rule], second: Sequence[Rule]) -> list[Rule]:
    return sorted({rule.place: rule for rule in (*first, *second)}.values(), key=lambda rule: rule.place)


def _may_yet_fire(rule: Rule, answers: Answers) -> bool:
    known = answers.get(rule.place)
    return bool(rule.book.recursive_scanning) and (known is None or not known[1][0])


def _decide(rules: Sequence[Rule], evidence: Evidence, moment: Moment, answers: Answers) -> list[Rule]:
    fired = []
    # Plain keys first, then patterns, the cheapest of the last time before the others.
    for rule in sorted(rules, key=lambda rule: rule.cost) if evidence.index.patterned else rules:
        answer = _answer(rule, evidence, moment)
        answers[rule.place] = rule, answer
        if answer[0]:
            fired.append(rule)
    return fired


def _answer(rule: Rule, evidence: Evidence, moment: Moment) -> Answer:
    for ask in (_by_itself, _by_decorators, _by_count, _by_exclusion):
        answer = ask(rule, evidence, moment)
        if answer is not None:
            return answer
    found = None if rule.constant else evidence.find(rule.keys, rule)
    if not rule.constant and found is None:
        return _not_found(rule, evidence)
    missing = _missing(rule, evidence)
    if missing is not None:
        return missing
    if found is None:
        return True, Reason.CONSTANT, "it is constant"
    return True, Reason.PATTERN if isinstance(found.key, Pattern) else Reason.KEY, found


def _by_itself(rule: Rule, evidence: Evidence, moment: Moment) -> Answer | None:
    if not rule.entry.enabled:
        return False, Reason.DISABLED, "it is disabled"
    if not rule.text.strip():
        return False, Reason.EMPTY, "it has no content"
    if rule.trouble:
        return False, Reason.BAD_PATTERN, rule.trouble
    return None


def _by_decorators(rule: Rule, evidence: Evidence, moment: Moment) -> Answer | None:
    asks, known = rule.asks, rule.entry.number in moment.fired_before
    if asks.dont_activate_after_match and known:
        return False, Reason.SPENT, "it fired before in this conversation, and asks not to fire again"
    if asks.activate:
        return True, Reason.DECORATOR, "its decorator @@activate says always"
    if asks.dont_activate:
        return False, Reason.DECORATOR, "its decorator @@dont_activate says never"
    if asks.keep_activate_after_match and known:
        return True, Reason.DECORATOR, "it fired before in this conversation, and asks to stay"
    return None


def _by_count(rule: Rule, evidence: Evidence, moment: Moment) -> Answer | None:
    after, every, replies = rule.asks.activate_only_after, rule.asks.activate_only_every, moment.replies
    if replies is None:
        return None
    if after is not None and replies < after:
        return False, Reason.TOO_EARLY, f"it waits for {after} replies; there were {replies}"
    if every and replies % every:
        return False, Reason.TOO_EARLY, f"it fires at every {every}th reply; there were {replies}"
    return None


def _by_exclusion(rule: Rule, evidence: Evidence, moment: Moment) -> Answer | None:
    found = evidence.find(rule.excluded, rule) if rule.excluded else None
    return (False, Reason.EXCLUDED, found) if found else None


def _not_found(rule: Rule, evidence: Evidence) -> Answer:
    if evidence.trials.gave_up(rule.keys.patterns):
        return False, Reason.TIMED_OUT, "its pattern timed out"
    if rule.keys.usable:
        return False, Reason.NO_KEY, f"none of its keys stands in the newest {rule.depth} texts"
    if not rule.keys:
        return False, Reason.NO_USABLE_KEY, "it has no key"
    return False, Reason.NO_USABLE_KEY, "its keys hold no letter, digit or symbol, or no pattern that can be run"


def _missing(rule: Rule, evidence: Evidence) -> Answer | None:
    if rule.additional and evidence.find(rule.additional, rule) is None:
        return False, Reason.SECONDARY, "none of the keys of its decorator @@additional_keys was found"
    if not rule.secondary or rule.constant:
        return None
    return _SECONDARY.get(rule.logic, _any_secondary)(rule, evidence)


def _any_secondary(rule: Rule, evidence: Evidence) -> Answer | None:
    if evidence.find(rule.secondary, rule) is not None:
        return None
    return False, Reason.SECONDARY, "a key was found, but none of its secondary keys"


def _no_secondary(rule: Rule, evidence: Evidence) -> Answer | None:
    if evidence.find(rule.secondary, rule) is None:
        return None
    return False, Reason.SECONDARY, "a key was found, but so was one of its secondary keys"


def _all_secondary(rule: Rule, evidence: Evidence) -> Answer | None:
    if all(_stands(key, rule, evidence) for key in rule.secondary.written):
        return None
    return False, Reason.SECONDARY, "a key was found, but not all of its secondary keys"


def _not_all_secondary(rule: Rule, evidence: Evidence) -> Answer | None:
    if not all(_stands(key, rule, evidence) for key in rule.secondary.written):
        return None
    return False, Reason.SECONDARY, "a key was found, but so were all of its secondary keys"


def _stands(key: int | Pattern | None, rule: Rule, evidence: Evidence) -> bool:
    if key is None:
        return False
    alone = Keys((key,), (), (key,)) if isinstance(key, int) else Keys((), (key,), (key,))
    return evidence.find(alone, rule) is not None


_SECONDARY: dict[int, Callable[[Rule, Evidence], Answer | None]] = {
    NOT_ALL: _not_all_secondary,
    NOT_ANY: _no_secondary,
    AND_ALL: _all_secondary,
}


def _settle(fired: Sequence[Rule], budget: Budget) -> tuple[list[tuple[Rule, int]], list[tuple[Rule, int, int]]]:
    """Fit rules into the budget, the worthiest first; return those that stay, with their tokens, and the others.

    What does not stay comes with the tokens it needs and those that were left. Constant entries race for their own.
    """
    room = {True: budget.constant_tokens, False: budget.tokens}
    in_book: dict[int, int] = defaultdict(int)
    kept: list[tuple[Rule, int]] = []
    dropped: list[tuple[Rule, int, int]] = []
    for rule in sorted(fired, key=lambda rule: (rule.entry.worth, -rule.place), reverse=True):
        tokens = budget.count(rule.text)
        left = room[rule.constant]
        book = id(rule.book)
        if rule.book.token_budget is not None and not rule.constant:
            left = min(left, rule.book.token_budget - in_book[book])
        if tokens > left:
            dropped.append((rule, tokens, max(left, 0)))
            continue
        room[rule.constant] -= tokens
        if not rule.constant:
            in_book[book] += tokens
        kept.append((rule, tokens))
    kept.sort(key=lambda pair: pair[0].order)
    return kept, dropped
