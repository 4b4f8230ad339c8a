"""Going through a list of the store by id, page by page, so that nothing is skipped while it changes.

Pages overlap by one row. Records that leave the list while it is read move all later ones to the left: then the
row that should come first again does not, and the walk steps back. Those that join it move the others to the right:
then rows come again, and are passed over. Only ids that grow count as progress; the store's totals are not believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hooks.errors import ListingError
from hooks.store.client import StoreClient
from schemas.wire import record_id

PER_PAGE = 100

FAR = 1_000_000_000
"""An offset past the end of any list."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a walk has come: the highest id seen, and where in the list it stood."""

    last_id: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True)
class ListPage:
    """What one step brought: `rows` by id, all of those the store has from after the old place to the new one.

    `total` and `store_time` are what the store said of itself, if it did.
    """

    rows: Mapping[int, dict[str, Any]]
    place: Place
    ended: bool
    total: int | None
    store_time: datetime | None


def page(client: StoreClient, endpoint: str, params: Mapping[str, str], place: Place) -> ListPage:
    """One step of a walk through the list that `endpoint` and `params` name.

    Raises StoreError; ListingError where the store ignores what it was asked for, so that no walk could end.
    """
    listed = client.listed(endpoint, _asked(params, place.position))
    rows = _by_id(listed.rows)
    ids = list(rows)
    new = {number: rows[number] for number in ids if number > place.last_id}
    after, ended = place, False
    if place.position and (not ids or ids[0] > place.last_id):
        after, new = Place(place.last_id, max(0, place.position - PER_PAGE)), {}
    elif new:
        after = Place(ids[-1], place.position + len(ids) - 1)
    elif len(ids) <= 1:
        ended = True
    else:
        after = Place(place.last_id, place.position + len(ids) - 1)
        _assert_offsets_count(client, endpoint, params, ids)
    return ListPage(new, after, ended, listed.total, listed.store_time)


def _asked(params: Mapping[str, str], offset: int) -> dict[str, str]:
    return {
        **params,
        "orderby": "id",
        "order": "asc",
        "per_page": str(PER_PAGE),
        "offset": str(offset),
    }


def _by_id(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    ids = [record_id(row.get("id")) for row in rows]
    known = [number for number in ids if number is not None]
    if len(known) < len(ids):
        raise ListingError("ids-missing", "the store lists records without an id")
    if known != sorted(set(known)):
        raise ListingError("order-ignored", "the store does not list by id as it was asked to")
    return dict(zip(known, rows, strict=True))


def _assert_offsets_count(
    client: StoreClient, endpoint: str, params: Mapping[str, str], before: list[int]
) -> None:
    """A page without a new row is no news where others joined the list; but past its end there must be nothing."""
    if list(_by_id(client.listed(endpoint, _asked(params, FAR)).rows)) == before:
        raise ListingError("paging-ignored", "the store shows the same page again and again")
