"""The answer to a person over HTTP and from the command line, of what a real store sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from hooks.app import create_app
from hooks.settings import Settings, StoreSettings
from tests.support.processes import Stack, Web, stack
from tests.support.recordings import DELIVERIES, delivery

ASKED = "requested_on=2026-11-22"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Stack]:
    """A ledger in SQLite; what is read here does not depend on the database."""
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as made:
        made.migrate()
        yield made


@pytest.fixture
def web(here: Stack) -> Web:
    """A web process that has taken in all that was recorded."""
    web = here.web(WEB_CONCURRENCY="1")
    for recorded in DELIVERIES:
        assert web.post(recorded).status_code == 200
    return web


WRONG = [
    ("/customers/shop/5/rights?requested_on=yesterday", 400, "requested_on"),
    ("/customers/shop/5/rights?requested_on=2999-01-01", 400, "requested_on"),  # it has not come
    ("/customers/shop/5/rights?letter=de", 400, "letter"),
    ("/customers/shop/5/rights?uk=maybe", 400, "uk"),
    ("/customers/shop/5/rights?uk=1&uk=0", 400, "uk"),  # which of them?
    ("/customers/shop/5/rights?someone@example.test=1", 400, "a parameter that is not known here"),
    ("/customers/shop/4242/rights", 404, "knows nothing of this customer"),
    ("/customers/shop/7/rights", 404, "knows nothing of this customer"),  # a member of staff
    (f"/customers/shop/{2**70}/rights", 404, "knows nothing of this customer"),
    ("/orders/shop/4242/rights", 404, "knows nothing of this order"),
    ("/customers/other/5/rights", 404, "nothing at this address"),
]


def test_over_http_and_from_the_command_line(here: Stack, web: Web) -> None:
    """Each part asks the same two processes."""
    _assert_json_of_customer(here, web)
    _assert_letter_of_customer(here, web)
    _assert_language_follows_the_headers(web)
    _assert_json_of_order(here, web)
    _assert_wrong_questions_are_refused(web)
    _assert_no_personal_data(web)


def _assert_json_of_customer(here: Stack, web: Web) -> None:
    answer = web.get(f"/customers/shop/5/rights?{ASKED}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    told = answer.json()
    described = web.get("/openapi.json").json()["components"]["schemas"]["Rights"]
    assert told.keys() == described["properties"].keys() - {"order", "customers"}
    assert told["customer"] == 5
    assert (told["request"]["received_on"], told["request"]["answer_by"]) == (
        "2026-11-22",
        "2026-12-22",
    )
    account = next(record for record in told["records"] if record["kind"] == "customer")
    rights = {right["right"]: right["applies"] for right in account["entries"][0]["rights"]}
    assert (rights["portability"], rights["objection"], rights["withdrawal"]) == (
        True,
        False,
        False,
    )
    assert [one["where"] for one in told["complaints"]] == ["always", "if you live in the UK"]
    printed = here.flask("rights", "5", "--requested-on", "2026-11-22")
    assert json.loads(printed.stdout) == told


def _assert_letter_of_customer(here: Stack, web: Web) -> None:
    letter = web.get(f"/customers/shop/5/rights?{ASKED}&letter=no&uk=1")
    assert letter.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert (letter.headers["Content-Language"], "Hei," in letter.text) == ("nb", True)
    printed = here.flask("rights", "5", "--letter", "no", "--requested-on", "2026-11-22", "--uk")
    assert (printed.returncode, printed.stdout) == (0, letter.text)


def _assert_language_follows_the_headers(web: Web) -> None:
    for accept, languages, kind in (
        ("text/plain", "nb-NO, en;q=0.5", "nb"),
        ("text/plain", "de, nn", "nb"),
        ("text/plain", "de", "en"),
        ("*/*", "nb", None),
    ):
        by_accept = web.get(
            "/customers/shop/5/rights", headers={"Accept": accept, "Accept-Language": languages}
        )
        assert by_accept.headers.get("Content-Language") == kind


def _assert_json_of_order(here: Stack, web: Web) -> None:
    by_order = web.get(f"/orders/shop/119/rights?{ASKED}")
    assert (by_order.status_code, by_order.json()["order"]) == (200, 119)
    assert (
        json.loads(here.flask("rights", "--order", "119", "--requested-on", "2026-11-22").stdout)
        == by_order.json()
    )


def _assert_wrong_questions_are_refused(web: Web) -> None:
    for address, status, words in WRONG:
        wrong = web.get(address)
        assert (wrong.status_code, words in wrong.json()["error"]["message"]) == (status, True), (
            address
        )
        assert "example.test" not in wrong.text


def _assert_no_personal_data(web: Web) -> None:
    said = [
        web.get(f"/customers/shop/5/rights{query}").text
        for query in ("", "?letter=en", "?letter=no")
    ]
    billing = delivery(6).payload["billing"]  # the same customer's
    values = [
        billing[field]
        for field in ("first_name", "last_name", "email", "phone", "address_1", "postcode")
    ]
    assert all(values)
    assert [value for value in values for text in said if value in text] == []


WRONG_USE = [
    (("rights",), 2, "a CUSTOMER_ID, --order or --email"),
    (("rights", "5", "--order", "119"), 2, "a CUSTOMER_ID, --order or --email"),
    (("rights", "--email"), 2, "only where a SUBJECT_KEY is set"),
    (("rights", "5", "--store", "other"), 2, "no store 'other'"),
    (("rights", "5", "--requested-on", "2999-01-01"), 2, "has not come"),
    (("rights", "5", "--letter", "de"), 2, "--letter"),
    (("rights", "4242"), 1, "knows nothing of customer 4242"),
]


def test_wrong_use_of_the_command(here: Stack) -> None:
    reach = StoreSettings("shop", "https://shop.example.test", "ck_test", "cs_test", ("secret",))
    app = create_app(Settings(database_url=here.database_url, stores={"shop": reach}))
    for arguments, status, words in WRONG_USE:
        done = app.test_cli_runner().invoke(args=arguments)
        assert (done.exit_code, done.stdout, words in done.stderr) == (status, "", True), arguments
    app.extensions["retention"].database.close()


def test_the_token_is_wanted(here: Stack) -> None:
    web = here.web(WEB_CONCURRENCY="1", STATUS_TOKEN="t" * 32)
    assert web.get("/customers/shop/5/rights").status_code == 401
    known = web.get("/customers/shop/5/rights", headers={"Authorization": f"Bearer {'t' * 32}"})
    assert known.status_code == 404  # it holds nothing


KEY = "a key of at least thirty-two characters"
TOKEN = "t" * 32


def test_whoever_has_an_address_is_answered(here: Stack) -> None:
    here.env |= {"SUBJECT_KEY": KEY, "STATUS_TOKEN": TOKEN}
    web = here.web(WEB_CONCURRENCY="1")
    for recorded in DELIVERIES:
        assert web.post(recorded).status_code == 200
    address = delivery(6).payload["billing"]["email"]  # of the account 5 and its orders
    headers = {"Authorization": f"Bearer {TOKEN}"}

    def ask(email: object, query: str = "") -> requests.Response:
        body = {"email": email} if email is not None else {}
        return requests.post(
            f"{web.url}/rights/shop{query}", json=body, headers=headers, timeout=30
        )

    answer = ask(f"  {address.upper()} ", f"?{ASKED}")
    assert (answer.status_code, address.lower() in answer.text.lower()) == (200, False)
    listed = {(record["kind"], record["id"]) for record in answer.json()["records"]}
    account = web.get(f"/customers/shop/5/rights?{ASKED}", headers=headers).json()
    assert listed == {(record["kind"], record["id"]) for record in account["records"]}
    printed = here.flask("rights", "--email", "--requested-on", "2026-11-22", typed=f"{address}\n")
    assert (printed.returncode, json.loads(printed.stdout)) == (0, answer.json())

    for email, status, words in (
        ("nobody@example.test", 404, "knows nothing of this person"),
        ("not an address", 400, "e-mail address"),
        (7, 400, "e-mail address"),
        (None, 400, "e-mail address"),
    ):
        wrong = ask(email)
        assert (wrong.status_code, words in wrong.json()["error"]["message"]) == (status, True)
        assert str(email) not in wrong.text
    nobody = here.flask("rights", "--email", typed="nobody@example.test\n")
    assert (nobody.returncode, "person with this address" in nobody.stderr) == (1, True)


def test_without_a_key_no_address_is_looked_up(here: Stack) -> None:
    web = here.web(WEB_CONCURRENCY="1", STATUS_TOKEN=TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.post(
        f"{web.url}/rights/shop", json={"email": "kari@example.test"}, headers=headers, timeout=30
    )
    assert (answer.status_code, "SUBJECT_KEY" in answer.json()["error"]["message"]) == (400, True)
