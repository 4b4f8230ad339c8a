"""Another policy over a large ledger: its preview, and the re-tagging of all records while deliveries arrive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hooks.ledger import records, tagged_rows
from hooks.ledger.database import Database
from hooks.retention.policy import Policy
from hooks.retention.tags import tagged_by
from tests.bench.bench import Bench
from tests.bench.figures import Figure, Labels
from tests.bench.load import Outcome
from tests.bench.rounds import RATE
from tests.bench.shops import NOBODY
from tests.bench.targets import Target, as_installed, services
from tests.bench.usage import memory, peak, run
from tests.support.policies import variant
from tests.support.processes import Stack, stack

LONGEST = 240.0
"""The longest measurement in seconds. The rate is known by then, even if records are left."""

LOOK_SECONDS = 0.5

LATER = (
    {"orders-accounting": "P7Y", "customer-accounts": "P36M"},
    {"orders-accounting": "P8Y", "customer-accounts": "P48M"},
)
"""Longer periods than those of the policy that is shipped, so that nothing falls due at once."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure on SQLite: once without other load, and once while deliveries arrive at the full rate."""
    number = bench.plan.sizes[-1]
    labels: Labels = {"database": "sqlite", "records": number}
    alone, meanwhile = (
        variant(bench.policy, f"bench-{place}", keep=keep) for place, keep in enumerate(LATER, 1)
    )
    with (
        bench.databases.large("sqlite", number) as url,
        stack(bench.place("retag"), url) as started,
    ):
        started.env |= as_installed() | {"STORE_URL": NOBODY}
        yield from _compared(bench, started, alone, labels)
        yield from _tagged_alone(bench, started, alone, labels)
        with services(bench, {"service": url}) as (_, target):
            yield from _tagged_meanwhile(bench, started, meanwhile, target, labels)


def _compared(bench: Bench, started: Stack, wanted: Policy, labels: Labels) -> Iterator[Figure]:
    bench.say(f"policy diff over {labels['records']:,} records")
    bench.idle.wait()
    used = run(started, "policy", "diff", str(_file(started, wanted)), limit=LONGEST)
    if used.status in (0, 1):
        yield Figure.single("policy diff", "s", used.seconds, labels)
    yield Figure.single("most memory of policy diff", "MiB", used.peak, labels)


def _tagged_alone(bench: Bench, started: Stack, wanted: Policy, labels: Labels) -> Iterator[Figure]:
    bench.say("re-tagging, and nothing else")
    done = _tagged(started, wanted, lambda: time.sleep(LOOK_SECONDS))
    yield from done.figures(labels | {"side": "alone"})


def _tagged_meanwhile(
    bench: Bench, started: Stack, wanted: Policy, target: Target, labels: Labels
) -> Iterator[Figure]:
    bench.say("re-tagging while deliveries come")
    before, during = list[Outcome](), list[Outcome]()

    def load(outcomes: list[Outcome]) -> None:
        target.prepare(bench)
        outcomes.append(target.closed(bench))

    for _ in range(bench.plan.rounds):
        load(before)
    done = _tagged(started, wanted, lambda: load(during))
    yield from done.figures(labels | {"side": "with deliveries"})
    yield _rates(before, labels | {"side": "before re-tagging"})
    yield _rates(during, labels | {"side": "while re-tagging"})
    share = _rates(during, labels).median / _rates(before, labels).median
    yield Figure.single("intake while re-tagging, as a part of that before", "", share, labels)


def _rates(outcomes: Sequence[Outcome], labels: Labels) -> Figure:
    return Figure(RATE, "1/s", tuple(outcome.rate for outcome in outcomes), labels)


@dataclass(frozen=True, slots=True)
class _Done:
    """The result of a re-tagging. `memory` (MiB) is sampled, `peak` is the worker's maximum."""

    seconds: float
    records: int
    left: int
    memory: tuple[float, ...]
    peak: float

    def figures(self, labels: Labels) -> Iterator[Figure]:
        """Yield the figures. The total time is known only if no record is left."""
        if not self.left:
            yield Figure.single("all records tagged anew", "s", self.seconds, labels)
        yield Figure.single(
            "records tagged anew a second", "1/s", self.records / self.seconds, labels
        )
        yield Figure("memory of the worker, again and again", "MiB", self.memory, labels)
        yield Figure.single("most memory of the worker", "MiB", self.peak, labels)


def _tagged(started: Stack, wanted: Policy, meanwhile: Callable[[], None]) -> _Done:
    """Activate the policy and let a worker re-tag all records. Call `meanwhile` repeatedly until it has finished."""
    file = str(_file(started, wanted))
    applied = run(started, "policy", "apply", "--yes", limit=LONGEST, POLICY_FILE=file)
    if applied.status:
        raise RuntimeError(f"the policy was not put in force: exit status {applied.status}")
    with closing(Database(started.database_url)) as ledger:
        before = _left(ledger, wanted)
        worker = started.worker(POLICY_FILE=file)
        assert worker.child
        pid, began, memory_samples = worker.child.pid, time.monotonic(), []
        while _any_left(ledger, wanted) and time.monotonic() < began + LONGEST:
            meanwhile()
            memory_samples.append(memory(pid))
        seconds, most = time.monotonic() - began, peak(pid)
        worker.stop()
        left = _left(ledger, wanted)
    return _Done(seconds, before - left, left, tuple(memory_samples), most)


def _file(started: Stack, policy: Policy) -> Path:
    path = started.directory / f"{policy.id}.toml"
    path.write_text(policy.text)
    return path


def _any_left(ledger: Database, policy: Policy) -> bool:
    with ledger.read() as connection:
        return bool(tagged_rows.tagged_otherwise(connection, tagged_by(policy), limit=1))


def _left(ledger: Database, policy: Policy) -> int:
    with ledger.read() as connection:
        return records.count_to_retag(connection, tagged_by(policy))
