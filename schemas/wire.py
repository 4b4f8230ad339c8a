"""Fields of WooCommerce's REST API as they really come: nulls, numbers as text, times without a zone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Self

from marshmallow import ValidationError, fields

MAX_ID = 2**63 - 1
_METHOD = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,39}")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2999, 1, 1, tzinfo=UTC)


class RecordId(fields.Field[int]):
    """The id of a record: a whole number from 1 (or `minimum`), also as text; never a boolean or a fraction."""

    def __init__(self, *, minimum: int = 1, **kwargs: Any) -> None:
        self.minimum = minimum
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int:
        number = record_id(value, minimum=self.minimum)
        if number is None:
            raise ValidationError("is not a record's id")
        return number


def record_id(value: object, *, minimum: int = 1) -> int | None:
    """The id that `value` is, or None if it is none that a store can give."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= MAX_ID:
        return None
    return value


class GmtTime(fields.Field[datetime]):
    """A time of an event: ISO 8601, in UTC where it bears no zone. Empty and all-zero ones are None."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_none=True, **kwargs)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> datetime | None:  # type: ignore[override]
        if value == "" or (isinstance(value, str) and value.startswith("0000-00-00")):
            return None
        instant = gmt_time(value)
        if instant is None:
            raise ValidationError("is not a time")
        if not _EARLIEST <= instant < _LATEST:
            raise ValidationError("is out of range")
        return instant


def gmt_time(value: object) -> datetime | None:
    """The instant that a `*_gmt` value is, in whole seconds: ISO 8601, in UTC though it bears no zone.

    None for what is no time, such as `0000-00-00` and `-0001-11-30`, by which PHP writes that there is none.
    """
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return instant.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Times:
    """The `*_gmt` times of a record by name, and the names of those that are no times. Names bear no `_gmt`."""

    instants: Mapping[str, datetime | None]
    odd: frozenset[str]

    @classmethod
    def of(cls, raw: Mapping[str, Any], *names: str) -> Self:
        """Read these times of a record. Empty values are no times, and not odd."""
        instants: dict[str, datetime | None] = {}
        odd = set()
        for name in names:
            value = raw.get(f"{name}_gmt")
            instants[name] = gmt_time(value)
            if value and instants[name] is None:
                odd.add(name)
        return cls(instants, frozenset(odd))


def php_list(value: object) -> list[Any] | None:
    """The list that a value is, or stands for: PHP writes one with gaps as an object with numeric keys.

    None for anything else.
    """
    if isinstance(value, list):
        return value
    if (
        isinstance(value, dict)
        and value
        and all(isinstance(key, str) and key.isdecimal() for key in value)
    ):
        return list(value.values())
    return None


def method_id(value: object, ways: frozenset[str]) -> str:
    """The id of a way of payment or shipping, where it is one of the `ways` (patterns); `other` for any other, of
    which nobody knows what it tells, and nothing where there is none."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if not text:
        return ""
    return text if _METHOD.fullmatch(text) and _is_among(text, ways) else "other"


@lru_cache(maxsize=256)
def _is_among(text: str, ways: frozenset[str]) -> bool:
    return any(fnmatchcase(text, way) for way in ways)


def present(value: object) -> bool:
    """Whether a field holds anything at all."""
    return bool(value.strip()) if isinstance(value, str) else bool(value)


def any_present(holder: object, keys: Iterable[str]) -> bool:
    """Whether an address, say, holds anything under `keys`. An empty one comes as `[]`, as PHP writes it."""
    return isinstance(holder, dict) and any(present(holder.get(key)) for key in keys)
