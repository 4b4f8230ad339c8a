"""The recipients of data, and the payment and shipping methods that lead to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from hooks.retention.policy import NoRecipient, Recipient
from schemas.policy.fields import COUNTRY, ID, StringSetField, TupleField
from schemas.policy.published import PublishedSchema

CORE_METHODS = frozenset(
    {"bacs", "cheque", "cod", "flat_rate", "free_shipping", "local_pickup", "pickup_location"}
)
"""The ids of the payment and shipping methods that are part of WooCommerce itself."""


class RecipientSchema(PublishedSchema):
    """A company or authority that gets data, with the conditions on which it gets them."""

    id = fields.String(required=True, validate=ID)
    name = fields.String(required=True)
    group = fields.String(required=True)
    role = fields.String(
        load_default="processor", validate=validate.OneOf(["processor", "controller"])
    )
    data = StringSetField(required=True)
    always = fields.Boolean()
    payment = TupleField(fields.String())
    shipping = TupleField(fields.String())
    holding = StringSetField()
    country = fields.String(validate=COUNTRY)
    outside = fields.Boolean()
    safeguards = TupleField(fields.String())
    certain = fields.Boolean()

    def _build(self, raw: dict[str, Any]) -> Recipient:
        return Recipient(**raw)


class NoRecipientSchema(Schema):
    """The payment and shipping methods by which no recipient gets data."""

    payment = TupleField(fields.String())
    shipping = TupleField(fields.String())

    @post_load
    def _build(self, raw: dict[str, Any], **_: object) -> NoRecipient:
        return NoRecipient(**raw)


def method_patterns(holders: Iterable[Recipient | NoRecipient]) -> frozenset[str]:
    """Return the ids and patterns of all methods whose ids are kept of an order."""
    patterns = set(CORE_METHODS)
    for holder in holders:
        patterns.update(holder.payment, holder.shipping)
    return frozenset(patterns)
