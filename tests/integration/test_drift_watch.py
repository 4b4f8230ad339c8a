"""The published page, compared daily by a worker: a difference shows in `/status`, and goes away when it is
corrected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hooks.ledger import page_checks
from hooks.ledger.database import Database
from hooks.page.subprocess_reader import compare_page
from hooks.policies.drift_watch import PageWatch
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings import Settings, StoreSettings
from hooks.web.status.report import status_of
from tests.integration.harness import NOON, SETTLE, Clock
from tests.support.processes import ROOT
from tests.support.serving import served

PAGE = json.loads((ROOT / "tests/recordings/privacy-policy-page.json").read_text())
PATH = "/wp-json/wp/v2/pages/57129"
DAY = timedelta(days=1)


@dataclass
class PageServer:
    """Serve the page while the server is up."""

    url: str
    page: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(PAGE)))
    status: int = 200
    asked: int = 0

    def say(self, before: str, after: str) -> None:
        """Publish another wording."""
        rendered = self.page["content"]["rendered"]
        assert before in rendered
        self.page["content"]["rendered"] = rendered.replace(before, after)


@pytest.fixture
def shop() -> Iterator[PageServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked += 1
            body = json.dumps(made.page).encode()
            self.send_response(made.status if self.path == PATH else 404)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        made = PageServer(url)
        yield made


@dataclass
class PageWatcher:
    """A worker's watch over the page, with a clock that a test moves."""

    watch: PageWatch
    clock: Clock

    @property
    def policy(self) -> dict[str, Any]:
        return dict(self.status()["policy"])

    def status(self) -> dict[str, Any]:
        runtime = self.watch.runtime
        with runtime.database.read() as connection:
            now = self.clock()
            return status_of(
                connection, self.watch.settings, runtime.policy, started_at=NOON, now=now
            )

    def problems(self) -> dict[str, str]:
        return {
            one["code"]: one["message"]
            for one in self.status()["problems"]
            if one["code"].startswith("policy-")
        }

    def findings(self) -> list[dict[str, Any]]:
        return list(self.policy["drift"])

    def drift(self) -> list[str]:
        return [one["code"] for one in self.findings() if one["severity"] == "drift"]


@pytest.fixture
def watcher(shop: PageServer, database: Database, policy: Policy) -> PageWatcher:
    return _open_watcher(database, policy, Settings(policy_page_url=shop.url + PATH))


def _open_watcher(database: Database, policy: Policy, settings: Settings) -> PageWatcher:
    clock = Clock()
    runtime = Runtime(database, policy, SETTLE, clock)
    with database.write() as connection:
        page_checks.keep_only(connection, settings.policy_pages, clock())
    watch = PageWatch(
        runtime, settings, compare=lambda source, policy, _: compare_page(source, policy)
    )
    return PageWatcher(watch, clock)


def test_the_shipped_page_has_no_drift_and_its_date_is_noted(watcher: PageWatcher) -> None:
    assert watcher.policy["drift"] is None
    assert watcher.watch.step() == 1
    assert watcher.problems() == {}
    told = watcher.findings()
    assert [(one["code"], one["severity"]) for one in told] == [("date-not-updated", "notice")]


def test_the_page_is_compared_once_a_day(watcher: PageWatcher, shop: PageServer) -> None:
    assert [watcher.watch.step() for _ in range(3)] == [1, 0, 0]
    watcher.clock.now += DAY - timedelta(seconds=1)
    assert watcher.watch.step() == 0
    watcher.clock.now += timedelta(seconds=1)
    assert watcher.watch.step() == 1
    assert shop.asked == 2


def test_a_changed_period_is_a_problem_until_it_is_corrected(
    watcher: PageWatcher, shop: PageServer
) -> None:
    shop.say("24 months of inactivity", "36 months of inactivity")
    watcher.watch.step()
    assert watcher.drift() == ["period-changed"]
    since = watcher.status()["problems"][0]["since"]
    assert "36 months" in watcher.problems()["policy-drift"]
    watcher.clock.now += DAY
    watcher.watch.step()
    assert watcher.status()["problems"][0]["since"] == since
    shop.say("36 months of inactivity", "24 months of inactivity")
    watcher.clock.now += DAY
    watcher.watch.step()
    assert (watcher.drift(), watcher.problems()) == ([], {})


def test_an_unreadable_page_is_a_problem_and_retried_within_the_hour(
    watcher: PageWatcher, shop: PageServer
) -> None:
    shop.status = 500
    watcher.watch.step()
    assert list(watcher.problems()) == ["policy-page-unreadable"]
    assert watcher.policy["drift"] is None
    shop.status = 200
    assert watcher.watch.step() == 0
    watcher.clock.now += timedelta(hours=1)
    assert watcher.watch.step() == 1
    assert watcher.problems() == {}


def test_a_new_policy_in_force_is_compared_at_once(watcher: PageWatcher, policy: Policy) -> None:
    watcher.watch.step()
    other = replace(
        watcher.watch,
        runtime=replace(watcher.watch.runtime, policy=replace(policy, digest="another")),
    )
    assert PageWatcher(other, watcher.clock).policy["drift"] is None
    assert other.step() == 1


def test_each_store_has_its_own_page(shop: PageServer, database: Database, policy: Policy) -> None:
    stores = {
        slug: StoreSettings(slug, shop.url + prefix, "ck", "cs", ("s",))
        for slug, prefix in (("a", ""), ("b", "/b"))
    }
    watcher = _open_watcher(database, policy, Settings(stores=stores, policy_page_url=PATH))
    assert [watcher.watch.step() for _ in range(3)] == [1, 1, 0]
    assert list(watcher.problems()) == ["policy-page-unreadable"]  # the second shop has none there
    assert {finding["page"] for finding in watcher.policy["drift"]} == {shop.url + PATH}


def test_a_page_that_is_no_longer_set_is_forgotten(watcher: PageWatcher) -> None:
    watcher.watch.step()
    with watcher.watch.runtime.database.write() as connection:
        page_checks.keep_only(connection, (), watcher.clock())
    assert watcher.policy["drift"] is None
