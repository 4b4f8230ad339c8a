"""The controller and what the page says of it: security, children, and the authorities that watch over it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from hooks.retention.policy import Children, Controller, SupervisoryAuthority
from schemas.policy.fields import COUNTRY, ID, TupleField
from schemas.policy.terms import TermSchema


class ControllerSchema(Schema):
    """The controller (GDPR Art. 4(7))."""

    name = fields.String(required=True)
    address = fields.String(required=True)
    organisation_number = fields.String(required=True)
    privacy_contact = fields.String(required=True)
    phone = fields.String()
    dpo = fields.String()
    uk = fields.Boolean()

    @post_load
    def _build(self, raw: dict[str, Any], **_: object) -> Controller:
        return Controller(**raw)


class SecuritySchema(Schema):
    """The security measures that the page names."""

    measures = TupleField(fields.String(), required=True)
    section = fields.Integer(required=True, strict=True)


class ChildrenSchema(TermSchema):
    """The statement of the page on children."""

    age = fields.Integer(required=True, strict=True, validate=validate.Range(1, 18))
    orders_only = fields.Boolean()

    @post_load
    def _build(self, raw: dict[str, Any], **_: object) -> Children:
        return Children(**raw)


class AuthoritySchema(Schema):
    """A supervisory authority (GDPR Art. 77)."""

    id = fields.String(required=True, validate=ID)
    name = fields.String(required=True)
    url = fields.Url(required=True)
    section = fields.Integer(required=True, strict=True)
    address = TupleField(fields.String())
    country = fields.String(validate=COUNTRY)
    uk = fields.Boolean()

    @post_load
    def _build(self, raw: dict[str, Any], **_: object) -> SupervisoryAuthority:
        return SupervisoryAuthority(**raw)
