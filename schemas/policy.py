"""The policy file: TOML, translated to `hooks.retention.policy.Policy`.

The shape is checked here, by marshmallow; whether the rules make sense together, by `policy_check.faults`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from hooks.errors import PolicyError
from hooks.retention.clock import AccountingYear, Period
from hooks.retention.facts import CUSTOMER_ROLES, EVENT_TYPES, KINDS
from hooks.retention.policy import (
    CLOCKS,
    Action,
    Children,
    Controller,
    DataSource,
    Deletion,
    Gap,
    LegalBasis,
    MetaVocabulary,
    NoRecipient,
    Policy,
    Published,
    Recipient,
    RetentionClass,
    Rule,
    SupervisoryAuthority,
    Term,
)
from hooks.retention.policy_check import faults

_ID = validate.Regexp(
    r"^[a-z0-9][a-z0-9.-]{0,63}$", error="must be a short lower-case id, like-this"
)
_PART = r"^[a-z0-9][a-z0-9-]{0,31}$"
_NO_PART = "must be a short lower-case word, like-this"
_ROLE = validate.Regexp(
    r"^[a-z0-9_-]{1,64}$", error="must be the slug of a role, such as wholesale_customer"
)
_COUNTRY = validate.Regexp(r"^[A-Z]{2}$", error="must be a country's two letters")
_MONTH_AND_DAY = re.compile(r"([0-9]{2})-([0-9]{2})")
_NOT_A_YEAR_START = "must be the first day of the accounting year, as MM-DD"
_ALL_CLOCKS = sorted(frozenset().union(*CLOCKS.values()))


def _is_day(value: object) -> None:
    if type(value) is not date:
        raise ValidationError("must be a day, such as 2026-01-15")


def _is_instant(value: object) -> None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValidationError("must be a time with its offset, such as 2026-04-27T17:12:13Z")


class PeriodField(fields.String):
    """An ISO 8601 period of years, months and days."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> Period:  # type: ignore[override]
        try:
            return Period.from_iso(super()._deserialize(*args, **kwargs))
        except ValueError as error:
            raise ValidationError(str(error)) from error


class YearStartField(fields.String):
    """The first day of the accounting year, as MM-DD."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> AccountingYear:  # type: ignore[override]
        text = super()._deserialize(*args, **kwargs)
        match = _MONTH_AND_DAY.fullmatch(text)
        try:
            # 2023 is no leap year: 02-29 begins no accounting year
            first = date(2023, int(match[1]), int(match[2])) if match else None
        except ValueError as error:
            raise ValidationError(_NOT_A_YEAR_START) from error
        if first is None:
            raise ValidationError(_NOT_A_YEAR_START)
        return AccountingYear(first.month, first.day)


class TimeZoneField(fields.String):
    """An IANA time zone name."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> ZoneInfo:  # type: ignore[override]
        text = super()._deserialize(*args, **kwargs)
        try:
            return ZoneInfo(text)
        except (ValueError, OSError, KeyError) as error:
            raise ValidationError("is not a time zone such as Europe/Oslo") from error


class PublishedSchema(Schema):
    """A choice names the section of the page that it comes from, or admits that the page is silent."""

    section = fields.Integer(strict=True)
    published = fields.Boolean(load_default=True)
    gap = fields.String(load_default="", validate=validate.Length(max=64))

    @validates_schema
    def _one_origin(self, raw: Mapping[str, Any], **_: object) -> None:
        if raw["published"] == ("section" not in raw):
            raise ValidationError("needs either its `section` of the page or `published = false`")
        if raw["published"] == bool(raw["gap"]):
            raise ValidationError(
                "needs the `gap` that it fills, exactly where `published = false`"
            )

    @staticmethod
    def published_of(raw: dict[str, Any]) -> Published:
        """Take the origin out of the raw fields."""
        raw.pop("published")
        return Published(raw.pop("section", None), raw.pop("gap"))


class TermSchema(Schema):
    label = fields.String(required=True)
    section = fields.Integer(required=True, strict=True)


class GapSchema(Schema):
    section = fields.Integer(required=True, strict=True)
    choice = fields.String(required=True, validate=validate.Length(min=1, max=500))
    publish = fields.String(required=True, validate=validate.Length(min=1, max=500))


class SourceSchema(TermSchema):
    data = fields.List(fields.String(), required=True, validate=validate.Length(min=1))


class ChildrenSchema(TermSchema):
    age = fields.Integer(required=True, strict=True, validate=validate.Range(1, 18))
    orders_only = fields.Boolean()

    @post_load
    def _make(self, raw: dict[str, Any], **_: object) -> Children:
        return Children(**raw)


class AuthoritySchema(Schema):
    id = fields.String(required=True, validate=_ID)
    name = fields.String(required=True)
    url = fields.Url(required=True)
    section = fields.Integer(required=True, strict=True)
    address = fields.List(fields.String(), load_default=list)
    country = fields.String(validate=_COUNTRY)
    uk = fields.Boolean()

    @post_load
    def _make(self, raw: dict[str, Any], **_: object) -> SupervisoryAuthority:
        return SupervisoryAuthority(**raw | {"address": tuple(raw["address"])})


class RecipientSchema(PublishedSchema):
    id = fields.String(required=True, validate=_ID)
    name = fields.String(required=True)
    group = fields.String(required=True)
    role = fields.String(
        load_default="processor", validate=validate.OneOf(["processor", "controller"])
    )
    data = fields.List(fields.String(), required=True)
    always = fields.Boolean(load_default=False)
    payment = fields.List(fields.String(), load_default=list)
    shipping = fields.List(fields.String(), load_default=list)
    holding = fields.List(fields.String(), load_default=list)
    country = fields.String(validate=_COUNTRY)
    outside = fields.Boolean(load_default=False)
    safeguards = fields.List(fields.String(), load_default=list)
    certain = fields.Boolean(load_default=True)


class NoRecipientSchema(Schema):
    payment = fields.List(fields.String(), load_default=list)
    shipping = fields.List(fields.String(), load_default=list)


class SecuritySchema(Schema):
    measures = fields.List(fields.String(), required=True)
    section = fields.Integer(required=True, strict=True)


class BasisSchema(TermSchema):
    article = fields.String(required=True)
    covers = fields.String()


class ClassSchema(PublishedSchema):
    label = fields.String(required=True)
    clock = fields.String(required=True, validate=validate.OneOf(_ALL_CLOCKS))
    keep = PeriodField()
    review = PeriodField()
    until = fields.String(validate=_ID)
    at_end = fields.String(required=True, validate=validate.OneOf(["erase"]))
    source = fields.String()
    proof = fields.Boolean(load_default=False)


class DeletionSchema(PublishedSchema):
    act_within = PeriodField(required=True)


class RuleSchema(PublishedSchema):
    id = fields.String(required=True, validate=_ID)
    record = fields.String(required=True, validate=validate.OneOf(KINDS))
    data = fields.String(required=True)
    purpose = fields.String(required=True)
    basis = fields.String(required=True)
    retention_class = fields.String(required=True, data_key="class")
    all_of = fields.List(fields.String(), load_default=list)
    any_of = fields.List(fields.String(), load_default=list)
    governs = fields.Boolean(load_default=False)
    survives_erasure = fields.Boolean(load_default=False)
    part = fields.String(load_default="", validate=validate.Regexp(_PART, error=_NO_PART))


class NewsletterSchema(Schema):
    meta_keys = fields.List(fields.String(), required=True)
    given = fields.List(fields.String(), required=True)
    withdrawn = fields.List(fields.String(), required=True)


class ConsentSchema(Schema):
    newsletter = fields.Nested(NewsletterSchema, required=True)
    attribution_prefixes = fields.List(fields.String(), required=True)


MAX_ACTION = 57
"""Letters of an action's name: with `action.` before it, it is the cause of a line of the history."""


class ActionSchema(Schema):
    name = fields.String(
        required=True,
        validate=[
            validate.Regexp(r"^(wc|woocommerce)_[a-z0-9_]+$"),
            validate.Length(max=MAX_ACTION),
        ],
    )
    event = fields.String(required=True, validate=validate.OneOf(sorted(EVENT_TYPES)))


class ControllerSchema(Schema):
    name = fields.String(required=True)
    address = fields.String(required=True)
    organisation_number = fields.String(required=True)
    privacy_contact = fields.String(required=True)
    phone = fields.String()
    dpo = fields.String()
    uk = fields.Boolean()

    @post_load
    def _make(self, raw: dict[str, Any], **_: object) -> Controller:
        return Controller(**raw)


class PolicySchema(Schema):
    """The whole file; unknown keys are errors, so that a misspelt one is not silently nothing."""

    id = fields.String(required=True, validate=_ID)
    version = fields.String(
        load_default="1", validate=validate.Regexp(r"^[0-9A-Za-z][0-9A-Za-z.-]{0,31}$")
    )
    effective_from = fields.Raw(required=True, validate=_is_day)
    last_updated = fields.Raw(load_default=None, validate=_is_day)
    page_modified = fields.Raw(load_default=None, validate=_is_instant)
    page = fields.Url(required=True)
    time_zone = TimeZoneField(required=True)
    accounting_year_start = YearStartField(required=True)
    customer_roles = fields.List(
        fields.String(validate=_ROLE),
        load_default=lambda: sorted(CUSTOMER_ROLES),
        validate=validate.Length(min=1, error="must name a role at least"),
    )
    controller = fields.Nested(ControllerSchema, required=True)
    sections = fields.Dict(fields.Integer(), fields.String(), required=True)
    categories = fields.Dict(fields.String(validate=_ID), fields.Nested(TermSchema), required=True)
    purposes = fields.Dict(fields.String(validate=_ID), fields.Nested(TermSchema), required=True)
    bases = fields.Dict(fields.String(validate=_ID), fields.Nested(BasisSchema), required=True)
    safeguards = fields.Dict(
        fields.String(validate=_ID), fields.Nested(TermSchema), load_default=dict
    )
    recipient_groups = fields.Dict(
        fields.String(validate=_ID), fields.Nested(TermSchema), load_default=dict
    )
    recipients = fields.List(fields.Nested(RecipientSchema), load_default=list)
    no_recipient = fields.Nested(
        NoRecipientSchema, load_default=lambda: {"payment": [], "shipping": []}
    )
    security = fields.Nested(SecuritySchema, load_default=lambda: {"measures": []})
    sources = fields.Dict(
        fields.String(validate=_ID), fields.Nested(SourceSchema), load_default=dict
    )
    children = fields.Nested(ChildrenSchema, load_default=None)
    authorities = fields.List(fields.Nested(AuthoritySchema), load_default=list)
    gaps = fields.Dict(fields.String(validate=_ID), fields.Nested(GapSchema), load_default=dict)
    classes = fields.Dict(fields.String(validate=_ID), fields.Nested(ClassSchema), required=True)
    deletion = fields.Nested(DeletionSchema, load_default=None)
    rules = fields.List(fields.Nested(RuleSchema), required=True, validate=validate.Length(min=1))
    consent = fields.Nested(ConsentSchema, required=True)
    actions = fields.List(fields.Nested(ActionSchema), load_default=list)


def load_policy(path: Path) -> Policy:
    """Read a policy file and check it whole.

    Raises PolicyError with every fault, each naming the line (where the TOML itself is broken) or the rule,
    class or key that it is about.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise PolicyError(str(path), [f"cannot be read ({error.strerror})"]) from error
    except UnicodeDecodeError as error:
        raise PolicyError(str(path), [f"is not TOML: {error}"]) from error
    return read_policy(text, str(path))


def read_policy(text: str, source: str) -> Policy:
    """Read a policy from the text of its file; `source` names it in messages. Raises PolicyError as `load_policy`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(source, [f"is not TOML: {error}"]) from error
    try:
        loaded = PolicySchema().load(raw)
    except ValidationError as error:
        raise PolicyError(source, list(_sentences(error.messages, raw))) from error
    policy = _policy(loaded, text, _digest(raw))
    found = [*_duplicate_ids(loaded), *_unknown_sections(policy), *faults(policy)]
    if found:
        raise PolicyError(source, found)
    return policy


def _digest(raw: dict[str, Any]) -> str:
    """A short name for what the file says; the order of its tables, comments and line breaks are all one."""
    return sha256(json.dumps(raw, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _policy(raw: dict[str, Any], text: str, digest: str) -> Policy:
    return Policy(
        id=raw["id"],
        version=raw["version"],
        effective_from=raw["effective_from"],
        last_updated=raw["last_updated"],
        page_modified=raw["page_modified"],
        page=raw["page"],
        controller=raw["controller"],
        time_zone=raw["time_zone"],
        accounting_year=raw["accounting_year_start"],
        sections=raw["sections"],
        categories=_terms(raw["categories"]),
        purposes=_terms(raw["purposes"]),
        bases={name: LegalBasis(name, **basis) for name, basis in raw["bases"].items()},
        safeguards=_terms(raw["safeguards"]),
        recipient_groups=_terms(raw["recipient_groups"]),
        recipients={item["id"]: _recipient(dict(item)) for item in raw["recipients"]},
        no_recipient=NoRecipient(
            *(tuple(raw["no_recipient"][name]) for name in ("payment", "shipping"))
        ),
        security=tuple(raw["security"]["measures"]),
        security_section=raw["security"].get("section"),
        sources={name: _source(name, dict(item)) for name, item in raw["sources"].items()},
        children=raw["children"],
        authorities=tuple(raw["authorities"]),
        gaps={name: Gap(name, **gap) for name, gap in raw["gaps"].items()},
        classes={name: _class(name, dict(item)) for name, item in raw["classes"].items()},
        rules=tuple(_rule(dict(rule)) for rule in raw["rules"]),
        deletion=_deletion(raw["deletion"]),
        meta=_vocabulary(raw),
        actions={action["name"]: Action(**action) for action in raw["actions"]},
        digest=digest,
        text=text,
    )


def _vocabulary(raw: dict[str, Any]) -> MetaVocabulary:
    newsletter = raw["consent"]["newsletter"]
    return MetaVocabulary(
        newsletter_keys=frozenset(newsletter["meta_keys"]),
        given_values=frozenset(word.lower() for word in newsletter["given"]),
        withdrawn_values=frozenset(word.lower() for word in newsletter["withdrawn"]),
        attribution_prefixes=tuple(raw["consent"]["attribution_prefixes"]),
        method_patterns=_ways(raw),
        customer_roles=frozenset(raw["customer_roles"]),
    )


CORE_WAYS = frozenset(
    {"bacs", "cheque", "cod", "flat_rate", "free_shipping", "local_pickup", "pickup_location"}
)
"""The ids of the payment and shipping methods that WooCommerce itself brings."""


def _ways(raw: dict[str, Any]) -> frozenset[str]:
    """The ids and patterns that are looked for in orders."""
    named = [*raw["recipients"], raw["no_recipient"]]
    return CORE_WAYS.union(*(item[what] for item in named for what in ("payment", "shipping")))


def _terms(raw: dict[str, Any]) -> dict[str, Term]:
    return {name: Term(name, **term) for name, term in raw.items()}


def _source(name: str, raw: dict[str, Any]) -> DataSource:
    return DataSource(id=name, **raw | {"data": frozenset(raw["data"])})


def _recipient(raw: dict[str, Any]) -> Recipient:
    published = PublishedSchema.published_of(raw)
    raw |= {name: frozenset(raw[name]) for name in ("data", "holding")}
    raw |= {name: tuple(raw[name]) for name in ("payment", "shipping", "safeguards")}
    return Recipient(published=published, **raw)


def _class(name: str, raw: dict[str, Any]) -> RetentionClass:
    return RetentionClass(id=name, published=PublishedSchema.published_of(raw), **raw)


def _deletion(raw: dict[str, Any] | None) -> Deletion:
    if raw is None:
        return Deletion()
    published = PublishedSchema.published_of(raw)
    return Deletion(published=published, **raw)


def _rule(raw: dict[str, Any]) -> Rule:
    published = PublishedSchema.published_of(raw)
    raw |= {name: frozenset(raw[name]) for name in ("all_of", "any_of")}
    return Rule(kind=raw.pop("record"), published=published, **raw)


def _duplicate_ids(raw: dict[str, Any]) -> Iterator[str]:
    for what, ids in (
        ("rule id", [rule["id"] for rule in raw["rules"]]),
        ("action", [action["name"] for action in raw["actions"]]),
        ("recipient", [item["id"] for item in raw["recipients"]]),
        ("authority", [item.id for item in raw["authorities"]]),
    ):
        for name in sorted({name for name in ids if ids.count(name) > 1}):
            yield f"{what} {name!r} is used more than once"


def _unknown_sections(policy: Policy) -> Iterator[str]:
    origins = {f"class {item.id!r}": item.published.section for item in policy.classes.values()}
    origins |= {f"rule {rule.id!r}": rule.published.section for rule in policy.rules}
    origins["deletion"] = policy.deletion.published.section
    origins |= {
        f"recipient {item.id!r}": item.published.section for item in policy.recipients.values()
    }
    origins |= {f"gap {item.id!r}": item.section for item in policy.gaps.values()}
    origins |= {f"source {item.id!r}": item.section for item in policy.sources.values()}
    origins |= {f"authority {item.id!r}": item.section for item in policy.authorities}
    origins |= {"children": policy.children.section} if policy.children else {}
    for terms in (
        policy.categories,
        policy.purposes,
        policy.bases,
        policy.safeguards,
        policy.recipient_groups,
    ):
        origins |= {f"{term.id!r}": term.section for term in terms.values()}
    for owner, section in origins.items():
        if section is not None and section not in policy.sections:
            yield f"{owner} names section {section}, which the page does not have"


def _sentences(messages: Any, raw: Any, where: str = "") -> Iterator[str]:
    """Flatten marshmallow's messages to sentences; a list's member is named by its id, not by its place."""
    if isinstance(messages, list):
        yield from (f"{where or 'the file'}: {message}" for message in messages)
        return
    for key, below in messages.items():
        inner = _member(raw, key)
        if isinstance(key, int):
            label = inner.get("id") or inner.get("name") if isinstance(inner, dict) else None
            name = f"{where} {label or f'number {key + 1}'!r}"
        else:
            name = where if key in ("_schema", "value", "key") else f"{where} {key}".strip()
        yield from _sentences(below, inner if key not in ("_schema", "value", "key") else raw, name)


def _member(raw: Any, key: object) -> Any:
    try:
        return raw[key]
    except (KeyError, IndexError, TypeError):
        return None
