"""Query parameters as PHP and WordPress read them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

from deploy.sandbox.errors import invalid_param
from deploy.sandbox.wire import Json, instant

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?")
PER_PAGE_MAX = 100


def php_query(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Read a query. Of repeated parameters the last one wins; all named `x[]` are kept, as `x[0]`, `x[1]` and so on."""
    query: dict[str, str] = {}
    list_lengths: Counter[str] = Counter()
    for name, value in pairs:
        if name.endswith("[]"):
            query[f"{name[:-1]}{list_lengths[name]}]"] = value
            list_lengths[name] += 1
        else:
            query[name] = value
    return query


class Params:
    """The query of a request. Each method raises the store's 400 for a wrong value."""

    def __init__(self, query: dict[str, str]) -> None:
        self._query = query

    def text(self, name: str, default: str = "") -> str:
        """Return the value of a parameter as it is."""
        return self._query.get(name, default)

    def flag(self, name: str) -> bool:
        """Tell whether a parameter is set to `true`, `True` or `1`."""
        return self._query.get(name, "").lower() in ("true", "1")

    def words(self, name: str) -> list[str]:
        """Return a list, which is separated by commas or given as `name[]`."""
        values = [value for key, value in self._query.items() if key.startswith(f"{name}[")]
        values.append(self._query.get(name, ""))
        return [word for word in ",".join(values).split(",") if word]

    def numbers(self, name: str) -> list[int]:
        """Return a list of ids."""
        words = self.words(name)
        if not all(word.strip().isdigit() for word in words):
            raise invalid_param(name, f"{name}[0] is not of type integer.", "rest_invalid_type")
        return [int(word) for word in words]

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """Return a parameter that must be one of the `allowed` words."""
        value = self._query.get(name, default)
        if value not in allowed:
            raise invalid_param(
                name, f"{name} is not one of {', '.join(allowed)}.", "rest_not_in_enum"
            )
        return value

    def positive(self, name: str, default: int, maximum: int | None = None) -> int:
        """Return a number of at least 1, and at most `maximum`."""
        value = self._integer(name, default)
        if maximum is not None and not 1 <= value <= maximum:
            message = f"{name} must be between 1 (inclusive) and {maximum} (inclusive)"
            raise invalid_param(name, message, "rest_out_of_bounds")
        if value < 1:
            raise invalid_param(
                name, f"{name} must be greater than or equal to 1", "rest_out_of_bounds"
            )
        return value

    def offset(self) -> int | None:
        """Return the number of items to skip at the front; None without an `offset`.

        The store ignores the sign of a negative number. Here it is refused, because no client means that.
        """
        if "offset" not in self._query:
            return None
        return self._integer("offset", 0)

    def _integer(self, name: str, default: int) -> int:
        value = self._query.get(name, str(default))
        if not value.isdecimal():
            raise invalid_param(name, f"{name} is not of type integer.", "rest_invalid_type")
        return int(value)

    def moment(self, name: str, zone: tzinfo) -> datetime | None:
        """Return a time in UTC. A time without a zone is the shop's local time, or GMT if `dates_are_gmt` is set."""
        value = self._query.get(name)
        if not value:
            return None
        if not _DATE_TIME.fullmatch(value):
            raise invalid_param(name, "Invalid date.", "rest_invalid_date")
        return instant(value, UTC if self.flag("dates_are_gmt") else zone)

    def pick(self, body: Json) -> Json:
        """Return only the fields that `_fields` names, in the order of the record; all fields without it.

        A name with dots names a part of a field: `refunds.id` gives only the id of each refund.
        """
        names = self.words("_fields")
        if not names:
            return body
        return _pick_fields(body, _tree(names))


_Tree = dict[str, "_Tree"]
"""The names of fields, each with the names of its parts. A field without parts is picked as a whole."""


def _tree(names: Iterable[str]) -> _Tree:
    fields = {name.strip() for name in names}
    tree: _Tree = {}
    for name in fields:
        if not fields.isdisjoint(_parents(name)):
            continue  # a field above it is picked as a whole
        branch = tree
        for part in name.split("."):
            branch = branch.setdefault(part, {})
    return tree


def _parents(name: str) -> Iterator[str]:
    """Yield the names of the fields above a part: `refunds` for `refunds.id`."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _pick_fields(body: Json, tree: _Tree) -> Json:
    return {key: _pick_parts(value, tree[key]) for key, value in body.items() if key in tree}


def _pick_parts(value: Any, tree: _Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [_pick_parts(item, tree) for item in value]
    if isinstance(value, dict):
        return _pick_fields(value, tree)
    return value
