"""Reads one page of a list of orders, with the ids of their refunds.

A refund may leave all dates of its order as they are, and a deleted refund always does: only the ids show it. Some
stores cannot give the ids alone (`_fields=refunds.id`): the field is then missing, or empty for every order. If that
were taken as "no refunds", all orders with refunds would be refetched. So such a store is asked for whole refunds from
then on. All but their ids is dropped.
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
        """Get one step of a walk through the list that `params` name. Raises StoreError."""
        with self.runtime.database.read() as connection:
            needs_whole = TRAIT in traits.read(connection, self.store)
        if needs_whole:
            return self._page(params, place, WHOLE_REFUNDS)
        by_ids = self._page(params, place, REFUND_IDS)
        if self._hides_refunds(by_ids):
            return self._page_with_whole_refunds(params, place, by_ids)
        return by_ids

    def _page(self, params: Mapping[str, str], place: Place, refunds_field: str) -> ListPage:
        fields = f"{ORDER_FIELDS},{refunds_field}"
        return page(self.client, "orders", {**params, "_fields": fields}, place)

    def _hides_refunds(self, by_ids: ListPage) -> bool:
        """Tell whether no row has a refund, although the ledger knows of some, or because the field is missing."""
        if not by_ids.rows or _shows_refunds(by_ids):
            return False
        if not _has_refunds_field(by_ids):
            return True
        with self.runtime.database.read() as connection:
            return bool(records.find_refunded(connection, self.store, by_ids.rows))

    def _page_with_whole_refunds(
        self, params: Mapping[str, str], place: Place, by_ids: ListPage
    ) -> ListPage:
        """Get the page with whole refunds. Where that shows more, note that the store must be asked so."""
        with_whole = self._page(params, place, WHOLE_REFUNDS)
        if _shows_refunds(with_whole) or not _has_refunds_field(by_ids):
            with self.runtime.database.write() as connection:
                traits.note(connection, self.store, TRAIT, "yes", self.runtime.clock())
        return with_whole


def _has_refunds_field(page: ListPage) -> bool:
    return any("refunds" in row for row in page.rows.values())


def _shows_refunds(page: ListPage) -> bool:
    return any(RefundIds.of(row.get("refunds")).ids for row in page.rows.values())
