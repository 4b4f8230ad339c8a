"""Intake at a ledger that is empty: how fast, next to the floor, and how long a delivery waits at a steady rate."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.bench import Bench
from tests.bench.databases import BACKENDS
from tests.bench.figures import Figure, Of
from tests.bench.rounds import closed, steady
from tests.bench.sides import services

SERVICE = "service"


def measure(bench: Bench) -> Iterator[Figure]:
    """On both databases."""
    for backend in BACKENDS:
        bench.say(f"intake on {backend}")
        of: Of = {"database": backend}
        with bench.databases.new(backend) as url, services(bench, {SERVICE: url}) as sides:
            yield from closed(bench, sides, of)
            yield from steady(bench, sides, of, bench.plan.rates)
