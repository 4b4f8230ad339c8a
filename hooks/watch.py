"""The watch over our webhooks: what is missing, disabled, paused or moved is reported once, and mended.

A webhook is disabled silently at its seventh failure in a row, and what it should have sent never comes again: so the
look is regular, and is followed at once by a reconciliation of the gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import Row

from hooks import telemetry
from hooks.errors import StoreError, WebhookProblemError
from hooks.ingest import Ingest
from hooks.installation import Installation
from hooks.ledger import rounds, webhooks
from hooks.ledger.rounds import RoundClaim
from hooks.settings import Settings
from hooks.store.client import StoreClient
from hooks.store.registration import TopicState

AGAIN = timedelta(minutes=1)
"""After a store that did not answer: soon, but not before all other work has had its turn."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Watcher:
    """Looks at one store's webhooks when it is time to."""

    store: str
    client: StoreClient
    ingest: Ingest
    settings: Settings

    def step(self) -> int:
        """Look and mend, if it is time and nobody else does. Returns how many looks came to their end, 0 or 1.

        Where the key may not see or change webhooks, that is recorded, and stops no other work. Raises StoreError
        where the store did not answer; LedgerUnavailableError.
        """
        mine = RoundClaim(self.store, "watch", uuid4().hex)
        taken = self._claimed(mine)
        if taken is None:
            return 0
        try:
            self._look(mine)
        except StoreError as error:
            self._failed(mine, taken, error)
            if not error.permanent:
                raise
            return 0
        self._done(mine)
        return 1

    def _claimed(self, mine: RoundClaim) -> Row[Any] | None:
        now = self.ingest.clock()
        with self.ingest.database.read() as connection:
            if "watch" not in rounds.due(connection, self.store, now):
                return None
        with self.ingest.database.write() as connection:
            return rounds.claim(connection, mine, now)

    def _look(self, mine: RoundClaim) -> None:
        installation = Installation(self.store, self.client, self.ingest, self.settings)
        states = installation.survey()
        if not self._noted(installation, states):
            return
        if all(state.well for state in states):
            return
        for deed in installation.mend(states):
            level = log.warning if deed.act == "kept" else log.info
            level("webhook.mended", store=self.store, topic=deed.topic, act=deed.act, webhook=deed.hook_id)
            if not self._holds(mine):
                return
        self._noted(installation, installation.survey())

    def _noted(self, installation: Installation, states: Sequence[TopicState]) -> bool:
        """Record and report; False where our webhooks were never installed, so that nothing is to be mended."""
        now = self.ingest.clock()
        with self.ingest.database.write() as connection:
            news = installation.note(connection, states, now)
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

    def _holds(self, mine: RoundClaim) -> bool:
        """Hold the round on; a store may take longer over many webhooks than a claim lasts."""
        with self.ingest.database.write() as connection:
            return rounds.save(connection, mine, self.ingest.clock())

    def _failed(self, mine: RoundClaim, taken: Row[Any], error: StoreError) -> None:
        now = self.ingest.clock()
        columns: dict[str, Any] = {"due_at": now + min(AGAIN, self.settings.watch)}
        if error.permanent:
            since = taken.error_since if taken.error == error.code else now
            columns = {"due_at": now + self.settings.watch, "error": error.code, "error_since": since}
            if taken.error != error.code:
                log.error("webhooks.unreadable", store=self.store, code=error.code, detail=error.detail)
                telemetry.report(error)
        self._release(mine, columns)

    def _done(self, mine: RoundClaim) -> None:
        now: datetime = self.ingest.clock()
        self._release(mine, {"due_at": now + self.settings.watch, "done_at": now, "error": None, "error_since": None})

    def _release(self, mine: RoundClaim, columns: dict[str, Any]) -> None:
        with self.ingest.database.write() as connection:
            rounds.release(connection, mine, **columns)


def _assert_none(store: str, wrong: Sequence[TopicState]) -> None:
    """Raises WebhookProblemError, so that it knows where it was raised, which a report shows."""
    if wrong:
        raise WebhookProblemError(store, {state.topic: state.status for state in wrong})
