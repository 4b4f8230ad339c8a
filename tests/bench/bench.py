"""One run of the measurements: its size, its files, and the objects that all parts use."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from hooks.retention.policy import Policy
from schemas.policy import load_policy
from tests.bench.databases import BACKENDS, Backend, Databases
from tests.bench.idle import Idleness
from tests.support.processes import ROOT

VAR = ROOT / "var/bench"
POLICY_FILE = ROOT / "deploy/policies/smartgroup.toml"


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of a run. One load lasts `seconds`, and each load is repeated `rounds` times."""

    rounds: int = 5
    seconds: float = 2.5
    rates: tuple[int, ...] = (100, 200, 400, 600, 900, 1200)
    at_once: int = 32
    sizes: tuple[int, ...] = (100_000, 1_000_000)
    """Records of the large ledgers, the largest last."""

    large_on: tuple[Backend, ...] = BACKENDS
    writes: int = 30_000
    shops: tuple[int, int] = (5_000, 25_000)
    patience: float = 10.0

    @classmethod
    def quick(cls) -> Self:
        """A run of under two minutes, enough to notice serious problems."""
        return cls(
            3,
            1.5,
            (600,),
            sizes=(100_000,),
            large_on=("sqlite",),
            writes=5_000,
            shops=(500, 2_500),
            patience=2.0,
        )

    def of_records(self, records: int | None) -> Plan:
        """The same plan with large ledgers of another size, if one is given."""
        return self if records is None else replace(self, sizes=(records,))


@dataclass
class Bench:
    """The objects that all parts of a run use."""

    plan: Plan
    directory: Path
    policy: Policy
    databases: Databases
    idle: Idleness
    began: float = field(default_factory=time.monotonic)

    def say(self, words: str) -> None:
        """Print what is being measured."""
        sys.stderr.write(f"{time.monotonic() - self.began:6.0f} s  {words}\n")

    def place(self, name: str) -> Path:
        """Create a directory for one stack of processes."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))


@contextmanager
def bench(plan: Plan) -> Iterator[Bench]:
    """Run in a new directory, which is removed at the end."""
    VAR.mkdir(parents=True, exist_ok=True)
    policy = load_policy(POLICY_FILE)
    with tempfile.TemporaryDirectory(prefix="run-", dir=VAR) as name, ExitStack() as stack:
        directory = Path(name)
        databases = Databases(directory, VAR / "ledgers", policy, stack)
        yield Bench(plan, directory, policy, databases, Idleness(plan.patience))
