"""What requests, objections, restrictions and holds do to an entry, and the words that say so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from hooks.retention.clock import Period
from hooks.retention.events import NONE, RecordEvent, Standing
from hooks.retention.facts import (
    META_KINDS,
    Choice,
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    SupportRequestFacts,
)
from hooks.retention.policy import Policy
from hooks.retention.reconcile import choices_of

if TYPE_CHECKING:
    from hooks.retention.classify import Entry

ONE_MONTH = Period(months=1)
"""Within which a request is answered: GDPR Art. 12(3)."""

ERASABLE = frozenset({"consent", "contract", "legitimate-interests"})
"""What rests on these goes when a person asks for it; what the law wants kept, stays: GDPR Art. 17(3)(b)."""


def answer_by(received: date) -> date:
    """The day by whose end a request received on a day is to be answered, and what it asks for done."""
    return ONE_MONTH.after(received)


def chosen(facts: Facts, stands: Standing) -> Facts:
    """The facts with the choices on marketing that were reported besides.

    A person's own choices are about every order that holds marketing data, yet make none where it holds none.
    Order attribution rests on a consent of the day of the order, which ends with the others; and what is reported as
    withdrawn, was given.
    """
    if isinstance(facts, SupportRequestFacts | ConsentFacts):
        return facts
    extra = stands.choices
    if isinstance(facts, OrderFacts) and (extra or facts.kinds & META_KINDS):
        extra += stands.persons_choices
    if not extra:
        return facts
    made_at = facts.made_at if isinstance(facts, OrderFacts) else facts.created_at
    if made_at and ("attribution" in facts.kinds or not facts.choices):
        extra += (Choice(made_at, given=True),) if _speaks_of_before(facts, extra) else ()
    return replace(facts, choices=choices_of((*facts.choices, *extra)), kinds=facts.kinds | {"newsletter"})


def _speaks_of_before(facts: OrderFacts | CustomerFacts, extra: tuple[Choice, ...]) -> bool:
    """Whether there was a consent before the first choice that was reported."""
    return bool(facts.kinds & META_KINDS) or not min(extra, key=lambda choice: choice.at).given


def affected(entry: Entry, stands: Standing, policy: Policy) -> Entry:
    """The entry after what stands: a request or objection may bring its end forward, a restriction or a hold
    suspends it. Nothing here ever gives a later day than the entry's own, or any day while it is suspended."""
    if stands is NONE:
        return entry
    if stands.objection and entry.basis == "legitimate-interests":
        entry = _hastened(entry, stands.objection, policy, "Objected", "GDPR Art. 21(1), 17(1)(c), 12(3)")
    if stands.erasure and entry.basis in ERASABLE:
        entry = _hastened(entry, stands.erasure, policy, "Erasure requested", "GDPR Art. 17(1), 12(3)")
    elif stands.erasure:
        day = _day(stands.erasure.at, policy)
        kept = f"erasure requested on {day}, yet kept under a legal obligation, GDPR Art. 17(3)(b)"
        entry = replace(entry, reason=f"{entry.reason}; {kept}")
    if stands.restriction:
        day = _day(stands.restriction.at, policy)
        entry = _suspended(entry, "restriction-lifted", f"Restricted since {day}, GDPR Art. 18")
    if stands.holds:
        entry = _suspended(entry, "hold-lifted", " and ".join(_hold_words(hold, policy) for hold in stands.holds))
    return entry


def _day(instant: datetime, policy: Policy) -> date:
    return instant.astimezone(policy.time_zone).date()


def _hastened(entry: Entry, event: RecordEvent, policy: Policy, what: str, law: str) -> Entry:
    """It is due on the last day of the month at the latest, so that the day before is the last on which it is kept."""
    received = _day(event.at, policy)
    last = answer_by(received) - timedelta(days=1)
    if entry.delete_after and entry.delete_after <= last:
        return replace(entry, reason=f"{entry.reason}; {what.lower()} on {received}, after which it may stay no longer")
    return replace(
        entry,
        event=event.type,
        runs_from=received,
        review_after=None,
        delete_after=last,
        until=None,
        reason=f"{what} on {received}; to be erased by {answer_by(received)}, one month later; {law}",
    )


def _suspended(entry: Entry, until: str, words: str) -> Entry:
    otherwise = f"otherwise kept until {entry.delete_after or str(entry.until).replace('-', ' ')}"
    return replace(
        entry, review_after=None, delete_after=None, until=until, reason=f"{words}; {otherwise}; {entry.reason}"
    )


def _hold_words(hold: RecordEvent, policy: Policy) -> str:
    review = f", to be looked at again on {hold.review_on}" if hold.review_on else ""
    return f"Legal hold ({hold.reason}) by {hold.owner} since {_day(hold.at, policy)}{review}"


def event_words(event: RecordEvent, policy: Policy) -> str:
    """What was asked for or decided, for the history."""
    day = _day(event.at, policy)
    match event.type:
        case "hold":
            return f"{_hold_words(event, policy)}; event {event.id}"
        case "hold-lifted":
            which = f"hold {event.about}" if event.about else "all holds"
            return f"Lifted on {day}: {which}; event {event.id}"
        case "retracted":
            return f"Retracted on {day}: event {event.about} was reported by mistake"
        case _:
            return f"{event.type.replace('-', ' ').capitalize()} on {day}; event {event.id}"
