"""What requests, objections, restrictions and holds do to an entry, and the words that say so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from hooks.retention.anchors import closed_on
from hooks.retention.clock import Period
from hooks.retention.consent import changes
from hooks.retention.events import MARKETING, NO_STANDING, RecordEvent, Standing
from hooks.retention.facts import (
    META_KINDS,
    Choice,
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    SupportRequestFacts,
)
from hooks.retention.merge import choices_of
from hooks.retention.policy import Policy

if TYPE_CHECKING:
    from hooks.retention.classify import Entry

ONE_MONTH = Period(months=1)
"""Within which a request is answered: GDPR Art. 12(3)."""

WITHDRAWAL = timedelta(days=14)
"""Within which a buyer may withdraw from the contract: angrerettloven § 21."""

ERASABLE = frozenset({"consent", "contract", "legitimate-interests"})
"""What rests on these goes when a person asks for it; what the law wants kept, stays: GDPR Art. 17(3)(b)."""

ORDER_CLOSED = "order-closed"
"""The event until which data of an open order are kept that a person has asked to have erased."""


def answer_by(received: date) -> date:
    """The day by whose end a request received on a day is to be answered, and what it asks for done."""
    return ONE_MONTH.after(received)


# --- choices on marketing --------------------------------------------------------------------------------


def with_reported_choices(facts: Facts, stands: Standing) -> Facts:
    """The facts with the choices on marketing that were reported besides. An objection is a withdrawal.

    A person's own choices are about every record that holds marketing data, yet make none where it holds none; and so
    are objections. What is reported as withdrawn, was given.
    """
    match facts:
        case SupportRequestFacts():
            return facts
        case ConsentFacts():
            return _chosen_elsewhere(facts, stands)
    holds_marketing = bool(facts.kinds & META_KINDS)
    extra = stands.choices
    if extra or holds_marketing:
        extra += stands.persons_choices
    ends = _refusals(stands.objections) if extra or holds_marketing else ()
    if not extra and not ends:
        return facts
    refused = (*(choice for choice in extra if not choice.given), *ends)
    own = _own_choices(facts, refused)
    speaks_of_before = holds_marketing or not min(extra, key=lambda choice: choice.at).given
    made_at = _made_at(facts)
    if made_at and speaks_of_before and ("attribution" in facts.kinds or not own):
        own = (Choice(_just_before(made_at, refused), given=True), *own)
    elif own and isinstance(facts, OrderFacts) and not own[0].given:
        extra = stands.choices + _since(own[0].at, stands.persons_choices)
    kinds = facts.kinds | {"newsletter"} if extra else facts.kinds
    return replace(facts, choices=choices_of((*own, *extra, *ends)), kinds=kinds)


def _made_at(facts: OrderFacts | CustomerFacts) -> datetime | None:
    """When a record was made or, where no day says so, first seen."""
    made_at = facts.made_at if isinstance(facts, OrderFacts) else facts.created_at
    return made_at or facts.first_seen_at


def _since(declined: datetime, choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """A person's choices without those made before the checkout at which the newsletter was declined: the order never
    held a consent of theirs."""
    return tuple(choice for choice in choices if choice.at > declined)


def _just_before(made_at: datetime, refused: tuple[Choice, ...]) -> datetime:
    """The time of a consent that came with a record: before a refusal of the same second, which ends the consent."""
    is_tie = any(choice.at == made_at for choice in refused)
    return made_at - timedelta(microseconds=1) if is_tie else made_at


def _chosen_elsewhere(facts: ConsentFacts, stands: Standing) -> ConsentFacts:
    if facts.kind != "marketing-consent" or not facts.choices:
        return facts
    extra = (*stands.choices, *stands.persons_choices, *_refusals(stands.objections))
    return replace(facts, choices=choices_of((*facts.choices, *extra))) if extra else facts


def _refusals(objections: tuple[RecordEvent, ...]) -> tuple[Choice, ...]:
    return tuple(Choice(event.at, given=False) for event in objections)


def _own_choices(
    facts: OrderFacts | CustomerFacts, refused: tuple[Choice, ...]
) -> tuple[Choice, ...]:
    """The choices that the store shows, without those that only repeat one: each save of a record shows it again, and
    must not give a consent anew that was withdrawn elsewhere (`refused`).

    The first choice of an order was made at the checkout. Where it declines a newsletter, the consent to order
    attribution stands nevertheless: that is one of its own. On an account a consent that was first seen after a
    refusal counts, in the person's favour, as given when the account was made, if that was before it.
    """
    own = changes(facts.choices)
    if not own:
        return own
    first, *later = own
    made_at = _made_at(facts) or first.at
    if isinstance(facts, OrderFacts):
        if "attribution" in facts.kinds and not first.given:
            return tuple(later)
        return (replace(first, at=min(first.at, made_at)), *later)
    if first.given and any(made_at <= choice.at < first.at for choice in refused):
        return (replace(first, at=_just_before(min(first.at, made_at), refused)), *later)
    return own


# --- requests, restrictions and holds --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Request:
    """A request or an objection: what was done on which day, in words, and the articles that it rests on."""

    what: str
    received: date
    law: str


def apply_standing(entry: Entry, facts: Facts, stands: Standing, policy: Policy) -> Entry:
    """The entry after what stands: a request or objection may bring its end forward, a restriction or a hold
    suspends it. It keeps the event and the day from which it runs.

    Nothing here ever gives a later day than the entry's own, or any day while it is suspended.
    """
    if stands is NO_STANDING:
        return entry
    if policy.classes[entry.retention_class].proof:
        entry = _proof(entry, stands, policy)
    else:
        entry = _after_erasure(_after_objections(entry, stands, policy), facts, stands, policy)
    if stands.restriction:
        day = policy.day_of(stands.restriction.at)
        entry = _suspended(entry, "restriction-lifted", f"Restricted since {day}, GDPR Art. 18")
    if stands.holds:
        entry = _suspended(
            entry, "hold-lifted", " and ".join(_hold_words(hold, policy) for hold in stands.holds)
        )
    return entry


def _proof(entry: Entry, stands: Standing, policy: Policy) -> Entry:
    """Proof stays, and says that it does in spite of what was asked for."""
    asked = {"erasure requested": stands.erasure, "objected": stands.objection}
    words = [f"{what} on {policy.day_of(event.at)}" for what, event in asked.items() if event]
    if not words:
        return entry
    return replace(
        entry,
        reason=f"{entry.reason}; {' and '.join(words)}, yet kept as proof, GDPR Art. 17(3)(e)",
    )


def _after_objections(entry: Entry, stands: Standing, policy: Policy) -> Entry:
    if entry.data == MARKETING and stands.objections:
        entry = _without_marketing(entry, stands.objections, policy)
    if stands.objection and entry.basis == "legitimate-interests":
        received = policy.day_of(stands.objection.at)
        return _due(
            entry,
            _Request("Objected", received, "GDPR Art. 21(1), 17(1)(c), 12(3)"),
            answer_by(received),
        )
    return entry


def _without_marketing(entry: Entry, objections: tuple[RecordEvent, ...], policy: Policy) -> Entry:
    """End marketing on the day of the objection, whatever its basis. What runs by the clock of consent has ended as
    after a withdrawal; it says why, and since when it was asked for, also where a withdrawal came first."""
    days = [policy.day_of(event.at) for event in objections]
    law = "GDPR Art. 21(2)-(3)"
    if policy.classes[entry.retention_class].clock == "consent":
        last = entry.delete_after
        asked = next((day for day in days if last and day >= last), None)
        if asked is None:
            return entry
        reason = f"{entry.reason}; objected to marketing on {asked}, {law}"
        return replace(entry, requested_on=asked, reason=reason)
    if entry.delete_after and entry.delete_after <= days[0]:
        return entry
    words = f"Objected to marketing on {days[0]}, which ends it; {law}"
    ended = replace(
        entry, review_after=None, delete_after=days[0], until=None, requested_on=days[0]
    )
    return replace(ended, reason=f"{words}; {_otherwise(entry)}")


def _after_erasure(entry: Entry, facts: Facts, stands: Standing, policy: Policy) -> Entry:
    days = [policy.day_of(event.at) for event in stands.erasures]
    if entry.basis == "consent":
        days = [
            day for day in days if day >= entry.runs_from
        ]  # none is about a consent given after it
    if not days:
        return entry
    received = days[0]
    if entry.basis not in ERASABLE:
        kept = f"erasure requested on {received}, yet kept under a legal obligation, GDPR Art. 17(3)(b)"
        return replace(entry, reason=f"{entry.reason}; {kept}")
    request = _Request("Erasure requested", received, "GDPR Art. 17(1), 12(3)")
    if entry.basis == "contract" and isinstance(facts, OrderFacts):
        return _after_erasure_of_order(entry, request, closed_on(facts, policy))
    return _due(entry, request, answer_by(received))


def _after_erasure_of_order(entry: Entry, request: _Request, closed: date | None) -> Entry:
    """Keep what the contract needs until the order is closed and the buyer can no longer withdraw from it."""
    month_later = answer_by(request.received)
    if closed is None:
        if entry.delete_after and entry.delete_after <= month_later:
            return _due(entry, request, month_later)
        return _waiting(entry, request)
    over = closed + WITHDRAWAL
    if over <= month_later:
        return _due(entry, request, month_later)
    words = f"14 days after the order was closed on {closed}"
    return _due(entry, replace(request, law=_law_of_order(request)), over, words)


def _waiting(entry: Entry, request: _Request) -> Entry:
    asked, law = f"{request.what} on {request.received}", _law_of_order(request)
    words = f"{asked}; kept until the order is closed and 14 days of withdrawal are over; {law}"
    return replace(
        entry,
        review_after=None,
        delete_after=None,
        until=ORDER_CLOSED,
        requested_on=request.received,
        reason=f"{words}; {_otherwise(entry)}",
    )


def _law_of_order(request: _Request) -> str:
    return f"{request.law}, angrerettloven § 21"


def _due(entry: Entry, request: _Request, last: date, why: str = "one month later") -> Entry:
    """Keep the entry until the day `last` at the longest."""
    if entry.delete_after and entry.delete_after <= last:
        words = f"{request.what.lower()} on {request.received}, after which it may stay no longer"
        first = min(entry.requested_on or request.received, request.received)
        return replace(entry, requested_on=first, reason=f"{entry.reason}; {words}")
    words = f"{request.what} on {request.received}; to be erased by {last}, {why}; {request.law}"
    due = replace(
        entry, review_after=None, delete_after=last, until=None, requested_on=request.received
    )
    return replace(due, reason=f"{words}; {_otherwise(entry)}")


def _otherwise(entry: Entry) -> str:
    return f"otherwise kept until {entry.delete_after or str(entry.until).replace('-', ' ')}; {entry.reason}"


def _suspended(entry: Entry, until: str, words: str) -> Entry:
    return replace(
        entry,
        review_after=None,
        delete_after=None,
        until=until,
        reason=f"{words}; {_otherwise(entry)}",
    )


def _hold_words(hold: RecordEvent, policy: Policy) -> str:
    review = f", to be looked at again on {hold.review_on}" if hold.review_on else ""
    return f"Legal hold ({hold.reason}) by {hold.owner} since {policy.day_of(hold.at)}{review}"


def describe_event(event: RecordEvent, policy: Policy) -> str:
    """What was asked for or decided, for the history."""
    day = policy.day_of(event.at)
    match event.type:
        case "hold":
            return f"{_hold_words(event, policy)}; event {event.id}"
        case "hold-lifted":
            which = f"hold {event.about}" if event.about else "all holds"
            return f"Lifted on {day}: {which}; event {event.id}"
        case "retracted":
            return f"Retracted on {day}: event {event.about} was reported by mistake"
        case "objection":
            scope = f" to {event.scope}" if event.scope == MARKETING else ""
            return f"Objection{scope} on {day}; event {event.id}"
        case _:
            return f"{event.type.replace('-', ' ').capitalize()} on {day}; event {event.id}"
