"""Habits of other shops' stores, and of what stands before them: off in a new store, and switched on one by one."""

from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Habits:
    """What the store does otherwise than a plain one.

    `closed`: records, as `order:7`, that a good key is refused (403). `refused_methods`: methods that the web server
    answers with `refusal`. `before_json`: text that precedes each body. `drops_authorization`: the header never
    reaches WordPress. `cache`: the header by which a cache before the REST API tells that it answered, such as
    `X-LiteSpeed-Cache: hit`, or `silent`; `deaf ` before it for one that ignores parameters which change no answer;
    empty where there is none. `unlisted`: orders that lists leave out, and `include` finds. `hidden`: orders that no
    list shows. `shallow_fields`: lists of orders cannot pick a part of each refund (`_fields=refunds.id`); the field is
    then `absent` or `empty`.
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

    def change(self, given: dict[str, Any]) -> None:
        """Set habits by name. Raises ValueError for a name that is none."""
        known = {one.name for one in fields(self)}
        if not given.keys() <= known:
            raise ValueError(f"habits are {', '.join(sorted(known))}")
        for name, value in given.items():
            setattr(self, name, set(value) if isinstance(getattr(self, name), set) else value)
