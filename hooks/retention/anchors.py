"""The anchors: the event and the day from which each clock runs for a record, and the phrase that says why.

A day is the calendar day of an instant in the policy's time zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from hooks.retention.consent import consent_and_current
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
    """The event and the day from which a period runs. `phrase` says both in words.

    `ended` is the day of the event that ends the retention early, such as the withdrawal of a consent; None while that
    event has not come. `ended_phrase` describes it.
    """

    event: str
    day: date
    phrase: str
    ended: date | None = None
    ended_phrase: str = ""


def anchor(clock: Clock, facts: Facts, policy: Policy) -> Anchor:
    """Return the anchor of `clock` for this record.

    Raises ValueError if the clock cannot run for it. That is a fault of the caller: the policy was checked, and the
    record is known well enough to be scheduled.
    """
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
            day = policy.day_of(_required(facts.since))
            return Anchor("consent-recorded", day, f"Choice recorded on {day}")
        case "request-closed", SupportRequestFacts() | OrderFacts():
            return _request(facts, policy)
        case "created", OrderFacts() | CustomerFacts():
            day = _created(facts, policy)
            return Anchor("created", day, _created_phrase(facts, day))
        case _:
            raise ValueError(f"the clock {clock!r} cannot run for {facts.kind!r}")


def _required(instant: datetime | None) -> datetime:
    if instant is None:
        raise ValueError("a record that is not known well enough to be scheduled has no clock yet")
    return instant


# --- creation ---


def _created(facts: OrderFacts | CustomerFacts, policy: Policy) -> date:
    """Return the day on which a record was created or, if that is unknown, first seen."""
    return policy.day_of(_required(facts.known_since))


def _created_phrase(facts: OrderFacts | CustomerFacts, day: date) -> str:
    noun = "Order" if isinstance(facts, OrderFacts) else "Account"
    if facts.created_at:
        return f"{noun} created on {day}"
    if isinstance(facts, OrderFacts) and facts.accounting_events:
        return f"First accounting event of an order without a day of creation on {day}"
    return f"{noun} without a day of creation first seen on {day}"


# --- requests, and the notes of orders ---


def _request(facts: SupportRequestFacts | OrderFacts, policy: Policy) -> Anchor:
    if isinstance(facts, OrderFacts):
        return _order_note(facts, policy)
    day = policy.day_of(_required(facts.since))
    if facts.closed_at:
        return Anchor("request-closed", day, f"Request closed on {day}")
    return Anchor("request-made", day, f"Request made on {day}")


def _order_note(facts: OrderFacts, policy: Policy) -> Anchor:
    """Return the anchor of a note: it is a request that was made with the order.

    The store's eraser leaves the reason of a refund, which has no date of its own; it counts from the same day.
    """
    day = _created(facts, policy)
    phrase = f"Note left with the order on {day}"
    if facts.erased_at and "refund-reason" in facts.kinds:
        phrase = f"Note or reason of a refund counted from the day of the order, {day}"
    return Anchor("request-made", day, phrase)


# --- accounting and activity ---


def accounting_events_of(facts: OrderFacts, policy: Policy) -> tuple[tuple[str, datetime], ...]:
    """Return the accounting events of an order with their names.

    Events that lie more than a day before the day of its creation are left out: they cannot be right.
    """
    if facts.created_at is None:
        return facts.accounting_events
    earliest = policy.day_of(facts.created_at) - BEFORE_CREATION
    events = facts.accounting_events
    return tuple((name, at) for name, at in events if policy.day_of(at) >= earliest)


CLOSED = frozenset({"completed", "cancelled", "failed", "refunded"})
"""The statuses of an order that is closed: nothing more is to be done with it."""


def closed_on(facts: OrderFacts, policy: Policy) -> date | None:
    """Return the day on which an order was closed; None while it is open.

    It is the day of completion. If that is unknown, it is the day of the last refund for an order that is refunded, and
    of the last accounting event for any other; without such an event, it is the day of creation.

    A checkout that nobody has finished was never open, so it counts as closed. An open order that the store
    has erased counts as closed on the day of its erasure.
    """
    last: dict[str, datetime] = {}
    for name, at in accounting_events_of(facts, policy):
        last[name] = max(at, last.get(name, at))
    completed = last.get("completed")
    is_closed = facts.status in CLOSED or facts.status in NOT_PLACED
    if facts.status == "unknown" and completed:  # a plugin's status that follows on completion
        is_closed = True
    if not is_closed and facts.erased_at:
        return policy.day_of(facts.erased_at)
    if not is_closed:
        return None
    if completed:
        return policy.day_of(completed)
    if facts.status == "refunded" and "refunded" in last:
        return policy.day_of(last["refunded"])
    if last:
        return policy.day_of(max(last.values()))
    return _created(facts, policy)


_Event = tuple[str, datetime | None]
"""The name of an event, and its instant if that is known."""


def _accounting_year_end(facts: OrderFacts, policy: Policy) -> Anchor:
    """Return the end of the accounting year in which the last accounting event fell; without one, the creation."""
    events: list[_Event] = list(accounting_events_of(facts, policy))
    if not events and facts.created_at:
        events = [("created", facts.created_at)]
    elif not events:
        events = [("first seen", facts.first_seen_at)]
    day, names = _latest(events, policy)
    end = policy.accounting_year.end(day)
    phrase = f"{names.capitalize()} on {day}; the accounting year ended {end}"
    return Anchor("accounting-year-end", end, phrase)


def _last_activity(facts: CustomerFacts, policy: Policy) -> Anchor:
    """Return the last day on which the customer signed up, logged in, visited the shop or placed an order."""
    events = [
        ("sign-up", facts.created_at),
        ("log-in or visit", facts.last_active_at),
        ("order placed", facts.last_order_at),
    ]
    if not (facts.created_at or facts.last_active_at or facts.last_order_at):
        events = [("first seen, without a day of sign-up", facts.first_seen_at)]
    day, names = _latest(events, policy)
    return Anchor("last-activity", day, f"Last activity ({names}) on {day}")


def _latest(events: Iterable[_Event], policy: Policy) -> tuple[date, str]:
    """Return the last day on which any of the events fell, and the names of the events of that day."""
    by_day: dict[date, list[str]] = {}
    for name, instant in events:
        if instant is None:
            continue
        names = by_day.setdefault(policy.day_of(instant), [])
        if name not in names:
            names.append(name)
    last = max(by_day)
    return last, " and ".join(by_day[last])


# --- consent ---


def _consent(facts: OrderFacts | CustomerFacts | ConsentFacts, policy: Policy) -> Anchor:
    """Return the day on which consent was given, with the day on which it was withdrawn.

    A choice at the checkout is made on the day of the order. A choice on an account, or one that follows another
    choice, has the date of the state that first shows it.

    A newsletter that was declined from the start counts as a consent that ended when it began. If the order has
    attribution data too, these rest on a consent of their own, and that has not ended.
    """
    consent, current = consent_and_current(facts.choices)
    day = _first_day(facts, consent, policy)
    start = Anchor("consent-given", day, f"Consent given on {day}")
    if current is None or current.given:
        return start
    if consent:
        ended = max(day, policy.day_of(current.at))
        return replace(start, ended=ended, ended_phrase=f"withdrawn on {ended}")
    if isinstance(facts, OrderFacts) and "attribution" in facts.kinds:
        return start
    phrase = f"Newsletter declined on {day}"
    return Anchor("consent-declined", day, phrase, day, "no consent to keep it under")


def _consent_ended(facts: OrderFacts | CustomerFacts | ConsentFacts, policy: Policy) -> Anchor:
    """Return the day on which the last consent ended: it was withdrawn, or the person objected to marketing."""
    ended = _consent(facts, policy).ended
    if ended is None:
        raise ValueError("a consent in effect has no end yet, and its clock cannot run for it")
    return Anchor("consent-ended", ended, f"Consent to marketing ended on {ended}")


def _first_day(
    facts: OrderFacts | CustomerFacts | ConsentFacts, consent: Choice | None, policy: Policy
) -> date:
    """Return the day on which consent was given. `consent` is the choice that first shows it; None if none does."""
    if isinstance(facts, ConsentFacts):
        first = consent or facts.choices[0]
        return policy.day_of(first.at)
    created = _created(facts, policy)
    if consent is None:
        return created
    if isinstance(facts, OrderFacts) and not _was_refused_before(facts, consent):
        return created
    return max(created, policy.day_of(consent.at))


def _was_refused_before(facts: OrderFacts, consent: Choice) -> bool:
    """Tell whether marketing was declined or ended before `consent`.

    If the order has attribution data, its first choice is left out: a newsletter declined at the checkout says nothing
    about the consent to order attribution.
    """
    choices = facts.choices
    if "attribution" in facts.kinds:
        choices = choices[1:]
    return any(not choice.given and choice.at < consent.at for choice in choices)
