"""Fields that several parts of the policy file use."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, validate

from hooks.retention.clock import AccountingYear, Period

ID = validate.Regexp(
    r"^[a-z0-9][a-z0-9.-]{0,63}$", error="must be a short lower-case id, like-this"
)
COUNTRY = validate.Regexp(r"^[A-Z]{2}$", error="must be a country's two letters")
_MONTH_AND_DAY = re.compile(r"([0-9]{2})-([0-9]{2})")
_NOT_A_YEAR_START = "must be the first day of the accounting year, as MM-DD"


def check_day(value: object) -> None:
    """Raise ValidationError unless TOML read the value as a date without a time of day."""
    if type(value) is not date:
        raise ValidationError("must be a day, such as 2026-01-15")


def check_instant(value: object) -> None:
    """Raise ValidationError unless TOML read the value as a time with its offset."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValidationError("must be a time with its offset, such as 2026-04-27T17:12:13Z")


class PeriodField(fields.String):
    """An ISO 8601 period of years, months and days."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> Period:  # type: ignore[override]
        try:
            return Period.from_iso(super()._deserialize(*args, **kwargs))
        except ValueError as error:
            raise ValidationError(str(error)) from error


class YearStartField(fields.String):
    """The first day of the accounting year, as MM-DD."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> AccountingYear:  # type: ignore[override]
        match = _MONTH_AND_DAY.fullmatch(super()._deserialize(*args, **kwargs))
        if match is None:
            raise ValidationError(_NOT_A_YEAR_START)
        try:
            # 2023 is not a leap year, so that 02-29 is refused: most years do not have that day.
            first_day = date(2023, int(match[1]), int(match[2]))
        except ValueError as error:
            raise ValidationError(_NOT_A_YEAR_START) from error
        return AccountingYear(first_day.month, first_day.day)


class TimeZoneField(fields.String):
    """The name of an IANA time zone."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> ZoneInfo:  # type: ignore[override]
        name = super()._deserialize(*args, **kwargs)
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError) as error:
            raise ValidationError("is not a time zone such as Europe/Oslo") from error


class TupleField(fields.List[Any]):
    """A list, loaded to a tuple."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:  # type: ignore[override]
        return tuple(super()._deserialize(*args, **kwargs))


class StringSetField(fields.List[str]):
    """A list of strings, loaded to a frozenset."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.String(), **kwargs)

    def _deserialize(self, *args: Any, **kwargs: Any) -> frozenset[str]:  # type: ignore[override]
        words: list[Any] = super()._deserialize(*args, **kwargs)
        return frozenset(words)


class TableField(fields.Dict):
    """A TOML table of tables, such as `[classes.marketing]`, loaded to a dict by id.

    Each inner table is loaded by `schema`, and built by `build` with its key as `id`.
    """

    def __init__(self, schema: type[Schema], build: Callable[..., object], **kwargs: Any) -> None:
        super().__init__(fields.String(validate=ID), fields.Nested(schema), **kwargs)
        self.build = build

    def _deserialize(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        tables = super()._deserialize(*args, **kwargs)  # type: ignore[no-untyped-call]
        return {name: self.build(id=name, **table) for name, table in tables.items()}
