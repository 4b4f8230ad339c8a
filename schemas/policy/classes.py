"""The retention classes, and the time within which data are deleted after their last day."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from hooks.retention.policy import CLOCKS, Deletion
from schemas.policy.fields import ID, PeriodField
from schemas.policy.published import PublishedSchema

_ALL_CLOCKS = sorted(frozenset().union(*CLOCKS.values()))


class ClassSchema(PublishedSchema):
    """A retention class: a period (`keep`) or an event (`until`), and the clock that it counts from."""

    label = fields.String(required=True)
    clock = fields.String(required=True, validate=validate.OneOf(_ALL_CLOCKS))
    keep = PeriodField()
    review = PeriodField()
    until = fields.String(validate=ID)
    at_end = fields.String(required=True, validate=validate.OneOf(["erase"]))
    source = fields.String()
    proof = fields.Boolean()


class DeletionSchema(PublishedSchema):
    """The period within which data are deleted after their last day."""

    act_within = PeriodField(required=True)

    def _build(self, raw: dict[str, Any]) -> Deletion:
        return Deletion(**raw)
