"""Record events: the requests and choices of people, and the decisions of operators, about a record.

Each event is kept for ever, with its time. What is in effect is always worked out from all events, so the order in
which they arrived does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from hooks.retention.consent import choices_of
from hooks.retention.facts import EVENT_TYPES, Choice

EventType = Literal[
    "consent-given",
    "consent-withdrawn",
    "erasure-requested",
    "objection",
    "restriction",
    "restriction-lifted",
    "hold",
    "hold-lifted",
    "retracted",
]

TYPES: tuple[EventType, ...] = get_args(EventType)

PERSON_EVENTS: tuple[EventType, ...] = ("erasure-requested", "objection")
"""The requests that a person makes at a help desk. They are noted on the record that they are about."""

TOOL_EVENT_TYPES = (*EVENT_TYPES, *PERSON_EVENTS)
"""The types of all events that tools may report."""


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """A record event. `at` is the time at which it happened, not the time at which the service heard of it.

    - A hold has a `reason`, an `owner` and a day of review (`review_on`).
    - The event that lifts a hold has the id of that hold in `about`. An empty `about` lifts all holds that were placed
      until then.
    - A retraction has the id of the event that was reported by mistake in `about`.
    - An objection has a `scope`: `marketing` or `all`. An empty scope means `all`.
    """

    id: str
    type: EventType
    at: datetime
    reason: str = ""
    owner: str = ""
    review_on: date | None = None
    about: str = ""
    scope: str = ""


MARKETING = "marketing"
SCOPES = (MARKETING, "all")
"""The scopes of an objection: marketing alone (GDPR Art. 21(2)), or all legitimate interests (Art. 21(1))."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The record events that are in effect for a record: its own, and those of the person whose record it is.

    - `holds`: the holds that were not lifted. `restriction`: the restriction that was not lifted.
    - `erasures`: all requests for erasure.
    - `objections`: all objections; each ends marketing. `objection`: the first one that is about more than marketing.
    - `choices`: the newsletter choices that were reported for the record; `persons_choices`: those for the person.

    All are in order of time.
    """

    holds: tuple[RecordEvent, ...] = ()
    restriction: RecordEvent | None = None
    erasures: tuple[RecordEvent, ...] = ()
    objection: RecordEvent | None = None
    objections: tuple[RecordEvent, ...] = ()
    choices: tuple[Choice, ...] = ()
    persons_choices: tuple[Choice, ...] = ()

    @property
    def erasure(self) -> RecordEvent | None:
        """The first request for erasure."""
        if not self.erasures:
            return None
        return self.erasures[0]


NO_STANDING = Standing()


def standing_of(
    own: Collection[RecordEvent],
    person: Collection[RecordEvent] = (),
    *,
    since: datetime | None = None,
) -> Standing:
    """Return the record events that are in effect, from a record's `own` events and those of its `person`.

    A person's request or objection is about the records that existed when it came, so it counts only if `since`, the
    time from which the record exists, is not later. A person's hold or restriction is about all records of the person,
    and only another event of the person lifts it. Of several requests the first sets the date.
    """
    if not own and not person:
        return NO_STANDING
    own_events = sorted(_unretracted(own), key=_order)
    persons_events = sorted(_unretracted(person), key=_order)
    about_record = [event for event in persons_events if since is None or since <= event.at]
    requests = sorted((*own_events, *about_record), key=_order)
    objections = _of_type("objection", requests)
    holds = _holds(own_events) + _holds(persons_events)
    return Standing(
        holds=tuple(sorted(holds, key=_order)),
        restriction=_restriction(own_events) or _restriction(persons_events),
        erasures=_of_type("erasure-requested", requests),
        objection=_first_beyond_marketing(objections),
        objections=objections,
        choices=_choices(own_events),
        persons_choices=_choices(persons_events),
    )


def events_in_force(events: Iterable[RecordEvent]) -> tuple[RecordEvent, ...]:
    """Return the events of a person without those that were lifted or reported by mistake.

    A person can be known by several names, such as an account and addresses. `events` must be those under one name,
    because a hold or a restriction is lifted under the name under which it was placed.
    """
    valid = sorted(_unretracted(events), key=_order)
    in_force = _holds(valid)
    in_force += [event for event in valid if event.type not in _LIFTABLE]
    restriction = _restriction(valid)
    if restriction:
        in_force.append(restriction)
    return tuple(sorted(in_force, key=_order))


_LIFTABLE = frozenset({"hold", "hold-lifted", "restriction", "restriction-lifted"})
"""The types of holds and restrictions, and of the events that lift them."""


def _order(event: RecordEvent) -> tuple[datetime, str]:
    return event.at, event.id


def _unretracted(events: Iterable[RecordEvent]) -> list[RecordEvent]:
    """Return the events that were not reported by mistake. A retraction cannot itself be retracted."""
    reports = []
    mistakes = set()
    for event in events:
        if event.type == "retracted":
            mistakes.add(event.about)
        else:
            reports.append(event)
    return [event for event in reports if event.id not in mistakes]


def _of_type(type_: EventType, events: Iterable[RecordEvent]) -> tuple[RecordEvent, ...]:
    return tuple(event for event in events if event.type == type_)


def _first_beyond_marketing(objections: Iterable[RecordEvent]) -> RecordEvent | None:
    for objection in objections:
        if objection.scope != MARKETING:
            return objection
    return None


def _holds(events: list[RecordEvent]) -> list[RecordEvent]:
    liftings = _of_type("hold-lifted", events)
    holds = _of_type("hold", events)
    return [hold for hold in holds if not _is_lifted(hold, liftings)]


def _is_lifted(hold: RecordEvent, liftings: tuple[RecordEvent, ...]) -> bool:
    return any(_lifts(lifting, hold) for lifting in liftings)


def _lifts(lifting: RecordEvent, hold: RecordEvent) -> bool:
    if lifting.about:
        return lifting.about == hold.id
    return lifting.at >= hold.at


def _restriction(events: Iterable[RecordEvent]) -> RecordEvent | None:
    """Return the restriction in force. One that was placed and lifted in the same second is in force."""
    restriction: RecordEvent | None = None
    for event in events:
        if event.type == "restriction" and restriction is None:
            restriction = event
        elif event.type == "restriction-lifted" and restriction and event.at > restriction.at:
            restriction = None
    return restriction


def _choices(events: Iterable[RecordEvent]) -> tuple[Choice, ...]:
    return choices_of(_reported_choices(events))


def _reported_choices(events: Iterable[RecordEvent]) -> Iterator[Choice]:
    for event in events:
        if event.type == "consent-given":
            yield Choice(event.at, given=True)
        elif event.type == "consent-withdrawn":
            yield Choice(event.at, given=False)
