"""Deliveries that carry no record: `{"id": N}`, an action with its argument, a REST error in a record's place."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields, validate

from schemas.wire import RecordId

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
