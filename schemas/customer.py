"""A customer's account, as deliveries and REST show it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, post_load

from hooks.retention.facts import CustomerFacts, Snapshot
from hooks.retention.plausibility import UNDATED
from hooks.retention.policy import MetaVocabulary
from schemas.meta import is_readable, read_meta
from schemas.wire import RecordId, Times

FIELDS = "id,role,date_created_gmt,date_modified_gmt,meta_data"
"""The `_fields` that a read of a customer asks for: no personal data is among them."""


_ROLE = re.compile(r"(?!.*[0-9]{3})[a-z0-9_-]{1,64}")
"""A role's slug. One with a long number in it might tell of a person: it is counted as another one."""


class CustomerSchema(Schema):
    """Loads to a Snapshot of CustomerFacts.

    An account that was never changed has no `date_modified_gmt`: its version is the day of sign-up.
    Raises ValidationError naming the fields that are not of the shape.
    """

    class Meta:
        unknown = EXCLUDE

    id = RecordId(required=True)
    role = fields.String(required=True)
    date_created_gmt = fields.Raw(required=True, allow_none=True)

    def __init__(self, vocabulary: MetaVocabulary, **kwargs: Any) -> None:
        self.vocabulary = vocabulary
        super().__init__(**kwargs)

    @post_load(pass_original=True)
    def _make(self, raw: dict[str, Any], original: Mapping[str, Any], **_: object) -> Snapshot:
        times = Times.of(original, "date_created", "date_modified")
        created = times.instants["date_created"]
        version = times.instants["date_modified"] or created or UNDATED
        meta = read_meta(original.get("meta_data"), self.vocabulary, at=version)
        odd = times.odd if is_readable(original.get("meta_data")) else times.odd | {"meta_data"}
        if meta and meta.is_activity_odd:
            odd |= {"wc_last_active"}
        staff = raw["role"] not in self.vocabulary.customer_roles
        facts = CustomerFacts(
            created_at=created,
            staff=staff,
            last_active_at=meta.last_active_at if meta else None,
            kinds=(meta.kinds & {"newsletter"}) if meta else frozenset(),
            choices=meta.choices if meta else (),
            meta_at=version if meta else None,
            oddities=odd,
            role=_role_name(raw["role"]) if staff else "",
        )
        return Snapshot(facts, raw["id"], version, meta.ours if meta else None)


def _role_name(role: str) -> str:
    """Name the role of an account that is none of a customer's: by its slug, `none`, or `other` where it is no slug."""
    if not role:
        return "none"
    return role if _ROLE.fullmatch(role) else "other"
