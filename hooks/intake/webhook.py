"""A webhook delivery, from its bytes to a value: verified, parsed, typed. No IO, no clock.

A genuine delivery never fails here. Where its body cannot be read, its content is a `Quarantine`, since WooCommerce
disables a webhook whose deliveries are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Self

from marshmallow import Schema, ValidationError

from hooks.errors import QuarantinedError
from hooks.intake.email_hash import address_hash
from hooks.intake.signature import verify
from hooks.retention.events import RecordEvent
from hooks.retention.facts import (
    EVENT_TYPES,
    STORED_KINDS,
    CustomerFacts,
    Occurrence,
    RecordKind,
    Snapshot,
    Subject,
)
from hooks.retention.policy import MetaVocabulary, Policy
from hooks.retention.tool_reports import number_of
from schemas.customer import CustomerSchema
from schemas.notice import (
    KNOWN_REST_ERRORS,
    Argument,
    DeletedSchema,
    EventActionSchema,
    RecordActionSchema,
    RestErrorSchema,
    id_in_another_version,
)
from schemas.order import OrderSchema
from schemas.wire import record_id

_PING = re.compile(rb"webhook_id=\d{1,20}")
PING_BYTES = len("webhook_id=") + 20
"""The size of the longest ping."""

_DELETE_ORDER = "woocommerce_delete_order"

TOPICS = (
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    f"action.{_DELETE_ORDER}",
)
"""The topics that every store sends. A policy may name more actions."""


def all_topics(policy: Policy) -> tuple[str, ...]:
    """Return all topics whose deliveries this service reads."""
    return TOPICS + tuple(f"action.{name}" for name in policy.actions)


@dataclass(frozen=True, slots=True)
class Hint:
    """A change of a record that the delivery does not show, so that the store must be asked.

    A hint has no time, so it alone never closes a record.
    """

    kind: RecordKind
    external_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class OccurrenceReport:
    """A report about a support request or a consent, by another tool or by a custom action of the store.

    `at`: None where the report has no time. `name`: the tool's own id of the request or consent; empty where
    `external_id` says the same.
    """

    kind: RecordKind
    external_id: int
    occurrence: Occurrence
    at: datetime | None = None
    name: str = ""
    subject: Subject | None = None


@dataclass(frozen=True, slots=True)
class EventNote:
    """A record event, and the record that it is about. `subject`: the person, where an e-mail names them."""

    kind: RecordKind
    external_id: int
    event: RecordEvent
    subject: Subject | None = None


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A signed body that does not fit its topic: the cause, and the record as far as it is known."""

    reason: str
    detail: str
    kind: RecordKind | None = None
    external_id: int | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A delivery that this service does not use, such as one of another topic."""


Content = Snapshot | Hint | OccurrenceReport | EventNote | Quarantine | Ignored


def is_ping(body: bytes, headers: Mapping[str, str]) -> bool:
    """Tell whether this is a ping: an unsigned form `webhook_id=N`, sent when a webhook is created or moved."""
    return "X-WC-Webhook-Signature" not in headers and _PING.fullmatch(body) is not None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A genuine delivery.

    `identity`: unique among the deliveries of its store.
    `topic`: one of `all_topics`, or 'other'.
    `signed_identity`: like `identity`, but of the signed parts and the topic only. Empty, except for a report without
    a time. Such a report gets the time of its arrival, and the delivery's id is not signed: a copy with another id
    would move that time.
    """

    identity: str
    topic: str
    content: Content
    signed_identity: str = ""

    @classmethod
    def from_http(
        cls,
        headers: Mapping[str, str],
        body: bytes,
        *,
        keys: Iterable[bytes],
        policy: Policy,
        subject_key: str | None = None,
    ) -> Self:
        """Verify a request, then parse it. `headers` must find names in any case.

        With a `subject_key`, addresses are hashed in memory; without one, they are dropped.
        Raises SignatureRefusedError. Any other fault of a genuine delivery becomes its `content`.
        """
        verify(body, headers.get("X-WC-Webhook-Signature"), keys=keys)
        sent_topic = headers.get("X-WC-Webhook-Topic", "")
        topic = sent_topic if sent_topic in all_topics(policy) else "other"
        try:
            content = _content(topic, body, policy, subject_key)
        except QuarantinedError as error:
            content = _quarantine(sent_topic, error)
        signed_identity = ""
        if isinstance(content, OccurrenceReport) and content.at is None:
            signed_identity = _identity(headers, sent_topic, "X-WC-Webhook-Signature")
        return cls(_identity(headers, sent_topic, *_ID_HEADERS), topic, content, signed_identity)


_ID_HEADERS = ("X-WC-Webhook-ID", "X-WC-Webhook-Delivery-ID", "X-WC-Webhook-Signature")
"""The headers that identify a delivery. WooCommerce hashes the webhook and the second for the delivery's id, so that
many deliveries share one id."""


def _quarantine(topic: str, error: QuarantinedError) -> Quarantine:
    """Return the content of a delivery that cannot be read. The record counts only where the topic names its kind."""
    kind = topic.split(".", maxsplit=1)[0]
    if kind in STORED_KINDS:
        return Quarantine(error.reason, error.detail, kind, error.external_id)
    return Quarantine(error.reason, error.detail)


def _identity(headers: Mapping[str, str], topic: str, *names: str) -> str:
    """Hash the topic and these headers. The signature stands for the body, of which it is a keyed hash."""
    parts = [topic]
    parts += [headers.get(name, "") for name in names]
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _content(topic: str, body: bytes, policy: Policy, subject_key: str | None) -> Content:
    if topic == "other":
        return Ignored()
    raw = json_object(body)
    resource, event = topic.split(".", 1)
    if resource == "action":
        if event == _DELETE_ORDER:
            return Hint("order", _load(RecordActionSchema(), raw)["arg"], "deleted")
        argument: Argument = _load(EventActionSchema(), raw)["arg"]
        return occurrence_report(
            policy.actions[event].event, argument.name, argument.at, argument.subject
        )
    kind: RecordKind = "order" if resource == "order" else "customer"
    _refuse_another_version(kind, raw)
    if event == "deleted":
        return Hint(kind, _load(DeletedSchema(), raw)["id"], "deleted")
    return snapshot_of(kind, raw, policy, subject_key)


def _refuse_another_version(kind: RecordKind, raw: dict[str, Any]) -> None:
    """Raise QuarantinedError for a body of another API version, with the record's id as far as it is known."""
    is_another, external_id = id_in_another_version(kind, raw)
    if is_another:
        raise QuarantinedError(
            "wrong-version", "the body is of another API version than v3", external_id
        )


def occurrence_report(
    event_type: str, name: str, at: datetime | None, subject: Subject | None
) -> OccurrenceReport:
    """Return the report of an event about the request or consent with the id `name`.

    The record's number is made of `name`. The name is kept where it is not just that number.
    """
    kind, occurrence = EVENT_TYPES[event_type]
    number = number_of(name)
    kept_name = "" if name.lstrip("0") == str(number) else name
    return OccurrenceReport(kind, number, occurrence, at, kept_name, subject)


def snapshot_of(
    kind: RecordKind, raw: dict[str, Any], policy: Policy, subject_key: str | None = None
) -> Snapshot:
    """Parse a record, as a delivery or the store's REST API shows it.

    With a `subject_key`, its facts have the hashes of its addresses. Raises QuarantinedError where it has another
    shape.
    """
    if "id" not in raw and "code" in raw:
        raise _rest_error(raw)
    snapshot: Snapshot = _load(_schema(kind, policy.meta), raw)
    if not subject_key:
        return snapshot
    return _with_addresses(snapshot, raw, subject_key)


def _with_addresses(snapshot: Snapshot, raw: Mapping[str, Any], key: str) -> Snapshot:
    """Add the hash of an order's billing address, or those of an account: its own address first, then for its bills.

    Members of staff get none.
    """
    facts = snapshot.facts
    billing = raw.get("billing")
    billing_hash = None
    if isinstance(billing, dict):
        billing_hash = address_hash(billing.get("email"), key)
    if not isinstance(facts, CustomerFacts):
        return replace(snapshot, facts=replace(facts, email_hash=billing_hash or ""))
    if facts.staff:
        return snapshot
    hashes = filter(None, (address_hash(raw.get("email"), key), billing_hash))
    return replace(snapshot, facts=replace(facts, email_hashes=tuple(dict.fromkeys(hashes))))


@lru_cache(maxsize=8)
def _schema(kind: RecordKind, vocabulary: MetaVocabulary) -> Schema:
    """Return the schema of a kind. Cached, since creating a schema takes longer than loading an order with it."""
    return OrderSchema(vocabulary) if kind == "order" else CustomerSchema(vocabulary)


def _rest_error(raw: dict[str, Any]) -> QuarantinedError:
    """Return the error for a body in which the store could not show the record to the webhook's owner.

    The record is gone (404), or the owner has lost their rights (401, 403).
    """
    error = _load(RestErrorSchema(), raw)
    status = error["error"]["status"]
    code = error["code"] if error["code"] in KNOWN_REST_ERRORS else "another code"
    reason = "owner-lost-rights" if status in (401, 403) else "rest-error"
    return QuarantinedError(
        reason, f"the store sent an error in place of the record: {code}, status {status}"
    )


def json_object(body: bytes) -> dict[str, Any]:
    """Parse a body that must be a JSON object. Raises QuarantinedError."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise QuarantinedError("not-json", "the body is not JSON") from error
    if not isinstance(raw, dict):
        raise QuarantinedError("not-an-object", "the body is JSON, but not an object")
    return raw


def _load(schema: Schema, raw: dict[str, Any]) -> Any:
    try:
        return schema.load(raw)
    except RecursionError as error:
        raise QuarantinedError(
            "not-of-the-shape", "wrong or missing: the body", record_id(raw.get("id"))
        ) from error
    except ValidationError as error:
        # Only names of the schema: any other name may be personal data.
        names = sorted(str(name) for name in error.messages if name in schema.fields)
        fields = ", ".join(names) or "the body"
        raise QuarantinedError(
            "not-of-the-shape", f"wrong or missing: {fields}", record_id(raw.get("id"))
        ) from error
