"""Our webhooks in one store: as the store has them, as the ledger remembers them, and brought together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from hooks.intake.webhook import all_topics
from hooks.ledger import api_versions, rounds, webhooks
from hooks.runtime import Runtime
from hooks.settings import Settings, StoreSettings
from hooks.store import webhook_registration
from hooks.store.client import StoreClient
from hooks.store.webhook_registration import Deed, Target, TopicState, secret_digest
from hooks.sync.webhook_lease import Lease


@dataclass(frozen=True)
class Installation:
    """What `store install`, `store rotate-secret` and the watch do with one store's webhooks.

    Whatever changes a webhook, or records how it stands, takes the lease that the caller holds since before the
    survey. Methods raise StoreError and LedgerUnavailableError; those that take a lease raise LeaseError once it is
    lost.
    """

    store: str
    client: StoreClient
    runtime: Runtime
    settings: Settings

    @property
    def url(self) -> str:
        """Where our webhooks deliver."""
        return f"{self.settings.public_url.rstrip('/')}/webhooks/{self.store}"

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic that has a webhook."""
        return all_topics(self.runtime.policy)

    @property
    def _reach(self) -> StoreSettings:
        return self.settings.stores[self.store]

    def survey(self) -> list[TopicState]:
        """How each topic stands in the store now. Changes nothing."""
        with self.runtime.database.read() as connection:
            remembered = {
                row.topic: row.external_id
                for row in webhooks.rows_by_topic(connection, self.store).values()
            }
            curable = {
                found.topic
                for found in api_versions.outdated_topics(connection, self.store)
                if found.is_curable
            }
        states = self.survey_with(
            {topic: number for topic, number in remembered.items() if number is not None}
        )
        return [replace(state, is_outdated=state.topic in curable) for state in states]

    def survey_with(self, remembered: dict[str, int]) -> list[TopicState]:
        """The same without the ledger."""
        return webhook_registration.survey(
            webhook_registration.list_webhooks(self.client), self.url, self.topics, remembered
        )

    def note(self, lease: Lease, states: Sequence[TopicState]) -> list[TopicState]:
        """Record how the topics stand; those that are newly wrong, or wrong in a new way.

        Where one works again that did not, the gap is to be reconciled at once. That is decided here, by what was
        recorded before: so it holds as well for one that was mended by hand, or by a worker that died of it.
        """
        now = self.runtime.clock()
        with lease.write() as connection:
            before = webhooks.rows_by_topic(connection, self.store)
            was = {topic: row.status for topic, row in before.items()}
            self._record(connection, states, now)
            failures = {topic for topic, status in was.items() if status != webhooks.WORKS}
            if any(state.works and state.topic in failures for state in states):
                rounds.ask_for(connection, self.store, rounds.LISTS, now)
        return [
            state for state in states if not state.works and was.get(state.topic) != state.status
        ]

    def _record(self, connection: Connection, states: Sequence[TopicState], now: datetime) -> None:
        if any(state.hook_id is not None for state in states):
            webhooks.note_installed(connection, self.store, now)
        for state in states:
            webhooks.save_status(
                connection, self.store, state.topic, state.status, state.hook_id, now
            )
        webhooks.forget_other_topics(connection, self.store, self.topics)

    def mend(self, lease: Lease, states: Sequence[TopicState]) -> Iterator[Deed]:
        """Make, make anew and remove what is needed; each deed is remembered before the next is done."""
        secret = self._secret_in_use()
        deeds = webhook_registration.mend(self.client, states, self._target(secret))
        yield from self._remembered(lease, deeds, secret)

    def give_secret(
        self, lease: Lease, states: Sequence[TopicState], secret: str | None = None
    ) -> Iterator[Deed]:
        """Let these webhooks of ours sign with `secret`, or with the one in use."""
        secret = secret or self._secret_in_use()
        yield from self._remembered(lease, self._secret_deeds(states, self._target(secret)), secret)

    def _secret_deeds(self, states: Sequence[TopicState], target: Target) -> Iterator[Deed]:
        for state in states:
            if state.hook_id is not None:
                yield from webhook_registration.give_secret(
                    self.client, state.topic, state.hook_id, target
                )

    def with_other_secret(
        self, states: Sequence[TopicState], secrets: Sequence[str], *, unknown: bool = True
    ) -> list[TopicState]:
        """Those whose webhook was given another secret than these; with `unknown`, also those made by hand."""
        with self.runtime.database.read() as connection:
            known = webhooks.rows_by_topic(connection, self.store)
        digests = {self._digest(secret) for secret in secrets}

        def otherwise(state: TopicState) -> bool:
            row = known.get(state.topic)
            given = (
                row.secret_digest if row is not None and row.external_id == state.hook_id else None
            )
            return unknown if given is None else given not in digests

        return [state for state in states if state.hook_id is not None and otherwise(state)]

    def _target(self, secret: str) -> Target:
        return Target(self.url, self.topics, secret)

    def _secret_in_use(self) -> str:
        """The newest that a webhook of ours was given; while none was, the current one.

        While a secret is rotated, only `store rotate-secret` proves that the new one is taken before it is used.
        """
        with self.runtime.database.read() as connection:
            given = {
                row.secret_digest for row in webhooks.rows_by_topic(connection, self.store).values()
            }
        secrets = self._reach.signing_secrets
        return next((secret for secret in secrets if self._digest(secret) in given), secrets[0])

    def _digest(self, secret: str) -> str:
        return secret_digest(self._reach.consumer_secret, secret)

    def _remembered(self, lease: Lease, deeds: Iterator[Deed], secret: str) -> Iterator[Deed]:
        """Remember each deed, tell it, and renew the lease; what was done as the lease was lost is told, too."""
        given = self._digest(secret)
        lease.renew()
        for deed in deeds:
            if deed.act in ("made", "secret"):
                with self.runtime.database.write() as connection:
                    now = self.runtime.clock()
                    webhooks.save_secret(
                        connection, self.store, deed.topic, deed.hook_id, given, now
                    )
                    if deed.act == "made":
                        api_versions.note_created(connection, self.store, deed.topic, now)
            yield deed
            lease.renew()
