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
from dataclasses import dataclass, field, replace

from harry.memory.lore import Count, Reason, Verdict
from harry.memory.lore_matching import Hits
from harry.memory.lore_patterns import LIMIT, Pattern, Trials
from harry.memory.lore_rules import AND_ALL, NOT_ALL, NOT_ANY, Keys, LoreIndex, Rule
from harry.memory.lore_words import original_place

RECURSION = 2
"""Steps that lead from the texts through contents to further entries, at most."""

CONSTANT_BUDGET = 1_200
"""Tokens of constant entries, which stand in every prompt."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What an entry may ask about besides the texts. `replies`: Harry's so far in this conversation; None: unknown.

    `fired_before` are the numbers of entries that joined an earlier prompt of it.
    """

    replies: int | None = None
    fired_before: Collection[int] = ()


@dataclass(slots=True)
class Evidence:
    """What there is to look at: texts, the newest first, with the keys found in each, and the contents that fired."""

    index: LoreIndex
    texts: Sequence[str]
    hits: Sequence[Hits]
    trials: Trials
    exactly: bool = False
    contents: list[Rule] = field(default_factory=list)

    def find(self, keys: Keys, rule: Rule) -> str | None:
        """Say where any of the keys stands, None if nowhere."""
        for number, (text, hits) in enumerate(zip(self.texts[: rule.depth], self.hits, strict=False)):
            known = keys.numbers & hits.keys()
            if known:
                key = min(known, key=hits.__getitem__)
                return f"{self._named(key, keys, rule)} found {self._where(text, number, hits[key], key)}"
            tried = self.trials.first(keys.patterns, text) if keys.patterns else None
            if tried:
                return f"pattern {tried[0].source[:60]!r} matches {_text_named(number)} at character {tried[1] + 1}"
        if rule.book.recursive_scanning:
            return self._in_contents(keys, rule)
        return None

    def _in_contents(self, keys: Keys, rule: Rule) -> str | None:
        for other in self.contents:
            if other is rule:
                continue
            where = f"in the content of {other.entry.title[:40]!r}"
            known = keys.numbers & self.index.in_content(other).keys()
            if known:
                return f"{self._named(min(known), keys, rule)} found {where}"
            tried = self.trials.first(keys.patterns, other.text) if keys.patterns else None
            if tried:
                return f"pattern {tried[0].source[:60]!r} matches {where}"
        return None

    def _named(self, number: int, keys: Keys, rule: Rule) -> str:
        for written, sort in (
            (rule.entry.keys, rule.keys),
            (rule.entry.secondary_keys, rule.secondary),
            (rule.asks.additional_keys, rule.additional),
            (rule.asks.exclude_keys, rule.excluded),
        ):
            if sort is keys and number in sort.each:
                return f"key {written[sort.each.index(number)][:60]!r}"
        return "a key"

    def _where(self, text: str, number: int, place: int, key: int) -> str:
        if not self.exactly:
            return f"in {_text_named(number)}"
        at = original_place(text, place, exact=self.index.keys.is_exact(key))
        return f"in {_text_named(number)} at character {at + 1}"


def _text_named(number: int) -> str:
    return "the newest text" if number == 0 else f"the text {number} before the newest"


def judge(
    index: LoreIndex,
    texts: Sequence[str],
    hits: Sequence[Hits],
    *,
    budget: int,
    count: Count,
    moment: Moment | None = None,
    constant_budget: int = CONSTANT_BUDGET,
    limit: float = LIMIT,
    exactly: bool = False,
    everything: bool = False,
) -> list[Verdict]:
    """Judge the entries that the texts speak of, or `everything`; those that fire come first, in the prompt's order.

    `texts` and their `hits` stand newest first. `budget` is in tokens as `count` counts them; `limit` is in seconds,
    for all patterns; `exactly` tells the character where a key was found. Blocking.
    """
    moment = moment or Moment()
    evidence = Evidence(index, texts, hits, Trials(limit=limit), exactly)
    asked = index.rules if everything else _in_order(index.asked(hits), index.always)
    verdicts: dict[int, tuple[Rule, Verdict]] = {}
    new = _decide(sorted(asked, key=_cost), evidence, moment, verdicts)
    for _ in range(RECURSION if index.recursive else 0):
        # What fires now is looked into, and only that: each content speaks once.
        evidence.contents.extend(new)
        waiting = index.rules if everything else _in_order(_asked_by(index, new), index.always)
        unsettled = [rule for rule in waiting if rule.book.recursive_scanning and not _fired(verdicts, rule)]
        new = _decide(sorted(unsettled, key=_cost), evidence, moment, verdicts)
        if not new:
            break
    return _settle(list(verdicts.values()), budget, constant_budget, count)


def _in_order(first: Sequence[Rule], second: Sequence[Rule]) -> list[Rule]:
    return sorted({rule.place: rule for rule in (*first, *second)}.values(), key=lambda rule: rule.place)


def _asked_by(index: LoreIndex, fired: Sequence[Rule]) -> list[Rule]:
    return index.asked(index.in_content(rule) for rule in fired)


def _cost(rule: Rule) -> float:
    return sum(pattern.cost for pattern in rule.keys.patterns)


def _fired(verdicts: dict[int, tuple[Rule, Verdict]], rule: Rule) -> bool:
    return rule.place in verdicts and verdicts[rule.place][1].fires


def _decide(
    rules: Sequence[Rule], evidence: Evidence, moment: Moment, verdicts: dict[int, tuple[Rule, Verdict]]
) -> list[Rule]:
    fired = []
    for rule in rules:
        fires, reason, why = _verdict(rule, evidence, moment)
        verdicts[rule.place] = (
            rule,
            Verdict(rule.entry, rule.book.name, fires, reason, why, rule.text, depth=rule.asks.depth),
        )
        if fires:
            fired.append(rule)
    return fired


Answer = tuple[bool, Reason, str]


def _verdict(rule: Rule, evidence: Evidence, moment: Moment) -> Answer:
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
    return True, Reason.PATTERN if found.startswith("pattern") else Reason.KEY, found


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
    return (False, Reason.EXCLUDED, f"excluded: {found}") if found else None


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
    found = evidence.find(rule.secondary, rule)
    return (False, Reason.SECONDARY, f"a key was found, but so was a secondary one: {found}") if found else None


def _all_secondary(rule: Rule, evidence: Evidence) -> Answer | None:
    if all(_stands(each, rule, evidence) for each in rule.secondary.each):
        return None
    return False, Reason.SECONDARY, "a key was found, but not all of its secondary keys"


def _not_all_secondary(rule: Rule, evidence: Evidence) -> Answer | None:
    if not all(_stands(each, rule, evidence) for each in rule.secondary.each):
        return None
    return False, Reason.SECONDARY, "a key was found, but so were all of its secondary keys"


def _stands(key: int | Pattern | None, rule: Rule, evidence: Evidence) -> bool:
    if key is None:
        return False
    alone = Keys(frozenset([key]), (), (key,)) if isinstance(key, int) else Keys(frozenset(), (key,), (key,))
    return evidence.find(alone, rule) is not None


_SECONDARY: dict[int, Callable[[Rule, Evidence], Answer | None]] = {
    NOT_ALL: _not_all_secondary,
    NOT_ANY: _no_secondary,
    AND_ALL: _all_secondary,
}


def _settle(judged: list[tuple[Rule, Verdict]], budget: int, constant_budget: int, count: Count) -> list[Verdict]:
    """Keep what has room, the worthiest first; put what stays in the prompt's order, and what does not behind it."""
    room = {True: constant_budget, False: budget}
    in_book: dict[int, int] = defaultdict(int)
    kept: list[tuple[Rule, Verdict]] = []
    rest: list[tuple[Rule, Verdict]] = []
    for rule, verdict in sorted(judged, key=lambda each: (each[0].entry.worth, -each[0].place), reverse=True):
        if not verdict.fires:
            rest.append((rule, verdict))
            continue
        tokens = count(rule.text)
        own = room[rule.constant]
        book = rule.book.token_budget
        if book is not None and not rule.constant:
            own = min(own, book - in_book[id(rule.book)])
        if tokens <= own:
            room[rule.constant] -= tokens
            in_book[id(rule.book)] += 0 if rule.constant else tokens
            kept.append((rule, replace(verdict, tokens=tokens)))
        else:
            why = f"{verdict.why}, but it needs {tokens} tokens and {max(own, 0)} are left"
            over = replace(verdict, fires=False, reason=Reason.OVER_BUDGET, why=why, tokens=tokens)
            rest.append((rule, over))
    kept.sort(key=lambda each: each[0].order)
    rest.sort(key=lambda each: each[0].place)
    return [verdict for _, verdict in (*kept, *rest)]
