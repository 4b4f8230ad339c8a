"""A backfill from a store that answers at once: the service's own time, and its memory by the size of the shop."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.bench import Bench
from tests.bench.figures import Figure, Labels
from tests.bench.shops import open_shop, orders_and_customers, teach_the_rate
from tests.bench.targets import as_installed
from tests.bench.usage import Usage, run
from tests.support.processes import stack

LONGEST = 240.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure on SQLite, with a small and a larger shop. The difference excludes the time of a start."""
    sizes = bench.plan.shops
    small, large = (_filled(bench, size) for size in sizes)
    for size, used in zip(sizes, (small, large), strict=True):
        labels: Labels = {"database": "sqlite", "records": size}
        yield Figure.single("records read and tagged a second", "1/s", size / used.seconds, labels)
        yield Figure.single("most memory of the command", "MiB", used.peak, labels)
    more = sizes[1] - sizes[0]
    yield Figure.single(
        "its own time a record", "ms", 1000 * (large.cpu - small.cpu) / more, {"database": "sqlite"}
    )


def _filled(bench: Bench, size: int) -> Usage:
    bench.say(f"backfill of {size:,} records")
    with bench.databases.new("sqlite") as url, stack(bench.place("backfill"), url) as started:
        teach_the_rate(url)
        started.env |= as_installed()
        open_shop(started, *orders_and_customers(size))
        bench.idle.wait()
        used = run(started, "store", "backfill", limit=LONGEST)
    if used.status:
        raise RuntimeError(f"the backfill of {size} records ended with exit status {used.status}")
    return used
