"""What people ask for and operators decide about a record: consent, requests, restrictions and holds.

Each is kept for ever, with its time; what stands is worked out from all of them, so that the order in which they
came is all one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from hooks.retention.facts import EVENT_TYPES, Choice
from hooks.retention.merge import choices_of

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
"""What a person asks for at a help desk, noted on the record that it is about."""

TOOL_EVENT_TYPES = (*EVENT_TYPES, *PERSON_EVENTS)
"""All that tools may report."""


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """One event. `at` is when it happened, not when it was heard of.

    A hold has a `reason`, an `owner` and a day on which it is to be looked at again. `about` is the id of the hold
    that is lifted (none: all that were placed until then) or of the event that was reported by mistake. An objection
    has a `scope`: `marketing`, or `all`, which it also has where it names none.
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
"""What an objection may be about: marketing alone (GDPR Art. 21(2)), or all legitimate interests (Art. 21(1))."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands, of all events on a record and on the person whose record it is.

    `erasures` are all requests for erasure, `erasure` the first. `objections` are all, each of which ends marketing;
    `objection` is the first that is about more than marketing.
    `choices` are the record's own newsletter choices, `persons_choices` those of the person.
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
        return self.erasures[0] if self.erasures else None


NO_STANDING = Standing()


def standing_of(
    own: Collection[RecordEvent],
    person: Collection[RecordEvent] = (),
    *,
    since: datetime | None = None,
) -> Standing:
    """What stands. A person's request or objection is about the records that there were (`since`) when it came;
    a hold or a restriction is about all of them, and is lifted where it was placed. Of several requests the first sets
    the date."""
    if not own and not person:
        return NO_STANDING
    mine, theirs = sorted(_unretracted(own), key=_order), sorted(_unretracted(person), key=_order)
    asked = sorted(
        (*mine, *(event for event in theirs if since is None or since <= event.at)), key=_order
    )
    objections = tuple(event for event in asked if event.type == "objection")
    return Standing(
        holds=tuple(sorted((*_holds(mine), *_holds(theirs)), key=_order)),
        restriction=_restriction(mine) or _restriction(theirs),
        erasures=tuple(event for event in asked if event.type == "erasure-requested"),
        objection=next((event for event in objections if event.scope != MARKETING), None),
        objections=objections,
        choices=_choices(mine),
        persons_choices=_choices(theirs),
    )


def events_in_force(events: Iterable[RecordEvent]) -> tuple[RecordEvent, ...]:
    """The events under one name of a person without what was lifted or reported by mistake: a hold or a restriction is
    lifted under the name under which it was placed."""
    left = sorted(_unretracted(events), key=_order)
    holds, restriction = _holds(left), _restriction(left)
    standing_ = [*holds, *([restriction] if restriction else [])]
    others = (event for event in left if event.type not in _PLACED_AND_LIFTED)
    return tuple(sorted((*standing_, *others), key=_order))


_PLACED_AND_LIFTED = frozenset({"hold", "hold-lifted", "restriction", "restriction-lifted"})


def _order(event: RecordEvent) -> tuple[datetime, str]:
    return event.at, event.id


def _unretracted(events: Iterable[RecordEvent]) -> list[RecordEvent]:
    """All but those that were reported by mistake; a retraction cannot itself be retracted."""
    seen = tuple(events)
    mistakes = {event.about for event in seen if event.type == "retracted"}
    return [event for event in seen if event.id not in mistakes and event.type != "retracted"]


def _holds(events: list[RecordEvent]) -> list[RecordEvent]:
    return [event for event in events if event.type == "hold" and not _lifted(event, events)]


def _lifted(hold: RecordEvent, events: Iterable[RecordEvent]) -> bool:
    lifts = (event for event in events if event.type == "hold-lifted")
    return any(lift.about == hold.id if lift.about else lift.at >= hold.at for lift in lifts)


def _restriction(events: Iterable[RecordEvent]) -> RecordEvent | None:
    """The one that stands; where one second saw it placed and lifted, it stands."""
    last: RecordEvent | None = None
    for event in events:
        if event.type == "restriction" and last is None:
            last = event
        elif event.type == "restriction-lifted" and last is not None and event.at > last.at:
            last = None
    return last


def _choices(events: Iterable[RecordEvent]) -> tuple[Choice, ...]:
    chosen = [event for event in events if event.type in ("consent-given", "consent-withdrawn")]
    return choices_of(Choice(event.at, given=event.type == "consent-given") for event in chosen)
