"""Tool events and record events, from their bytes to values: verified, parsed, typed. No IO, no clock.

The danger: an event may name a person by an e-mail. The ledger must hold nothing that lets somebody test whether an
e-mail is in it.

The rule: the e-mail is hashed with a key here. The identity of a delivery is made of the body's signature, or of a hash
that is keyed with the tool's token: a plain hash of the body could be tested as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from hashlib import sha256
from typing import Any, cast

from marshmallow import Schema, ValidationError

from hooks.errors import EventForbiddenError, EventRefusedError, QuarantinedError
from hooks.intake.email_hash import address_hash, email_subject
from hooks.intake.signature import verify
from hooks.intake.webhook import (
    Delivery,
    EventNote,
    Ignored,
    OccurrenceReport,
    json_object,
    occurrence_report,
)
from hooks.ledger.codec import event_dict
from hooks.retention.events import PERSON_EVENTS, EventType, RecordEvent
from hooks.retention.facts import EVENT_TYPES, Occurrence, RecordKind, Subject
from hooks.retention.tool_reports import number_of
from hooks.settings.event_tokens import EventToken
from schemas.brevo import BrevoEvent, BrevoEventSchema, is_brevo, occurrence_of
from schemas.event import NO_EMAIL, Address, ToolEvent, ToolEventSchema, faults
from schemas.record_event import RecordEventSchema

REPORTED = "event"
"""Topic of a tool event."""

UNDATED = "event.undated"
"""Topic of a signed tool event without a time. It gets the time of its arrival, so that a repeat must be recognised for
ever: the log never drops it."""

NO_KEY = "is only taken to be hashed with a key: set SUBJECT_KEY"
NOTED = "record-event"
"""Topic of a record event."""

HASH_DIGITS = 16
"""The digits of an address hash that a newsletter contact's name shows."""


@dataclass(frozen=True, slots=True)
class Reported:
    """One report of a tool event. `type`: the event's type; empty where this service does not use the event.

    `is_dated`: the event has a time of its own.
    """

    content: OccurrenceReport | EventNote | Ignored
    type: str = ""
    is_dated: bool = True


def events_from_http(
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: Iterable[bytes],
    subject_key: str | None,
    now: datetime,
) -> tuple[Delivery, ...]:
    """Verify a signed tool event, then parse it. Returns one delivery for each person that it is about.

    `headers` must find names in any case. `now`: the time of day (UTC).
    Raises SignatureRefusedError, and EventRefusedError where a genuine event has another shape.
    """
    signature = headers.get("X-WC-Webhook-Signature", "")
    verify(body, signature, keys=keys)
    deliveries = []
    for index, report in enumerate(_parse_reports(event_object(body), subject_key, now)):
        identity = _identity("event", signature, str(index))
        topic = REPORTED if report.is_dated else UNDATED
        deliveries.append(Delivery(identity, topic, report.content))
    return tuple(deliveries)


def events_of_tool(
    token: EventToken,
    body: bytes,
    *,
    subject_key: str | None,
    now: datetime,
) -> tuple[Delivery, ...]:
    """Parse an event of a tool that was recognised by its token. Returns one delivery for each person in it.

    Raises EventRefusedError where the event has another shape, and EventForbiddenError where the tool may not send it.
    Then no part of the event may be ingested.
    """
    reports = _parse_reports(event_object(body), subject_key, now)
    for report in reports:
        if report.type and not token.may_send(report.type):
            raise EventForbiddenError(f"EVENT_TOKENS does not let {token.name} send {report.type}.")
    proof = token.proof_of(body)
    deliveries = []
    for index, report in enumerate(reports):
        body_identity = _identity("event", proof, str(index))
        deliveries.append(_delivery_of_tool(report, body_identity, now))
    return tuple(deliveries)


def _delivery_of_tool(report: Reported, body_identity: str, now: datetime) -> Delivery:
    """Return the delivery of a report. `body_identity`: the same for equal bodies.

    An event without a time may happen again, and then has the same body. Only one that comes soon after the first is
    a repeat (see `hooks.intake.ingest.REPEAT_WINDOW`).
    """
    if report.is_dated:
        return Delivery(body_identity, REPORTED, report.content)
    arrival_identity = _identity(body_identity, now.isoformat())
    return Delivery(arrival_identity, REPORTED, report.content, signed_identity=body_identity)


def event_object(body: bytes) -> dict[str, Any]:
    """Parse the body of an event, which must be a JSON object. Raises EventRefusedError."""
    try:
        return json_object(body)
    except QuarantinedError as error:
        raise EventRefusedError({"the body": error.detail.removeprefix("the body ")}) from error


def record_event(
    raw: Mapping[str, Any],
    kind: RecordKind,
    external_id: int,
    *,
    now: datetime,
    zone: tzinfo,
    fresh_id: str,
) -> RecordEvent:
    """Parse a record event. Days are in the time zone `zone`.

    An event without a time gets `now`. An event without an id gets a hash of its content, so that the same event sent
    twice counts once; without a time as well, it gets `fresh_id`, since it may be another event each time.
    Raises EventRefusedError.
    """
    fields: dict[str, Any] = _load(RecordEventSchema(now, zone), raw)
    has_id = bool(fields["id"])
    is_dated = fields["at"] is not None
    if not has_id:
        fields["id"] = fresh_id
    if not is_dated:
        fields["at"] = now.replace(microsecond=0)
    event = RecordEvent(**fields)
    if has_id or not is_dated:
        return event
    content = event_dict(event)
    content.pop("id", None)
    identity = _identity(kind, str(external_id), json.dumps(content, sort_keys=True))
    return replace(event, id=identity)


def event_delivery(kind: RecordKind, external_id: int, event: RecordEvent) -> Delivery:
    """Return a record event as a delivery, so that it can be ingested."""
    identity = _identity(NOTED, kind, str(external_id), event.id)
    return Delivery(identity, NOTED, EventNote(kind, external_id, event))


def _parse_reports(
    raw: Mapping[str, Any],
    subject_key: str | None,
    now: datetime,
) -> tuple[Reported, ...]:
    if is_brevo(raw):
        return _parse_brevo(raw, subject_key, now)
    event: ToolEvent = _load(ToolEventSchema(now), raw)
    subject = _subject(event.subject, subject_key)
    return (Reported(_content(event, subject, now), event.type, is_dated=event.at is not None),)


def _parse_brevo(
    raw: Mapping[str, Any], subject_key: str | None, now: datetime
) -> tuple[Reported, ...]:
    occurrence = occurrence_of(raw)
    if occurrence is None:
        return (Reported(Ignored()),)
    if subject_key is None:
        raise EventRefusedError({"email": NO_KEY})
    event: BrevoEvent = _load(BrevoEventSchema(now), raw)
    subjects = dict.fromkeys(email_subject(email, subject_key) for email in event.emails)
    event_type, is_dated = f"marketing.{occurrence}", event.at is not None
    contents = (_contact_report(subject, occurrence, event.at) for subject in subjects)
    return tuple(Reported(content, event_type, is_dated) for content in contents)


def _subject(sent: Subject | Address | None, subject_key: str | None) -> Subject | None:
    """Return the subject of an event, an address hashed. Raises EventRefusedError where that cannot be done."""
    if not isinstance(sent, Address):
        return sent
    if subject_key is None:
        raise EventRefusedError({"subject.email": NO_KEY})
    hashed = address_hash(sent.email, subject_key)
    if hashed is None:
        raise EventRefusedError({"subject.email": NO_EMAIL})
    return Subject("email", hashed)


def _content(
    event: ToolEvent, subject: Subject | None, now: datetime
) -> OccurrenceReport | EventNote:
    if subject is not None and event.type in PERSON_EVENTS:
        return _event_note(subject, _request(event, subject, now))
    kind, occurrence = EVENT_TYPES[event.type]
    if subject is None or kind != "marketing-consent":
        return occurrence_report(event.type, event.name, event.at, subject)
    if subject.kind == "email":
        return _contact_report(subject, occurrence, event.at)
    return _event_note(subject, _choice(event, subject, occurrence, now))


def _event_note(subject: Subject, event: RecordEvent) -> EventNote:
    """Return an event with the record of its subject. An e-mail is a record by itself: a newsletter contact."""
    if subject.kind == "email":
        return EventNote("marketing-consent", number_of(str(subject)), event, subject)
    return EventNote(subject.kind, int(subject.value), event)


def _contact_report(
    subject: Subject, occurrence: Occurrence, at: datetime | None
) -> OccurrenceReport:
    """Return the report of a consent that is known by an address hash alone: of a newsletter contact."""
    number = number_of(str(subject))
    name = f"{subject.kind}:{subject.value[:HASH_DIGITS]}"
    return OccurrenceReport("marketing-consent", number, occurrence, at, name, subject)


def _choice(
    event: ToolEvent,
    subject: Subject,
    occurrence: Occurrence,
    now: datetime,
) -> RecordEvent:
    """Return the choice of a customer, or one made with an order. A person deleted from the tool's list has withdrawn.

    The tool's id is that of the consent, which may be withdrawn and given again. So the time identifies the event; for
    an event without a time, the tool's id does too.
    """
    type_: EventType = "consent-given" if occurrence == "consent-given" else "consent-withdrawn"
    at = event.at or now.replace(microsecond=0)
    parts = [event.type, str(subject), at.isoformat()]
    if event.at is None:
        parts.append(event.name)
    return RecordEvent(_identity(*parts), type_, at)


def _request(event: ToolEvent, subject: Subject, now: datetime) -> RecordEvent:
    """Return the request of a person. With the tool's id, it counts once, however often it is reported."""
    at = event.at or now.replace(microsecond=0)
    if event.name:
        event_id = ":".join(filter(None, (event.type, event.scope, event.name)))
    else:
        event_id = _identity(event.type, event.scope, str(subject), at.isoformat())
    return RecordEvent(event_id, cast("EventType", event.type), at, scope=event.scope)


def _identity(*parts: str) -> str:
    """Hash these parts. A signature or a proof among them stands for the body, of which it is a keyed hash."""
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _load(schema: Schema, raw: Mapping[str, Any]) -> Any:
    try:
        return schema.load(raw)
    except RecursionError as error:
        raise EventRefusedError({"the body": "is nested too deeply"}) from error
    except ValidationError as error:
        raise EventRefusedError(faults(error)) from error
