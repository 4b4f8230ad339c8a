"""Reading a list that changes between its pages: an entry that is there throughout is shown once, and the reading
ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hooks.store.client import Listing, StoreClient
from hooks.store.listing import Place, page

Change = tuple[frozenset[int], frozenset[int]]
"""What goes and what comes between two answers."""

IDS = st.integers(1, 40)
WIDTHS = st.integers(2, 5)
NOTHING: Change = (frozenset(), frozenset())


@dataclass
class MovingList:
    """A list of ids in memory that changes after each answer, until no changes are left.

    `lasting` are the ids that were in it at every answer.
    """

    ids: set[int]
    changes: list[Change]
    lasting: set[int] = field(default_factory=set)
    answers: int = 0

    def __post_init__(self) -> None:
        self.lasting = set(self.ids)

    def list_page(self, _endpoint: str, params: Mapping[str, str]) -> Listing:
        """Answer with a page as the store does, and change."""
        self.answers += 1
        self.lasting &= self.ids
        offset, width = int(params["offset"]), int(params["per_page"])
        rows: list[dict[str, Any]] = [
            {"id": number} for number in sorted(self.ids)[offset : offset + width]
        ]
        if self.changes:
            gone, come = self.changes.pop(0)
            self.ids = (self.ids - gone) | come
        return Listing(rows, len(self.ids), None)


def walk(moving: MovingList) -> list[int]:
    """Return all that is shown from the first page to the end."""
    place, shown, longest = Place(), list[int](), len(moving.changes) * 60 + 200
    for _ in range(longest):
        step = page(cast("StoreClient", moving), "orders", {}, place)
        shown += step.rows
        if step.ended:
            return shown
        place = step.place
    raise AssertionError("the walk does not end")


changes = st.tuples(st.frozensets(IDS, max_size=6), st.frozensets(IDS, max_size=6))


@given(st.sets(IDS), st.lists(changes, max_size=12), WIDTHS)
@example({1, 2}, [NOTHING, (frozenset(), frozenset({3}))], 2)
def test_every_lasting_entry_is_shown_once_and_in_order(
    ids: set[int], later: list[Change], width: int
) -> None:
    moving = MovingList(set(ids), list(later))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hooks.store.listing.PER_PAGE", width)
        shown = walk(moving)
    assert shown == sorted(set(shown))
    assert moving.lasting <= set(shown)


@given(st.sets(IDS), WIDTHS)
def test_an_unchanged_list_is_read_whole_in_its_own_pages(ids: set[int], width: int) -> None:
    moving = MovingList(set(ids), [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hooks.store.listing.PER_PAGE", width)
        shown = walk(moving)
    assert shown == sorted(ids)
    assert moving.answers <= 2 + len(ids) // (width - 1)
