"""What people ask for and operators decide about a record, as it is sent or typed in.

Nothing in it is free text: a reason is one of a closed list, an owner is a role or a team.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from hooks.retention.events import SCOPES, TYPES
from schemas.event import MISSING, TimedSchema, ToolId, one_of

REASONS = (
    "litigation",
    "complaint",
    "audit",
    "authority-request",
    "fraud",
    "chargeback",
    "warranty",
    "other",
)
"""What a hold may be placed for."""

LONGEST_HOLD = timedelta(days=36_525)
"""A hundred years. A hold is to be looked at again while those who placed it are there."""

TAKEN: dict[str, frozenset[str]] = {
    "hold": frozenset({"reason", "owner", "review_on"}),
    "hold-lifted": frozenset({"about"}),
    "retracted": frozenset({"about"}),
    "objection": frozenset({"scope"}),
}
"""By type, the fields that it has besides; other types have none."""

NEEDED = TAKEN | {"hold-lifted": frozenset(), "objection": frozenset()}
_ROLE = "is not a role or a team, in a-z, 0-9, . and - (a person's name has no place here)"
_ABOUT = "is not the id of an event"


class RecordEventSchema(TimedSchema):
    """One event; which of the fields it has, its type says. Days are days in `zone`."""

    type = fields.String(required=True, **one_of(TYPES))
    id = ToolId(load_default="")
    reason = fields.String(load_default="", **one_of(REASONS))
    owner = fields.String(
        load_default="",
        validate=validate.Regexp(r"[a-z0-9][a-z0-9.-]{0,63}\Z", error=_ROLE),
        error_messages=MISSING | {"invalid": _ROLE},
    )
    review_on = fields.Date(
        load_default=None, error_messages={"invalid": "is not a date, such as 2027-11-22"}
    )
    about = fields.String(
        load_default="",
        validate=validate.Regexp(r"[A-Za-z0-9._:-]{1,96}\Z", error=_ABOUT),
        error_messages=MISSING | {"invalid": _ABOUT},
    )

    scope = fields.String(load_default="", **one_of(SCOPES))

    def __init__(self, now: datetime, zone: tzinfo) -> None:
        self.zone = zone
        super().__init__(now)

    @validates_schema
    def _fits_its_type(self, raw: Mapping[str, Any], **_: object) -> None:
        wrong = dict(_misfits(raw))
        day = (raw["at"] or self.now).astimezone(self.zone).date()
        if "review_on" not in wrong and (fault := _wrong_review(raw["review_on"], day)):
            wrong["review_on"] = fault
        if wrong:
            raise ValidationError({name: [fault] for name, fault in wrong.items()})


def _wrong_review(review_on: date | None, day: date) -> str | None:
    if review_on is not None and review_on <= day:
        return "is not after the day on which the hold is placed"
    if review_on is not None and review_on > day + LONGEST_HOLD:
        return "is more than 100 years after the day on which the hold is placed"
    return None


def _misfits(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields that the type does not have, and ones that it cannot do without."""
    kind = raw["type"]
    for name in ("reason", "owner", "review_on", "about", "scope"):
        if raw[name] and name not in TAKEN.get(kind, ()):
            yield name, f"does not belong to {kind}"
        if not raw[name] and name in NEEDED.get(kind, ()):
            yield name, "is missing"
