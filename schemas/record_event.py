"""Record events, as they are sent or typed in: requests of people and decisions of operators about a record.

They hold no free text: a reason is a word of a closed list, an owner is a role or a team.
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
"""The reasons for which a hold may be placed."""

LONGEST_HOLD = timedelta(days=36_525)
"""A hundred years. A hold must be reviewed while the people who placed it are still there."""

ALLOWED: dict[str, frozenset[str]] = {
    "hold": frozenset({"reason", "owner", "review_on"}),
    "hold-lifted": frozenset({"about"}),
    "retracted": frozenset({"about"}),
    "objection": frozenset({"scope"}),
}
"""The fields that a type of event may have besides `type`, `id` and `at`; types that are not named have none."""

REQUIRED = {"hold": ALLOWED["hold"], "retracted": ALLOWED["retracted"]}
"""The fields that a type of event must have."""

_ROLE = "is not a role or a team, in a-z, 0-9, . and - (a person's name has no place here)"
_ABOUT = "is not the id of an event"


class RecordEventSchema(TimedSchema):
    """One record event. Its type decides which fields it has (ALLOWED, REQUIRED). Days are days in `zone`."""

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
        day = (raw["at"] or self.now).astimezone(self.zone).date()
        faults = dict(_field_faults(raw))
        for name, fault in _review_faults(raw["review_on"], day):
            faults.setdefault(name, fault)
        if faults:
            raise ValidationError({name: [fault] for name, fault in faults.items()})


def _review_faults(review_on: date | None, placed_on: date) -> Iterator[tuple[str, str]]:
    if review_on is None:
        return
    if review_on <= placed_on:
        yield "review_on", "is not after the day on which the hold is placed"
    if review_on > placed_on + LONGEST_HOLD:
        yield "review_on", "is more than 100 years after the day on which the hold is placed"


def _field_faults(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Find fields that the type of the event must not have, and required fields that are missing."""
    event_type = raw["type"]
    for name in ("reason", "owner", "review_on", "about", "scope"):
        if raw[name] and name not in ALLOWED.get(event_type, ()):
            yield name, f"does not belong to {event_type}"
        if not raw[name] and name in REQUIRED.get(event_type, ()):
            yield name, "is missing"
