"""What the endpoints and commands work with: made once per process, found on the app."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from flask import current_app

from hooks.ingest import Ingest
from hooks.ledger.database import Database
from hooks.retention.policy import Policy
from hooks.settings import Settings
from hooks.signature import signing_keys


@dataclass(frozen=True)
class Service:
    """The parts of one running process. `signing_keys`: by store, every key that may sign its deliveries."""

    settings: Settings
    policy: Policy
    database: Database
    ingest: Ingest
    started_at: datetime
    signing_keys: dict[str, frozenset[bytes]] = field(init=False)

    def __post_init__(self) -> None:
        keys = {
            slug: frozenset().union(*map(signing_keys, store.webhook_secrets))
            for slug, store in self.settings.stores.items()
        }
        object.__setattr__(self, "signing_keys", keys)


def service() -> Service:
    """The service of the app at work."""
    return cast("Service", current_app.extensions["retention"])
