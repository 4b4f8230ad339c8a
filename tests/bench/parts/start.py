"""The time from the start until deliveries are accepted, and the memory of idle processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import requests

from tests.bench.bench import Bench
from tests.bench.databases import BACKENDS
from tests.bench.figures import Figure, Labels
from tests.bench.targets import as_installed
from tests.bench.usage import children, memory
from tests.support.processes import Process, Stack, stack, until

SETTLED_SECONDS = 2.0
"""The time that a worker needs for its first work."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure on both databases."""
    for backend in BACKENDS:
        bench.say(f"start on {backend}")
        labels: Labels = {"database": backend}
        with bench.databases.new(backend) as url, stack(bench.place("start"), url) as started:
            started.env |= as_installed()
            webs = [_started(bench, started) for _ in range(bench.plan.rounds)]
            yield Figure(
                "from the start to ready", "s", tuple(seconds for seconds, _ in webs), labels
            )
            yield Figure(
                "memory of an idle web process", "MiB", tuple(held for _, held in webs), labels
            )
            yield Figure.single("memory of an idle worker", "MiB", _idle_worker(started), labels)


def _started(bench: Bench, started: Stack) -> tuple[float, float]:
    """The seconds until `/readyz` answers 200, and the memory of the largest worker process."""
    bench.idle.wait()
    web = started.new_web()
    began = time.perf_counter()
    Process.start(web)
    while not _is_ready(web.url):
        time.sleep(0.01)
    seconds = time.perf_counter() - began
    assert web.child
    for _ in range(20):
        web.get("/healthz")
    held = max(map(memory, children(web.child.pid)))
    web.stop()
    return seconds, held


def _is_ready(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{url}/readyz", timeout=5).status_code == 200
    return False


def _idle_worker(started: Stack) -> float:
    worker = started.worker()
    until(lambda: "worker.started" in worker.log(), "the worker to start")
    time.sleep(SETTLED_SECONDS)
    assert worker.child
    held = memory(worker.child.pid)
    worker.stop()
    return held
