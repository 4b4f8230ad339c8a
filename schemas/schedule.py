"""The query of `/schedule`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from hooks.retention.facts import KINDS


class ScheduleQuerySchema(Schema):
    """The query of `/schedule`. Other parameters are ignored.

    One part of a record may be in several classes, so a search for parts cannot name a class.
    """

    class Meta:
        unknown = EXCLUDE

    before = fields.Date(load_default=None)
    retention_class = fields.String(
        data_key="class",
        load_default=None,
        validate=validate.ContainsNoneOf("\0"),  # PostgreSQL cannot store one
    )
    kind = fields.String(load_default=None, validate=validate.OneOf(KINDS))
    what = fields.String(load_default="records", validate=validate.OneOf(["records", "parts"]))
    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=1_000_000))

    @validates_schema
    def _has_no_class_of_parts(self, raw: Mapping[str, Any], **_: object) -> None:
        if raw["what"] == "parts" and raw["retention_class"]:
            raise ValidationError("parts are not looked for by class", "class")
