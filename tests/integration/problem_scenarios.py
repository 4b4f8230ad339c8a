"""What goes wrong with a running service, a scenario for each code of a problem in `/status`.

A scenario makes it happen, yields while it lasts, and then mends it as the table in `docs/operations.md` says.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import update

from deploy.sandbox.auth import ApiKey
from deploy.sandbox.errors import RestError
from deploy.sandbox.records import Order
from deploy.sandbox.webhooks import Webhook
from deploy.sandbox.wire import Json
from hooks.app import create_app
from hooks.errors import LedgerUnavailableError
from hooks.ledger import page_checks, policies, stores
from hooks.ledger.database import Database
from hooks.ledger.readiness import Readiness
from hooks.ledger.sqlite import SQLite
from hooks.ledger.tables import policies as policies_table
from hooks.page.subprocess_reader import compare_page
from hooks.policies.activate import activate
from hooks.policies.drift_watch import PageWatch
from hooks.retention.events import RecordEvent
from hooks.service import Service
from hooks.settings import Settings, StoreSettings
from hooks.store.client import StoreClient
from hooks.store.retry import LONGEST, PERMANENT
from hooks.store.session import ANSWER_BYTES
from hooks.sync.heartbeat import Heartbeat
from hooks.sync.store_observations import QUIET, ZoneWatch
from hooks.sync.webhook_install import Installation
from hooks.sync.webhook_watch import WebhookWatch
from hooks.tagging.changes import MAX_CONTESTS
from hooks.web.status import operation
from hooks.web.status.operation import NO_WORKER, PUSHES_LATE
from hooks.worker.loop import StoreWorker
from tests.integration.harness import Harness, close, worker_of
from tests.integration.scripted_server import Answer, ScriptedServer, scripted_server
from tests.support.ledger_file import moved_away
from tests.support.policies import variant
from tests.support.postgresql import maintain
from tests.support.processes import ROOT
from tests.support.recordings import made
from tests.support.recordings import order as order_payload

PAGE = json.loads((ROOT / "tests/recordings/privacy-policy-page.json").read_text())
ELSEWHERE = "https://staging.example.com/webhooks/shop"
MINUTE = timedelta(minutes=1)


@dataclass
class Site:
    """A store, a worker's side and the web application, over one ledger and by one clock.

    `is_looked_after`: a worker runs, and its heartbeat precedes each look at `/status`.
    """

    harness: Harness
    monkeypatch: pytest.MonkeyPatch
    is_looked_after: bool = True
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.start(
            replace(
                self.harness.settings,
                public_url=self.harness.receiver.url.removesuffix("/webhooks/shop"),
            )
        )

    def start(self, settings: Settings) -> None:
        """Start the web application by these settings."""
        runtime = self.harness.runtime
        self.app = create_app(settings)
        here: Service = self.app.extensions["retention"]
        here.database.close()
        self.app.extensions["retention"] = replace(
            here,
            database=runtime.database,
            runtime=runtime,
            readiness=Readiness(runtime.database, self.harness.clock),
            started_at=self.harness.clock(),
        )

    @property
    def settings(self) -> Settings:
        """Those by which the web application runs."""
        here: Service = self.app.extensions["retention"]
        return here.settings

    @property
    def reach(self) -> StoreSettings:
        """How the store is reached."""
        return self.harness.settings.stores["shop"]

    @property
    def database(self) -> Database:
        """The ledger's database."""
        return self.harness.runtime.database

    def status(self) -> tuple[int, dict[str, Any]]:
        """What `/status` answers."""
        if self.is_looked_after:
            with suppress(LedgerUnavailableError), self.database.write() as connection:
                stores.note_worker(connection, "shop", self.harness.clock())
        answer = self.app.test_client().get("/status")
        return answer.status_code, dict(answer.get_json())

    def readyz(self) -> int:
        """The status code of `/readyz`."""
        return int(self.app.test_client().get("/readyz").status_code)

    def run(self, *words: str) -> str:
        """Run a command. Returns its output."""
        return str(self.app.test_cli_runner().invoke(args=words).output)

    def watch(self, client: StoreClient | None = None) -> WebhookWatch:
        """The watch over the webhooks; by another key where a client is given."""
        return WebhookWatch(
            "shop", client or self.harness.worker.pusher.client, self.harness.runtime, self.settings
        )

    def look(self) -> None:
        """Let it be time for a look at the webhooks, and take it."""
        self.harness.advance(self.settings.watch)
        assert self.watch().step() == 1

    def survey(self) -> None:
        """Record how the webhooks stand, and mend nothing."""
        installation = Installation(
            "shop", self.harness.worker.pusher.client, self.harness.runtime, self.settings
        )
        with self.harness.lease() as lease:
            installation.note(lease, installation.survey())


Scenario = Callable[[Site], Iterator[None]]


# --- the ledger and the machine ----------------------------------------------------------------------------


def _locked(site: Site) -> Iterator[None]:
    """SQLite: another process holds the lock. PostgreSQL: the database only takes reads, as a standby does."""
    if site.database.is_sqlite:
        site.monkeypatch.setattr("hooks.ledger.database.BUSY_TIMEOUT_SECONDS", 0.1)
        with closing(SQLite.of_this_python().driver.connect(site.database.url.database)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    url = site.database.url.render_as_string(hide_password=False)
    maintain(url, 'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    site.database.close()  # it holds for new connections
    yield
    maintain(url, 'ALTER DATABASE "{name}" RESET default_transaction_read_only')


def _moved_away(site: Site) -> Iterator[None]:
    """The ledger's file is not where DATABASE_URL says."""
    with moved_away(Path(str(site.database.url.database))):
        yield


def _full_disk(site: Site) -> Iterator[None]:
    """No disk is large enough; the test can fill none."""
    with site.monkeypatch.context() as patch:
        patch.setattr(operation, "MIN_FREE_DISK", 2**63)
        patch.setattr(operation, "MAX_FREE_DISK", 2**63)
        yield


def _wrong_clock(site: Site) -> Iterator[None]:
    """The store tells its time with each answer."""

    def hear(store_time: datetime) -> None:
        site.harness.store.set_clock(store_time)
        client = StoreClient(site.reach)
        client.call("GET", "orders")
        assert Heartbeat.of("shop", client, site.harness.runtime, site.settings).beat()
        client._api.session.close()

    site.harness.clock.now = datetime.now(UTC)  # a call is dated by the machine's clock
    hear(datetime.now(UTC) - 10 * MINUTE)
    yield
    hear(datetime.now(UTC))


def _no_worker(site: Site) -> Iterator[None]:
    site.is_looked_after = False
    site.harness.advance(NO_WORKER + MINUTE)
    yield
    site.harness.worker.heartbeat.beat()


def _late_pushes(site: Site) -> Iterator[None]:
    """A worker beats, and gets to no writing."""
    site.harness.paid_order()
    site.harness.deliver()
    site.harness.advance(PUSHES_LATE + MINUTE)
    yield
    site.harness.come_to_rest()


def _moved_shop(site: Site) -> Iterator[None]:
    site.harness.worker.heartbeat.beat()
    moved = replace(site.reach, url="https://shop.example.org")
    site.start(replace(site.settings, stores={"shop": moved}))
    yield
    assert "from now on" in site.run("store", "moved", "shop")


# --- calls to the store ------------------------------------------------------------------------------------


def _call(site: Site, worker: StoreWorker) -> None:
    """Let a worker take a turn while a write is due."""
    site.harness.paid_order()
    site.harness.deliver()
    site.harness.advance()
    assert worker.run_once() is False
    close(worker)


def _start_again(site: Site) -> None:
    """Start web and worker, as after a change of the settings, and wait as long as calls rest."""
    with site.database.write() as connection:
        stores.register(connection, ["shop"])
    site.harness.advance(LONGEST)
    site.harness.come_to_rest()


def _answered(answer: Answer) -> Scenario:
    """At STORE_URL something else answers; then it names the store."""

    def scenario(site: Site) -> Iterator[None]:
        with scripted_server() as script:
            script.always(answer)
            _call(site, worker_of(replace(site.reach, url=script.url), site.harness.runtime))
        yield
        _start_again(site)

    return scenario


def _failing(kind: str) -> Scenario:
    """The store itself fails in this way; then it works again."""

    def scenario(site: Site) -> Iterator[None]:
        site.harness.store.add_fault(kind, times=0)
        _call(site, worker_of(site.reach, site.harness.runtime))
        yield
        site.harness.store.clear_faults()
        site.harness.advance(LONGEST)
        site.harness.come_to_rest()

    return scenario


def _refused_key(site: Site) -> Iterator[None]:
    _call(site, worker_of(replace(site.reach, consumer_secret="cs_wrong"), site.harness.runtime))
    yield
    _start_again(site)


def _webhook_without_id(site: Site) -> Iterator[None]:
    """A plugin spoils the list of webhooks."""
    with scripted_server() as script:
        script.always(Answer.of([{"topic": "order.created"}]))
        spoilt = worker_of(replace(site.reach, url=script.url), site.harness.runtime)
        spoilt = replace(spoilt, rounds=(site.watch(spoilt.pusher.client),))
        assert spoilt.run_once() is False
        close(spoilt)
    yield
    site.harness.advance(LONGEST)
    site.harness.worker = replace(site.harness.worker, rounds=(site.watch(),))
    site.harness.work()


def _refused_post(site: Site) -> Iterator[None]:
    """The web server before the store takes GET alone."""
    site.harness.store.set_habits(refused_methods=["POST", "DELETE"])
    _call(site, worker_of(site.reach, site.harness.runtime))
    yield
    site.harness.store.set_habits(refused_methods=[])
    _start_again(site)


def _php_notices(site: Site) -> Iterator[None]:
    """PHP displays its errors; what the answers say is taken all the same."""
    site.harness.store.set_habits(
        before_json="<br />\n<b>Deprecated</b>: x in <b>/a.php</b> on line <b>3</b><br />\n"
    )
    heartbeat = site.harness.worker.heartbeat
    site.harness.written_order()
    assert heartbeat.beat()
    yield
    site.harness.store.set_habits(before_json="")
    site.harness.written_order()
    assert heartbeat.beat()


OF_THE_STORE: Mapping[str, Scenario] = {
    # The connection is cut.
    "unreachable": _failing("reset"),
    "server-error": _failing("500"),
    "busy": _failing("503"),
    # A page for people, with the status of success.
    "not-json": _failing("html"),
    "not-of-the-shape": _webhook_without_id,
    # Small on its way, and large once it is decoded.
    "answer-too-large": _answered(
        Answer(body=gzip.compress(b" " * (ANSWER_BYTES + 1)), headers={"Content-Encoding": "gzip"})
    ),
    # A firewall refuses it, and not the REST API.
    "not-the-api": _answered(Answer(403, b"<html>Forbidden</html>")),
    "method-refused": _refused_post,
    "redirected": _answered(Answer(301, headers={"Location": "https://www.shop.example/"})),
    "no-rest-api": _failing("404"),
    "no-such-route": _answered(Answer.of({"code": "rest_no_route", "data": {"status": 404}}, 404)),
    "credentials-refused": _refused_key,
    # The web server drops the header with the key.
    "key-not-received": _answered(
        Answer.of({"code": "woocommerce_rest_cannot_view", "data": {"status": 401}}, 401)
    ),
}
"""By what stands after `store-`."""


def _cached_answers(site: Site) -> Iterator[None]:
    """A cache answers a question about an order; then the REST API is excluded from it."""
    number = site.harness.written_order()
    site.harness.store.set_habits(cache="deaf X-LiteSpeed-Cache: hit")
    for _ in range(2):
        site.harness.advance()
        site.harness.receive(made("order.deleted", {"id": number}, delivery_id=uuid4().hex))
        site.harness.settle()
    site.harness.advance(MINUTE)
    site.harness.worker.heartbeat._beat_at = None
    site.harness.worker.heartbeat.beat()
    yield
    site.harness.store.set_habits(cache="")
    site.harness.advance(2 * QUIET)
    site.harness.receive(made("order.deleted", {"id": number}, delivery_id=uuid4().hex))
    site.harness.settle()
    site.harness.worker.heartbeat._beat_at = None
    site.harness.worker.heartbeat.beat()


def _another_time_zone(site: Site) -> Iterator[None]:
    """The shop has an offset, which knows no summer time; then it is set as it should be."""
    site.harness.store.set_time_zone(gmt_offset=1)
    ZoneWatch("shop", site.harness.worker.pusher.client, site.harness.runtime).step()
    yield
    site.harness.store.set_time_zone("Europe/Oslo")
    ZoneWatch("shop", site.harness.worker.pusher.client, site.harness.runtime).step()


# --- single records ----------------------------------------------------------------------------------------


def _refused_record(site: Site) -> Iterator[None]:
    """A plugin refuses to save an order."""

    def refuse(*_: object, **__: object) -> list[str]:
        raise RestError("some_plugin_refuses", "No.", 400)

    site.harness.paid_order()
    site.harness.deliver()
    site.harness.advance()
    with site.monkeypatch.context() as patch:
        patch.setattr(site.harness.store.orders, "update", refuse)
        site.harness.work()
        yield
    site.harness.advance(PERMANENT)
    site.harness.come_to_rest()


def _closed_record(site: Site) -> Iterator[None]:
    """An order is closed to the key when the store is asked about it."""
    number = site.harness.written_order()
    site.harness.store.set_habits(closed=[f"order:{number}"])
    site.harness.reconcile()
    yield
    site.harness.store.set_habits(closed=[])
    site.harness.advance(PERMANENT)
    site.harness.reconcile()


def _contested_record(site: Site) -> Iterator[None]:
    """A plugin has one of our fields its own way at every write."""
    orders = site.harness.store.orders
    save = orders.update

    def meddle(order: Order, given: Json, at: Any = None) -> list[str]:
        named = save(order, given, at)
        order.meta.set("retention_class", "mine")
        return named

    with site.monkeypatch.context() as patch:
        patch.setattr(orders, "update", meddle)
        number = site.harness.paid_order()
        site.harness.come_to_rest()
        assert site.harness.writes("order", number) <= MAX_CONTESTS + 2
        yield
    site.harness.advance()
    site.harness.store.edit_order(number, customer_note="ring twice")  # its schedule changes
    site.harness.come_to_rest()


def _trashed_record(site: Site) -> Iterator[None]:
    number = site.harness.written_order()
    site.harness.advance()
    site.harness.store.trash_order(number)
    site.harness.come_to_rest()
    yield
    site.harness.advance()
    site.harness.store.restore_order(number)
    site.harness.come_to_rest()


def _overdue_record(site: Site) -> Iterator[None]:
    """An order that was never paid is there a month after its twelve months are over; then it is deleted."""
    number = int(site.harness.store.place_order(line_items=[{"product_id": 10}])["id"])
    site.harness.come_to_rest()
    site.harness.advance(timedelta(days=365 + 32))
    yield
    site.harness.store.delete_order(number)
    site.harness.come_to_rest()


def _late_request(site: Site) -> Iterator[None]:
    """An account is there a month after its erasure was asked for; then it is deleted."""
    customer = int(site.harness.store.sign_up(email="kari@example.test")["id"])
    site.harness.come_to_rest()
    site.harness.note(
        "customer", customer, RecordEvent("asked", "erasure-requested", site.harness.clock())
    )
    site.harness.come_to_rest()
    site.harness.advance(timedelta(days=32))
    yield
    site.harness.store.delete_customer(customer)
    site.harness.come_to_rest()


def _hold_to_be_reviewed(site: Site) -> Iterator[None]:
    """The day of review comes; then another hold takes the place of the first."""
    customer = int(site.harness.store.sign_up(email="kari@example.test")["id"])
    site.harness.come_to_rest()
    first = RecordEvent(
        "first", "hold", site.harness.clock(), "litigation", "legal", date(2026, 12, 1)
    )
    site.harness.note("customer", customer, first)
    site.harness.come_to_rest()
    site.harness.advance(timedelta(days=10))
    yield
    now = site.harness.clock()
    second = RecordEvent("second", "hold", now, "litigation", "legal", date(2027, 12, 1))
    for event in (second, RecordEvent("lifted", "hold-lifted", now, about="first")):
        site.harness.note("customer", customer, event)
    site.harness.come_to_rest()


def _odd_order(**odd: Any) -> Scenario:
    """The store shows odd parts of an order, and is mended."""

    def scenario(site: Site) -> Iterator[None]:
        number = site.harness.written_order()
        shown = site.harness.store.renderer.order
        site.harness.advance()
        with site.monkeypatch.context() as patch:
            patch.setattr(site.harness.store.renderer, "order", lambda order: shown(order) | odd)
            site.harness.store.edit_order(number, customer_note="ring twice")
            site.harness.come_to_rest()
            yield
        site.harness.advance()
        site.harness.store.edit_order(number, customer_note="")
        site.harness.come_to_rest()

    return scenario


def _odd_refund(site: Site) -> Iterator[None]:
    number = int(site.harness.store.place_order(line_items=[{"product_id": 10}])["id"])
    site.harness.come_to_rest()
    site.harness.advance()
    with site.monkeypatch.context() as patch:
        patch.setattr(
            site.harness.store.renderer, "refund", lambda *_: {"errors": {}, "error_data": {}}
        )
        site.harness.store.refund_order(number, amount="5.00")
        site.harness.come_to_rest()
        yield
    site.harness.reconcile()
    site.harness.advance()
    site.harness.store.edit_order(number, customer_note="ring twice")
    site.harness.come_to_rest()


# --- deliveries and webhooks -------------------------------------------------------------------------------


def _misshapen_delivery(site: Site) -> Iterator[None]:
    number = site.harness.paid_order()
    site.harness.lose()
    site.harness.receive(made("order.created", order_payload(number, status=None)))
    yield
    site.harness.come_to_rest()


def _owner_without_rights(site: Site) -> Iterator[None]:
    lost = {"code": "woocommerce_rest_cannot_view", "message": "", "data": {"status": 403}}
    site.harness.receive(made("order.created", lost))
    site.harness.reconcile()
    yield
    site.harness.advance()
    site.harness.paid_order()
    site.harness.come_to_rest()


def _legacy_webhook(site: Site) -> Iterator[None]:
    """Somebody made a webhook of ours by hand, for the legacy API."""
    number = site.harness.written_order()
    for _ in range(3):
        site.harness.advance()
        site.harness.receive(
            made("order.updated", {"order": {"id": number}}, delivery_id=str(site.harness.clock()))
        )
        site.harness.come_to_rest()
    yield
    site.look()


def _missed_delivery(site: Site) -> Iterator[None]:
    site.harness.reconcile()
    site.harness.paid_order()
    site.harness.lose()
    site.harness.advance(20 * MINUTE)
    site.harness.rescan("changes")
    yield
    site.harness.advance()
    site.harness.paid_order()
    site.harness.come_to_rest()


def _webhook_that(happened: Callable[[Site, Webhook], object]) -> Scenario:
    """Something happens to one of our webhooks; the worker's next look mends it."""

    def scenario(site: Site) -> Iterator[None]:
        site.look()
        hooks = (
            hook for hook in site.harness.store.webhooks.all() if hook.topic == "order.updated"
        )
        happened(site, next(hooks))
        site.survey()
        yield
        site.look()

    return scenario


def _is_changed(**to: str) -> Callable[[Site, Webhook], object]:
    return lambda site, hook: site.harness.store.webhooks.update(hook, to)


def _is_deleted(site: Site, hook: Webhook) -> None:
    site.harness.store.webhooks.delete(hook)


def _no_webhooks(site: Site) -> Iterator[None]:
    for hook in site.harness.store.webhooks.all():
        site.harness.store.webhooks.delete(hook)
    site.look()
    yield
    installation = Installation(
        "shop", site.harness.worker.pusher.client, site.harness.runtime, site.settings
    )
    with site.harness.lease() as lease:  # as `store install` does, which keeps to the store's pace
        list(installation.mend(lease, installation.survey()))
        installation.note(lease, installation.survey())


def _readers_key(site: Site) -> Iterator[None]:
    """The key may read webhooks, and not write them."""
    site.look()
    keys, reach = site.harness.store.keys, site.reach
    keys.add(ApiKey(reach.consumer_key, reach.consumer_secret, permissions="write"))
    site.harness.advance(site.settings.watch)
    assert site.watch().step() == 0
    yield
    keys.add(ApiKey(reach.consumer_key, reach.consumer_secret))
    site.look()


# --- reconciliation ----------------------------------------------------------------------------------------


def _endless_list(site: Site) -> Iterator[None]:
    site.harness.store.place_orders(count=101, quiet=True)
    site.harness.store.add_fault("same-page", times=0)
    site.harness.rescan("orders")
    site.harness.come_to_rest()
    yield
    site.harness.store.clear_faults()
    site.harness.advance(PERMANENT)
    site.harness.reconcile()


def _late_reconciliation(site: Site) -> Iterator[None]:
    site.harness.reconcile()
    site.harness.advance(timedelta(hours=1))
    yield
    site.harness.reconcile()


# --- the policy and its page -------------------------------------------------------------------------------


def _another_policy_of_the_same_id(site: Site) -> Iterator[None]:
    runtime = site.harness.runtime
    wanted = variant(runtime.policy, runtime.policy.id, keep={"technical": "P13M"})
    for each in (runtime.policy, wanted):
        activate(runtime, each)
    yield
    activate(runtime, wanted, yes=True)  # as `policy apply --yes` does


def _newer_policy(site: Site) -> Iterator[None]:
    """A newer version of the service put a policy in force."""
    runtime = site.harness.runtime
    activate(runtime, runtime.policy)
    with site.database.write() as connection:
        current = policies.in_force(connection)
        assert current is not None
        newer = update(policies_table).where(policies_table.c.digest == current.digest)
        connection.execute(newer.values(digest="newer", text="[of_a_later_version]"))
    yield
    activate(runtime, runtime.policy, yes=True)


def _page_that(wrong: Answer) -> Scenario:
    """The published page is answered so; then as it was recorded."""

    def scenario(site: Site) -> Iterator[None]:
        with scripted_server() as script:
            look = _page_watch(site, script)
            script.always(wrong)
            assert look.step() == 1
            yield
            script.always(Answer.of(PAGE))
            site.harness.advance(timedelta(days=1))
            assert look.step() == 1

    return scenario


def _page_watch(site: Site, script: ScriptedServer) -> PageWatch:
    """The daily look; within this process, for a second saved."""
    settings = replace(site.settings, policy_page_url=f"{script.url}/wp-json/wp/v2/pages/57129")
    with site.database.write() as connection:
        page_checks.keep_only(connection, settings.policy_pages, site.harness.clock())
    return PageWatch(
        site.harness.runtime,
        settings,
        compare=lambda source, policy, _: compare_page(source, policy),
    )


def _with_another_period() -> Json:
    rendered = str(PAGE["content"]["rendered"])
    said, says = "24 months of inactivity", "36 months of inactivity"
    assert said in rendered
    return {**PAGE, "content": {**PAGE["content"], "rendered": rendered.replace(said, says)}}


SCENARIOS: Mapping[str, Scenario] = {
    "ledger-unavailable": _moved_away,
    "implausible-dates": _odd_order(date_paid_gmt="1970-01-01T00:00:00"),
    "meta-unreadable": _odd_order(meta_data="a plugin was here"),
    "refunds-unreadable": _odd_refund,
    "ledger-not-writable": _locked,
    "disk-nearly-full": _full_disk,
    "clock-ahead": _wrong_clock,
    "no-worker": _no_worker,
    "pushes-late": _late_pushes,
    "store-moved": _moved_shop,
    **{f"store-{code}": scenario for code, scenario in OF_THE_STORE.items()},
    "store-cached": _cached_answers,
    "time-zone-differs": _another_time_zone,
    "failing-pushes": _refused_record,
    "failing-questions": _closed_record,
    "php-notices": _php_notices,
    "contested": _contested_record,
    "erased-too-early": _trashed_record,
    "overdue": _overdue_record,
    "request-late": _late_request,
    "hold-review": _hold_to_be_reviewed,
    "quarantined": _misshapen_delivery,
    "webhook-owner-lost-rights": _owner_without_rights,
    "webhook-wrong-version": _legacy_webhook,
    "deliveries-missing": _missed_delivery,
    "webhook-missing": _webhook_that(_is_deleted),
    "webhook-disabled": _webhook_that(_is_changed(status="disabled")),
    "webhook-paused": _webhook_that(_is_changed(status="paused")),
    "webhook-elsewhere": _webhook_that(_is_changed(delivery_url=ELSEWHERE)),
    "webhooks-not-installed": _no_webhooks,
    "webhooks-unreadable": _readers_key,
    "reconciliation-failing": _endless_list,
    "reconciliation-late": _late_reconciliation,
    "policy-waits": _another_policy_of_the_same_id,
    "policy-unreadable": _newer_policy,
    "policy-drift": _page_that(Answer.of(_with_another_period())),
    "policy-page-unreadable": _page_that(Answer(500)),
}
"""By the code of the problem."""
