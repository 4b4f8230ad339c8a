"""The classification of a record: its facts and the policy give its schedule, with a sentence for each date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from hooks.retention.anchors import Anchor, anchor
from hooks.retention.conditions import conditions_of
from hooks.retention.effects import apply_standing
from hooks.retention.events import NO_STANDING, Standing
from hooks.retention.facts import Facts
from hooks.retention.policy import Clock, Policy, RetentionClass, Rule
from hooks.retention.reported_choices import with_reported_choices
from hooks.retention.schedule import Entry, Schedule, phase


def classify(facts: Facts, policy: Policy, standing: Standing = NO_STANDING) -> Schedule:
    """Return the schedule that the policy gives for these facts and for the holds, requests and consents in effect.

    Pure: the same arguments give the same schedule.
    """
    current = phase(facts)
    if current in ("unknown", "ignored"):
        return Schedule(current, (), None)
    facts = with_reported_choices(facts, standing)
    rules = _applicable_rules(facts, policy)
    anchors: dict[Clock, Anchor] = {}
    entries = []
    for rule in rules:
        entry = _entry(rule, _anchor_of(rule, facts, policy, anchors), policy)
        entries.append(apply_standing(entry, facts, standing, policy))
    governing = _latest_governing(entries)
    if current == "erased":
        entries = list(_left_by_eraser(entries, rules))
    return Schedule(current, tuple(entries), governing)


def _left_by_eraser(entries: Iterable[Entry], rules: Iterable[Rule]) -> Iterator[Entry]:
    """Yield the entries of data that the store's own eraser leaves. The rules are those of the entries, in order."""
    for entry, rule in zip(entries, rules, strict=True):
        if rule.survives_erasure:
            yield entry


def _latest_governing(entries: Iterable[Entry]) -> Entry:
    """Return the governing entry that ends last; one without a day ends after all others."""
    governing = [entry for entry in entries if entry.governs]
    return max(governing, key=_end_of)


def _end_of(entry: Entry) -> date:
    return entry.delete_after or date.max


def _applicable_rules(facts: Facts, policy: Policy) -> tuple[Rule, ...]:
    conditions = conditions_of(facts)
    key = ("rules", facts.kind, conditions)
    rules: tuple[Rule, ...] | None = policy.cache.get(key)
    if rules is None:
        candidates = policy.by_kind[facts.kind]
        conditions = _in_words_of(candidates, conditions)
        rules = tuple(rule for rule in candidates if rule.matches(conditions))
        policy.cache.put(key, rules)
    return rules


def _in_words_of(rules: tuple[Rule, ...], conditions: frozenset[str]) -> frozenset[str]:
    """Return the conditions in the words that the rules use.

    Older policies know no `contact` (e-mail and phone). Their `identity` (name and postal address) means either.
    """
    if "contact" not in conditions:
        return conditions
    if any("contact" in rule.conditions for rule in rules):
        return conditions
    return conditions | {"identity"}


def _anchor_of(rule: Rule, facts: Facts, policy: Policy, anchors: dict[Clock, Anchor]) -> Anchor:
    """Return the anchor of the rule's clock. Adds it to `anchors`, which rules of one clock share."""
    clock = policy.classes[rule.retention_class].clock
    start = anchors.get(clock)
    if start is None:
        start = anchor(clock, facts, policy)
        anchors[clock] = start
    return start


def _entry(rule: Rule, start: Anchor, policy: Policy) -> Entry:
    key = ("entry", rule.id, start)
    entry: Entry | None = policy.cache.get(key)
    if entry is None:
        entry = _new_entry(rule, policy.classes[rule.retention_class], start)
        policy.cache.put(key, entry)
    return entry


def _new_entry(rule: Rule, retention_class: RetentionClass, start: Anchor) -> Entry:
    delete_after = _last_day(retention_class, start)
    until = None
    if delete_after is None:
        until = retention_class.until
    return Entry(
        rule=rule.id,
        data=rule.data,
        purpose=rule.purpose,
        basis=rule.basis,
        retention_class=retention_class.id,
        event=start.event,
        runs_from=start.day,
        review_after=_review_day(retention_class, start, delete_after),
        delete_after=delete_after,
        until=until,
        action=retention_class.at_end,
        governs=rule.governs,
        reason=_reason(start, retention_class, delete_after, rule),
        part=rule.part,
    )


def _last_day(retention_class: RetentionClass, start: Anchor) -> date | None:
    """Return the end of the period or the day of the event that ends it, whichever comes first.

    No event ends the period of a proof.
    """
    ended = start.ended
    if retention_class.proof:
        ended = None
    if retention_class.keep is None:
        return ended
    period_ends = retention_class.keep.after(start.day)
    if ended is None:
        return period_ends
    return min(period_ends, ended)


def _review_day(
    retention_class: RetentionClass, start: Anchor, delete_after: date | None
) -> date | None:
    """Return the first day on which the data may be deleted; None if an event ends the period on its last day."""
    if retention_class.review is None or _is_ended_by_event(start, delete_after):
        return None
    return retention_class.review.after(start.day)


def _is_ended_by_event(start: Anchor, delete_after: date | None) -> bool:
    return start.ended is not None and start.ended == delete_after


def _reason(
    start: Anchor, retention_class: RetentionClass, delete_after: date | None, rule: Rule
) -> str:
    """Write one plain sentence: the event and its day, the end that follows, and the rule."""
    parts = [start.phrase, *_end_words(start, retention_class, delete_after)]
    source = str(retention_class.published)
    if retention_class.source:
        source = f"{retention_class.source}, {source}"
    parts.append(source)
    if not rule.published.section and retention_class.published.section:
        parts.append(f"that it applies here is {rule.published}")
    return "; ".join(parts)


def _end_words(
    start: Anchor, retention_class: RetentionClass, delete_after: date | None
) -> Iterator[str]:
    if _is_ended_by_event(start, delete_after):
        yield f"{start.ended_phrase}, which ends it"
        return
    if retention_class.keep is None:
        event = str(retention_class.until).replace("-", " ")
        yield f"kept until {event}"
        return
    if retention_class.review:
        first_day = retention_class.review.after(start.day)
        yield f"may go from {first_day}, {retention_class.review} later"
    yield f"{retention_class.keep} later is {delete_after}"
