"""The tags of a record: the columns that the policy gives it, from its facts and from what bears on it.

Pure. Most records differ from another one in nothing that the rules see but the time of day: what the policy makes of
such facts is worked out once, and remembered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import Any

from hooks.ledger.codec import entries_text, facts_text
from hooks.ledger.records import AGAIN, Values
from hooks.ledger.states import KEPT_STATES
from hooks.retention.anchors import accounting_events_of
from hooks.retention.cache import BoundedCache
from hooks.retention.classify import Entry, Schedule, schedule
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
from hooks.retention.recipients import RecipientCriteria, criteria_of, recipients_of
from hooks.retention.reported_choices import with_reported_choices
from hooks.retention.rule_view import rule_view
from hooks.retention.store_meta import StoreMeta, digest, store_meta

REVISION = 2
"""To be raised when this service makes other tags of the same facts and policy: all are then made anew."""

REMEMBERED = 4096
"""Of how many different facts the tags are remembered; about 10 KB each."""

Tags = tuple[Schedule, Values]

IMPLAUSIBLE_DATES = "implausible-dates"
ODDITIES = {"meta_data": "meta-unreadable", "refunds": "refunds-unreadable"}
"""Codes of the parts that cannot be read; every other odd part is a date."""

_quoted = json.JSONEncoder(ensure_ascii=False).encode


def tagged_by(policy: Policy) -> str:
    """What tags bear that this policy made, read by this version of the service."""
    return f"{policy.digest[:12]}.{_read_by(policy)}"


def _read_by(policy: Policy) -> str:
    return f"{policy.vocabulary}.{REVISION:02}"


def read_otherwise(made_by: str, policy: Policy) -> bool:
    """Whether the record was read before this version of the service, or with other words in mind than the policy's:
    the store must be asked again, since what it said was not kept."""
    return made_by.removeprefix(AGAIN).partition(".")[2] != _read_by(policy)


@dataclass(frozen=True, slots=True)
class Bearing:
    """What bears on a record besides its own facts: what was asked for and decided about it (`own`) and about the
    `person` whose record it is, by account or by the hash of an address; and the entries of requests and consents of
    which it is the subject (`linked`)."""

    own: tuple[RecordEvent, ...] = ()
    person: tuple[RecordEvent, ...] = ()
    customer_id: int | None = None
    linked: tuple[Mapping[str, Any], ...] = ()
    email_hash: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it has a say in the record's schedule."""
        return not (self.own or self.person or self.linked)

    def without(self, *types: EventType) -> Bearing:
        """The same without the events of these types."""
        own, person = (
            tuple(event for event in events if event.type not in types)
            for events in (self.own, self.person)
        )
        return replace(self, own=own, person=person)


def tags(facts: Facts, policy: Policy, bearing: Bearing = Bearing()) -> Tags:
    """The schedule that the policy gives, and the columns that say so."""
    stands = standing_of(bearing.own, bearing.person, since=since_of(facts))
    if bearing.is_empty:
        plan, columns = _alone(facts, policy)
    else:
        plan, columns = _tags(facts, policy, stands, bearing.linked)
    got = ",".join(recipients_of(*_got(facts, plan, policy, stands), policy))
    own = {"facts": facts_text(facts), "customer_id": bearing.customer_id, "recipients": got}
    return plan, columns | own | _role(facts, plan) | _address(facts, plan, bearing, stands)


def _address(facts: Facts, plan: Schedule, bearing: Bearing, stands: Standing) -> Values:
    """The keyed hash of a record's address; an order's is dropped once nothing is left of the order, and no request or
    hold stands. No column for an account, whose addresses are kept apart."""
    match facts:
        case CustomerFacts():
            return {}
        case OrderFacts():
            is_over = plan.phase == "erased" and not plan.entries and not is_decided(stands)
            return {"email_hash": None if is_over else facts.email_hash or None}
        case _:
            return {"email_hash": bearing.email_hash}


def is_decided(stands: Standing) -> bool:
    """Tell whether a request or a hold stands."""
    return bool(stands.holds or stands.restriction or stands.erasure or stands.objections)


def _role(facts: Facts, plan: Schedule) -> Values:
    """The role of an account that is ignored. No column where the facts are the ledger's, which have no role."""
    if plan.phase != "ignored":
        return {"role": None}
    return {"role": facts.role} if isinstance(facts, CustomerFacts) and facts.role else {}


def tags_alone(facts: Facts, policy: Policy) -> tuple[Tags, RecipientCriteria]:
    """The tags of a record on which nothing bears but its own facts, without whose it is, and who has got data of it:
    that follows from its reach. It is not looked whether the same was worked out before."""
    plan, columns = _tags(facts, policy)
    return (plan, columns), criteria_of(*_got(facts, plan, policy, NO_STANDING))


_remembered: BoundedCache[tuple[str, Facts], Tags] = BoundedCache(REMEMBERED)


def _alone(facts: Facts, policy: Policy) -> Tags:
    """The tags of a record on which nothing bears but its own facts."""
    if not isinstance(facts, OrderFacts | CustomerFacts):
        return _tags(facts, policy)
    key = policy.digest, rule_view(facts, policy.time_zone)
    return _remembered.get(key) or _remembered.put(key, _tags(facts, policy))


def _tags(
    facts: Facts,
    policy: Policy,
    stands: Standing = NO_STANDING,
    beside: tuple[Mapping[str, Any], ...] = (),
) -> Tags:
    plan = schedule(facts, policy, stands)
    then = _when_closed(facts, stands)
    governing = plan.governing if then is stands else schedule(facts, policy, then).governing
    linked = (
        beside if plan.phase == "active" else ()
    )  # nothing of ours stands on the account of staff
    wanted = store_meta(plan, policy.id, linked)
    return plan, {
        "state": plan.phase,
        "held": bool(then.holds) or _is_trashed_in_spite_of_law(plan, then),
        "oddities": _oddities(facts, policy) if plan.phase in KEPT_STATES else "",
        "unknown_status": isinstance(facts, OrderFacts) and facts.status == "unknown",
        "legal_basis": governing and governing.basis,
        "retention_class": governing and governing.retention_class,
        "runs_from": governing and governing.runs_from,
        "review_after": governing and governing.review_after,
        "delete_after": governing and governing.delete_after,
        "part_delete_after": _part(plan),
        "request_due": _request_due(plan),
        "hold_review": _hold_review(plan, stands),
        "entries": entries_text(plan.entries),
        "policy_id": policy.id if plan.entries or governing else None,
        "tagged_by": tagged_by(policy),
        "closed_on": _closed_on(facts, policy) if plan.phase == "erased" else None,
        "wanted": _meta_text(wanted),
        "wanted_digest": digest(wanted),
    }


def _oddities(facts: Facts, policy: Policy) -> str:
    """Codes of the odd parts of a record, as `/status` names them, separated by commas."""
    if not isinstance(facts, OrderFacts | CustomerFacts):
        return ""
    codes = {ODDITIES.get(name, IMPLAUSIBLE_DATES) for name in facts.oddities}
    if isinstance(facts, OrderFacts) and len(accounting_events_of(facts, policy)) < len(
        facts.accounting_events
    ):
        codes.add(IMPLAUSIBLE_DATES)
    return ",".join(sorted(codes))


def _meta_text(meta: StoreMeta) -> str:
    """As JSON; put together here, since that is faster than to have it done."""
    return f"{{{', '.join(f'{_quoted(key)}: {_quoted(value)}' for key, value in meta.items())}}}"


def _when_closed(facts: Facts, stands: Standing) -> Standing:
    """What stood when the record was erased: a hold that is placed later keeps what is left, and blames nobody. A
    restriction does not hide the day until which the law wanted it kept."""
    closed = None if isinstance(facts, CustomerFacts) else facts.erased_at
    if closed is None:
        return stands
    return replace(
        stands, holds=tuple(hold for hold in stands.holds if hold.at <= closed), restriction=None
    )


def _is_trashed_in_spite_of_law(plan: Schedule, stands: Standing) -> bool:
    """Tell whether a record is in the bin that a restriction keeps, and the law: it has no day that would say so."""
    by_law = plan.governing is not None and plan.governing.basis == "legal-obligation"
    return plan.phase == "trashed" and by_law and stands.restriction is not None


def were_holds_mistaken(named: Iterable[Iterable[RecordEvent]], on: date, zone: tzinfo) -> bool:
    """Tell whether holds were reported by mistake, without which none would have stood on a day. `named` are all events
    by the name under which they were noted; what was lifted on that day, or later, stood.
    """
    mistaken = stood = False
    for events in named:
        noted = tuple(
            event for event in events if event.type == "retracted" or _counts(event, on, zone)
        )
        mistakes = {event.about for event in noted if event.type == "retracted"}
        mistaken |= any(event.type == "hold" and event.id in mistakes for event in noted)
        stood |= bool(standing_of(noted).holds)
    return mistaken and not stood


def _counts(event: RecordEvent, on: date, zone: tzinfo) -> bool:
    day = event.at.astimezone(zone).date()
    return day < on or (event.type == "hold" and day == on)


def _got(
    facts: Facts, plan: Schedule, policy: Policy, stands: Standing
) -> tuple[Facts, tuple[Entry, ...]]:
    """What recipients have got of it; also of what was erased since, which they are to be told (GDPR Art. 19)."""
    entries = plan.entries
    if plan.phase == "erased" and not isinstance(facts, CustomerFacts):
        entries = schedule(replace(facts, erased_at=None), policy, stands).entries
    return with_reported_choices(facts, stands), entries


def since_of(facts: Facts) -> datetime | None:
    """Since when there is something that a person could have asked to have erased."""
    match facts:
        case OrderFacts():
            return facts.known_since
        case SupportRequestFacts():
            return facts.made_at or facts.closed_at
        case ConsentFacts():
            return facts.choices[0].at if facts.choices else None
    return None


def _part(plan: Schedule) -> date | None:
    """The first day by which a part of the record has to go, where that is before the whole of it goes."""
    if plan.phase not in KEPT_STATES:
        return None
    days = [
        entry.delete_after for entry in plan.entries if entry.delete_after and not entry.governs
    ]
    whole = plan.governing.delete_after if plan.governing and plan.phase != "erased" else None
    first = min(days, default=None)
    return first if first and (whole is None or first < whole) else None


def _request_due(plan: Schedule) -> date | None:
    """The first day by whose end a part has to go because a person asked for it: the month is over then.

    What was due before goes by the end of the month too: only then the request is late.
    """
    if plan.phase not in KEPT_STATES:
        return None
    asked = ((entry.delete_after, entry.requested_on) for entry in plan.entries)
    return min(
        (max(last, answer_by(received)) for last, received in asked if last and received),
        default=None,
    )


def _hold_review(plan: Schedule, stands: Standing) -> date | None:
    """The first day on which a hold on what is kept is to be reviewed."""
    if plan.phase not in KEPT_STATES:
        return None
    return min((hold.review_on for hold in stands.holds if hold.review_on), default=None)


def _closed_on(facts: Facts, policy: Policy) -> date | None:
    if isinstance(facts, CustomerFacts) or facts.erased_at is None:
        return None
    return policy.day_of(facts.erased_at)
