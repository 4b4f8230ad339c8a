"""Events from their bytes: what tools report, verified, parsed and typed, and what operators note. No IO, no clock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from hashlib import sha256
from typing import Any

from marshmallow import Schema, ValidationError

from hooks.delivery import Delivery, Happened, Ignored, Noted, happened, json_object
from hooks.errors import EventRefusedError, QuarantinedError
from hooks.ledger.codec import event_dict
from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import EVENT_TYPES, Occurrence, RecordKind, Subject
from hooks.retention.reports import number_of
from hooks.signature import verify
from hooks.subject import email_subject
from schemas.brevo import OCCURRENCES, BrevoEvent, BrevoEventSchema, is_brevo
from schemas.event import ToolEvent, ToolEventSchema, faults
from schemas.record_event import RecordEventSchema

REPORTED = "event"
UNDATED = "event.undated"
"""What carries no time is dated by its arrival, so that a repeat of it must be known for ever."""

NOTED = "record-event"
SHOWN_OF_HASH = 16


def events_from_http(
    headers: Mapping[str, str], body: bytes, *, keys: Iterable[bytes], subject_key: str | None, now: datetime
) -> tuple[Delivery, ...]:
    """Verify, then parse what a tool reports: one delivery for each that it is about. `headers` finds names in any
    case; `now` is the time of day.

    Raises SignatureRefusedError, and EventRefusedError where a genuine event is not of the shape.
    """
    signature = headers.get("X-WC-Webhook-Signature", "")
    verify(body, signature, keys=keys)
    contents = _contents(event_object(body), subject_key, now)
    return tuple(
        Delivery(_identity("event", signature, str(place)), _topic(content, dated=dated), content)
        for place, (content, dated) in enumerate(contents)
    )


def event_object(body: bytes) -> dict[str, Any]:
    """The object that an event's body is. Raises EventRefusedError."""
    try:
        return json_object(body)
    except QuarantinedError as error:
        raise EventRefusedError({"the body": error.detail.removeprefix("the body ")}) from error


def record_event(
    raw: Mapping[str, Any], kind: RecordKind, external_id: int, *, now: datetime, zone: tzinfo, fresh_id: str
) -> RecordEvent:
    """What is to be noted about a record. Where it has no id, it gets one made of what it says, so that the same one
    sent twice is one; or `fresh_id`, where it does not say when it happened, which is then `now`.

    Raises EventRefusedError.
    """
    read: dict[str, Any] = _loaded(RecordEventSchema(now, zone), raw)
    dated = read["at"] is not None
    event = RecordEvent(**read | {"at": read["at"] or now.replace(microsecond=0), "id": read["id"] or fresh_id})
    if read["id"] or not dated:
        return event
    told = {name: value for name, value in event_dict(event).items() if name != "id"}
    return RecordEvent(**read | {"id": _identity(kind, str(external_id), json.dumps(told, sort_keys=True))})


def noted(kind: RecordKind, external_id: int, event: RecordEvent) -> Delivery:
    """What is noted, as the ledger takes it."""
    return Delivery(_identity(NOTED, kind, str(external_id), event.id), NOTED, Noted(kind, external_id, event))


Reported = tuple[Happened | Noted | Ignored, bool]
"""A content, and whether the event said when it happened."""


def _topic(content: Happened | Noted | Ignored, *, dated: bool) -> str:
    return REPORTED if dated or isinstance(content, Ignored) else UNDATED


def _contents(raw: Mapping[str, Any], subject_key: str | None, now: datetime) -> tuple[Reported, ...]:
    if is_brevo(raw):
        return _of_brevo(raw, subject_key, now)
    event: ToolEvent = _loaded(ToolEventSchema(now), raw)
    return ((_content(event, now), event.at is not None),)


def _of_brevo(raw: Mapping[str, Any], subject_key: str | None, now: datetime) -> tuple[Reported, ...]:
    if raw["event"] not in OCCURRENCES:
        return ((Ignored(), True),)
    if subject_key is None:
        raise EventRefusedError({"email": "is only taken to be hashed with a key: set SUBJECT_KEY"})
    event: BrevoEvent = _loaded(BrevoEventSchema(now), raw)
    subjects = dict.fromkeys(email_subject(email, subject_key) for email in event.emails)
    return tuple((_of_email(subject, event.occurrence, event.at), event.at is not None) for subject in subjects)


def _content(event: ToolEvent, now: datetime) -> Happened | Noted:
    kind, occurrence = EVENT_TYPES[event.type]
    match event.subject:
        case Subject(kind="email") as subject if kind == "marketing-consent":
            return _of_email(subject, occurrence, event.at)
        case Subject(kind="customer" | "order" as about, value=value) if kind == "marketing-consent":
            return Noted(about, int(value), _choice(event, occurrence, now))
    return happened(event.type, event.name, event.at, event.subject)


def _of_email(subject: Subject, occurrence: Occurrence, at: datetime | None) -> Happened:
    """Somebody's consent to marketing of whom nothing is known but the hash is a record by itself."""
    name = str(subject)
    shown = f"{subject.kind}:{subject.value[:SHOWN_OF_HASH]}"
    return Happened("marketing-consent", number_of(name), occurrence, at, shown, subject)


def _choice(event: ToolEvent, occurrence: Occurrence, now: datetime) -> RecordEvent:
    """A consent of a customer, or one given with an order. Who is deleted from the tool's list is on it no more.

    The tool's id is that of the consent, which may be withdrawn and given again: it tells two events apart only where
    they do not say when they happened.
    """
    type_: EventType = "consent-given" if occurrence == "consent-given" else "consent-withdrawn"
    at = event.at or now.replace(microsecond=0)
    told = _identity(event.type, str(event.subject), at.isoformat())
    return RecordEvent(f"{event.type}:{event.name}" if event.name and event.at is None else told, type_, at)


def _identity(*parts: str) -> str:
    """A name for what these say. A signature in it stands for the body, of which it is a keyed hash: one without a key
    could be tried e-mails on."""
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _loaded(schema: Schema, raw: Mapping[str, Any]) -> Any:
    try:
        return schema.load(raw)
    except RecursionError as error:
        raise EventRefusedError({"the body": "is nested too deeply"}) from error
    except ValidationError as error:
        raise EventRefusedError(faults(error)) from error
