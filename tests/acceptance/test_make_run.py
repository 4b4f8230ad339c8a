"""`make run`, as one types it: a table in which the store holds the same as the ledger, and an end on Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.sessions import living, sessions_under
from tests.support.processes import ROOT, free_port, until

CLASSES = {"orders-accounting", "unpaid-orders", "customer-accounts"}


@dataclass
class Run:
    """`make run` in a process group of its own, as a shell starts it."""

    child: subprocess.Popen[bytes]
    output: Path
    url: str

    def printed(self) -> str:
        """All that it printed."""
        return self.output.read_text(errors="replace")

    def ended(self) -> bool:
        """Whether `make` itself has ended."""
        return self.child.poll() is not None


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """`make run` without a store of one's own, on a free port."""
    bind = f"127.0.0.1:{free_port()}"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("STORE", "COVERAGE", "MAKE"))}
    env |= {
        "BIND": bind,
        "DATABASE_URL": f"sqlite:///{tmp_path}/run.db",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics"),
        "PUSH_SETTLE_SECONDS": "1",
    }
    output = tmp_path / "output"
    with output.open("wb") as sink:
        child = subprocess.Popen(
            # Started in the background by a script, the suite itself may ignore SIGINT, and hand that on.
            ["env", "--default-signal=INT", "make", "run"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    sessions = {child.pid}
    try:
        yield Run(child, output, f"http://{bind}")
    finally:
        sessions |= sessions_under(child.pid)
        for pid in living(*sessions):
            os.kill(pid, signal.SIGKILL)
        child.wait()


def _finished(run: Run) -> bool:
    return "records; for" in run.printed() or run.ended()


@pytest.mark.parametrize(
    ("send", "number"),
    [
        (os.killpg, signal.SIGINT),  # Ctrl-C in a terminal goes to the whole group
        (os.kill, signal.SIGINT),  # from a program, to `make` alone
        (os.kill, signal.SIGTERM),
    ],
    ids=["ctrl-c", "interrupt-make", "terminate-make"],
)
def test_shows_that_the_store_holds_the_same_and_ends_without_a_trace(
    run: Run, send: Callable[[int, int], None], number: int
) -> None:
    until(lambda: _finished(run), "the table", 150)
    printed = run.printed()
    assert not run.ended(), printed
    rows = re.findall(r"^(order|customer) (\d+)  +(\w+)  +(\S+)  +(\S+)  +(\S+)  +(.+)$", printed, re.MULTILINE)
    told = re.search(r"^(\d+) records; for (\d+) the store holds exactly the schedule", printed, re.MULTILINE)
    assert told is not None, printed
    assert len(rows) == int(told[1]) == int(told[2]) > 10, printed
    assert {row[-1] for row in rows} == {"the same"}, printed
    assert {row[0] for row in rows} == {"order", "customer"}
    assert {row[3] for row in rows} - {"-"} == CLASSES
    assert "Traceback" not in printed

    sessions = sessions_under(run.child.pid)
    assert len(sessions) == 4  # make's own, the sandbox store's, the web process's and the worker's
    send(run.child.pid, number)
    until(run.ended, "make to end")
    until(lambda: living(*sessions) == [], "all processes to end", 60)
    assert "Traceback" not in run.printed()
