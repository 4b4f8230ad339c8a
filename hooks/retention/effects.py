"""The effects of requests, objections, restrictions and holds on an entry, and the sentences that explain them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from hooks.retention.anchors import closed_on
from hooks.retention.clock import Period
from hooks.retention.events import MARKETING, NO_STANDING, RecordEvent, Standing
from hooks.retention.facts import Facts, OrderFacts
from hooks.retention.policy import Policy

if TYPE_CHECKING:
    from hooks.retention.schedule import Entry

ANSWER_PERIOD = Period(months=1)
"""The time within which a request is answered: GDPR Art. 12(3)."""

WITHDRAWAL = timedelta(days=14)
"""The time within which a buyer may withdraw from the contract: angrerettloven § 21."""

ERASABLE = frozenset({"consent", "contract", "legitimate-interests"})
"""The legal bases of data that are erased when a person asks for it.

Data that the law requires are kept: GDPR Art. 17(3)(b).
"""

ORDER_CLOSED = "order-closed"
"""The event until which data of an open order are kept after a person asked to have them erased."""


def answer_by(received: date) -> date:
    """Return the last day on which a request that was received on a day can be answered and carried out."""
    return ANSWER_PERIOD.after(received)


@dataclass(frozen=True, slots=True)
class _Request:
    """A request or an objection: its name in words, the day on which it was received, and the articles it rests on."""

    name: str
    received: date
    law: str

    def __str__(self) -> str:
        return f"{self.name} on {self.received}"


def apply_standing(entry: Entry, facts: Facts, standing: Standing, policy: Policy) -> Entry:
    """Return the entry with the effects of all record events.

    A request or an objection may bring the end of the entry forward. A restriction or a hold suspends the entry. The
    event and the day from which it runs do not change. No effect gives a later day than the entry's own, and a
    suspended entry has no day.
    """
    if standing is NO_STANDING:
        return entry
    if policy.classes[entry.retention_class].proof:
        entry = _proof(entry, standing, policy)
    else:
        entry = _after_objections(entry, standing, policy)
        entry = _after_erasure(entry, facts, standing, policy)
    if standing.restriction:
        day = policy.day_of(standing.restriction.at)
        entry = _suspended(entry, "restriction-lifted", f"Restricted since {day}, GDPR Art. 18")
    if standing.holds:
        words = " and ".join(_hold_words(hold, policy) for hold in standing.holds)
        entry = _suspended(entry, "hold-lifted", words)
    return entry


def _proof(entry: Entry, standing: Standing, policy: Policy) -> Entry:
    """Keep proof in spite of a request or an objection, and say so in its reason."""
    requests = []
    if standing.erasure:
        requests.append(f"erasure requested on {policy.day_of(standing.erasure.at)}")
    if standing.objection:
        requests.append(f"objected on {policy.day_of(standing.objection.at)}")
    if not requests:
        return entry
    words = " and ".join(requests)
    note = f"{words}, yet kept as proof, GDPR Art. 17(3)(e)"
    return replace(entry, reason=f"{entry.reason}; {note}")


# --- objections ---


def _after_objections(entry: Entry, standing: Standing, policy: Policy) -> Entry:
    if entry.data == MARKETING and standing.objections:
        entry = _without_marketing(entry, standing.objections, policy)
    if not standing.objection or entry.basis != "legitimate-interests":
        return entry
    received = policy.day_of(standing.objection.at)
    objection = _Request("Objected", received, "GDPR Art. 21(1), 17(1)(c), 12(3)")
    return _due(entry, objection, answer_by(received))


_MARKETING_LAW = "GDPR Art. 21(2)-(3)"


def _without_marketing(entry: Entry, objections: tuple[RecordEvent, ...], policy: Policy) -> Entry:
    """End marketing on the day of the first objection, whatever its legal basis."""
    days = [policy.day_of(event.at) for event in objections]
    if policy.classes[entry.retention_class].clock == "consent":
        return _with_objection_noted(entry, days)
    first = days[0]
    if _ends_by(entry, first):
        return entry
    words = f"Objected to marketing on {first}, which ends it; {_MARKETING_LAW}"
    return replace(
        entry,
        review_after=None,
        delete_after=first,
        until=None,
        requested_on=first,
        reason=f"{words}; {_otherwise(entry)}",
    )


def _with_objection_noted(entry: Entry, days: list[date]) -> Entry:
    """Note an objection on an entry that runs by the clock of consent.

    The objection has already ended it, since it counts as a withdrawal. The entry now says so, and names the day of the
    request, even if a withdrawal came before the objection.
    """
    end = entry.delete_after
    if end is None:
        return entry
    for day in days:
        if day >= end:
            reason = f"{entry.reason}; objected to marketing on {day}, {_MARKETING_LAW}"
            return replace(entry, requested_on=day, reason=reason)
    return entry


# --- requests for erasure ---


def _after_erasure(entry: Entry, facts: Facts, standing: Standing, policy: Policy) -> Entry:
    received = _requested_on(entry, standing, policy)
    if received is None:
        return entry
    if entry.basis not in ERASABLE:
        note = f"erasure requested on {received}, yet kept under a legal obligation, GDPR Art. 17(3)(b)"
        return replace(entry, reason=f"{entry.reason}; {note}")
    request = _Request("Erasure requested", received, "GDPR Art. 17(1), 12(3)")
    if entry.basis == "contract" and isinstance(facts, OrderFacts):
        return _after_erasure_of_order(entry, request, closed_on(facts, policy))
    return _due(entry, request, answer_by(received))


def _requested_on(entry: Entry, standing: Standing, policy: Policy) -> date | None:
    """Return the day of the first request for erasure that is about the entry.

    A request says nothing about a consent that was given after it.
    """
    for request in standing.erasures:
        day = policy.day_of(request.at)
        if entry.basis != "consent" or day >= entry.runs_from:
            return day
    return None


def _after_erasure_of_order(entry: Entry, request: _Request, closed: date | None) -> Entry:
    """Keep the data that the contract needs until the order is closed and the buyer can no longer withdraw from it.

    `closed` is the day on which the order was closed; None while it is open.
    """
    month_later = answer_by(request.received)
    if closed is None and _ends_by(entry, month_later):
        return _due(entry, request, month_later)
    if closed is None:
        return _waiting(entry, request)
    withdrawal_ends = closed + WITHDRAWAL
    if withdrawal_ends <= month_later:
        return _due(entry, request, month_later)
    request = replace(request, law=_order_law(request))
    words = f"14 days after the order was closed on {closed}"
    return _due(entry, request, withdrawal_ends, words)


def _waiting(entry: Entry, request: _Request) -> Entry:
    """Keep the entry without a day until the order is closed."""
    end = "kept until the order is closed and 14 days of withdrawal are over"
    words = f"{request}; {end}; {_order_law(request)}"
    return replace(
        entry,
        review_after=None,
        delete_after=None,
        until=ORDER_CLOSED,
        requested_on=request.received,
        reason=f"{words}; {_otherwise(entry)}",
    )


def _order_law(request: _Request) -> str:
    return f"{request.law}, angrerettloven § 21"


def _due(entry: Entry, request: _Request, last: date, why: str = "one month later") -> Entry:
    """Keep the entry no longer than until the day `last`. `why` explains that day."""
    if _ends_by(entry, last):
        requested = str(request).lower()
        words = f"{requested}, after which it may stay no longer"
        first = request.received
        if entry.requested_on:
            first = min(first, entry.requested_on)
        return replace(entry, requested_on=first, reason=f"{entry.reason}; {words}")
    words = f"{request}; to be erased by {last}, {why}; {request.law}"
    return replace(
        entry,
        review_after=None,
        delete_after=last,
        until=None,
        requested_on=request.received,
        reason=f"{words}; {_otherwise(entry)}",
    )


def _ends_by(entry: Entry, day: date) -> bool:
    """Tell whether the entry ends by itself on the day or before."""
    return entry.delete_after is not None and entry.delete_after <= day


# --- restrictions and holds ---


def _suspended(entry: Entry, until: str, words: str) -> Entry:
    """Keep the entry without a day until the event `until`."""
    return replace(
        entry,
        review_after=None,
        delete_after=None,
        until=until,
        reason=f"{words}; {_otherwise(entry)}",
    )


def _otherwise(entry: Entry) -> str:
    """Say how long the entry would be kept without the effect, and why."""
    end = entry.delete_after or str(entry.until).replace("-", " ")
    return f"otherwise kept until {end}; {entry.reason}"


def _hold_words(hold: RecordEvent, policy: Policy) -> str:
    day = policy.day_of(hold.at)
    words = f"Legal hold ({hold.reason}) by {hold.owner} since {day}"
    if hold.review_on:
        words += f", to be looked at again on {hold.review_on}"
    return words


def describe_event(event: RecordEvent, policy: Policy) -> str:
    """Describe a request or a decision in a sentence for the history."""
    day = policy.day_of(event.at)
    match event.type:
        case "hold":
            return f"{_hold_words(event, policy)}; event {event.id}"
        case "hold-lifted" if event.about:
            return f"Lifted on {day}: hold {event.about}; event {event.id}"
        case "hold-lifted":
            return f"Lifted on {day}: all holds; event {event.id}"
        case "retracted":
            return f"Retracted on {day}: event {event.about} was reported by mistake"
        case "objection" if event.scope == MARKETING:
            return f"Objection to marketing on {day}; event {event.id}"
        case _:
            words = event.type.replace("-", " ").capitalize()
            return f"{words} on {day}; event {event.id}"
