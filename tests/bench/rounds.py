"""Put loads on several targets in turn, so that other work on the machine affects all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tests.bench.bench import Bench
from tests.bench.figures import Figure, Labels, ratios
from tests.bench.load import Outcome
from tests.bench.targets import FLOOR, Target

RATE = "answers a second, as many as it can"
TO_FLOOR = "that, as a part of the floor's"
FAILED = "requests that failed"
PERCENTILES = {"half of all": 0.5, "9 of 10": 0.9, "p99": 0.99, "p99.9": 0.999}
"""The percentiles by their names in the report."""

OVERWHELMED_SECONDS = 1.0
"""A target whose p99 is longer than this gets no higher rate."""


def run_in_turn(
    bench: Bench, targets: Sequence[Target], load: Callable[[Target], Outcome], rounds: int
) -> dict[str, list[Outcome]]:
    """The outcomes of the load on each target, by round. Every second round goes through the targets backwards."""
    outcomes: dict[str, list[Outcome]] = {target.name: [] for target in targets}
    for number in range(rounds):
        for target in targets if number % 2 == 0 else reversed(targets):
            target.prepare(bench)
            bench.idle.wait()
            outcomes[target.name].append(load(target))
    return outcomes


def closed(bench: Bench, targets: Sequence[Target], labels: Labels) -> Iterator[Figure]:
    """Measure how many requests a second each target answers at most, and the ratio to the floor."""
    outcomes_by_target = run_in_turn(
        bench, targets, lambda target: target.closed(bench), bench.plan.rounds
    )
    rates = {
        name: Figure(RATE, "1/s", tuple(one.rate for one in outcomes), labels | {"side": name})
        for name, outcomes in outcomes_by_target.items()
    }
    yield from rates.values()
    for name, rate in rates.items():
        if name != FLOOR:
            yield ratios(TO_FLOOR, rate, rates[FLOOR], labels | {"side": name})
    yield from _failures(outcomes_by_target, labels)


def steady(
    bench: Bench, targets: Sequence[Target], labels: Labels, rates: Sequence[int]
) -> Iterator[Figure]:
    """Measure the latencies of each target at each rate, until it is overwhelmed."""
    left = list(targets)
    for rate in rates:
        outcomes_by_target = run_in_turn(
            bench, left, partial(Target.open, bench=bench, rate=rate), max(1, bench.plan.rounds - 2)
        )
        for name, outcomes in outcomes_by_target.items():
            yield from _latencies(outcomes, labels | {"side": name, "rate": rate})
        yield from _failures(outcomes_by_target, labels | {"rate": rate})
        left = [target for target in left if _bears(outcomes_by_target[target.name])]


def _bears(outcomes: list[Outcome]) -> bool:
    return not any(one.failed or one.percentile(0.99) > OVERWHELMED_SECONDS for one in outcomes)


def _latencies(outcomes: list[Outcome], labels: Labels) -> Iterator[Figure]:
    for name, part in PERCENTILES.items():
        yield Figure(name, "ms", tuple(1000 * one.percentile(part) for one in outcomes), labels)


def _failures(found: dict[str, list[Outcome]], labels: Labels) -> Iterator[Figure]:
    """Yield the number of failed requests by status, if any failed."""
    for name, outcomes in found.items():
        for status in sorted({status for one in outcomes for status in one.statuses} - {200}):
            told = f"answered by {status}" if status else "not answered"
            numbers = tuple(float(one.statuses[status]) for one in outcomes)
            yield Figure(FAILED, "", numbers, labels | {"side": name, "how": told})
