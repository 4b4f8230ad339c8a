"""The published page, looked at daily by a worker: what it says otherwise shows in `/status`, and goes again."""

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
class Shop:
    """Serves the page, as long as it is told to."""

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
def shop() -> Iterator[Shop]:
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
        made = Shop(url)
        yield made


@dataclass
class Office:
    """A worker's look at the page, with a clock that a test moves."""

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
def office(shop: Shop, database: Database, policy: Policy) -> Office:
    return _office(database, policy, Settings(policy_page_url=shop.url + PATH))


def _office(database: Database, policy: Policy, settings: Settings) -> Office:
    clock = Clock()
    runtime = Runtime(database, policy, SETTLE, clock)
    with database.write() as connection:
        page_checks.keep_only(connection, settings.policy_pages, clock())
    watch = PageWatch(
        runtime, settings, compare=lambda source, policy, _: compare_page(source, policy)
    )
    return Office(watch, clock)


def test_the_given_page_is_without_drift_and_its_own_date_is_noticed(office: Office) -> None:
    assert office.policy["drift"] is None
    assert office.watch.step() == 1
    assert office.problems() == {}
    told = office.findings()
    assert [(one["code"], one["severity"]) for one in told] == [("date-not-updated", "notice")]


def test_it_is_looked_at_once_a_day(office: Office, shop: Shop) -> None:
    assert [office.watch.step() for _ in range(3)] == [1, 0, 0]
    office.clock.now += DAY - timedelta(seconds=1)
    assert office.watch.step() == 0
    office.clock.now += timedelta(seconds=1)
    assert office.watch.step() == 1
    assert shop.asked == 2


def test_a_period_that_was_changed_on_the_page_is_a_problem_until_it_is_put_right(
    office: Office, shop: Shop
) -> None:
    shop.say("24 months of inactivity", "36 months of inactivity")
    office.watch.step()
    assert office.drift() == ["period-changed"]
    since = office.status()["problems"][0]["since"]
    assert "36 months" in office.problems()["policy-drift"]
    office.clock.now += DAY
    office.watch.step()
    assert office.status()["problems"][0]["since"] == since
    shop.say("36 months of inactivity", "24 months of inactivity")
    office.clock.now += DAY
    office.watch.step()
    assert (office.drift(), office.problems()) == ([], {})


def test_a_page_that_cannot_be_read_is_a_problem_and_tried_again_within_the_hour(
    office: Office, shop: Shop
) -> None:
    shop.status = 500
    office.watch.step()
    assert list(office.problems()) == ["policy-page-unreadable"]
    assert office.policy["drift"] is None
    shop.status = 200
    assert office.watch.step() == 0
    office.clock.now += timedelta(hours=1)
    assert office.watch.step() == 1
    assert office.problems() == {}


def test_another_policy_in_force_is_compared_at_once(office: Office, policy: Policy) -> None:
    office.watch.step()
    other = replace(
        office.watch,
        runtime=replace(office.watch.runtime, policy=replace(policy, digest="another")),
    )
    assert Office(other, office.clock).policy["drift"] is None
    assert other.step() == 1


def test_each_stores_own_page(shop: Shop, database: Database, policy: Policy) -> None:
    stores = {
        slug: StoreSettings(slug, shop.url + prefix, "ck", "cs", ("s",))
        for slug, prefix in (("a", ""), ("b", "/b"))
    }
    office = _office(database, policy, Settings(stores=stores, policy_page_url=PATH))
    assert [office.watch.step() for _ in range(3)] == [1, 1, 0]
    assert list(office.problems()) == ["policy-page-unreadable"]  # the second shop has none there
    assert {finding["page"] for finding in office.policy["drift"]} == {shop.url + PATH}


def test_a_page_that_is_not_named_any_more_is_forgotten(office: Office) -> None:
    office.watch.step()
    with office.watch.runtime.database.write() as connection:
        page_checks.keep_only(connection, (), office.clock())
    assert office.policy["drift"] is None
