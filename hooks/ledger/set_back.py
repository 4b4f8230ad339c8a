"""Repairing the ledger after the clock was set back.

While the clock was ahead, it has written instants that lie in the future now. There are two kinds:

- Something waits for the instant: a retry, a backoff, a round. It would wait until the instant comes, perhaps for
  years. It is made due now.
- The instant says when something happened. That cannot be after now, so the instant is changed to now.

The times and marks of finished rounds are left as they are: a round that was done in the future notices that itself,
and then reads the whole store. The history is never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Update, select, update

from hooks.ledger.records import RecordKey
from hooks.ledger.rounds import START_PLACE, RoundName
from hooks.ledger.tables import (
    deliveries,
    pages,
    policies,
    quarantine,
    records,
    rounds,
    store_traits,
    stores,
    webhooks,
)
from hooks.retention.facts import STORED_KINDS

SLACK = timedelta(minutes=1)
"""The difference that is normal between the clocks of two machines."""

AWAITED = (records.c.push_at, records.c.reread_at, stores.c.resume_at, rounds.c.due_at)
"""Instants of one store for which something waits. Claims, pages and `next_call_at` need no repair: their delays are
short, or the code that reads them ignores an instant that is too far ahead."""

PAST_OF_STORE = (
    records.c.push_since,
    records.c.contested_at,
    records.c.reread_since,
    records.c.read_at,
    records.c.created_at,
    records.c.updated_at,
    deliveries.c.received_at,
    quarantine.c.received_at,
    quarantine.c.resolved_at,
    stores.c.last_pushed_at,
    stores.c.last_reconciled_at,
    stores.c.stopped_since,
    stores.c.installed_at,
    stores.c.missed_at,
    stores.c.worker_at,
    rounds.c.asked_for_at,
    rounds.c.error_since,
    webhooks.c.checked_at,
    webhooks.c.wrong_since,
    store_traits.c.since,
)
"""Instants of one store at which something happened, by our clock."""

PAST_OF_SERVICE = (
    policies.c.proposed_at,
    policies.c.in_force_at,
    pages.c.checked_at,
    pages.c.since,
    pages.c.error_since,
)
"""Instants of no store at which something happened, by our clock."""


def make_due(
    connection: Connection,
    store: str,
    now: datetime,
    longest: timedelta,
    longest_of_rounds: Mapping[RoundName, timedelta],
) -> int:
    """Make due all that waits for an instant further ahead than its longest delay. Returns how many rows that were.

    `longest`: the longest delay of a retry and of a backoff; `longest_of_rounds`: the longest delay of each round.
    """
    changed = 0
    for statement in _make_due_statements(store, now, longest, longest_of_rounds):
        changed += connection.execute(statement).rowcount
    return changed


def _make_due_statements(
    store: str,
    now: datetime,
    longest: timedelta,
    longest_of_rounds: Mapping[RoundName, timedelta],
) -> Iterator[Update]:
    for column in (records.c.push_at, records.c.reread_at):
        statement = update(records).where(
            records.c.store == store,
            # Only these kinds are pushed and refetched. The index of pushes begins with store and kind.
            records.c.kind.in_(STORED_KINDS),
            column > now + longest,
        )
        yield statement.values({column: now})
    in_backoff = update(stores).where(stores.c.slug == store, stores.c.resume_at > now + longest)
    yield in_backoff.values(resume_at=now)
    for name, delay in longest_of_rounds.items():
        put_off = update(rounds).where(
            rounds.c.store == store, rounds.c.name == name, rounds.c.due_at > now + delay
        )
        yield put_off.values(due_at=now)


def has_delivery_after(connection: Connection, store: str, now: datetime) -> bool:
    """Tell whether a delivery was taken in the future."""
    query = select(deliveries.c.identity).where(
        deliveries.c.store == store, deliveries.c.received_at > now + SLACK
    )
    return connection.execute(query.limit(1)).first() is not None


def set_past_to_now(connection: Connection, store: str, now: datetime) -> None:
    """Change instants of past events that lie in the future to `now`. Reads all records.

    A round that began in the future is put back to its start.
    """
    for column in PAST_OF_STORE:
        table = column.table
        if table is stores:
            slug = table.c.slug
        else:
            slug = table.c.store
        connection.execute(_set_to_now(column, now).where(slug == store))
    for column in PAST_OF_SERVICE:
        connection.execute(_set_to_now(column, now))
    began_later = update(rounds).where(rounds.c.store == store, rounds.c.began_at > now + SLACK)
    at_start = START_PLACE | {"began_at": None, "began_mark": None, "due_at": now}
    connection.execute(began_later.values(at_start))


def _set_to_now(column: Column[datetime], now: datetime) -> Update:
    return update(column.table).where(column > now + SLACK).values({column: now})


def reported_after(connection: Connection, store: str, now: datetime) -> list[RecordKey]:
    """Find the requests and consents that the clock that was ahead dates to the future."""
    query = select(records.c.store, records.c.kind, records.c.external_id).where(
        records.c.store == store,
        records.c.kind.not_in(STORED_KINDS),
        records.c.updated_at > now + SLACK,
    )
    return [RecordKey(*row) for row in connection.execute(query)]
