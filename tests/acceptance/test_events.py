"""Events over HTTP: what tools report, signed or with a token; what operators note, with their own token. Nothing of
what is refused is kept, and no e-mail anywhere."""

from __future__ import annotations

import json
import re
import shlex
from argparse import ArgumentParser
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import func, select

from hooks.app import create_app
from hooks.intake.email_hash import email_subject
from hooks.ledger.database import Database
from hooks.ledger.tables import deliveries, records
from hooks.ledger.upgrade import upgrade
from hooks.retention.tool_reports import number_of
from hooks.settings import Settings, StoreSettings
from hooks.settings.event_tokens import event_tokens
from hooks.web.access import MAX_WAITING, PATIENCE, Guesses
from hooks.web.endpoints import events
from tests.acceptance.test_privacy import database_text
from tests.support.processes import ROOT, Stack, Web
from tests.support.recordings import SECRET, customer, made, order, sign

TOKEN = "the token of the operators"
KEY = "a key of at least thirty-two characters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json"}
AT = "2026-11-22T10:00:00Z"
CLOSED = {"type": "support-request.closed", "id": "ZD-123", "at": AT, "subject": {"customer": 8001}}
HOLD = {
    "type": "hold",
    "at": AT,
    "reason": "litigation",
    "owner": "legal",
    "review_on": "2027-05-01",
}
EMAIL = "kari.canary@example.test"
UNSUBSCRIBED = {
    "event": "unsubscribe",
    "email": EMAIL,
    "ts_event": 1795341600,
    "campaign name": "canary",
}


def report(web: Web, raw: object, slug: str = "shop") -> requests.Response:
    """What a tool reports, signed."""
    body = json.dumps(raw).encode()
    headers = JSON | {"X-WC-Webhook-Signature": sign(body)}
    return requests.post(f"{web.url}/events/{slug}", data=body, headers=headers, timeout=60)


def note(web: Web, kind: str, number: int, raw: object, **headers: str) -> requests.Response:
    """What an operator notes."""
    address = f"{web.url}/records/shop/{kind}/{number}/events"
    return requests.post(address, data=json.dumps(raw), headers=JSON | BEARER | headers, timeout=60)


def test_tools_report(processes: Stack) -> None:
    """Each event counts once; the record is there to be seen, and no e-mail is left anywhere."""
    web = processes.web(SUBJECT_KEY=KEY, STATUS_TOKEN=TOKEN, LOG_LEVEL="DEBUG")
    assert web.result(made("customer.created", customer())) == "recorded"
    results = [report(web, raw) for raw in (CLOSED, CLOSED, {**CLOSED, "subject": {"order": 9001}})]
    assert [(one.status_code, one.json()) for one in results] == [
        (200, {"result": "recorded"}),
        (200, {"result": "duplicate"}),
        (200, {"result": "unchanged"}),
    ]
    found = web.get(f"/records/shop/support-request/{number_of('ZD-123')}", headers=BEARER).json()
    assert (found["facts"]["name"], found["tag"]["delete_after"]) == ("ZD-123", "2029-11-22")

    answers = [
        report(web, raw)
        for raw in (UNSUBSCRIBED, UNSUBSCRIBED | {"event": "opened"}, {"email": EMAIL})
    ]
    assert [one.status_code for one in answers] == [200, 200, 400]
    assert [one.json().get("result") for one in answers] == ["recorded", "ignored", None]
    subject = email_subject(EMAIL, KEY)
    found = web.get(f"/records/shop/marketing-consent/{number_of(str(subject))}", headers=BEARER)
    assert found.json()["tag"]["delete_after"] == "2026-11-22"

    metrics = web.get("/metrics", headers=BEARER).text
    assert 'retention_events_total{result="recorded",store="shop"} 2.0' in metrics
    assert 'retention_refused_total{reason="shape",store="shop"} 1.0' in metrics
    web.stop()
    kept = database_text(processes.database_url)
    left = [kept, processes.logs(), metrics, *(one.text for one in answers), found.text]
    assert subject.value in kept
    assert not [
        text for text in left if "canary" in text or EMAIL in text or TOKEN in text or KEY in text
    ]


TOOLS = {name: f"token=canary-of-{name}=" for name in ("brevo", "desk", "zendesk", "freshdesk")}
EVENT_TOKENS = ",".join(f"{name}:{token}" for name, token in TOOLS.items()).replace(
    "brevo:", "brevo[marketing.consent-withdrawn]:", 1
)


def send(web: Web, raw: object, **headers: str) -> requests.Response:
    """What a tool reports that cannot sign."""
    return requests.post(
        f"{web.url}/events/shop", data=json.dumps(raw), headers=JSON | headers, timeout=60
    )


def bearer(tool: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOOLS.get(tool, tool)}"}


def basic(user: str, token: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{token}'.encode()).decode()}"}


def test_tools_report_with_a_token(processes: Stack) -> None:
    """As Bearer or Basic; each sends its own types only, and no e-mail or token is left anywhere."""
    web = processes.web(
        SUBJECT_KEY=KEY, STATUS_TOKEN=TOKEN, EVENT_TOKENS=EVENT_TOKENS, LOG_LEVEL="DEBUG"
    )
    erasure = {"type": "erasure-requested", "id": 4711, "subject": {"email": EMAIL.upper()}}
    answers = [
        send(web, UNSUBSCRIBED, **bearer("brevo")),
        send(web, UNSUBSCRIBED, **basic("brevo", TOOLS["brevo"])),
        send(web, {"type": "support-request.closed", "id": "4711"}, **bearer("desk")),
        send(web, {"type": "support-request.closed", "id": "4711"}, **basic("desk", TOOLS["desk"])),
        send(web, erasure, **bearer("desk")),
        send(web, CLOSED, **bearer("brevo")),
        send(web, UNSUBSCRIBED, **basic("desk", TOOLS["brevo"])),
        send(web, UNSUBSCRIBED, **bearer("canary")),
        send(web, UNSUBSCRIBED, **bearer(TOKEN)),
        send(web, {"type": "marketing.deleted", "subject": {"email": "canary"}}, **bearer("desk")),
    ]
    statuses = [200, 200, 200, 200, 200, 403, 401, 401, 401, 400]
    assert [answer.status_code for answer in answers] == statuses
    results = ["recorded", "duplicate", "recorded", "duplicate", "recorded"]
    assert [answer.json()["result"] for answer in answers[:5]] == results
    codes = ["event-forbidden", "token-refused", "token-refused", "token-refused", "event-refused"]
    assert [answer.json()["error"]["code"] for answer in answers[5:]] == codes
    assert {
        answer.headers.get("WWW-Authenticate", "").split(" ")[0] for answer in answers[6:9]
    } == {"Bearer"}

    number = number_of(str(email_subject(EMAIL, KEY)))
    found = web.get(f"/records/shop/marketing-consent/{number}", headers=BEARER).json()
    assert [event["type"] for event in found["events"]] == ["erasure-requested"]
    metrics = web.get("/metrics", headers=BEARER).text
    for reason, times in (("token", 3), ("type", 1), ("shape", 1), ("signature", 0)):
        assert f'retention_refused_total{{reason="{reason}",store="shop"}} {times}.0' in metrics
    web.stop()
    shown = [*(answer.text for answer in answers), metrics, json.dumps(found)]
    left = [database_text(processes.database_url), processes.logs(), *shown]
    assert not [text for text in left if "canary" in text.lower() or TOKEN in text or KEY in text]


DOCUMENTED = re.findall(r"```\n(curl .*?)```", (ROOT / "docs/events.md").read_text(), re.DOTALL)


def run(web: Web, curl: str) -> requests.Response:
    """What a documented line has curl send, to this service in place of the documented one."""
    options = ArgumentParser()
    for name in ("-X", "-H", "-u", "-d"):
        options.add_argument(name, action="append")
    options.add_argument("url")
    tokens = {f"{name.upper()}_TOKEN": token for name, token in TOOLS.items()}
    words = [
        Template(word).substitute(tokens) for word in shlex.split(curl.replace("\\\n", ""))[1:]
    ]
    given = options.parse_args(words)
    headers = dict(header.split(": ", 1) for header in given.H)
    user = tuple(given.u[0].split(":", 1)) if given.u else None
    address = given.url.replace("https://retention.example.com", web.url)
    return requests.request(
        given.X[0], address, data=given.d[0], headers=headers, auth=user, timeout=60
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_documented_call_of_each_tool_is_recorded(processes: Stack) -> None:
    web = processes.web(SUBJECT_KEY=KEY, STATUS_TOKEN=TOKEN, EVENT_TOKENS=EVENT_TOKENS)
    lines = [line for line in DOCUMENTED if "api.brevo.com" not in line]
    answers = [run(web, line) for line in lines]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"result": "recorded"})
    ] * 4
    assert set(re.findall(r"\$([A-Z]+)_TOKEN", " ".join(lines))) == {
        "BREVO",
        "ZENDESK",
        "FRESHDESK",
    }

    def shown(kind: str, number: int) -> dict[str, Any]:
        found: dict[str, Any] = web.get(f"/records/shop/{kind}/{number}", headers=BEARER).json()
        return found

    subject = email_subject("kari@example.test", KEY)
    requested = [shown("support-request", number) for number in (35436, 4711)]
    assert [record["subject"] for record in requested] == [str(subject)] * 2
    assert requested[0]["tag"]["from"] == "2026-11-22"
    contact = shown("marketing-consent", number_of(str(subject)))
    assert contact["tag"]["delete_after"] is not None
    assert [event["id"] for event in contact["events"]] == ["erasure-requested:35437"]


def test_operators_note(processes: Stack) -> None:
    """With the token, as JSON; what it led to is answered, and it counts once."""
    web = processes.web(STATUS_TOKEN=TOKEN)
    assert web.result(made("order.created", order())) == "recorded"
    first, again = (note(web, "order", 9001, HOLD) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["result"], again.json()["result"]) == ("recorded", "unchanged")
    assert (
        first.json()["event"]
        == again.json()["event"]
        == HOLD
        | {
            "id": first.json()["event"]["id"],
            "at": "2026-11-22T10:00:00+00:00",
        }
    )
    assert first.json()["record"] == web.get("/records/shop/order/9001", headers=BEARER).json()
    assert {entry["until"] for entry in first.json()["record"]["entries"]} == {"hold-lifted"}

    unknown = note(web, "customer", 77, {"type": "erasure-requested"})
    assert (unknown.status_code, unknown.json()["record"]) == (201, None)
    refused = [
        requests.post(f"{web.url}/records/shop/order/9001/events", json=HOLD, timeout=60),
        note(web, "order", 9001, HOLD, Authorization="Bearer wrong"),
        note(web, "order", 9001, HOLD, **{"Content-Type": "text/plain"}),
        note(web, "order", 9001, HOLD | {"owner": EMAIL}),
    ]
    assert [one.status_code for one in refused] == [401, 401, 415, 400]
    assert "owner is not a role or a team" in refused[-1].json()["error"]["message"]
    assert EMAIL not in "".join(one.text for one in refused)
    assert len(web.get("/records/shop/order/9001", headers=BEARER).json()["events"]) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_notes_and_tells_what_it_led_to(processes: Stack) -> None:
    web = processes.web(WEB_CONCURRENCY="1")
    assert web.result(made("order.created", order(customer_note="Ring twice"))) == "recorded"
    web.stop()
    held = ("--reason", "litigation", "--owner", "legal", "--review-on", "2027-05-01", "--at", AT)
    first, again = (
        processes.flask("record", "event", "order", "9001", "hold", *held) for _ in range(2)
    )
    assert (first.returncode, first.stderr) == (0, "")
    head, *rest = first.stdout.splitlines()
    assert head.startswith("order 9001 of shop: hold noted, event ")
    assert "  order-payment     2031-12-31 → until hold lifted" in rest
    assert any("Legal hold (litigation) by legal since 2026-11-22" in line for line in rest)
    assert "was noted before" in again.stdout
    assert "order-payment     until hold lifted, as before" in again.stdout
    unknown = processes.flask(
        "record", "event", "customer", "77", "erasure-requested", "--store", "shop"
    )
    assert (unknown.returncode, "is not known yet" in unknown.stdout) == (0, True)


WRONG_USE = [
    ("explode",),
    ("hold",),
    ("hold", "--reason", "because"),
    ("retracted",),
    ("objection", "--at", "2026-11-22"),
    ("objection", "--store", "other"),
]


@pytest.mark.parametrize("arguments", WRONG_USE, ids=" ".join)
def test_wrong_use_of_the_command_exits_with_2(
    arguments: tuple[str, ...], client: FlaskClient
) -> None:
    runner = client.application.test_cli_runner()
    done = runner.invoke(args=["record", "event", "order", "9001", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.strip()
    assert _nothing_is_kept(client)


def test_of_several_stores_one_has_to_be_named() -> None:
    stores = {
        slug: StoreSettings(slug, "https://shop.example.test", "ck", "cs", (SECRET,))
        for slug in ("no", "uk")
    }
    runner = create_app(Settings(stores=stores)).test_cli_runner()
    done = runner.invoke(args=["record", "event", "order", "9001", "objection"])
    assert (done.exit_code, "--store with one of no, uk" in done.stderr) == (2, True)


# --- what is refused, in process ---------------------------------------------------------------------------


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    """A client on this machine of a service with a store and a token, without a key."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = Database(url)
    upgrade(ledger)
    ledger.close()
    store = StoreSettings("shop", "https://shop.example.test", "ck", "cs", (SECRET,))
    given = Settings({"shop": store}, database_url=url, max_body_bytes=1024, status_token=TOKEN)
    app = create_app(replace(given, event_tokens=event_tokens(EVENT_TOKENS)))
    yield app.test_client()
    app.extensions["retention"].database.close()


def _nothing_is_kept(client: FlaskClient) -> bool:
    with client.application.extensions["retention"].database.read() as connection:
        counted = [
            connection.execute(select(func.count()).select_from(table))
            for table in (records, deliveries)
        ]
        return [found.scalar_one() for found in counted] == [0, 0]


def _post(client: FlaskClient, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    given = {name.replace("_", "-"): it for name, it in headers.items()}
    answer = client.post(path, data=body, headers=JSON | BEARER | given)
    return answer.status_code, answer.get_json()["error"]


GOOD = json.dumps(CLOSED).encode()


@pytest.mark.parametrize(
    ("path", "body", "signature", "status", "code", "words"),
    [
        ("/events/shop", GOOD, "", 401, "signature-refused", "not signed"),
        ("/events/shop", GOOD, sign(GOOD, "another"), 401, "signature-refused", "not signed"),
        ("/events/shop", b"not JSON", sign(b"", "another"), 401, "signature-refused", "not signed"),
        ("/events/other", GOOD, sign(GOOD), 404, "not-found", "nothing at this address"),
        ("/events/shop/x", GOOD, sign(GOOD), 404, "not-found", "nothing at this address"),
        (
            "/events/shop",
            b" " * 1025,
            sign(b" " * 1025),
            413,
            "request-entity-too-large",
            "MAX_BODY_BYTES",
        ),
        (
            "/events/shop",
            b"not JSON",
            sign(b"not JSON"),
            400,
            "event-refused",
            "the body is not JSON",
        ),
        (
            "/events/shop",
            b"{}",
            sign(b"{}"),
            400,
            "event-refused",
            "nothing of it was kept: type is missing",
        ),
        (
            "/events/shop",
            json.dumps(UNSUBSCRIBED).encode(),
            sign(json.dumps(UNSUBSCRIBED).encode()),
            400,
            "event-refused",
            "set SUBJECT_KEY",
        ),
    ],
)
def test_reports_that_are_refused(
    path: str, body: bytes, signature: str, status: int, code: str, words: str, client: FlaskClient
) -> None:
    got, error = _post(client, path, body, X_WC_Webhook_Signature=signature)
    assert (got, error["code"]) == (status, code)
    assert words in error["message"]
    assert "canary" not in str(error)
    assert _nothing_is_kept(client)


WITHDRAWN = b'{"type": "marketing.consent-withdrawn", "id": "1", "subject": {"customer": 7}}'
DESKS = bearer("desk")


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        ("/events/other", GOOD, DESKS, 404, "not-found"),
        ("/events/shop", b" " * 1025, DESKS, 413, "request-entity-too-large"),
        ("/events/shop", b"not JSON", DESKS, 400, "event-refused"),
        # An e-mail, without a SUBJECT_KEY.
        ("/events/shop", json.dumps(UNSUBSCRIBED).encode(), DESKS, 400, "event-refused"),
        ("/events/shop", GOOD, bearer("brevo"), 403, "event-forbidden"),
        # A wrong token: nothing is parsed.
        ("/events/shop", b"not JSON", bearer("x"), 401, "token-refused"),
        ("/events/shop", b" " * 1025, bearer("x"), 413, "request-entity-too-large"),
        ("/events/shop", GOOD, bearer(TOKEN), 401, "token-refused"),
        ("/events/shop", GOOD, bearer(""), 401, "token-refused"),
        ("/events/shop", GOOD, bearer(TOOLS["desk"] + "x"), 401, "token-refused"),
        ("/events/shop", GOOD, basic("brevo", TOOLS["desk"]), 401, "token-refused"),
        ("/events/shop", GOOD, basic("", TOOLS["desk"]), 401, "token-refused"),
        ("/events/shop", GOOD, basic(TOOLS["desk"], "desk"), 401, "token-refused"),
        ("/events/shop", GOOD, basic("desk", "tøken"), 401, "token-refused"),
        ("/events/shop", GOOD, {"Authorization": "Basic !"}, 401, "token-refused"),
        ("/events/shop", GOOD, {"Authorization": "Basic \u00ff\u00fe"}, 401, "token-refused"),
        ("/events/shop", GOOD, {"Authorization": f"Digest {TOOLS['desk']}"}, 401, "token-refused"),
        ("/events/shop", GOOD, {"Authorization": TOOLS["desk"]}, 401, "token-refused"),
        ("/events/shop", GOOD, {}, 401, "signature-refused"),
        # Whoever signs, is taken by the signature.
        (
            "/events/shop",
            GOOD,
            DESKS | {"X-WC-Webhook-Signature": sign(b"x")},
            401,
            "signature-refused",
        ),
        # The stores sign: a tool's token opens nothing else.
        ("/webhooks/shop", GOOD, DESKS, 401, "signature-refused"),
        ("/records/shop/order/1/events", json.dumps(HOLD).encode(), DESKS, 401, "unauthorized"),
    ],
)
def test_the_limits_of_a_token(
    path: str, body: bytes, headers: dict[str, str], status: int, code: str, client: FlaskClient
) -> None:
    answer = client.post(path, data=body, headers=JSON | headers)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)
    assert "canary" not in answer.text
    assert _nothing_is_kept(client)


def test_a_chunked_body_with_a_token_has_the_same_limit(client: FlaskClient) -> None:
    environ = {"wsgi.input_terminated": True}
    headers = JSON | DESKS | {"Transfer-Encoding": "chunked"}
    answer = client.post(
        "/events/shop",
        headers=headers,
        environ_overrides=environ,
        input_stream=BytesIO(b" " * 1025),
    )
    assert answer.status_code == 413
    assert _nothing_is_kept(client)


def test_a_signature_needs_no_token(client: FlaskClient) -> None:
    headers = (
        JSON
        | bearer("of something before the service")
        | {"X-WC-Webhook-Signature": sign(WITHDRAWN)}
    )
    assert client.post("/events/shop", data=WITHDRAWN, headers=headers).get_json() == {
        "result": "recorded"
    }


def test_only_wrong_tokens_are_answered_slowly(
    monkeypatch: pytest.MonkeyPatch, client: FlaskClient
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(events, "_guesses", Guesses(lambda: 0.0, slept.append))

    def post(headers: dict[str, str]) -> int:
        return client.post("/events/shop", data=WITHDRAWN, headers=JSON | headers).status_code

    assert [post(bearer("x")) for _ in range(PATIENCE + 2)] == [401] * (PATIENCE + 2)
    assert slept == [0.25, 0.5]
    assert post(DESKS) == 200
    assert post({"Authorization": "Bearer "}) == 401
    assert len(slept) == 2
    monkeypatch.setattr(
        events, "_guesses", Guesses(lambda: 0.0, slept.append, _waiting=MAX_WAITING)
    )
    answer = client.post("/events/shop", data=WITHDRAWN, headers=JSON | bearer("x"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert post(DESKS) == 200


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "words"),
    [
        ("/records/shop/order/1/events", b"{}", {}, 400, "type is missing"),
        ("/records/shop/order/1/events", b"[]", {}, 400, "the body is JSON, but not an object"),
        ("/records/shop/order/1/events", b"not JSON", {}, 400, "the body is not JSON"),
        (
            "/records/shop/order/1/events",
            b'{"type": "hold"}',
            {},
            400,
            "reason is missing; owner is missing",
        ),
        # What a page of another site can have a browser send to this machine.
        (
            "/records/shop/order/1/events",
            b"{}",
            {"Content_Type": "text/plain"},
            415,
            "Content-Type: application/json",
        ),
        (
            "/records/shop/order/1/events",
            b"{}",
            {"Content_Type": "application/x-www-form-urlencoded"},
            415,
            "Content-Type: application/json",
        ),
        ("/records/other/order/1/events", b"{}", {}, 404, "nothing at this address"),
        ("/records/shop/product/1/events", b"{}", {}, 404, "nothing at this address"),
        ("/records/shop/order/0/events", b"{}", {}, 404, "nothing at this address"),
        (f"/records/shop/order/{2**63}/events", b"{}", {}, 404, "nothing at this address"),
        ("/records/shop/order/1/events", b" " * 1025, {}, 413, "MAX_BODY_BYTES"),
    ],
)
def test_notes_that_are_refused(
    path: str, body: bytes, headers: dict[str, str], status: int, words: str, client: FlaskClient
) -> None:
    got, error = _post(client, path, body, **headers)
    assert got == status
    assert words in error["message"]
    assert _nothing_is_kept(client)


@pytest.mark.parametrize("path", ["/events/shop", "/records/shop/order/1/events"])
def test_only_post(path: str, client: FlaskClient) -> None:
    assert client.get(path).status_code == 405


@pytest.mark.parametrize("path", ["/events/shop", "/records/shop/order/1/events"])
def test_without_a_ledger_nothing_is_taken(path: str, tmp_path: Path) -> None:
    store = StoreSettings("shop", "https://shop.example.test", "ck", "cs", (SECRET,))
    url = f"sqlite:///{tmp_path}/none/ledger.db"
    app = create_app(Settings(stores={"shop": store}, database_url=url, status_token=TOKEN))
    body = json.dumps(CLOSED if path.startswith("/events") else HOLD).encode()
    answer = app.test_client().post(
        path, data=body, headers=JSON | BEARER | {"X-WC-Webhook-Signature": sign(body)}
    )
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
