"""A walk through a list of the store by id, page by page, that skips nothing while the list changes.

The danger: the store pages by offset. When a record leaves the list during the walk, all later records move to the
left, and a simple walk would skip one.

The principle: pages overlap by one row. If the last row of the page before does not come first again, records have
left, and the walk steps back. If records have joined the list, rows come again and are ignored. Only growing ids
count as progress; the totals that the store tells are not believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from hooks.errors import ListingError
from hooks.store.client import StoreClient
from schemas.wire import record_id

PER_PAGE = 100

FAR = 1_000_000_000
"""An offset past the end of any list."""


@dataclass(frozen=True, slots=True)
class Place:
    """The progress of a walk: the highest id that it has read, and the offset of that row in the list."""

    last_id: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True)
class ListPage:
    """The result of one step: `rows` by id, which are all that the store has between the old place and the new one.

    `total` and `store_time` (UTC) are as the store tells them; None where it does not.
    """

    rows: Mapping[int, dict[str, Any]]
    place: Place
    ended: bool
    total: int | None
    store_time: datetime | None


def page(client: StoreClient, endpoint: str, params: Mapping[str, str], place: Place) -> ListPage:
    """Take one step of a walk through the list that `endpoint` and `params` name.

    Raises StoreError. That is ListingError where the store ignores the parameters, so that no walk could end.
    """
    listing = client.list_page(endpoint, _page_params(params, place.position))
    rows = _by_id(listing.rows)
    ids = list(rows)
    new_rows = {number: row for number, row in rows.items() if number > place.last_id}
    next_place, ended = place, False
    if place.position and (not ids or ids[0] > place.last_id):
        # The last row of the page before is not there: records have left the list.
        next_place = Place(place.last_id, max(0, place.position - PER_PAGE))
        new_rows = {}
    elif new_rows:
        next_place = Place(ids[-1], place.position + len(ids) - 1)
    elif len(ids) <= 1:
        ended = True
    else:
        # All rows were read before: records have joined the list, or the store ignores the offset.
        next_place = Place(place.last_id, place.position + len(ids) - 1)
        _assert_offset_works(client, endpoint, params, ids)
    return ListPage(new_rows, next_place, ended, listing.total, listing.store_time)


def _page_params(params: Mapping[str, str], offset: int) -> dict[str, str]:
    return {
        **params,
        "orderby": "id",
        "order": "asc",
        "per_page": str(PER_PAGE),
        "offset": str(offset),
    }


def _by_id(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    ids = []
    for row in rows:
        number = record_id(row.get("id"))
        if number is None:
            raise ListingError("ids-missing", "the store lists records without an id")
        ids.append(number)
    if any(second <= first for first, second in pairwise(ids)):
        raise ListingError("order-ignored", "the store does not list by id as it was asked to")
    return dict(zip(ids, rows, strict=True))


def _assert_offset_works(
    client: StoreClient, endpoint: str, params: Mapping[str, str], ids: list[int]
) -> None:
    """Raise ListingError where the store gives the page with these ids for an offset past the end of the list, too."""
    page_past_end = client.list_page(endpoint, _page_params(params, FAR))
    if list(_by_id(page_past_end.rows)) == ids:
        raise ListingError("paging-ignored", "the store shows the same page again and again")
