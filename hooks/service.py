"""What the endpoints and commands work with: made once per process and policy, found on the app."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from flask import current_app, has_request_context, request

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

FOLLOW_SECONDS = 1.0
"""How long a process may go on by a policy that another one has taken the place of. What it tags meanwhile is tagged
anew."""


@dataclass(frozen=True)
class Service:
    """The parts of one running process. `policy` is the one in force, `wanted` the one that the settings name.
    `signing_keys`: by store, every key that may sign its deliveries. `followed_at` is of the monotonic clock."""

    settings: Settings
    policy: Policy
    wanted: Policy
    database: Database
    runtime: Runtime
    readiness: Readiness
    started_at: datetime
    followed_at: float = float("-inf")
    signing_keys: dict[str, frozenset[bytes]] = field(init=False)
    delivery_log: DeliveryLog = field(init=False)

    def __post_init__(self) -> None:
        keys = {
            slug: frozenset().union(*map(signing_keys, store.signing_secrets))
            for slug, store in self.settings.stores.items()
        }
        object.__setattr__(self, "signing_keys", keys)
        object.__setattr__(self, "delivery_log", DeliveryLog(self.settings))

    def following(self) -> Service:
        """The same, by the policy that the ledger says is in force; as it was where the ledger cannot tell, which may
        take a while."""
        try:
            runtime = follow(self.runtime)
        except LedgerUnavailableError:
            runtime = self.runtime
        return replace(self, policy=runtime.policy, runtime=runtime, followed_at=time.monotonic())

    def register_of_processing(self) -> Register:
        """Draw up the register of processing activities (GDPR Art. 30) as of today, a day in the policy's time zone.

        It lists the stores that the settings name. Reads no records.
        """
        today = self.policy.day_of(self.runtime.clock())
        return register(
            self.policy,
            on=today,
            stores={slug: store.url for slug, store in self.settings.stores.items()},
            has_hashes=self.settings.subject_key is not None,
        )


def service() -> Service:
    """The service of the app at work. Looks whether another policy has come into force, if the last look is a while
    ago; where only the process's health is asked for, it touches nothing."""
    here = cast("Service", current_app.extensions["retention"])
    if time.monotonic() - here.followed_at < FOLLOW_SECONDS or (
        has_request_context() and request.blueprint == "health"
    ):
        return here
    current_app.extensions["retention"] = followed = here.following()
    return followed
