"""The policy file: TOML, translated to `hooks.retention.policy.Policy`.

The shape is checked here, by marshmallow; whether the rules make sense together, by `policy.faults`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from hooks.errors import PolicyError
from hooks.retention.clock import AccountingYear, Period
from hooks.retention.facts import KINDS
from hooks.retention.policy import (
    CLOCKS,
    Action,
    Controller,
    LegalBasis,
    MetaVocabulary,
    Policy,
    Published,
    RetentionClass,
    Rule,
    Term,
    faults,
)

_ID = validate.Regexp(r"^[a-z0-9][a-z0-9.-]{0,63}$", error="must be a short lower-case id, like-this")
_MONTH_AND_DAY = re.compile(r"([0-9]{2})-([0-9]{2})")
_NOT_A_YEAR_START = "must be the first day of the accounting year, as MM-DD"
_ALL_CLOCKS = sorted(frozenset().union(*CLOCKS.values()))


def _is_day(value: object) -> None:
    if type(value) is not date:
        raise ValidationError("must be a day, such as 2026-01-15")


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
    gap = fields.String(load_default="", validate=validate.Length(max=500))

    @validates_schema
    def _one_origin(self, raw: Mapping[str, Any], **_: object) -> None:
        if raw["published"] == ("section" not in raw):
            raise ValidationError("needs either its `section` of the page or `published = false`")
        if raw["published"] == bool(raw["gap"]):
            raise ValidationError("needs a `gap` that says what was chosen, exactly where `published = false`")

    @staticmethod
    def published_of(raw: dict[str, Any]) -> Published:
        """Take the origin out of the raw fields."""
        raw.pop("published")
        return Published(raw.pop("section", None), raw.pop("gap"))


class TermSchema(Schema):
    label = fields.String(required=True)
    section = fields.Integer(required=True, strict=True)


class BasisSchema(TermSchema):
    article = fields.String(required=True)


class ClassSchema(PublishedSchema):
    label = fields.String(required=True)
    clock = fields.String(required=True, validate=validate.OneOf(_ALL_CLOCKS))
    keep = PeriodField()
    review = PeriodField()
    until = fields.String(validate=_ID)
    at_end = fields.String(required=True, validate=validate.OneOf(["erase"]))
    source = fields.String()


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


class NewsletterSchema(Schema):
    meta_keys = fields.List(fields.String(), required=True)
    given = fields.List(fields.String(), required=True)
    withdrawn = fields.List(fields.String(), required=True)


class ConsentSchema(Schema):
    newsletter = fields.Nested(NewsletterSchema, required=True)
    attribution_prefixes = fields.List(fields.String(), required=True)


class ActionSchema(Schema):
    name = fields.String(required=True, validate=validate.Regexp(r"^(wc|woocommerce)_[a-z0-9_]{1,80}$"))
    record = fields.String(required=True, validate=validate.OneOf(["support-request"]))


class ControllerSchema(Schema):
    name = fields.String(required=True)
    address = fields.String(required=True)
    organisation_number = fields.String(required=True)
    privacy_contact = fields.String(required=True)

    @post_load
    def _make(self, raw: dict[str, str], **_: object) -> Controller:
        return Controller(**raw)


class PolicySchema(Schema):
    """The whole file; unknown keys are errors, so that a misspelt one is not silently nothing."""

    id = fields.String(required=True, validate=_ID)
    effective_from = fields.Raw(required=True, validate=_is_day)
    page = fields.Url(required=True)
    time_zone = TimeZoneField(required=True)
    accounting_year_start = YearStartField(required=True)
    controller = fields.Nested(ControllerSchema, required=True)
    sections = fields.Dict(fields.Integer(), fields.String(), required=True)
    categories = fields.Dict(fields.String(validate=_ID), fields.Nested(TermSchema), required=True)
    purposes = fields.Dict(fields.String(validate=_ID), fields.Nested(TermSchema), required=True)
    bases = fields.Dict(fields.String(validate=_ID), fields.Nested(BasisSchema), required=True)
    classes = fields.Dict(fields.String(validate=_ID), fields.Nested(ClassSchema), required=True)
    rules = fields.List(fields.Nested(RuleSchema), required=True, validate=validate.Length(min=1))
    consent = fields.Nested(ConsentSchema, required=True)
    actions = fields.List(fields.Nested(ActionSchema), load_default=list)


def load_policy(path: Path) -> Policy:
    """Read a policy file and check it whole.

    Raises PolicyError with every fault, each naming the line (where the TOML itself is broken) or the rule,
    class or key that it is about.
    """
    try:
        text = path.read_bytes()
        raw = tomllib.loads(text.decode())
    except OSError as error:
        raise PolicyError(str(path), [f"cannot be read ({error.strerror})"]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(str(path), [f"is not TOML: {error}"]) from error
    try:
        loaded = PolicySchema().load(raw)
    except ValidationError as error:
        raise PolicyError(str(path), list(_sentences(error.messages, raw))) from error
    policy = _policy(loaded, sha256(text).hexdigest()[:16])
    found = [*_duplicate_ids(loaded), *_unknown_sections(policy), *faults(policy)]
    if found:
        raise PolicyError(str(path), found)
    return policy


def _policy(raw: dict[str, Any], digest: str) -> Policy:
    newsletter = raw["consent"]["newsletter"]
    return Policy(
        id=raw["id"],
        effective_from=raw["effective_from"],
        page=raw["page"],
        controller=raw["controller"],
        time_zone=raw["time_zone"],
        accounting_year=raw["accounting_year_start"],
        sections=raw["sections"],
        categories={name: Term(name, **term) for name, term in raw["categories"].items()},
        purposes={name: Term(name, **term) for name, term in raw["purposes"].items()},
        bases={name: LegalBasis(name, **basis) for name, basis in raw["bases"].items()},
        classes={name: _class(name, dict(item)) for name, item in raw["classes"].items()},
        rules=tuple(_rule(dict(rule)) for rule in raw["rules"]),
        meta=MetaVocabulary(
            newsletter_keys=frozenset(newsletter["meta_keys"]),
            given=frozenset(word.lower() for word in newsletter["given"]),
            withdrawn=frozenset(word.lower() for word in newsletter["withdrawn"]),
            attribution_prefixes=tuple(raw["consent"]["attribution_prefixes"]),
        ),
        actions={action["name"]: Action(action["name"], action["record"]) for action in raw["actions"]},
        digest=digest,
    )


def _class(name: str, raw: dict[str, Any]) -> RetentionClass:
    return RetentionClass(id=name, published=PublishedSchema.published_of(raw), **raw)


def _rule(raw: dict[str, Any]) -> Rule:
    published = PublishedSchema.published_of(raw)
    raw |= {name: frozenset(raw[name]) for name in ("all_of", "any_of")}
    return Rule(kind=raw.pop("record"), published=published, **raw)


def _duplicate_ids(raw: dict[str, Any]) -> Iterator[str]:
    for what, ids in (
        ("rule id", [rule["id"] for rule in raw["rules"]]),
        ("action", [action["name"] for action in raw["actions"]]),
    ):
        for name in sorted({name for name in ids if ids.count(name) > 1}):
            yield f"{what} {name!r} is used more than once"


def _unknown_sections(policy: Policy) -> Iterator[str]:
    origins = {f"class {item.id!r}": item.published.section for item in policy.classes.values()}
    origins |= {f"rule {rule.id!r}": rule.published.section for rule in policy.rules}
    for terms in (policy.categories, policy.purposes, policy.bases):
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
