"""The meta keys in which the store keeps newsletter choices and order attribution, and the actions that it reports."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from hooks.retention.facts import EVENT_TYPES
from hooks.retention.policy import Action
from schemas.policy.fields import StringSetField, TupleField

MAX_ACTION = 57
"""The maximum length of an action's name. `action.` and the name are the cause of a line of the history."""


class NewsletterSchema(Schema):
    """The meta keys of the newsletter choice, and the values that mean yes and no."""

    meta_keys = StringSetField(required=True)
    given = StringSetField(required=True)
    withdrawn = StringSetField(required=True)


class ConsentSchema(Schema):
    """The meta keys that the store's records are read with."""

    newsletter = fields.Nested(NewsletterSchema, required=True)
    attribution_prefixes = TupleField(fields.String(), required=True)


class ActionSchema(Schema):
    """A custom action of the store, and the event that it reports."""

    name = fields.String(
        required=True,
        validate=[
            validate.Regexp(r"^(wc|woocommerce)_[a-z0-9_]+$"),
            validate.Length(max=MAX_ACTION),
        ],
    )
    event = fields.String(required=True, validate=validate.OneOf(sorted(EVENT_TYPES)))

    @post_load
    def _build(self, raw: dict[str, Any], **_: object) -> Action:
        return Action(**raw)
