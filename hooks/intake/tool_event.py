"""Events from their bytes: what tools report, verified, parsed and typed, and what operators note. No IO, no clock.

The danger: an event may name a person by an e-mail, and the ledger must hold nothing that an e-mail can be tried on.

The rule: the e-mail is hashed with a key here. A body is named by its signature, or by a hash that is keyed with the
tool's token.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial
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
UNDATED = "event.undated"
"""What carries no time is dated by its arrival, so that a repeat of it must be known for ever."""

NO_KEY = "is only taken to be hashed with a key: set SUBJECT_KEY"
NOTED = "record-event"
SHOWN_OF_HASH = 16


@dataclass(frozen=True, slots=True)
class Reported:
    """One thing that an event reports: its type, and whether the event said when it happened."""

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
    """Verify, then parse what a tool reports: one delivery for each that it is about. `headers` finds names in any
    case; `now` is the time of day.

    Raises SignatureRefusedError, and EventRefusedError where a genuine event is not of the shape.
    """
    signature = headers.get("X-WC-Webhook-Signature", "")
    verify(body, signature, keys=keys)
    reported = _reported(event_object(body), subject_key, now)
    return tuple(
        Delivery(_identity("event", signature, str(place)), _topic(told), told.content)
        for place, told in enumerate(reported)
    )


def _topic(told: Reported) -> str:
    return REPORTED if told.is_dated else UNDATED


def events_of_tool(
    token: EventToken,
    body: bytes,
    *,
    subject_key: str | None,
    now: datetime,
) -> tuple[Delivery, ...]:
    """Parse what a tool reports that has shown its token: one delivery for each that it is about.

    Raises EventRefusedError where the event is not of the shape, and EventForbiddenError where the tool may not send
    it; then no part of it may be taken.
    """
    reported = _reported(event_object(body), subject_key, now)
    for told in reported:
        if told.type and not token.may_send(told.type):
            raise EventForbiddenError(f"EVENT_TOKENS does not let {token.name} send {told.type}.")
    proof = token.proof_of(body)
    names = (_identity("event", proof, str(place)) for place in range(len(reported)))
    return tuple(_of_tool(told, name, now) for told, name in zip(reported, names, strict=True))


def _of_tool(told: Reported, named: str, now: datetime) -> Delivery:
    """A delivery named by its body. What carries no time may happen again, and then has the same body: only what comes
    soon after it is a repeat (see `hooks.intake.ingest.REPORTS_APART`)."""
    if told.is_dated:
        return Delivery(named, REPORTED, told.content)
    arrived = _identity(named, now.isoformat())
    return Delivery(arrived, REPORTED, told.content, signed_identity=named)


def event_object(body: bytes) -> dict[str, Any]:
    """The object that an event's body is. Raises EventRefusedError."""
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
    """What is to be noted about a record. Where it has no id, it gets one made of what it says, so that the same one
    sent twice is one; or `fresh_id`, where it does not say when it happened, which is then `now`.

    Raises EventRefusedError.
    """
    read: dict[str, Any] = _loaded(RecordEventSchema(now, zone), raw)
    dated = read["at"] is not None
    event = RecordEvent(
        **read | {"at": read["at"] or now.replace(microsecond=0), "id": read["id"] or fresh_id}
    )
    if read["id"] or not dated:
        return event
    told = {name: value for name, value in event_dict(event).items() if name != "id"}
    return RecordEvent(
        **read | {"id": _identity(kind, str(external_id), json.dumps(told, sort_keys=True))}
    )


def event_delivery(kind: RecordKind, external_id: int, event: RecordEvent) -> Delivery:
    """What is noted, as the ledger takes it."""
    return Delivery(
        _identity(NOTED, kind, str(external_id), event.id),
        NOTED,
        EventNote(kind, external_id, event),
    )


def _reported(
    raw: Mapping[str, Any],
    subject_key: str | None,
    now: datetime,
) -> tuple[Reported, ...]:
    if is_brevo(raw):
        return _of_brevo(raw, subject_key, now)
    event: ToolEvent = _loaded(ToolEventSchema(now), raw)
    subject = _subject(event.subject, subject_key)
    return (Reported(_content(event, subject, now), event.type, is_dated=event.at is not None),)


def _of_brevo(
    raw: Mapping[str, Any], subject_key: str | None, now: datetime
) -> tuple[Reported, ...]:
    occurrence = occurrence_of(raw)
    if occurrence is None:
        return (Reported(Ignored()),)
    if subject_key is None:
        raise EventRefusedError({"email": NO_KEY})
    event: BrevoEvent = _loaded(BrevoEventSchema(now), raw)
    subjects = dict.fromkeys(email_subject(email, subject_key) for email in event.emails)
    told = partial(Reported, type=f"marketing.{occurrence}", is_dated=event.at is not None)
    return tuple(told(_of_email(subject, occurrence, event.at)) for subject in subjects)


def _subject(told: Subject | Address | None, subject_key: str | None) -> Subject | None:
    """Find the subject of an event. Raises EventRefusedError where that is an e-mail that cannot be hashed."""
    if not isinstance(told, Address):
        return told
    if subject_key is None:
        raise EventRefusedError({"subject.email": NO_KEY})
    hashed = address_hash(told.email, subject_key)
    if hashed is None:
        raise EventRefusedError({"subject.email": NO_EMAIL})
    return Subject("email", hashed)


def _content(
    event: ToolEvent, subject: Subject | None, now: datetime
) -> OccurrenceReport | EventNote:
    if subject is not None and event.type in PERSON_EVENTS:
        return _noted(subject, _request(event, subject, now))
    kind, occurrence = EVENT_TYPES[event.type]
    if subject is None or kind != "marketing-consent":
        return occurrence_report(event.type, event.name, event.at, subject)
    if subject.kind == "email":
        return _of_email(subject, occurrence, event.at)
    return _noted(subject, _choice(event, subject, occurrence, now))


def _noted(subject: Subject, event: RecordEvent) -> EventNote:
    """What is noted of a customer or an order; of an e-mail, on the record of the newsletter contact that it is."""
    if subject.kind == "email":
        return EventNote("marketing-consent", number_of(str(subject)), event, subject)
    return EventNote(subject.kind, int(subject.value), event)


def _of_email(subject: Subject, occurrence: Occurrence, at: datetime | None) -> OccurrenceReport:
    """Somebody's consent to marketing of whom nothing is known but the hash is a record by itself."""
    name = str(subject)
    shown = f"{subject.kind}:{subject.value[:SHOWN_OF_HASH]}"
    return OccurrenceReport("marketing-consent", number_of(name), occurrence, at, shown, subject)


def _choice(
    event: ToolEvent,
    subject: Subject,
    occurrence: Occurrence,
    now: datetime,
) -> RecordEvent:
    """A consent of a customer, or one given with an order. Who is deleted from the tool's list is on it no more.

    The tool's id is that of the consent, which may be withdrawn and given again: times tell two events apart.
    """
    type_: EventType = "consent-given" if occurrence == "consent-given" else "consent-withdrawn"
    at = event.at or now.replace(microsecond=0)
    named = () if event.at else (event.name,)
    return RecordEvent(_identity(event.type, str(subject), at.isoformat(), *named), type_, at)


def _request(event: ToolEvent, subject: Subject, now: datetime) -> RecordEvent:
    """What a person asks for. The tool's id is that of the request, which is one however often it is reported."""
    at = event.at or now.replace(microsecond=0)
    told = _identity(event.type, event.scope, str(subject), at.isoformat())
    named = ":".join(filter(None, (event.type, event.scope, event.name)))
    type_ = cast("EventType", event.type)
    return RecordEvent(named if event.name else told, type_, at, scope=event.scope)


def _identity(*parts: str) -> str:
    """A name for what these say. A signature or a proof in it stands for the body, of which it is a keyed hash: one
    without a key could be tried e-mails on."""
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _loaded(schema: Schema, raw: Mapping[str, Any]) -> Any:
    try:
        return schema.load(raw)
    except RecursionError as error:
        raise EventRefusedError({"the body": "is nested too deeply"}) from error
    except ValidationError as error:
        raise EventRefusedError(faults(error)) from error
