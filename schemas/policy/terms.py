"""The words of the page: terms, legal bases, sources of data, and the gaps that the page leaves."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from schemas.policy.fields import StringSetField


class TermSchema(Schema):
    """A data category, a purpose, a safeguard or a group of recipients."""

    label = fields.String(required=True)
    section = fields.Integer(required=True, strict=True)


class BasisSchema(TermSchema):
    """A legal basis with its article of the GDPR."""

    article = fields.String(required=True)
    covers = fields.String()


class SourceSchema(TermSchema):
    """A source from which data of some categories come."""

    data = StringSetField(required=True, validate=validate.Length(min=1))


class GapSchema(Schema):
    """A question that the page leaves open, with the operator's choice and a sentence that would close the gap."""

    section = fields.Integer(required=True, strict=True)
    choice = fields.String(required=True, validate=validate.Length(min=1, max=500))
    publish = fields.String(required=True, validate=validate.Length(min=1, max=500))
