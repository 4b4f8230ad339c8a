"""What is done for each store again and again, by one worker at a time: its place survives a crash.

A round is claimed for a while, and the claim is renewed with every step that is committed; of a worker that died
the claim lapses, and the next one goes on where the last commit left it.
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
WALKS: tuple[RoundName, ...] = (*LISTS, "unlisted")
NAMES: tuple[RoundName, ...] = ("watch", *WALKS)

LEASE = timedelta(minutes=2)
"""Longer than one call to a slow store takes."""

AT_ITS_START = {"listing": 0, "last_id": 0, "position": 0, "seen": 0, "total": None}


@dataclass(frozen=True, slots=True)
class RoundClaim:
    """A worker's hold on one store's round."""

    store: str
    name: RoundName
    token: str


def register(connection: Connection, store: str, now: datetime) -> None:
    """Have a row for each round of the store; one that was never done is due at once."""
    for name in NAMES:
        connection.execute(
            insert_ignore(connection, rounds), {"store": store, "name": name, "due_at": now}
        )


def state(connection: Connection, store: str, name: RoundName) -> Row[Any] | None:
    """How a round stands; None before the store was registered."""
    return connection.execute(
        select(rounds).where(rounds.c.store == store, rounds.c.name == name)
    ).first()


def due(connection: Connection, store: str, now: datetime) -> set[str]:
    """The rounds of a store that are to be worked on, and that nobody works on."""
    times = {"now": now, "soon": now + LEASE, "later": now + 2 * LEASE}
    return {row["name"] for row in _DUE.rows(connection, {"store": store, **times})}


def _is_due(now: Any, soon: Any) -> Any:
    """`soon` is one lease from now. A round that was done later than that was done before the clock was set back."""
    return or_(rounds.c.due_at <= now, rounds.c.done_at > soon)


def _is_free(now: Any, later: Any) -> Any:
    """`later` is two leases from now. A claim until after that was made before the clock was set back: it counts for
    none."""
    held = rounds.c.claim_until
    return or_(held.is_(None), held <= now, held > later)


def _at(name: str) -> Any:
    return bindparam(name, type_=Instant)


_DUE = Prepared(
    lambda _: select(rounds.c.name).where(
        rounds.c.store == bindparam("store"),
        _is_due(_at("now"), _at("soon")),
        _is_free(_at("now"), _at("later")),
    )
)


def claim(connection: Connection, wanted: RoundClaim, now: datetime) -> Row[Any] | None:
    """Take hold of a round that is due; None where it is not, or somebody else works on it.

    One that was asked for while it was under way is gone on with, and then is due again at once.
    """
    statement = _claim_statement(wanted, now).where(_is_due(now, now + LEASE)).returning(rounds)
    taken = connection.execute(statement).first()
    if taken is None or taken.asked_for_at is None or taken.began_at is not None:
        return taken
    anew = AT_ITS_START | {"began_at": None, "began_mark": None, "asked_for_at": None}
    connection.execute(update(rounds).where(*_mine(wanted)).values(anew))
    return state(connection, wanted.store, wanted.name)


def claim_at_any_time(connection: Connection, wanted: RoundClaim, now: datetime) -> bool:
    """Take hold of a round, due or not; False where somebody else works on it.

    The rows may not exist before: a store of which no worker has known is registered.
    """
    register(connection, wanted.store, now)
    return connection.execute(_claim_statement(wanted, now)).rowcount == 1


def _claim_statement(wanted: RoundClaim, now: datetime) -> Update:
    chosen = update(rounds).where(rounds.c.store == wanted.store, rounds.c.name == wanted.name)
    free = chosen.where(_is_free(now, now + 2 * LEASE))
    return free.values(claim=wanted.token, claim_until=now + LEASE)


def _mine(mine: RoundClaim) -> list[Any]:
    return [rounds.c.store == mine.store, rounds.c.name == mine.name, rounds.c.claim == mine.token]


def save(connection: Connection, mine: RoundClaim, now: datetime, **columns: Any) -> bool:
    """Write where a claimed round stands, and hold it on; False if the claim had lapsed: then nothing is written."""
    statement = update(rounds).where(*_mine(mine)).values(claim_until=now + LEASE, **columns)
    return connection.execute(statement).rowcount == 1


def release(connection: Connection, mine: RoundClaim, **columns: Any) -> bool:
    """Let go of a claimed round, as it stands."""
    statement = update(rounds).where(*_mine(mine)).values(claim=None, claim_until=None, **columns)
    return connection.execute(statement).rowcount == 1


def finish(
    connection: Connection, mine: RoundClaim, *, now: datetime, again: datetime, **columns: Any
) -> bool:
    """Let go of a claimed round that has come to its end; it is due `again`, or now if it was asked for meanwhile."""
    at = rounds.c.due_at.type
    due = case((rounds.c.asked_for_at.is_not(None), literal(now, at)), else_=literal(again, at))
    return release(connection, mine, **AT_ITS_START | columns, due_at=due)


def ask_for(connection: Connection, store: str, names: Iterable[RoundName], now: datetime) -> None:
    """Have these rounds done as soon as may be, from their start; after the one under way, where one is."""
    chosen = update(rounds).where(rounds.c.store == store, rounds.c.name.in_(tuple(names)))
    connection.execute(chosen.values(due_at=now, asked_for_at=now))


def begin_from(
    connection: Connection, store: str, name: RoundName, mark: datetime, now: datetime
) -> None:
    """Let a round that never reached anything go on from `mark`; one that did is left alone."""
    chosen = update(rounds).where(
        rounds.c.store == store, rounds.c.name == name, rounds.c.mark.is_(None)
    )
    connection.execute(chosen.values(mark=mark, due_at=now))


def hurry(connection: Connection, store: str, name: RoundName, now: datetime) -> None:
    """Have a round done now, whatever stood in its way before; one that is under way is gone on with."""
    chosen = update(rounds).where(rounds.c.store == store, rounds.c.name == name)
    connection.execute(chosen.values(due_at=now, error=None, error_since=None))


def restart(connection: Connection, store: str, name: RoundName) -> None:
    """Forget how far a round is, whoever is at it."""
    nobodys = {
        "claim": None,
        "claim_until": None,
        "began_at": None,
        "began_mark": None,
        "asked_for_at": None,
    }
    chosen = update(rounds).where(rounds.c.store == store, rounds.c.name == name)
    connection.execute(chosen.values(AT_ITS_START | nobodys))
