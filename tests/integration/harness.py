"""The harness of the worker's tests: one store over real HTTP, one ledger, and one clock that both follow and a test
moves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from deploy.sandbox import SandboxStore, SendingOptions, StoreOptions, serving
from hooks.app import create_app
from hooks.intake.ingest import Ingest, Result
from hooks.intake.webhook import Delivery, EventNote, OccurrenceReport
from hooks.ledger import rounds, stores
from hooks.ledger.database import Database
from hooks.ledger.tables import records
from hooks.ledger.upgrade import upgrade
from hooks.policies.activate import activate
from hooks.policies.retag import Retagger
from hooks.retention.events import RecordEvent
from hooks.retention.facts import RecordKind, Subject
from hooks.retention.policy import Policy
from hooks.retention.store_meta import KEYS
from hooks.runtime import Runtime
from hooks.service import Service
from hooks.settings import Settings, StoreSettings
from hooks.settings.webhook_secrets import signing_keys
from hooks.store.client import StoreClient
from hooks.sync import webhook_lease
from hooks.sync.heartbeat import Heartbeat
from hooks.sync.push import Pusher
from hooks.sync.reconcile import Reconciler
from hooks.sync.refetch import Refetcher
from hooks.sync.webhook_lease import Lease
from hooks.web.status.report import status_of
from hooks.worker.loop import StoreWorker
from tests.sandbox.receiver import Receiver, receiving
from tests.support.processes import TOPICS
from tests.support.recordings import SECRET, Recorded

NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
SETTLE = timedelta(seconds=10)
SECOND = timedelta(seconds=1)
ENOUGH = 40
"""More turns than any test needs; a worker that never comes to rest fails it."""

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on the database."""

ROLES = pytest.mark.parametrize("harness", ["administrator", "shop_manager"], indirect=True)
"""With a shop manager's key and webhooks, customers are shown without `meta_data`."""


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Harness:
    """The store, the ledger, the worker and the clock of one test."""

    slug: str
    store: SandboxStore
    receiver: Receiver
    runtime: Runtime
    clock: Clock
    worker: StoreWorker
    reconciler: Reconciler
    settings: Settings
    taken: int = 0

    # Time

    def advance(self, time: timedelta = SETTLE) -> None:
        """Let time pass, in the shop and for the service."""
        self.clock.now += time
        self.store.advance_clock(time.total_seconds())

    # Orders

    def paid_order(self, **given: Any) -> int:
        """Place a paid order; its deliveries wait."""
        return int(self.store.place_order(set_paid=True, **given)["id"])

    def written_order(self, **given: Any) -> int:
        """Place a paid order, and have its schedule written back once."""
        number = self.paid_order(**given)
        self.come_to_rest()
        assert self.writes("order", number) == 1
        return number

    # Deliveries

    def deliver(self, drop: int = 0) -> list[Result]:
        """Let the store send the waiting deliveries, and take them in; `drop` of them are lost on the way."""
        self.store.send_deliveries(drop=drop)
        came = self.receiver.deliveries[self.taken :]
        self.taken += len(came)
        return [self.receive(Recorded(one.topic, one.headers, one.body)) for one in came]

    def lose(self) -> None:
        """Let the store send the waiting deliveries, and lose all of them."""
        self.store.drop_deliveries()

    def receive(self, sent: Recorded) -> Result:
        """Take in one delivery."""
        policy, subject_key = self.runtime.policy, self.runtime.subject_key
        keys = signing_keys(SECRET)
        delivery = Delivery.from_http(
            sent.headers, sent.body, keys=keys, policy=policy, subject_key=subject_key
        )
        return Ingest(self.runtime).ingest_one(self.slug, delivery)

    # What people ask for, and what other tools report

    def note(
        self, kind: RecordKind, number: int, event: RecordEvent, subject: Subject | None = None
    ) -> Result:
        """Take in a request or a decision about a record."""
        return Ingest(self.runtime).ingest_one(
            self.slug, Delivery(uuid4().hex, "event", EventNote(kind, number, event, subject))
        )

    def report(self, happened: OccurrenceReport) -> Result:
        """Take in another tool's report of a request or a consent."""
        return Ingest(self.runtime).ingest_one(self.slug, Delivery(uuid4().hex, "event", happened))

    # Policies

    def activate(self, policy: Policy) -> None:
        """Put another policy in force, whatever it makes due; what was tagged by the one before waits."""
        assert activate(self.runtime, policy, yes=True).waits_for is None
        self.runtime = runtime = replace(self.runtime, policy=policy)
        refetcher = replace(self.worker.refetcher, runtime=runtime)
        pusher = replace(self.worker.pusher, runtime=runtime)
        self.worker = replace(self.worker, runtime=runtime, refetcher=refetcher, pusher=pusher)
        self.reconciler = replace(self.reconciler, runtime=runtime)

    # Work

    def lease(self) -> AbstractContextManager[Lease]:
        """Hold the lease on the webhooks, which nobody else holds."""
        return webhook_lease.hold(self.slug, self.runtime, on_wait=_fail)

    def tag(self) -> int:
        """Re-tag every record that is due. Returns the number of records."""
        tagged = 0
        for _ in range(ENOUGH):
            step = Retagger(self.runtime).step()
            if not step:
                return tagged
            tagged += step
        raise AssertionError("the tags are never all as they should be")

    def work(self) -> None:
        """Take turns until nothing is due now, and every record has its tags."""
        for _ in range(ENOUGH):
            tagged = self.tag()
            if not self.worker.run_once() and not tagged:
                return
        raise AssertionError("the worker does not come to rest")

    def settle(self) -> None:
        """Take in what the store sends, let the records come to rest, and let the worker do what is due.

        What is to be tagged anew is so while they come to rest, as a worker does it.
        """
        self.deliver()
        self.tag()
        self.advance()
        self.work()

    def come_to_rest(self) -> None:
        """Work until no delivery, refetch or push is left, the echoes of our own writes included."""
        for _ in range(ENOUGH):
            before = len(self.store.log.requests)
            self.settle()
            if len(self.store.log.requests) == before and not self.store.webhooks.has_pending():
                return
        raise AssertionError("store and service never come to rest")

    # Reconciliation

    def rescan(self, *names: rounds.RoundName) -> None:
        """Read the store's lists, page by page, as soon as possible; no record is refetched yet."""
        with self.runtime.database.write() as connection:
            rounds.ask_for(connection, self.slug, names or rounds.LISTS, self.clock())
        self.rescan_on(*names)

    def rescan_on(self, *names: rounds.RoundName) -> None:
        """Continue the rounds under way to their end."""
        for _ in range(ENOUGH):
            if not self.reconciler.step(names or rounds.LISTS):
                return
        raise AssertionError("the lists never end")

    def reconcile(self, *names: rounds.RoundName) -> None:
        """Read the store's lists, refetch every record in question, and write the result back."""
        self.rescan(*names)
        self.work()
        self.come_to_rest()

    # What is there

    def row(self, kind: str, number: int) -> dict[str, Any]:
        """The record's row in the ledger."""
        chosen = select(records).where(
            records.c.store == self.slug, records.c.kind == kind, records.c.external_id == number
        )
        with self.runtime.database.read() as connection:
            return dict(connection.execute(chosen).one()._mapping)

    def edit_row(self, kind: str, number: int, **columns: Any) -> None:
        """Change columns of the record's row."""
        chosen = update(records).where(records.c.kind == kind, records.c.external_id == number)
        with self.runtime.database.write() as connection:
            connection.execute(chosen.values(**columns))

    def count_claimed(self) -> int:
        """Count the records that a worker has claimed."""
        chosen = select(func.count()).select_from(records).where(records.c.claim.is_not(None))
        with self.runtime.database.read() as connection:
            return int(connection.execute(chosen).scalar_one())

    def wanted(self, kind: str, number: int) -> dict[str, str]:
        """Return the values that the store should hold under our keys, by the ledger."""
        wanted = json.loads(self.row(kind, number)["wanted"])
        return {key: value for key, value in wanted.items() if value is not None}

    def held(self, kind: str, number: int) -> dict[str, str]:
        """Return the values that the store holds under our keys."""
        meta = (
            self.store.shop.order(number).meta
            if kind == "order"
            else self.store.shop.customer(number).meta
        )
        return {key: meta.get(key) for key in KEYS if meta.get(key) is not None}

    def writes(self, kind: str, number: int) -> int:
        """Count the writes of the record over REST."""
        return len(self.store.log.writes(kind, number))

    def sent(self, method: str, path: str) -> int:
        """Count the requests of this method under this path of the API."""
        return sum(
            entry.method == method and entry.path.startswith(f"/wp-json/wc/v3{path}")
            for entry in self.store.log.requests
        )

    def pause(self) -> stores.Backoff | None:
        """Return the backoff of the store; None if there is none."""
        with self.runtime.database.read() as connection:
            return stores.backoff_of(connection, self.slug)

    def status(self) -> dict[str, Any]:
        """Return the content of `/status`, with a worker that runs."""
        with self.runtime.database.write() as connection:
            stores.note_worker(connection, self.slug, self.clock())
        with self.runtime.database.read() as connection:
            return status_of(
                connection, self.settings, self.runtime.policy, started_at=NOON, now=self.clock()
            )

    def problems(self) -> set[str]:
        """Return the codes of all problems in `/status`."""
        return {problem["code"] for problem in self.status()["problems"]}


@contextmanager
def open_harness(
    database: Database,
    policy: Policy,
    *,
    slug: str = "shop",
    role: str = "administrator",
    clock: Clock | None = None,
    subject_key: str | None = None,
) -> Iterator[Harness]:
    """Open a harness whose key, and whose webhooks' owner, has this role."""
    clock = clock or Clock()
    with ExitStack() as stack:
        sending = SendingOptions(autosend=False, timeout=5)
        store = SandboxStore(StoreOptions(sending=sending), now=clock())
        receiver = stack.enter_context(receiving())
        url = stack.enter_context(serving(store))
        for topic in TOPICS:
            store.create_webhook(topic, receiver.url, SECRET, role)
        key = store.create_key(role)
        reach = StoreSettings(slug, url, key["consumer_key"], key["consumer_secret"], (SECRET,))
        settings = Settings(stores={slug: reach})
        runtime = Runtime(database, policy, SETTLE, clock, subject_key)
        with database.write() as connection:
            stores.register(connection, [slug])
            rounds.register(connection, slug, clock())
        worker = worker_of(reach, runtime)
        stack.callback(close, worker)
        reconciler = Reconciler(
            slug, worker.pusher.client, runtime, settings.reconcile, settings.sweep
        )
        yield Harness(slug, store, receiver, runtime, clock, worker, reconciler, settings)


def worker_of(reach: StoreSettings, runtime: Runtime) -> StoreWorker:
    """Make a worker with a connection of its own, whose jitter always gives the longest wait."""
    client = StoreClient(reach)
    slug = reach.slug
    heartbeat = Heartbeat.of(slug, client, runtime, Settings(stores={slug: reach}))
    refetcher, pusher = (
        Refetcher(slug, client, runtime, _most),
        Pusher(slug, client, runtime, _most),
    )
    return StoreWorker(slug, refetcher, pusher, runtime, heartbeat, _most)


def close(worker: StoreWorker) -> None:
    """Close the worker's connection to its store."""
    worker.pusher.client._api.session.close()


def _fail() -> None:
    raise AssertionError("somebody else holds the lease")


def _most() -> float:
    return 1.0


def service_at(directory: Path) -> Flask:
    """The web application, with one store and a migrated ledger in this directory."""
    store = StoreSettings("shop", "https://shop.example", "ck_test", "cs_test", (SECRET,))
    app = create_app(
        Settings(stores={"shop": store}, database_url=f"sqlite:///{directory}/ledger.db")
    )
    here: Service = app.extensions["retention"]
    upgrade(here.database)
    activate(here.runtime, here.policy)
    return app
