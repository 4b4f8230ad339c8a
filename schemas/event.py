"""What help desks, consent tools and newsletter tools report, in our own shape: closed words, ids and times.

Free text has no place in it: it may hold personal data. An e-mail may name whom an event is about; it is here to be
turned into a keyed hash at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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

from hooks.retention.events import PERSON_EVENTS, TOOL_EVENT_TYPES
from hooks.retention.facts import EVENT_TYPES, Subject
from schemas.wire import GmtTime, RecordId, record_id

AHEAD = timedelta(minutes=5)
"""The sender's clock may be ahead of ours by so much."""

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
    }
    | {"ts_event", "type"}
)
"""All names that an event may have; any other one is not repeated."""

MISSING: dict[str, str | list[Any] | dict[Any, Any]] = {
    "required": "is missing",
    "null": "is missing",
}
NO_EMAIL = "is not an e-mail"
FOREIGN = "is no field of such an event; free text is never taken, since it may hold personal data"
NO_TIME = "is not a time with its zone, such as 2026-11-22T10:00:00Z, nor seconds since 1970"
SCOPES = ("marketing", "all")
"""What an objection may be about; without a word it is about all."""

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_HASH = re.compile(r"[0-9a-f]{64}")


def one_of(words: object) -> dict[str, Any]:
    """The options of a field that is one of these words."""
    listed = list(map(str, words)) if isinstance(words, tuple | dict) else []
    text = f"is none of {', '.join(listed)}"
    return {
        "validate": validate.OneOf(listed, error=text),
        "error_messages": MISSING | {"invalid": text},
    }


class ZonedTime(GmtTime):
    """ISO 8601 with its zone, or a number of seconds since 1970, cut to whole seconds; null is None.

    Any other is refused: what it means is not known.
    """

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime | None:  # type: ignore[override]
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = _iso(value)
        try:
            zoned = datetime.fromisoformat(value).tzinfo is not None
        except (TypeError, ValueError):
            zoned = False
        if not zoned:
            raise ValidationError(NO_TIME)
        return super()._deserialize(value, *args, **kwargs)


def _iso(seconds: float) -> str:
    """The text of an instant. Raises ValidationError also for nought, by which tools write that there is none."""
    try:
        if seconds > 0:
            return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, OSError, ValueError) as error:
        raise ValidationError("is out of range") from error
    raise ValidationError("is out of range")


class ToolId(fields.Field[str]):
    """A tool's own id of something: 1 to 64 of A-Z, a-z, 0-9 and . _ : -, or a whole number. Never an e-mail."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        if isinstance(value, str) and _NAME.fullmatch(value):
            return value
        number = record_id(value)
        if number is None:
            raise ValidationError("is not an id of 1 to 64 of A-Z, a-z, 0-9 and . _ : -")
        return str(number)


class SubjectSchema(Schema):
    """Whom it is about: exactly one of a customer, an order, and the keyed hash of an e-mail."""

    error_messages = {"unknown": FOREIGN, "type": "is not an object"}  # noqa: RUF012 - marshmallow's own way

    customer = RecordId()
    order = RecordId()
    email_hash = fields.String(
        validate=validate.Regexp(_HASH.pattern + r"\Z", error="is not 64 hex digits in lower case"),
        error_messages={"invalid": "is not 64 hex digits in lower case"},
    )

    @validates_schema
    def _one(self, raw: Mapping[str, object], **_: object) -> None:
        if len(raw) != 1:
            names = ", ".join(sorted(self.fields))
            raise ValidationError(f"needs exactly one of {names}")

    @post_load
    def _make(self, raw: Mapping[str, Any], **_: object) -> Subject | Address | None:
        return self._subject(raw)

    def _subject(self, raw: Mapping[str, Any]) -> Subject | Address | None:
        if "email_hash" in raw:
            return Subject("email", raw["email_hash"])
        ((kind, number),) = raw.items()
        return Subject("customer" if kind == "customer" else "order", str(number))


@dataclass(frozen=True, slots=True)
class Address:
    """Whom an event is about, by an e-mail, which is never to be kept, logged or repeated."""

    email: str = field(repr=False)


class ToolSubjectSchema(SubjectSchema):
    """The same, or an e-mail. Only for who hashes it at once: actions of the store may name none.

    An empty e-mail is nobody's: help desks fill it in so where a request came without one.
    """

    email = fields.String(error_messages={"invalid": NO_EMAIL, "null": NO_EMAIL})

    def _subject(self, raw: Mapping[str, Any]) -> Subject | Address | None:
        if "email" not in raw:
            return super()._subject(raw)
        return Address(raw["email"]) if raw["email"].strip() else None


class TimedSchema(Schema):
    """What may say when it happened. `now` is the time of day, aware."""

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
    """What a tool reports. `type` is one of TOOL_EVENT_TYPES, `name` the tool's own id, `scope` that of an objection;
    `at` is None where the tool says no time."""

    type: str
    at: datetime | None
    name: str
    subject: Subject | Address | None
    scope: str


def is_of_a_person(event_type: str) -> bool:
    """Tell whether events of a type are about a person, and not about a request or a record with an id of its own."""
    return event_type in PERSON_EVENTS or EVENT_TYPES[event_type][0] == "marketing-consent"


class ToolEventSchema(TimedSchema):
    """A support request or a record of consent is told by its id; all else by whom it is about.

    That needs a time, or an id of its own: without either, a person's second withdrawal would look like the first.
    """

    type = fields.String(required=True, **one_of(TOOL_EVENT_TYPES))
    name = ToolId(data_key="id", load_default="")
    subject = fields.Nested(ToolSubjectSchema, load_default=None)
    scope = fields.String(load_default="", **one_of(SCOPES))

    @validates_schema
    def _told_apart(self, raw: Mapping[str, Any], **_: object) -> None:
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
    def _make(self, raw: dict[str, Any], **_: object) -> ToolEvent:
        return ToolEvent(**raw)


def faults(error: ValidationError) -> dict[str, str]:
    """What is wrong, by field; names that are none of ours, and all values, are left out."""
    return dict(_faults(error.messages_dict, ""))


def _faults(messages: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for name, wrong in messages.items():
        shown = name if name in FIELDS else "another field"
        path = above or "the event" if name == "_schema" else f"{above}.{shown}" if above else shown
        if isinstance(wrong, Mapping):
            yield from _faults(wrong, path)
        else:
            yield path, str(next(iter(wrong)))
