"""Intake under a corpus grown from the recordings: always the contract's answer, no exception, no growth of memory."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from hooks.app import create_app
from hooks.intake.ingest import Result
from hooks.ledger.database import Database
from hooks.ledger.tables import REPORTED, UNKNOWN, deliveries, metadata
from hooks.settings import Settings
from tests.support.mutations import CORPUS, FIELDS, META_KEYS, METHODS, TARGETS, Request, request
from tests.support.processes import Stack, Web
from tests.support.recordings import SECRET, made, order

LIMIT = 200_000
"""MAX_BODY_BYTES here: low, so that some bodies are too large without costing much."""

NOT_LOGGED = {Result.PING, Result.DUPLICATE}
"""Results of which nothing new is in the ledger."""

LOGGED = (
    select(func.count())
    .select_from(deliveries)
    .where(deliveries.c.topic.not_in((REPORTED, UNKNOWN)))
)
"""How many deliveries are in their log, without its notes of what they made."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    content_type: str
    location: str | None
    body: bytes

    @property
    def result(self) -> str:
        """What became of a delivery that got 200."""
        return str(json.loads(self.body)["result"])


def assert_contract(sent: Request, answer: Answer) -> None:
    """The answer is the one that the contract gives to this request."""
    assert answer.status < 500, answer
    assert not 300 <= answer.status < 400, answer
    assert answer.location is None
    if answer.status >= 400 and sent.method != "HEAD":
        error = json.loads(answer.body)
        assert answer.content_type == "application/json"
        assert error.keys() == {"error"}
        assert error["error"].keys() == {"code", "message"}
        assert all(error["error"].values())
    if sent.is_delivery:
        assert_intake(sent, answer)
    elif sent.method not in ("GET", "HEAD", "OPTIONS") and not sent.target.rstrip("/").endswith(
        "/webhooks/shop"
    ):
        assert answer.status in (404, 405, 413), answer


def assert_intake(sent: Request, answer: Answer) -> None:
    """The rows of the contract's table for `POST /webhooks/<slug>`."""
    if len(sent.body) > LIMIT:
        assert answer.status == 413, answer
    elif sent.is_genuine:
        assert (answer.status, json.loads(answer.body).keys()) == (200, {"result"}), answer
        assert answer.result in set(Result) - {Result.PING}
    elif "X-WC-Webhook-Signature" not in sent.headers and re.fullmatch(
        rb"webhook_id=[0-9]{1,20}", sent.body
    ):
        assert (answer.status, answer.result) == (200, "ping")
    else:
        assert answer.status == 401, answer
        assert json.loads(answer.body)["error"]["code"] == "signature-refused"


# --- in process --------------------------------------------------------------------------------------------


class Faults(logging.Handler):
    """Keeps what is logged as an error, or with an exception."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        if record.levelno >= logging.ERROR or record.exc_info:
            self.seen.append(str(record.msg))


@dataclass(frozen=True)
class Bench:
    """The application without a server, over a real ledger."""

    app: Flask
    client: FlaskClient
    faults: Faults
    database: Database

    def send(self, sent: Request) -> Answer:
        """Send it, and check that what was answered holds: of the contract, of the log and of the ledger."""
        before = self.rows()
        answer = _answer_of(self.client, sent)
        assert_contract(sent, answer)
        assert not self.faults.seen
        after = self.rows()
        if sent.is_delivery and answer.status == 200:
            assert after["deliveries"] - before["deliveries"] == (answer.result not in NOT_LOGGED)
        else:
            assert after == before
        return answer

    def rows(self) -> dict[str, int]:
        """How many rows each table has; of the log of deliveries, how many deliveries are in it."""
        with self.database.read() as connection:
            found = {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in metadata.sorted_tables
            }
            return found | {"deliveries": connection.execute(LOGGED).scalar_one()}


def _answer_of(client: FlaskClient, sent: Request) -> Answer:
    path, _, query = sent.target.partition("?")
    got = client.open(
        path,
        query_string=query,
        method=sent.method,
        headers=list(sent.headers.items()),
        data=sent.body,
    )
    return Answer(got.status_code, got.content_type or "", got.headers.get("Location"), got.data)


@pytest.fixture
def bench(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    for name, value in {
        "DATABASE_URL": database_url,
        "STORE_URL": "https://shop.example.test",
        "STORE_CONSUMER_KEY": "ck_test",
        "STORE_CONSUMER_SECRET": "cs_test",
        "STORE_WEBHOOK_SECRETS": SECRET,
        "MAX_BODY_BYTES": str(LIMIT),
    }.items():
        monkeypatch.setenv(name, value)
    app = create_app(Settings.from_env())
    faults = Faults()
    logging.getLogger().handlers = [faults]
    with app.test_client() as client:
        yield Bench(app, client, faults, database)
    app.extensions["retention"].database.close()


# The same examples in each run; the fixtures, which all of them share, are meant to be shared.
FUZZED = settings(
    max_examples=700,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_the_recordings_that_all_is_grown_from_are_taken(bench: Bench) -> None:
    answers = [bench.send(recorded) for recorded in CORPUS]
    assert {answer.status for answer in answers} == {200}
    assert {answer.result for answer in answers} >= {
        "recorded",
        "unchanged",
        "ping",
        "quarantined",
        "ignored",
    }


# A `Random` of which hypothesis only draws the seed: one that it steers step by step takes few ways.
@given(random=st.randoms(use_true_random=True))
@FUZZED
def test_any_request_gets_the_answer_of_the_contract(bench: Bench, random: Random) -> None:
    bench.send(request(random))


TEXTS = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    ["yes", "trash", "2026-11-22T08:00:00"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from([2**63 - 1, 2**63, 0.5])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)
META = st.fixed_dictionaries({"key": st.sampled_from(META_KEYS), "value": JSON})
MEMBERS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5)


@given(
    recorded=st.sampled_from([sent for sent in CORPUS if sent.body.startswith(b"{")]),
    members=MEMBERS,
    meta=st.none() | st.lists(META, max_size=3),
)
@settings(FUZZED, max_examples=400)
def test_any_json_in_place_of_any_field_is_taken_or_set_aside(
    bench: Bench, recorded: Request, members: dict[str, Any], meta: list[Any] | None
) -> None:
    if meta is not None:
        members |= {"meta_data": meta}
    body = json.dumps(json.loads(recorded.body) | members).encode()
    answer = bench.send(replace(recorded, body=body).signed())
    assert answer.status == 200


def test_every_method_at_every_address_gets_an_answer_of_the_contract(bench: Bench) -> None:
    """Also at those that are nobody's; a request that is no delivery leaves nothing in the ledger."""
    good = Request.of(made("order.created", order()))
    for target in TARGETS:
        for method in METHODS:
            bench.send(replace(good, method=method, target=target))


# --- over HTTP ---------------------------------------------------------------------------------------------

WARM_UP = 400
HALF = 550
LONG = 40_000
ALLOWANCE_KIB = 6 * 1024


def numbered(number: int) -> Request:
    """The request of this number, always the same. Every other delivery is long, by blanks behind it."""
    made = request(Random(number))
    if number % 2 and made.is_delivery and made.is_genuine:
        return replace(made, body=made.body.ljust(LONG)).signed()
    return made


class Sender:
    """Sends generated requests to a web process, and counts what came of those that were taken."""

    def __init__(self, web: Web) -> None:
        self.host, port = web.url.removeprefix("http://").split(":")
        self.port = int(port)
        self.results: Counter[str] = Counter()

    def send_all(self, numbers: range) -> int:
        """Send the requests of these numbers, checking each answer; the size of the bodies that were taken, in KiB."""
        size = 0
        for number in numbers:
            sent = numbered(number)
            answer = self.send(sent)
            try:
                assert_contract(sent, answer)
            except Exception as error:
                error.add_note(f"This was the request of number {number}.")
                raise
            if sent.is_delivery and answer.status == 200:
                self.results[answer.result] += 1
                size += len(sent.body)
        return size // 1024

    def send(self, sent: Request) -> Answer:
        """Send one over a connection of its own, as the store does."""
        connection = HTTPConnection(self.host, self.port, timeout=150)
        try:
            connection.request(sent.method, sent.target, sent.body, sent.headers)
            got = connection.getresponse()
            return Answer(
                got.status,
                got.headers.get("Content-Type", ""),
                got.headers.get("Location"),
                got.read(),
            )
        finally:
            connection.close()


def resident_kib(web: Web) -> dict[int, int]:
    """The resident memory of each process that the web process started."""
    assert web.child is not None
    listed = Path(f"/proc/{web.child.pid}/task/{web.child.pid}/children").read_text().split()
    return {int(pid): _resident(pid) for pid in listed}


def _resident(pid: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def test_1500_requests_leave_a_web_process_unchanged(processes: Stack) -> None:
    """No answer is a 5xx, no process died, nothing was logged as an error, and memory stays where it was."""
    web = processes.web(WEB_CONCURRENCY="1", MAX_BODY_BYTES=str(LIMIT))
    sender = Sender(web)
    sender.send_all(range(WARM_UP))
    sender.send_all(range(WARM_UP, WARM_UP + HALF))
    after_one_half = resident_kib(web)
    size = sender.send_all(range(WARM_UP + HALF, WARM_UP + 2 * HALF))
    after_both = resident_kib(web)

    assert len(after_one_half) == 1
    assert after_both.keys() == after_one_half.keys(), "the worker process died of it"
    assert size > ALLOWANCE_KIB, "so little that to keep all of it would not be seen"
    for pid, resident in after_both.items():
        assert resident - after_one_half[pid] <= ALLOWANCE_KIB
    assert not re.search(r"traceback|\[(error|critical)|exception", web.log(), re.IGNORECASE)
    assert rows_of_deliveries(processes) == sum(
        n for result, n in sender.results.items() if result not in NOT_LOGGED
    )
    assert web.result(made("order.created", order(987_654))) == "recorded"


def rows_of_deliveries(processes: Stack) -> int:
    ledger = Database(processes.database_url)
    try:
        with ledger.read() as connection:
            return int(connection.execute(LOGGED).scalar_one())
    finally:
        ledger.close()
