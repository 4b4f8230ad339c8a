"""One webhook delivery, from its bytes: verified, parsed, typed. No IO, no clock."""

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
"""The most that a ping has."""

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
"""The topics that this service lives on; the policy file names more actions."""


def all_topics(policy: Policy) -> tuple[str, ...]:
    """Every topic of which deliveries are taken."""
    return TOPICS + tuple(f"action.{name}" for name in policy.actions)


@dataclass(frozen=True, slots=True)
class Hint:
    """Something happened to a record, but the delivery does not show what it is now: the store must be asked.

    It carries no time, so nothing may be closed on its word alone.
    """

    kind: RecordKind
    external_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class OccurrenceReport:
    """Something that another tool, or a custom action of the store, reports of a request or a consent.

    `at` is None where it carries no time. `name` is the tool's own id of it.
    """

    kind: RecordKind
    external_id: int
    occurrence: Occurrence
    at: datetime | None = None
    name: str = ""
    subject: Subject | None = None


@dataclass(frozen=True, slots=True)
class EventNote:
    """Something that was asked for or decided about a record. `subject`: whom it is about, where that is an e-mail."""

    kind: RecordKind
    external_id: int
    event: RecordEvent
    subject: Subject | None = None


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A signed body that cannot be taken for what its topic says; the record's id where that much is known."""

    reason: str
    detail: str
    kind: RecordKind | None = None
    external_id: int | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A topic that is none of ours."""


Content = Snapshot | Hint | OccurrenceReport | EventNote | Quarantine | Ignored


def is_ping(body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether this is what a webhook sends when it is made or moved: a form, unsigned, `webhook_id=N`."""
    return "X-WC-Webhook-Signature" not in headers and _PING.fullmatch(body) is not None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A genuine delivery. `identity` names it among all others of its store, `topic` is one of ours or 'other'.

    `signed_identity` names only what is signed, and the topic. It is empty but for a report without a time, whose
    date is that of its arrival: a copy with another id, which nobody signs, would move that date.
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
        """Verify, then parse. `headers` finds names in any case. With a `subject_key` addresses are hashed, in memory.

        Raises SignatureRefusedError; whatever else is wrong with a genuine delivery is its `content`.
        """
        signature = headers.get("X-WC-Webhook-Signature")
        verify(body, signature, keys=keys)
        topic = headers.get("X-WC-Webhook-Topic", "")
        known = topic if topic in all_topics(policy) else "other"
        try:
            content = _content(known, body, policy, subject_key)
        except QuarantinedError as error:
            kind = topic.split(".")[0]
            about = (kind, error.external_id) if kind in STORED_KINDS else (None, None)
            content = Quarantine(error.reason, error.detail, *about)
        undated = isinstance(content, OccurrenceReport) and content.at is None
        signed = _identity(headers, topic, "X-WC-Webhook-Signature") if undated else ""
        return cls(_identity(headers, topic, *_NAMING), known, content, signed)


_NAMING = ("X-WC-Webhook-ID", "X-WC-Webhook-Delivery-ID", "X-WC-Webhook-Signature")
"""The delivery as a whole: its id alone is a hash of the webhook and the second, which many share."""


def _identity(headers: Mapping[str, str], topic: str, *named: str) -> str:
    """A name for what these headers say. The signature stands for the body: it is a keyed hash of it."""
    parts = [topic, *(headers.get(name, "") for name in named)]
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _content(topic: str, body: bytes, policy: Policy, subject_key: str | None) -> Content:
    if topic == "other":
        return Ignored()
    raw = json_object(body)
    resource, event = topic.split(".", 1)
    if resource == "action":
        if event == _DELETE_ORDER:
            return Hint("order", _loaded(RecordActionSchema(), raw)["arg"], "deleted")
        argument: Argument = _loaded(EventActionSchema(), raw)["arg"]
        return occurrence_report(
            policy.actions[event].event, argument.name, argument.at, argument.subject
        )
    kind: RecordKind = "order" if resource == "order" else "customer"
    _refuse_another_version(kind, raw)
    if event == "deleted":
        return Hint(kind, _loaded(DeletedSchema(), raw)["id"], "deleted")
    return snapshot_of(kind, raw, policy, subject_key)


def _refuse_another_version(kind: RecordKind, raw: dict[str, Any]) -> None:
    """Raises QuarantinedError, with the record's id as far as that is known."""
    is_another, external_id = id_in_another_version(kind, raw)
    if is_another:
        raise QuarantinedError(
            "wrong-version", "the body is of another API version than v3", external_id
        )


def occurrence_report(
    event_type: str, name: str, at: datetime | None, subject: Subject | None
) -> OccurrenceReport:
    """What is reported of the request or consent `name`; it keeps its name where that is not simply its number."""
    kind, occurrence = EVENT_TYPES[event_type]
    number = number_of(name)
    return OccurrenceReport(
        kind, number, occurrence, at, "" if name.lstrip("0") == str(number) else name, subject
    )


def snapshot_of(
    kind: RecordKind, raw: dict[str, Any], policy: Policy, subject_key: str | None = None
) -> Snapshot:
    """A record as a delivery or a read shows it; with a `subject_key`, with the keyed hashes of its addresses.

    Raises QuarantinedError where it is not of the shape.
    """
    if "id" not in raw and "code" in raw:
        raise _rest_error(raw)
    snapshot: Snapshot = _loaded(_schema(kind, policy.meta), raw)
    return _with_addresses(snapshot, raw, subject_key) if subject_key else snapshot


def _with_addresses(snapshot: Snapshot, raw: Mapping[str, Any], key: str) -> Snapshot:
    """Add the keyed hash of an order's billing address, or of an account's own address and of that for its bills."""
    billing, facts = raw.get("billing"), snapshot.facts
    billed = address_hash(billing.get("email"), key) if isinstance(billing, dict) else None
    if not isinstance(facts, CustomerFacts):
        return replace(snapshot, facts=replace(facts, email_hash=billed or ""))
    if facts.staff:
        return snapshot
    own = address_hash(raw.get("email"), key)
    hashes = tuple(dict.fromkeys(one for one in (own, billed) if one))
    return replace(snapshot, facts=replace(facts, email_hashes=hashes))


@lru_cache(maxsize=8)
def _schema(kind: RecordKind, vocabulary: MetaVocabulary) -> Schema:
    """Made once for each policy: to make one takes longer than to load an order with it."""
    return OrderSchema(vocabulary) if kind == "order" else CustomerSchema(vocabulary)


def _rest_error(raw: dict[str, Any]) -> QuarantinedError:
    """The store could not show the record to the webhook's owner: it is gone (404) or he lost rights (403)."""
    error = _loaded(RestErrorSchema(), raw)
    status = error["error"]["status"]
    code = error["code"] if error["code"] in KNOWN_REST_ERRORS else "another code"
    reason = "owner-lost-rights" if status in (401, 403) else "rest-error"
    return QuarantinedError(
        reason, f"the store sent an error in place of the record: {code}, status {status}"
    )


def json_object(body: bytes) -> dict[str, Any]:
    """The object that a body is. Raises QuarantinedError."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise QuarantinedError("not-json", "the body is not JSON") from error
    if not isinstance(raw, dict):
        raise QuarantinedError("not-an-object", "the body is JSON, but not an object")
    return raw


def _loaded(schema: Schema, raw: dict[str, Any]) -> Any:
    try:
        return schema.load(raw)
    except RecursionError as error:
        raise QuarantinedError(
            "not-of-the-shape", "wrong or missing: the body", record_id(raw.get("id"))
        ) from error
    except ValidationError as error:
        wrong = ", ".join(sorted(str(name) for name in error.messages if name in schema.fields))
        known = record_id(raw.get("id"))
        raise QuarantinedError(
            "not-of-the-shape", f"wrong or missing: {wrong or 'the body'}", known
        ) from error
