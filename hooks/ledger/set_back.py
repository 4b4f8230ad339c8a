"""What a clock that was ahead has left behind in the ledger, once it was set back.

Two kinds of instants lie in the future then. For some of them something waits: a retry, a rest, a round. It would wait
until they come. Others say when something happened: that cannot be after now.

Nothing is done about rounds that are done, and their marks: a round finds by itself that it was done in the future, and
then goes through the whole store. The history is never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Update, select, update

from hooks.ledger import rounds as ledger_rounds
from hooks.ledger.records import RecordKey
from hooks.ledger.rounds import RoundName
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
"""The clocks of two machines may differ by so much."""

WAITED_FOR = (records.c.push_at, records.c.reread_at, stores.c.resume_at, rounds.c.due_at)
"""Instants of one store for which something waits. Claims, the pages and `next_call_at` look to themselves: their
longest delays are short, or the same for all."""

HAPPENED = (
    *(records.c[name] for name in ("push_since", "contested_at", "reread_since", "read_at")),
    *(records.c[name] for name in ("created_at", "updated_at")),
    deliveries.c.received_at,
    *(quarantine.c[name] for name in ("received_at", "resolved_at")),
    *(
        stores.c[name]
        for name in ("last_pushed_at", "last_reconciled_at", "stopped_since", "installed_at")
    ),
    *(stores.c[name] for name in ("missed_at", "worker_at")),
    *(rounds.c[name] for name in ("asked_for_at", "error_since")),
    *(webhooks.c[name] for name in ("checked_at", "wrong_since")),
    store_traits.c.since,
)
"""Instants of one store at which something happened, by our clock."""

HAPPENED_ANYWHERE = (
    *(policies.c[name] for name in ("proposed_at", "in_force_at")),
    *(pages.c[name] for name in ("checked_at", "since", "error_since")),
)


def make_due(
    connection: Connection,
    store: str,
    now: datetime,
    longest: timedelta,
    of_rounds: Mapping[RoundName, timedelta],
) -> int:
    """Make due what waits for an instant further ahead than it can have been put off. Returns how much that was.

    `longest`: the longest delay of a retry and of a rest; `of_rounds`: the longest of each round.
    """
    found = 0
    for statement in _too_far(store, now, longest, of_rounds):
        found += connection.execute(statement).rowcount
    return found


def _too_far(
    store: str, now: datetime, longest: timedelta, of_rounds: Mapping[RoundName, timedelta]
) -> Iterator[Update]:
    for column in (records.c.push_at, records.c.reread_at):  # by kind, for the sake of the index
        chosen = update(records).where(records.c.store == store, records.c.kind.in_(STORED_KINDS))
        yield chosen.where(column > now + longest).values({column: now})
    resting = update(stores).where(stores.c.slug == store, stores.c.resume_at > now + longest)
    yield resting.values(resume_at=now)
    for name, delay in of_rounds.items():
        put_off = update(rounds).where(
            rounds.c.store == store, rounds.c.name == name, rounds.c.due_at > now + delay
        )
        yield put_off.values(due_at=now)


def took_a_delivery_after(connection: Connection, store: str, now: datetime) -> bool:
    """Tell whether a delivery was taken in the future."""
    chosen = select(deliveries.c.identity).where(
        deliveries.c.store == store, deliveries.c.received_at > now + SLACK
    )
    return connection.execute(chosen.limit(1)).first() is not None


def happened_by(connection: Connection, store: str, now: datetime) -> None:
    """Let nothing have happened after now, and begin anew a round that began after now. Goes through all records."""
    for column in HAPPENED:
        table = column.table
        of_store = table.c.slug if table is stores else table.c.store
        connection.execute(_no_later(column, now).where(of_store == store))
    for column in HAPPENED_ANYWHERE:
        connection.execute(_no_later(column, now))
    began = update(rounds).where(rounds.c.store == store, rounds.c.began_at > now + SLACK)
    connection.execute(
        began.values(
            ledger_rounds.AT_ITS_START | {"began_at": None, "began_mark": None, "due_at": now}
        )
    )


def _no_later(column: Column[datetime], now: datetime) -> Update:
    return update(column.table).where(column > now + SLACK).values({column: now})


def reported_after(connection: Connection, store: str, now: datetime) -> list[RecordKey]:
    """Requests and consents of which something was reported in the future, by the clock that was ahead."""
    chosen = select(records.c.store, records.c.kind, records.c.external_id).where(
        records.c.store == store,
        records.c.kind.not_in(STORED_KINDS),
        records.c.updated_at > now + SLACK,
    )
    return [RecordKey(*row) for row in connection.execute(chosen)]
