"""What the quick run holds the service to: ratios within one run, with wide margins, never a time."""

from __future__ import annotations

from collections.abc import Iterable

from tests.bench.figures import Figure
from tests.bench.parts.growth import TO_EMPTY
from tests.bench.parts.intake import SERVICE
from tests.bench.rounds import TO_FLOOR

LEAST_OF_FLOOR = 0.30
LEAST_OF_EMPTY = 0.60


def shortfalls(figures: Iterable[Figure]) -> list[str]:
    """What is too slow, in words; where nothing is, none."""
    return [words for figure in figures if (words := _shortfall(figure))]


def _shortfall(figure: Figure) -> str | None:
    if figure.name == TO_FLOOR and figure.of["side"] == SERVICE and figure.median < LEAST_OF_FLOOR:
        where = f"on {figure.of['database']}"
        return f"Intake {where} is at {figure.median:.2f} of the floor; at least {LEAST_OF_FLOOR} is asked for."
    if figure.name == TO_EMPTY and figure.median < LEAST_OF_EMPTY:
        where = f"on {figure.of['database']} at {figure.of['records']:,} records"
        compared = f"at {figure.median:.2f} of that at an empty ledger"
        return f"Intake {where} is {compared}; at least {LEAST_OF_EMPTY} is asked for."
    return None
