"""`store install`, `store rotate-secret` and the worker's watch, as an operator meets them, with real processes."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from threading import Event, Thread
from typing import Any

import pytest
import requests
from sqlalchemy import insert

from hooks.ledger.database import Database
from hooks.ledger.tables import stores
from hooks.settings import StoreSettings
from hooks.store.client import StoreClient
from tests.acceptance.test_privacy import listening
from tests.support.processes import TOKEN, TOPICS, Sandbox, Stack, Web, stack, until
from tests.support.recordings import SECRET, made, order

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PUBLIC_URL = "https://retention.example.com"
HERE = f"{PUBLIC_URL}/webhooks/shop"
LONG_SECRETS = {"STORE_WEBHOOK_SECRETS": "s" * 32}
"""For a check that must find nothing wrong."""
NEW = "a-new-secret-of-the-shop"


@pytest.fixture
def processes(processes: Stack) -> Stack:
    """The same, over a ledger that knows the store as a fast one: its budget would grow to that with the calls."""
    let_call_fast(processes)
    return processes


def let_call_fast(processes: Stack) -> None:
    """Let the ledger know the store as one that takes 50 calls a second."""
    ledger = Database(processes.database_url)
    with ledger.write() as connection:
        connection.execute(insert(stores), {"slug": "shop", "rate": 50.0})
    ledger.close()
    processes.env["STORE_REQUESTS_PER_SECOND"] = "50"


def webhooks(sandbox: Sandbox, url: str) -> dict[str, dict[str, Any]]:
    """The webhooks that deliver there, by topic, of which there must be one for each of ours."""
    found = [hook for hook in sandbox.state()["webhooks"] if hook["delivery_url"] == url]
    assert sorted(hook["topic"] for hook in found) == sorted(TOPICS)
    return {hook["topic"]: hook for hook in found}


def writes(sandbox: Sandbox) -> int:
    """How many requests that write the store got for its webhooks, without those that try the methods out."""
    sent = [
        entry
        for entry in sandbox.requests()
        if entry["method"] != "GET" and not entry["path"].endswith("/0")
    ]
    return sum(entry["path"].startswith("/wp-json/wc/v3/webhooks") for entry in sent)


def wrong(done: CompletedProcess[str]) -> list[str]:
    """What a command found wrong, but for the private address that every web process of a test has, and for the secret
    of the recordings, which is short."""
    assert "Traceback" not in done.stderr, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip().startswith("WRONG")]
    return [
        line
        for line in lines
        if not line.startswith(("WRONG PUBLIC_URL is http://127.0.0.1", "WRONG webhook secret"))
    ]


# --- install -----------------------------------------------------------------------------------------------


def test_install_makes_the_webhooks_and_a_second_run_writes_nothing(processes: Stack) -> None:
    sandbox = processes.sandbox("--no-autosend")
    processes.env |= {"PUBLIC_URL": PUBLIC_URL, "STATUS_TOKEN": TOKEN, **LONG_SECRETS}
    other = sandbox.do(
        "create_webhook",
        topic="order.created",
        delivery_url="https://other.example.com",
        secret="x",
    )
    sandbox.do("create_webhook", topic="order.updated", delivery_url=HERE, secret="made by hand")
    first = processes.flask("store", "install")
    assert (first.returncode, wrong(first)) == (0, []), first.stdout
    hooks = webhooks(sandbox, HERE)
    assert {hook["status"] for hook in hooks.values()} == {"active"}
    assert hooks["order.created"]["name"] == "Retention Hooks: order.created"
    assert all(
        f"made webhook {hooks[topic]['id']} for {topic}" in first.stdout for topic in TOPICS[2:]
    )
    assert f"gave the secret to webhook {hooks['order.updated']['id']}" in first.stdout
    before, written = sandbox.state()["webhooks"], writes(sandbox)
    second = processes.flask("store", "install", "shop")
    assert (second.returncode, wrong(second)) == (0, [])
    assert (sandbox.state()["webhooks"], writes(sandbox)) == (before, written)
    assert other["id"] in [hook["id"] for hook in before]
    assert processes.flask("store", "check").returncode == 0
    assert not any(secret in first.stdout + first.stderr for secret in ("s" * 32, "cs_test"))


@ON_SQLITE
def test_install_mends_what_the_store_gave_up_and_deliveries_arrive_again(processes: Stack) -> None:
    sandbox = processes.sandbox("--no-autosend")
    web = processes.web(WEB_CONCURRENCY="1")
    url = f"{web.url}/webhooks/shop"
    assert wrong(processes.flask("store", "install")) == []
    web.stop()
    for _ in range(7):
        sandbox.do("place_order", set_paid=True)
        sandbox.do("send_deliveries")
    broken = webhooks(sandbox, url)
    assert broken["order.created"]["status"] == "disabled"
    checked = processes.flask("store", "check")
    assert any(
        "webhook order.created is disabled" in line and "store install" in line
        for line in wrong(checked)
    )
    web.start()
    done = processes.flask("store", "install")
    assert wrong(done) == [], done.stdout
    mended = webhooks(sandbox, url)
    assert {(hook["status"], hook["failure_count"]) for hook in mended.values()} == {("active", 0)}
    assert not {hook["id"] for hook in mended.values()} & {hook["id"] for hook in broken.values()}
    placed = sandbox.do("place_order", set_paid=True)
    sandbox.do("send_deliveries")
    assert web.record("order", placed["id"])["state"] == "active"
    assert all(shown["ok"] for shown in web.status()["stores"]["shop"]["webhooks"])


@ON_SQLITE
def test_install_says_what_stands_in_its_way_and_makes_nothing(processes: Stack) -> None:
    sandbox = processes.sandbox("--no-autosend")
    processes.env |= {"PUBLIC_URL": PUBLIC_URL, "STATUS_TOKEN": TOKEN}
    sandbox.do(
        "create_key", consumer_key="ck_reader", consumer_secret="cs_reader", permissions="read"
    )
    cases = [
        (
            {"STORE_CONSUMER_KEY": "ck_reader", "STORE_CONSUMER_SECRET": "cs_reader"},
            "not be written",
            "administrator",
        ),
        ({"STORE_CONSUMER_KEY": "ck_unknown"}, "cannot be read", "REST API key"),
        ({"STORE_URL": "http://127.0.0.1:1"}, "cannot be read", "Check STORE_URL"),
    ]
    for env, finding, mend in cases:
        done = processes.flask("store", "install", **env)
        assert done.returncode == 1
        assert any(finding in line and mend in line for line in wrong(done)), done.stdout
    assert sandbox.state()["webhooks"] == []


@ON_SQLITE
def test_install_reports_a_duplicate_that_it_cannot_remove(processes: Stack) -> None:
    sandbox = processes.sandbox("--no-autosend")
    processes.env |= {"PUBLIC_URL": PUBLIC_URL, "STATUS_TOKEN": TOKEN}
    assert processes.flask("store", "install").returncode == 0
    double = sandbox.do("create_webhook", topic="order.created", delivery_url=HERE, secret=SECRET)
    sandbox.do("add_fault", kind="404", times=0, path="/wp-json/wc/v3/webhooks", method="DELETE")
    done = processes.flask("store", "install")
    assert done.returncode == 1
    assert any(
        f"webhook {double['id']} for order.created could not be removed" in line
        for line in wrong(done)
    )
    sandbox.do("clear_faults")
    assert processes.flask("store", "install").returncode == 0
    webhooks(sandbox, HERE)


def test_install_and_rotate_without_a_ledger_or_a_store_exit_with_2(tmp_path: Path) -> None:
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as processes:
        for command in ("install", "rotate-secret"):
            done = processes.flask("store", command)
            assert (done.returncode, done.stdout) == (2, ""), done.stderr
        processes.migrate()
        for command in ("install", "rotate-secret"):
            done = processes.flask("store", command, "other")
            assert (done.returncode, done.stdout) == (2, "")
            assert "There is no store 'other'" in done.stderr


# --- rotate-secret -----------------------------------------------------------------------------------------


@ON_SQLITE
def test_a_rotation_begins_with_the_line_that_is_to_be_set(processes: Stack) -> None:
    sandbox = processes.sandbox("--no-autosend")
    lines = []
    for _ in range(2):
        done = processes.flask("store", "rotate-secret")
        assert (done.returncode, wrong(done)) == (0, [])
        (line,) = [
            line for line in done.stdout.splitlines() if line.startswith("STORE_WEBHOOK_SECRETS=")
        ]
        assert re.fullmatch(rf"STORE_WEBHOOK_SECRETS=[0-9a-f]{{64}},{SECRET}", line)
        assert "_FILE" in done.stdout
        lines.append(line)
    assert lines[0] != lines[1], "each is a fresh one"
    assert sandbox.requests() == []
    several = {
        f"STORE_NO_{name}": value
        for name, value in processes._env().items()
        for name in [name.removeprefix("STORE_")]
        if name in ("URL", "CONSUMER_KEY", "CONSUMER_SECRET", "WEBHOOK_SECRETS")
    }
    done = processes.flask("store", "rotate-secret", STORES="no", **several)
    assert "\nSTORE_NO_WEBHOOK_SECRETS=" in done.stdout
    assert sandbox.requests() == []


@ON_SQLITE
def test_a_secret_with_a_comma_is_rotated_in_a_file_of_two_lines(processes: Stack) -> None:
    processes.sandbox("--no-autosend")
    old = "a,secret-that-the-store-made"
    done = processes.flask("store", "rotate-secret", STORE_WEBHOOK_SECRETS=old)
    assert (done.returncode, wrong(done)) == (0, [])
    assert re.search(rf"^[0-9a-f]{{64}}\n{old}$", done.stdout, re.MULTILINE)
    assert "STORE_WEBHOOK_SECRETS_FILE" in done.stdout
    assert "STORE_WEBHOOK_SECRETS=" not in done.stdout


@ON_SQLITE
def test_a_rotation_goes_no_further_before_the_web_process_takes_the_new_secret(
    processes: Stack,
) -> None:
    sandbox = processes.sandbox("--no-autosend")
    web = processes.web(WEB_CONCURRENCY="1")
    assert wrong(processes.flask("store", "install")) == []
    written = writes(sandbox)
    both = {"STORE_WEBHOOK_SECRETS": f"{NEW},{SECRET}"}
    refused = processes.flask("store", "rotate-secret", **both)
    assert refused.returncode == 1
    assert any("refuses the signature" in line and "restart" in line for line in wrong(refused))
    web.stop()
    unreachable = processes.flask("store", "rotate-secret", **both)
    assert unreachable.returncode == 1
    assert any("does not answer" in line for line in wrong(unreachable))
    assert writes(sandbox) == written
    installed = processes.flask("store", "install", **both)
    assert wrong(installed) == []
    assert writes(sandbox) == written, (
        "nor does install give out a secret that is not known to be taken"
    )
    assert "rotate-secret" in installed.stdout


@ON_SQLITE
def test_a_webhook_whose_secret_is_not_set_any_more_is_found_and_mended(processes: Stack) -> None:
    sandbox = processes.sandbox("--no-autosend")
    processes.env |= {"PUBLIC_URL": PUBLIC_URL, "STATUS_TOKEN": TOKEN}
    assert processes.flask("store", "install").returncode == 0
    processes.env["STORE_WEBHOOK_SECRETS"] = NEW
    checked = processes.flask("store", "check")
    assert checked.returncode == 1
    assert sum("secret that is not set any more" in line for line in wrong(checked)) == len(TOPICS)
    assert processes.flask("store", "install").returncode == 0
    assert wrong(processes.flask("store", "check")) == []
    webhooks(sandbox, HERE)


def serves(web: Web, taken: set[str], refused: set[str]) -> bool:
    """Whether all of its processes, as far as several calls tell, take these secrets, and refuse those."""
    topic = "retention.some-topic"
    answers = {
        secret: {web.post(made(topic, {}, secret=secret)).status_code for _ in range(6)}
        for secret in taken | refused
    }
    return all(answers[secret] == {200} for secret in taken) and all(
        answers[secret] == {401} for secret in refused
    )


@contextmanager
def traffic(sandbox: Sandbox) -> Iterator[list[int]]:
    """Orders are placed, one after the other, for as long as the block lasts; gives their ids."""
    placed: list[int] = []
    stopping = Event()

    def shop() -> None:
        while not stopping.is_set() and len(placed) < 2000:
            placed.append(int(sandbox.do("place_order", set_paid=True)["id"]))
            stopping.wait(0.2)

    thread = Thread(target=shop)
    thread.start()
    try:
        yield placed
    finally:
        stopping.set()
        thread.join()


def idle(sandbox: Sandbox) -> None:
    """Wait until the store has sent all that it has to send."""
    until(
        lambda: bool(sandbox.do("wait_until_idle", timeout=20)["idle"]),
        "the store to have sent everything",
    )


def new_secrets(processes: Stack) -> str:
    """Begin a rotation; return the line of secrets that it asks for, the new one first."""
    begun = processes.flask("store", "rotate-secret")
    (line,) = [
        line for line in begun.stdout.splitlines() if line.startswith("STORE_WEBHOOK_SECRETS=")
    ]
    return line.partition("=")[2]


@ON_SQLITE
def test_a_rotation_under_traffic_loses_no_delivery(processes: Stack, tmp_path: Path) -> None:
    """The secrets are in a file; on SIGHUP the web process starts its workers anew, which read it."""
    held = tmp_path / "secrets"
    held.write_text(SECRET)
    processes.env |= {"STORE_WEBHOOK_SECRETS": "", "STORE_WEBHOOK_SECRETS_FILE": str(held)}
    sandbox = processes.sandbox()
    web = processes.web(WEB_CONCURRENCY="2")
    assert wrong(processes.flask("store", "install")) == []

    def set_secrets(line: str, taken: set[str], refused: set[str]) -> None:
        held.write_text(line)
        assert web.child is not None
        web.child.send_signal(signal.SIGHUP)
        until(lambda: serves(web, taken, refused), "all web processes to know the secrets")

    with traffic(sandbox) as placed:
        secrets = new_secrets(processes)
        new = secrets.split(",")[0]
        assert serves(web, {SECRET}, {new})
        set_secrets(secrets, {SECRET, new}, set())
        second = processes.flask("store", "rotate-secret")
        assert (second.returncode, wrong(second)) == (0, []), second.stdout
        assert "take the old one out" in second.stdout
        assert serves(web, {SECRET, new}, set())
        written = writes(sandbox)
        again = processes.flask("store", "rotate-secret")
        assert again.returncode == 0
        assert "nothing was changed" in again.stdout
        assert writes(sandbox) == written
    idle(sandbox)  # what the old secret signed has arrived
    with traffic(sandbox) as placed_later:
        set_secrets(new, {new}, {SECRET})
        until(
            lambda: len(placed_later) > 3, "orders to be placed while and after the old secret goes"
        )
    idle(sandbox)
    webhooks(sandbox, f"{web.url}/webhooks/shop")
    assert_all_arrived(sandbox, web, len(placed) + len(placed_later))


def assert_all_arrived(sandbox: Sandbox, web: Web, number: int) -> None:
    """Every delivery was taken, of as many orders as were placed, and no webhook has failed."""
    log = requests.get(f"{sandbox.url}/sandbox/log", timeout=60).json()["deliveries"]
    assert {entry["status"] for entry in log} == {200}
    assert len([entry for entry in log if entry["topic"] == "order.created"]) == number > 6
    assert web.status()["records"]["by_kind"]["order"] == number
    assert {hook["failure_count"] for hook in sandbox.state()["webhooks"]} == {0}


# --- the watch ---------------------------------------------------------------------------------------------


@ON_SQLITE
def test_the_worker_mends_the_webhooks_after_an_outage(processes: Stack) -> None:
    sandbox = processes.sandbox("--no-autosend")
    web = processes.web(WEB_CONCURRENCY="1")
    url = f"{web.url}/webhooks/shop"
    assert wrong(processes.flask("store", "install")) == []
    web.stop()
    for _ in range(7):
        sandbox.do("place_order", set_paid=True)
        sandbox.do("send_deliveries")
    assert webhooks(sandbox, url)["order.updated"]["status"] == "disabled"
    web.start()
    processes.worker(WATCH_SECONDS="1")

    def mended() -> bool:
        found = [hook for hook in sandbox.state()["webhooks"] if hook["delivery_url"] == url]
        well = all((hook["status"], hook["failure_count"]) == ("active", 0) for hook in found)
        return well and len(found) == len(TOPICS) and all(shown["ok"] for shown in shown_by(web))

    until(mended, "the worker to mend the webhooks")
    assert not any(problem["code"].startswith("webhook") for problem in web.status()["problems"])


def shown_by(web: Web) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = web.status()["stores"]["shop"]["webhooks"]
    return found


@ON_SQLITE
def test_a_change_of_webhooks_is_reported_once_not_each_survey(processes: Stack) -> None:
    """A key that may only read sees the fault at every survey, and cannot mend it."""
    sandbox = processes.sandbox("--no-autosend")
    web = processes.web(WEB_CONCURRENCY="1")
    assert wrong(processes.flask("store", "install")) == []
    sandbox.do(
        "create_key", consumer_key="ck_reader", consumer_secret="cs_reader", permissions="read"
    )
    reader = {"STORE_CONSUMER_KEY": "ck_reader", "STORE_CONSUMER_SECRET": "cs_reader"}
    remove(sandbox, web, "order.deleted")
    with listening() as reports:
        worker = processes.worker(
            SENTRY_DSN=reports.dsn, WATCH_SECONDS="1", LOG_FORMAT="json", **reader
        )
        until(lambda: looks(sandbox) >= 6, "several looks at the webhooks")
        assert worker.stop() == 0
        raised = [event["exception"]["values"][0] for event in reports.events()]
        ours = [error for error in raised if error["type"] == "WebhookProblemError"]
        assert [error["value"] for error in ours] == [
            "webhooks of the store shop: order.deleted is missing"
        ]
        assert ours[0]["stacktrace"]["frames"], "it says where"
        assert [error["type"] for error in raised].count("CredentialsRefusedError") == 1
        assert worker.log().count('"webhook.wrong"') == 1
    assert {"webhook-missing", "webhooks-unreadable"} <= {
        problem["code"] for problem in web.status()["problems"]
    }


def remove(sandbox: Sandbox, web: Web, topic: str) -> None:
    """Somebody deletes one of our webhooks in the store."""
    hook = webhooks(sandbox, f"{web.url}/webhooks/shop")[topic]
    client = StoreClient(StoreSettings("shop", sandbox.url, "ck_test", "cs_test", (SECRET,)))
    client.delete(f"webhooks/{hook['id']}", {"force": "true"})
    client._api.session.close()


def looks(sandbox: Sandbox) -> int:
    """How often a key that may only read has listed the webhooks."""
    return sum(
        entry["key"] == "ck_reader"
        and entry["method"] == "GET"
        and entry["path"].endswith("/webhooks")
        for entry in sandbox.requests()
    )


def test_a_delivery_of_the_rotation_check_is_ignored_and_is_no_delivery(processes: Stack) -> None:
    web = processes.web(WEB_CONCURRENCY="1")
    assert web.result(made("retention.rotation-check", {})) == "ignored"
    assert web.status()["stores"]["shop"]["last_delivery_at"] is None
    assert web.result(made("order.created", order(601))) == "recorded"
    assert web.status()["stores"]["shop"]["last_delivery_at"] is not None
