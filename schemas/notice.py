"""Deliveries that carry no record: `{"id": N}`, an action with its argument, a REST error in a record's place."""

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
"""Codes that are kept as they come; any other is kept as 'another code'."""


def id_in_another_version(kind: str, raw: Mapping[str, Any]) -> tuple[bool, int | None]:
    """Recognise the body of a webhook of v1 or of the legacy API, and find the record's id in it.

    v1 has the shop's own times alone, without `*_gmt`: it must not be taken for a record that has no times. The legacy
    API wraps the record, and sends errors under a name of their own.
    """
    if "id" in raw:
        is_v1 = (
            "date_created" in raw
            and "date_created_gmt" not in raw
            and "date_modified_gmt" not in raw
        )
        return is_v1, record_id(raw["id"]) if is_v1 else None
    wrapped = raw.get(kind)
    if isinstance(wrapped, Mapping):
        return True, record_id(wrapped.get("id"))
    return "errors" in raw and "code" not in raw, None


class DeletedSchema(Schema):
    """`order.deleted` (which means trashed) and `customer.deleted`."""

    class Meta:
        unknown = EXCLUDE

    id = RecordId(required=True)


class ActionSchema(Schema):
    """`action.*`: WordPress' first argument to the action is the id."""

    class Meta:
        unknown = EXCLUDE

    arg = RecordId(required=True)


@dataclass(frozen=True, slots=True)
class Argument:
    """What a custom action says it is about: a request or a consent by its id, and perhaps since when and of whom."""

    name: str
    at: datetime | None = None
    subject: Subject | None = None


class ArgumentSchema(Schema):
    """The argument of a custom action where it is an object; what else is in it is dropped unread."""

    class Meta:
        unknown = EXCLUDE

    name = ToolId(data_key="id", required=True)
    at = ZonedTime(load_default=None)
    subject = fields.Nested(SubjectSchema, load_default=None)
    customer_id = RecordId(load_default=None)
    order_id = RecordId(load_default=None)

    @validates_schema
    def _one_subject(self, raw: Mapping[str, Any], **_: object) -> None:
        if sum(raw[name] is not None for name in ("subject", "customer_id", "order_id")) > 1:
            raise ValidationError("is about one subject at most", "subject")

    @post_load
    def _make(self, raw: Mapping[str, Any], **_: object) -> Argument:
        subject = raw["subject"]
        if raw["customer_id"]:
            subject = Subject("customer", str(raw["customer_id"]))
        if raw["order_id"]:
            subject = Subject("order", str(raw["order_id"]))
        return Argument(raw["name"], raw["at"], subject)


class ArgumentField(fields.Field[Argument]):
    """An id, or a small object that has one."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Argument:
        if isinstance(value, Mapping):
            argument: Argument = ArgumentSchema().load(value)
            return argument
        number = record_id(value)
        if number is None:
            raise ValidationError("is not an id")
        return Argument(str(number))


class ReportSchema(Schema):
    """`action.*` of an action that the policy file names."""

    class Meta:
        unknown = EXCLUDE

    arg = ArgumentField(required=True)


class RestErrorDataSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    status = fields.Integer(load_default=0, validate=validate.Range(min=100, max=599))


class RestErrorSchema(Schema):
    """A REST error, signed and sent in a record's place."""

    class Meta:
        unknown = EXCLUDE

    code = fields.String(required=True)
    error = fields.Nested(RestErrorDataSchema, data_key="data", load_default=lambda: {"status": 0})
