"""Our webhooks in one store: survey them, record how they stand, and repair them.

The store lists its webhooks. The ledger remembers which of them are ours, and which secret each was given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    """Our webhooks in one store, for `store install`, `store rotate-secret` and the watch.

    A method that changes a webhook, or records how it stands, needs the lease. The caller must take the lease before
    the survey. Methods raise StoreError and LedgerUnavailableError; those that need the lease raise LeaseError once it
    is lost.
    """

    store: str
    client: StoreClient
    runtime: Runtime
    settings: Settings

    @property
    def url(self) -> str:
        """The address to which our webhooks deliver."""
        return f"{self.settings.public_url.rstrip('/')}/webhooks/{self.store}"

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that each have a webhook."""
        return all_topics(self.runtime.policy)

    @property
    def _store_settings(self) -> StoreSettings:
        return self.settings.stores[self.store]

    def survey(self) -> list[TopicState]:
        """Ask the store how each topic stands now. Changes nothing."""
        remembered = {}
        with self.runtime.database.read() as connection:
            for topic, row in webhooks.rows_by_topic(connection, self.store).items():
                if row.external_id is not None:
                    remembered[topic] = row.external_id
            outdated = list(api_versions.outdated_topics(connection, self.store))
        curable = {finding.topic for finding in outdated if finding.is_curable}
        states = self.survey_with(remembered)
        return [replace(state, is_outdated=state.topic in curable) for state in states]

    def survey_with(self, remembered: dict[str, int]) -> list[TopicState]:
        """Do the same without the ledger. `remembered`: the ids of our webhooks, by topic."""
        hooks = webhook_registration.list_webhooks(self.client)
        return webhook_registration.survey(hooks, self.url, self.topics, remembered)

    def note(self, lease: Lease, states: Sequence[TopicState]) -> list[TopicState]:
        """Record how the topics stand; return those that are newly wrong, or wrong in a new way.

        If one that was wrong works again, the lists are due to be reconciled at once, for what was missed. Only the
        recorded status decides that. So it also holds where a person repaired the webhook, or a worker that died.
        """
        now = self.runtime.clock()
        with lease.write() as connection:
            rows = webhooks.rows_by_topic(connection, self.store)
            before = {topic: row.status for topic, row in rows.items()}
            self._record(connection, states, now)
            was_wrong = {topic for topic, status in before.items() if status != webhooks.WORKS}
            if any(state.is_active and state.topic in was_wrong for state in states):
                rounds.ask_for(connection, self.store, rounds.LISTS, now)
        return list(_newly_wrong(states, before))

    def _record(self, connection: Connection, states: Sequence[TopicState], now: datetime) -> None:
        if any(state.hook_id is not None for state in states):
            webhooks.note_installed(connection, self.store, now)
        for state in states:
            webhooks.save_status(
                connection, self.store, state.topic, state.status, state.hook_id, now
            )
        webhooks.forget_other_topics(connection, self.store, self.topics)

    def mend(self, lease: Lease, states: Sequence[TopicState]) -> Iterator[Deed]:
        """Make, replace and remove webhooks as needed; each deed is saved before the next one is done."""
        secret = self._secret_in_use()
        deeds = webhook_registration.mend(self.client, states, self._target(secret))
        yield from self._saved(lease, deeds, secret)

    def give_secret(
        self, lease: Lease, states: Sequence[TopicState], secret: str | None = None
    ) -> Iterator[Deed]:
        """Let these webhooks of ours sign with `secret`, or with the one in use."""
        secret = secret or self._secret_in_use()
        yield from self._saved(lease, self._secret_deeds(states, self._target(secret)), secret)

    def _secret_deeds(self, states: Sequence[TopicState], target: Target) -> Iterator[Deed]:
        for state in states:
            if state.hook_id is not None:
                yield from webhook_registration.give_secret(
                    self.client, state.topic, state.hook_id, target
                )

    def with_other_secret(
        self, states: Sequence[TopicState], secrets: Sequence[str], *, unknown: bool = True
    ) -> list[TopicState]:
        """Find the topics whose webhook was given a secret that is none of these.

        `unknown`: also those of which the ledger knows no secret, such as webhooks made by hand.
        """
        with self.runtime.database.read() as connection:
            rows = webhooks.rows_by_topic(connection, self.store)
        digests = {self._digest(secret) for secret in secrets}
        mismatches = []
        for state in states:
            if state.hook_id is None:
                continue
            row = rows.get(state.topic)
            if row is None or row.external_id != state.hook_id or row.secret_digest is None:
                is_mismatch = unknown
            else:
                is_mismatch = row.secret_digest not in digests
            if is_mismatch:
                mismatches.append(state)
        return mismatches

    def _target(self, secret: str) -> Target:
        return Target(self.url, self.topics, secret)

    def _secret_in_use(self) -> str:
        """Return the newest secret that a webhook of ours was given; the current one if none was given any.

        While a secret is rotated, only `store rotate-secret` gives out the new one: it first proves that it works.
        """
        with self.runtime.database.read() as connection:
            rows = webhooks.rows_by_topic(connection, self.store)
        used_digests = {row.secret_digest for row in rows.values()}
        secrets = self._store_settings.signing_secrets
        for secret in secrets:
            if self._digest(secret) in used_digests:
                return secret
        return secrets[0]

    def _digest(self, secret: str) -> str:
        return secret_digest(self._store_settings.consumer_secret, secret)

    def _saved(self, lease: Lease, deeds: Iterator[Deed], secret: str) -> Iterator[Deed]:
        """Save each deed, yield it, and renew the lease. A deed that was done as the lease was lost is yielded, too."""
        digest = self._digest(secret)
        lease.renew()
        for deed in deeds:
            if deed.act in ("made", "secret"):
                self._save(deed, digest)
            yield deed
            lease.renew()

    def _save(self, deed: Deed, digest: str) -> None:
        with self.runtime.database.write() as connection:
            now = self.runtime.clock()
            webhooks.save_secret(connection, self.store, deed.topic, deed.hook_id, digest, now)
            if deed.act == "made":
                api_versions.note_created(connection, self.store, deed.topic, now)


def _newly_wrong(states: Sequence[TopicState], before: Mapping[str, str]) -> Iterator[TopicState]:
    """Find the topics that are wrong, and that had another status, by topic, before."""
    for state in states:
        if not state.is_active and before.get(state.topic) != state.status:
            yield state
