"""The register over HTTP and by its command, within one process."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from hooks.app import create_app
from hooks.ledger.database import Database
from hooks.ledger.upgrade import upgrade
from hooks.retention.policy import Policy, Term
from hooks.runtime import Runtime
from hooks.settings import Settings, StoreSettings
from tests.unit.builders import at

TOKEN = "a-token-of-some-length"
ASKING = {"Authorization": f"Bearer {TOKEN}"}
SHOP = StoreSettings("shop", "https://shop.example", "ck", "cs", ("secret",))
COMMAND = ("policy", "register")
STRANGE = Term("strange", "Something else", 4)


def _app(folder: Path, policy: Policy | None = None) -> Flask:
    """The service on a ledger of its own, at a time when it is the 24th in Oslo; `policy` replaces the shipped one."""
    url = f"sqlite:///{folder}/ledger.db"
    upgrade(Database(url))
    app = create_app(Settings(database_url=url, stores={"shop": SHOP}, status_token=TOKEN))
    here = app.extensions["retention"]
    chosen = policy or here.policy
    runtime = Runtime(
        here.database, chosen, here.settings.push_settle, lambda: at("2026-11-23T23:30:00")
    )
    followed = (
        {"followed_at": float("inf")} if policy else {}
    )  # one that no ledger knows is not looked for there
    app.extensions["retention"] = replace(here, policy=chosen, runtime=runtime, **followed)
    return app


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """The service with the shipped policy."""
    return _app(tmp_path)


PATHS = [
    ("/register", "application/json"),
    ("/register.csv", "text/csv; charset=utf-8"),
    ("/register.html", "text/html; charset=utf-8"),
    ("/register/fides.json", "application/json"),
]


@pytest.mark.parametrize(("path", "kind"), PATHS)
def test_the_register_needs_the_token(path: str, kind: str, app: Flask) -> None:
    client = app.test_client()
    answer = client.get(path, headers=ASKING)
    assert (answer.status_code, answer.content_type) == (200, kind)
    assert client.get(path).status_code == 401


ACCEPTS = [
    (None, "application/json"),
    ("text/csv", "text/csv"),
    ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),  # a browser's
    ("application/json, text/html;q=0.5", "application/json"),
    ("image/png", "application/json"),
]


@pytest.mark.parametrize(("accept", "kind"), ACCEPTS)
def test_the_format_is_chosen_by_accept(accept: str | None, kind: str, app: Flask) -> None:
    headers = ASKING | ({"Accept": accept} if accept else {})
    answer = app.test_client().get("/register", headers=headers)
    assert (answer.mimetype, answer.headers["Vary"]) == (kind, "Accept")


def test_the_register_has_the_shops_day_and_its_stores(app: Flask) -> None:
    shown = app.test_client().get("/register", headers=ASKING).get_json()
    assert shown["made_on"] == "2026-11-24"
    assert shown["stores"] == [{"name": "shop", "url": "https://shop.example"}]


@pytest.mark.parametrize("key", [None, "k" * 32])
def test_the_register_says_if_data_are_pseudonymised(key: str | None, app: Flask) -> None:
    here = app.extensions["retention"]
    app.extensions["retention"] = replace(here, settings=replace(here.settings, subject_key=key))
    shown = app.test_client().get("/register", headers=ASKING).get_json()["ledger"]
    assert (shown["pseudonymised"], shown["article"]) == (key is not None, "GDPR Art. 4(5)")
    printed = app.test_cli_runner().invoke(args=[*COMMAND, "--format", "html"]).stdout
    assert (shown["words"] in unescape(printed), "SUBJECT_KEY is set" in printed) == (
        True,
        key is not None,
    )


def test_the_register_page_may_load_nothing(app: Flask) -> None:
    answer = app.test_client().get("/register.html", headers=ASKING)
    assert answer.headers["Content-Security-Policy"].startswith(
        "default-src 'none'; style-src 'unsafe-inline'"
    )


def test_the_command_prints_the_answer_of_the_service(app: Flask) -> None:
    runner, client = app.test_cli_runner(), app.test_client()
    for chosen, path in (("json", "/register"), ("fides", "/register/fides.json")):
        printed = runner.invoke(args=[*COMMAND, "--format", chosen])
        assert printed.exit_code == 0
        assert json.loads(printed.stdout) == client.get(path, headers=ASKING).get_json()
    assert runner.invoke(args=[*COMMAND, "--format", "html"]).stdout.startswith("<!doctype html>")
    assert json.loads(runner.invoke(args=[*COMMAND]).stdout)["article"] == "GDPR Art. 30(1)"


def test_the_command_writes_a_file(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "register.csv"
    done = app.test_cli_runner().invoke(args=[*COMMAND, "--format", "csv", "--output", str(file)])
    assert (done.exit_code, done.output) == (0, "")
    rows = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
    assert {row["controller"] for row in rows} == {"SmartGroup AS"}
    assert file.read_bytes().count(b"\r\n") == len(rows) + 1


def test_a_file_that_cannot_be_written_is_named(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "missing" / "register.csv"
    done = app.test_cli_runner().invoke(args=[*COMMAND, "--output", str(file)])
    assert (done.exit_code, done.stderr) == (
        2,
        f"{file} cannot be written (No such file or directory).\n",
    )


def test_data_without_a_fides_key_are_named(policy: Policy, tmp_path: Path) -> None:
    rule = replace(policy.rules[0], purpose="strange")
    other = replace(
        policy, purposes={**policy.purposes, "strange": STRANGE}, rules=(rule, *policy.rules[1:])
    )
    app = _app(tmp_path, other)
    words = (
        "The purpose 'strange' of the policy has no counterpart in Fides' taxonomy, "
        "so that no manifest can be made."
    )
    answer = app.test_client().get("/register/fides.json", headers=ASKING)
    assert (answer.status_code, answer.get_json()["error"]["message"]) == (409, words)
    done = app.test_cli_runner().invoke(args=[*COMMAND, "--format", "fides"])
    assert (done.exit_code, done.stderr) == (2, f"{words}\n")
    assert app.test_client().get("/register", headers=ASKING).status_code == 200
