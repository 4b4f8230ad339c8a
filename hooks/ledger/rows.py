"""The types of a record's row and of a change to it, so that mypy finds a misspelt column. No cost at run time.

`hooks.ledger.tables` says what each column means.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal, TypedDict, cast

from hooks.retention.facts import RecordKind

State = Literal["unknown", "active", "trashed", "erased", "gone", "ignored"]


RETAG_PREFIX = "~"
"""Marks `tagged_by` of a record that waits to be re-tagged."""

CLOSED = "closed"
"""`reread_reason` of a record that the store refuses to show to the key."""

UNLISTED = "unlisted"
"""In place of a `reread_reason`: the store's lists leave this order out, and only its own address shows it."""


class RecordChange(TypedDict, total=False):
    """The columns of a record that are to be set, with their new values."""

    state: State
    version: datetime | None
    doubtful: bool
    facts: str | None
    unknown_status: bool
    held: bool
    legal_basis: str | None
    retention_class: str | None
    runs_from: date | None
    review_after: date | None
    delete_after: date | None
    entries: str
    policy_id: str | None
    closed_on: date | None
    tagged_by: str
    events: str
    customer_id: int | None
    subject: str | None
    linked: bool
    recipients: str
    part_delete_after: date | None
    wanted: str | None
    wanted_digest: str | None
    known_digest: str | None
    known_version: datetime | None
    push_at: datetime | None
    push_since: datetime | None
    push_attempts: int
    push_error: str | None
    contests: int
    contested_at: datetime | None
    reread_at: datetime | None
    reread_since: datetime | None
    reread_reason: str | None
    reread_attempts: int
    read_at: datetime | None
    young: bool
    oddities: str
    role: str | None
    email_hash: str | None
    request_due: date | None
    hold_review: date | None
    claim: str | None
    claim_until: datetime | None
    updated_at: datetime


class RecordRow(TypedDict):
    """A row of the table `records`: as it is stored, or as this transaction is going to store it."""

    id: int | None
    """None until the row is inserted."""

    store: str
    kind: RecordKind
    external_id: int
    state: State
    version: datetime | None
    doubtful: bool
    facts: str | None
    unknown_status: bool
    held: bool
    legal_basis: str | None
    retention_class: str | None
    runs_from: date | None
    review_after: date | None
    delete_after: date | None
    entries: str
    policy_id: str | None
    closed_on: date | None
    tagged_by: str
    events: str
    customer_id: int | None
    subject: str | None
    linked: bool
    recipients: str
    part_delete_after: date | None
    wanted: str | None
    wanted_digest: str | None
    known_digest: str | None
    known_version: datetime | None
    push_at: datetime | None
    push_since: datetime | None
    push_attempts: int
    push_error: str | None
    contests: int
    contested_at: datetime | None
    reread_at: datetime | None
    reread_since: datetime | None
    reread_reason: str | None
    reread_attempts: int
    read_at: datetime | None
    young: bool
    oddities: str
    role: str | None
    email_hash: str | None
    request_due: date | None
    hold_review: date | None
    claim: str | None
    claim_until: datetime | None
    created_at: datetime
    updated_at: datetime


def record_row(columns: Mapping[Any, Any]) -> RecordRow:
    """Take the columns that a query returns as a row. The caller's query must select all of them."""
    return cast("RecordRow", dict(columns))


def changed_row(row: RecordRow, change: RecordChange) -> RecordRow:
    """Return the row with a change applied."""
    return {**row, **change}


def differing_columns(row: RecordRow, change: RecordChange) -> RecordChange:
    """Return the columns whose value differs; none where only the time of writing would."""
    if not differs(row, change):
        return {}
    current: Mapping[str, Any] = row
    columns = {name: value for name, value in change.items() if value != current[name]}
    return cast("RecordChange", columns)


def differs(row: RecordRow, change: RecordChange) -> bool:
    """Tell whether a change sets another value, apart from the time of writing."""
    current: Mapping[str, Any] = row
    return any(value != current[name] for name, value in change.items() if name != "updated_at")
