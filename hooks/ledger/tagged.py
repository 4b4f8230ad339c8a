"""Records by what made their tags: those that are to be tagged anew, and whether they are still as they were read."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from sqlalchemy import BigInteger, Connection, Integer, Select, bindparam, select

from hooks.ledger.prepared import Prepared, Raw
from hooks.ledger.records import Values
from hooks.ledger.statements import among, listed
from hooks.ledger.tables import records

_OWN = ("id", "store", "external_id", "facts", "customer_id", "recipients")
_OTHERS = ("kind", "state", "events", "tagged_by", "linked", "doubtful", "unknown_status", "held", "legal_basis",
           "retention_class", "runs_from", "review_after", "delete_after", "part_delete_after", "entries", "policy_id",
           "closed_on", "wanted", "wanted_digest", "known_digest", "push_at", "push_since",
           "push_attempts", "push_error", "contests", "contested_at", "reread_at", "reread_since", "reread_reason",
           "reread_attempts")  # fmt: skip
"""All else that has a say in what a record is tagged with, and in what follows from that."""

RECIPIENTS = _OWN.index("recipients")
SHARED = slice(len(_OWN), None)
"""Of a row: what it has in common with others; what is its own comes first."""


def _some() -> Select[tuple[object, ...]]:
    return select(*(records.c[name] for name in (*_OWN, *_OTHERS)))


def _walk(side: str) -> Prepared:
    made_by = bindparam("made_by", type_=records.c.tagged_by.type)
    otherwise = records.c.tagged_by < made_by if side == "below" else records.c.tagged_by > made_by
    limit = bindparam("limit", type_=Integer)
    return Prepared(lambda _: _some().where(otherwise).order_by(records.c.tagged_by).limit(limit))


_WALKS = _walk("below"), _walk("above")

_SIGNS = ("facts", "events", "customer_id", "recipients", "tagged_by", "linked", "state", "wanted_digest",
          "known_digest", "push_at", "push_attempts", "push_error", "contests", "reread_at", "reread_reason",
          "reread_attempts")  # fmt: skip
"""Whatever is changed about a record, one of these is: its tags only with what made them, or what is wanted."""

_signs = itemgetter(*(place for place, name in enumerate((*_OWN, *_OTHERS)) if name in _SIGNS))

_AGAIN = Prepared(
    lambda dialect: (
        select(records.c.id, *(records.c[name] for name in (*_OWN, *_OTHERS) if name in _SIGNS))
        .where(among(dialect, records.c.id, BigInteger))
        .order_by(records.c.id)
        .with_for_update(skip_locked=True)
    )
)

_WHOLE = Prepared(
    lambda dialect: (
        select(records)
        .where(among(dialect, records.c.id, BigInteger), records.c.tagged_by != bindparam("made_by"))
        .order_by(records.c.id)
        .with_for_update(skip_locked=True)
    )
)


def otherwise(connection: Connection, made_by: str, *, limit: int) -> list[Raw]:
    """Records whose tags something else made, or that are to be tagged anew; none is locked. Two walks of the index,
    so that the last few are found as fast as the first."""
    found: list[Raw] = []
    for walk in _WALKS:
        found += walk.raw(connection, {"made_by": made_by, "limit": limit - len(found)})
        if len(found) == limit:
            break
    return found


def read(connection: Connection, row: Raw) -> Values:
    """A row of `otherwise`, by the names of its columns."""
    return _WALKS[0].read(connection, row)


def unchanged(connection: Connection, rows: Iterable[Raw]) -> set[int]:
    """Which of these rows of `otherwise` are as they were, by id. They are locked; what others have locked is left
    out."""
    before = {row[0]: _signs(row) for row in rows}
    now = _AGAIN.raw(connection, {"ids": listed(connection, before)})
    return {row[0] for row in now if row[1:] == before[row[0]]}


def whole(connection: Connection, made_by: str, ids: Iterable[int]) -> list[Values]:
    """All columns of those of these records that are still to be tagged anew, locked in the same way."""
    return _WHOLE.rows(connection, {"ids": listed(connection, ids), "made_by": made_by})
