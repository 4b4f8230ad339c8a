"""Rows of records for preview and re-tagging, as the driver gives them: most need not be read column by column."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple, cast

from sqlalchemy import BigInteger, Connection, Integer, Select, bindparam, or_, select

from hooks.ledger.prepared import Prepared, Raw
from hooks.ledger.rows import RecordRow
from hooks.ledger.statements import ids_parameter, is_among_ids
from hooks.ledger.tables import records
from hooks.retention.facts import RecordKind
from hooks.retention.schedule import KEPT_PHASES


class RowHead(NamedTuple):
    """The first columns of a row: those in which equivalent records differ, and whether the record has a context."""

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
    def of(cls, row: Raw) -> RowHead:
        """Take the first columns of a row."""
        return cls._make(row[: len(cls._fields)])


SHARED = slice(len(RowHead._fields), None)
"""The columns of a row of `tagged_otherwise` after its head: equivalent records have the same values there."""

_TAGS = ("state", "legal_basis", "retention_class", "delete_after", "part_delete_after")
_FURTHER = (
    "tagged_by",
    "oddities",
    "doubtful",
    "unknown_status",
    "held",
    "runs_from",
    "review_after",
    "entries",
    "policy_id",
    "closed_on",
    "wanted",
    "wanted_digest",
    "known_digest",
    "push_at",
    "push_since",
    "push_attempts",
    "push_error",
    "contests",
    "contested_at",
    "reread_at",
    "reread_since",
    "reread_reason",
    "reread_attempts",
    "request_due",
    "hold_review",
)
"""All other columns that decide the tags of a record, or what follows from them."""

_COLUMNS = (*RowHead._fields, *_TAGS, *_FURTHER)
STATE, TAGGED_BY = _COLUMNS.index("state"), _COLUMNS.index("tagged_by")
"""Positions in a row of `tagged_otherwise`."""

_SIGNATURE_COLUMNS = (
    "store",
    "facts",
    "customer_id",
    "recipients",
    "events",
    "linked",
    "email_hash",
    "state",
    "tagged_by",
    "doubtful",
    "wanted_digest",
    "known_digest",
    "push_at",
    "push_since",
    "push_attempts",
    "push_error",
    "contests",
    "reread_at",
    "reread_since",
    "reread_reason",
    "reread_attempts",
)
"""Whatever changes about a record, one of these changes: its tags change only with `tagged_by` or `wanted_digest`."""

_signature = itemgetter(*(_COLUMNS.index(name) for name in _SIGNATURE_COLUMNS))


def _select(*names: str) -> Select[tuple[object, ...]]:
    return select(*(records.c[name] for name in names))


def _walk(side: str) -> Prepared:
    mark = bindparam("tagged_by", type_=records.c.tagged_by.type)
    limit = bindparam("limit", type_=Integer)
    column = records.c.tagged_by
    differs = column > mark
    if side == "below":
        differs = column < mark
    walk = _select(*_COLUMNS).where(differs).order_by(column).limit(limit)
    return Prepared(lambda _: walk)


_WALKS = _walk("below"), _walk("above")

_SIGNATURES = Prepared(
    lambda dialect: (
        _select("id", *_SIGNATURE_COLUMNS)
        .where(is_among_ids(dialect, records.c.id, BigInteger))
        .order_by(records.c.id)
        .with_for_update(skip_locked=True)
    )
)

_FULL_ROWS = Prepared(
    lambda dialect: (
        select(records)
        .where(is_among_ids(dialect, records.c.id, BigInteger))
        .where(records.c.tagged_by != bindparam("tagged_by"))
        .order_by(records.c.id)
        .with_for_update(skip_locked=True)
    )
)

_PERSON_COLUMNS = ("email_hash", "subject")
_KEPT_COLUMNS = (*RowHead._fields, *_TAGS, "entries", "policy_id", *_PERSON_COLUMNS)

KEPT_SHARED = slice(len(RowHead._fields), -len(_PERSON_COLUMNS))
"""The columns of a row of `kept` in which equivalent records have the same values."""

_KEPT = Prepared(
    lambda _: (
        _select(*_KEPT_COLUMNS)
        .where(records.c.id > bindparam("after"))
        .where(or_(*(records.c.state == phase for phase in KEPT_PHASES)))
        .order_by(records.c.id)
        .limit(bindparam("limit", type_=Integer))
    )
)


def tagged_otherwise(connection: Connection, tagged_by: str, *, limit: int) -> list[Raw]:
    """List records whose `tagged_by` is another one; none is locked.

    Two walks of the index, so that the last few are found as fast as the first.
    """
    rows: list[Raw] = []
    for walk in _WALKS:
        rows += walk.raw(connection, {"tagged_by": tagged_by, "limit": limit - len(rows)})
        if len(rows) == limit:
            break
    return rows


def read(connection: Connection, row: Raw) -> RecordRow:
    """Read a row of `tagged_otherwise` by the names of its columns. It lacks those that no tag depends on."""
    return cast("RecordRow", _WALKS[0].read(connection, row))


def unchanged(connection: Connection, rows: Iterable[Raw]) -> set[int]:
    """Return the ids of those rows of `tagged_otherwise` that have not changed since.

    They are locked; rows that others have locked are left out.
    """
    before = {row[0]: _signature(row) for row in rows}
    current = _SIGNATURES.raw(connection, {"ids": ids_parameter(connection, before)})
    return {row[0] for row in current if row[1:] == before[row[0]]}


def full_rows(connection: Connection, tagged_by: str, ids: Iterable[int]) -> list[RecordRow]:
    """Read those of these records that are still tagged otherwise, locked as by `unchanged`."""
    parameters = {"ids": ids_parameter(connection, ids), "tagged_by": tagged_by}
    return cast("list[RecordRow]", _FULL_ROWS.rows(connection, parameters))


def kept(connection: Connection, *, after: int, limit: int) -> list[Raw]:
    """List records of which at least a part is left, in order of row ids, after one."""
    return _KEPT.raw(connection, {"after": after, "limit": limit})


def person_of(row: Raw) -> tuple[str, int | str] | None:
    """Name the person of a row of `kept`: the store, with the account or the address hash.

    None for a guest of whom the ledger knows nothing but this record.
    """
    head = RowHead.of(row)
    email_hash, subject = row[-len(_PERSON_COLUMNS) :]
    account = head.customer_id
    if head.kind == "customer":
        account = head.external_id
    name = account or email_hash or subject
    if not name:
        return None
    return head.store, name


def read_kept(connection: Connection, row: Raw) -> RecordRow:
    """Read a row of `kept` by the names of its columns. It lacks those that a preview does not need."""
    return cast("RecordRow", _KEPT.read(connection, row))
