"""Parts that the tables share: the type of an instant, the type of a row id, and indexes of some rows only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, Integer, MetaData, text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An aware datetime in UTC, in and out. SQLite knows no time zones and stores it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Refuse a naive datetime with a ValueError: which instant it means would be a guess."""
        if dialect.name == "sqlite":
            return _to_text
        return _to_utc

    def result_processor(self, dialect: Dialect, _: object) -> Callable[[Any], datetime | None]:
        """Return an aware datetime always."""
        if dialect.name == "sqlite":
            return _from_text
        return _to_utc


def _to_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a naive datetime has no place in the ledger")
    return value.astimezone(UTC)


def _to_text(value: datetime | None) -> str | None:
    """Return the text that SQLAlchemy stores in SQLite, which has no type for instants."""
    utc = _to_utc(value)
    if utc is None:
        return None
    return utc.replace(tzinfo=None).isoformat(" ", "microseconds")


def _from_text(value: str | None) -> datetime | None:
    if value is None:
        return None
    # To parse the text with its offset takes a tenth of the time of `replace(tzinfo=UTC)`.
    return datetime.fromisoformat(value + "+00:00")


# SQLite numbers rows by itself only where the primary key is of the type INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def partial_index(name: str, where: str, columns: tuple[str, ...]) -> Index:
    """Index only the rows that meet the condition `where`."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


def index_of_present(name: str, *columns: str) -> Index:
    """Index only the rows in which the last of these columns is not null."""
    return partial_index(name, f"{columns[-1]} IS NOT NULL", columns)
