"""Habits of other shops' stores, and of proxies and caches in front of them. In a new store all are off."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Habits:
    """The differences between the store and a plain WooCommerce.

    `closed`: records, as `order:7`, that a correct key may not see (403).
    `refused_methods`: methods that the web server answers with the status `refusal`.
    `before_json`: text that precedes each body.
    `drops_authorization`: the header never reaches WordPress.
    `cache`: a cache in front of the REST API, by the header of its answers, such as `X-LiteSpeed-Cache: hit`; `silent`
    if it sends none. With the prefix `deaf ` it ignores parameters that do not change an answer. Empty: no cache.
    `unlisted`: orders that lists leave out, but that `include` finds. `hidden`: orders that no list shows.
    `shallow_fields`: lists of orders cannot pick a part of each refund (`_fields=refunds.id`); the field is then
    `absent` or `empty`.
    """

    closed: set[str] = field(default_factory=set)
    refused_methods: set[str] = field(default_factory=set)
    refusal: int = 405
    before_json: str = ""
    drops_authorization: bool = False
    cache: str = ""
    unlisted: set[int] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)
    shallow_fields: str = ""

    def change(self, habits: dict[str, Any]) -> None:
        """Set habits by name. Raise ValueError for an unknown name."""
        names = {field.name for field in dataclasses.fields(self)}
        if not habits.keys() <= names:
            raise ValueError(f"habits are {', '.join(sorted(names))}")
        for name, value in habits.items():
            is_set = isinstance(getattr(self, name), set)
            setattr(self, name, set(value) if is_set else value)
