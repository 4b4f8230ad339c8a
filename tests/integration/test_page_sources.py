"""The page from files and from a real HTTP server, and the two commands that read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from hooks.app import create_app
from hooks.errors import PageError
from hooks.ledger.database import Database
from hooks.ledger.upgrade import upgrade
from hooks.page.fetch import fetch_page
from hooks.page.http_visit import MAX_BYTES
from hooks.settings import Settings
from schemas.policy import load_policy
from tests.conftest import POLICY_FILE
from tests.integration.scripted_server import (
    Answer,
    ReceivedRequest,
    ScriptedServer,
    scripted_server,
)
from tests.unit.recorded_page import HTML, LINK, MODIFIED, RECORDED, put

RECORDING = Path(__file__).parents[1] / "recordings/privacy-policy-page.json"
WHOLE = (
    "<!doctype html><html><head><title>x</title>"
    '<link rel="alternate" title="JSON" type="application/json" href="{rest}"/>'
    '<link rel="canonical" href="https://smartgroup.no/en/privacy-policy-smartgroup-as/"/>'
    '<meta property="article:modified_time" content="2026-04-27T19:12:13+02:00"/>'
    f"</head><body><main>{HTML}</main></body></html>"
)
HTML_TYPE = {"Content-Type": "text/html; charset=UTF-8"}


@pytest.fixture
def shop() -> Iterator[ScriptedServer]:
    with scripted_server() as script:
        yield script


def plain(html: str, **headers: str) -> Answer:
    return Answer(200, html.encode(), HTML_TYPE | headers)


def answering(answers: dict[str, Answer]) -> Callable[[ReceivedRequest], Answer]:
    return lambda asked: answers.get(asked.path, Answer.of({"code": "rest_no_route"}, 404))


@pytest.mark.parametrize("found", [RECORDED, [RECORDED]], ids=["one", "a list of one"])
def test_the_page_is_read_from_the_rest_api(found: object, shop: ScriptedServer) -> None:
    shop.always(Answer.of(found))
    source = fetch_page(f"{shop.url}/wp-json/wp/v2/pages/57129")
    assert (source.html, source.modified, source.link) == (HTML, MODIFIED, LINK)
    assert source.origin == f"{shop.url}/wp-json/wp/v2/pages/57129"


def test_html_leads_to_its_rest_form(shop: ScriptedServer) -> None:
    """The link may be relative or absolute, on the same host. The REST form is what is read."""
    shop.answer = answering(
        {
            "/privacy": plain(WHOLE.format(rest="/wp-json/wp/v2/pages/57129")),
            "/wp-json/wp/v2/pages/57129": Answer.of(RECORDED),
        }
    )
    source = fetch_page(f"{shop.url}/privacy")
    assert (source.html, source.modified, source.link) == (HTML, MODIFIED, LINK)
    assert [request.path for request in shop.requests] == ["/privacy", "/wp-json/wp/v2/pages/57129"]


@pytest.mark.parametrize(
    "rest", ["/wp-json/wp/v2/pages/1", "http://127.0.0.1:9/wp-json/wp/v2/pages/1", "/other.json"]
)
def test_html_is_read_where_its_rest_form_cannot_be(rest: str, shop: ScriptedServer) -> None:
    """The REST form is closed to the public, on another host, or no REST form."""
    shop.answer = answering({"/privacy": plain(WHOLE.format(rest=rest))})
    source = fetch_page(f"{shop.url}/privacy")
    assert (source.modified, source.link) == (MODIFIED, LINK)
    assert "11. Retention" in source.html


def test_no_other_host_is_called(shop: ScriptedServer) -> None:
    with scripted_server() as other:
        other.always(Answer.of(RECORDED))
        shop.always(plain(WHOLE.format(rest=f"{other.url}/wp-json/wp/v2/pages/1")))
        assert "<main>" in fetch_page(f"{shop.url}/privacy").html
        assert other.requests == []


def test_a_redirect_is_followed_without_credentials(
    shop: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    shop.answer = answering({"/old": Answer(301, b"", {"Location": "/new"}), "/new": plain(HTML)})
    source = fetch_page(f"{shop.url}/old")
    assert (source.html, source.modified, source.link) == (HTML, None, f"{shop.url}/new")
    assert [request.path for request in shop.requests] == ["/old", "/new"]
    assert all("authorization" not in request.headers for request in shop.requests)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer.of({}, 404), "answered with status 404"),
        (Answer.of({}, 500), "answered with status 500"),
        (Answer(301, b"", {"Location": "/page"}), "redirects more than 5 times"),
        (plain("<p>" + "x" * MAX_BYTES), "larger than 2 MB"),
        (
            Answer(200, b"\x89PNG\r\n\x1a\n\x00", {"Content-Type": "image/png"}),
            "neither an HTML page",
        ),
        (plain("no tags at all"), "neither an HTML page"),
        (plain(""), "neither an HTML page"),
        (Answer.of([]), "lists 0 pages"),
        (Answer.of([RECORDED, RECORDED]), "lists 2 pages"),
        (Answer.of({"code": "rest_post_invalid_id"}), "not a page of WordPress' REST API"),
        (Answer.of([3]), "not a page of WordPress' REST API"),
        (Answer.of({"content": {"rendered": "", "protected": True}}), "protected by a password"),
        (Answer(200, b"{broken", {}), "broken JSON"),
    ],
)
def test_an_answer_that_is_no_page_is_refused(
    answer: Answer, why: str, shop: ScriptedServer
) -> None:
    shop.always(answer)
    with pytest.raises(PageError, match=why):
        fetch_page(f"{shop.url}/page")


def test_a_silent_server_or_a_password_in_the_address_is_an_error(shop: ScriptedServer) -> None:
    with pytest.raises(PageError, match="could not be reached"):
        fetch_page("http://127.0.0.1:9/page")
    with pytest.raises(PageError, match="no credentials are sent"):
        fetch_page(shop.url.replace("//", "//user:password@"))
    assert shop.requests == []


def test_a_page_is_read_from_a_file(tmp_path: Path) -> None:
    """The file is JSON or HTML, in any encoding. A saved page is read as it was saved, without a request."""
    assert fetch_page(str(RECORDING)).html == HTML
    saved = tmp_path / "page.html"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "windows-1252"):
        saved.write_bytes(
            WHOLE.format(rest="http://127.0.0.1:9/wp-json/wp/v2/pages/1").encode(encoding)
        )
        source = fetch_page(str(saved))
        assert "12–36 months" in source.html, encoding
        assert source.modified == MODIFIED
    for path in (str(tmp_path / "none.html"), str(tmp_path), "\x00"):
        with pytest.raises(PageError, match="cannot be read"):
            fetch_page(path)


@pytest.mark.parametrize("modified", [None, 3, "soon", "2026-04-27T17:12:13"])
def test_a_malformed_modified_date_is_ignored(modified: object, tmp_path: Path) -> None:
    file = tmp_path / "page.json"
    file.write_text(
        json.dumps(
            {"content": {"rendered": HTML}, "modified_gmt": modified, "link": "javascript:x"}
        )
    )
    source = fetch_page(str(file))
    assert source.modified == (MODIFIED if modified == "2026-04-27T17:12:13" else None)
    assert source.link is None


# --- the commands ---


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    url = f"sqlite:///{tmp_path}/ledger.db"
    database = Database(url)
    upgrade(database)
    database.close()
    return create_app(Settings(database_url=url, policy_file=POLICY_FILE))


def run(app: Flask, *words: str | Path) -> Result:
    return app.test_cli_runner().invoke(args=["policy", *map(str, words)])


def test_an_imported_policy_has_no_drift(app: Flask, tmp_path: Path) -> None:
    drafted = tmp_path / "drafted.toml"
    done = run(app, "import", RECORDING, "--output", drafted)
    assert (done.exit_code, done.output) == (0, "")
    assert list(load_policy(drafted).classes.values()) == list(
        load_policy(POLICY_FILE).classes.values()
    )
    assert run(app, "import", RECORDING).stdout == drafted.read_text()

    other = create_app(Settings(database_url=f"sqlite:///{tmp_path}/other.db", policy_file=drafted))
    checked = run(other, "check", "--page", RECORDING)
    assert checked.exit_code == 0, checked.output
    assert (
        "  ok     they say the same\n  notice date-not-updated: The page was modified on 2026-04-27"
        in checked.output
    )
    assert "start-of-five-years: The five years run from" in checked.output
    assert "Section 11 could say: The 5 years are counted" in checked.output


def test_check_reports_a_page_that_differs(app: Flask, tmp_path: Path) -> None:
    saved = tmp_path / "page.html"
    saved.write_text(put(HTML, "24 months of", "36 months of"))
    done = run(app, "check", "--page", saved)
    assert done.exit_code == 1
    assert (
        "  drift  period-changed: Section 11: customer accounts are kept 36 months" in done.output
    )


def test_check_reads_the_pages_of_the_settings(tmp_path: Path, shop: ScriptedServer) -> None:
    shop.always(Answer.of(RECORDED))
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/l.db",
        policy_file=POLICY_FILE,
        policy_page_url=f"{shop.url}/p",
    )
    assert run(create_app(settings), "check").exit_code == 0
    assert [request.path for request in shop.requests] == ["/p"]


def test_import_lists_its_open_questions(app: Flask, tmp_path: Path) -> None:
    saved = tmp_path / "page.html"
    saved.write_text(put(HTML, "12–36 months", "for a while"))
    done = run(app, "import", saved)
    assert done.exit_code == 1
    assert "no period could be read. For how long is it kept?" in done.stderr
    assert "# ASK: Section 11, “Support requests: for a while”" in done.stdout


def test_unreadable_and_unwritable_files_are_named(app: Flask, tmp_path: Path) -> None:
    """An existing file is never overwritten: it may be the policy in force."""
    for words in (["import", "none.html"], ["check", "--page", "none.html"]):
        done = run(app, *words)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "none.html cannot be read" in done.stderr
    there = tmp_path / "there.toml"
    there.write_text("")
    assert "is there already" in run(app, "import", RECORDING, "--output", there).stderr
    done = run(app, "import", RECORDING, "--output", tmp_path / "no/where.toml")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr
