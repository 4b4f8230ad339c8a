"""The rounds of each store: work that is repeated, by one worker at a time, with a place that survives a crash.

A worker claims a round for a while, and renews the claim with every step that it commits. The claim of a worker that
died lapses, and another worker goes on from the place of the last commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, Update, bindparam, case, literal, or_, select, update

from hooks.ledger.prepared import Prepared
from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import Instant, rounds

RoundName = Literal["watch", "changes", "orders", "customers", "unlisted"]
LISTS: tuple[RoundName, ...] = ("changes", "orders", "customers")
"""Rounds that read a list of the store."""

WALKS: tuple[RoundName, ...] = (*LISTS, "unlisted")
"""Rounds that compare the store with the ledger: the lists, and the orders that the lists leave out."""

NAMES: tuple[RoundName, ...] = ("watch", *WALKS)
"""All rounds; `watch` checks the webhooks."""

LEASE = timedelta(minutes=2)
"""The length of a claim: longer than one call to a slow store takes."""

START_PLACE = {"listing": 0, "last_id": 0, "position": 0, "seen": 0, "total": None}
"""The place of a round that begins."""


@dataclass(frozen=True, slots=True)
class RoundClaim:
    """A worker's claim on a round of one store. The `token` tells it from the claims of other workers."""

    store: str
    name: RoundName
    token: str


def register(connection: Connection, store: str, now: datetime) -> None:
    """Insert a row for each round of the store. A round that was never done is due at once."""
    for name in NAMES:
        connection.execute(
            insert_ignore(connection, rounds), {"store": store, "name": name, "due_at": now}
        )


def state(connection: Connection, store: str, name: RoundName) -> Row[Any] | None:
    """Return the row of a round; None before the store was registered."""
    return connection.execute(
        select(rounds).where(rounds.c.store == store, rounds.c.name == name)
    ).first()


def due(connection: Connection, store: str, now: datetime) -> set[str]:
    """Find the rounds of a store that are due and not claimed."""
    times = {"now": now, "soon": now + LEASE, "later": now + 2 * LEASE}
    return {row["name"] for row in _DUE.rows(connection, {"store": store, **times})}


def _is_due(now: Any, soon: Any) -> Any:
    """Build the condition that a round is due. `soon` is one lease from now.

    A round that was done after `soon` was done before the clock was set back: it is due.
    """
    return or_(rounds.c.due_at <= now, rounds.c.done_at > soon)


def _is_free(now: Any, later: Any) -> Any:
    """Build the condition that nobody has claimed a round. `later` is two leases from now.

    A claim that ends after `later` was made before the clock was set back: it does not count.
    """
    claim_until = rounds.c.claim_until
    return or_(claim_until.is_(None), claim_until <= now, claim_until > later)


def _instant(name: str) -> Any:
    return bindparam(name, type_=Instant)


_DUE = Prepared(
    lambda _: select(rounds.c.name).where(
        rounds.c.store == bindparam("store"),
        _is_due(_instant("now"), _instant("soon")),
        _is_free(_instant("now"), _instant("later")),
    )
)


def claim(connection: Connection, new: RoundClaim, now: datetime) -> Row[Any] | None:
    """Claim a round that is due, and return its row; None where it is not due, or another worker has claimed it.

    A round that was asked for while it was under way goes on from its place, and is due again at once after its end.
    """
    statement = _claim_statement(new, now).where(_is_due(now, now + LEASE)).returning(rounds)
    row = connection.execute(statement).first()
    if row is None or row.asked_for_at is None or row.began_at is not None:
        return row
    at_start = START_PLACE | {"began_at": None, "began_mark": None, "asked_for_at": None}
    connection.execute(update(rounds).where(*_is_claimed(new)).values(at_start))
    return state(connection, new.store, new.name)


def claim_at_any_time(connection: Connection, new: RoundClaim, now: datetime) -> bool:
    """Claim a round, due or not; False where another worker has claimed it.

    Registers the store first: perhaps no worker has known it yet.
    """
    register(connection, new.store, now)
    return connection.execute(_claim_statement(new, now)).rowcount == 1


def _claim_statement(new: RoundClaim, now: datetime) -> Update:
    statement = _update(new.store, new.name).where(_is_free(now, now + 2 * LEASE))
    return statement.values(claim=new.token, claim_until=now + LEASE)


def _update(store: str, name: RoundName) -> Update:
    return update(rounds).where(rounds.c.store == store, rounds.c.name == name)


def _is_claimed(by: RoundClaim) -> list[Any]:
    return [rounds.c.store == by.store, rounds.c.name == by.name, rounds.c.claim == by.token]


def save(connection: Connection, claimed: RoundClaim, now: datetime, **columns: Any) -> bool:
    """Write the place of a claimed round and renew the claim; False, without writing, if the claim had lapsed."""
    statement = update(rounds).where(*_is_claimed(claimed))
    statement = statement.values(claim_until=now + LEASE, **columns)
    return connection.execute(statement).rowcount == 1


def release(connection: Connection, claimed: RoundClaim, **columns: Any) -> bool:
    """End the claim on a round; its place stays. False, without writing, if the claim had lapsed."""
    statement = update(rounds).where(*_is_claimed(claimed))
    statement = statement.values(claim=None, claim_until=None, **columns)
    return connection.execute(statement).rowcount == 1


def finish(
    connection: Connection,
    claimed: RoundClaim,
    *,
    now: datetime,
    next_at: datetime,
    **columns: Any,
) -> bool:
    """End the claim on a round that is complete. It is due at `next_at`, or now if it was asked for meanwhile."""
    at = rounds.c.due_at.type
    was_asked_for = rounds.c.asked_for_at.is_not(None)
    due = case((was_asked_for, literal(now, at)), else_=literal(next_at, at))
    return release(connection, claimed, **START_PLACE | columns, due_at=due)


def ask_for(connection: Connection, store: str, names: Iterable[RoundName], now: datetime) -> None:
    """Make these rounds due now, from their start. A round under way goes on first, and is repeated after it."""
    statement = update(rounds).where(rounds.c.store == store, rounds.c.name.in_(tuple(names)))
    connection.execute(statement.values(due_at=now, asked_for_at=now))


def start_from(
    connection: Connection, store: str, name: RoundName, mark: datetime, now: datetime
) -> None:
    """Make a round that was never finished go on from `mark`. A round that has a mark is left alone."""
    statement = _update(store, name).where(rounds.c.mark.is_(None))
    connection.execute(statement.values(mark=mark, due_at=now))


def make_due(connection: Connection, store: str, name: RoundName, now: datetime) -> None:
    """Make a round due now, even after an error. A round under way goes on from its place."""
    connection.execute(_update(store, name).values(due_at=now, error=None, error_since=None))


def reset(connection: Connection, store: str, name: RoundName) -> None:
    """Put a round back to its start, and end any claim on it."""
    unclaimed = {"claim": None, "claim_until": None}
    not_begun = {"began_at": None, "began_mark": None, "asked_for_at": None}
    connection.execute(_update(store, name).values(START_PLACE | unclaimed | not_begun))
