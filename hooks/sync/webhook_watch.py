"""The watch over our webhooks: a webhook that is missing, disabled, paused or moved is reported once, and repaired.

WooCommerce disables a webhook silently, at its seventh failure in a row. The deliveries that it misses never come
again. So the check is regular, and after a repair the gap is reconciled at once.
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
"""The delay after a store that did not answer, or an error of ours: short, but all other work comes first."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class WebhookWatch:
    """Checks one store's webhooks at an interval."""

    store: str
    client: StoreClient
    runtime: Runtime
    settings: Settings

    def step(self) -> int:
        """Check and repair the webhooks, if that is due and nobody else does. Returns how many checks ended, 0 or 1.

        Where the key may not see or change webhooks, that is recorded, and other work goes on. Raises StoreError where
        the store did not answer; LedgerUnavailableError.
        """
        try:
            with webhook_lease.hold_if_due(self.store, self.runtime) as lease:
                if lease is None:
                    return 0
                return self._step(lease)
        except LeaseError:
            log.warning("webhooks.lease-lost", store=self.store)
            return 0

    def _step(self, lease: Lease) -> int:
        try:
            self._check(lease)
        except StoreError as error:
            if error.permanent:
                self._record_refusal(lease, error)
                return 0
            self._put_off(lease)
            if error.whole_store:
                raise
            return 0
        except Exception:
            self._put_off(lease)
            raise
        self._finish(lease)
        return 1

    def _check(self, lease: Lease) -> None:
        installation = Installation(self.store, self.client, self.runtime, self.settings)
        states = installation.survey()
        if not self._record(installation, lease, states):
            return
        if all(state.is_well for state in states):
            return
        for state in states:
            if state.is_outdated:
                self._log_wrong(state.topic, "wrong-version")
        for deed in installation.mend(lease, states):
            level = log.info
            if deed.act == "kept":
                level = log.warning
            level(
                "webhook.mended",
                store=self.store,
                topic=deed.topic,
                act=deed.act,
                webhook=deed.hook_id,
            )
        self._record(installation, lease, installation.survey())

    def _record(
        self, installation: Installation, lease: Lease, states: Sequence[TopicState]
    ) -> bool:
        """Record and report the states; return False if our webhooks were never installed: then repair nothing."""
        newly_wrong = installation.note(lease, states)
        with self.runtime.database.read() as connection:
            is_installed = webhooks.installed_at(connection, self.store) is not None
        if is_installed:
            self._report(newly_wrong)
        elif newly_wrong:
            log.warning("webhooks.not-installed", store=self.store)
        return is_installed

    def _report(self, newly_wrong: Sequence[TopicState]) -> None:
        for state in newly_wrong:
            self._log_wrong(state.topic, state.status)
        try:
            _assert_none(self.store, newly_wrong)
        except WebhookProblemError as error:
            telemetry.report(error)

    def _log_wrong(self, topic: str, status: str) -> None:
        log.error("webhook.wrong", store=self.store, topic=topic, status=status)

    def _record_refusal(self, lease: Lease, error: StoreError) -> None:
        """Record that the key may not see or change webhooks; report it the first time."""
        now = self.runtime.clock()
        since = self._refusal_since(error)
        if since is None:
            log.error("webhooks.unreadable", store=self.store, code=error.code, detail=error.detail)
            telemetry.report(error)
        lease.release(due_at=now + self.settings.watch, error=error.code, error_since=since or now)

    def _refusal_since(self, error: StoreError) -> datetime | None:
        """Return the time (UTC) since when each check meets this error; None if the check before did not meet it."""
        with self.runtime.database.read() as connection:
            row = rounds.state(connection, self.store, "watch")
        if row is None or row.error != error.code:
            return None
        since: datetime | None = row.error_since
        return since

    def _put_off(self, lease: Lease) -> None:
        lease.release(due_at=self.runtime.clock() + min(AGAIN, self.settings.watch))

    def _finish(self, lease: Lease) -> None:
        now = self.runtime.clock()
        lease.release(due_at=now + self.settings.watch, done_at=now, error=None, error_since=None)


def _assert_none(store: str, wrong: Sequence[TopicState]) -> None:
    """Raise WebhookProblemError if any webhook is wrong. A raised error has the traceback that the report shows."""
    if wrong:
        raise WebhookProblemError(store, {state.topic: state.status for state in wrong})
