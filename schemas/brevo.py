"""Brevo's webhooks, in the form that Brevo documents: one event, with one e-mail address or a list of them.

Only events that end a consent count: an unsubscription, a complaint about spam, a contact that was deleted or blocked.
Other events are ignored. A hard bounce (the mailbox does not exist) or a new place on a list says nothing about a
consent.

The caller must turn the e-mail addresses into keyed hashes at once. The time is read too; all other fields are dropped
unread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates

from hooks.retention.facts import Occurrence
from schemas.event import AHEAD, MISSING

OCCURRENCES: dict[str, Occurrence] = {
    "unsubscribe": "consent-withdrawn",
    "unsubscribed": "consent-withdrawn",
    "contact_deleted": "deleted",
    "contactDeleted": "deleted",
    "spam": "consent-withdrawn",
    "complaint": "consent-withdrawn",
}
"""The events that end a consent, in all spellings that Brevo uses. A complaint about spam is an objection to marketing
(GDPR Art. 21(2))."""

UPDATED = ("contact_updated", "contactUpdated")
"""The events that report a changed contact. One ends a consent if it blocks all campaigns to the contact."""

_BLOCKED = ("emailblacklisted", "emailblocklisted")
_YES = (True, "true", "1", "yes")

MAX_EMAILS = 1000
_NO_SECONDS = "is not a time in seconds since 1970"
_YEAR_3000 = 32_503_680_000
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def is_brevo(raw: Mapping[str, Any]) -> bool:
    """Tell whether a body is Brevo's: it names an `event`. A body in our own shape names a `type`."""
    return "type" not in raw and isinstance(raw.get("event"), str)


def occurrence_of(raw: Mapping[str, Any]) -> Occurrence | None:
    """Return the effect of a Brevo event on a consent, or None if it has none."""
    if raw["event"] in UPDATED:
        return "consent-withdrawn" if _is_blocked(raw) else None
    return OCCURRENCES.get(raw["event"])


def _is_blocked(raw: Mapping[str, Any]) -> bool:
    """Tell whether a changed contact is blocked now. Its changes are one object or a list of objects."""
    content = raw.get("content")
    changes = content if isinstance(content, list) else [content]
    return any(map(_blocks, (raw, *changes)))


def _blocks(change: object) -> bool:
    if not isinstance(change, Mapping):
        return False
    return any(
        name.replace("_", "").lower() in _BLOCKED and _is_yes(value)
        for name, value in change.items()
    )


def _is_yes(value: object) -> bool:
    if isinstance(value, str):
        return value.lower() in _YES
    return value in _YES


@dataclass(frozen=True, slots=True)
class BrevoEvent:
    """An event that ends the consent of the people behind `emails`. `at` is None if it names no time in UTC.

    `emails` must never be kept, logged or repeated.
    """

    emails: tuple[str, ...] = field(repr=False)
    at: datetime | None


class Emails(fields.Field[tuple[str, ...]]):
    """One e-mail address, or a list of 1 to MAX_EMAILS of them."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> tuple[str, ...]:
        emails = [value] if isinstance(value, str) else value
        if not _are_emails(emails):
            raise ValidationError(f"is neither an e-mail nor a list of 1 to {MAX_EMAILS}")
        return tuple(emails)


def _are_emails(values: object) -> bool:
    if not isinstance(values, list) or not 0 < len(values) <= MAX_EMAILS:
        return False
    return all(map(_is_email, values))


def _is_email(value: object) -> bool:
    if not isinstance(value, str):
        return False
    email = value.strip()
    return email.isprintable() and _EMAIL.fullmatch(email) is not None


class BrevoEventSchema(Schema):
    """A Brevo event that ends a consent (see `occurrence_of`). `now` is the current time, aware.

    Brevo sends several times. Only `ts_event`, in seconds since 1970, is in UTC.
    """

    class Meta:
        unknown = EXCLUDE

    email = Emails(required=True, error_messages=MISSING)
    ts_event = fields.Integer(
        load_default=None,
        strict=True,
        validate=validate.Range(min=1, max=_YEAR_3000, error=_NO_SECONDS),
        error_messages={"invalid": _NO_SECONDS},
    )

    def __init__(self, now: datetime) -> None:
        self.now = now
        super().__init__()

    @validates("ts_event")
    def _has_happened(self, seconds: int | None, **_: object) -> None:
        if seconds and seconds > (self.now + AHEAD).timestamp():
            raise ValidationError("is in the future")

    @post_load
    def _build(self, raw: Mapping[str, Any], **_: object) -> BrevoEvent:
        at = datetime.fromtimestamp(raw["ts_event"], UTC) if raw["ts_event"] else None
        return BrevoEvent(raw["email"], at)
