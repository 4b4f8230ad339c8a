"""The watch over our webhooks: what is missing, disabled, paused or moved is reported once, and mended.

A webhook is disabled silently at its seventh failure in a row, and what it should have sent never comes again: so the
look is regular, and is followed at once by a reconciliation of the gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from hooks import telemetry
from hooks.errors import LeaseError, StoreError, WebhookProblemError
from hooks.ledger import rounds, webhooks
from hooks.runtime import Runtime
from hooks.settings import Settings
from hooks.store.client import StoreClient
from hooks.store.webhook_registration import TopicState
from hooks.sync import webhook_lease
from hooks.sync.webhook_install import Installation
from hooks.sync.webhook_lease import Lease

AGAIN = timedelta(minutes=1)
"""After a store that did not answer, or a fault of ours: soon, but not before all other work has had its turn."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class WebhookWatch:
    """Looks at one store's webhooks when it is time to."""

    store: str
    client: StoreClient
    runtime: Runtime
    settings: Settings

    def step(self) -> int:
        """Look and mend, if it is time and nobody else does. Returns how many looks came to their end, 0 or 1.

        Where the key may not see or change webhooks, that is recorded, and stops no other work. Raises StoreError
        where the store did not answer; LedgerUnavailableError.
        """
        try:
            with webhook_lease.hold_if_due(self.store, self.runtime) as lease:
                return 0 if lease is None else self._step(lease)
        except LeaseError:
            log.warning("webhooks.lease-lost", store=self.store)
            return 0

    def _step(self, lease: Lease) -> int:
        try:
            self._look(lease)
        except StoreError as error:
            if not error.permanent:
                self._put_off(lease)
                if error.whole_store:
                    raise
                return 0
            self._record_refusal(lease, error)
            return 0
        except Exception:
            self._put_off(lease)
            raise
        self._done(lease)
        return 1

    def _look(self, lease: Lease) -> None:
        installation = Installation(self.store, self.client, self.runtime, self.settings)
        states = installation.survey()
        if not self._noted(installation, lease, states):
            return
        if all(state.well for state in states):
            return
        for state in states:
            if state.is_outdated:
                log.error(
                    "webhook.wrong", store=self.store, topic=state.topic, status="wrong-version"
                )
        for deed in installation.mend(lease, states):
            level = log.warning if deed.act == "kept" else log.info
            level(
                "webhook.mended",
                store=self.store,
                topic=deed.topic,
                act=deed.act,
                webhook=deed.hook_id,
            )
        self._noted(installation, lease, installation.survey())

    def _noted(
        self, installation: Installation, lease: Lease, states: Sequence[TopicState]
    ) -> bool:
        """Record and report; False where our webhooks were never installed, so that nothing is to be mended."""
        news = installation.note(lease, states)
        with self.runtime.database.read() as connection:
            installed = webhooks.installed_at(connection, self.store) is not None
        if installed:
            self._report(news)
        elif news:
            log.warning("webhooks.not-installed", store=self.store)
        return installed

    def _report(self, news: Sequence[TopicState]) -> None:
        for state in news:
            log.error("webhook.wrong", store=self.store, topic=state.topic, status=state.status)
        try:
            _assert_none(self.store, news)
        except WebhookProblemError as error:
            telemetry.report(error)

    def _record_refusal(self, lease: Lease, error: StoreError) -> None:
        """Record that the key may not see or change webhooks, and report it when it comes up."""
        now, since = self.runtime.clock(), self._refusal_since(error)
        if since is None:
            log.error("webhooks.unreadable", store=self.store, code=error.code, detail=error.detail)
            telemetry.report(error)
        lease.release(due_at=now + self.settings.watch, error=error.code, error_since=since or now)

    def _refusal_since(self, error: StoreError) -> datetime | None:
        """When this error came up; None where the look before did not meet it."""
        with self.runtime.database.read() as connection:
            row = rounds.state(connection, self.store, "watch")
        return row.error_since if row is not None and row.error == error.code else None

    def _put_off(self, lease: Lease) -> None:
        lease.release(due_at=self.runtime.clock() + min(AGAIN, self.settings.watch))

    def _done(self, lease: Lease) -> None:
        now = self.runtime.clock()
        lease.release(due_at=now + self.settings.watch, done_at=now, error=None, error_since=None)


def _assert_none(store: str, wrong: Sequence[TopicState]) -> None:
    """Raises WebhookProblemError, so that it knows where it was raised, which a report shows."""
    if wrong:
        raise WebhookProblemError(store, {state.topic: state.status for state in wrong})
