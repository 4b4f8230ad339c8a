"""What may be asked of `/schedule`."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields, validate

from hooks.retention.facts import KINDS


class ScheduleQuerySchema(Schema):
    """The query of `/schedule`; anything else in it is left alone."""

    class Meta:
        unknown = EXCLUDE

    before = fields.Date(load_default=None)
    retention_class = fields.String(
        data_key="class",
        load_default=None,
        validate=validate.ContainsNoneOf("\0"),  # no text in PostgreSQL holds one
    )
    kind = fields.String(load_default=None, validate=validate.OneOf(KINDS))
    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=1_000_000))
