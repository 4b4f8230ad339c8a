"""The origin of a choice of the policy file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from hooks.retention.policy import Published


class PublishedSchema(Schema):
    """A choice that names the section of the page that it comes from, or admits that the page is silent.

    It loads to a dict with the origin as `published`; a subclass may build a value from that dict.
    """

    section = fields.Integer(strict=True)
    published = fields.Boolean(load_default=True)
    gap = fields.String(load_default="", validate=validate.Length(max=64))

    @validates_schema
    def _has_single_origin(self, raw: Mapping[str, Any], **_: object) -> None:
        if raw["published"] == ("section" not in raw):
            raise ValidationError("needs either its `section` of the page or `published = false`")
        if raw["published"] == bool(raw["gap"]):
            raise ValidationError(
                "needs the `gap` that it fills, exactly where `published = false`"
            )

    @post_load
    def _load_origin(self, raw: dict[str, Any], **_: object) -> Any:
        raw["published"] = Published(raw.pop("section", None), raw.pop("gap"))
        return self._build(raw)

    def _build(self, raw: dict[str, Any]) -> Any:
        return raw
