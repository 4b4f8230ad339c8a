"""The published pages: when each was last compared with the policy in force, and what was found."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, case, delete, literal, or_, select, update

from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import pages
from hooks.retention.policy import Policy

DAILY = timedelta(days=1)
"""How often a page is compared."""

LEASE = timedelta(minutes=5)
"""Longer than a page takes to be fetched and read; of a worker that died, another goes on after it."""

Finding = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the last look at a page gave. `error` says why it could not be read, if it could not."""

    url: str
    findings: tuple[Finding, ...]
    since: datetime | None
    error: str | None
    error_since: datetime | None


def keep_to(connection: Connection, urls: Iterable[str], now: datetime) -> None:
    """Have a row for each page that the settings name, and for no other."""
    wanted = sorted(urls)
    for url in wanted:
        connection.execute(insert_ignore(connection, pages), {"url": url, "due_at": now})
    connection.execute(delete(pages).where(pages.c.url.not_in(wanted)))


def _due(policy: Policy, now: datetime) -> Select[str]:
    """At once, where another policy is in force by now than the one that a page was compared with.

    What is further ahead than it can have been put off was put off by a clock that was ahead: it counts for nothing.
    """
    other = or_(pages.c.policy_digest.is_(None), pages.c.policy_digest != policy.digest)
    due = or_(
        pages.c.due_at <= now, pages.c.due_at > now + DAILY, and_(other, pages.c.error.is_(None))
    )
    held = pages.c.claim_until
    free = or_(held.is_(None), held <= now, held > now + 2 * LEASE)
    return select(pages.c.url).where(due, free).order_by(pages.c.due_at).limit(1)


def any_due(connection: Connection, policy: Policy, now: datetime) -> bool:
    """Whether there is a page to be looked at."""
    return connection.execute(_due(policy, now)).first() is not None


def claim(connection: Connection, policy: Policy, now: datetime) -> str | None:
    """The page that is to be looked at next, for this worker."""
    url: str | None = connection.execute(
        _due(policy, now).with_for_update(skip_locked=True)
    ).scalar()
    if url is not None:
        connection.execute(update(pages).where(pages.c.url == url).values(claim_until=now + LEASE))
    return url


def release(connection: Connection, url: str) -> None:
    """Give up a claim on a page that was not looked at."""
    connection.execute(update(pages).where(pages.c.url == url).values(claim_until=None))


def settle(
    connection: Connection,
    url: str,
    policy: Policy,
    found: Iterable[Finding],
    *,
    drift: bool,
    now: datetime,
    due: datetime,
) -> None:
    """Keep what was found; `since` when there has been a drift stays."""
    since = (
        case((pages.c.since.is_(None), literal(now, pages.c.since.type)), else_=pages.c.since)
        if drift
        else None
    )
    values = {
        "findings": json.dumps(list(found)),
        "policy_digest": policy.digest,
        "checked_at": now,
        "due_at": due,
    }
    cleared = {"error": None, "error_since": None, "claim_until": None}
    connection.execute(
        update(pages).where(pages.c.url == url).values(since=since, **values, **cleared)
    )


def failed(connection: Connection, url: str, error: str, *, now: datetime, due: datetime) -> None:
    """The page could not be read; what was last found of it stands."""
    since = case(
        (pages.c.error_since.is_(None), literal(now, pages.c.error_since.type)),
        else_=pages.c.error_since,
    )
    values = {"error": error, "error_since": since, "due_at": due, "claim_until": None}
    connection.execute(update(pages).where(pages.c.url == url).values(values))


def checked(connection: Connection, policy: Policy) -> list[Checked]:
    """What is known of each page; findings only of a comparison with this very policy."""
    rows = connection.execute(select(pages).order_by(pages.c.url))
    return [
        Checked(
            row.url,
            tuple(json.loads(row.findings))
            if row.findings and row.policy_digest == policy.digest
            else (),
            row.since,
            row.error,
            row.error_since,
        )
        for row in rows
    ]


def findings(connection: Connection, policy: Policy) -> list[Finding] | None:
    """All that the pages say otherwise than this policy; None where none was compared with it."""
    compared = select(pages.c.url).where(pages.c.policy_digest == policy.digest)
    if connection.execute(compared).first() is None:
        return None
    return [
        {"page": page.url} | finding
        for page in checked(connection, policy)
        for finding in page.findings
    ]
