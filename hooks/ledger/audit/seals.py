"""The seals on the history: each row is hashed together with the seal before it.

The danger: somebody who can write to the database changes, deletes or inserts a row of the history, and nobody notices.

The principle: a seal is a hash of the row, of its record's key and of the seal before it. The seals form a chain. Who
changes a row must also change its seal and all seals after it. `hooks.ledger.audit.verify` says what the chain proves
and what it cannot prove.

The rules:

- A row is appended in the transaction that causes it, and sealed a moment later by a worker. If it were sealed at once,
  every delivery would wait for the delivery before it.
- One transaction at a time seals: it locks the one row of `seal_head`.
- The columns that go into the hash never change. Otherwise no older seal would verify.

To find the rows without a seal, nobody reads the whole history. Most of them are above the highest sealed row. On
PostgreSQL a row may also appear late, below that one: ids are given out before transactions commit. No transaction is
open while `LOOKBACK` other rows are written, so a search that begins so far below finds the late rows. Rows that got
there in another way are found by `first_stray`, which searches all rows, some thousands at a time. It runs rarely.
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

SealedRow = dict[str, str | int | None]
"""A row of the history with the key of its record, in the form that is hashed: instants are UTC, days ISO 8601."""

LOOKBACK = 10_000
"""The number of ids below the highest sealed row in which rows may still appear late."""

GENESIS = "0" * 64
"""The hash that the first seal uses in place of the hash before it."""

# Every hash contains the columns of these two. With one column more or less, no older seal would verify.
ROW_COLUMNS = (
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
RECORD_COLUMNS = ("store", "kind", "external_id")
_NAMES = (*ROW_COLUMNS, *RECORD_COLUMNS)
_TIMES = ("at", "delete_after")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the number and the hash of the last seal; 0 and `GENESIS` before the first."""

    number: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


def seal_hash(previous: str, number: int, row: SealedRow) -> str:
    """Compute the seal with this number on this row: SHA-256 of canonical JSON, as hex digits."""
    content = {
        "previous": previous,
        "number": number,
        "history": {name: row[name] for name in ROW_COLUMNS},
        "record": {name: row[name] for name in RECORD_COLUMNS},
    }
    return hashlib.sha256(_canonical_json(content).encode()).hexdigest()


_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def sealed_columns() -> list[Label[Any]]:
    """List the columns that a query selects from the history and the records so that `to_sealed_row` can read it.

    Days and instants are selected as the database stores them: a value that somebody made unreadable must not end the
    audit.
    """
    labels = []
    for name in ROW_COLUMNS:
        column: Any = history.c[name]
        if name in _TIMES:
            column = type_coerce(column, String)
        labels.append(column.label(name))
    labels += [records.c[name].label(name) for name in RECORD_COLUMNS]
    return labels


def to_sealed_row(row: Row[Any]) -> SealedRow:
    """Read the sealed columns of a row, which may have other columns too. The result is the same on every database."""
    values = row._mapping  # noqa: SLF001 - documented
    return {name: _plain(values[name]) for name in _NAMES}


def _plain(value: object) -> str | int | None:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return repr(value)


# --- finding the rows without a seal ---------------------------------------------------------------------


def highest_sealed(connection: Connection) -> int:
    """Return the highest id that is sealed; 0 where nothing is sealed."""
    highest: int | None = connection.execute(select(func.max(seals.c.history_id))).scalar_one()
    return highest or 0


def lookback_start(connection: Connection) -> int:
    """Return the id at which each search begins. All rows below it are sealed, but for stray ones."""
    return max(0, highest_sealed(connection) - LOOKBACK)


def first_above(connection: Connection, highest: int) -> int | None:
    """Return the id of the first row above the highest sealed row."""
    query = select(func.min(history.c.id)).where(history.c.id > highest)
    row_id: int | None = connection.execute(query).scalar_one()
    return row_id


def first_unsealed(connection: Connection) -> int | None:
    """Return the id of the first row without a seal, from `lookback_start` on."""
    query = select_unsealed(lookback_start(connection)).limit(1)
    row_id: int | None = connection.execute(query).scalar()
    return row_id


def first_stray(connection: Connection, since: int = 0, number: int | None = None) -> int | None:
    """Return the id of the first row without a seal below `lookback_start`.

    Searches all ids from `since` on, or only `number` of them.
    """
    end = lookback_start(connection)
    if number is not None:
        end = min(end, since + number)
    row_id: int | None = connection.execute(select_unsealed(since, end).limit(1)).scalar()
    return row_id


def select_unsealed(
    since: int | BindParameter[int] | None, before: int | None = None
) -> Select[Any]:
    """Select the rows without a seal, with their records, in order of ids: from an id on, and below an id.

    The bounds apply to `history` and to `seals`, so that both index scans stay within the range.
    """
    seal_of_row = exists().where(seals.c.history_id == history.c.id)
    query = select(*sealed_columns()).outerjoin_from(
        history, records, records.c.id == history.c.record_id
    )
    if since is not None:
        seal_of_row = seal_of_row.where(seals.c.history_id >= since)
        query = query.where(history.c.id >= since)
    if before is not None:
        seal_of_row = seal_of_row.where(seals.c.history_id < before)
        query = query.where(history.c.id < before)
    return query.where(~seal_of_row).order_by(history.c.id)


# --- sealing ---------------------------------------------------------------------------------------------


_UNSEALED = Prepared(
    lambda _: select_unsealed(bindparam("since", type_=BigInteger)).limit(
        bindparam("limit", type_=Integer)
    )
)
_ADD = Prepared(
    lambda _: insert(seals).values({column.name: bindparam(column.name) for column in seals.c})
)

_HEAD = select(seal_head.c.number, seal_head.c.hash).where(seal_head.c.id == 1)


def seal(connection: Connection, limit: int, *, since: int | None = None) -> int:
    """Seal up to `limit` rows in order of their ids, from the id `since` on, by default from `lookback_start` on.

    Another process that seals at the same time waits until this transaction ends. Returns how many rows were sealed.
    """
    end = _lock_end(connection)
    if since is None:
        since = lookback_start(connection)
    rows = _UNSEALED.raw(connection, {"since": since, "limit": limit})
    new_seals = list(_chain(end, rows))
    if new_seals:
        _ADD.run(connection, new_seals)
        last = {"number": new_seals[-1]["number"], "hash": new_seals[-1]["hash"]}
        connection.execute(update(seal_head).where(seal_head.c.id == 1).values(last))
    return len(new_seals)


def _chain(end: Head, rows: Iterable[Raw]) -> Iterator[dict[str, str | int | None]]:
    """Yield the seals on these rows, which follow on the end of the chain."""
    previous = end.hash
    for number, values in enumerate(rows, end.number + 1):
        row = dict(zip(_NAMES, map(_plain, values), strict=True))
        previous = seal_hash(previous, number, row)
        yield {"number": number, "history_id": row["id"], "hash": previous}


def _lock_end(connection: Connection) -> Head:
    """Return the end of the chain, and keep other processes from sealing until the transaction ends.

    If somebody has set back the head, the chain goes on behind the last seal: sealing must not stop because of that.
    """
    query = _HEAD.with_for_update()
    if connection.execute(query).first() is None:
        connection.execute(
            insert_ignore(connection, seal_head), {"id": 1, "number": 0, "hash": GENESIS}
        )
    end = Head(*connection.execute(query).one())
    last = connection.execute(
        select(seals.c.number, seals.c.hash).order_by(seals.c.number.desc()).limit(1)
    ).first()
    if last and last.number > end.number:
        return Head(*last)
    return end


def head(connection: Connection) -> Head | None:
    """Return the recorded end of the chain; None where nothing was sealed yet."""
    row = connection.execute(_HEAD).first()
    if row is None:
        return None
    return Head(*row)
