"""The tags of a record: its schedule, and all that follows from it for the record as a whole. Pure.

Facts and context go in; a frozen `Tags` comes out. The ledger turns it into columns (`hooks.ledger.tag_columns`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from hooks.retention.anchors import accounting_events_of
from hooks.retention.cache import BoundedCache
from hooks.retention.classify import classify
from hooks.retention.effects import answer_by
from hooks.retention.events import NO_STANDING, EventType, RecordEvent, Standing, standing_of
from hooks.retention.facts import (
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    SupportRequestFacts,
)
from hooks.retention.policy import Policy
from hooks.retention.recipients import (
    OrderMethods,
    RecipientCriteria,
    criteria_of,
    matching_recipients,
)
from hooks.retention.reported_choices import with_reported_choices
from hooks.retention.rule_view import rule_view
from hooks.retention.schedule import KEPT_PHASES, Entry, Schedule
from hooks.retention.store_meta import StoreMeta, digest, store_meta

REVISION = 2
"""Raised when this service makes other tags of the same facts and policy. All records are then re-tagged, and orders
and accounts are refetched."""

CACHE_SIZE = 4096
"""The number of different facts whose tags are cached; about 10 KB each."""

IMPLAUSIBLE_DATES = "implausible-dates"
ODDITIES = {"meta_data": "meta-unreadable", "refunds": "refunds-unreadable"}
"""Codes of the parts that cannot be read; every other odd part is a date."""


@dataclass(frozen=True, slots=True)
class Context:
    """All that bears on a record besides its own facts.

    `own`: record events about this record.
    `person`: record events about its owner, by account or by address hash.
    `customer_id`, `email_hash`: the owner, as far as it is known.
    `linked`: the entries of requests and consents that are about this record.
    """

    own: tuple[RecordEvent, ...] = ()
    person: tuple[RecordEvent, ...] = ()
    customer_id: int | None = None
    linked: tuple[Mapping[str, Any], ...] = ()
    email_hash: str | None = None

    @property
    def is_neutral(self) -> bool:
        """True if nothing of it changes the record's schedule."""
        return not (self.own or self.person or self.linked)

    def standing(self, facts: Facts) -> Standing:
        """Return the events that are in effect for a record with these facts."""
        return standing_of(self.own, self.person, since=exists_since(facts))

    def without(self, *types: EventType) -> Context:
        """Return the same context without the events of these types."""
        own = _without_types(self.own, types)
        person = _without_types(self.person, types)
        return replace(self, own=own, person=person)


def _without_types(
    events: Iterable[RecordEvent], types: tuple[EventType, ...]
) -> tuple[RecordEvent, ...]:
    return tuple(event for event in events if event.type not in types)


NEUTRAL = Context()


@dataclass(frozen=True, slots=True)
class Tags:
    """The schedule of a record, and what follows from it. Days are days in the policy's time zone.

    `governing`: the entry that tags the record as a whole; for an erased record, the one from when it was erased.
    `is_held`: a hold is in effect, or the law keeps a trashed record that a restriction hides.
    `oddities`: codes of the parts that make no sense, in order.
    `part_delete_after`: the first day after which a part must go, where that is before the whole.
    `request_due`: the first day by whose end a part must go because a person asked for it.
    `hold_review`: the first day on which a hold must be reviewed.
    `closed_on`: the day on which the store erased the record.
    `policy_id`: the policy of the entries; None where there are none.
    `tagged_by`: the policy and the version of the service that made these tags.
    `desired_meta`: the keys that the store should hold; `desired_digest`: their digest.
    `received`: the data of the record by which its recipients are told. `recipients`: their ids, in order.
    `is_decided`: a hold, a restriction, a request for erasure or an objection is in effect.
    """

    schedule: Schedule
    governing: Entry | None
    is_held: bool
    oddities: tuple[str, ...]
    has_unknown_status: bool
    part_delete_after: date | None
    request_due: date | None
    hold_review: date | None
    closed_on: date | None
    policy_id: str | None
    tagged_by: str
    desired_meta: StoreMeta
    desired_digest: str
    received: RecipientCriteria
    is_decided: bool
    recipients: tuple[str, ...] = ()


_cache: BoundedCache[tuple[str, Facts], Tags] = BoundedCache(CACHE_SIZE)


def tags_of(facts: Facts, policy: Policy, context: Context = NEUTRAL) -> Tags:
    """Work out the tags that the policy gives to a record.

    Most records differ from another one only in what the rules do not see, such as the time of day. The tags of such
    facts are cached; those of a record with a context of its own are not.
    """
    if context.is_neutral:
        tags = _cached_tags(facts, policy)
    else:
        tags = _work_out(facts, policy, context.standing(facts), context.linked)
    methods = None
    if isinstance(facts, OrderFacts):
        methods = OrderMethods(facts.payment, facts.carriers)
    return replace(tags, recipients=matching_recipients(tags.received, methods, policy))


def tags_of_facts(facts: Facts, policy: Policy) -> Tags:
    """Work out the tags by the facts alone, without the cache and without the recipients."""
    return _work_out(facts, policy, NO_STANDING, ())


def _cached_tags(facts: Facts, policy: Policy) -> Tags:
    if not isinstance(facts, OrderFacts | CustomerFacts):
        return tags_of_facts(facts, policy)
    key = policy.digest, rule_view(facts, policy.time_zone)
    cached = _cache.get(key)
    if cached is None:
        cached = _cache.put(key, tags_of_facts(facts, policy))
    return cached


def _work_out(
    facts: Facts,
    policy: Policy,
    in_effect: Standing,
    linked: tuple[Mapping[str, Any], ...],
) -> Tags:
    schedule = classify(facts, policy, in_effect)
    at_closing = _when_closed(facts, in_effect)
    governing = schedule.governing
    if at_closing is not in_effect:
        governing = classify(facts, policy, at_closing).governing
    oddities: tuple[str, ...] = ()
    hold_review = None
    if schedule.phase in KEPT_PHASES:
        oddities = _oddities(facts, policy)
        hold_review = _hold_review(in_effect)
    policy_id = None
    if schedule.entries or governing:
        policy_id = policy.id
    if schedule.phase != "active":
        linked = ()  # the account of staff shows nothing of ours
    desired_meta = store_meta(schedule, policy.id, linked)
    return Tags(
        schedule=schedule,
        governing=governing,
        is_held=bool(at_closing.holds) or _is_trashed_against_law(schedule, at_closing),
        oddities=oddities,
        has_unknown_status=isinstance(facts, OrderFacts) and facts.status == "unknown",
        part_delete_after=_part_delete_after(schedule),
        request_due=_request_due(schedule),
        hold_review=hold_review,
        closed_on=_erased_on(facts, schedule, policy),
        policy_id=policy_id,
        tagged_by=tagged_by(policy),
        desired_meta=desired_meta,
        desired_digest=digest(desired_meta),
        received=_received(facts, schedule, policy, in_effect),
        is_decided=is_decided(in_effect),
    )


def tagged_by(policy: Policy) -> str:
    """Return the mark of tags that this version of the service makes by this policy."""
    return f"{policy.digest[:12]}.{_parsed_by(policy)}"


def _parsed_by(policy: Policy) -> str:
    return f"{policy.vocabulary}.{REVISION:02}"


def is_parsed_otherwise(mark: str, policy: Policy) -> bool:
    """Tell whether a record was parsed by an older version of the service, or with another vocabulary.

    The store must then be asked again, since the ledger kept only what the rules needed. `mark` is a `tagged_by`.
    """
    return mark.partition(".")[2] != _parsed_by(policy)


def _received(
    facts: Facts, schedule: Schedule, policy: Policy, in_effect: Standing
) -> RecipientCriteria:
    """Return the data of a record by which recipients are told.

    It includes data that the store has erased since: recipients must be told of the erasure (GDPR Art. 19).
    """
    entries = schedule.entries
    if schedule.phase == "erased" and not isinstance(facts, CustomerFacts):
        entries = classify(replace(facts, erased_at=None), policy, in_effect).entries
    return criteria_of(with_reported_choices(facts, in_effect), entries)


def is_decided(in_effect: Standing) -> bool:
    """Tell whether a hold, a restriction, a request for erasure or an objection is in effect."""
    return bool(
        in_effect.holds or in_effect.restriction or in_effect.erasure or in_effect.objections
    )


def exists_since(facts: Facts) -> datetime | None:
    """Return the time since which a person could have asked for this record to be erased."""
    match facts:
        case OrderFacts():
            return facts.known_since
        case SupportRequestFacts():
            return facts.made_at or facts.closed_at
        case ConsentFacts() if facts.choices:
            return facts.choices[0].at
        case _:
            return None


def were_holds_mistaken(
    events_by_name: Iterable[Iterable[RecordEvent]], day: date, policy: Policy
) -> bool:
    """Tell whether all holds that were in effect on a day were reported by mistake.

    `events_by_name` has one collection for each name under which events were noted. A hold that was lifted on that day,
    or later, was in effect.
    """
    has_mistake = False
    for events in events_by_name:
        noted = [event for event in events if _counts_on(event, day, policy)]
        if standing_of(noted).holds:
            return False
        if _has_retracted_hold(noted):
            has_mistake = True
    return has_mistake


def _has_retracted_hold(events: Iterable[RecordEvent]) -> bool:
    holds = set()
    retracted = set()
    for event in events:
        if event.type == "hold":
            holds.add(event.id)
        elif event.type == "retracted":
            retracted.add(event.about)
    return not holds.isdisjoint(retracted)


def _counts_on(event: RecordEvent, day: date, policy: Policy) -> bool:
    if event.type == "retracted":
        return True
    noted_on = policy.day_of(event.at)
    if event.type == "hold":
        return noted_on <= day
    return noted_on < day


def _when_closed(facts: Facts, in_effect: Standing) -> Standing:
    """Return what was in effect when the record was erased.

    A hold that is placed later keeps what is left, and nobody is to blame for what was erased before. A restriction
    does not hide the day until which the law wanted the record kept.
    """
    if isinstance(facts, CustomerFacts) or facts.erased_at is None:
        return in_effect
    holds = tuple(hold for hold in in_effect.holds if hold.at <= facts.erased_at)
    return replace(in_effect, holds=holds, restriction=None)


def _is_trashed_against_law(schedule: Schedule, in_effect: Standing) -> bool:
    """Tell whether a record is in the trash that the law and a restriction keep: it has no day that would say so."""
    if schedule.phase != "trashed" or in_effect.restriction is None:
        return False
    return schedule.governing is not None and schedule.governing.basis == "legal-obligation"


def _oddities(facts: Facts, policy: Policy) -> tuple[str, ...]:
    """Return the codes of the odd parts of a record, as `/status` names them."""
    if not isinstance(facts, OrderFacts | CustomerFacts):
        return ()
    codes = {ODDITIES.get(name, IMPLAUSIBLE_DATES) for name in facts.oddities}
    if isinstance(facts, OrderFacts) and _has_event_before_creation(facts, policy):
        codes.add(IMPLAUSIBLE_DATES)
    return tuple(sorted(codes))


def _has_event_before_creation(facts: OrderFacts, policy: Policy) -> bool:
    """Tell whether an accounting event of the order lies too long before its creation to count."""
    return accounting_events_of(facts, policy) != facts.accounting_events


def _part_delete_after(schedule: Schedule) -> date | None:
    """Return the first day after which a part must go; None if the whole must go by then."""
    first = min(_last_days_of_parts(schedule), default=None)
    if first is None or schedule.phase == "erased" or schedule.governing is None:
        return first
    end_of_whole = schedule.governing.delete_after
    if end_of_whole is None or first < end_of_whole:
        return first
    return None


def _last_days_of_parts(schedule: Schedule) -> Iterator[date]:
    for entry in schedule.entries:
        if entry.delete_after and not entry.governs:
            yield entry.delete_after


def _request_due(schedule: Schedule) -> date | None:
    """Return the first day by whose end a part must go because a person asked for it: the month is over then.

    A part that was due before must go by the end of the month, too; the request is late only then.
    """
    return min(_request_days(schedule), default=None)


def _request_days(schedule: Schedule) -> Iterator[date]:
    for entry in schedule.entries:
        if entry.delete_after and entry.requested_on:
            yield max(entry.delete_after, answer_by(entry.requested_on))


def _hold_review(in_effect: Standing) -> date | None:
    days = [hold.review_on for hold in in_effect.holds if hold.review_on]
    return min(days, default=None)


def _erased_on(facts: Facts, schedule: Schedule, policy: Policy) -> date | None:
    if schedule.phase != "erased":
        return None
    if isinstance(facts, CustomerFacts) or facts.erased_at is None:
        return None
    return policy.day_of(facts.erased_at)
