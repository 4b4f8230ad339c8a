"""How it goes: what `/status` says, put together from the ledger, the policy and the settings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from hooks import __version__
from hooks.delivery import all_topics
from hooks.errors import LedgerUnavailableError
from hooks.ledger import stores, views
from hooks.retention.policy import Policy
from hooks.settings import Settings

Problem = dict[str, Any]


def status_of(
    connection: Connection, settings: Settings, policy: Policy, *, started_at: datetime, now: datetime
) -> dict[str, Any]:
    """The whole of it. `now` is an instant; days are days in the policy's time zone."""
    today = now.astimezone(policy.time_zone).date()
    problems = [*_record_problems(connection, today)]
    for slug in settings.stores:
        problems += _store_problems(connection, slug)
    found = _head("degraded" if problems else "ok", problems, started_at)
    found["policy"] = _policy(policy)
    found["records"] = views.counts(connection)
    found["schedule"] = _schedule(views.by_day(connection), today)
    found["stores"] = {slug: _store(connection, settings, policy, slug) for slug in settings.stores}
    return found


def status_without_ledger(
    policy: Policy, error: LedgerUnavailableError, *, started_at: datetime, now: datetime
) -> dict[str, Any]:
    """What can be said when the ledger cannot be read."""
    problem = {"code": "ledger-unavailable", "message": str(error), "since": now.isoformat()}
    return _head("down", [problem], started_at) | {"policy": _policy(policy)}


def _head(status: str, problems: list[Problem], started_at: datetime) -> dict[str, Any]:
    return {
        "status": status,
        "problems": problems,
        "version": __version__,
        "started_at": started_at.isoformat(),
    }


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "id": policy.id,
        "effective_from": policy.effective_from.isoformat(),
        "digest": policy.digest,
        "gaps": policy.gaps,
        "drift": None,  # not compared with the published page
    }


def _schedule(by_day: list[tuple[date, int]], today: date) -> dict[str, Any]:
    """How many records are due when. A record is due from the day after its `delete_after`."""
    by_month: dict[str, int] = {}
    for day, number in by_day:
        month = f"{day:%Y-%m}"
        by_month[month] = by_month.get(month, 0) + number

    def within(days: int) -> int:
        return sum(number for day, number in by_day if today <= day < today + timedelta(days=days))

    return {
        "overdue": sum(number for day, number in by_day if day < today),
        "next_30_days": within(30),
        "next_365_days": within(365),
        "by_month": [{"month": month, "count": number} for month, number in by_month.items()],
    }


def _store(connection: Connection, settings: Settings, policy: Policy, slug: str) -> dict[str, Any]:
    found = {"url": settings.stores[slug].url} | views.store_row(connection, slug)
    found["quarantined"] = sum(row.number for row in views.quarantined(connection, slug))
    found["webhooks"] = [{"topic": topic, "status": "not checked", "ok": None} for topic in all_topics(policy)]
    return found


def _record_problems(connection: Connection, today: date) -> Iterator[Problem]:
    number, examples, since = views.erased_too_early(connection, today)
    if number:
        named = "; ".join(
            f"{row.kind} {row.external_id} of {row.store} ({row.state}; to be kept until {row.delete_after})"
            for row in examples
        )
        more = f", the first {len(examples)} of them" if number > len(examples) else ""
        yield {
            "code": "erased-too-early",
            "message": f"{number} record(s) that the law wants kept were trashed or erased{more}: {named}",
            "since": since.isoformat() if since else None,
        }


def _store_problems(connection: Connection, slug: str) -> Iterator[Problem]:
    pause = stores.resting(connection, slug)
    if pause:
        act = "until it is mended, nothing is written back" if pause.permanent else "it is tried again by itself"
        yield {
            "code": f"store-{pause.code}",
            "message": f"Calls to the store {slug} fail ({pause.code}); {act}.",
            "since": pause.since.isoformat(),
        }
    for row in views.push_errors(connection, slug):
        yield {
            "code": "contested" if row.push_error == "contested" else "failing-pushes",
            "message": _push_words(slug, row.push_error, row.number, row.example),
            "since": row.since.isoformat() if row.since else None,
        }
    for row in views.quarantined(connection, slug):
        lost = row.reason == "owner-lost-rights"
        yield {
            "code": "webhook-owner-lost-rights" if lost else "quarantined",
            "message": f"{row.number} delivery(ies) of {slug} set aside: {_quarantine_words(row.reason)}",
            "since": row.since.isoformat(),
        }


def _push_words(slug: str, error: str, number: int, example: int) -> str:
    if error == "contested":
        return (
            f"{number} record(s) of {slug}, {example} among them: somebody or some plugin keeps changing our "
            "fields in the store; they are left as they are until their schedule changes."
        )
    return f"{number} record(s) of {slug}, {example} among them, cannot be written back ({error})."


def _quarantine_words(reason: str) -> str:
    return {
        "owner-lost-rights": "the user who owns the webhook may not see records; give the webhook another owner",
        "rest-error": "the store sent an error in place of the record",
        "not-json": "the body was not JSON",
        "not-an-object": "the body was not an object",
        "not-of-the-shape": "fields were missing or malformed",
    }.get(reason, reason)
