"""The seal on the history: each row's hash takes in the hash before it, so that none can be changed unnoticed.

A row is appended in the transaction that causes it, and sealed a moment later: were it chained at once, every
delivery would wait for the one before it. `hooks.ledger.audit` tells what the chain proves.

Which rows are not sealed yet is found without going through all of the history. Most are above the highest row that is
sealed. On PostgreSQL a row may also come late, below it: ids are given out before transactions commit. None is open
for as long as `LOOKBACK` other rows take, so that a look that far back finds them. `stray` looks at all rows, for what
came by another way, some thousands at a time; that is for once in a while.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Integer,
    Label,
    Row,
    Select,
    String,
    bindparam,
    exists,
    func,
    insert,
    select,
    type_coerce,
    update,
)

from hooks.ledger.prepared import Prepared, Raw
from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import history, records, seal_head, seals

Sealed = dict[str, str | int | None]
"""A row of the history and the names of its record, as they go into the hash: instants are UTC, days ISO."""

LOOKBACK = 10_000

GENESIS = "0" * 64
"""What the first seal takes for the hash before it."""

# What is in these two is in every hash: with a name more or less, no seal made before would fit.
OF_THE_ROW = (
    "id",
    "record_id",
    "at",
    "cause",
    "state",
    "legal_basis",
    "retention_class",
    "delete_after",
    "policy_id",
    "reason",
)
OF_THE_RECORD = ("store", "kind", "external_id")
_NAMES = (*OF_THE_ROW, *OF_THE_RECORD)
_AS_KEPT = ("at", "delete_after")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the number and the hash of the last seal; 0 and `GENESIS` before the first."""

    number: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


def seal_hash(previous: str, number: int, row: Sealed) -> str:
    """The hash of the seal with this number on this row: SHA-256 of a JSON that has one form only, as hex digits."""
    sealed = {
        "previous": previous,
        "number": number,
        "history": {name: row[name] for name in OF_THE_ROW},
        "record": {name: row[name] for name in OF_THE_RECORD},
    }
    return hashlib.sha256(_text(sealed).encode()).hexdigest()


_text = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def columns() -> list[Label[Any]]:
    """What is selected of the history and the records so that `sealed` can read it.

    Days and instants come as the database keeps them: one that somebody made unreadable must not end the audit.
    """
    raw = [
        type_coerce(history.c[name], String) if name in _AS_KEPT else history.c[name]
        for name in OF_THE_ROW
    ]
    named = zip(_NAMES, (*raw, *(records.c[name] for name in OF_THE_RECORD)), strict=True)
    return [column.label(name) for name, column in named]


def sealed(row: Row[Any]) -> Sealed:
    """The same on every database, of a row that has more columns besides."""
    names = row._mapping  # noqa: SLF001 - documented
    return {name: _plain(names[name]) for name in _NAMES}


def _plain(value: object) -> str | int | None:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.isoformat() if isinstance(value, date) else repr(value)


# --- which rows are not sealed yet -----------------------------------------------------------------------


def highest(connection: Connection) -> int:
    """The highest id that is sealed; 0 where there is none."""
    found: int | None = connection.execute(select(func.max(seals.c.history_id))).scalar_one()
    return found or 0


def lookback(connection: Connection) -> int:
    """The id from which on rows are looked at each time; all those below were sealed, unless they are `stray`."""
    return max(0, highest(connection) - LOOKBACK)


def first_above(connection: Connection, highest: int) -> int | None:
    """The id of the first row above the highest one that is sealed."""
    chosen = select(func.min(history.c.id)).where(history.c.id > highest)
    found: int | None = connection.execute(chosen).scalar_one()
    return found


def first_unsealed(connection: Connection) -> int | None:
    """The id of the first row from `lookback` on that is not sealed."""
    found: int | None = connection.execute(unsealed(lookback(connection)).limit(1)).scalar()
    return found


def stray(connection: Connection, since: int = 0, number: int | None = None) -> int | None:
    """The id of the first row below `lookback` that is not sealed: of all, or of so many ids from `since` on."""
    end = lookback(connection)
    below = unsealed(since, end if number is None else min(end, since + number))
    found: int | None = connection.execute(below.limit(1)).scalar()
    return found


def unsealed(since: int | BindParameter[int] | None, before: int | None = None) -> Select[Any]:
    """Rows that are not sealed, with their records, in order of ids; all of them, or those from an id on, or up to one.

    Both stand on both sides, so that of both indexes no more is gone through.
    """
    seal = exists().where(seals.c.history_id == history.c.id)
    chosen = select(*columns()).outerjoin_from(
        history, records, records.c.id == history.c.record_id
    )
    if since is not None:
        seal, chosen = seal.where(seals.c.history_id >= since), chosen.where(history.c.id >= since)
    if before is not None:
        seal, chosen = seal.where(seals.c.history_id < before), chosen.where(history.c.id < before)
    return chosen.where(~seal).order_by(history.c.id)


# --- sealing ---------------------------------------------------------------------------------------------


_UNSEALED = Prepared(
    lambda _: unsealed(bindparam("since", type_=BigInteger)).limit(
        bindparam("limit", type_=Integer)
    )
)
_ADD = Prepared(
    lambda _: insert(seals).values({column.name: bindparam(column.name) for column in seals.c})
)

_HEAD = select(seal_head.c.number, seal_head.c.hash).where(seal_head.c.id == 1)


def seal(connection: Connection, limit: int, *, since: int | None = None) -> int:
    """Seal up to `limit` rows in order of their ids, from the id `since` on, or from where one usually looks.

    Another that seals at the same time waits until this transaction ends. Returns how many rows were sealed.
    """
    end = _locked(connection)
    since = lookback(connection) if since is None else since
    made = list(_chained(end, _UNSEALED.raw(connection, {"since": since, "limit": limit})))
    if made:
        _ADD.run(connection, made)
        last = {"number": made[-1]["number"], "hash": made[-1]["hash"]}
        connection.execute(update(seal_head).where(seal_head.c.id == 1).values(last))
    return len(made)


def _chained(end: Head, rows: Iterable[Raw]) -> Iterator[dict[str, str | int | None]]:
    previous = end.hash
    for number, values in enumerate(rows, end.number + 1):
        row = dict(zip(_NAMES, map(_plain, values), strict=True))
        previous = seal_hash(previous, number, row)
        yield {"number": number, "history_id": row["id"], "hash": previous}


def _locked(connection: Connection) -> Head:
    """Where the chain goes on, with nobody else at it.

    Where somebody has set back the head, it goes on behind the last seal: sealing must not end for that.
    """
    chosen = _HEAD.with_for_update()
    if connection.execute(chosen).first() is None:
        connection.execute(
            insert_ignore(connection, seal_head), {"id": 1, "number": 0, "hash": GENESIS}
        )
    end = Head(*connection.execute(chosen).one())
    last = connection.execute(
        select(seals.c.number, seals.c.hash).order_by(seals.c.number.desc()).limit(1)
    ).first()
    return Head(*last) if last and last.number > end.number else end


def head(connection: Connection) -> Head | None:
    """The end of the chain as it was written down; None where nothing was sealed yet."""
    found = connection.execute(_HEAD).first()
    return Head(*found) if found else None
