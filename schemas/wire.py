"""Fields of WooCommerce's REST API as they really arrive: nulls, numbers as text, times without a zone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Self

from marshmallow import ValidationError, fields

from hooks.retention.facts import MAX_ID

_METHOD = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,39}")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2999, 1, 1, tzinfo=UTC)


class RecordId(fields.Field[int]):
    """The id of a record: a whole number from `minimum` on, also as text. Booleans and fractions are refused."""

    def __init__(self, *, minimum: int = 1, **kwargs: Any) -> None:
        self.minimum = minimum
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int:
        number = record_id(value, minimum=self.minimum)
        if number is None:
            raise ValidationError("is not a record's id")
        return number


def record_id(value: object, *, minimum: int = 1) -> int | None:
    """Return `value` as an id, or None if no store can have given it."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if minimum <= value <= MAX_ID else None


class GmtTime(fields.Field[datetime]):
    """The time of an event: ISO 8601, in UTC if it names no zone. An empty or all-zero time is None."""

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
    """Read the value of a `*_gmt` field, in whole seconds: ISO 8601, in UTC although it names no zone.

    Return None for anything else. PHP writes `0000-00-00` or `-0001-11-30` if there is no time.
    """
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC, microsecond=0)
        return instant.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Times:
    """The `*_gmt` times of a record by name; `odd` names the values that are not times. Names have no `_gmt`."""

    instants: Mapping[str, datetime | None]
    odd: frozenset[str]

    @classmethod
    def of(cls, raw: Mapping[str, Any], *names: str) -> Self:
        """Read the times of these names. An empty value is None and not odd."""
        instants: dict[str, datetime | None] = {}
        odd = set()
        for name in names:
            value = raw.get(f"{name}_gmt")
            instants[name] = gmt_time(value)
            if value and instants[name] is None:
                odd.add(name)
        return cls(instants, frozenset(odd))


def php_list(value: object) -> list[Any] | None:
    """Return the list that a value means, or None. PHP writes a list with gaps as an object with numeric keys."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or not value:
        return None
    if all(isinstance(key, str) and key.isdecimal() for key in value):
        return list(value.values())
    return None


def method_id(value: object, patterns: frozenset[str]) -> str:
    """Return the id of a payment or shipping method if it matches a pattern; "" if there is none.

    Any other id becomes `other`: nobody knows what it says about a person.
    """
    text = value.strip().lower() if isinstance(value, str) else ""
    if not text:
        return ""
    return text if _METHOD.fullmatch(text) and _matches(text, patterns) else "other"


def _matches(text: str, patterns: frozenset[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def present(value: object) -> bool:
    """Tell whether a field holds anything."""
    return bool(value.strip()) if isinstance(value, str) else bool(value)


def any_present(holder: object, keys: Iterable[str]) -> bool:
    """Tell whether an object, such as an address, holds anything under `keys`. PHP writes an empty object as `[]`."""
    return isinstance(holder, dict) and any(present(holder.get(key)) for key in keys)
