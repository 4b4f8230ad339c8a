"""Query parameters as PHP and WordPress read them."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Any

from deploy.sandbox.errors import invalid_param
from deploy.sandbox.wire import Json, instant

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?")
PER_PAGE_MAX = 100


def php_query(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of doubled parameters the last wins; those named `x[]` are kept, numbered `x[0]`, `x[1]`…"""
    query: dict[str, str] = {}
    for name, value in pairs:
        if name.endswith("[]"):
            place = sum(1 for known in query if known.startswith(name[:-1]))
            query[f"{name[:-1]}{place}]"] = value
        else:
            query[name] = value
    return query


class Params:
    """The query of one request; raises the store's 400 for values out of bounds."""

    def __init__(self, query: dict[str, str]) -> None:
        self._query = query

    def text(self, name: str, default: str = "") -> str:
        """The value as it stands."""
        return self._query.get(name, default)

    def flag(self, name: str) -> bool:
        """`true`, `True` and `1` mean yes."""
        return self._query.get(name, "").lower() in ("true", "1")

    def words(self, name: str) -> list[str]:
        """A list, separated by commas or given as `name[]`."""
        several = [value for key, value in self._query.items() if key.startswith(f"{name}[")]
        return [word for word in ",".join([*several, self._query.get(name, "")]).split(",") if word]

    def numbers(self, name: str) -> list[int]:
        """A list of ids."""
        words = self.words(name)
        if not all(word.strip().isdigit() for word in words):
            raise invalid_param(name, f"{name}[0] is not of type integer.", "rest_invalid_type")
        return [int(word) for word in words]

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """One of a few words."""
        value = self._query.get(name, default)
        if value not in allowed:
            raise invalid_param(
                name, f"{name} is not one of {', '.join(allowed)}.", "rest_not_in_enum"
            )
        return value

    def whole(self, name: str, default: int, most: int | None = None) -> int:
        """A number of at least 1, and at most `most`."""
        value = self._integer(name, default)
        if most is not None and not 1 <= value <= most:
            message = f"{name} must be between 1 (inclusive) and {most} (inclusive)"
            raise invalid_param(name, message, "rest_out_of_bounds")
        if value < 1:
            raise invalid_param(
                name, f"{name} must be greater than or equal to 1", "rest_out_of_bounds"
            )
        return value

    def offset(self) -> int | None:
        """How many items to leave out at the front; None where `offset` is not given.

        The store reads a negative number as if it had no sign; here it is refused, since no client means that.
        """
        return self._integer("offset", 0) if "offset" in self._query else None

    def _integer(self, name: str, default: int) -> int:
        value = self._query.get(name, str(default))
        if not value.isdecimal():
            raise invalid_param(name, f"{name} is not of type integer.", "rest_invalid_type")
        return int(value)

    def moment(self, name: str, zone: tzinfo) -> datetime | None:
        """A time; one without a zone is the shop's local time unless `dates_are_gmt` says otherwise."""
        value = self._query.get(name)
        if not value:
            return None
        if not _DATE_TIME.fullmatch(value):
            raise invalid_param(name, "Invalid date.", "rest_invalid_date")
        return instant(value, UTC if self.flag("dates_are_gmt") else zone)

    def pick(self, body: Json) -> Json:
        """Only the fields that `_fields` names, in the record's own order; all without it.

        A name with dots names a part of a field: `refunds.id` gives the id of each refund, and no more.
        """
        return _picked(body, _tree(self.words("_fields"))) if self.words("_fields") else body


_Tree = dict[str, "_Tree"]
"""Fields by name, each with its parts that are wanted; no parts mean the whole of it."""


def _tree(names: Iterable[str]) -> _Tree:
    tree: _Tree = {}
    whole = {name.strip() for name in names}
    for name in sorted(whole):
        parts = name.split(".")
        if any(".".join(parts[:length]) in whole for length in range(1, len(parts))):
            continue
        place = tree
        for part in parts:
            place = place.setdefault(part, {})
    return tree


def _picked(body: Json, tree: _Tree) -> Json:
    return {key: _part(value, tree[key]) for key, value in body.items() if key in tree}


def _part(value: Any, tree: _Tree) -> Any:
    if tree and isinstance(value, list):
        return [_part(item, tree) for item in value]
    return _picked(value, tree) if tree and isinstance(value, dict) else value
