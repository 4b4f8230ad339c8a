"""Problems with the deadlines of records: data that are kept too long, and data that were deleted too early.

Each problem has the number of records, the oldest of them, and what to do. Nothing here reads all records: the numbers
are tallies, and the oldest record comes first in an index.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from hooks.ledger import due, views
from hooks.ledger.codec import read_entries
from hooks.ledger.due import DueQuery
from hooks.retention.iso import iso_or_none
from hooks.retention.policy import Policy
from hooks.web.status import Problem, words_for_more

EVENT = "flask --app wsgi record event"


def problems(connection: Connection, policy: Policy, today: date) -> Iterator[Problem]:
    """Find the problems of the whole ledger. `today` is a day in the policy's time zone."""
    yield from _overdue(connection, policy, today)
    yield from _erased_too_early(connection, today)


def store_problems(
    connection: Connection, slug: str, policy: Policy, today: date
) -> Iterator[Problem]:
    """Find the problems of one store. `today` is a day in the policy's time zone."""
    yield from _late_requests(connection, slug, policy, today)
    yield from _holds_to_review(connection, slug, policy, today)


def _late_requests(
    connection: Connection, slug: str, policy: Policy, today: date
) -> Iterator[Problem]:
    number, oldest = due.count_before(connection, slug, "request_due", today)
    if oldest:
        yield {
            "code": "request-late",
            "message": f"{number} record(s) of {slug} hold data that a person asked to have erased, or objected to, "
            f"and the month of the request is over (GDPR Art. 12(3)). The oldest is {_name(oldest)}, which had to "
            f"be erased by {oldest.day}: erase these data in the store, and tell the person.",
            "since": _start_of(oldest.day + timedelta(days=1), policy),
        }


def _holds_to_review(
    connection: Connection, slug: str, policy: Policy, today: date
) -> Iterator[Problem]:
    number, oldest = due.count_before(connection, slug, "hold_review", today + timedelta(days=1))
    if oldest:
        yield {
            "code": "hold-review",
            "message": f"{number} record(s) of {slug} are under a hold whose day of review has come; the oldest is "
            f"{_name(oldest)}, to be reviewed on {oldest.day}. Lift the hold, or place a new one with a later "
            f"`review_on` and lift this one: `{EVENT}`.",
            "since": _start_of(oldest.day, policy),
        }


def _overdue(connection: Connection, policy: Policy, today: date) -> Iterator[Problem]:
    """Find data that are still there when `act_within` has passed since their last day."""
    within = policy.deletion.act_within
    before = within.first_start(today)
    records_due, oldest_record = due.first_due(connection, DueQuery(before))
    parts_due, oldest_part = due.first_due(connection, DueQuery(before, parts=True))
    counts: list[str] = []
    oldest_rows: list[Row[Any]] = []
    if oldest_record:
        counts.append(f"{records_due} record(s)")
        oldest_rows.append(oldest_record)
    if oldest_part:
        counts.append(f"a part of {parts_due} record(s)")
        oldest_rows.append(oldest_part)
    if not oldest_rows:
        return
    oldest = min(oldest_rows, key=lambda row: row.day)
    yield {
        "code": "overdue",
        "message": f"Overdue: {' and '.join(counts)} had to be deleted within {within} after the last day on which "
        f"they are kept, and are still there. The oldest is {_name(oldest)} of {oldest.store}, kept until "
        f"{oldest.day}: erase or delete it and the others in the store; `/schedule` lists the records that are due, "
        "`/schedule?what=parts` those of which a part is due.",
        "since": _start_of(within.after(oldest.day) + timedelta(days=1), policy),
    }


def _erased_too_early(connection: Connection, today: date) -> Iterator[Problem]:
    number, examples, since = views.erased_too_early(connection, today)
    if not number:
        return
    names = "; ".join(map(_erased_name, examples))
    more = words_for_more(number, examples)
    yield {
        "code": "erased-too-early",
        "message": f"{number} record(s) that must be kept by law or under a hold were trashed or erased{more}: "
        f"{names}. Restore them in the store, or from its backup.",
        "since": iso_or_none(since),
    }


def _erased_name(row: Row[Any]) -> str:
    """Name a record that was erased too early, with its state and the reason to keep it."""
    return f"{_name(row)} of {row.store} ({row.state}; {_reason_to_keep(row)})"


def _reason_to_keep(row: Row[Any]) -> str:
    if not row.held:
        return f"to be kept until {row.delete_after}"
    for entry in read_entries(row.entries):
        if entry["until"] == "restriction-lifted":
            return "restricted, and to be kept by law"
    return "under a hold"


def _name(row: Row[Any]) -> str:
    return f"{row.kind} {row.external_id}"


def _start_of(day: date, policy: Policy) -> str:
    """Return the instant at which a day begins in the policy's time zone."""
    return datetime.combine(day, time.min, policy.time_zone).astimezone(UTC).isoformat()
