"""The commit of a delivery: in a transaction of its own, or in one that is shared with others.

The app starts with `SingleCommit`. gunicorn's worker puts a `GroupCommit` in its place, since only its requests are
greenlets that can wait for each other.
"""

from __future__ import annotations

from typing import Protocol, cast

from flask import current_app

from hooks.intake.ingest import Ingest, Result
from hooks.intake.webhook import Delivery
from hooks.runtime import Runtime

EXTENSION = "commit"
"""The key of the app's `extensions` that holds its Commit."""


class Commit(Protocol):
    """Commits deliveries."""

    def submit(self, ingester: Ingest, store: str, delivery: Delivery) -> Result:
        """Ingest one delivery durably. Raises LedgerUnavailableError, and then nothing of it is stored."""


class SingleCommit:
    """Commits each delivery in a transaction of its own."""

    def submit(self, ingester: Ingest, store: str, delivery: Delivery) -> Result:
        """As `Commit.submit`."""
        return ingester.ingest_one(store, delivery)


def submit(runtime: Runtime, store: str, delivery: Delivery) -> Result:
    """Ingest a delivery that was parsed by the policy of `runtime`. Once this has returned, the ledger has it durably.

    `SingleCommit` tags it under the same policy. `GroupCommit` tags a batch under the policy of its first delivery, and
    says why that is safe. Raises LedgerUnavailableError.
    """
    commit = cast("Commit", current_app.extensions[EXTENSION])
    return commit.submit(Ingest(runtime), store, delivery)
