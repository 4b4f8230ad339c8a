"""No answer of the published page's server harms our network, our memory or our time."""

from __future__ import annotations

import socket
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from multiprocessing import active_children
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from sqlalchemy import insert, select

from hooks.errors import PageError, StoppedError
from hooks.ledger import page_checks, stores
from hooks.ledger.database import Database
from hooks.ledger.tables import deliveries
from hooks.page import http_visit
from hooks.page import subprocess_reader as confined_module
from hooks.page.fetch import fetch_page
from hooks.page.http_visit import MAX_REDIRECTS, network_of
from hooks.page.markup import MAX_LEVELS
from hooks.page.subprocess_reader import compare_page, run_confined
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings import Settings
from hooks.worker import loop, maintenance
from tests.integration.harness import NOON, ON_SQLITE, SETTLE, Clock
from tests.support import confined_jobs
from tests.support.hostile import Bytes, Hostile, answer, bomb, dripping, hostile, large, redirect
from tests.support.processes import until

PAGE = b"<html><body><h2>11. Retention</h2><p>We keep it.</p></body></html>"
SCHEMES_OF_OTHERS = (
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "data:text/html,<p>x</p>",
    "gopher://127.0.0.1/",
)


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile() as made:
        made.answers["/page"] = lambda: answer(PAGE)
        yield made


# --- where it may lead ---


@pytest.mark.parametrize("redirects", [1, MAX_REDIRECTS, MAX_REDIRECTS + 1])
def test_redirects_are_followed_up_to_a_limit(server: Hostile, redirects: int) -> None:
    for hop in range(redirects):
        target = f"/{hop + 1}" if hop + 1 < redirects else "/page"
        server.answers[f"/{hop}"] = lambda target=target: redirect(target)  # type: ignore[misc]
    if redirects <= MAX_REDIRECTS:
        assert fetch_page(f"{server.url}/0").link == f"{server.url}/page"
        return
    with pytest.raises(PageError, match="redirects more than 5 times"):
        fetch_page(f"{server.url}/0")
    assert "/page" not in server.asked


def test_redirects_of_the_rest_form_count_too(server: Hostile) -> None:
    """The page itself is read instead."""
    linked = b'<link rel="alternate" type="application/json" href="/wp/v2/pages/1"><p>x</p>'
    server.answers["/linked"] = lambda: answer(linked)
    server.answers["/wp/v2/pages/1"] = lambda: redirect("/wp/v2/pages/1")
    assert fetch_page(f"{server.url}/linked").html == linked.decode()
    assert len(server.asked) == 2 + MAX_REDIRECTS


@pytest.mark.parametrize("target", SCHEMES_OF_OTHERS)
def test_no_redirect_leads_to_another_scheme(server: Hostile, target: str) -> None:
    server.answers["/there"] = lambda: redirect(target)
    with pytest.raises(PageError, match="leads to something that is no web address"):
        fetch_page(f"{server.url}/there")


STEPS = [
    ("https://a.example/", "https://b.example/", True),
    ("http://a.example/", "https://a.example/", True),
    ("http://a.example/", "http://b.example/", True),
    ("https://a.example/", "http://a.example/", False),
    ("HTTPS://a.example/", "HTTP://a.example/", False),
]


@pytest.mark.parametrize(("here", "there", "is_allowed"), STEPS)
def test_https_never_leads_to_http(here: str, there: str, is_allowed: bool) -> None:
    with http_visit.Visit(here) as visiting:
        if is_allowed:
            visiting.check_step(here, there)
            return
        with pytest.raises(PageError, match="from https to http"):
            visiting.check_step(here, there)


NETWORKS = [
    ("127.0.0.1", "this machine"),
    ("127.9.9.9", "this machine"),
    ("::1", "this machine"),
    ("0.0.0.0", "this machine"),  # noqa: S104 - nobody listens there
    ("::ffff:127.0.0.1", "this machine"),
    # where clouds keep the credentials of their machines
    ("169.254.169.254", "a link-local network"),
    ("fe80::1%eth0", "a link-local network"),
    ("10.1.2.3", "a private network"),
    ("192.168.1.1", "a private network"),
    ("100.64.0.1", "a private network"),
    ("fd00:ec2::254", "a private network"),
    ("::ffff:10.0.0.1", "a private network"),
    ("203.0.113.9", "a private network"),
    ("93.184.215.14", "the internet"),
    ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", "the internet"),
]


@pytest.mark.parametrize(("address", "network"), NETWORKS)
def test_each_address_is_of_one_kind_of_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("way", ["redirect", "rest form", "rebound name"])
def test_an_internet_page_cannot_redirect_into_our_network(
    server: Hostile, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A name of the internet stands for this server once. The address to which it redirects is the real one."""
    with hostile() as neighbour:
        inner = neighbour.url.replace("127.0.0.1", "localhost")
        neighbour.answers["/page"] = neighbour.answers["/wp/v2/pages/1"] = lambda: answer(PAGE)
        rest = b'<p>x</p><link rel="alternate" type="application/json" href="/wp/v2/pages/1">'
        server.answers["/redirect"] = lambda: redirect(f"{inner}/page")
        server.answers["/rest form"] = lambda: answer(rest)
        server.answers["/wp/v2/pages/1"] = lambda: redirect(f"{inner}/wp/v2/pages/1")
        server.answers["/rebound name"] = lambda: answer(
            b"", "Location: /again", "Connection: close", status=302
        )
        server.answers["/again"] = lambda: answer(PAGE)
        first = iter(["the internet"])
        real = network_of
        monkeypatch.setattr(
            http_visit, "network_of", lambda address: next(first, None) or real(address)
        )
        address = f"{server.url}/{way.replace(' ', '%20')}"
        server.answers |= {key.replace(" ", "%20"): value for key, value in server.answers.items()}
        if way == "rest form":
            assert fetch_page(address).html == rest.decode()
        else:
            with pytest.raises(PageError, match="is on the internet and leads to this machine"):
                fetch_page(address)
        assert neighbour.asked == []
        assert "/again" not in server.asked


def test_the_connected_address_of_a_name_decides(
    server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hostile name server lets a public name stand for this machine."""
    port = int(server.url.rsplit(":", 1)[1])
    look_up = socket.getaddrinfo

    def lie(host: str, *rest: Any, **more: Any) -> Any:
        return look_up("127.0.0.1" if host == "shop.example" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lie)
    server.answers["/there"] = lambda: redirect(f"http://shop.example:{port}/page")
    assert fetch_page(f"{server.url}/there").link == f"http://shop.example:{port}/page"
    session = http_visit._SameNetworkSession("https://shop.example/page")
    session._network = "the internet"
    with session, pytest.raises(PageError, match="leads to this machine"):
        session.get(f"http://shop.example:{port}/page")
    assert server.asked == ["/there", "/page"]


def test_a_proxy_counts_as_a_network_of_its_own(
    server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request through the proxy may not lead past it."""
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server.answers["http://shop.example/page"] = lambda: answer(PAGE)
    assert fetch_page("http://shop.example/page").html == PAGE.decode()
    server.answers["http://shop.example/there"] = lambda: redirect(f"{server.url}/page")
    with pytest.raises(PageError, match="is on a proxy and leads to this machine"):
        fetch_page("http://shop.example/there")
    assert "/page" not in server.asked


# --- how much of it ---

HUGE: list[tuple[Callable[[], Bytes], str | None]] = [
    (lambda: large(200, 400), "larger than 2 MB"),
    (lambda: bomb(200, 50), "larger than 2 MB"),
    (lambda: large(500, 400), "answered with status 500"),
    (lambda: bomb(404, 50), "answered with status 404"),
    # nobody needs the body of a redirect
    (lambda: large(302, 400, "Location: /page"), None),
    (lambda: bomb(301, 50, "Location: /page"), None),
]


@pytest.mark.parametrize(("huge", "why"), HUGE)
def test_an_answer_of_any_size_takes_little_memory(
    server: Hostile, huge: Callable[[], Bytes], why: str | None
) -> None:
    server.answers["/huge"] = huge
    tracemalloc.start()
    try:
        if why is None:
            assert fetch_page(f"{server.url}/huge").html == PAGE.decode()
        else:
            with pytest.raises(PageError, match=why):
                fetch_page(f"{server.url}/huge")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000
    assert server.sent < 50_000_000


NESTED = ["<div>", "<p>", "<table><tr><td>", "<ul><li>", "<b><i>", "<li>x<ul>"]


@pytest.mark.parametrize("unit", NESTED)
def test_nested_tags_are_refused_at_the_first_that_is_too_deep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str
) -> None:
    """The parser opens no tag after it. To open all two megabytes of tags took a minute or more."""
    page = tmp_path / "page.html"
    page.write_text(unit * (2_000_000 // len(unit)))
    opened: list[str] = []
    push = BeautifulSoup.pushTag

    def push_and_note(soup: BeautifulSoup, tag: Tag) -> None:
        opened.append(tag.name)
        push(soup, tag)

    monkeypatch.setattr(BeautifulSoup, "pushTag", push_and_note)
    with pytest.raises(PageError, match="nested too deeply to be read: more than 200 tags"):
        fetch_page(str(page))
    assert len(opened) == 1 + MAX_LEVELS + 1, "the whole, as many as there may be, and one more"


# --- how long ---


@pytest.mark.parametrize("way", dripping(PAGE))
def test_a_dripping_page_is_cut_off(server: Hostile, policy: Policy, way: str) -> None:
    """The drip may be in any part of the answer, also behind a redirect."""
    server.answers["/drips"] = lambda: dripping(PAGE)[way](server)
    server.answers["/there"] = lambda: redirect("/drips")
    with pytest.raises(PageError, match="took longer than 1 seconds to be fetched and read"):
        run_confined(compare_page, f"{server.url}/there", policy, seconds=1)
    assert active_children() == []


ENDS: list[tuple[Callable[[str, object], object], type[Exception], str]] = [
    (confined_jobs.use_cpu_without_end, PageError, "the page took longer than 1 seconds"),
    (
        confined_jobs.take_too_much_memory,
        PageError,
        "the page takes too much memory or time to be read",
    ),
    (confined_jobs.kill_itself, PageError, "the page takes too much memory or time to be read"),
    # a fault of ours is not the page's
    (confined_jobs.raise_a_fault, ZeroDivisionError, "a fault of ours"),
]


@pytest.mark.parametrize(("work", "kind", "words"), ENDS)
def test_each_end_of_the_reader_process_is_reported(
    work: Callable[[str, object], object], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        run_confined(
            work, "the page", None, seconds=1 if work is confined_jobs.use_cpu_without_end else 60
        )
    assert active_children() == []


def test_the_reader_process_has_its_own_limits() -> None:
    assert run_confined(confined_jobs.resource_limits, "the page", None, seconds=60) == (
        confined_module.MAX_MEMORY,
        61,
    )


def test_a_stopping_worker_abandons_the_reader_at_once() -> None:
    stopping = Event()
    stopping.set()
    with pytest.raises(StoppedError):
        run_confined(
            confined_jobs.use_cpu_without_end, "the page", None, seconds=600, stopping=stopping
        )
    assert active_children() == []


# --- in a worker ---


@ON_SQLITE
def test_a_dripping_page_holds_up_neither_chores_nor_the_end(
    server: Hostile, database: Database, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old delivery is pruned meanwhile. Another worker can compare the page afterwards."""
    monkeypatch.setattr(maintenance, "PRUNE_EVERY", timedelta(0))
    server.answers["/drips"] = server.drip_for_ever
    settings = Settings(policy_page_url=f"{server.url}/drips")
    runtime = Runtime(database, policy, SETTLE, Clock())
    old = {"store": "shop", "identity": "1", "topic": "order.updated", "result": "stale"}
    stopping = Event()
    running = Thread(
        target=loop.run, args=(settings, runtime, stopping), kwargs={"configured_policy": policy}
    )
    running.start()
    try:
        until(lambda: server.asked == ["/drips"], "the page to be asked for")
        with database.write() as connection:
            stores.register(connection, ["shop"])
            connection.execute(insert(deliveries), old | {"received_at": NOON - timedelta(days=31)})
        until(lambda: not _count(database), "the old delivery to be pruned", seconds=20)
    finally:
        stopping.set()
        running.join()
    assert active_children() == []
    with database.read() as connection:
        assert page_checks.is_any_due(connection, policy, NOON)


def _count(database: Database) -> int:
    with database.read() as connection:
        return len(connection.execute(select(deliveries.c.identity)).all())
