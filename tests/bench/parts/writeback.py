"""Writing back to a store that answers at once: records a second, the worker's time for each, and its memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from sqlalchemy import func, select

from hooks.ledger import policies
from hooks.ledger.database import Database
from hooks.ledger.tables import records
from hooks.retention.policy import Policy
from tests.bench.bench import Bench
from tests.bench.databases import BACKENDS, Backend
from tests.bench.figures import Figure, Labels
from tests.bench.ledgers import seal, tidy
from tests.bench.shops import open_shop, orders_and_customers, teach_the_rate
from tests.bench.targets import as_installed
from tests.bench.usage import cpu_seconds, memory, run
from tests.support.processes import Process, Stack, stack

LOOK_SECONDS = 1.0
LONGEST_FILL = 240.0
LONGEST = 60.0
"""The longest measurement in seconds. The rate is known by then, even if pushes are left."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure on both databases."""
    for backend in BACKENDS:
        bench.say(f"write-back on {backend}: {bench.plan.writes:,} records")
        yield from _written(bench, backend, {"database": backend, "records": bench.plan.writes})


def _written(bench: Bench, backend: Backend, labels: Labels) -> Iterator[Figure]:
    with bench.databases.new(backend) as url, stack(bench.place("writeback"), url) as started:
        started.env |= as_installed()
        open_shop(started, *orders_and_customers(bench.plan.writes))
        _fill(started, bench.policy)
        bench.idle.wait()
        yield from _watched(started.worker(), url, labels)


def _fill(started: Stack, policy: Policy) -> None:
    """Fill the ledger from the store, so that its answers to pushes hold nothing new. Nothing is pushed yet.

    All other work of a worker is done: the policy is in force, and the history is sealed.
    """
    teach_the_rate(started.database_url)
    filled = run(started, "store", "backfill", limit=LONGEST_FILL)
    if filled.status:
        raise RuntimeError(f"the backfill ended with exit status {filled.status}")
    teach_the_rate(started.database_url, later=True)
    with closing(Database(started.database_url)) as ledger:
        with ledger.write() as connection:
            policies.put_in_force(connection, policy, datetime.now(UTC))
        seal(ledger)
        tidy(ledger)


@dataclass(frozen=True, slots=True)
class _Look:
    """The state at a moment: records left, the worker's memory (MiB), and its processor time (seconds)."""

    at: float
    left: int
    memory: float
    cpu: float


def _watched(worker: Process, url: str, labels: Labels) -> Iterator[Figure]:
    """Yield the figures, from the first sample after the first push to the last sample with records left."""
    looks = list(_looks(worker, url))
    under_way = [look for look in looks if 0 < look.left < looks[0].left] or looks
    steps = [(a, b) for a, b in pairwise(under_way) if a.left > b.left]
    yield Figure(
        "records written back a second",
        "1/s",
        tuple((a.left - b.left) / (b.at - a.at) for a, b in steps),
        labels,
    )
    work = tuple(1000 * (b.cpu - a.cpu) / (a.left - b.left) for a, b in steps)
    yield Figure("the worker's own time a record", "ms", work, labels)
    yield Figure(
        "memory of the worker, second by second",
        "MiB",
        tuple(look.memory for look in under_way),
        labels,
    )


def _looks(worker: Process, url: str) -> Iterator[_Look]:
    assert worker.child
    pid = worker.child.pid
    deadline = time.monotonic() + LONGEST
    with closing(Database(url)) as ledger:
        left = _left(ledger)
        while left and time.monotonic() < deadline:
            yield _Look(time.monotonic(), left, memory(pid), cpu_seconds(pid))
            time.sleep(LOOK_SECONDS)
            left = _left(ledger)


def _left(ledger: Database) -> int:
    with ledger.read() as connection:
        due = select(func.count()).select_from(records).where(records.c.push_at.is_not(None))
        return int(connection.execute(due).scalar_one())
