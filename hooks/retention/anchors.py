"""From which day each clock runs, for each kind of record, and the words that say why.

A day is the calendar day in the policy's time zone on which an instant falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from hooks.retention.consent import last_run
from hooks.retention.facts import (
    BEFORE_CREATION,
    NOT_PLACED,
    Choice,
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    SupportRequestFacts,
)
from hooks.retention.policy import Clock, Policy


@dataclass(frozen=True, slots=True)
class Anchor:
    """The event and the day from which a period runs, said in `phrase`.

    `ended` is the day on which the event came until which the data could be kept; None while it has not come.
    """

    event: str
    day: date
    phrase: str
    ended: date | None = None
    ended_phrase: str = ""


def anchor(clock: Clock, facts: Facts, policy: Policy) -> Anchor:
    """Where `clock` starts for this record. The policy was checked: the clock can run for it."""
    match clock, facts:
        case "accounting-year-end", OrderFacts():
            return _accounting_year_end(facts, policy)
        case "last-activity", CustomerFacts():
            return _last_activity(facts, policy)
        case "consent", OrderFacts() | CustomerFacts() | ConsentFacts():
            return _consent(facts, policy)
        case "consent-ended", OrderFacts() | CustomerFacts() | ConsentFacts():
            return _consent_ended(facts, policy)
        case "consent-recorded", ConsentFacts():
            day = policy.day_of(_known(facts.since))
            return Anchor("consent-recorded", day, f"Choice recorded on {day}")
        case "request-closed", SupportRequestFacts() | OrderFacts():
            return _request(facts, policy)
        case "created", OrderFacts() | CustomerFacts():
            day = _created(facts, policy)
            return Anchor("created", day, _created_words(facts, day))
        case _:
            raise ValueError(f"the clock {clock!r} cannot run for {facts.kind!r}")


def _known(instant: datetime | None) -> datetime:
    if instant is None:
        raise ValueError("what is not known well enough to be scheduled has no clock yet")
    return instant


def accounting_events_of(facts: OrderFacts, policy: Policy) -> tuple[tuple[str, datetime], ...]:
    """The accounting events of an order that lie no more than a day before the day on which it was made."""
    if facts.created_at is None:
        return facts.accounting_events
    earliest = policy.day_of(facts.created_at) - BEFORE_CREATION
    return tuple(
        (name, at) for name, at in facts.accounting_events if policy.day_of(at) >= earliest
    )


def _created(facts: OrderFacts | CustomerFacts, policy: Policy) -> date:
    """The day on which a record was made or, where no day says so, on which it was first seen."""
    made_at = facts.made_at if isinstance(facts, OrderFacts) else facts.created_at
    return policy.day_of(_known(made_at or facts.first_seen_at))


def _created_words(facts: OrderFacts | CustomerFacts, day: date) -> str:
    noun = "Order" if isinstance(facts, OrderFacts) else "Account"
    if facts.created_at:
        return f"{noun} created on {day}"
    if isinstance(facts, OrderFacts) and facts.accounting_events:
        return f"First accounting event of an order without a day of creation on {day}"
    return f"{noun} without a day of creation first seen on {day}"


def _request(facts: SupportRequestFacts | OrderFacts, policy: Policy) -> Anchor:
    if isinstance(facts, SupportRequestFacts):
        day = policy.day_of(_known(facts.since))
        word = "closed" if facts.closed_at else "made"
        return Anchor(f"request-{word}", day, f"Request {word} on {day}")
    day = _created(facts, policy)
    if facts.erased_at and "refund-reason" in facts.kinds:
        return Anchor(
            "request-made",
            day,
            f"Note or reason of a refund counted from the day of the order, {day}",
        )
    return Anchor("request-made", day, f"Note left with the order on {day}")


def closed_on(facts: OrderFacts, policy: Policy) -> date | None:
    """The day on which an order was closed; None while it is open.

    It is that of completion or, where none is known, of the last refund of an order that is refunded, and else of the
    last accounting event. A checkout that nobody has finished was never open; nothing is done any more with an order
    that the store has erased.
    """
    events = accounting_events_of(facts, policy)
    completed = [at for name, at in events if name == "completed"]
    if facts.status not in CLOSED | NOT_PLACED and not (facts.status == "unknown" and completed):
        return policy.day_of(facts.erased_at) if facts.erased_at else None
    refunded = (
        [at for name, at in events if name == "refunded"] if facts.status == "refunded" else []
    )
    instants = completed or refunded or [at for _, at in events]
    return policy.day_of(max(instants)) if instants else _created(facts, policy)


CLOSED = frozenset({"completed", "cancelled", "failed", "refunded"})
"""The statuses of an order with which nothing is to be done any more."""


def _latest(events: list[tuple[str, datetime | None]], policy: Policy) -> tuple[date, str]:
    """The last day on which any of the events fell, and the names of those that did."""
    days = [(policy.day_of(instant), name) for name, instant in events if instant]
    last = max(day for day, _ in days)
    return last, " and ".join(dict.fromkeys(name for day, name in days if day == last))


def _accounting_year_end(facts: OrderFacts, policy: Policy) -> Anchor:
    events: list[tuple[str, datetime | None]] = list(accounting_events_of(facts, policy))
    if not events:
        events = [
            ("created", facts.created_at)
            if facts.created_at
            else ("first seen", facts.first_seen_at)
        ]
    day, names = _latest(events, policy)
    end = policy.accounting_year.end(day)
    return Anchor(
        "accounting-year-end",
        end,
        f"{names.capitalize()} on {day}; the accounting year ended {end}",
    )


def _last_activity(facts: CustomerFacts, policy: Policy) -> Anchor:
    events = [
        ("sign-up", facts.created_at),
        ("log-in or visit", facts.last_active_at),
        ("order placed", facts.last_order_at),
    ]
    if not any(instant for _, instant in events):
        events = [("first seen, without a day of sign-up", facts.first_seen_at)]
    day, names = _latest(events, policy)
    return Anchor("last-activity", day, f"Last activity ({names}) on {day}")


def _consent(facts: OrderFacts | CustomerFacts | ConsentFacts, policy: Policy) -> Anchor:
    """Consent from the day on which it was given, until the day on which it was withdrawn.

    A choice at the checkout is made on the day of the order; on an account, or after another choice, it is dated by
    the state that first shows it. A newsletter declined from the start is consent that ended as it began,
    unless order attribution, which rests on a consent of its own, is there too.
    """
    standing, latest = last_run(facts.choices)
    given = _first_day(facts, standing, policy)
    if latest is None or latest.given:
        return Anchor("consent-given", given, f"Consent given on {given}")
    if standing:
        ended = max(given, policy.day_of(latest.at))
        return Anchor(
            "consent-given", given, f"Consent given on {given}", ended, f"withdrawn on {ended}"
        )
    if isinstance(facts, OrderFacts) and "attribution" in facts.kinds:
        return Anchor("consent-given", given, f"Consent given on {given}")
    return Anchor(
        "consent-declined",
        given,
        f"Newsletter declined on {given}",
        given,
        "no consent to keep it under",
    )


def _consent_ended(facts: OrderFacts | CustomerFacts | ConsentFacts, policy: Policy) -> Anchor:
    """The end of the last consent: withdrawn, or marketing objected to."""
    ended = _consent(facts, policy).ended
    if ended is None:
        raise ValueError("a consent that stands has no end yet, and its clock cannot run for it")
    return Anchor("consent-ended", ended, f"Consent to marketing ended on {ended}")


def _first_day(
    facts: OrderFacts | CustomerFacts | ConsentFacts, given: Choice | None, policy: Policy
) -> date:
    """The day on which the consent was given of which `given` is the first sign."""
    if isinstance(facts, ConsentFacts):
        return policy.day_of(given.at if given else facts.choices[0].at)
    created = _created(facts, policy)
    if given and (isinstance(facts, CustomerFacts) or _was_refused_before(facts, given)):
        return max(created, policy.day_of(given.at))
    return created


def _was_refused_before(facts: OrderFacts, given: Choice) -> bool:
    """Tell whether marketing was declined or ended before the consent that `given` began. A newsletter declined at the
    checkout says nothing of the consent to order attribution."""
    choices = facts.choices[1:] if "attribution" in facts.kinds else facts.choices
    return any(not choice.given and choice.at < given.at for choice in choices)
