"""The limits of the quick run: ratios within one run, never a time.

The best round counts: other load on a shared machine makes a round slower, and never faster.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figures import select_figures
from tests.bench.parts.growth import TO_EMPTY
from tests.bench.parts.intake import SERVICE
from tests.bench.report import Parts
from tests.bench.rounds import TO_FLOOR

LEAST_OF_FLOOR = {"sqlite": 0.30, "postgresql": 0.20}
"""PostgreSQL's own processes share the cores of a small machine with the service."""

LEAST_OF_EMPTY = 0.60


def shortfalls(parts: Parts) -> Iterator[str]:
    """Yield a sentence for each figure that is too slow."""
    for figure in select_figures(parts.get("intake", ()), TO_FLOOR, side=SERVICE):
        database = str(figure.labels["database"])
        least = LEAST_OF_FLOOR[database]
        best = max(figure.values)
        if best < least:
            yield f"Intake on {database} is at {best:.2f} of the floor at best; at least {least} is asked for."
    for figure in select_figures(parts.get("growth", ()), TO_EMPTY):
        best = max(figure.values)
        if best < LEAST_OF_EMPTY:
            where = f"on {figure.labels['database']} at {figure.labels['records']:,} records"
            compared = f"at {best:.2f} of that at an empty ledger at best"
            yield f"Intake {where} is {compared}; at least {LEAST_OF_EMPTY} is asked for."
