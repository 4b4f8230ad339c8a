"""All tables of the ledger, under one name. `metadata` knows them all once this module was imported."""

from __future__ import annotations

from hooks.ledger.columns import Instant, metadata
from hooks.ledger.record_tables import (
    IS_CLOSED_TO_US,
    IS_IGNORED,
    IS_KEPT,
    IS_ODD,
    IS_OPEN,
    MAY_BE_EARLY,
    NO_WEBHOOKS,
    REPORTED,
    UNKNOWN,
    account_emails,
    deliveries,
    history,
    quarantine,
    records,
    seal_head,
    seals,
)
from hooks.ledger.store_tables import (
    pages,
    policies,
    rounds,
    store_traits,
    stores,
    webhooks,
    write_probe,
)
from hooks.ledger.tally_tables import day_changes, day_tally, kind_changes, kind_tally

__all__ = [
    "IS_CLOSED_TO_US",
    "IS_IGNORED",
    "IS_KEPT",
    "IS_ODD",
    "IS_OPEN",
    "MAY_BE_EARLY",
    "NO_WEBHOOKS",
    "REPORTED",
    "UNKNOWN",
    "Instant",
    "account_emails",
    "day_changes",
    "day_tally",
    "deliveries",
    "history",
    "kind_changes",
    "kind_tally",
    "metadata",
    "pages",
    "policies",
    "quarantine",
    "records",
    "rounds",
    "seal_head",
    "seals",
    "store_traits",
    "stores",
    "webhooks",
    "write_probe",
]
