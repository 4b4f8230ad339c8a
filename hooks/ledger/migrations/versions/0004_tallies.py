"""Tallies of the records, which triggers keep up to date, and indexes that hold only the rows that queries look for.

Counts, and the first records that are due, then take no longer in a large ledger than in a small one.

The version before this one goes on working while and after this runs: what it writes is counted like all else. Three
indexes give way to others; until it is restarted, its `/schedule` sorts all records, and answers the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KIND_KEY = (
    "state",
    "kind",
    "retention_class",
    "legal_basis",
    "held",
    "unknown_status",
    "recipients",
)
DAY_KEY = ("what", "day", "kind", "retention_class")

COUNTED = {
    "kind": KIND_KEY,
    "day": (
        "state",
        "kind",
        "retention_class",
        "legal_basis",
        "held",
        "delete_after",
        "part_delete_after",
        "closed_on",
    ),
}
"""The tallies, and the columns of a record that each depends on."""

# What a record counts for. `{row}` is NEW. or OLD. in a trigger; `{by}` is 1 for one more, -1 for one less.
KIND = (
    "{row}state, {row}kind, coalesce({row}retention_class, ''), coalesce({row}legal_basis, ''), "
    "{row}held, {row}unknown_status, {row}recipients"
)
DAYS = {
    "whole": "CASE WHEN {row}state IN ('active', 'trashed') THEN {row}delete_after END",
    "part": "CASE WHEN {row}state IN ('active', 'trashed', 'erased') THEN {row}part_delete_after END",
    "early": (
        "CASE WHEN ({row}legal_basis = 'legal-obligation' OR {row}held) "
        "AND {row}state IN ('trashed', 'erased', 'gone') THEN "
        "CASE WHEN {row}held OR {row}delete_after >= {row}closed_on THEN {never} "
        "WHEN {row}state = 'trashed' THEN {row}delete_after END END"
    ),
}
SINCE = {"early": "{row}updated_at"}
_ABOUT = ("state", "kind", "retention_class")
DEPENDS = {
    "whole": (*_ABOUT, "delete_after"),
    "part": (*_ABOUT, "part_delete_after"),
    "early": (*_ABOUT, "legal_basis", "held", "delete_after", "closed_on"),
}
"""The columns of a record that each day depends on."""

BOTH = (("NEW.", 1), ("OLD.", -1))


def upgrade() -> None:
    """Count what is there, and have it counted from now on, with nobody writing in between."""
    if not _sqlite():  # the strongest lock that is needed, at once: two who went on to it from another would deadlock
        op.execute("LOCK TABLE records IN ACCESS EXCLUSIVE MODE")
    _replace_indexes()
    for table, summed in (("tally", True), ("changes", False)):
        _create_kinds(f"kind_{table}", summed=summed)
        _create_days(f"day_{table}", summed=summed)
    _count_what_is_there()
    for name in COUNTED:
        _count_in_sqlite(name) if _sqlite() else _count_in_postgresql(name)


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _day(what: str, row: str) -> str:
    return DAYS[what].format(row=row, never="'9999-12-31'" if _sqlite() else "DATE '9999-12-31'")


def _replace_indexes() -> None:
    for name in ("ix_records_delete_after", "ix_records_part_delete_after", "ix_records_push"):
        op.drop_index(name, "records")
    kept, left = "state IN ('active', 'trashed')", "state IN ('active', 'trashed', 'erased')"
    early = (
        "(legal_basis = 'legal-obligation' OR held) AND state IN ('trashed', 'erased', 'gone') "
        "AND (held OR state = 'trashed' OR delete_after >= closed_on)"
    )
    _index(
        f"delete_after IS NOT NULL AND {kept}",
        "due",
        "kind",
        "retention_class",
        "delete_after",
        "id",
    )
    _index(
        f"part_delete_after IS NOT NULL AND {left}", "part_due", "kind", "part_delete_after", "id"
    )
    _index(early, "early", "id")
    _index(
        "kind = 'customer' AND state = 'active'", "approaching", "store", "delete_after", "read_at"
    )
    _index("push_at IS NOT NULL", "push", "store", "kind", "push_at")
    _index("push_error IS NOT NULL", "push_error", "store", "push_error", "external_id")


def _index(where: str, name: str, *columns: str) -> None:
    there = sa.text(where)
    op.create_index(
        f"ix_records_{name}", "records", columns, sqlite_where=there, postgresql_where=there
    )


def _create_kinds(name: str, *, summed: bool) -> None:
    op.create_table(
        name,
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("retention_class", sa.String(length=64), nullable=False),
        sa.Column("legal_basis", sa.String(length=64), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("unknown_status", sa.Boolean(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        *([sa.PrimaryKeyConstraint(*KIND_KEY, name=f"pk_{name}")] if summed else []),
        sqlite_with_rowid=not summed,
    )


def _create_days(name: str, *, summed: bool) -> None:
    op.create_table(
        name,
        sa.Column("what", sa.String(length=5), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("retention_class", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        *([sa.PrimaryKeyConstraint(*DAY_KEY, name=f"pk_{name}")] if summed else []),
        sqlite_with_rowid=not summed,
    )


def _count_what_is_there() -> None:
    op.execute(
        f"INSERT INTO kind_tally SELECT {KIND.format(row='')}, count(*) FROM records GROUP BY 1, 2, 3, 4, 5, 6, 7"
    )
    for what in DAYS:
        since = "min(updated_at)" if what in SINCE else "NULL"
        op.execute(
            f"INSERT INTO day_tally SELECT '{what}', day, kind, coalesce(retention_class, ''), {since}, count(*) "
            f"FROM (SELECT {_day(what, '')} AS day, kind, retention_class, updated_at FROM records) AS there "
            "WHERE day IS NOT NULL GROUP BY 1, 2, 3, 4"
        )


# --- what the triggers do ----------------------------------------------------------------------------------


def _count(name: str, table: str, row: str, by: int) -> str:
    """Count a record as one more or one less."""
    if name == "kind":
        return f"INSERT INTO kind_{table} SELECT {KIND.format(row=row)}, {by} WHERE true"
    values = ", ".join(f"('{what}', {_day(what, row)}, {_since(what, row, by)})" for what in DAYS)
    about = f"{row}kind, coalesce({row}retention_class, '')"
    return (
        f"INSERT INTO day_{table} SELECT column1, column2, {about}, column3, {by} "
        f"FROM (VALUES {values}) AS days WHERE column2 IS NOT NULL"
    )


def _since(what: str, row: str, by: int) -> str:
    none = "NULL" if _sqlite() else "CAST(NULL AS timestamptz)"
    return SINCE[what].format(row=row) if what in SINCE and by > 0 else none


def _moved(columns: Iterable[str], other: str) -> str:
    """The condition that an update has changed a counted column. A claim, for example, changes none."""
    return " OR ".join(f"OLD.{column} {other} NEW.{column}" for column in columns)


def _count_in_sqlite(name: str) -> None:
    """The tally itself is changed, since nobody else writes."""
    key = KIND_KEY if name == "kind" else DAY_KEY
    upsert = f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET number = number + excluded.number;"
    if name == "kind":
        _watch(name, COUNTED[name], *(_count(name, "tally", row, by) + upsert for row, by in BOTH))
    else:  # each by triggers of its own: on most updates one of them has something to do
        for what, columns in DEPENDS.items():
            _watch(what, columns, *(_count_day(what, row, by) + upsert for row, by in BOTH))
    this = " AND ".join(f"{column} = NEW.{column}" for column in key)
    gone = f"DELETE FROM {name}_tally WHERE {this};"
    _trigger(f"{name}_tally_at_none", f"UPDATE OF number ON {name}_tally WHEN NEW.number = 0", gone)


def _watch(name: str, columns: Sequence[str], more: str, less: str) -> None:
    """First one more, then one less, so that a row that loses one record and gains one does not go in between."""
    _trigger(f"records_{name}_made", "INSERT ON records", more)
    changed = f"UPDATE OF {', '.join(columns)} ON records WHEN {_moved(columns, 'IS NOT')}"
    _trigger(f"records_{name}_changed", changed, more + less)
    _trigger(f"records_{name}_deleted", "DELETE ON records", less)


def _count_day(what: str, row: str, by: int) -> str:
    day = _day(what, row)
    values = f"'{what}', {day}, {row}kind, coalesce({row}retention_class, ''), {_since(what, row, by)}, {by}"
    return f"INSERT INTO day_tally SELECT {values} WHERE {day} IS NOT NULL"


def _trigger(name: str, after: str, body: str) -> None:
    op.execute(f"CREATE TRIGGER {name} AFTER {after} BEGIN {body} END")


def _count_in_postgresql(name: str) -> None:
    """Each change is a row of its own: whoever changed the tally would wait for all others who do."""
    op.execute(
        f"CREATE FUNCTION count_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP <> 'DELETE' THEN {_count(name, 'changes', 'NEW.', 1)}; END IF; "
        f"IF TG_OP <> 'INSERT' THEN {_count(name, 'changes', 'OLD.', -1)}; END IF; RETURN NULL; END $$"
    )
    then = f"FOR EACH ROW EXECUTE FUNCTION count_{name}()"
    op.execute(f"CREATE TRIGGER records_{name}_made AFTER INSERT OR DELETE ON records {then}")
    when = f"FOR EACH ROW WHEN ({_moved(COUNTED[name], 'IS DISTINCT FROM')}) EXECUTE FUNCTION count_{name}()"
    op.execute(
        f"CREATE TRIGGER records_{name}_changed AFTER UPDATE OF {', '.join(COUNTED[name])} ON records {when}"
    )
