"""Intake at an empty ledger: its rate next to the floor, and the latency at a steady rate."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.bench import Bench
from tests.bench.databases import BACKENDS
from tests.bench.figures import Figure, Labels
from tests.bench.rounds import closed, steady
from tests.bench.targets import services

SERVICE = "service"


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure on both databases."""
    for backend in BACKENDS:
        bench.say(f"intake on {backend}")
        labels: Labels = {"database": backend}
        with bench.databases.new(backend) as url, services(bench, {SERVICE: url}) as targets:
            yield from closed(bench, targets, labels)
            yield from steady(bench, targets, labels, bench.plan.rates)
