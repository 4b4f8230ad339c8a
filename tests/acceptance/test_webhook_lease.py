"""The lease on a store's webhooks: commands and workers, as real processes, never change them at the same time."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from subprocess import CompletedProcess
from typing import Any

import pytest
from sqlalchemy import Row, update

from hooks.ledger import rounds, tables
from hooks.ledger.database import Database
from hooks.settings import StoreSettings
from hooks.store.client import StoreClient
from tests.acceptance.expected_state import ledger_of
from tests.acceptance.test_store_commands import (
    HERE,
    NEW,
    ON_SQLITE,
    PUBLIC_URL,
    let_call_fast,
    webhooks,
    writes,
    wrong,
)
from tests.support.processes import TOKEN, TOPICS, Process, Sandbox, Stack, until
from tests.support.recordings import SECRET

WEBHOOKS = "/wp-json/wc/v3/webhooks"
ROUNDS = 2
OPERATOR = "ck_operator"
"""The key with which the test removes webhooks, so that the log of the store tells its requests from the service's."""


@pytest.fixture
def sandbox(processes: Stack) -> Sandbox:
    """A store whose webhooks the processes of the test look after."""
    let_call_fast(processes)
    store = processes.sandbox("--no-autosend")
    store.do("create_key", consumer_key=OPERATOR, consumer_secret="cs_operator")
    processes.env |= {"PUBLIC_URL": PUBLIC_URL, "STATUS_TOKEN": TOKEN}
    return store


# --- the race ----------------------------------------------------------------------------------------------


RIVALS = {
    "worker": (1, 1),  # the fault that was seen: the watch and an install
    "install": (0, 2),
    "many": (2, 3),
}
"""By name: so many workers, and so many `store install` at once."""


@pytest.mark.parametrize(("workers", "installs"), RIVALS.values(), ids=RIVALS)
def test_no_topic_ever_has_two_webhooks(
    processes: Stack, sandbox: Sandbox, workers: int, installs: int
) -> None:
    sandbox.do("add_fault", kind="slow", times=0, seconds=0.2, path=WEBHOOKS, method="POST")
    for _ in range(workers):
        processes.worker(WATCH_SECONDS="1")
    for _ in range(ROUNDS):
        remove_all(sandbox)
        for done in install_at_once(processes, installs):
            assert (done.returncode, wrong(done)) == (0, []), done.stdout
        webhooks(sandbox, HERE)
    before = looks(sandbox)
    until(
        lambda: looks(sandbox) > before + 2 * workers or not workers,
        "the workers to look at what was made",
    )
    webhooks(sandbox, HERE)
    assert_one_each(sandbox.requests())


def remove_all(sandbox: Sandbox) -> None:
    """An operator removes the webhooks that are there; those that a worker makes meanwhile stay."""
    client = StoreClient(StoreSettings("shop", sandbox.url, OPERATOR, "cs_operator", (SECRET,)))
    for hook in sandbox.state()["webhooks"]:
        client.delete(f"webhooks/{hook['id']}", {"force": "true"})
    client._api.session.close()


def install_at_once(processes: Stack, number: int) -> list[CompletedProcess[str]]:
    """Run so many `store install` at the same time, to their end."""
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(lambda _: processes.flask("store", "install"), range(number)))


def looks(sandbox: Sandbox) -> int:
    """How often the service has listed the webhooks."""
    return sum(
        entry["method"] == "GET" and entry["path"] == WEBHOOKS for entry in sandbox.requests()
    )


def assert_one_each(requests: list[dict[str, Any]]) -> None:
    """The service made no webhook too many: never were there more than topics, and it had none to remove."""
    present: set[int] = set()
    for entry in requests:
        changed = {write["id"] for write in entry["writes"] if write["kind"] == "webhook"}
        if entry["method"] == "DELETE" and not entry["path"].endswith(
            "/0"
        ):  # that one tries the method out
            assert entry["key"] == OPERATOR, f"the service removed a double: {changed}"
            present -= changed
        elif entry["method"] == "POST":
            present |= changed
        assert len(present) <= len(TOPICS), f"webhooks at once: {sorted(present)}"


# --- the lease as an operator meets it ---------------------------------------------------------------------


WAITS = "another process holds the lease on the webhooks of shop"
OTHER = "another process"


def watch_round(ledger: Database) -> Row[Any]:
    """The row of the round whose claim is the lease."""
    with ledger.read() as connection:
        row = rounds.state(connection, "shop", "watch")
    assert row is not None
    return row


def claim(ledger: Database, token: str | None) -> None:
    """Let another process hold the lease, for longer than any command of a test takes; or nobody."""
    until = datetime.now(UTC) + 1.9 * rounds.LEASE if token else None
    with ledger.write() as connection:
        rounds.register(connection, "shop", datetime.now(UTC))
        chosen = update(tables.rounds).where(tables.rounds.c.name == "watch")
        connection.execute(chosen.values(claim=token, claim_until=until))


@ON_SQLITE
@pytest.mark.parametrize("command", ["install", "rotate-secret"])
def test_a_command_waits_for_the_lease_and_says_so_once(
    processes: Stack, sandbox: Sandbox, command: str
) -> None:
    web = processes.web(WEB_CONCURRENCY="1", STORE_WEBHOOK_SECRETS=f"{NEW},{SECRET}")
    if command == "rotate-secret":
        assert wrong(processes.flask("store", "install")) == []
    seen, written = looks(sandbox), writes(sandbox)
    with ledger_of(processes) as ledger:
        claim(ledger, OTHER)
        process = processes.begin("store", command, STORE_WEBHOOK_SECRETS=f"{NEW},{SECRET}")
        until(lambda: WAITS in process.log(), "the command to wait")
        assert (looks(sandbox), writes(sandbox)) == (seen, written), "nor does it look before"
        claim(ledger, None)
    process.wait()
    assert process.log().count(WAITS) == 1
    assert "Traceback" not in process.log()
    assert writes(sandbox) == written + len(TOPICS)
    webhooks(sandbox, f"{web.url}/webhooks/shop")


@ON_SQLITE
def test_ctrl_c_releases_the_lease_and_leaves_the_round_as_it_was(
    processes: Stack, sandbox: Sandbox
) -> None:
    assert processes.flask("store", "install").returncode == 0
    with ledger_of(processes) as ledger:
        before = watch_round(ledger)
        sandbox.do("add_fault", kind="slow", seconds=100, path=WEBHOOKS, method="GET")
        process = processes.begin("store", "install")
        until(lambda: watch_round(ledger).claim is not None, "the command to survey the store")
        assert process.stop(signal.SIGINT) == 1
        assert "Aborted!" in process.log()
        assert watch_round(ledger) == before
    sandbox.do("clear_faults")  # the command may have ended before it asked the store
    again = processes.flask("store", "install")
    assert (again.returncode, WAITS in again.stdout) == (0, False), again.stdout
    webhooks(sandbox, HERE)


@ON_SQLITE
def test_a_command_that_loses_the_lease_stops_and_may_be_run_again(
    processes: Stack, sandbox: Sandbox
) -> None:
    with ledger_of(processes) as ledger:
        process = install_midway(processes, sandbox)
        claim(ledger, OTHER)
        assert process.wait() == 1
        (sentence,) = [
            line
            for line in process.log().splitlines()
            if "WRONG" in line and "PUBLIC_URL" not in line
        ]
        assert "the lease on the webhooks of shop lapsed" in sentence
        assert "run this command again" in sentence
        assert 0 < len(sandbox.state()["webhooks"]) < len(TOPICS)
        assert watch_round(ledger).claim == OTHER
        claim(ledger, None)
    sandbox.do("clear_faults")
    again = processes.flask("store", "install")
    assert (again.returncode, wrong(again)) == (0, [])
    webhooks(sandbox, HERE)
    assert writes(sandbox) == len(TOPICS)


def install_midway(processes: Stack, sandbox: Sandbox) -> Process:
    """Begin a `store install`, and give it while it is at it: each webhook takes the store a second."""
    sandbox.do("add_fault", kind="slow", times=len(TOPICS), seconds=1, path=WEBHOOKS, method="POST")
    process = processes.begin("store", "install")
    until(lambda: "made webhook" in process.log(), "the first webhook")
    return process
