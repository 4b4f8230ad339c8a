"""The targets of a load: the floor, and services with their own ledgers, each with a supply of requests."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hooks.ledger.database import Database
from tests.bench.bench import Bench
from tests.bench.ledgers import tidy
from tests.bench.load import Address, Outcome, closed_loop, open_loop
from tests.bench.traffic import SLUGS, Supply, deliveries
from tests.support.processes import ROOT, Stack, Web, free_port, stack
from tests.support.recordings import SECRET

FLOOR = "floor"

FIRST_ORDER = 20_000_000
"""The first order id. It is above all ids of the large ledgers, as for the newest orders of a shop."""

FASTEST = 6000
"""The highest rate of any target, in requests a second."""

WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Target:
    """A server under load, and the supply of its requests."""

    name: str
    address: Address
    supply: Supply

    @property
    def url(self) -> str:
        """The base URL of the server."""
        return "http://{}:{}".format(*self.address)

    def prepare(self, bench: Bench) -> None:
        """Prepare enough requests for any load."""
        self.supply.prepare(int(bench.plan.seconds * FASTEST))

    def closed(self, bench: Bench) -> Outcome:
        """Run a closed loop, with the number of parallel requests in the plan."""
        return closed_loop(
            self.address, self.supply, seconds=bench.plan.seconds, at_once=bench.plan.at_once
        )

    def open(self, bench: Bench, rate: int) -> Outcome:
        """Run an open loop of `rate` requests a second."""
        return open_loop(self.address, self.supply, rate=rate, seconds=bench.plan.seconds)


@contextmanager
def services(
    bench: Bench, ledgers: Mapping[str, str], slugs: Sequence[str] = SLUGS, **env: str
) -> Iterator[list[Target]]:
    """Run the floor, and for each name a service on the ledger with that URL, all with the same number of workers.

    New ledgers get their upkeep first: PostgreSQL's query plans are poor until it has counted the rows.
    """
    with ExitStack() as running:
        targets = []
        for name, url in ledgers.items():
            started = running.enter_context(stack(bench.place(name.split()[0]), url))
            started.env |= as_installed(slugs) | env
            web = started.web()
            targets.append(_target(name, web, Supply(deliveries(FIRST_ORDER, slugs=slugs))))
        floor_stack = running.enter_context(stack(bench.place(FLOOR), "sqlite://"))
        all_targets = [_target(FLOOR, _floor(floor_stack), Supply.repeated()), *targets]
        for target in all_targets:
            target.prepare(bench)
            closed_loop(
                target.address, target.supply, seconds=WARM_UP_SECONDS, at_once=bench.plan.at_once
            )
        for url in ledgers.values():
            with closing(Database(url)) as ledger:
                tidy(ledger)
        yield all_targets


def _target(name: str, web: Web, supply: Supply) -> Target:
    host, _, port = web.url.removeprefix("http://").partition(":")
    return Target(name, (host, int(port)), supply)


def _floor(floor_stack: Stack) -> Web:
    """Start the floor. It shares only the number of workers with the settings of the service.

    Its workers are gunicorn's sync workers, the fastest for this.
    """
    bind = f"127.0.0.1:{free_port()}"
    settings = ["--workers", str(workers()), "--worker-class", "sync", "--bind", bind]
    quiet = ["--no-control-socket", "--log-level", "error"]
    command = [sys.executable, "-m", "gunicorn", *settings, *quiet, "tests.bench.floor:app"]
    web = Web(
        command, floor_stack._env(), floor_stack.directory / "floor.log", url=f"http://{bind}"
    )
    floor_stack.started.append(web)
    return web.start()


def as_installed(slugs: Sequence[str] = SLUGS) -> dict[str, str]:
    """The service's default settings where the tests use others, and the settings of the stores."""
    own = {"PUSH_SETTLE_SECONDS": "10", "WEB_CONCURRENCY": str(workers())}
    if tuple(slugs) == SLUGS:
        return own
    for slug in slugs:
        name = f"STORE_{slug.upper()}_"
        own |= {f"{name}URL": f"https://{slug}.example.test", f"{name}CONSUMER_KEY": "ck_test"}
        own |= {f"{name}CONSUMER_SECRET": "cs_test", f"{name}WEBHOOK_SECRETS": SECRET}
    return own | {"STORES": ",".join(slugs)}


@cache
def workers() -> int:
    """The service's default number of workers."""
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "deploy/gunicorn.conf.py",
        "--print-config",
        "wsgi:app",
    ]
    with tempfile.TemporaryDirectory() as place:
        env = Stack(Path(place), f"sqlite:///{place}/ledger.db")._env()
        shown = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True)
    (line,) = (line for line in shown.stdout.decode().splitlines() if line.startswith("workers "))
    return int(line.split("=")[1])
