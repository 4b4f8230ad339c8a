"""The row of each store: its backoff, its rate limit, and the times of the last events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, case, func, literal, or_, select, update

from hooks.ledger.records import insert_ignore
from hooks.ledger.statements import BACKOFF, SAVE_BUDGET, SAVE_LAST_PUSH
from hooks.ledger.tables import NO_WEBHOOKS, deliveries, stores

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""The end of a backoff for which nobody waits any more."""

MAX_AHEAD = timedelta(hours=1)
"""Stores are called more often than this. If our clock is further ahead of the newest time that a store gave, it is
wrong, or no store has answered for so long."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """No call is made to the store before `until`. `permanent`: no retry will help before an operator acts."""

    code: str
    since: datetime
    until: datetime
    permanent: bool
    failures: int


def register(connection: Connection, slugs: Iterable[str]) -> None:
    """Insert a row for each store, and end the permanent backoffs: an operator may have acted before this start."""
    for slug in slugs:
        connection.execute(insert_ignore(connection, stores), {"slug": slug})
        connection.execute(
            update(stores)
            .where(stores.c.slug == slug, stores.c.stopped_permanent)
            .values(resume_at=None)
        )


def backoff_of(connection: Connection, slug: str) -> Backoff | None:
    """Return the backoff of a store, which may be over; None if the last call to the store succeeded."""
    for row in BACKOFF.rows(connection, {"store": slug}):
        if row["stopped_code"] is not None:
            return Backoff(
                code=row["stopped_code"],
                since=row["stopped_since"],
                until=row["resume_at"] or LONG_AGO,
                permanent=row["stopped_permanent"],
                failures=row["failures"],
            )
    return None


def save_backoff(connection: Connection, slug: str, backoff: Backoff) -> None:
    """Begin or prolong a backoff. `since` stays at the first of several failures in a row with the same code."""
    previous = backoff_of(connection, slug)
    since = backoff.since
    if previous and previous.code == backoff.code:
        since = previous.since
    connection.execute(
        update(stores)
        .where(stores.c.slug == slug)
        .values(
            resume_at=backoff.until,
            stopped_code=backoff.code,
            stopped_since=since,
            stopped_permanent=backoff.permanent,
            failures=backoff.failures,
        )
    )


def end_backoff(connection: Connection, slug: str, now: datetime) -> None:
    """End the backoff, since the store answers. One that another process has begun meanwhile stays in effect."""
    cleared = {"resume_at": None, "stopped_code": None, "stopped_since": None}
    is_over = or_(stores.c.resume_at.is_(None), stores.c.resume_at <= now)
    stopped = update(stores).where(
        stores.c.slug == slug, stores.c.stopped_code.is_not(None), is_over
    )
    connection.execute(stopped.values(**cleared, stopped_permanent=False, failures=0))


def note_push(connection: Connection, slug: str, at: datetime) -> None:
    """Note that something was written to the store."""
    SAVE_LAST_PUSH.run(connection, [{"store": slug, "last_pushed_at": at}])


def note_missed_change(
    connection: Connection, slug: str, changed_at: datetime, now: datetime
) -> None:
    """Note a change that no delivery told, unless a delivery came after it: silence means that the webhooks fail."""
    last_delivery = select(func.max(deliveries.c.received_at)).where(
        deliveries.c.store == slug, deliveries.c.topic.not_in(NO_WEBHOOKS)
    )
    last = last_delivery.scalar_subquery()
    is_silent = or_(last.is_(None), last < changed_at)
    # A delivery that came after `missed_at` has ended the silence before this one.
    is_first = or_(stores.c.missed_at.is_(None), stores.c.missed_at <= last)
    at = case((is_first, literal(now, stores.c.missed_at.type)), else_=stores.c.missed_at)
    connection.execute(update(stores).where(stores.c.slug == slug, is_silent).values(missed_at=at))


def note_reconciled(connection: Connection, slug: str, at: datetime) -> None:
    """Note that the store was asked for all changes up to an instant."""
    connection.execute(update(stores).where(stores.c.slug == slug).values(last_reconciled_at=at))


def lock_budget(connection: Connection, slug: str) -> Row[Any]:
    """Read and lock the row with the rate limit of a store: `next_call_at`, `rate`, `usual`. Inserts a missing row."""
    query = select(stores).where(stores.c.slug == slug).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        connection.execute(insert_ignore(connection, stores), {"slug": slug})
        row = connection.execute(query).one()
    return row


def save_budget(
    connection: Connection, slug: str, *, next_call_at: datetime, rate: float, usual: str
) -> None:
    """Write the rate limit that `lock_budget` has read and the caller has changed."""
    SAVE_BUDGET.run(
        connection, [{"store": slug, "next_call_at": next_call_at, "rate": rate, "usual": usual}]
    )


# --- the shop, the worker, and the clocks ----------------------------------------------------------------


def row(connection: Connection, slug: str) -> Row[Any] | None:
    """Return the row of a store; None before a worker or a call to the store has inserted it."""
    return connection.execute(select(stores).where(stores.c.slug == slug)).first()


def keep_url(connection: Connection, slug: str, url: str) -> None:
    """Note the address of the shop that the records belong to, unless one is stored already."""
    connection.execute(
        update(stores).where(stores.c.slug == slug, stores.c.url.is_(None)).values(url=url)
    )


def replace_url(connection: Connection, slug: str, url: str) -> None:
    """Store another address of the shop that the records belong to."""
    connection.execute(update(stores).where(stores.c.slug == slug).values(url=url))


def note_worker(connection: Connection, slug: str, now: datetime) -> None:
    """Note that a worker works for the store."""
    connection.execute(update(stores).where(stores.c.slug == slug).values(worker_at=now))


def note_store_time(connection: Connection, slug: str, store_time: datetime, at: datetime) -> None:
    """Note the time that the store gave in an answer, and our own time `at` then."""
    connection.execute(
        update(stores).where(stores.c.slug == slug).values(store_time=store_time, store_time_at=at)
    )


def not_ahead_of_stores(connection: Connection, now: datetime) -> datetime:
    """Return `now`, but at most MAX_AHEAD after the newest time that a store gave.

    Our clock may be wrong. If it is ahead, that alone must not make everything due.
    """
    newest = _newest_store_time(connection)
    if newest is None:
        return now
    return min(now, newest + MAX_AHEAD)


def not_behind_stores(connection: Connection, now: datetime) -> datetime:
    """Return `now`, but not before the newest time that a store gave."""
    newest = _newest_store_time(connection)
    if newest is None:
        return now
    return max(now, newest)


def _newest_store_time(connection: Connection) -> datetime | None:
    newest: datetime | None = connection.execute(
        select(func.max(stores.c.store_time))
    ).scalar_one_or_none()
    return newest
