"""`POST /webhooks/<slug>`, row by row of the contract's table, against real gunicorn processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import requests
from sqlalchemy import func, select

from hooks.ledger.database import Database
from hooks.ledger.tables import metadata, records
from tests.support.databases import ON_EVERY_JOURNAL
from tests.support.processes import Stack, Web, stack
from tests.support.recordings import SECRET, Recorded, customer, delivery, made, order, sign

REST = " and a long end"
SECRETS = f"the-old-secret-of-the-shop, {SECRET},a&amp;b{REST},c&#039;d{REST}"


def row_counts(url: str) -> dict[str, int]:
    """How many rows each table of the ledger has."""
    ledger = Database(url)
    try:
        with ledger.read() as connection:
            counted = {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in metadata.sorted_tables
            }
    finally:
        ledger.close()
    return counted


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web, str]]:
    """One web process on SQLite for all tests that leave nothing in the ledger, and its database's URL."""
    directory = tmp_path_factory.mktemp("intake")
    url = f"sqlite:///{directory}/ledger.db"
    with stack(directory, url) as processes:
        processes.migrate()
        yield (
            processes.web(
                STORE_WEBHOOK_SECRETS=SECRETS, MAX_BODY_BYTES="20000", WEB_CONCURRENCY="1"
            ),
            url,
        )


# --- pings -------------------------------------------------------------------------------------------------


def test_ping_gets_200_and_stores_nothing(running: tuple[Web, str]) -> None:
    web, url = running
    before = row_counts(url)
    assert [web.result(delivery(1)) for _ in range(3)] == ["ping"] * 3
    assert row_counts(url) == before


NOT_PINGS = [
    b"webhook_id=",  # no number
    b"webhook_id=abc",  # no number
    b"webhook_id=-9",  # no webhook's number
    b"webhook_id=9&other=1",  # something besides
    b"other=1&webhook_id=9",
    b"webhook_id=9\n",  # a line more
    b" webhook_id=9",
    b"webhook_id=" + b"9" * 21,  # longer than any number of a store
    b"webhook_id=%39",  # encoded
    "webhook_id=٩".encode(),  # a digit, but none of ASCII
    b'{"webhook_id": 9}',  # JSON
    b"",
]


@pytest.mark.parametrize("body", NOT_PINGS)
def test_an_unsigned_request_that_is_no_ping_is_refused(
    running: tuple[Web, str], body: bytes
) -> None:
    web, url = running
    before = row_counts(url)
    check_refused(web, replace(delivery(1), headers=without_length(delivery(1)), body=body))
    assert row_counts(url) == before


def test_ping_with_a_wrong_signature_is_refused(running: tuple[Web, str]) -> None:
    """A ping is unsigned; one that claims to be signed must be."""
    headers = delivery(1).headers | {
        "X-WC-Webhook-Signature": sign(b"webhook_id=9", "another secret")
    }
    check_refused(running[0], replace(delivery(1), headers=headers))


def without_length(recorded: Recorded) -> dict[str, str]:
    return {name: value for name, value in recorded.headers.items() if name != "Content-Length"}


def check_refused(web: Web, sent: Recorded) -> None:
    answer = web.post(sent)
    assert answer.status_code == 401, answer.text
    assert answer.json()["error"]["code"] == "signature-refused"


# --- signatures --------------------------------------------------------------------------------------------

FORGED = {
    "another secret": lambda body: sign(body, "another secret"),
    "the signature of another body": lambda _: sign(b"{}"),
    "no secret at all": lambda body: sign(body, ""),
    "two of the secrets as one": lambda body: sign(body, ",".join(SECRETS.split(",")[:2])),
    "in hexadecimal": lambda _: "00" * 32,
    "empty": lambda _: "",
    "not base64": lambda _: "!",
    "cut": lambda body: sign(body)[:-1],
    "with more behind it": lambda body: sign(body) + "=",
    "in another case": lambda body: sign(body).swapcase(),
    "two in one": lambda body: f"{sign(body)}, {sign(body)}",
    "not ASCII": lambda _: "é" * 44,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_wrong_signature_is_refused_and_nothing_is_stored(
    running: tuple[Web, str], forge: object
) -> None:
    web, url = running
    assert callable(forge)
    before = row_counts(url)
    sent = made("order.created", order())
    check_refused(
        web, replace(sent, headers=sent.headers | {"X-WC-Webhook-Signature": forge(sent.body)})
    )
    assert row_counts(url) == before


def test_a_missing_signature_is_refused_and_counted(running: tuple[Web, str]) -> None:
    web, url = running
    counted = refused(web)
    before = row_counts(url)
    sent = made("order.created", order())
    headers = {
        name: value for name, value in sent.headers.items() if name != "X-WC-Webhook-Signature"
    }
    for _ in range(4):
        check_refused(web, replace(sent, headers=headers))
    assert refused(web) == counted + 4
    assert row_counts(url) == before


def refused(web: Web) -> float:
    name = 'retention_refused_total{reason="signature",store="shop"} '
    lines = web.get("/metrics").text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


KEYS = [
    "the-old-secret-of-the-shop",  # being rotated out
    SECRET,  # the current one; blanks around the comma are not part of it
    f"a&b{REST}",  # as the store signs with a secret that it shows as a&amp;b
    SECRETS.replace("&amp;", "&").replace(
        "&#039;", "'"
    ),  # all as one, which may be a secret with commas
    f"c'd{REST}",  # the same, by number
]


@pytest.mark.parametrize(("position", "secret"), list(enumerate(KEYS)))
def test_each_of_several_secrets_signs(
    running: tuple[Web, str], position: int, secret: str
) -> None:
    sent = made("order.created", order(500 + position), secret=secret)
    assert running[0].result(sent) == "recorded"


def test_header_names_are_found_in_any_case(running: tuple[Web, str]) -> None:
    sent = made("order.created", order(510))
    headers = {name.lower(): value for name, value in sent.headers.items()}
    assert running[0].result(replace(sent, headers=headers)) == "recorded"


# --- addresses, methods, sizes -----------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["other", "SHOP", "shop2", "..", "sh%20op", "%00", "shøp"])
def test_an_unknown_slug_gets_404(running: tuple[Web, str], slug: str) -> None:
    web, url = running
    before = row_counts(url)
    for sent in (made("order.created", order(520)), delivery(1)):
        answer = web.post(sent, slug)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not-found")
    assert row_counts(url) == before


PATHS = [
    "//webhooks/shop",
    "/webhooks//shop",
    "/webhooks/shop/",
    "/webhooks/shop//",
    "/webhooks/shop?source=store",
    "/webhooks/shop/?source=store",
    "/webhooks",
    "/webhooks/",
    "/Webhooks/shop",
    "/webhooks/other",
    "/webhooks/other/",
    "/",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_no_answer_is_a_redirect(running: tuple[Web, str], path: str, method: str) -> None:
    """The store takes a redirect for success and does not follow it: the delivery would be lost unseen."""
    web, url = running
    sent = made("order.created", order(530))
    answer = requests.request(
        method,
        f"{web.url}{path}",
        data=sent.body,
        headers=sent.headers,
        allow_redirects=False,
        timeout=30,
    )
    stored = row_counts(url)["deliveries"]
    assert answer.status_code in (200, 404, 405)
    assert "Location" not in answer.headers
    if answer.status_code == 200:  # then it was truly taken: once more is a duplicate
        assert web.result(sent) == "duplicate"
        assert row_counts(url)["deliveries"] == stored


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_another_method_gets_405(running: tuple[Web, str], method: str) -> None:
    web, url = running
    before = row_counts(url)
    sent = made("order.created", order(540))
    answer = requests.request(
        method,
        f"{web.url}/webhooks/shop",
        data=sent.body,
        headers=sent.headers,
        allow_redirects=False,
        timeout=30,
    )
    assert answer.status_code == 405
    assert method == "HEAD" or answer.json()["error"]["code"] == "method-not-allowed"
    assert row_counts(url) == before


def padded(number: int, size: int) -> bytes:
    """An order's body of exactly this many bytes."""
    body = made("order.created", order(number)).body
    return body + b" " * (size - len(body))


def test_the_size_limit_is_exact(running: tuple[Web, str]) -> None:
    web, url = running
    assert web.result(made("order.created", padded(550, 20_000))) == "recorded"
    before = row_counts(url)
    answer = web.post(made("order.created", padded(551, 20_001)))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request-entity-too-large")
    assert row_counts(url) == before


# --- what signed deliveries come to ------------------------------------------------------------------------

OLDER, OLD, NEW = "2026-11-22T07:00:00", "2026-11-22T08:00:00", "2026-11-22T09:00:00"
PAID = order(1, date_modified_gmt=OLD)
CHANGED = order(1, date_modified_gmt=NEW, status="completed", customer_note="Ring the bell")

SEQUENCE = [
    ("recorded", "order.created", PAID),
    ("duplicate", "order.created", PAID),
    # The same state under another topic is a delivery of its own, which changes nothing.
    ("unchanged", "order.updated", PAID),
    ("recorded", "order.updated", CHANGED),
    # Late, and known better.
    (
        "stale",
        "order.updated",
        order(1, date_modified_gmt=OLDER, status="pending", date_paid_gmt=None),
    ),
    # A topic that is none of ours, whatever its body.
    ("ignored", "product.updated", {"id": 1}),
    ("ignored", "action.woocommerce_new_order", {"action": "woocommerce_new_order", "arg": 1}),
    ("ignored", "order.exploded", b"not JSON"),
    ("ignored", "", {"id": 1}),
    # Members of staff.
    ("ignored", "customer.created", customer(2, role="administrator")),
    ("ignored", "customer.updated", customer(3, role="shop_manager")),
    ("recorded", "customer.created", customer(4, role="subscriber")),
    # A REST error in place of the record, with the rights lost or the record gone.
    (
        "quarantined",
        "order.updated",
        {"code": "woocommerce_rest_cannot_view", "message": "x", "data": {"status": 403}},
    ),
    ("quarantined", "order.updated", {"code": "anything", "message": "x", "data": {"status": 404}}),
    ("quarantined", "order.updated", b"<html>Briefly unavailable</html>"),
    ("quarantined", "order.updated", [PAID]),
    # Not of the shape, but its id is known: the store is asked what it is.
    ("quarantined", "order.updated", {"id": 1, "status": "completed"}),
    ("quarantined", "order.updated", {"id": 5}),
    (
        "quarantined",
        "customer.updated",
        {"id": 4, "role": ["customer"], "date_created_gmt": "2026-11-22T07:57:28"},
    ),
]


def test_what_becomes_of_signed_deliveries(processes: Stack) -> None:
    web = processes.web(WEB_CONCURRENCY="1")
    results = [web.result(made(topic, body)) for _, topic, body in SEQUENCE]
    assert results == [result for result, _, _ in SEQUENCE]

    kept = web.record("order", 1)
    assert (kept["state"], kept["tag"]["class"]) == ("active", "orders-accounting")
    assert "support" in [entry["data"] for entry in kept["entries"]], (
        "the older state did not overwrite the newer"
    )
    assert kept["store_copy"]["to_be_asked"] == "quarantined"
    assert web.record("customer", 4)["store_copy"]["to_be_asked"] == "quarantined"
    for number in (2, 3):
        assert web.get(f"/records/shop/customer/{number}").status_code == 404
    status = web.status()
    store = status["stores"]["shop"]
    assert store["quarantined"] == 7
    assert store["pending_questions"] == 3, "order 1, order 5, customer 4"
    assert status["records"]["by_kind"] == {"order": 1, "customer": 1}
    assert {"webhook-owner-lost-rights", "quarantined"} == {
        problem["code"] for problem in status["problems"]
    }


def test_different_deliveries_with_one_delivery_id_are_all_kept(
    processes: Stack, database_url: str
) -> None:
    """In a burst the store gives many deliveries one id: who drops 'duplicates' by it loses orders."""
    web = processes.web()
    burst = [
        made("order.created", order(1000 + n), delivery_id=f"{n % 20:032x}") for n in range(200)
    ]
    with ThreadPoolExecutor(16) as senders:
        results = Counter(senders.map(web.result, burst))
    assert results == {"recorded": 200}
    assert web.status()["records"]["by_kind"] == {"order": 200}
    with ThreadPoolExecutor(16) as senders:
        assert Counter(senders.map(web.result, burst[:40])) == {"duplicate": 40}
    ledger = Database(database_url)
    with ledger.read() as connection:
        numbers = set(connection.execute(select(records.c.external_id)).scalars())
    ledger.close()
    assert numbers == set(range(1000, 1200))


@ON_EVERY_JOURNAL
def test_one_delivery_sent_many_times_at_once_is_recorded_once(processes: Stack) -> None:
    web = processes.web()
    with ThreadPoolExecutor(12) as senders:
        results = Counter(senders.map(web.result, [delivery(16)] * 36))
    assert results == {"recorded": 1, "duplicate": 35}
    assert len(web.record("order", 119)["history"]) == 1


@ON_EVERY_JOURNAL
def test_deliveries_of_one_record_at_once_end_in_its_newest_state(processes: Stack) -> None:
    """Also where they race to make the record, and the customer that they all name."""
    web = processes.web()
    states = [
        made(
            "order.updated",
            order(
                7, customer_id=8, date_modified_gmt=f"2026-11-22T08:00:{second:02}", status=status
            ),
        )
        for second, status in enumerate(["pending", "on-hold", "processing"] * 12)
    ]
    with ThreadPoolExecutor(12) as senders:
        results = Counter(senders.map(web.result, states))
    assert results.keys() <= {"recorded", "unchanged", "stale"}
    assert web.record("order", 7)["facts"]["status"] == "processing"
    assert web.record("order", 7)["version"].startswith("2026-11-22T08:00:35")
    assert web.status()["stores"]["shop"]["pending_questions"] == 1, (
        "the customer, whose account nobody has shown yet"
    )
