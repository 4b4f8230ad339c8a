"""Health, status, metrics and single records: what a monitor and an operator may rely on."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.processes import Stack, Web, stack, until
from tests.support.recordings import DELIVERIES, made, order

TOKEN = "a-token-for-the-tests"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One web process on SQLite that has taken the recorded day."""
    directory = tmp_path_factory.mktemp("observability")
    with stack(directory, f"sqlite:///{directory}/ledger.db") as processes:
        processes.migrate()
        started = processes.web(WEB_CONCURRENCY="1")
        for recorded in DELIVERIES:
            assert started.post(recorded).status_code == 200
        yield started


# --- status ------------------------------------------------------------------------------------------------


def test_status_has_the_contract_s_keys(web: Web) -> None:
    status = web.status()
    assert status.keys() >= {
        "status",
        "problems",
        "version",
        "started_at",
        "policy",
        "records",
        "schedule",
        "stores",
    }
    assert status["status"] == "degraded"
    assert all(problem.keys() >= {"code", "message", "since"} for problem in status["problems"])
    assert status["policy"].keys() >= {"id", "effective_from", "digest", "gaps", "drift"}
    assert status["policy"]["gaps"], "the page is silent on orders that were never paid"
    assert status["records"].keys() >= {"total", "by_kind", "by_class", "by_legal_basis", "held"}
    assert status["schedule"].keys() >= {"overdue", "next_30_days", "next_365_days", "by_month"}
    assert all(month.keys() == {"month", "count"} for month in status["schedule"]["by_month"])
    store = status["stores"]["shop"]
    assert store.keys() >= {
        "url", "last_delivery_at", "last_reconciled_at", "last_pushed_at", "pending_pushes", "failing_pushes",
        "quarantined", "webhooks",
    }  # fmt: skip
    assert store["last_delivery_at"].endswith("+00:00")
    assert all(webhook.keys() >= {"topic", "status", "ok"} for webhook in store["webhooks"])
    assert len(store["webhooks"]) == 9


def test_an_erased_order_is_named_as_erased_too_early(web: Web) -> None:
    (problem,) = [
        problem for problem in web.status()["problems"] if problem["code"] == "erased-too-early"
    ]
    assert "order 117" in problem["message"]
    assert "2031-12-31" in problem["message"]


def test_a_new_ledger_is_ok(processes: Stack) -> None:
    status = processes.web(WEB_CONCURRENCY="1").status()
    assert (status["status"], status["problems"], status["records"]["total"]) == ("ok", [], 0)
    assert status["stores"]["shop"]["last_delivery_at"] is None


# --- who may see what --------------------------------------------------------------------------------------

CLOSED = [
    "/status",
    "/metrics",
    "/records/shop/order/117",
    "/records/shop/order/1",
    "/records/other/order/1",
]
OPEN = ["/healthz", "/readyz"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The same with a STATUS_TOKEN."""
    directory = tmp_path_factory.mktemp("guarded")
    with stack(directory, f"sqlite:///{directory}/ledger.db") as processes:
        processes.migrate()
        started = processes.web(STATUS_TOKEN=TOKEN, WEB_CONCURRENCY="1")
        assert started.result(DELIVERIES[3]) == "recorded", "webhooks sign; they need no token"
        yield started


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_without_a_token_what_a_proxy_passes_on_is_refused(web: Web, path: str, name: str) -> None:
    """A proxy on the same machine makes everybody look local."""
    answer = web.get(path, headers={name: "127.0.0.1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize("path", OPEN)
def test_health_is_open_to_proxies_and_without_a_token(web: Web, guarded: Web, path: str) -> None:
    assert web.get(path, headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 200
    assert guarded.get(path).status_code == 200


def test_webhooks_pass_through_a_proxy(web: Web) -> None:
    sent = made("order.created", order(601))
    headers = sent.headers | {"X-Forwarded-For": "192.0.2.1"}
    answer = requests.post(f"{web.url}/webhooks/shop", data=sent.body, headers=headers, timeout=30)
    assert answer.json() == {"result": "recorded"}


def basic(text_: str) -> str:
    return f"Basic {base64.b64encode(text_.encode()).decode()}"


WITH_TOKEN = [
    f"Bearer {TOKEN}",
    f"bearer {TOKEN}",
    basic(f":{TOKEN}"),
    basic(f"anybody:{TOKEN}"),
]
WITHOUT_TOKEN = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Bearer another-token",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    f"Bearer {TOKEN.upper()}",
    f'Digest username="{TOKEN}"',
    TOKEN,
    basic(""),
    basic(TOKEN),
    basic(f"{TOKEN}:"),
    basic(f"anybody:{TOKEN}x"),
    "Basic !!!",
    "Basic",
    "Bearer é",
    basic("é:é"),
    "Basic //79",
]


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("authorization", WITH_TOKEN)
def test_the_token_opens_every_page(guarded: Web, path: str, authorization: str) -> None:
    answer = guarded.get(
        path, headers={"Authorization": authorization, "X-Forwarded-For": "192.0.2.1"}
    )
    assert answer.status_code == (404 if path.endswith("/1") else 200)


@pytest.mark.parametrize("path", CLOSED[:3])
@pytest.mark.parametrize("authorization", WITHOUT_TOKEN)
def test_without_the_token_no_page_opens(
    guarded: Web, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode()}
    answer = guarded.get(path, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert TOKEN not in answer.text


def test_the_token_in_the_address_opens_nothing(guarded: Web) -> None:
    """Addresses end up in logs."""
    assert guarded.get(f"/status?token={TOKEN}").status_code == 401


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_wrong_tokens_wait_and_hold_up_nobody(processes: Stack) -> None:
    """429 comes only while ten others wait for their answers, so waiting does not stop the process."""
    web = processes.web(STATUS_TOKEN=TOKEN, WEB_CONCURRENCY="1")

    def ask(token: str) -> int:
        return web.get("/status", headers={"Authorization": f"Bearer {token}"}).status_code

    with ThreadPoolExecutor(40) as pool:
        guesses = list(pool.map(ask, (f"wrong-{number}" for number in range(120))))
        assert ask(TOKEN) == 200
    assert set(guesses) == {401, 429}
    told = web.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    for status in (401, 429):
        assert (
            f'retention_wrong_tokens_total{{answer="{status}"}} {float(guesses.count(status))}'
            in told
        )


# --- records and errors ------------------------------------------------------------------------------------

NO_RECORDS = [
    "/records/shop/order/999999",  # never heard of
    "/records/shop/order/137",  # known from a hint only
    "/records/shop/customer/117",  # another kind
    "/records/shop/customer/7",  # a member of staff
    "/records/other/order/117",  # another store
    "/records/shop/product/117",  # no such kind
    "/records/shop/orders/117",
    "/records/shop/order/0",
    "/records/shop/order/-117",
    "/records/shop/order/x",
    "/records/shop/order/1.5",
    f"/records/shop/order/{2**63 - 1}",
    f"/records/shop/order/{2**63}",  # larger than a database's integers
    f"/records/shop/order/{10**30}",
    "/records/shop/order/",
    "/records/shop/order",
    "/records",
    "/favicon.ico",
]


@pytest.mark.parametrize("path", NO_RECORDS)
def test_what_is_not_there_is_404_in_json(web: Web, path: str) -> None:
    answer = web.get(path, allow_redirects=False)
    assert answer.status_code == 404
    check_error(answer)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_records_of_any_size_are_404_on_postgresql_too(processes: Stack) -> None:
    web = processes.web(WEB_CONCURRENCY="1")
    answers = [web.get(f"/records/shop/order/{number}") for number in (2**63 - 1, 2**63, 10**30)]
    assert [answer.status_code for answer in answers] == [404] * 3


ERRORS = [
    (404, "GET", "/nothing"),
    (405, "DELETE", "/status"),
    (405, "POST", "/records/shop/order/117"),
    (405, "GET", "/webhooks/shop"),
    (401, "POST", "/webhooks/shop"),
    (404, "POST", "/webhooks/other"),
]


@pytest.mark.parametrize(("status", "method", "path"), ERRORS)
def test_every_error_is_json(web: Web, status: int, method: str, path: str) -> None:
    answer = requests.request(
        method, f"{web.url}{path}", headers={"Accept": "text/html"}, timeout=30
    )
    assert answer.status_code == status
    check_error(answer)


def check_error(answer: requests.Response) -> None:
    assert answer.headers["Content-Type"] == "application/json"
    (name,) = answer.json()
    assert name == "error"
    assert answer.json()["error"].keys() == {"code", "message"}
    assert len(answer.json()["error"]["message"]) > 20
    assert answer.headers["X-Request-ID"]


def test_every_answer_has_a_request_id_of_its_own_which_the_log_knows(web: Web) -> None:
    sent = made("order.created", order(602))
    answers = [
        web.post(sent),
        web.post(sent),
        web.get("/healthz"),
        web.get("/status"),
        web.get("/nothing"),
    ]
    found = [answer.headers["X-Request-ID"] for answer in answers]
    assert len(set(found)) == len(found)
    until(
        lambda: all(name in web.log() for name in found[:2]), "the log to tell of both deliveries"
    )
    again = web.get("/healthz", headers={"X-Request-ID": "chosen by a stranger"})
    assert again.headers["X-Request-ID"] != "chosen by a stranger"


# --- metrics -----------------------------------------------------------------------------------------------


def counters(web: Web) -> dict[str, float]:
    """Every sample of /metrics by its name and labels."""
    answer = web.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    samples = (line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_metrics_are_summed_over_all_processes(processes: Stack) -> None:
    web = processes.web(WEB_CONCURRENCY="3")
    sent = [made("order.created", order(1000 + n)) for n in range(40)]
    results: Counter[str] = Counter(web.result(each) for each in [*sent, *sent[:20]])
    for each in sent[:10]:
        assert web.post(made("order.created", each.body, secret="wrong")).status_code == 401
    assert results == {"recorded": 40, "duplicate": 20}
    files = list((processes.directory / "metrics").glob("counter_*.db"))
    assert len(files) > 1, "several processes had a part in it"
    for _ in range(8):  # whichever process answers
        found = counters(web)
        assert found['retention_deliveries_total{result="recorded",store="shop"}'] == 40
        assert found['retention_deliveries_total{result="duplicate",store="shop"}'] == 20
        assert found['retention_refused_total{reason="signature",store="shop"}'] == 10
        assert found["retention_intake_seconds_count"] == 70


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_worker_s_metrics_are_among_them(processes: Stack) -> None:
    sandbox = processes.sandbox()
    web = processes.web(WEB_CONCURRENCY="1")
    processes.worker()
    processes.connect(sandbox, web)
    placed: list[dict[str, Any]] = [sandbox.do("place_order", set_paid=True) for _ in range(3)]
    name = 'retention_writes_total{outcome="written",store="shop"}'
    until(lambda: counters(web).get(name) == len(placed), "the worker's writes to be counted")
    gone = placed[0]["id"] + 1000
    assert web.result(made("order.deleted", {"id": gone})) == "recorded"
    until(
        lambda: counters(web).get('retention_rereads_total{outcome="gone",store="shop"}') == 1,
        "the question",
    )
    assert web.status()["stores"]["shop"]["last_pushed_at"] is not None
