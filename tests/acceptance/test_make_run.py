"""`make run`, as one types it: a table in which the store holds the same as the ledger, and an end that leaves nothing.

It runs in a clean copy of the project, with nothing installed but what the service declares.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from hooks.counter_files import remove_stale
from hooks.ledger.database import Database
from hooks.ledger.upgrade import upgrade
from tests.acceptance.process_sessions import living, sessions_under
from tests.support.checkout import bare_environment
from tests.support.processes import free_port, until

CLASSES = {"orders-accounting", "unpaid-orders", "customer-accounts"}


@dataclass
class Run:
    """`make run` in a process group of its own, as a shell starts it."""

    child: subprocess.Popen[bytes]
    output: Path
    url: str

    def printed(self) -> str:
        """Return all that it printed."""
        return self.output.read_text(errors="replace")

    def has_ended(self) -> bool:
        """Tell whether `make` itself has ended."""
        return self.child.poll() is not None

    def shows_table(self) -> bool:
        """Tell whether the table is complete, or never will be."""
        return "records; for" in self.printed() or self.has_ended()

    def process(self, *words: str) -> int | None:
        """Return the id of the oldest process under `make` whose command line has these words."""
        for process in psutil.Process(self.child.pid).children(recursive=True):
            try:
                line = process.cmdline()
            except psutil.NoSuchProcess:
                continue
            if set(words) <= set(line):
                return process.pid
        return None


@contextmanager
def make_run(project: Path, output: Path, **variables: str) -> Iterator[Run]:
    """`make run` on a free port, ended at the latest with this block."""
    bind = variables.setdefault("BIND", f"127.0.0.1:{free_port()}")
    env = bare_environment() | {"PUSH_SETTLE_SECONDS": "1"} | variables
    with output.open("wb") as sink:
        child = subprocess.Popen(
            # Started in the background by a script, the suite itself may ignore SIGINT, and hand that on.
            ["env", "--default-signal=INT", "make", "run"],
            cwd=project,
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


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Iterator[Run]:
    """`make run` without a store of one's own, where an environment was left that names a ledger."""
    (tmp_path / "elsewhere").write_text(f"sqlite:///{tmp_path}/file.db")
    variables = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/run.db",
        "DATABASE_URL_FILE": str(tmp_path / "elsewhere"),
    }
    with make_run(installed, tmp_path / "output", **variables) as started:
        yield started


def _interrupt_group(run: Run) -> None:
    os.killpg(run.child.pid, signal.SIGINT)


def _hang_up_group(run: Run) -> None:
    os.killpg(run.child.pid, signal.SIGHUP)


def _kill_group(run: Run) -> None:
    os.killpg(run.child.pid, signal.SIGKILL)


def _interrupt_make(run: Run) -> None:
    run.child.send_signal(signal.SIGINT)


def _terminate_make(run: Run) -> None:
    run.child.send_signal(signal.SIGTERM)


def _kill_make(run: Run) -> None:
    run.child.kill()


def _kill_parent(run: Run) -> None:
    _kill(run.process("deploy.run"))


def _kill_web(run: Run) -> None:
    _kill(run.process("gunicorn"))


def _kill(process: int | None) -> None:
    assert process is not None
    os.kill(process, signal.SIGKILL)


ENDS = [
    _interrupt_group,  # Ctrl-C in a terminal
    _interrupt_make,  # from a program
    _terminate_make,
    _hang_up_group,  # the terminal is closed
    _kill_group,  # out of memory takes any of these
    _kill_make,
    _kill_parent,
    _kill_web,
]


@pytest.mark.parametrize("end", ENDS)
def test_shows_that_the_store_holds_the_same_and_ends_without_a_trace(
    run: Run, end: Callable[[Run], None], tmp_path: Path
) -> None:
    until(run.shows_table, "the table", 150)
    printed = run.printed()
    assert not run.has_ended(), printed
    rows = re.findall(
        r"^(order|customer) (\d+)  +(\w+)  +(\S+)  +(\S+)  +(\S+)  +(.+)$", printed, re.MULTILINE
    )
    counts = re.search(
        r"^(\d+) records; for (\d+) the store holds exactly the schedule", printed, re.MULTILINE
    )
    assert counts is not None, printed
    assert len(rows) == int(counts[1]) == int(counts[2]) > 10, printed
    assert {row[-1] for row in rows} == {"the same"}, printed
    assert {row[0] for row in rows} == {"order", "customer"}
    assert {row[3] for row in rows} - {"-"} == CLASSES
    assert "Traceback" not in printed

    sessions = sessions_under(run.child.pid)
    assert len(sessions) == 4  # make's own, the sandbox store's, the web process's and the worker's
    end(run)
    until(run.has_ended, "make to end")
    until(lambda: living(*sessions) == [], "all processes to end", 60)
    assert "Traceback" not in run.printed()
    # The ledgers that the environment names were never opened.
    assert not list(tmp_path.glob("*.db*"))


@pytest.mark.parametrize("moment", ["deploy.sandbox", "db", "gunicorn", "worker"])
def test_leaves_no_process_where_it_is_killed_while_it_starts(run: Run, moment: str) -> None:
    until(lambda: run.process(moment) is not None or run.has_ended(), f"{moment} to start")
    sessions = sessions_under(run.child.pid)
    _kill_parent(run)
    until(run.has_ended, "make to end")
    until(lambda: living(*sessions) == [], "all processes to end", 60)


def test_serves_a_store_with_the_ledger_that_is_set(installed: Path, tmp_path: Path) -> None:
    store = {
        "STORE_URL": "https://shop.example.test",
        "STORE_CONSUMER_KEY": "ck",
        "STORE_CONSUMER_SECRET": "cs",
    }
    variables = store | {
        "STORE_WEBHOOK_SECRETS": "a secret of this test",
        "DATABASE_URL": f"sqlite:///{tmp_path}/run.db",
    }
    with make_run(installed, tmp_path / "output", **variables) as run:
        until(lambda: "answers on" in run.printed() or run.has_ended(), "the start")
        assert not run.has_ended(), run.printed()
        assert (tmp_path / "run.db").exists()
        _interrupt_group(run)
        until(run.has_ended, "make to end")


def test_a_port_in_use_is_reported_before_anything_starts(installed: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        with make_run(installed, tmp_path / "output", BIND=bind) as run:
            until(run.has_ended, "make to end")
    assert f"Another process listens on {bind}." in run.printed()
    assert "revision" not in run.printed()


@pytest.mark.parametrize("bind", ["192.0.2.1:8000", "no-such-host.invalid:8000"])
def test_an_address_that_is_not_ours_is_reported(
    bind: str, installed: Path, tmp_path: Path
) -> None:
    with make_run(
        installed, tmp_path / "output", BIND=bind, STATUS_TOKEN="a-token-for-the-tests"
    ) as run:
        until(run.has_ended, "make to end")
    assert f"Nothing can listen on {bind}:" in run.printed()
    assert "Traceback" not in run.printed()


def test_a_second_sandbox_leaves_the_ledger_of_the_first_alone(
    installed: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(make_run(installed, tmp_path / "first"))
        until(first.shows_table, "the table", 150)
        second = stack.enter_context(make_run(installed, tmp_path / "second"))
        until(second.has_ended, "the second to end")
        assert "Another `make run` uses the sandbox of this folder." in second.printed()
        assert not first.has_ended(), first.printed()


def test_only_counters_of_ended_processes_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    stale = {
        f"{kind}_{ended.pid}.db"
        for kind in ("counter", "histogram", "summary", "gauge_liveall", "gauge_max")
    }
    kept = {
        f"counter_{os.getpid()}.db",
        "counter_1.db",  # another user's
        f"ledger_{ended.pid}.db",
        f"counter_{ended.pid}.db-wal",
        "retention.db",
        "counter_.db",
    }
    for name in stale | kept:
        (tmp_path / name).touch()
    folder = tmp_path / f"counter_{ended.pid}.db.d"
    folder.mkdir()
    remove_stale(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept | {folder.name}


def test_make_clean_leaves_the_ledger_alone(installed: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "var").mkdir(parents=True)
    (project / "Makefile").write_bytes((installed / "Makefile").read_bytes())
    ledger = Database(f"sqlite:///{project}/var/retention.db")
    upgrade(ledger)
    ledger.close()
    make = ["make", "--directory", str(project)]
    subprocess.run([*make, "clean"], check=True)
    assert (project / "var/retention.db").exists()
    for answer in ("", "no\n", "yes\n"):
        assert subprocess.run(
            [*make, "clean-ledger"], input=answer.encode(), check=False
        ).returncode
        assert (project / "var/retention.db").exists()
    subprocess.run([*make, "clean-ledger"], input=b"delete\n", check=True)
    assert not (project / "var").exists()
