"""Brevo's webhooks, as Brevo documents them: an event with the e-mail that it is about, or a list of them.

What ends a consent counts: an unsubscription, a complaint about spam, a contact that was deleted or blocked. All else
is none of ours; that a mailbox is gone (a hard bounce) or that somebody was put on a list says nothing of a consent.

The e-mails are here to be turned into keyed hashes at once; all else but the time is dropped unread.
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
"""A contact was changed: this ends a consent where it blocks all campaigns to the contact."""

_BLOCKED = ("emailblacklisted", "emailblocklisted")
_YES = (True, "true", "1", "yes")

MOST_EMAILS = 1000
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def is_brevo(raw: Mapping[str, Any]) -> bool:
    """Whether a body is Brevo's: it names an `event`, where ours names a `type`."""
    return "type" not in raw and isinstance(raw.get("event"), str)


def occurrence_of(raw: Mapping[str, Any]) -> Occurrence | None:
    """Tell what an event of Brevo's means for a consent; None where it means nothing."""
    if raw["event"] in UPDATED:
        return "consent-withdrawn" if _is_blocked(raw) else None
    return OCCURRENCES.get(raw["event"])


def _is_blocked(raw: Mapping[str, Any]) -> bool:
    """Tell whether the changes of a contact, an object or a list of them, block it."""
    content = raw.get("content")
    changes = content if isinstance(content, list) else [content]
    told = [change for change in (raw, *changes) if isinstance(change, Mapping)]
    return any(_says_blocked(name, value) for change in told for name, value in change.items())


def _says_blocked(name: str, value: object) -> bool:
    plain = name.replace("_", "").lower()
    is_yes = (value.lower() if isinstance(value, str) else value) in _YES
    return plain in _BLOCKED and is_yes


@dataclass(frozen=True, slots=True)
class BrevoEvent:
    """Whom an event is about, and when it was; `at` is None where no time in UTC is told.

    `emails` is never to be kept, logged or repeated.
    """

    emails: tuple[str, ...] = field(repr=False)
    at: datetime | None


class Emails(fields.Field[tuple[str, ...]]):
    """An e-mail or a list of them."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> tuple[str, ...]:
        listed = [value] if isinstance(value, str) else value
        if (
            not isinstance(listed, list)
            or not 0 < len(listed) <= MOST_EMAILS
            or not all(map(_is_email, listed))
        ):
            raise ValidationError(f"is neither an e-mail nor a list of 1 to {MOST_EMAILS}")
        return tuple(listed)


def _is_email(value: object) -> bool:
    return (
        isinstance(value, str)
        and value.strip().isprintable()
        and _EMAIL.fullmatch(value.strip()) is not None
    )


class BrevoEventSchema(Schema):
    """An event to which `occurrence_of` gives a meaning. `now` is the time of day, aware.

    `ts_event`, in seconds since 1970, is the one time of Brevo's that is in UTC.
    """

    class Meta:
        unknown = EXCLUDE

    email = Emails(required=True, error_messages=MISSING)
    ts_event = fields.Integer(
        load_default=None,
        strict=True,
        validate=validate.Range(
            min=1, max=32_503_680_000, error="is not a time in seconds since 1970"
        ),
        error_messages={"invalid": "is not a time in seconds since 1970"},
    )

    def __init__(self, now: datetime) -> None:
        self.now = now
        super().__init__()

    @validates("ts_event")
    def _has_happened(self, seconds: int | None, **_: object) -> None:
        if seconds and seconds > (self.now + AHEAD).timestamp():
            raise ValidationError("is in the future")

    @post_load
    def _make(self, raw: Mapping[str, Any], **_: object) -> BrevoEvent:
        at = datetime.fromtimestamp(raw["ts_event"], UTC) if raw["ts_event"] else None
        return BrevoEvent(raw["email"], at)
