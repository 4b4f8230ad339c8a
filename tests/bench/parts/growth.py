"""The cost of a large ledger: intake, queries, pages, and bytes on disk, next to an empty one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import requests
from sqlalchemy import func, select

from hooks.ledger import records
from hooks.ledger.database import Database
from hooks.ledger.tables import records as records_table
from hooks.ledger.tallies import fold_all
from tests.bench.bench import Bench
from tests.bench.databases import Backend, size
from tests.bench.figures import Figure, Labels, ratios, select_figures
from tests.bench.ledgers import tidy
from tests.bench.rounds import RATE, closed, steady
from tests.bench.sample_shop import SLUG
from tests.bench.targets import Target, services

EMPTY, LARGE = "empty", "large"
TO_EMPTY = "that, as a part of that at an empty ledger"
BYTES = "bytes on disk a record, with history and seals"
SCHEDULES = "different schedules among them"

STEADY_RATES = (600,)

PAGES = ("/status", "/schedule", "/schedule?before=2027-01-01")

ASKED_FOR = 5
"""The number of requests for each page and query."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure on each database with large ledgers in the plan, at each size."""
    for backend in bench.plan.large_on:
        for records_there in bench.plan.sizes:
            bench.say(f"growth on {backend}: {records_there:,} records")
            yield from _at(
                bench, backend, {"database": backend, "records": records_there}, records_there
            )


def _at(bench: Bench, backend: Backend, labels: Labels, number: int) -> Iterator[Figure]:
    with bench.databases.new(backend) as empty, bench.databases.large(backend, number) as large:
        yield Figure.single(BYTES, "B", (size(large) - size(empty)) / number, labels)
        yield Figure.single(SCHEDULES, "", _schedules(large), labels)
        with services(bench, {EMPTY: empty, LARGE: large}) as targets:
            rates = list(closed(bench, targets, labels))
            (at_empty,), (at_large,) = (
                select_figures(rates, RATE, side=EMPTY),
                select_figures(rates, RATE, side=LARGE),
            )
            yield from [*rates, ratios(TO_EMPTY, at_large, at_empty, labels)]
            if number == bench.plan.sizes[-1]:
                yield from steady(bench, targets, labels, STEADY_RATES)
            for target, url in zip(targets[1:], (empty, large), strict=True):
                with closing(Database(url)) as ledger:
                    _tidied(ledger)
                yield from _pages(bench, target, labels | {"side": target.name})
                yield from _queries(bench, url, labels | {"side": target.name})


def _tidied(ledger: Database) -> None:
    """Do the upkeep that a worker and the database do in time."""
    fold_all(ledger)
    tidy(ledger)


def _schedules(url: str) -> int:
    with closing(Database(url)) as ledger, ledger.read() as connection:
        different = func.count(records_table.c.wanted_digest.distinct())
        return int(connection.execute(select(different)).scalar_one())


def _pages(bench: Bench, target: Target, labels: Labels) -> Iterator[Figure]:
    for path in PAGES:
        yield _timed(
            bench, f"GET {path}", partial(requests.get, f"{target.url}{path}", timeout=60), labels
        )


def _queries(bench: Bench, url: str, labels: Labels) -> Iterator[Figure]:
    """Time the worker's queries. Their claims are rolled back."""
    now = datetime.now(UTC)
    until = now + timedelta(minutes=3)
    with closing(Database(url)) as ledger:

        def pushes() -> None:
            with ledger.engine.connect() as connection:
                records.claim_pushes(
                    connection, SLUG, "order", limit=100, now=now, until=until, claim="bench"
                )
                connection.rollback()

        def rereads() -> None:
            with ledger.engine.connect() as connection:
                records.claim_refetches(
                    connection, SLUG, limit=100, now=now, until=until, claim="bench"
                )
                connection.rollback()

        yield _timed(bench, "query: what is due to be written back", pushes, labels)
        yield _timed(bench, "query: what the store must be asked about", rereads, labels)


def _timed(bench: Bench, name: str, do: Callable[[], object], labels: Labels) -> Figure:
    bench.idle.wait()
    do()  # the first call may read from the disk, or open a connection
    return Figure(name, "ms", tuple(_milliseconds(do) for _ in range(ASKED_FOR)), labels)


def _milliseconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return 1000 * (time.perf_counter() - began)
