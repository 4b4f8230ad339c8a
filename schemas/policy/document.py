"""The policy file as a whole."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from hooks.retention.facts import CUSTOMER_ROLES
from hooks.retention.policy import (
    DataSource,
    Deletion,
    Gap,
    LegalBasis,
    MetaVocabulary,
    NoRecipient,
    Policy,
    RetentionClass,
    Term,
)
from schemas.policy.classes import ClassSchema, DeletionSchema
from schemas.policy.consent import ActionSchema, ConsentSchema
from schemas.policy.controller import (
    AuthoritySchema,
    ChildrenSchema,
    ControllerSchema,
    SecuritySchema,
)
from schemas.policy.fields import (
    ID,
    TableField,
    TimeZoneField,
    TupleField,
    YearStartField,
    check_day,
    check_instant,
)
from schemas.policy.recipients import NoRecipientSchema, RecipientSchema, method_patterns
from schemas.policy.rules import RuleSchema
from schemas.policy.terms import BasisSchema, GapSchema, SourceSchema, TermSchema

_ROLE = validate.Regexp(
    r"^[a-z0-9_-]{1,64}$", error="must be the slug of a role, such as wholesale_customer"
)


class PolicySchema(Schema):
    """The whole file. An unknown key is an error, so that a misspelt one is never ignored."""

    id = fields.String(required=True, validate=ID)
    version = fields.String(
        load_default="1", validate=validate.Regexp(r"^[0-9A-Za-z][0-9A-Za-z.-]{0,31}$")
    )
    effective_from = fields.Raw(required=True, validate=check_day)
    last_updated = fields.Raw(load_default=None, validate=check_day)
    page_modified = fields.Raw(load_default=None, validate=check_instant)
    page = fields.Url(required=True)
    time_zone = TimeZoneField(required=True)
    accounting_year = YearStartField(required=True, data_key="accounting_year_start")
    customer_roles = fields.List(
        fields.String(validate=_ROLE),
        load_default=CUSTOMER_ROLES,
        validate=validate.Length(min=1, error="must name a role at least"),
    )
    controller = fields.Nested(ControllerSchema, required=True)
    sections = fields.Dict(fields.Integer(), fields.String(), required=True)
    categories = TableField(TermSchema, Term, required=True)
    purposes = TableField(TermSchema, Term, required=True)
    bases = TableField(BasisSchema, LegalBasis, required=True)
    safeguards = TableField(TermSchema, Term, load_default=dict)
    recipient_groups = TableField(TermSchema, Term, load_default=dict)
    recipients = TupleField(fields.Nested(RecipientSchema), load_default=())
    no_recipient = fields.Nested(NoRecipientSchema, load_default=NoRecipient())
    security = fields.Nested(SecuritySchema, load_default={"measures": (), "section": None})
    sources = TableField(SourceSchema, DataSource, load_default=dict)
    children = fields.Nested(ChildrenSchema, load_default=None)
    authorities = TupleField(fields.Nested(AuthoritySchema), load_default=())
    gaps = TableField(GapSchema, Gap, load_default=dict)
    classes = TableField(ClassSchema, RetentionClass, required=True)
    deletion = fields.Nested(DeletionSchema, load_default=Deletion())
    rules = TupleField(fields.Nested(RuleSchema), required=True, validate=validate.Length(min=1))
    consent = fields.Nested(ConsentSchema, required=True)
    actions = TupleField(fields.Nested(ActionSchema), load_default=())


def build_policy(loaded: dict[str, Any], text: str, digest: str) -> Policy:
    """Build the policy from the values that PolicySchema loaded.

    The policy keeps the `text` of its file, and the `digest` of its content.
    """
    values = dict(loaded)
    values["recipients"] = {recipient.id: recipient for recipient in loaded["recipients"]}
    values["actions"] = {action.name: action for action in loaded["actions"]}
    values["security"] = loaded["security"]["measures"]
    values["security_section"] = loaded["security"]["section"]
    values["meta"] = _vocabulary(loaded)
    del values["consent"], values["customer_roles"]
    return Policy(**values, digest=digest, text=text)


def _vocabulary(loaded: dict[str, Any]) -> MetaVocabulary:
    consent = loaded["consent"]
    newsletter = consent["newsletter"]
    return MetaVocabulary(
        newsletter_keys=newsletter["meta_keys"],
        given_values=frozenset(map(str.lower, newsletter["given"])),
        withdrawn_values=frozenset(map(str.lower, newsletter["withdrawn"])),
        attribution_prefixes=consent["attribution_prefixes"],
        method_patterns=method_patterns([*loaded["recipients"], loaded["no_recipient"]]),
        customer_roles=frozenset(loaded["customer_roles"]),
    )
