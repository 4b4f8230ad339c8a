"""Tool events: reports of help desks, consent tools and newsletter tools, in our own shape.

An event holds only words of closed lists, ids and times. Free text is refused, because it may hold personal data. An
e-mail address may name the person; the caller must turn it into a keyed hash at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import (
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates,
    validates_schema,
)

from hooks.retention.events import PERSON_EVENTS, SCOPES, TOOL_EVENT_TYPES
from hooks.retention.facts import EVENT_TYPES, Subject
from schemas.wire import GmtTime, RecordId, record_id

AHEAD = timedelta(minutes=5)
"""The most by which the sender's clock may be ahead of ours."""

FIELDS = frozenset(
    {
        "about",
        "at",
        "customer",
        "email",
        "email_hash",
        "event",
        "id",
        "order",
        "owner",
        "reason",
        "review_on",
        "scope",
        "subject",
        "ts_event",
        "type",
    }
)
"""All names that an event may have. An error message repeats no other name."""

MISSING: dict[str, str | list[Any] | dict[Any, Any]] = {
    "required": "is missing",
    "null": "is missing",
}
NO_EMAIL = "is not an e-mail"
FOREIGN = "is no field of such an event; free text is never taken, since it may hold personal data"
NO_TIME = "is not a time with its zone, such as 2026-11-22T10:00:00Z, nor seconds since 1970"
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_HASH = re.compile(r"[0-9a-f]{64}")


def one_of(words: Iterable[str]) -> dict[str, Any]:
    """Return the options of a field that takes one of these words."""
    choices = tuple(words)
    text = f"is none of {', '.join(choices)}"
    return {
        "validate": validate.OneOf(choices, error=text),
        "error_messages": MISSING | {"invalid": text},
    }


class ZonedTime(GmtTime):
    """An ISO 8601 time with its zone, or a number of seconds since 1970, cut to whole seconds; null is None.

    A time without a zone is refused: its meaning is not known.
    """

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime | None:  # type: ignore[override]
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = _iso(value)
        if not _has_zone(value):
            raise ValidationError(NO_TIME)
        return super()._deserialize(value, *args, **kwargs)


def _has_zone(text: Any) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _iso(seconds: float) -> str:
    """Write an instant as ISO 8601. Raise ValidationError if it is out of range, or 0: tools write 0 for "no time"."""
    try:
        if seconds > 0:
            return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, OSError, ValueError) as error:
        raise ValidationError("is out of range") from error
    raise ValidationError("is out of range")


class ToolId(fields.Field[str]):
    """A tool's own id: 1 to 64 of A-Z, a-z, 0-9 and . _ : -, or a whole number. An e-mail address does not match."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        if isinstance(value, str) and _NAME.fullmatch(value):
            return value
        number = record_id(value)
        if number is None:
            raise ValidationError("is not an id of 1 to 64 of A-Z, a-z, 0-9 and . _ : -")
        return str(number)


class SubjectSchema(Schema):
    """The subject of an event: exactly one of a customer, an order, and the keyed hash of an e-mail address."""

    error_messages = {"unknown": FOREIGN, "type": "is not an object"}  # noqa: RUF012 - marshmallow's own way

    customer = RecordId()
    order = RecordId()
    email_hash = fields.String(
        validate=validate.Regexp(_HASH.pattern + r"\Z", error="is not 64 hex digits in lower case"),
        error_messages={"invalid": "is not 64 hex digits in lower case"},
    )

    @validates_schema
    def _is_single(self, raw: Mapping[str, object], **_: object) -> None:
        if len(raw) != 1:
            names = ", ".join(sorted(self.fields))
            raise ValidationError(f"needs exactly one of {names}")

    @post_load
    def _build(self, raw: Mapping[str, Any], **_: object) -> Subject | Address | None:
        return self._subject(raw)

    def _subject(self, raw: Mapping[str, Any]) -> Subject | Address | None:
        if "email_hash" in raw:
            return Subject("email", raw["email_hash"])
        if "customer" in raw:
            return Subject("customer", str(raw["customer"]))
        return Subject("order", str(raw["order"]))


@dataclass(frozen=True, slots=True)
class Address:
    """The subject of an event, named by an e-mail address, which must never be kept, logged or repeated."""

    email: str = field(repr=False)


class ToolSubjectSchema(SubjectSchema):
    """The same, or an e-mail address. Use it only if the caller hashes the address at once.

    Actions of the store may name no address. An empty one is no subject: help desks send it for a request without an
    address.
    """

    email = fields.String(error_messages={"invalid": NO_EMAIL, "null": NO_EMAIL})

    def _subject(self, raw: Mapping[str, Any]) -> Subject | Address | None:
        if "email" not in raw:
            return super()._subject(raw)
        if not raw["email"].strip():
            return None
        return Address(raw["email"])


class TimedSchema(Schema):
    """An event that may have a time. `now` is the current time, aware."""

    error_messages = {"unknown": FOREIGN}  # noqa: RUF012 - marshmallow's own way

    at = ZonedTime(load_default=None)

    def __init__(self, now: datetime) -> None:
        self.now = now
        super().__init__()

    @validates("at")
    def _has_happened(self, at: datetime | None, **_: object) -> None:
        if at and at > self.now + AHEAD:
            raise ValidationError("is in the future")


@dataclass(frozen=True, slots=True)
class ToolEvent:
    """An event that a tool reports.

    `type` is one of TOOL_EVENT_TYPES, `name` the tool's own id, `scope` the scope of an objection. `at` is None if the
    tool sends no time.
    """

    type: str
    at: datetime | None
    name: str
    subject: Subject | Address | None
    scope: str


def is_of_a_person(event_type: str) -> bool:
    """Tell whether events of a type are about a person. Others are about a request or a record with its own id."""
    return event_type in PERSON_EVENTS or EVENT_TYPES[event_type][0] == "marketing-consent"


class ToolEventSchema(TimedSchema):
    """An event that a tool reports.

    An event about a support request or a record of consent needs the id of that. An event about a person needs a
    subject, and a time or an id: without both, a second withdrawal of the person would look like the first one.
    """

    type = fields.String(required=True, **one_of(TOOL_EVENT_TYPES))
    name = ToolId(data_key="id", load_default="")
    subject = fields.Nested(ToolSubjectSchema, load_default=None)
    scope = fields.String(load_default="", **one_of(SCOPES))

    @validates_schema
    def _is_identified(self, raw: Mapping[str, Any], **_: object) -> None:
        if raw["scope"] and raw["type"] != "objection":
            raise ValidationError("belongs to an objection only", "scope")
        if not is_of_a_person(raw["type"]):
            if not raw["name"]:
                raise ValidationError("is missing", "id")
            return
        if raw["subject"] is None:
            raise ValidationError("is missing", "subject")
        if raw["at"] is None and not raw["name"]:
            raise ValidationError(
                "is missing, and so is an id by which a repeat could be told", "at"
            )

    @post_load
    def _build(self, raw: dict[str, Any], **_: object) -> ToolEvent:
        return ToolEvent(**raw)


def faults(error: ValidationError) -> dict[str, str]:
    """Return the first fault of each field. Names that are not in FIELDS, and all values, are left out."""
    return dict(_faults(error.messages_dict, ""))


def _faults(messages: Mapping[str, Any], parent: str) -> Iterator[tuple[str, str]]:
    for name, below in messages.items():
        path = _path(parent, name)
        if isinstance(below, Mapping):
            yield from _faults(below, path)
        else:
            yield path, str(next(iter(below)))


def _path(parent: str, name: str) -> str:
    if name == "_schema":
        return parent or "the event"
    safe_name = name if name in FIELDS else "another field"
    return f"{parent}.{safe_name}" if parent else safe_name
