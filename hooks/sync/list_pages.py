"""One page of a list of orders, with the ids of their refunds.

A refund may move no date of its order, and a deleted one moves none: only the ids tell. Some stores cannot pick a part
of each refund (`_fields=refunds.id`): the field is then missing, or empty whatever refunds there are. To take that for
orders without refunds would put all refunds in question. Such a store is asked for whole refunds, for good; all that
comes with their ids is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hooks.ledger import records, traits
from hooks.runtime import Runtime
from hooks.store.client import StoreClient
from hooks.store.listing import ListPage, Place, page
from hooks.sync.compare import ORDER_FIELDS, REFUND_IDS, WHOLE_REFUNDS, RefundIds

TRAIT = "whole-refunds"
"""The trait of a store that must be asked for whole refunds."""


@dataclass(frozen=True)
class OrderLists:
    """Reads one store's lists of orders."""

    store: str
    client: StoreClient
    runtime: Runtime

    def page(self, params: Mapping[str, str], place: Place) -> ListPage:
        """One step of a walk through the list that `params` name. Raises StoreError."""
        with self.runtime.database.read() as connection:
            is_whole = TRAIT in traits.read(connection, self.store)
        if is_whole:
            return self._page(params, place, WHOLE_REFUNDS)
        found = self._page(params, place, REFUND_IDS)
        return self._page_again(params, place, found) if self._hides_refunds(found) else found

    def _page(self, params: Mapping[str, str], place: Place, refunds: str) -> ListPage:
        return page(
            self.client, "orders", {**params, "_fields": f"{ORDER_FIELDS},{refunds}"}, place
        )

    def _hides_refunds(self, found: ListPage) -> bool:
        """Tell whether no row has a refund, although the field is missing or the ledger knows of some."""
        if not found.rows or _shows_refunds(found):
            return False
        if not _has_field(found):
            return True
        with self.runtime.database.read() as connection:
            return bool(records.refunded(connection, self.store, found.rows))

    def _page_again(self, params: Mapping[str, str], place: Place, found: ListPage) -> ListPage:
        again = self._page(params, place, WHOLE_REFUNDS)
        if _shows_refunds(again) or not _has_field(found):
            with self.runtime.database.write() as connection:
                traits.note(connection, self.store, TRAIT, "yes", self.runtime.clock())
        return again


def _has_field(found: ListPage) -> bool:
    return any("refunds" in row for row in found.rows.values())


def _shows_refunds(found: ListPage) -> bool:
    return any(RefundIds.of(row.get("refunds")).ids for row in found.rows.values())
