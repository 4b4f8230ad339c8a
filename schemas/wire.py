"""Fields of WooCommerce's REST API as they really come: nulls, numbers as text, times without a zone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

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
    """A `*_gmt` time: ISO 8601, in UTC though it bears no zone. Empty and all-zero ones are None."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_none=True, **kwargs)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> datetime | None:  # type: ignore[override]
        if value == "" or (isinstance(value, str) and value.startswith("0000-00-00")):
            return None
        try:
            instant = datetime.fromisoformat(value)
            instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValidationError("is not a time") from error
        if not _EARLIEST <= instant < _LATEST:
            raise ValidationError("is out of range")
        return instant.replace(microsecond=0)


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


def required_time(raw: Mapping[str, datetime | None], *names: str) -> datetime:
    """The first of these times that is there. Raises ValidationError, naming the first, if none is."""
    for name in names:
        instant = raw[name]
        if instant is not None:
            return instant
    raise ValidationError({names[0]: ["is missing"]})
