"""The published pages: when each was last compared with the policy in force, and the findings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    literal,
    or_,
    select,
    update,
)

from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import pages
from hooks.retention.policy import Policy

DAILY = timedelta(days=1)
"""The time between two checks of a page."""

LEASE = timedelta(minutes=5)
"""Longer than it takes to fetch and read a page. After it, another worker takes over from one that died."""

Finding = dict[str, Any]
"""A `hooks.page.finding.PageFinding` as JSON."""


@dataclass(frozen=True, slots=True)
class PageCheck:
    """The result of the last check of a page. `error` says why the page could not be read, if it could not."""

    url: str
    findings: tuple[Finding, ...]
    since: datetime | None
    error: str | None
    error_since: datetime | None


def keep_only(connection: Connection, urls: Iterable[str], now: datetime) -> None:
    """Keep a row for each page that the settings name, and for no other page. A new page is due at once."""
    pages_to_check = sorted(urls)
    for url in pages_to_check:
        connection.execute(insert_ignore(connection, pages), {"url": url, "due_at": now})
    connection.execute(delete(pages).where(pages.c.url.not_in(pages_to_check)))


def _select_due(policy: Policy, now: datetime) -> Select[str]:
    """Select the page that is due the longest and not claimed.

    A page that was compared with another policy is due at once. A time too far in the future was written by a clock
    that was ahead: it does not count.
    """
    has_other_policy = or_(pages.c.policy_digest.is_(None), pages.c.policy_digest != policy.digest)
    is_due = or_(
        pages.c.due_at <= now,
        pages.c.due_at > now + DAILY,
        and_(has_other_policy, pages.c.error.is_(None)),
    )
    claim_until = pages.c.claim_until
    is_free = or_(claim_until.is_(None), claim_until <= now, claim_until > now + 2 * LEASE)
    return select(pages.c.url).where(is_due, is_free).order_by(pages.c.due_at).limit(1)


def is_any_due(connection: Connection, policy: Policy, now: datetime) -> bool:
    """Tell whether a page is due to be checked."""
    return connection.execute(_select_due(policy, now)).first() is not None


def claim(connection: Connection, policy: Policy, now: datetime) -> str | None:
    """Claim the page that is to be checked next; None where no page is due."""
    url: str | None = connection.execute(
        _select_due(policy, now).with_for_update(skip_locked=True)
    ).scalar()
    if url is not None:
        of_page = update(pages).where(pages.c.url == url)
        connection.execute(of_page.values(claim_until=now + LEASE))
    return url


def release(connection: Connection, url: str) -> None:
    """Give up a claim on a page that was not checked."""
    connection.execute(update(pages).where(pages.c.url == url).values(claim_until=None))


def save_findings(
    connection: Connection,
    url: str,
    policy: Policy,
    page_findings: Sequence[Finding],
    now: datetime,
) -> None:
    """Save the result of a check, end the claim, and make the next check due in a day.

    `since` is the time of the first check that found a drift; None while no finding is a drift.
    """
    has_drift = any(finding["severity"] == "drift" for finding in page_findings)
    values: dict[str, Any] = {
        "since": None,
        "findings": json.dumps(page_findings),
        "policy_digest": policy.digest,
        "checked_at": now,
        "due_at": now + DAILY,
        "error": None,
        "error_since": None,
        "claim_until": None,
    }
    if has_drift:
        values["since"] = _first_time(pages.c.since, now)
    connection.execute(update(pages).where(pages.c.url == url).values(values))


def save_failure(
    connection: Connection, url: str, error: str, *, now: datetime, due: datetime
) -> None:
    """Save that the page could not be read, and end the claim. The findings of the last check stay."""
    since = _first_time(pages.c.error_since, now)
    values = {"error": error, "error_since": since, "due_at": due, "claim_until": None}
    connection.execute(update(pages).where(pages.c.url == url).values(values))


def _first_time(column: Column[datetime], now: datetime) -> ColumnElement[datetime]:
    """Return the instant in a column, or `now` where it has none."""
    return case((column.is_(None), literal(now, column.type)), else_=column)


def latest_checks(connection: Connection, policy: Policy) -> list[PageCheck]:
    """Return the last check of each page, with its findings only if it compared the page with this very policy."""
    checks = []
    for row in connection.execute(select(pages).order_by(pages.c.url)):
        page_findings: tuple[Finding, ...] = ()
        if row.findings and row.policy_digest == policy.digest:
            page_findings = tuple(json.loads(row.findings))
        checks.append(PageCheck(row.url, page_findings, row.since, row.error, row.error_since))
    return checks


def findings(connection: Connection, policy: Policy) -> list[Finding] | None:
    """Return all findings of all pages for this policy; None where no page was compared with it."""
    compared = select(pages.c.url).where(pages.c.policy_digest == policy.digest)
    if connection.execute(compared).first() is None:
        return None
    return [
        {"page": page.url} | finding
        for page in latest_checks(connection, policy)
        for finding in page.findings
    ]
