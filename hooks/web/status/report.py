"""The report of `/status`, from the ledger, the policy and the settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row

from hooks import __version__
from hooks.errors import LedgerUnavailableError
from hooks.intake.webhook import all_topics
from hooks.ledger import page_checks, policies, records, tallies, views, webhooks
from hooks.retention.policy import Policy
from hooks.retention.tags import tagged_by
from hooks.settings import Settings
from hooks.sync import store_observations
from hooks.web.status import (
    Problem,
    deadlines,
    operation,
    policy_problems,
    store_problems,
    webhook_problems,
)


def status_of(
    connection: Connection,
    settings: Settings,
    policy: Policy,
    *,
    started_at: datetime,
    now: datetime,
    process_problems: Iterable[Problem] = (),
) -> dict[str, Any]:
    """Report the state of the service. It is `down` where no delivery can be accepted.

    `now` is an instant; days are days in the policy's time zone. `process_problems` are those that the process has
    found outside the ledger.
    """
    today = policy.day_of(now)
    problems = [
        *process_problems,
        *deadlines.problems(connection, policy, today),
        *policy_problems.problems(connection, policy, now),
    ]
    for slug, store in settings.stores.items():
        problems += operation.store_problems(
            connection, slug, store.url, started_at=started_at, now=now
        )
        problems += store_problems.problems(connection, slug)
        problems += webhook_problems.problems(connection, slug)
        problems += deadlines.store_problems(connection, slug, policy, today)
        problems += store_observations.problems(connection, slug, policy.time_zone)
        problems += store_problems.reconciliation_problems(
            connection, slug, now=now, reconcile=settings.reconcile
        )
    return _head(_status(problems), problems, started_at) | {
        "policy": _policy_head(policy) | _policy_progress(connection, policy),
        "people": _people(settings),
        "records": views.counts(connection),
        "recipients": views.by_recipient(connection),
        "schedule": _schedule(connection, today),
        "stores": {slug: _store(connection, settings, policy, slug) for slug in settings.stores},
    }


def status_without_ledger(
    policy: Policy, error: LedgerUnavailableError, *, started_at: datetime, now: datetime
) -> dict[str, Any]:
    """Report the state of a service that cannot read its ledger."""
    problem = {"code": "ledger-unavailable", "message": str(error), "since": now.isoformat()}
    return _head("down", [problem], started_at) | {"policy": _policy_head(policy)}


def _status(problems: Iterable[Problem]) -> str:
    codes = {problem["code"] for problem in problems}
    if operation.NOT_WRITABLE in codes:
        return "down"
    if codes:
        return "degraded"
    return "ok"


def _head(status: str, problems: list[Problem], started_at: datetime) -> dict[str, Any]:
    return {
        "status": status,
        "problems": problems,
        "version": __version__,
        "started_at": started_at.isoformat(),
    }


def _people(settings: Settings) -> dict[str, Any]:
    """Say whether the service can tell that several orders are of one guest. It is no problem if it cannot."""
    has_key = settings.subject_key is not None
    if has_key:
        message = "Guests are told apart by the keyed hash of their e-mail address."
    else:
        message = (
            "Guests cannot be told apart: without SUBJECT_KEY no order, account or newsletter contact is known by its "
            "e-mail address. Note a request of a guest, or a decision about them, on each of their orders."
        )
    return {"guests_told_apart": has_key, "message": message}


def _policy_head(policy: Policy) -> dict[str, Any]:
    return {
        "id": policy.id,
        "version": policy.version,
        "effective_from": policy.effective_from.isoformat(),
        "digest": policy.digest,
        "gaps": [asdict(gap) for gap in policy.gaps.values()],
        "drift": None,  # without the ledger, no comparison with the published page is known
    }


def _policy_progress(connection: Connection, policy: Policy) -> dict[str, Any]:
    """Report the records that are still to be re-tagged, the policies that wait, and the drift from the page."""
    return {
        "drift": page_checks.findings(connection, policy),
        "to_be_tagged": records.count_to_retag(connection, tagged_by(policy)),
        "waiting": [_waiting_policy(row) for row in policies.proposed(connection)],
    }


def _waiting_policy(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "digest": row.digest,
        "effective_from": row.effective_from.isoformat(),
        "waits_for": row.waits_for,
    }


def _schedule(connection: Connection, today: date) -> dict[str, Any]:
    """Count the records, and the parts that go before the rest of their record, by the time at which they are due.

    Data are due from the day after their `delete_after`.
    """
    months = tallies.months(connection, "whole", today)
    part_months = tallies.months(connection, "part", today)
    return _due_totals(months) | {
        "by_month": [{"month": row.month, "count": row.number} for row in months],
        "parts": _due_totals(part_months),
    }


def _due_totals(months: list[Row[Any]]) -> dict[str, int]:
    return {
        "overdue": sum(row.overdue for row in months),
        "next_30_days": sum(row.next_30_days for row in months),
        "next_365_days": sum(row.next_365_days for row in months),
    }


def _store(connection: Connection, settings: Settings, policy: Policy, slug: str) -> dict[str, Any]:
    quarantined = sum(row.number for row in views.quarantined(connection, slug))
    return {
        "url": settings.stores[slug].url,
        **views.store_summary(connection, slug),
        "quarantined": quarantined,
        "webhooks": list(_webhooks(connection, all_topics(policy), slug)),
    }


def _webhooks(
    connection: Connection, topics: tuple[str, ...], slug: str
) -> Iterator[dict[str, Any]]:
    """Report each topic as the watch last saw it."""
    rows = webhooks.rows_by_topic(connection, slug)
    for topic in topics:
        if topic in rows:
            status = rows[topic].status
            yield {"topic": topic, "status": status, "ok": status == webhooks.WORKS}
        else:
            yield {"topic": topic, "status": "not checked", "ok": None}
