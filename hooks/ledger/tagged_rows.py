"""Records by what made their tags: read as the driver gives them, since most need not be looked at one by one."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, Integer, Select, bindparam, or_, select

from hooks.ledger.prepared import Prepared, Raw
from hooks.ledger.records import Values
from hooks.ledger.statements import among, listed
from hooks.ledger.tables import records
from hooks.retention.facts import RecordKind


class Known(NamedTuple):
    """What a row begins with: what is a record's own, and whether more bears on it than its own facts."""

    id: int
    store: str
    kind: RecordKind
    external_id: int
    facts: str | None
    customer_id: int | None
    recipients: str
    events: str
    linked: bool
    email_hash: str | None

    @classmethod
    def of(cls, row: Raw) -> Known:
        """The beginning of this row."""
        return cls._make(row[: len(cls._fields)])


SHARED = slice(len(Known._fields), None)
"""The rest of a row: what many records have in common."""

_TAGS = ("state", "legal_basis", "retention_class", "delete_after", "part_delete_after")
_OTHERS = ("tagged_by", "oddities", "doubtful", "unknown_status", "held", "runs_from", "review_after", "entries",
           "policy_id", "closed_on", "wanted", "wanted_digest", "known_digest", "push_at", "push_since",
           "push_attempts", "push_error", "contests", "contested_at", "reread_at", "reread_since", "reread_reason",
           "reread_attempts", "request_due", "hold_review")  # fmt: skip
"""All else that has a say in what a record is tagged with, and in what follows from that."""

_DUE = (*Known._fields, *_TAGS, *_OTHERS)
STATE, TAGGED_BY = _DUE.index("state"), _DUE.index("tagged_by")
"""Places in a row."""

_SIGNS = ("store", "facts", "customer_id", "recipients", "events", "linked", "email_hash", "state", "tagged_by",
          "doubtful", "wanted_digest", "known_digest", "push_at", "push_since", "push_attempts", "push_error",
          "contests", "reread_at", "reread_since", "reread_reason", "reread_attempts")  # fmt: skip
"""Whatever is changed about a record, one of these is: its tags only with what made them, or what is wanted."""

_signs = itemgetter(*(_DUE.index(name) for name in _SIGNS))


def _some(*names: str) -> Select[tuple[object, ...]]:
    return select(*(records.c[name] for name in names))


def _walk(side: str) -> Prepared:
    made_by, limit = (
        bindparam("made_by", type_=records.c.tagged_by.type),
        bindparam("limit", type_=Integer),
    )
    otherwise = records.c.tagged_by < made_by if side == "below" else records.c.tagged_by > made_by
    return Prepared(
        lambda _: _some(*_DUE).where(otherwise).order_by(records.c.tagged_by).limit(limit)
    )


_WALKS = _walk("below"), _walk("above")

_AGAIN = Prepared(
    lambda dialect: (
        _some("id", *_SIGNS)
        .where(among(dialect, records.c.id, BigInteger))
        .order_by(records.c.id)
        .with_for_update(skip_locked=True)
    )
)

_WHOLE = Prepared(
    lambda dialect: (
        select(records)
        .where(
            among(dialect, records.c.id, BigInteger), records.c.tagged_by != bindparam("made_by")
        )
        .order_by(records.c.id)
        .with_for_update(skip_locked=True)
    )
)

_KEPT_IN = ("active", "trashed", "erased")

_OF_WHOM = ("email_hash", "subject")
_KEPT_COLUMNS = (*Known._fields, *_TAGS, "entries", "policy_id", *_OF_WHOM)

KEPT_SHARED = slice(len(Known._fields), -len(_OF_WHOM))
"""What many rows of `kept` have in common."""

_KEPT = Prepared(
    lambda _: (
        _some(*_KEPT_COLUMNS)
        .where(
            records.c.id > bindparam("after"),
            or_(*(records.c.state == state for state in _KEPT_IN)),
        )
        .order_by(records.c.id)
        .limit(bindparam("limit", type_=Integer))
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


def kept(connection: Connection, *, after: int, limit: int) -> list[Raw]:
    """Records that are kept, in order of their row ids, from one on."""
    return _KEPT.raw(connection, {"after": after, "limit": limit})


def person_of(row: Raw) -> tuple[str, int | str] | None:
    """Whose record a row of `kept` is: the store, and there the account or what the e-mail is known by. None of a guest
    of whom nothing but this record is known."""
    known, (email_hash, subject) = Known.of(row), row[-len(_OF_WHOM) :]
    account = known.external_id if known.kind == "customer" else known.customer_id
    name = account or email_hash or subject
    return (known.store, name) if name else None


def read_kept(connection: Connection, row: Raw) -> Values:
    """A row of `kept`, by the names of its columns."""
    return _KEPT.read(connection, row)
