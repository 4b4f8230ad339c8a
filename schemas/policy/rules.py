"""The rules: which records get which entry."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from hooks.retention.facts import KINDS
from hooks.retention.policy import Rule
from schemas.policy.fields import ID, StringSetField
from schemas.policy.published import PublishedSchema

_PART = validate.Regexp(
    r"^[a-z0-9][a-z0-9-]{0,31}$", error="must be a short lower-case word, like-this"
)


class RuleSchema(PublishedSchema):
    """A rule that gives records of one kind an entry."""

    id = fields.String(required=True, validate=ID)
    kind = fields.String(required=True, data_key="record", validate=validate.OneOf(KINDS))
    data = fields.String(required=True)
    purpose = fields.String(required=True)
    basis = fields.String(required=True)
    retention_class = fields.String(required=True, data_key="class")
    all_of = StringSetField()
    any_of = StringSetField()
    governs = fields.Boolean()
    survives_erasure = fields.Boolean()
    part = fields.String(validate=_PART)

    def _build(self, raw: dict[str, Any]) -> Rule:
        return Rule(**raw)
