"""From a record's facts and the policy to its entries and its schedule, with a sentence for each date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from hooks.retention.anchors import Anchor, anchor
from hooks.retention.conditions import conditions_of
from hooks.retention.effects import apply_standing
from hooks.retention.events import NO_STANDING, Standing
from hooks.retention.facts import (
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    SupportRequestFacts,
)
from hooks.retention.policy import Clock, Policy, RetentionClass, Rule
from hooks.retention.reported_choices import with_reported_choices

Phase = Literal["unknown", "active", "trashed", "erased", "ignored"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One data category of one record, or one `part` of it. `delete_after` is the last day on which it is kept, `until`
    the event that has to come where no day is known; `review_after` the first day on which it may go.

    `requested_on`: the day on which the request or objection came that brought its end forward."""

    rule: str
    data: str
    purpose: str
    basis: str
    retention_class: str
    event: str
    runs_from: date
    review_after: date | None
    delete_after: date | None
    until: str | None
    action: str
    governs: bool
    reason: str
    part: str = ""
    requested_on: date | None = None

    @property
    def name(self) -> str:
        """The data category, with the part of it: 'identity-contact (contact)'."""
        return f"{self.data} ({self.part})" if self.part else self.data

    def __hash__(self) -> int:
        """Of what tells most apart, since much is looked up by an entry."""
        return hash((self.rule, self.reason))


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is to become of one record.

    `governing` tags the record as a whole; of a record that the store has erased it is what stood before,
    while `entries` are what the eraser left behind.
    """

    phase: Phase
    entries: tuple[Entry, ...]
    governing: Entry | None


def phase(facts: Facts) -> Phase:
    """Where in its life the record is, as far as its own state tells."""
    match facts:
        case CustomerFacts(is_seen=False):
            return "unknown"
        case CustomerFacts(staff=True):
            return "ignored"
        case SupportRequestFacts() | ConsentFacts() if facts.since is None:
            return "unknown"
        case ConsentFacts() if (
            facts.erased_at and facts.choices[-1].given and facts.choices[-1].at > facts.erased_at
        ):
            return "active"
        case OrderFacts() | SupportRequestFacts() | ConsentFacts() if facts.erased_at:
            return "erased"
        case OrderFacts(trashed=True):
            return "trashed"
        case _:
            return "active"


def schedule(facts: Facts, policy: Policy, stands: Standing = NO_STANDING) -> Schedule:
    """The schedule that the policy gives for these facts, and for what stands of holds, requests and consent.

    Pure: the same facts give the same schedule.
    """
    now = phase(facts)
    if now in ("unknown", "ignored"):
        return Schedule(now, (), None)
    facts = with_reported_choices(facts, stands)
    rules = _applying(facts, policy)
    starts: dict[Clock, Anchor] = {}
    entries = [
        apply_standing(_entry(rule, facts, policy, starts), facts, stands, policy) for rule in rules
    ]
    governing = max(
        (entry for entry in entries if entry.governs),
        key=lambda entry: entry.delete_after or date.max,
    )
    if now == "erased":
        left = {rule.id for rule in rules if rule.survives_erasure}
        entries = [entry for entry in entries if entry.rule in left]
    return Schedule(now, tuple(entries), governing)


def _applying(facts: Facts, policy: Policy) -> tuple[Rule, ...]:
    key = "rules", facts.kind, conditions_of(facts)
    rules: tuple[Rule, ...] | None = policy.cache.get(key)
    if rules is None:
        conditions = _as_named(key[2], policy.by_kind[facts.kind])
        rules = tuple(rule for rule in policy.by_kind[facts.kind] if rule.matches(conditions))
        policy.cache.put(key, rules)
    return rules


def _as_named(conditions: frozenset[str], rules: tuple[Rule, ...]) -> frozenset[str]:
    """The conditions in the words of the rules. Policies from before e-mail and phone (`contact`) were told from name
    and postal address (`identity`) mean either by `identity`."""
    if "contact" in conditions and not any("contact" in rule.conditions for rule in rules):
        return conditions | {"identity"}
    return conditions


def _entry(rule: Rule, facts: Facts, policy: Policy, starts: dict[Clock, Anchor]) -> Entry:
    """Adds to `starts`, where the clock of the rule does."""
    kept = policy.classes[rule.retention_class]
    start = starts.get(kept.clock)
    if start is None:
        start = starts[kept.clock] = anchor(kept.clock, facts, policy)
    key = "entry", rule.id, start
    found: Entry | None = policy.cache.get(key)
    return found or policy.cache.put(key, _made(rule, kept, start))


def _made(rule: Rule, kept: RetentionClass, start: Anchor) -> Entry:
    delete_after = _last_day(kept, start)
    has_ended = delete_after is not None and delete_after == start.ended
    return Entry(
        rule=rule.id,
        data=rule.data,
        purpose=rule.purpose,
        basis=rule.basis,
        retention_class=kept.id,
        event=start.event,
        runs_from=start.day,
        review_after=kept.review.after(start.day) if kept.review and not has_ended else None,
        delete_after=delete_after,
        until=kept.until if delete_after is None else None,
        action=kept.at_end,
        governs=rule.governs,
        reason=_reason(start, kept, delete_after, rule),
        part=rule.part,
    )


def _last_day(kept: RetentionClass, start: Anchor) -> date | None:
    """The end of the period or the day of the event that ends it, whichever comes first. No event ends proof."""
    days = [kept.keep.after(start.day) if kept.keep else None, None if kept.proof else start.ended]
    return min((day for day in days if day), default=None)


def _reason(start: Anchor, kept: RetentionClass, delete_after: date | None, rule: Rule) -> str:
    """One plain sentence: what happened when, what follows from it, and by which rule."""
    parts = [start.phrase]
    if start.ended and start.ended == delete_after:
        parts.append(f"{start.ended_phrase}, which ends it")
    elif kept.keep:
        if kept.review:
            parts.append(f"may go from {kept.review.after(start.day)}, {kept.review} later")
        parts.append(f"{kept.keep} later is {delete_after}")
    else:
        parts.append(f"kept until {str(kept.until).replace('-', ' ')}")
    law = f"{kept.source}, " if kept.source else ""
    own = (
        ""
        if rule.published.section or not kept.published.section
        else f"; that it applies here is {rule.published}"
    )
    return "; ".join(parts) + f"; {law}{kept.published}{own}"
