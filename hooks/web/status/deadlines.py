"""Problems that the service exists for: what is still there after its day, and what went before it.

Of each there is how many records it is about, the oldest of them, and what to do. Nothing here goes through all
records: counts are tallies, and what is oldest stands first in an index.
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

Problem = dict[str, Any]

EVENT = "flask --app wsgi record event"


def problems(connection: Connection, policy: Policy, today: date) -> Iterator[Problem]:
    """Those of the whole ledger. `today` is a day in the policy's time zone."""
    yield from _overdue(connection, policy, today)
    yield from _erased_too_early(connection, today)


def store_problems(
    connection: Connection, slug: str, policy: Policy, today: date
) -> Iterator[Problem]:
    """Those of one store. `today` is a day in the policy's time zone."""
    number, oldest = due.count_before(connection, slug, "request_due", today)
    if oldest:
        yield {
            "code": "request-late",
            "message": f"{number} record(s) of {slug} hold data that a person asked to have erased, or objected to, "
            f"and the month of the request is over (GDPR Art. 12(3)). The oldest is {_named(oldest)}, which was to "
            f"go by {oldest.day}: erase these data in the store, and tell the person.",
            "since": _start(oldest.day + timedelta(days=1), policy),
        }
    number, oldest = due.count_before(connection, slug, "hold_review", today + timedelta(days=1))
    if oldest:
        yield {
            "code": "hold-review",
            "message": f"{number} record(s) of {slug} are under a hold of which the day of review has come; the oldest "
            f"is {_named(oldest)}, to be reviewed on {oldest.day}. Lift the hold, or place a new one with a later "
            f"`review_on` and lift this one: `{EVENT}`.",
            "since": _start(oldest.day, policy),
        }


def _overdue(connection: Connection, policy: Policy, today: date) -> Iterator[Problem]:
    """Find what is still there later than `act_within` after its last day."""
    within = policy.deletion.act_within
    before = within.first_start(today)
    whole, oldest_whole = due.first_due(connection, DueQuery(before))
    parts, oldest_part = due.first_due(connection, DueQuery(before, parts=True))
    found = [row for row in (oldest_whole, oldest_part) if row]
    if not found:
        return
    oldest = min(found, key=lambda row: row.day)
    counts = [
        f"{whole} record(s)" if whole else "",
        f"a part of {parts} record(s)" if parts else "",
    ]
    what = " and ".join(filter(None, counts))
    yield {
        "code": "overdue",
        "message": f"Overdue: {what} were to be deleted within {within} after the last day on which they are kept, and "
        f"are still there. The oldest is {_named(oldest)} of {oldest.store}, kept until {oldest.day}: erase or delete "
        "it and the others in the store; `/schedule` lists what is due, `/schedule?what=parts` of which a part is.",
        "since": _start(within.after(oldest.day) + timedelta(days=1), policy),
    }


def _erased_too_early(connection: Connection, today: date) -> Iterator[Problem]:
    number, examples, since = views.erased_too_early(connection, today)
    if number:
        named = "; ".join(
            f"{_named(row)} of {row.store} ({row.state}; {_kept_for(row)})" for row in examples
        )
        more = f", the first {len(examples)} of them" if number > len(examples) else ""
        yield {
            "code": "erased-too-early",
            "message": f"{number} record(s) that the law or a hold wants kept were trashed or erased{more}: {named}. "
            "Restore them in the store, or from its backup.",
            "since": iso_or_none(since),
        }


def _kept_for(row: Row[Any]) -> str:
    if not row.held:
        return f"to be kept until {row.delete_after}"
    is_restricted = any(
        entry["until"] == "restriction-lifted" for entry in read_entries(row.entries)
    )
    return "restricted, and to be kept by law" if is_restricted else "under a hold"


def _named(row: Row[Any]) -> str:
    return f"{row.kind} {row.external_id}"


def _start(day: date, policy: Policy) -> str:
    """The instant at which a day begins in the policy's time zone."""
    return datetime.combine(day, time.min, policy.time_zone).astimezone(UTC).isoformat()
