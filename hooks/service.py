"""The parts that endpoints and commands work with. A process makes them once, and finds them on its Flask app."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from flask import current_app

from hooks.errors import LedgerUnavailableError
from hooks.ledger.database import Database
from hooks.ledger.readiness import Readiness
from hooks.policies.activate import follow
from hooks.register.activities import register
from hooks.register.values import Register
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings import Settings
from hooks.settings.webhook_secrets import signing_keys
from hooks.telemetry import DeliveryLog

EXTENSION = "retention"
"""The name of the service among the extensions of the Flask app."""

FOLLOW_SECONDS = 1.0
"""The time for which a process may use a policy that another one has replaced. The records that it tags in that time
are re-tagged."""


@dataclass(frozen=True)
class Service:
    """The parts of one running process.

    `policy` is the policy in force, `configured_policy` the one that POLICY_FILE names. `signing_keys` holds, for each
    store, every key that may sign its deliveries. `followed_at` is the monotonic time of the last look at the ledger.
    """

    settings: Settings
    policy: Policy
    configured_policy: Policy
    database: Database
    runtime: Runtime
    readiness: Readiness
    started_at: datetime
    followed_at: float = float("-inf")
    signing_keys: dict[str, frozenset[bytes]] = field(init=False)
    delivery_log: DeliveryLog = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signing_keys", _signing_keys(self.settings))
        object.__setattr__(self, "delivery_log", DeliveryLog(self.settings))

    def with_current_policy(self) -> Service:
        """Return the same service with the policy that the ledger says is in force.

        The policy stays as it is where the ledger cannot be read. That may take as long as the ledger's time-out.
        """
        try:
            runtime = follow(self.runtime)
        except LedgerUnavailableError:
            runtime = self.runtime
        return replace(self, policy=runtime.policy, runtime=runtime, followed_at=time.monotonic())

    def register_of_processing(self) -> Register:
        """Draw up the register of processing activities (GDPR Art. 30) as of today, a day in the policy's time zone.

        It lists the stores that the settings name. Reads no records.
        """
        return register(
            self.policy,
            on=self.policy.day_of(self.runtime.clock()),
            stores={slug: store.url for slug, store in self.settings.stores.items()},
            has_hashes=self.settings.subject_key is not None,
        )


def _signing_keys(settings: Settings) -> dict[str, frozenset[bytes]]:
    keys: dict[str, frozenset[bytes]] = {}
    for slug, store in settings.stores.items():
        keys[slug] = frozenset().union(*map(signing_keys, store.signing_secrets))
    return keys


def service_as_loaded() -> Service:
    """Return the service of the current Flask app without a look into the ledger, for its settings and its health."""
    return cast("Service", current_app.extensions[EXTENSION])


def current_service() -> Service:
    """Return the service of the current Flask app, with the policy that is in force.

    Looks into the ledger for another policy if the last look was more than FOLLOW_SECONDS ago.
    """
    service = service_as_loaded()
    if time.monotonic() - service.followed_at < FOLLOW_SECONDS:
        return service
    followed = service.with_current_policy()
    latest = service_as_loaded()
    if latest is not service:  # another request has followed while this one waited for the ledger
        return latest
    current_app.extensions[EXTENSION] = followed
    return followed
