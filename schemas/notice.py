"""Deliveries without a record: `{"id": N}`, an action with its argument, a REST error in place of a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import (
    EXCLUDE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from hooks.retention.facts import Subject
from schemas.event import SubjectSchema, ToolId, ZonedTime
from schemas.wire import RecordId, record_id

KNOWN_REST_ERRORS = frozenset(
    {
        "woocommerce_rest_cannot_view",
        "woocommerce_rest_shop_order_invalid_id",
        "woocommerce_rest_invalid_id",
        "woocommerce_rest_authentication_error",
        "wc_user_invalid_id",
        "rest_no_route",
    }
)
"""Error codes that are stored as they come. Any other code is stored as 'another code'."""


def id_in_another_version(kind: str, raw: Mapping[str, Any]) -> tuple[bool, int | None]:
    """Tell whether a body is of REST API v1 or of the legacy API, and return the record's id in it.

    v1 sends only local times, without `*_gmt`. Such a body must not be read as a record without times. The legacy API
    wraps the record, and sends errors under the name `errors`.
    """
    if "id" in raw:
        if _has_only_local_times(raw):
            return True, record_id(raw["id"])
        return False, None
    wrapped = raw.get(kind)
    if isinstance(wrapped, Mapping):
        return True, record_id(wrapped.get("id"))
    return "errors" in raw and "code" not in raw, None


def _has_only_local_times(raw: Mapping[str, Any]) -> bool:
    has_gmt = "date_created_gmt" in raw or "date_modified_gmt" in raw
    return "date_created" in raw and not has_gmt


class DeletedSchema(Schema):
    """The bodies of `order.deleted` (which means trashed) and `customer.deleted`."""

    class Meta:
        unknown = EXCLUDE

    id = RecordId(required=True)


class RecordActionSchema(Schema):
    """The body of an `action.*` delivery about a record. `arg`, the first argument of the action, is its id."""

    class Meta:
        unknown = EXCLUDE

    arg = RecordId(required=True)


@dataclass(frozen=True, slots=True)
class Argument:
    """The argument of a custom action: the id (`name`) of a request or consent, and its time and subject if given."""

    name: str
    at: datetime | None = None
    subject: Subject | None = None


class ArgumentSchema(Schema):
    """The argument of a custom action, as an object. Other fields in it are dropped unread."""

    class Meta:
        unknown = EXCLUDE

    name = ToolId(data_key="id", required=True)
    at = ZonedTime(load_default=None)
    subject = fields.Nested(SubjectSchema, load_default=None)
    customer_id = RecordId(load_default=None)
    order_id = RecordId(load_default=None)

    @validates_schema
    def _has_single_subject(self, raw: Mapping[str, Any], **_: object) -> None:
        subjects = (raw["subject"], raw["customer_id"], raw["order_id"])
        if subjects.count(None) < len(subjects) - 1:
            raise ValidationError("is about one subject at most", "subject")

    @post_load
    def _build(self, raw: Mapping[str, Any], **_: object) -> Argument:
        subject = raw["subject"]
        if raw["customer_id"]:
            subject = Subject("customer", str(raw["customer_id"]))
        if raw["order_id"]:
            subject = Subject("order", str(raw["order_id"]))
        return Argument(raw["name"], raw["at"], subject)


class ArgumentField(fields.Field[Argument]):
    """An id, or an object that has one (ArgumentSchema)."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Argument:
        if isinstance(value, Mapping):
            argument: Argument = ArgumentSchema().load(value)
            return argument
        number = record_id(value)
        if number is None:
            raise ValidationError("is not an id")
        return Argument(str(number))


class EventActionSchema(Schema):
    """The body of an `action.*` delivery of a custom action. The policy file says which event the action means."""

    class Meta:
        unknown = EXCLUDE

    arg = ArgumentField(required=True)


class RestErrorDataSchema(Schema):
    """The `data` of a REST error; `status` is an HTTP status."""

    class Meta:
        unknown = EXCLUDE

    status = fields.Integer(load_default=0, validate=validate.Range(min=100, max=599))


class RestErrorSchema(Schema):
    """A REST error that the store signed and sent in place of a record."""

    class Meta:
        unknown = EXCLUDE

    code = fields.String(required=True)
    error = fields.Nested(RestErrorDataSchema, data_key="data", load_default=lambda: {"status": 0})
