"""The requests of a person that are on record, in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from operator import itemgetter
from typing import Literal, NamedTuple

from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import RecordKind
from hooks.retention.policy import Policy
from hooks.rights.values import CurrentRecord, PersonRequest

REQUEST_TYPES: tuple[EventType, ...] = ("erasure-requested", "objection", "restriction")

Events = tuple[RecordEvent, ...]


class _About(NamedTuple):
    """The object of a request: a record, or a person."""

    kind: RecordKind | Literal["person"]
    id: int | None


def person_requests(records: Iterable[CurrentRecord], policy: Policy) -> tuple[PersonRequest, ...]:
    """Return the requests on record, in order of time, each once, without those that were reported by mistake.

    A request may affect several records. It is listed with the record that it was reported for, if that record is among
    `records`; otherwise it is about the person. A request that was reported for a newsletter contact is about the
    person too.
    """
    seen: set[tuple[str, str, datetime]] = set()
    dated: list[tuple[datetime, PersonRequest]] = []
    for about, events in _events_by_object(tuple(records)):
        for event in _valid_requests(events):
            identity = (event.id, event.type, event.at)
            if identity not in seen:
                seen.add(identity)
                dated.append((event.at, _person_request(event, events, about, policy)))
    dated.sort(key=itemgetter(0))
    return tuple(request for _, request in dated)


def _events_by_object(records: tuple[CurrentRecord, ...]) -> Iterator[tuple[_About, Events]]:
    """Yield the events about each record, then those about each owner, so that the record wins."""
    for record in records:
        is_contact = record.kind == "marketing-consent"
        about = _owner(record) if is_contact else _About(record.kind, record.id)
        yield about, record.own_events
    for record in records:
        yield _owner(record), record.person_events


def _owner(record: CurrentRecord) -> _About:
    return _About("customer", record.owner) if record.owner else _About("person", None)


def _person_request(
    event: RecordEvent, events: Events, about: _About, policy: Policy
) -> PersonRequest:
    on = policy.day_of(event.at)
    if event.type == "objection":
        return PersonRequest(event.type, on, *about, scope=event.scope or "all")
    return PersonRequest(event.type, on, *about, lifted_on=_lifted_on(event, events, policy))


def _lifted_on(request: RecordEvent, events: Events, policy: Policy) -> date | None:
    """Return the day on which a restriction was first lifted; None while it is in effect, and for other requests."""
    if request.type != "restriction":
        return None
    lifts = [event.at for event in _valid(events) if event.type == "restriction-lifted"]
    lifts_since = [at for at in lifts if at > request.at]
    return policy.day_of(min(lifts_since)) if lifts_since else None


def _valid_requests(events: Events) -> Iterator[RecordEvent]:
    return (event for event in _valid(events) if event.type in REQUEST_TYPES)


def _valid(events: Events) -> list[RecordEvent]:
    """Return the events that were not reported by mistake."""
    mistakes = {event.about for event in events if event.type == "retracted"}
    return [event for event in events if event.id not in mistakes]
