"""Intake under other conditions: a slower disk, one core, a hundred stores."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.rounds import closed
from tests.bench.targets import services
from tests.bench.traffic import SLUGS

SYNC_MICROSECONDS = 2000
STORES = 100
SOURCE = Path(__file__).parent.parent / "slow_sync.c"


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure on SQLite, each condition next to the floor. The floor does not use the disk."""
    yield from _measured(bench, "as it is")
    shim = _slow_sync(bench.directory)
    if shim:
        slow = {"LD_PRELOAD": str(shim), "SLOW_SYNC_MICROSECONDS": str(SYNC_MICROSECONDS)}
        yield from _measured(bench, f"each sync {SYNC_MICROSECONDS / 1000:g} ms longer", **slow)
    else:
        bench.say("no C compiler: a slower disk is not measured")
    with _on_one_core():
        yield from _measured(bench, "one core for all, sender included")
    yield from _measured(bench, f"{STORES} stores", [f"s{number}" for number in range(STORES)])


def _measured(
    bench: Bench, condition: str, slugs: Sequence[str] = SLUGS, **env: str
) -> Iterator[Figure]:
    bench.say(f"intake: {condition}")
    with (
        bench.databases.new("sqlite") as url,
        services(bench, {"service": url}, slugs, **env) as targets,
    ):
        yield from closed(bench, targets, {"database": "sqlite", "condition": condition})


@contextmanager
def _on_one_core() -> Iterator[None]:
    """Run this process, and those started in the block, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _slow_sync(directory: Path) -> Path | None:
    """Compile a library that makes each sync slower. None without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    made = directory / "slow_sync.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", made, SOURCE, "-ldl"], check=True)
    return made
