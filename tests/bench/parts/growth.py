"""What a large ledger costs: intake, queries, pages, and bytes on disk, next to an empty one."""

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
from tests.bench.families import SLUG
from tests.bench.figures import Figure, Of, chosen, ratios
from tests.bench.ledgers import tidy
from tests.bench.rounds import RATE, closed, steady
from tests.bench.sides import Side, services

EMPTY, LARGE = "empty", "large"
TO_EMPTY = "that, as a part of that at an empty ledger"
BYTES = "bytes on disk a record, with history and seals"
SCHEDULES = "different schedules among them"

STEADY_RATES = (600,)

PAGES = ("/status", "/schedule", "/schedule?before=2027-01-01")

ASKED_FOR = 5
"""How often each page and query is asked for."""


def measure(bench: Bench) -> Iterator[Figure]:
    """On each database that the plan has large ledgers on, at each size."""
    for backend in bench.plan.large_on:
        for records_there in bench.plan.sizes:
            bench.say(f"growth on {backend}: {records_there:,} records")
            yield from _at(
                bench, backend, {"database": backend, "records": records_there}, records_there
            )


def _at(bench: Bench, backend: Backend, of: Of, number: int) -> Iterator[Figure]:
    with bench.databases.new(backend) as empty, bench.databases.large(backend, number) as large:
        yield Figure.single(BYTES, "B", (size(large) - size(empty)) / number, of)
        yield Figure.single(SCHEDULES, "", _schedules(large), of)
        with services(bench, {EMPTY: empty, LARGE: large}) as sides:
            found = list(closed(bench, sides, of))
            (below,), (above,) = chosen(found, RATE, side=EMPTY), chosen(found, RATE, side=LARGE)
            yield from [*found, ratios(TO_EMPTY, above, below, of)]
            if number == bench.plan.sizes[-1]:
                yield from steady(bench, sides, of, STEADY_RATES)
            for side, url in zip(sides[1:], (empty, large), strict=True):
                with closing(Database(url)) as ledger:
                    _tidied(ledger)
                yield from _pages(bench, side, of | {"side": side.name})
                yield from _queries(bench, url, of | {"side": side.name})


def _tidied(ledger: Database) -> None:
    """What a worker does every second, and the database by itself in time."""
    fold_all(ledger)
    tidy(ledger)


def _schedules(url: str) -> int:
    with closing(Database(url)) as ledger, ledger.read() as connection:
        different = func.count(records_table.c.wanted_digest.distinct())
        return int(connection.execute(select(different)).scalar_one())


def _pages(bench: Bench, side: Side, of: Of) -> Iterator[Figure]:
    for path in PAGES:
        yield _timed(
            bench, f"GET {path}", partial(requests.get, f"{side.url}{path}", timeout=60), of
        )


def _queries(bench: Bench, url: str, of: Of) -> Iterator[Figure]:
    """What a worker asks again and again; what it claims by that is given back."""
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

        yield _timed(bench, "query: what is due to be written back", pushes, of)
        yield _timed(bench, "query: what the store must be asked about", rereads, of)


def _timed(bench: Bench, name: str, do: Callable[[], object], of: Of) -> Figure:
    bench.idle.wait()
    do()  # the first one may have to read from the disk, or open a connection
    return Figure(name, "ms", tuple(_milliseconds(do) for _ in range(ASKED_FOR)), of)


def _milliseconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return 1000 * (time.perf_counter() - began)
