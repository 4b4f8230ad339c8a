"""Whatever comes in gets the contract's answer, and the service goes on."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

import pytest

from tests.support.processes import Web, stack
from tests.support.recordings import SECRET, Recorded, customer, delivery, made, order, sign

LIMIT = 5_242_880
good_numbers = count(100_000)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One web process with one worker: the one that meets the bad input is the one that must go on."""
    directory = tmp_path_factory.mktemp("bad-input")
    with stack(directory, f"sqlite:///{directory}/ledger.db") as processes:
        processes.migrate()
        yield processes.web(WEB_CONCURRENCY="1")


@pytest.fixture(autouse=True)
def goes_on(web: Web) -> Iterator[None]:
    """After each of these the same worker process lives, and takes good deliveries."""
    starts = web.status()["started_at"]
    yield
    assert web.get("/healthz").json() == {"status": "ok"}
    assert web.result(made("order.created", order(next(good_numbers)))) == "recorded"
    assert web.status()["started_at"] == starts, "the worker process died of it"


# --- signed, but not what it should be ---------------------------------------------------------------------


def with_value(field: str, raw: str) -> bytes:
    """An order's body with this text, JSON or not, as the value of one field."""
    return made("order.created", order(77, **{field: "@value"})).body.replace(
        b'"@value"', raw.encode()
    )


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


HUGE = "9" * 5_000
META_OF_NO_SHAPE: list[object] = [
    None,
    5,
    "x",
    [],
    {},
    {"key": None},
    {"key": ["a"], "value": 1},
    {"value": 1},
    {"key": "ws_opt_in"},
]

QUARANTINED: dict[str, bytes | object] = {
    "empty": b"",
    "blanks": b"  \r\n",
    "no JSON": b"hello",
    "half of a body": delivery(16).body[:1000],
    "two bodies": delivery(16).body * 2,
    "a web page": b"<!DOCTYPE html><html><body>Critical error</body></html>",
    "a PHP warning before the JSON": b"<b>Warning</b>: Undefined variable\n" + delivery(16).body,
    "null": b"null",
    "NaN": b"NaN",
    "true": b"true",
    "a number": b"12",
    "a text": b'"order"',
    "a list": [order(77)],
    "an empty list": [],
    "an empty object": {},
    "a hundred thousand lists deep": nested(100_000).encode(),
    "a hundred thousand objects deep": b'{"id":' * 100_000 + b"1" + b"}" * 100_000,
    "deep inside an order": with_value("meta_data", nested(100_000)),
    "deep and never closed": b"[" * 100_000,
    "bad UTF-8": b'{"id": 77, "status": "\xff\xfe"}',
    "cut inside a letter": '{"id": 77, "status": "å"}'.encode()[:-3] + b'"}',
    "another encoding": '{"id": 77, "status": "på hold"}'.encode("latin-1"),
    "bytes of nothing": bytes(1_000),
    "an id of 10^30": order(10**30),
    "an id of 5,000 digits": with_value("id", HUGE),
    "an id of 5,000 digits, as text": order(77, id="9" * 5_000),
    "an id one too large for any database": order(2**63),
    "an id of 0": order(0),
    "a negative id": order(-1),
    "an id that is a fraction": order(77, id=1.5),
    "an id that is true": order(77, id=True),
    "an id that is null": order(77, id=None),
    "an id that is NaN": with_value("id", "NaN"),
    "an id that is infinite": with_value("id", "1e999"),
    "an id of other digits": order(77, id="٣"),
    "an id that is a list": order(77, id=[77]),
    "a customer's id of 10^30": order(77, customer_id=10**30),
    "a huge number in a field that nobody needs": with_value("total", HUGE),
    "no status": {key: value for key, value in order(77).items() if key != "status"},
    "a status that is a list": order(77, status=["completed"]),
    "an error without a code": {"message": "x", "data": {"status": 403}},
    "an error whose code is a list": {"code": [], "message": "x", "data": {"status": 403}},
    "an error without data": {"code": "x", "message": "x", "data": None},
    "an error of an infinite status": b'{"code": "x", "data": {"status": 1e999}}',
    "somebody else's record": customer(77),
}


@pytest.mark.parametrize("payload", QUARANTINED.values(), ids=QUARANTINED)
def test_a_signed_delivery_that_cannot_be_taken_is_quarantined(web: Web, payload: object) -> None:
    """With 200, for an error would make the store disable the webhook in the end."""
    before = web.status()
    assert web.result(made("order.created", payload)) == "quarantined"
    after = web.status()
    assert after["stores"]["shop"]["quarantined"] == before["stores"]["shop"]["quarantined"] + 1
    assert after["records"] == before["records"]


QUARANTINED_OF_OTHER_TOPICS = [
    ("order.deleted", {"id": 10**30}),
    ("order.deleted", {"id": "x"}),
    ("order.deleted", {}),
    ("customer.deleted", [5]),
    ("customer.updated", customer(10**30)),
    ("customer.updated", customer(77, role=None)),
    ("customer.updated", customer(77, role=["customer"])),
    ("customer.updated", order(77)),
    ("action.woocommerce_delete_order", {"action": "woocommerce_delete_order", "arg": 10**30}),
    ("action.woocommerce_delete_order", {"action": "woocommerce_delete_order"}),
    ("action.woocommerce_delete_order", nested(100_000).encode()),
    ("action.wc_support_request_closed", {"arg": {"number": 5}}),
    ("action.wc_support_request_closed", b"NaN"),
]


@pytest.mark.parametrize(("topic", "payload"), QUARANTINED_OF_OTHER_TOPICS)
def test_other_topics_are_quarantined_the_same_way(web: Web, topic: str, payload: object) -> None:
    before = web.status()["records"]
    assert web.result(made(topic, payload)) == "quarantined"
    assert web.status()["records"] == before


ODD_BUT_GOOD: dict[str, bytes | object] = {
    "an id as text": order(77, id="201"),
    "the largest id that a database holds": order(2**63 - 1),
    "numbers as text": order(203, customer_id="0"),
    "empty addresses, as PHP writes them": order(204, billing=[], shipping=[]),
    "nothing that is not needed": {
        "id": 205,
        "status": "processing",
        "date_created_gmt": "2026-11-22T08:00:00",
    },
    "nulls": order(
        206, **dict.fromkeys(("customer_id", "refunds", "meta_data", "billing", "shipping_lines"))
    ),
    "meta data of no shape": order(207, meta_data=META_OF_NO_SHAPE),
    "meta data that is an object": order(
        208, meta_data={"0": {"key": "ws_opt_in", "value": "yes"}}
    ),
    "fields that nobody knows": order(209, **{f"field_{n}": {"a": [n]} for n in range(500)}),
    "a refund's id of 10^30": order(221, refunds=[{"id": 10**30}]),
    "refunds that are no list": order(222, refunds={"id": 5}),
    "a date that is none": order(223, date_paid_gmt="soon"),
    "a date that is a number": order(224, date_paid_gmt=1795305600),
    "a date before all time": order(225, date_created_gmt="0001-01-01T00:00:00+01:00"),
    "a date after all time": order(226, date_modified_gmt="9999-12-31T23:59:59-05:00"),
    "a date of the year 10000": order(227, date_created_gmt="10000-01-01T00:00:00"),
    "a 30th of February": order(228, date_completed_gmt="2026-02-30T00:00:00"),
    "no date of creation at all": order(229, date_created_gmt=None, date_modified_gmt=None),
    "a status of a plugin": order(210, status="wc-ready-for-pickup"),
    "half a surrogate": b'{"id": 211, "status": "\\ud800", "date_created_gmt": "2026-11-22T08:00:00"}',
    "a NUL": order(212, status="a\x00b", customer_note="\x00"),
    "all zero dates": order(213, date_paid_gmt="0000-00-00T00:00:00", date_completed_gmt=""),
    "our own fields, as no one would write them": order(
        214,
        meta_data=[{"key": "retention_schedule", "value": [{"a": [1.5, None, "\ud83d\udc15"]}]}],
    ),
    "just below the limit": made("order.created", order(215)).body.ljust(LIMIT),
}


@pytest.mark.parametrize("payload", ODD_BUT_GOOD.values(), ids=ODD_BUT_GOOD)
def test_unusual_but_valid_deliveries_are_recorded(web: Web, payload: object) -> None:
    assert web.result(made("order.created", payload)) == "recorded"


@pytest.mark.parametrize("depth", [100, 500, 900, 940, 960, 980, 1000, 2000])
def test_deep_values_under_our_own_keys_never_fail(web: Web, depth: int) -> None:
    """Each depth is either taken or set aside; none is taken at first and then fails further on."""
    sent = with_value("meta_data", f'[{{"key": "retention_class", "value": {nested(depth)}}}]')
    assert web.result(made("order.updated", sent)) in ("recorded", "unchanged", "quarantined")


# --- forged, cut, too large --------------------------------------------------------------------------------

ANYTHING: dict[str, bytes] = {
    "a good order": delivery(16).body,
    "empty": b"",
    "a list": b"[]",
    "a hundred thousand deep": nested(100_000).encode(),
    "bad UTF-8": b"\xff\xfe\xfd",
    "5,000 digits": HUGE.encode(),
    "5 MiB": b"x" * LIMIT,
}


@pytest.mark.parametrize("body", ANYTHING.values(), ids=ANYTHING)
def test_an_unsigned_body_is_refused_unread(web: Web, body: bytes) -> None:
    before = web.status()
    answer = web.post(made("order.created", body, secret="another secret"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "signature-refused")
    after = web.status()
    assert (after["records"], after["stores"]) == (before["records"], before["stores"])


@pytest.mark.parametrize("size", [LIMIT + 1, 10 * 1024 * 1024])
@pytest.mark.parametrize("secret", [SECRET, "another secret"])
def test_a_body_that_is_too_large_gets_413(web: Web, size: int, secret: str) -> None:
    before = web.status()["stores"]
    answer = web.post(made("order.created", b" " * size, secret=secret))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request-entity-too-large")
    assert web.status()["stores"] == before


@pytest.mark.parametrize("kept", [0, 1, 500, -1])
def test_a_cut_body_with_the_whole_body_s_signature_is_refused(web: Web, kept: int) -> None:
    whole = made("order.created", order(301))
    answer = web.post(replace(whole, body=whole.body[:kept]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "signature-refused")
    assert web.get("/records/shop/order/301").status_code == 404


@dataclass(frozen=True)
class Answer:
    """What came back over a bare connection."""

    status: int
    body: dict[str, object]


def over_a_socket(
    web: Web, sent: Recorded, body: bytes, *lines: str, version: str = "1.0"
) -> Answer:
    """Send these very bytes, end the sending side, and read to the end."""
    host, port = web.url.removeprefix("http://").split(":")
    headers = "".join(f"{name}: {value}\r\n" for name, value in sent.headers.items())
    head = f"POST /webhooks/shop HTTP/{version}\r\nHost: {host}\r\nConnection: close\r\n{headers}"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            (head + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode() + body
        )
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            status = int(stream.readline().split()[1])
            answer = stream.read().partition(b"\r\n\r\n")[2]
    return Answer(status, json.loads(answer))


CUTS = [("1.0", 1), ("1.0", 1000), ("1.1", 1), ("1.1", 1000)]


@pytest.mark.parametrize(
    ("number", "version", "missing"), [(310 + n, *cut) for n, cut in enumerate(CUTS)]
)
def test_a_body_shorter_than_announced_is_refused(
    web: Web, number: int, version: str, missing: int
) -> None:
    sent = made("order.created", order(number))
    length = f"Content-Length: {len(sent.body)}"
    answer = over_a_socket(web, sent, sent.body[:-missing], length, version=version)
    assert answer.status in (400, 401)
    assert "error" in answer.body
    assert web.get(f"/records/shop/order/{number}").status_code == 404
    assert over_a_socket(web, sent, sent.body, length, version=version) == Answer(
        200, {"result": "recorded"}
    )


def test_bytes_behind_the_announced_end_are_not_read(web: Web) -> None:
    """Content-Length alone gives the body: later bytes count neither for the signature nor as a second request."""
    sent = made("order.created", order(303))
    length = f"Content-Length: {len(sent.body)}"
    assert over_a_socket(web, sent, sent.body + b"more", length) == Answer(
        200, {"result": "recorded"}
    )
    signed_for_more = replace(
        sent, headers=sent.headers | {"X-WC-Webhook-Signature": sign(sent.body + b"more")}
    )
    assert over_a_socket(web, signed_for_more, sent.body + b"more", length).status == 401


def chunked(body: bytes) -> bytes:
    size = 4_000
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


END = b"0\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"


def test_a_chunked_body_is_read_whole(web: Web) -> None:
    """A proxy in front may send in chunks what the store sent with a length."""
    sent = made("order.created", order(304))
    answer = over_a_socket(web, sent, chunked(sent.body) + END, CHUNKED, version="1.1")
    assert answer == Answer(200, {"result": "recorded"})


def test_a_chunked_body_without_its_end_is_refused(web: Web) -> None:
    sent = made("order.created", order(305))
    answer = over_a_socket(web, sent, chunked(sent.body), CHUNKED, version="1.1")
    assert answer.status in (400, 401)
    assert web.get("/records/shop/order/305").status_code == 404


def test_a_chunked_body_that_is_too_large_gets_413(web: Web) -> None:
    sent = made("order.created", b" " * (LIMIT + 1))
    answer = over_a_socket(web, sent, chunked(sent.body) + END, CHUNKED, version="1.1")
    assert answer.status == 413
