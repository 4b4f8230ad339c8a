"""A customer account, as deliveries and the REST API show it."""

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
"""The `_fields` that a read of a customer asks for. None of them is personal data."""

_ROLE = re.compile(r"(?!.*[0-9]{3})[a-z0-9_-]{1,64}")
"""The slug of a role. A slug with a long number might identify a person, so it does not match and counts as `other`."""


class CustomerSchema(Schema):
    """Load an account to a Snapshot of CustomerFacts.

    An account that was never changed has no `date_modified_gmt`. Its version is then the time of sign-up.
    Raise ValidationError with the names of the fields that do not fit.
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
    def _build(self, raw: dict[str, Any], original: Mapping[str, Any], **_: object) -> Snapshot:
        times = Times.of(original, "date_created", "date_modified")
        created = times.instants["date_created"]
        version = times.instants["date_modified"] or created or UNDATED
        meta_data = original.get("meta_data")
        meta = read_meta(meta_data, self.vocabulary, at=version)
        oddities = times.odd
        if not is_readable(meta_data):
            oddities |= {"meta_data"}
        if meta.is_activity_odd:
            oddities |= {"wc_last_active"}
        is_staff = raw["role"] not in self.vocabulary.customer_roles
        facts = CustomerFacts(
            created_at=created,
            staff=is_staff,
            last_active_at=meta.last_active_at,
            kinds=meta.kinds & {"newsletter"},
            choices=meta.choices,
            meta_at=meta.at,
            oddities=oddities,
            role=_staff_role(raw["role"]) if is_staff else "",
        )
        return Snapshot(facts, raw["id"], version, meta.store_meta)


def _staff_role(role: str) -> str:
    """Return the slug of a role that no customer has; `none` for an empty role, `other` for one that is not a slug."""
    if not role:
        return "none"
    return role if _ROLE.fullmatch(role) else "other"
